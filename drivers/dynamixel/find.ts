/** Finds the servos of a Dynamixel arm by ping. */
import { findServos } from '../bus/arm/find.ts';
import type { Joint } from './joint.ts';
import { modelNumbered } from './models.ts';
import { ping, type Requester } from './requests.ts';

/** Rejects with DEVICE_SILENT, DEVICE_SERVO_MISSING, DEVICE_BUS, DEVICE_SERVO_WRONG. */
export function find({ device, bus }: Requester, joints: readonly Joint[]): Promise<void> {
  const identify = async (id: number) => {
    const { servo, outcome, heard } = await ping(bus, id);
    return { model: servo?.model ?? null, outcome, heard };
  };
  const modelName = (number: number): string | undefined => modelNumbered(number)?.name;
  return findServos({ device, wire: bus.wire, identify, modelName }, joints);
}
