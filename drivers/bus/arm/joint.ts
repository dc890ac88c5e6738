/** One axis of an arm on a bus: its servo, its model, and how it counts. */
import { ArmloopError } from '../../../src/errors.ts';
import type { DeviceContext } from '../../../src/robot/device.ts';
import { calibrated, JointMap } from './joint-map.ts';

export interface ServoEntry {
  readonly id: number;
  readonly model: string;
  readonly direction: 1 | -1;
  readonly ratio: number;
  readonly zero: number;
  readonly offset: number;
}

/** What of a model every bus has: data sheet, at its voltage. */
export interface ServoModelBase {
  readonly name: string;
  /** By which it says what it is. */
  readonly number: number;
  /** N·m at stall, rad/s without load. */
  readonly stallTorque: number;
  readonly noLoadSpeed: number;
  /** °C at which it lets go, as it comes from the factory. */
  readonly temperatureLimit: number;
}

export interface BusJoint<S extends ServoEntry, M extends ServoModelBase> {
  readonly id: number;
  /** `joint2 (id 3)`. */
  readonly name: string;
  readonly options: S;
  readonly model: M;
  readonly map: JointMap;
}

/** Says that a setting of a servo cannot be. */
export type Refuse = (key: string, value: string | number, rule: string) => never;

/**
 * The joints of a device, in the order of its axes, as calibrated where they are. `unit` is rad per step of a model, `check` looks at what a bus wants
 * beyond that. Throws CONFIG_INVALID.
 */
export function makeJoints<S extends ServoEntry, M extends ServoModelBase>(
  { robot, entry, calibration }: Omit<DeviceContext, 'now'>,
  servos: readonly S[],
  bus: {
    readonly model: (name: string) => M;
    readonly unit: (model: M) => number;
    readonly check: (joint: BusJoint<S, M>, refuse: Refuse) => void;
  },
): BusJoint<S, M>[] {
  const at = `devices[${robot.devices.findIndex((d) => d.name === entry.name)}].options`;
  const refuse = (path: string, value: string | number, rule: string): never => {
    throw new ArmloopError('CONFIG_INVALID', { file: robot.source.file, path: `${at}.${path}`, value, rule });
  };
  if (servos.length !== entry.axes.length) {
    const rule = `there must be one for each of the axes ${entry.axes.join(', ')}`;
    refuse('servos', `${servos.length} servos`, rule);
  }
  return servos.map((servo, i) => {
    const first = servos.findIndex((s) => s.id === servo.id);
    if (first !== i) refuse(`servos[${i}].id`, servo.id, `servos[${first}] has that id already`);
    const axis = robot.axes.find((a) => a.name === entry.axes[i])!;
    const model = bus.model(servo.model);
    const { direction, ratio, zero, offset } = servo;
    const file = { direction, ratio, zero, offset, unit: bus.unit(model) };
    const map = new JointMap(axis, calibrated(file, calibration?.[axis.name]));
    const joint = { id: servo.id, name: `${axis.name} (id ${servo.id})`, options: servo, model, map };
    bus.check(joint, (key, value, rule) => refuse(`servos[${i}].${key}`, value, rule));
    return joint;
  });
}
