/** The emulator of the Dynamixel arm that a robot file describes. */
import { homeAndLoad, type Mounting, type StartEmulator } from '../../bus/emulator/arm.ts';
import { EmulatorHandle } from '../../bus/emulator/host.ts';
import type { EmulatedServoSetup } from '../../bus/emulator/servo-line.ts';
import { type Joint, jointsOf } from '../joint.ts';
import { POSITION_UNIT, ZERO_STEP } from '../table.ts';
import type { DynamixelBusSetup } from './bus.ts';
import { SCRIPT } from './script.ts';

/** rad at the horn. */
const angle = (steps: number): number => (steps - ZERO_STEP) * POSITION_UNIT;

/** How the servos of a robot file are mounted. */
export const mounting = (context: Parameters<StartEmulator>[0]): Mounting => ({
  joints: jointsOf(context).joints,
  angle,
});

/** The setup of one emulated servo for one joint. */
export function emulatedServo({ id, model, options, map }: Joint): EmulatedServoSetup {
  return { id, model: options.model, ...homeAndLoad(map, model.stallTorque, angle) };
}

/** Starts the emulator. Rejects with EMULATOR_IMPOSSIBLE, CONFIG_INVALID. */
export const startArmEmulator: StartEmulator = async (context, line = {}) => {
  const { options, joints } = jointsOf(context);
  const bus: DynamixelBusSetup = { servos: joints.map(emulatedServo) };
  return EmulatorHandle.start({ script: SCRIPT, line: { baud: options.baud, ...line }, bus });
};
