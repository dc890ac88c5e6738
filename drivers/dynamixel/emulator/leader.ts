/** The emulator of the Dynamixel leader that a robot file describes: its servos limp at the arm's home pose. */
import type { LeaderContext } from '../../../src/robot/leader.ts';
import { EmulatorHandle } from '../../bus/emulator/host.ts';
import type { LineSetup } from '../../bus/emulator/line.ts';
import { LeaderHands } from '../../bus/leader/hands.ts';
import { leaderServos } from '../leader.ts';
import { POSITION_UNIT, ZERO_STEP } from '../table.ts';
import type { DynamixelBusSetup } from './bus.ts';
import { SCRIPT } from './script.ts';

type Context = Omit<LeaderContext, 'now'>;

const angleOf = (steps: number): number => (steps - ZERO_STEP) * POSITION_UNIT;

/** Hands for the leader of a robot file. Throws CONFIG_INVALID. */
export const leaderHands = (context: Context): LeaderHands =>
  new LeaderHands(context, leaderServos(context).options, angleOf);

/** Starts the emulator. Rejects with EMULATOR_IMPOSSIBLE, CONFIG_INVALID. */
export function startLeaderEmulator(
  context: Context,
  line: Partial<LineSetup> = {},
): Promise<EmulatorHandle> {
  const { joints, options } = leaderServos(context);
  const bus: DynamixelBusSetup = { servos: leaderHands(context).servos(joints) };
  return EmulatorHandle.start({ script: SCRIPT, line: { baud: options.baud, ...line }, bus });
}
