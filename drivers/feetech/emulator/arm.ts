/** The emulator of the Feetech arm that a robot file describes. */
import { homeAndLoad, type StartEmulator } from '../../bus/emulator/arm.ts';
import { EmulatorHandle } from '../../bus/emulator/host.ts';
import { type Joint, jointsOf } from '../joint.ts';
import type { EmulatedServoSetup, FeetechBusSetup } from './bus.ts';

const SCRIPT = new URL('./process.js', import.meta.url);

/** The setup of one emulated servo for one joint. */
export function emulatedServo({ id, model, map }: Joint): EmulatedServoSetup {
  const { unit, middle } = model.series;
  const angle = (steps: number): number => (steps - middle) * unit;
  return { id, model: model.name, ...homeAndLoad(map, model.stallTorque, angle) };
}

/** Starts the emulator. Rejects with EMULATOR_IMPOSSIBLE, CONFIG_INVALID. */
export const startArmEmulator: StartEmulator = async (context, line = {}) => {
  const { options, joints } = jointsOf(context);
  const bus: FeetechBusSetup = { servos: joints.map(emulatedServo) };
  return EmulatorHandle.start({ script: SCRIPT, line: { baud: options.baud, ...line }, bus });
};
