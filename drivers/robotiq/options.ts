/** Settings of a Robotiq gripper in the robot file, and what they make of its axis. */
import Type from 'typebox';
import { ArmloopError } from '../../src/errors.ts';
import type { DeviceContext } from '../../src/robot/device.ts';
import { deviceOptions } from '../../src/robot/options.ts';
import { JointMap } from '../bus/arm/joint-map.ts';
import { CLOSED, countOf, FORCE, OPEN, SPEED, STROKE } from './registers.ts';

const whole = (minimum: number, maximum: number, value: number, description: string) =>
  Type.Integer({ minimum, maximum, default: value, description });

export const robotiqOptions = Type.Object(
  {
    port: Type.String({
      minLength: 1,
      description:
        'A path, `serial:NUMBER` of the USB adapter (survives a replug), or `auto` for the only one there is.',
    }),
    slave: whole(1, 247, 9, 'Slave number of the gripper.'),
    baud: Type.Enum([9600, 19_200, 38_400, 57_600, 115_200], {
      default: 115_200,
      description: 'Baud rate of the gripper, 8N1.',
    }),
    rateHz: Type.Number({ minimum: 1, maximum: 150, default: 100, description: 'States a second.' }),
    patienceMs: Type.Number({
      minimum: 1,
      maximum: 1000,
      default: 20,
      description: 'How much longer than on the wire an answer may take.',
    }),
    misses: whole(
      2,
      1000,
      20,
      'Cycles in a row without a good answer after which the gripper counts as lost.',
    ),
    stroke: Type.Number({
      exclusiveMinimum: 0,
      maximum: 0.2,
      default: STROKE,
      description: 'Opening between the counts `open` and `closed`, m.',
    }),
    open: whole(0, 255, OPEN, 'Count at which its fingers are open.'),
    closed: whole(0, 255, CLOSED, 'Count at which its fingers meet.'),
    force: Type.Optional(
      Type.Number({
        minimum: FORCE[0],
        maximum: FORCE[1],
        description: 'Force with which it grips, N. Default: the effort of its axis.',
      }),
    ),
    activate: Type.Enum(['beforehand', 'when-armed'], {
      default: 'beforehand',
      description:
        'An activation opens and closes the fingers all the way. beforehand: by `armloop driver robotiq activate`; without it the rig does not arm. when-armed: the rig does it, where it is needed.',
    }),
  },
  { additionalProperties: false },
);
export type RobotiqOptions = Type.Static<typeof robotiqOptions>;

export interface Jaw {
  readonly options: RobotiqOptions;
  readonly map: JointMap;
  /** N. */
  readonly force: number;
  /** Counts of speed and force that go with every position. */
  readonly speedCount: number;
  readonly forceCount: number;
}

/** Throws CONFIG_INVALID. */
export function jawOf({ robot, entry }: Omit<DeviceContext, 'now'>): Jaw {
  const options = deviceOptions(robotiqOptions, robot, entry);
  const at = `devices[${robot.devices.findIndex((d) => d.name === entry.name)}]`;
  const refuse = (path: string, value: string | number, rule: string): never => {
    throw new ArmloopError('CONFIG_INVALID', { file: robot.source.file, path, value, rule });
  };
  if (entry.axes.length !== 1) {
    refuse(`${at}.axes`, entry.axes.join(', '), 'a Robotiq gripper has one axis');
  }
  const { open, closed, stroke } = options;
  if (closed <= open) refuse(`${at}.options.closed`, closed, `it must be above open, which is ${open}`);
  const index = robot.axes.findIndex((a) => a.name === entry.axes[0]);
  const axis = robot.axes[index]!;
  const bad = (key: 'type' | 'velocity' | 'effort' | 'max' | 'min', rule: string): never =>
    refuse(`axes[${index}].${key}`, axis[key], rule);
  if (axis.type !== 'prismatic') bad('type', 'the axis of a gripper is prismatic: its opening in m');
  if (axis.min < 0) bad('min', 'an opening is not below 0');
  if (axis.max > stroke + 1e-9) bad('max', `the gripper opens by ${stroke} m (devices[].options.stroke)`);
  if (axis.velocity > SPEED[1]) bad('velocity', `its fingers go at ${SPEED[1]} m/s at most`);
  const force = options.force ?? Math.min(axis.effort, FORCE[1]);
  if (force < FORCE[0]) bad('effort', `it grips with ${FORCE[0]} N at least`);
  if (force > axis.effort) {
    refuse(`${at}.options.force`, force, `the effort of ${axis.name} is ${axis.effort} N`);
  }
  // Opening falls as the count grows.
  const unit = stroke / (closed - open);
  const map = new JointMap(axis, { direction: -1, ratio: unit, zero: closed, offset: 0, unit: 1 });
  return {
    options,
    map,
    force,
    speedCount: countOf(SPEED, axis.velocity),
    forceCount: countOf(FORCE, force),
  };
}
