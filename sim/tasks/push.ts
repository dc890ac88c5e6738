/** Push the puck onto a marked disc. */
import type { Task } from '../../src/robot/task.ts';
import { vary } from './appearance.ts';
import { near, putDistance, putNorm, UPRIGHT } from './common.ts';

const PUCK_HALF = 0.025;
const tool = new Float64Array(3);
const puck = new Float64Array(3);
const target = new Float64Array(3);
const speed = new Float64Array(3);

export const push: Task = {
  name: 'push',
  text: 'Push the blue puck onto the marked disc',
  model: 'push.xml',
  residuals: [
    { name: 'tool to puck', unit: 'm' },
    { name: 'puck to target', unit: 'm' },
    { name: 'puck speed', unit: 'm/s' },
  ],
  timeLimit: 30,
  holdTime: 0.5,
  modelled: true,
  reset(scene, rng) {
    const x = rng.uniform(0.4, 0.55);
    const y = rng.uniform(-0.15, 0.15);
    const heading = rng.uniform(-Math.PI / 3, Math.PI / 3);
    const far = rng.uniform(0.1, 0.16);
    scene.place('puck', [x, y, PUCK_HALF], UPRIGHT);
    scene.mark('target', [x + far * Math.cos(heading), y + far * Math.sin(heading), 0.001], UPRIGHT);
    vary(scene, rng);
  },
  residual(view, out) {
    view.position('tool', tool);
    view.position('puck', puck);
    view.position('target', target);
    view.velocity('puck', speed);
    putDistance(tool, puck, out, 0);
    puck[2] = target[2]!;
    putDistance(puck, target, out, 1);
    putNorm(speed, out, 2);
  },
  reward: (r) => 0.2 * near(r[0]!, 0.1) + 0.8 * near(r[1]!, 0.05),
  condition: (_, r) => r[1]! < 0.02 && r[2]! < 0.01,
};
