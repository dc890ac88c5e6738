/**
 * Drives the arm as a person does: holds and lifts keys of the console, and looks at published state alone. Each
 * axis is a switch with a lead: a key is lifted as far ahead of the goal as the arm goes on after it.
 */
import type { Page } from 'playwright-core';
import type { Published } from './published.ts';

/** Time from a state to the effect of a key lifted because of it, s, on a busy machine. */
const LEAD = 0.16;
const SPEEDS = [5, 10, 20, 35, 50, 75, 100] as const;

export interface Goal {
  readonly x?: number;
  readonly y?: number;
  readonly z?: number;
  /** Turn still to make about z, rad, from what is published now. */
  readonly turn?: () => number;
}

interface Tolerance {
  readonly m: number;
  readonly rad: number;
}

export class Pilot {
  readonly #page: Page;
  readonly #live: Published;
  readonly #held = new Set<string>();
  #speed = 0;

  constructor(page: Page, live: Published) {
    this.#page = page;
    this.#live = live;
  }

  /** Steps the speed with its keys until the page shows `percent`, one of SPEEDS. */
  async speed(percent: (typeof SPEEDS)[number]): Promise<void> {
    for (let tries = 0; tries < 40; tries++) {
      const shown = Number.parseInt(
        (await this.#page.textContent('[data-testid="speed-value"]'))?.trim() ?? '',
        10,
      );
      this.#speed = shown / 100;
      if (shown === percent) return;
      await this.#page.keyboard.press(shown < percent ? '=' : '-');
    }
    throw new Error(`the speed does not reach ${percent} %`);
  }

  /** Holds exactly these keys. */
  async hold(keys: readonly string[]): Promise<void> {
    for (const key of [...this.#held]) {
      if (keys.includes(key)) continue;
      this.#held.delete(key);
      await this.#page.keyboard.up(key);
    }
    for (const key of keys) {
      if (this.#held.has(key)) continue;
      this.#held.add(key);
      await this.#page.keyboard.down(key);
    }
  }

  /** Moves the tool until it stands within the tolerance on every axis named. Throws after `seconds`. */
  async moveTo(what: string, goal: Goal, tolerance: Tolerance, seconds = 60): Promise<void> {
    const live = this.#live;
    const { linear, angular } = live.hello.robot.teleop;
    const end = Date.now() + seconds * 1000;
    for (let calm = 0; calm < 6; ) {
      if (Date.now() > end) {
        await this.hold([]);
        throw new Error(
          `${what}: still ${this.#describe(goal)} away after ${seconds} s, mode ${live.value('mode')}`,
        );
      }
      const keys: string[] = [];
      const axis = (error: number, speed: number, tol: number, plus: string, minus: string): void => {
        const key = error > 0 ? plus : minus;
        // Lifted early enough to coast in; pressed again only when out of tolerance.
        const lift = Math.min(LEAD * speed * this.#speed, 4 * tol);
        if (Math.abs(error) > (this.#held.has(key) ? Math.max(lift, tol / 3) : Math.max(tol, lift)))
          keys.push(key);
      };
      if (goal.x !== undefined) axis(goal.x - live.value('tool', 0), linear, tolerance.m, 'w', 's');
      if (goal.y !== undefined) axis(goal.y - live.value('tool', 1), linear, tolerance.m, 'a', 'd');
      if (goal.z !== undefined) axis(goal.z - live.value('tool', 2), linear, tolerance.m, 'r', 'f');
      if (goal.turn) axis(goal.turn(), angular, tolerance.rad, 'u', 'o');
      const changed = keys.length !== this.#held.size || keys.some((k) => !this.#held.has(k));
      if (changed) await this.hold(keys);
      calm = keys.length === 0 ? calm + 1 : 0;
      await live.next();
    }
  }

  /** Holds one key until a state is reached. */
  async holdUntil(key: string, what: string, met: () => boolean, seconds = 20): Promise<void> {
    await this.hold([key]);
    try {
      await this.#live.until(what, met, seconds);
    } finally {
      await this.hold([]);
    }
  }

  #describe(goal: Goal): string {
    const axes = ['x', 'y', 'z'] as const;
    const parts = axes.flatMap((name, i) => {
      const wanted = goal[name];
      return wanted === undefined ? [] : [`${name} ${(wanted - this.#live.value('tool', i)).toFixed(3)} m`];
    });
    if (goal.turn) parts.push(`turn ${goal.turn().toFixed(2)} rad`);
    return parts.join(', ');
  }
}

/** Angle about z of the x (0) or y (1) axis of a quaternion x y z w at `at`, seen from above. */
export function headingOf(q: Float64Array, axis: 0 | 1): number {
  const [x, y, z, w] = [q[0]!, q[1]!, q[2]!, q[3]!];
  return axis === 0
    ? Math.atan2(2 * (x * y + w * z), 1 - 2 * (y * y + z * z))
    : Math.atan2(1 - 2 * (x * x + z * z), 2 * (x * y - w * z));
}

/** The turn in −45°..45° that lines two headings up to a quarter turn. */
export function quarterTurn(from: number, to: number): number {
  const quarter = Math.PI / 2;
  const d = (((to - from) % quarter) + quarter) % quarter;
  return d > quarter / 2 ? d - quarter : d;
}
