/** The emulator of the Feetech arm that a robot file describes. */
import { homeAndLoad, type Mounting, type StartEmulator } from '../../bus/emulator/arm.ts';
import { EmulatorHandle } from '../../bus/emulator/host.ts';
import { type Joint, jointsOf } from '../joint.ts';
import type { Series } from '../models.ts';
import type { EmulatedServoSetup, FeetechBusSetup } from './bus.ts';
import { SCRIPT } from './script.ts';

/** From steps to rad at the horn. */
export const angleOf =
  ({ unit, middle }: Series) =>
  (steps: number): number =>
    (steps - middle) * unit;

/** How the servos of a robot file are mounted. */
export const mounting = (context: Parameters<StartEmulator>[0]): Mounting => {
  const { joints } = jointsOf(context);
  return { joints, angle: angleOf(joints[0]!.model.series) };
};

/** The setup of one emulated servo for one joint. */
export function emulatedServo({ id, model, map }: Joint): EmulatedServoSetup {
  return { id, model: model.name, ...homeAndLoad(map, model.stallTorque, angleOf(model.series)) };
}

/** Starts the emulator. Rejects with EMULATOR_IMPOSSIBLE, CONFIG_INVALID. */
export const startArmEmulator: StartEmulator = async (context, line = {}) => {
  const { options, joints } = jointsOf(context);
  const bus: FeetechBusSetup = { servos: joints.map(emulatedServo) };
  return EmulatorHandle.start({ script: SCRIPT, line: { baud: options.baud, ...line }, bus });
};
