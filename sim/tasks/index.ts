/** The tasks that come with armloop. */
import { ArmloopError } from '../../src/errors.ts';
import type { Task } from '../../src/robot/task.ts';
import { pickCube } from './pick-cube.ts';
import { pickPlaceBin } from './pick-place-bin.ts';
import { push } from './push.ts';
import { reach } from './reach.ts';

export const tasks: readonly Task[] = [reach, pickCube, pickPlaceBin, push];

/** The task of that name. Throws SIM_UNKNOWN_TASK. */
export function taskNamed(name: string): Task {
  const task = tasks.find((t) => t.name === name);
  if (!task)
    throw new ArmloopError('SIM_UNKNOWN_TASK', { task: name, known: tasks.map((t) => t.name).join(', ') });
  return task;
}
