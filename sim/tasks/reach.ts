/** Bring the tool to a marker in the air. */
import type { Task } from '../../src/robot/task.ts';
import { vary } from './appearance.ts';
import { near, OPEN, putDistance, putNorm, UPRIGHT } from './common.ts';

const tool = new Float64Array(3);
const target = new Float64Array(3);
const speed = new Float64Array(3);

export const reach: Task = {
  name: 'reach',
  text: 'Bring the tool to the marker and hold it there',
  model: 'reach.xml',
  residuals: [
    { name: 'distance', unit: 'm' },
    { name: 'speed', unit: 'm/s' },
  ],
  timeLimit: 10,
  holdTime: 0.5,
  reset(scene, rng) {
    const x = rng.uniform(0.35, 0.6);
    const y = rng.uniform(-0.3, 0.3);
    const z = rng.uniform(0.1, 0.35);
    scene.mark('target', [x, y, z], UPRIGHT);
    vary(scene, rng);
  },
  residual(view, out) {
    view.position('tool', tool);
    view.position('target', target);
    view.velocity('tool', speed);
    putDistance(tool, target, out, 0);
    putNorm(speed, out, 1);
  },
  reward: (r) => near(r[0]!, 0.1),
  condition: (_, r) => r[0]! < 0.02 && r[1]! < 0.1,
  phases: [
    {
      name: 'reach',
      at: 'target',
      offset: [0, 0, 0],
      turn: 'keep',
      opening: OPEN,
      seconds: 0.8,
      spread: { level: 0.008, height: 0.008 },
      free: true,
    },
    { name: 'hold', at: 'target', offset: [0, 0, 0], turn: 'keep', opening: OPEN, seconds: 1, free: true },
  ],
};
