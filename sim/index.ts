/** The simulated rig: what the composition root loads for the kind `sim`. */
import { ArmloopError } from '../src/errors.ts';
import type { LockstepFactory } from '../src/robot/device.ts';
import type { PlantFactory } from '../src/robot/plant.ts';
import { SimDevice } from './device.ts';
import { mujoco } from './mujoco.ts';
import { PushPlant } from './push-plant.ts';
import { MujocoStepModel, type MujocoStepOptions } from './step-model.ts';
import { taskNamed } from './tasks/index.ts';

export { taskNamed, tasks } from './tasks/index.ts';

/**
 * Makes the simulated device of a rig: scene and task from `robot.sim`, first scene drawn from `seed`.
 * Rejects with CONFIG_INVALID, SIM_UNKNOWN_TASK, SIM_MODEL_INVALID, SIM_UNKNOWN_NAME.
 */
export const createLockstepDevice: LockstepFactory = async (context) => {
  const { robot, entry } = context;
  const option = Object.keys(entry.options)[0];
  if (option !== undefined) {
    throw new ArmloopError('CONFIG_INVALID', {
      file: robot.source.file,
      path: `devices.${entry.name}.options.${option}`,
      value: JSON.stringify(entry.options[option]),
      rule: 'a simulated device has no options; scene, seed and timestep stand under sim',
    });
  }
  const task = taskNamed(robot.sim?.task ?? 'reach');
  return new SimDevice(await mujoco(), context, task);
};

/** The model that planners have of the scene of `robot.sim`; null for tasks in which the arm touches nothing in the plan. */
export const createPlant: PlantFactory = async (robot) =>
  robot.sim?.task === 'push' ? new PushPlant(await mujoco(), robot) : null;

/** Any MuJoCo model, contacts included, as the model of a planner. Rejects with SIM_MODEL_INVALID. The caller disposes of it. */
export const createStepModel = async (options: MujocoStepOptions): Promise<MujocoStepModel> =>
  new MujocoStepModel(await mujoco(), options);
