/** The emulator of the Feetech leader that a robot file describes: its servos limp at the arm's home pose. */
import type { LeaderContext } from '../../../src/robot/leader.ts';
import { EmulatorHandle } from '../../bus/emulator/host.ts';
import type { LineSetup } from '../../bus/emulator/line.ts';
import { LeaderHands } from '../../bus/leader/hands.ts';
import { leaderServos } from '../leader.ts';
import { STS_SERIES } from '../models.ts';
import { angleOf } from './arm.ts';
import type { FeetechBusSetup } from './bus.ts';
import { SCRIPT } from './script.ts';

type Context = Omit<LeaderContext, 'now'>;

/** Hands for the leader of a robot file. Throws CONFIG_INVALID. */
export const leaderHands = (context: Context): LeaderHands =>
  new LeaderHands(context, leaderServos(context).options, angleOf(STS_SERIES));

/** Starts the emulator. Rejects with EMULATOR_IMPOSSIBLE, CONFIG_INVALID. */
export function startLeaderEmulator(
  context: Context,
  line: Partial<LineSetup> = {},
): Promise<EmulatorHandle> {
  const { joints, options } = leaderServos(context);
  const bus: FeetechBusSetup = { servos: leaderHands(context).servos(joints) };
  return EmulatorHandle.start({ script: SCRIPT, line: { baud: options.baud, ...line }, bus });
}
