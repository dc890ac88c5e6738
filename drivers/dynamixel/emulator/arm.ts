/** The emulator of the arm that a robot file describes: as many servos, of the same models, at the home pose. */
import type { EmulatorFactory } from '../../../src/robot/device.ts';
import { EmulatorHandle } from '../../bus/emulator/host.ts';
import type { LineSetup } from '../../bus/emulator/line.ts';
import { type Joint, jointsOf } from '../joint.ts';
import { POSITION_UNIT, ZERO_STEP } from '../table.ts';
import type { DynamixelBusSetup, EmulatedServoSetup } from './bus.ts';

const SCRIPT = new URL('./process.js', import.meta.url);

/** Inertia (kg·m²) that a servo of 1 N·m stall torque carries here, and the most that an arm's first joint does. */
const INERTIA = 0.004;
/** Part of the stall torque: friction of the gear, and what gravity pulls with at most. */
const FRICTION = 0.03;
const GRAVITY = 0.02;
/** How far beyond the limits of an axis its end stops are, rad of the servo. */
const STOP = 0.15;

/** The setup of one emulated servo for one joint. */
export function emulatedServo({ id, model, options, map }: Joint): EmulatedServoSetup {
  const [low, high] = map.stepLimits;
  const angle = (steps: number): number => (steps - ZERO_STEP) * POSITION_UNIT;
  const home = angle(map.steps(map.axis.home));
  return {
    id,
    model: options.model,
    angle: home,
    load: {
      inertia: INERTIA * Math.max(0.5, model.stallTorque),
      friction: FRICTION * model.stallTorque,
      gravity: GRAVITY * model.stallTorque,
      rest: 0,
      stops: [angle(low) - STOP, angle(high) + STOP],
    },
  };
}

/** Starts the emulator. Rejects with EMULATOR_IMPOSSIBLE, CONFIG_INVALID. */
export async function startArmEmulator(
  context: Parameters<EmulatorFactory>[0],
  line: Partial<LineSetup> = {},
): Promise<EmulatorHandle> {
  const { options, joints } = jointsOf(context);
  const bus: DynamixelBusSetup = { servos: joints.map(emulatedServo) };
  return EmulatorHandle.start({ script: SCRIPT, line: { baud: options.baud, ...line }, bus });
}

export const emulateArm: EmulatorFactory = async (context) => {
  const emulator = await startArmEmulator(context);
  const { entry } = context;
  return {
    entry: { ...entry, options: { ...entry.options, port: emulator.port } },
    words: `${jointsOf(context).joints.length} emulated servos on ${emulator.port}`,
    [Symbol.asyncDispose]: () => emulator[Symbol.asyncDispose](),
  };
};
