/** The joints of a Dynamixel arm. */

import type { DeviceContext } from '../../src/robot/device.ts';
import { deviceOptions } from '../../src/robot/options.ts';
import { type BusJoint, makeJoints } from '../bus/arm/joint.ts';
import { modelNamed, type ServoModel } from './models.ts';
import { type DynamixelOptions, dynamixelOptions, type ServoOptions } from './options.ts';
import { POSITION_UNIT, STEPS } from './table.ts';

export type Joint = BusJoint<ServoOptions, ServoModel>;

/** Options of a device and the joints that they make, as calibrated where they are. Throws CONFIG_INVALID. */
export function jointsOf(context: Omit<DeviceContext, 'now'>): {
  options: DynamixelOptions;
  joints: Joint[];
} {
  const options = deviceOptions(dynamixelOptions, context.robot, context.entry);
  const joints = makeJoints(context, options.servos, {
    model: (name) => modelNamed(name)!,
    unit: () => POSITION_UNIT,
    check: ({ options, model, map }, refuse) => {
      const { mode } = options;
      const [low, high] = map.stepLimits;
      if (mode === 'position' && (low < 0 || high >= STEPS)) {
        const mend =
          context.calibration === undefined ? 'correct zero and offset' : 'mount its horn another way round';
        const rule = `the limits of ${map.axis.name} are steps ${low} to ${high}, which takes more than its one turn: ${mend}, or use the mode extended`;
        refuse('mode', mode, rule);
      }
      if (mode === 'torque') {
        const { name, kp, kd } = map.axis;
        if (!options.mayFall) {
          const rule =
            'a servo in that mode has no torque as soon as commands end: say mayFall where nothing can be harmed';
          refuse('mayFall', 'false', rule);
        }
        if (kp === 0 || kd === 0) refuse('mode', mode, `the axis ${name} needs kp and kd for it`);
      }
      if ((mode === 'current' || mode === 'torque') && model.currentLimit === null) {
        refuse('mode', mode, `a ${model.name} does not measure its current`);
      }
    },
  });
  return { options, joints };
}
