/**
 * Two small planar tasks that are shown in two ways, for comparing heads. A point moves by at most STEP per step; an
 * action is its displacement in units of STEP. Observations are where things are as seen from the point; no units.
 */
import type { Rng } from '../../src/math/rng.ts';

export const STEP = 0.2;
/** Steps of an episode. */
export const LENGTH = 12;

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
/** Standard deviation of a push along each axis, before a recording. */
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
        if (at[0] > middle[0] - 0.02) return along(at, [goal]);
        return along(at, [[middle[0], middle[1] + side * (RADIUS + CLEARANCE)], goal]);
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
      demonstrate: (at, side) => along(at, [both[side < 0 ? 0 : 1]]),
      judge(path) {
        const end = path.at(-1)!;
        // Where the end is along the line from target to target: 0 in the middle, ±1 at the targets.
        const [a, b] = both;
        const line = [b[0] - a[0], b[1] - a[1]] as const;
        const offset = [end[0] - (a[0] + b[0]) / 2, end[1] - (a[1] + b[1]) / 2] as const;
        const place = (2 * (line[0] * offset[0] + line[1] * offset[1])) / (line[0] ** 2 + line[1] ** 2);
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
 * A demonstration on a side drawn by a coin, without mistakes. Every other one begins on the way: its start was walked to
 * and then pushed aside, so that demonstrations show how to come back. Nothing pushes while it is recorded: a chunk would
 * then hold the answer to a push that a policy, which carries the chunk out unseeing, does not feel.
 */
export function demonstration(task: Task, rng: Rng): Demonstration {
  const scene = task.draw(rng);
  const side = rng.uniform() < 0.5 ? -1 : 1;
  let at = scene.start;
  if (rng.uniform() < 0.5) {
    for (let left = rng.below(LENGTH); left > 0; left--) at = moved(at, scene.demonstrate(at, side));
    at = [at[0] + rng.normal(PUSH), at[1] + rng.normal(PUSH)];
  }
  const observations: number[][] = [];
  const actions: Point[] = [];
  for (let t = 0; t < LENGTH; t++) {
    const action = scene.demonstrate(at, side);
    observations.push(scene.observe(at));
    actions.push(action);
    at = moved(at, action);
  }
  return { observations, actions };
}

/** The position after a displacement of `action` · STEP, cut to length STEP. */
export function moved(at: Point, action: Point): Point {
  const length = Math.max(1, Math.hypot(action[0], action[1]));
  return [at[0] + (STEP * action[0]) / length, at[1] + (STEP * action[1]) / length];
}

const seenFrom = (at: Point, to: Point): Point => [to[0] - at[0], to[1] - at[1]];

/** One step along the lines from a point to the next, round the corners without slowing down; less at the end of them. */
function along(at: Point, points: readonly Point[]): Point {
  let left = STEP;
  let here = at;
  for (const to of points) {
    const d = distance(here, to);
    const share = Math.min(1, left / Math.max(d, 1e-9));
    here = [here[0] + (to[0] - here[0]) * share, here[1] + (to[1] - here[1]) * share];
    left -= d * share;
  }
  return [(here[0] - at[0]) / STEP, (here[1] - at[1]) / STEP];
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
