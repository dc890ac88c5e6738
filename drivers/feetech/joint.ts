/** The joints of a Feetech arm. */
import type { DeviceContext } from '../../src/robot/device.ts';
import { deviceOptions } from '../../src/robot/options.ts';
import { type BusJoint, makeJoints } from '../bus/arm/joint.ts';
import { modelNamed, type ServoModel } from './models.ts';
import { type FeetechOptions, feetechOptions, type ServoOptions } from './options.ts';
import { CURRENT_UNIT, LOAD_UNIT, OVERLOAD_UNIT } from './table.ts';

export type Joint = BusJoint<ServoOptions, ServoModel>;

/** Options of a device and the joints that they make. Throws CONFIG_INVALID. */
export function jointsOf(context: Omit<DeviceContext, 'now'>): {
  options: FeetechOptions;
  joints: Joint[];
} {
  const options = deviceOptions(feetechOptions, context.robot, context.entry);
  const first = modelNamed(options.servos[0]!.model)!;
  const joints = makeJoints(context, options.servos, {
    model: (name) => modelNamed(name)!,
    unit: ({ series }) => series.unit,
    check: ({ options: { zero }, model: { name, series }, map }, refuse) => {
      if (series !== first.series) {
        const rule = `all servos of a bus must be of one series, and ${first.name} is of another`;
        refuse('model', name, rule);
      }
      const [low, high] = map.stepLimits;
      if (low < 0 || high >= series.steps) {
        const rule = `the limits of ${map.axis.name} are steps ${low} to ${high}, which takes more than 0 to ${series.steps - 1}: correct zero and offset`;
        refuse('zero', zero, rule);
      }
    },
  });
  return { options, joints };
}

/** Factory values of torque, protection current and overload torque. */
const FREE = { torque: 1, current: 3.25, overload: 0.8 };
/** What keeps a gripper that holds something from burning out: the settings of lerobot's SO arms (Apache-2.0). */
const GUARDED = { torque: 0.5, current: 1.625, overload: 0.25 };

/** Torque and protection of a servo in the units of its table. */
export function guards({ options }: Joint): {
  readonly maxTorque: number;
  readonly protectionCurrent: number;
  readonly overloadTorque: number;
} {
  const usual = options.mode === 'gripper' ? GUARDED : FREE;
  return {
    maxTorque: Math.round((options.torque ?? usual.torque) / LOAD_UNIT),
    protectionCurrent: Math.round((options.current ?? usual.current) / CURRENT_UNIT),
    overloadTorque: Math.round((options.overload ?? usual.overload) / OVERLOAD_UNIT),
  };
}
