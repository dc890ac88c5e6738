/** Put the cube from the table into the target bin. */
import type { Task } from '../../src/robot/task.ts';
import {
  CLOSED,
  CUBE_HALF,
  graspCube,
  liftCube,
  near,
  OPEN,
  putDistance,
  putNorm,
  spawnCube,
} from './common.ts';

/** Inner half width and wall height of the bin (models/bins.xml). */
const INNER = 0.114;
const WALL = 0.06;
const tool = new Float64Array(3);
const cube = new Float64Array(3);
const bin = new Float64Array(3);
const speed = new Float64Array(3);

export const pickPlaceBin: Task = {
  name: 'pick-place-bin',
  text: 'Put the red cube into the green bin',
  model: 'pick-place-bin.xml',
  residuals: [
    { name: 'tool to cube', unit: 'm' },
    { name: 'cube to bin, level', unit: 'm' },
    { name: 'cube above bin floor', unit: 'm' },
    { name: 'cube speed', unit: 'm/s' },
    { name: 'opening', unit: 'm' },
  ],
  timeLimit: 45,
  holdTime: 0.5,
  reset: spawnCube,
  residual(view, out) {
    view.position('tool', tool);
    view.position('cube', cube);
    view.position('target_bin', bin);
    view.velocity('cube', speed);
    putDistance(tool, cube, out, 0);
    out[1] = Math.max(Math.abs(cube[0]! - bin[0]!), Math.abs(cube[1]! - bin[1]!));
    out[2] = cube[2]! - bin[2]!;
    putNorm(speed, out, 3);
    out[4] = view.opening;
  },
  reward: (r) => 0.3 * near(r[0]!, 0.1) + 0.7 * near(r[1]!, 0.2),
  phases: [
    ...graspCube,
    { ...liftCube, seconds: 0.7 },
    {
      name: 'carry',
      at: 'target_bin',
      offset: [0, 0, 0.19],
      turn: 'keep',
      opening: CLOSED,
      seconds: 0.9,
      spread: { level: 0.03, height: 0.02 },
      free: true,
    },
    {
      name: 'lower',
      at: 'target_bin',
      offset: [0, 0, 0.09],
      turn: 'keep',
      opening: CLOSED,
      seconds: 0.6,
      spread: { level: 0.02 },
      free: false,
    },
    {
      name: 'open',
      at: 'target_bin',
      offset: [0, 0, 0.09],
      turn: 'keep',
      opening: OPEN,
      seconds: 0.3,
      spread: { level: 0.02 },
      free: false,
    },
    {
      name: 'retreat',
      at: 'target_bin',
      offset: [0, 0, 0.2],
      turn: 'keep',
      opening: OPEN,
      seconds: 0.6,
      spread: { level: 0.03, height: 0.03 },
      free: true,
    },
    {
      name: 'wait',
      at: 'target_bin',
      offset: [0, 0, 0.2],
      turn: 'keep',
      opening: OPEN,
      seconds: 0.5,
      free: true,
    },
  ],
  // Inside the walls, at rest, and let go.
  condition: (_, r) => r[1]! < INNER - CUBE_HALF / 2 && r[2]! < WALL && r[3]! < 0.01 && r[0]! > 2 * CUBE_HALF,
};
