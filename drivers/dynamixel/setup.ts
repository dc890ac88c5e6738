/** Sets the servos of an arm up as its robot file says. */
import { ArmloopError } from '../../src/errors.ts';
import type { Joint } from './joint.ts';
import { type Requester, readBytes, readItem, setItem, writeBytes } from './requests.ts';
import {
  bytesOf,
  hardwareErrorWords,
  type Item,
  type ItemName,
  OperatingMode,
  RAM_START,
  X,
} from './table.ts';

/** What says which goal a servo has: four bytes in any mode. */
const GOAL = {
  position: [X.goalPosition],
  extended: [X.goalPosition],
  current: [X.goalPosition],
  velocity: [X.goalVelocity],
  torque: [X.goalCurrent, X.goalPwm],
} as const satisfies Record<Joint['options']['mode'], readonly Item[]>;

/**
 * What is read of every servo in each cycle, in this order. Whole items: the manual wants that of items of more than two
 * bytes ("Indirect Address").
 */
const stateItems = (joint: Joint): readonly Item[] => [
  // Never 0 here: a servo that started anew has forgotten where its state is gathered, and sends zeros.
  X.statusReturnLevel,
  X.torqueEnable,
  X.hardwareError,
  X.presentCurrent,
  X.presentVelocity,
  X.presentPosition,
  ...GOAL[joint.options.mode],
];
/** What the first of them is. */
export const STATUS_LEVEL = 2;
/** The same for every mode. */
export const STATE_BYTES = 17;

const MODES = {
  position: OperatingMode.position,
  extended: OperatingMode.extendedPosition,
  current: OperatingMode.currentPosition,
  velocity: OperatingMode.velocity,
  torque: OperatingMode.current,
} as const;

/** Sets one servo up as the robot file says. Torque stays as it is. Rejects with DEVICE_SERVO_FAULT, DEVICE_SERVO_WRONG, DEVICE_BUS. */
export async function setUp(to: Requester, joint: Joint): Promise<void> {
  const { device } = to;
  const { id, name, options, model, map } = joint;
  const error = await readItem(to, id, X.hardwareError);
  if (error !== 0) {
    throw new ArmloopError('DEVICE_SERVO_FAULT', { device, servo: name, fault: hardwareErrorWords(error) });
  }
  const torque = (await readItem(to, id, X.torqueEnable)) === 1;
  const [low, high] = map.stepLimits;
  const current =
    model.currentUnit === null || options.current === undefined
      ? null
      : Math.round(options.current / model.currentUnit);
  const wanted: Partial<Record<ItemName, number>> = {
    returnDelay: 0,
    operatingMode: MODES[options.mode],
    // Direction and profile as they are understood here: counter-clockwise counts up, profiles are of velocity.
    driveMode: 0,
    ...(options.mode === 'position' ? { minPositionLimit: low, maxPositionLimit: high } : {}),
    ...(current === null || options.mode === 'current'
      ? {}
      : { currentLimit: Math.min(current, model.currentLimit!) }),
    statusReturnLevel: STATUS_LEVEL,
    positionP: options.p,
    positionI: options.i,
    positionD: options.d,
    feedforward1: options.feedforward,
    ...(options.mode === 'velocity' ? { velocityP: options.velocityP, velocityI: options.velocityI } : {}),
  };
  for (const [key, value] of Object.entries(wanted)) await setting(to, joint, key as ItemName, value, torque);
  if (options.mode === 'current') {
    const grip = current ?? (await readItem(to, id, X.currentLimit));
    await setting(to, joint, 'goalCurrent', grip, torque);
  }
  await mapState(to, joint);
  await checkPlace(to, joint);
}

async function setting(
  to: Requester,
  { id, name }: Joint,
  key: ItemName,
  value: number,
  torque: boolean,
): Promise<void> {
  const item = X[key];
  const is = await readItem(to, id, item);
  if (is === value) return;
  const wrong = (problem: string): ArmloopError =>
    new ArmloopError('DEVICE_SERVO_WRONG', { device: to.device, servo: name, problem });
  if (torque && item.address < RAM_START) {
    throw wrong(
      `has ${key} ${is} instead of ${value}, which can only be changed with torque off: park it and turn torque off first`,
    );
  }
  if (!(await setItem(to, id, item, value))) throw wrong(`does not keep ${key} ${value}`);
}

/** Gathers what is read in each cycle into one place. */
async function mapState(to: Requester, joint: Joint): Promise<void> {
  const { id, name, model } = joint;
  const map = stateMap(joint);
  await writeBytes(to, id, model.indirect.address, map);
  const is = await readBytes(to, id, model.indirect.address, map.length);
  if (is.every((byte, i) => byte === map[i])) return;
  throw new ArmloopError('DEVICE_SERVO_WRONG', {
    device: to.device,
    servo: name,
    problem: 'does not keep its indirect addresses: its firmware may be too old',
  });
}

/** Bytes of the indirect addresses. */
export function stateMap(joint: Joint): Uint8Array {
  const addresses = stateItems(joint).flatMap(({ address, size }) =>
    Array.from({ length: size }, (_, i) => address + i),
  );
  return Uint8Array.from(addresses.flatMap((address) => [...bytesOf(address, 2)]));
}

/** Steps beyond the limits of an axis that a servo may be found at. */
const SLACK = 60;

/** A servo that counts turns forgets them without power: then it is somewhere else than it says. */
async function checkPlace(to: Requester, { id, name, options, map }: Joint): Promise<void> {
  if (options.mode === 'position') return;
  const steps = await readItem(to, id, X.presentPosition);
  const [low, high] = map.stepLimits;
  if (steps >= low - SLACK && steps <= high + SLACK) return;
  throw new ArmloopError('DEVICE_SERVO_WRONG', {
    device: to.device,
    servo: name,
    problem: `is at step ${steps}, outside of its limits ${low} to ${high}: without power it forgets whole turns, so move it by hand or correct zero`,
  });
}
