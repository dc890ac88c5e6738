/** Sets the servos of an arm up as its robot file says. */
import { ArmloopError } from '../../src/errors.ts';
import { guards, type Joint } from './joint.ts';
import { type Requester, readItem, setItem } from './requests.ts';
import { Fault, faultWords, type ItemName, OperatingMode, Phase, RAM_START } from './table.ts';

/**
 * Acceleration of a servo that was set up, the most there is. At power-on it is 0: a servo that started anew is known by
 * that in each cycle.
 */
export const ACCELERATION = 254;

/** Faults that keep an arm from being used. A gripper may be holding something: then its overload is none. */
export function faultsOf({ options }: Joint, status: number): number {
  return options.mode === 'gripper' ? status & ~Fault.overload : status;
}

/** Goal speed that no goal is ever faster than: the most that the servo can turn at, in steps/s. */
export function fastest({ model }: Joint): number {
  return Math.min(32_000, Math.round((1.3 * model.noLoadSpeed) / model.series.unit));
}

/** Sets one servo up. Torque stays as it is. Rejects with DEVICE_SERVO_FAULT, DEVICE_SERVO_WRONG, DEVICE_BUS. */
export async function setUp(to: Requester, joint: Joint): Promise<void> {
  const { id, name, options, model, map } = joint;
  const { table, order } = model.series;
  const fault = faultsOf(joint, await readItem(to, id, table.status, order));
  if (fault !== 0) {
    throw new ArmloopError('DEVICE_SERVO_FAULT', {
      device: to.device,
      servo: name,
      fault: faultWords(fault),
    });
  }
  const torque = (await readItem(to, id, table.torqueEnable, order)) === 1;
  const [low, high] = map.stepLimits;
  const phase = await readItem(to, id, table.phase, order);
  const { maxTorque, protectionCurrent, overloadTorque } = guards(joint);
  const wanted: Partial<Record<ItemName, number>> = {
    responseLevel: 1,
    returnDelay: 0,
    // Positions within one turn, speeds in steps/s: as they are understood here.
    phase: (phase & ~Phase.turns) | Phase.fineSpeed,
    operatingMode: OperatingMode.position,
    // A leader's joints may be anywhere.
    minPosition: Math.max(0, low),
    maxPosition: Math.min(model.series.steps - 1, high),
    positionP: options.p,
    positionI: options.i,
    positionD: options.d,
    maxTorque,
    protectionCurrent,
    overloadTorque,
    torqueLimit: maxTorque,
    acceleration: ACCELERATION,
    goalTime: 0,
    goalSpeed: fastest(joint),
    lock: 1,
  };
  for (const [key, value] of Object.entries(wanted)) await setting(to, joint, key as ItemName, value, torque);
}

/** Writes one value where it differs, and reads it back. Names that the series does not have are left out. */
async function setting(
  to: Requester,
  { id, name, model }: Joint,
  key: ItemName,
  value: number,
  torque: boolean,
): Promise<void> {
  const item = model.series.table[key];
  if (item === undefined) return;
  const is = await readItem(to, id, item, model.series.order);
  if (is === value) return;
  const wrong = (problem: string): ArmloopError =>
    new ArmloopError('DEVICE_SERVO_WRONG', { device: to.device, servo: name, problem });
  if (torque && item.address < RAM_START) {
    throw wrong(
      `has ${key} ${is} instead of ${value}, which is only changed with torque off: park it and turn torque off first`,
    );
  }
  if (!(await setItem(to, id, item, value, model.series))) throw wrong(`does not keep ${key} ${value}`);
}
