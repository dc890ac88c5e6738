/** One axis of a Dynamixel arm: its servo, its model, and how it counts. */
import { ArmloopError } from '../../src/errors.ts';
import type { DeviceContext } from '../../src/robot/device.ts';
import { deviceOptions } from '../../src/robot/options.ts';
import { JointMap } from '../bus/arm/joint-map.ts';
import { modelNamed, type ServoModel } from './models.ts';
import { type DynamixelOptions, dynamixelOptions, type ServoOptions } from './options.ts';
import { POSITION_UNIT, STEPS } from './table.ts';

export interface Joint {
  readonly id: number;
  /** `joint2 (id 3)`. */
  readonly name: string;
  readonly options: ServoOptions;
  readonly model: ServoModel;
  readonly map: JointMap;
}

/** Options of a device and the joints that they make. Throws CONFIG_INVALID. */
export function jointsOf({ robot, entry }: Omit<DeviceContext, 'now'>): {
  options: DynamixelOptions;
  joints: Joint[];
} {
  const options = deviceOptions(dynamixelOptions, robot, entry);
  const at = `devices[${robot.devices.findIndex((d) => d.name === entry.name)}].options`;
  const refuse = (path: string, value: string | number, rule: string): never => {
    throw new ArmloopError('CONFIG_INVALID', { file: robot.source.file, path: `${at}.${path}`, value, rule });
  };
  const { servos } = options;
  if (servos.length !== entry.axes.length) {
    refuse(
      'servos',
      `${servos.length} servos`,
      `there must be one for each of the axes ${entry.axes.join(', ')}`,
    );
  }
  const joints = servos.map((servo, i): Joint => {
    const first = servos.findIndex((s) => s.id === servo.id);
    if (first !== i) refuse(`servos[${i}].id`, servo.id, `servos[${first}] has that id already`);
    const axis = robot.axes.find((a) => a.name === entry.axes[i])!;
    const { direction, ratio, zero, offset } = servo;
    const map = new JointMap(axis, { direction, ratio, zero, offset, unit: POSITION_UNIT });
    const [low, high] = map.stepLimits;
    if (servo.mode === 'position' && (low < 0 || high >= STEPS)) {
      const rule = `the limits of ${axis.name} are steps ${low} to ${high}, which takes more than its one turn: correct zero and offset, or use the mode extended`;
      refuse(`servos[${i}].mode`, servo.mode, rule);
    }
    const model = modelNamed(servo.model)!;
    if (servo.mode === 'current' && model.currentLimit === null) {
      refuse(`servos[${i}].mode`, servo.mode, `a ${model.name} does not measure its current`);
    }
    return { id: servo.id, name: `${axis.name} (id ${servo.id})`, options: servo, model, map };
  });
  return { options, joints };
}
