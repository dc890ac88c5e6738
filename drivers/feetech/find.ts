/** Finds the servos of a Feetech arm by their model numbers. */
import { findServos } from '../bus/arm/find.ts';
import type { Joint } from './joint.ts';
import { modelNumbered } from './models.ts';
import { identify, type Requester } from './requests.ts';

/** Rejects with DEVICE_SILENT, DEVICE_SERVO_MISSING, DEVICE_BUS, DEVICE_SERVO_WRONG. */
export function find({ device, bus }: Requester, joints: readonly Joint[]): Promise<void> {
  const modelName = (number: number): string | undefined => modelNumbered(number)?.name;
  return findServos({ device, wire: bus.wire, identify: (id) => identify(bus, id), modelName }, joints);
}
