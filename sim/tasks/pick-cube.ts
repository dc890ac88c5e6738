/** Lift the cube off the table and hold it up. */
import type { Task } from '../../src/robot/task.ts';
import { CUBE_HALF, graspCube, liftCube, near, putDistance, putNorm, spawnCube } from './common.ts';

const LIFT = 0.1;
const tool = new Float64Array(3);
const cube = new Float64Array(3);
const speed = new Float64Array(3);

export const pickCube: Task = {
  name: 'pick-cube',
  text: 'Pick up the red cube and lift it',
  model: 'pick-cube.xml',
  residuals: [
    { name: 'tool to cube', unit: 'm' },
    { name: 'lift still missing', unit: 'm' },
    { name: 'cube speed', unit: 'm/s' },
    { name: 'opening', unit: 'm' },
  ],
  timeLimit: 30,
  holdTime: 1,
  reset: spawnCube,
  residual(view, out) {
    view.position('tool', tool);
    view.position('cube', cube);
    view.velocity('cube', speed);
    putDistance(tool, cube, out, 0);
    out[1] = Math.max(0, CUBE_HALF + LIFT - cube[2]!);
    putNorm(speed, out, 2);
    out[3] = view.opening;
  },
  reward: (r) => 0.5 * near(r[0]!, 0.1) + 0.5 * (1 - r[1]! / LIFT),
  // In the hand, not thrown.
  condition: (_, r) => r[1]! <= 0 && r[0]! < 0.03,
  phases: [...graspCube, { ...liftCube, seconds: 0.8 }, { ...liftCube, name: 'hold', seconds: 1.3 }],
};
