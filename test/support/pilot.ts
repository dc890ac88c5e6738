/**
 * Drives the arm as a person does: holds and lifts keys of the console, and looks at published state alone. Each
 * axis is a switch with a lead: a key is lifted as far ahead of the goal as the arm goes on after it.
 */
import type { Page } from 'playwright-core';
import { Mode, Reason } from '../../src/robot/tick.ts';
import { reasonWords } from '../../src/robot/words.ts';
import type { Published } from './published.ts';

/** Time from a state to the effect of a key lifted because of it, s, on a busy machine. */
const LEAD = 0.16;
/** Stops that a busy machine causes: a person looks, clears them and goes on. */
const BUSY = Reason.staleState | Reason.missedPeriods;
const MOST_RECOVERIES = 8;
const CLEAR_MS = 30_000;
/** Two seconds of live messages. */
const RESTING_MESSAGES = 120;
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
  #recoveries = 0;
  #resting = 0;

  readonly #say: (text: string) => void;

  /** `say` hears what a person would note down: stops cleared, control taken again. */
  constructor(page: Page, live: Published, say: (text: string) => void = () => {}) {
    this.#page = page;
    this.#live = live;
    this.#say = say;
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
      await this.recover();
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
    const end = Date.now() + seconds * 1000;
    try {
      while (!met()) {
        if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
        await this.recover();
        await this.hold([key]);
        await this.#live.next();
      }
    } finally {
      await this.hold([]);
    }
  }

  /**
   * Clears a stop that came from the load of the machine, takes lost control again. Other stops are failures.
   * @param more bits of Reason that may come from the load too, where the test says why.
   */
  async recover(more = 0): Promise<void> {
    const live = this.#live;
    const stopped = live.value('mode') === Mode.stopped;
    const lost = live.value('lease') === 0 && (await this.#lost());
    if (!stopped && !lost && !this.#liftedByStop()) return;
    await this.hold([]);
    if (stopped || lost) this.#recoveries++;
    if (this.#recoveries > MOST_RECOVERIES) throw new Error(`stopped more than ${MOST_RECOVERIES} times`);
    if (lost) {
      this.#say('control was lost, takes it again');
      await this.#page.keyboard.press('t');
      await live.until('control', () => live.value('lease') !== 0);
    }
    if (!stopped) return;
    const fault = live.value('fault');
    const words = reasonWords(fault).map((r) => r.short);
    if ((fault & (BUSY | more)) === 0) throw new Error(`stopped: ${words}`);
    this.#say(`stopped (${words}), clears it`);
    // Refused while the cause lasts; then once more.
    const end = Date.now() + CLEAR_MS;
    while (live.value('mode') === Mode.stopped) {
      if (Date.now() > end) throw new Error(`the stop (${words}) could not be cleared`);
      await this.#page.keyboard.press('Shift+C');
      await live.until('an answer', () => live.value('mode') !== Mode.stopped, 1).catch(() => {});
    }
    await live.until('holding', () => live.value('mode') === Mode.holding);
  }

  /**
   * Whether the page knows that it has no control: until then the key would release what it takes for its own. False
   * where what is published was only behind a page that has just been given control.
   */
  async #lost(): Promise<boolean> {
    const none = this.#page.locator('[data-testid="lease"][data-lease="0"]');
    const end = Date.now() + CLEAR_MS;
    while (this.#live.value('lease') === 0) {
      if ((await none.count()) > 0) return true;
      if (Date.now() > end) throw new Error('the rig gives nobody control, and the page does not know of it');
      await this.#live.next();
    }
    return false;
  }

  /** Keys are down, but the page counts them no more because something brought the arm to hold. */
  #liftedByStop(): boolean {
    const resting = this.#live.value('mode') === Mode.holding;
    if (!resting || this.#held.size === 0) {
      this.#resting = 0;
      return false;
    }
    // The first motion needs a moment to become active; longer than that, the keys have to be pressed anew.
    this.#resting++;
    if (this.#resting < RESTING_MESSAGES) return false;
    this.#resting = 0;
    return true;
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
