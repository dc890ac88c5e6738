/**
 * Two small planar tasks that are shown in two ways, for comparing heads. A point moves by at most STEP per step; an
 * action is its displacement in units of STEP. Observations are where things are as seen from the point; no units.
 */
import type { Rng } from '../../src/math/rng.ts';

export const STEP = 0.2;
/** Steps of an episode. */
export const LENGTH = 16;

export interface Demonstration {
  /** Per step the observation before it. */
  readonly observations: readonly (readonly number[])[];
  /** Per step the displacement / STEP, each within ±1. */
  readonly actions: readonly (readonly [number, number])[];
}

export interface Verdict {
  readonly success: boolean;
  /** The attempt went between the two ways: into the obstacle, or to the middle of the targets. */
  readonly between: boolean;
}

/** One situation of a task. */
export interface Scene {
  readonly start: Point;
  /** What the policy sees at a position. */
  observe(at: Point): number[];
  /** The demonstrator's next displacement / STEP on the way `side` (−1 or 1). */
  demonstrate(at: Point, side: -1 | 1): Point;
  /** Judges the positions of a whole attempt, the start included. */
  judge(path: readonly Point[]): Verdict;
}

export type Point = readonly [number, number];

export interface Task {
  readonly name: string;
  readonly title: string;
  readonly observationSize: number;
  draw(rng: Rng): Scene;
}

const RADIUS = 0.25;
const CLEARANCE = 0.2;
const REACHED = 0.12;
/** Standard deviation of a push along each axis. */
const PUSH = 0.06;

/** Reach the goal on the other side of a round obstacle, passing it on either side. */
const obstacle: Task = {
  name: 'obstacle',
  title: 'pass an obstacle left or right',
  observationSize: 4,
  draw(rng) {
    const start: Point = [-0.8 + rng.uniform(-0.05, 0.05), rng.uniform(-0.1, 0.1)];
    const middle: Point = [rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1)];
    const goal: Point = [0.8 + rng.uniform(-0.1, 0.1), rng.uniform(-0.2, 0.2)];
    return {
      start,
      observe: (at) => [...seenFrom(at, middle), ...seenFrom(at, goal)],
      demonstrate(at, side) {
        const passed = at[0] > middle[0] - 0.02;
        return towards(at, passed ? goal : [middle[0], middle[1] + side * (RADIUS + CLEARANCE)]);
      },
      judge(path) {
        const hit = path.some((p, i) => i > 0 && segmentDistance(path[i - 1]!, p, middle) < RADIUS);
        return { success: !hit && distance(path.at(-1)!, goal) < REACHED, between: hit };
      },
    };
  },
};

/** Go to either of two targets and stay there. */
const targets: Task = {
  name: 'targets',
  title: 'go to either of two targets',
  observationSize: 4,
  draw(rng) {
    const start: Point = [rng.uniform(-0.1, 0.1), -0.6 + rng.uniform(-0.1, 0.1)];
    const both = [-1, 1].map(
      (side): Point => [side * 0.6 + rng.uniform(-0.15, 0.15), 0.3 + rng.uniform(-0.15, 0.15)],
    ) as [Point, Point];
    return {
      start,
      observe: (at) => [...seenFrom(at, both[0]), ...seenFrom(at, both[1])],
      demonstrate: (at, side) => towards(at, both[side < 0 ? 0 : 1]),
      judge(path) {
        const end = path.at(-1)!;
        // Where the end is along the line from target to target: 0 in the middle, ±1 at the targets.
        const [a, b] = both;
        const along = [b[0] - a[0], b[1] - a[1]] as const;
        const offset = [end[0] - (a[0] + b[0]) / 2, end[1] - (a[1] + b[1]) / 2] as const;
        const place = (2 * (along[0] * offset[0] + along[1] * offset[1])) / (along[0] ** 2 + along[1] ** 2);
        return {
          success: both.some((t) => distance(end, t) < REACHED),
          between: Math.abs(place) < 0.5,
        };
      },
    };
  },
};

export const TASKS: readonly Task[] = [obstacle, targets];

/**
 * A demonstration on a side drawn by a coin. Two pushes at random moments put it off its way, so that demonstrations show
 * how to come back; the recorded actions are what the demonstrator meant.
 */
export function demonstration(task: Task, rng: Rng): Demonstration {
  const scene = task.draw(rng);
  const side = rng.uniform() < 0.5 ? -1 : 1;
  const observations: number[][] = [];
  const actions: Point[] = [];
  const pushes = [rng.below(LENGTH), rng.below(LENGTH)];
  let at = scene.start;
  for (let t = 0; t < LENGTH; t++) {
    const action = scene.demonstrate(at, side);
    observations.push(scene.observe(at));
    actions.push(action);
    at = moved(at, action);
    if (pushes.includes(t)) at = [at[0] + rng.normal(PUSH), at[1] + rng.normal(PUSH)];
  }
  return { observations, actions };
}

/** The position after a displacement of `action` · STEP, cut to length STEP. */
export function moved(at: Point, action: Point): Point {
  const length = Math.max(1, Math.hypot(action[0], action[1]));
  return [at[0] + (STEP * action[0]) / length, at[1] + (STEP * action[1]) / length];
}

const seenFrom = (at: Point, to: Point): Point => [to[0] - at[0], to[1] - at[1]];

/** At most one step towards a point. */
function towards(at: Point, to: Point): Point {
  const d = distance(at, to);
  const scale = 1 / Math.max(d, STEP);
  return [(to[0] - at[0]) * scale, (to[1] - at[1]) * scale];
}

const distance = (a: Point, b: Point): number => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** From the segment a b to the point c. */
function segmentDistance(a: Point, b: Point, c: Point): number {
  const along = [b[0] - a[0], b[1] - a[1]] as const;
  const length = along[0] ** 2 + along[1] ** 2;
  const t = length > 0 ? ((c[0] - a[0]) * along[0] + (c[1] - a[1]) * along[1]) / length : 0;
  const s = Math.min(1, Math.max(0, t));
  return distance([a[0] + s * along[0], a[1] + s * along[1]], c);
}
