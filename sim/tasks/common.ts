/** What several tasks share: where things are drawn, and small measures. */
import type { Rng } from '../../src/math/rng.ts';
import type { TaskPhase, TaskScene } from '../../src/robot/task.ts';
import { cubeAndBins, vary } from './appearance.ts';

export const CUBE_HALF = 0.02;
/** The cube is drawn uniformly over this part of the table (28 cm × 36 cm): reachable, clear of both bins. */
export const SPAWN = { x: [0.36, 0.64], y: [-0.24, 0.12] } as const;
export const UPRIGHT = [0, 0, 0, 1] as const;

/** Quaternion x, y, z, w of a turn about z. */
export const yaw = (angle: number): number[] => [0, 0, Math.sin(angle / 2), Math.cos(angle / 2)];

/** Puts the cube flat on the table, anywhere in SPAWN, at any yaw; then what the robot file lets vary. */
export function spawnCube(scene: TaskScene, rng: Rng): void {
  const x = rng.uniform(SPAWN.x[0], SPAWN.x[1]);
  const y = rng.uniform(SPAWN.y[0], SPAWN.y[1]);
  scene.place('cube', [x, y, CUBE_HALF], yaw(rng.uniform(-Math.PI, Math.PI)));
  vary(scene, rng, cubeAndBins);
}

/** Openings of the gripper, m: wide open, and closed on the cube, which stops the fingers at its width. */
export const OPEN = 0.08;
export const CLOSED = 0.02;

/** From anywhere to the cube between the closed fingers. */
export const graspCube: readonly TaskPhase[] = [
  {
    name: 'approach',
    at: 'cube',
    offset: [0, 0, 0.11],
    turn: 'keep',
    opening: OPEN,
    seconds: 1,
    spread: { level: 0.03, height: 0.02, turn: 0.2 },
    free: true,
  },
  // The hand turns once it is above the cube: which way is nearer shows in what the wrist camera sees there. Turned on the
  // way, a learner never sees a cube that stands across, and takes it by its corners.
  {
    name: 'align',
    at: 'cube',
    offset: [0, 0, 0.09],
    turn: 4,
    opening: OPEN,
    seconds: 0.6,
    spread: { level: 0.01, height: 0.01, turn: 0.1 },
    free: true,
  },
  {
    name: 'descend',
    at: 'cube',
    offset: [0, 0, 0.003],
    turn: 4,
    opening: OPEN,
    seconds: 0.8,
    spread: { level: 0.003, height: 0.003, turn: 0.04 },
    free: false,
  },
  { name: 'close', at: 'cube', offset: [0, 0, 0.003], turn: 4, opening: CLOSED, seconds: 0.4, free: false },
];

/** Straight up with the cube in the hand. */
export const liftCube: TaskPhase = {
  name: 'lift',
  at: 'cube',
  offset: [0, 0, 0.16],
  turn: 'keep',
  opening: CLOSED,
  seconds: 0.8,
  spread: { level: 0.01, height: 0.015 },
  free: false,
};

// These run every tick. They write instead of returning, and avoid Math.hypot, so that no number is boxed.

/** out[at] = |a − b|. */
export function putDistance(a: Float64Array, b: Float64Array, out: Float64Array, at: number): void {
  const x = a[0]! - b[0]!;
  const y = a[1]! - b[1]!;
  const z = a[2]! - b[2]!;
  out[at] = Math.sqrt(x * x + y * y + z * z);
}

/** out[at] = |a|. */
export function putNorm(a: Float64Array, out: Float64Array, at: number): void {
  out[at] = Math.sqrt(a[0]! * a[0]! + a[1]! * a[1]! + a[2]! * a[2]!);
}

/** 1 at 0, 0.5 at `scale`, towards 0 far away: a reward that is never flat. */
export const near = (value: number, scale: number): number => {
  const ratio = value / scale;
  return 1 / (1 + ratio * ratio);
};
