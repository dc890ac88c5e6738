/** The tasks that come with armloop, by name. */
import { ArmloopError } from '../../src/errors.ts';
import type { Task } from '../../src/robot/task.ts';
import { pickCube } from './pick-cube.ts';
import { pickPlaceBin } from './pick-place-bin.ts';
import { push } from './push.ts';
import { reach } from './reach.ts';

export const tasks: ReadonlyMap<string, Task> = new Map(
  [reach, pickCube, pickPlaceBin, push].map((task) => [task.name, task]),
);

/** The task of that name. Throws SIM_UNKNOWN_TASK. */
export function taskNamed(name: string): Task {
  const task = tasks.get(name);
  if (!task) throw new ArmloopError('SIM_UNKNOWN_TASK', { task: name, known: [...tasks.keys()].join(', ') });
  return task;
}
