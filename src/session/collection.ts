/**
 * An autonomous collection session as data: its plan, the facts of its ledger, and what follows from them. Everything
 * that the collector decides follows from plan and facts, so a collector that died goes on where it was.
 *
 * Work is numbered: a slot is one wanted episode, and an attempt is one try at it. Slot i runs on seed `plan.seed + i`,
 * its retry t on that plus t × RETRY. What an episode is depends on its slot and attempt alone, so neither the number of
 * workers nor the order in which they finish changes its bytes.
 */
import { wilson } from '../math/statistics.ts';
import type { Request } from '../policy/request.ts';
import type { SceneVary } from '../robot/spec.ts';
import type { EpisodeReason } from './cell.ts';

export const COLLECTION_FORMAT = 'armloop-collection/1';
/** Seeds of retries lie this far apart: farther than any collection is long. */
export const RETRY = 10_000_000;

/** Who drives. A policy is named by its bundle's folder. */
export type DriverChoice =
  | {
      readonly kind: 'teacher';
      readonly disturb: 'none' | 'push';
      readonly recover?: number;
      /** A planner goes by the phases of the task as the scene lies, instead of one trajectory made at the reset. */
      readonly planner?: 'mpc';
    }
  | {
      readonly kind: 'policy';
      readonly bundle: string;
      readonly name: string;
      /** Of its policy.json, which holds the hash of the model. */
      readonly sha256: string;
      /** What is asked of a policy that does several things; left out for one that is not asked. */
      readonly request?: Request;
    };

export interface CollectionLimits {
  /** Hours of motion; simulated time in lockstep. */
  readonly hours: number | null;
  readonly diskBytes: number | null;
  /** Failed attempts in a row, and attempts that guard or supervisor stopped: so many end the session. */
  readonly failuresInRow: number | null;
  readonly guardStops: number | null;
  /** Wear: travel of all joints together, rad, and full cycles of the gripper. */
  readonly jointTravel: number | null;
  readonly gripperCycles: number | null;
}

export interface CollectionPlan {
  readonly format: typeof COLLECTION_FORMAT;
  readonly id: string;
  /** ISO date; fixes the dates in the episodes. */
  readonly created: string;
  readonly robot: { readonly id: string; readonly file: string; readonly sha256: string };
  /** `lockstep`: in cells on this machine. Otherwise the address of the rig's server: in real time. */
  readonly where: 'lockstep' | string;
  readonly task: string;
  readonly taskText: string;
  readonly driver: DriverChoice;
  readonly vary: SceneVary;
  readonly cameras: readonly string[];
  readonly seed: number;
  readonly episodes: number;
  /** How often a slot is tried again after a failure. */
  readonly retries: number;
  /** What becomes of recordings of failed attempts. */
  readonly failures: 'keep' | 'trash';
  readonly limits: CollectionLimits;
  readonly versions: Readonly<Record<string, string>>;
}

export interface Attempt {
  readonly slot: number;
  readonly attempt: number;
  readonly seed: number;
  readonly episode: string;
}

export type StopReason =
  | 'done'
  | 'hours'
  | 'disk'
  | 'failures in a row'
  | 'guard stops'
  | 'joint travel'
  | 'gripper cycles'
  | 'interrupted'
  | 'error';

/** What came of an attempt. Numbers that are not known are null, as JSON has it. */
export interface AttemptFact extends Attempt {
  readonly fact: 'finished';
  readonly at: string;
  readonly success: boolean;
  readonly reason: EpisodeReason | 'no plan';
  readonly fault: readonly string[];
  readonly timeToSuccess: number | null;
  readonly seconds: number;
  readonly ticks: number;
  readonly bytes: number;
  readonly guard: Readonly<Record<string, number>>;
  readonly jointTravel: number;
  readonly gripperCycles: number;
  readonly variation: Readonly<Record<string, number>>;
  /** Words of the quality gate; empty when it is passed. */
  readonly flags: readonly string[];
  /** False when nothing was recorded, or when the recording is in the trash. */
  readonly kept: boolean;
  /** Id of the recording, wherever it lies; null for none. In real time the rig gives it, else it is `episode`. */
  readonly recorded: string | null;
}

/** One line of the ledger. */
export type CollectionFact =
  | { readonly fact: 'session'; readonly at: string; readonly workers: number }
  | ({ readonly fact: 'started'; readonly at: string } & Attempt)
  | AttemptFact
  /** It was running when the collector died: what it had written is gone, and it is run again. */
  | ({ readonly fact: 'lost'; readonly at: string } & Attempt)
  | { readonly fact: 'stopped'; readonly at: string; readonly why: StopReason; readonly text: string };

export interface Totals {
  readonly attempts: number;
  readonly successes: number;
  /** Slots that have come to their end. */
  readonly slots: number;
  readonly rate: number;
  /** Wilson, 95 %. */
  readonly interval: { readonly low: number; readonly high: number };
  readonly hours: number;
  readonly bytes: number;
  readonly guardStops: number;
  /** Failed attempts since the last success, or since the session went on. */
  readonly failuresInRow: number;
  readonly jointTravel: number;
  readonly gripperCycles: number;
}

const bare = ({ slot, attempt, seed, episode }: Attempt): Attempt => ({ slot, attempt, seed, episode });

export function episodeId(collection: string, slot: number, attempt: number): string {
  const tail = attempt === 0 ? '' : `r${attempt}`;
  return `${collection}-${String(slot).padStart(5, '0')}${tail}`;
}

/** What plan and facts amount to; kept up to date fact by fact. */
export class CollectionState {
  readonly plan: CollectionPlan;
  readonly finished: AttemptFact[] = [];
  /** Started and not heard of again, by episode. */
  readonly #running = new Map<string, Attempt>();
  /** Attempts used per slot, and slots that need no more. */
  readonly #used = new Map<number, number>();
  readonly #closed = new Set<number>();
  #next = 0;
  /** Slots to be tried again. */
  readonly #again = new Set<number>();
  #failuresInRow = 0;
  #guardStops = 0;
  #sums = { seconds: 0, bytes: 0, jointTravel: 0, gripperCycles: 0, successes: 0 };
  #stopped: Extract<CollectionFact, { fact: 'stopped' }> | null = null;

  constructor(plan: CollectionPlan, facts: readonly CollectionFact[] = []) {
    this.plan = plan;
    for (const fact of facts) this.add(fact);
  }

  /** Takes a fact that is in the ledger. */
  add(fact: CollectionFact): void {
    switch (fact.fact) {
      case 'session':
        // Whoever goes on has looked at what went wrong: the counts that stop a session begin anew.
        this.#failuresInRow = 0;
        this.#guardStops = 0;
        this.#stopped = null;
        return;
      case 'started':
        this.#running.set(fact.episode, bare(fact));
        this.#again.delete(fact.slot);
        this.#used.set(fact.slot, Math.max(this.#used.get(fact.slot) ?? 0, fact.attempt + 1));
        while (this.#used.has(this.#next)) this.#next++;
        return;
      case 'lost':
        this.#running.delete(fact.episode);
        this.#used.set(fact.slot, fact.attempt);
        this.#again.add(fact.slot);
        return;
      case 'finished':
        this.#finish(fact);
        return;
      case 'stopped':
        this.#stopped = fact;
        return;
      default:
        fact satisfies never;
    }
  }

  /** The attempt to begin next; null when none is left, or when only running ones may leave some. */
  next(): Attempt | null {
    const { plan } = this;
    const [again] = this.#again;
    const slot = again ?? (this.#next < plan.episodes ? this.#next : -1);
    if (slot < 0) return null;
    const attempt = this.#used.get(slot) ?? 0;
    return {
      slot,
      attempt,
      seed: plan.seed + slot + attempt * RETRY,
      episode: episodeId(plan.id, slot, attempt),
    };
  }

  get running(): readonly Attempt[] {
    return [...this.#running.values()];
  }

  get done(): boolean {
    return this.#closed.size >= this.plan.episodes;
  }

  get stopped(): Extract<CollectionFact, { fact: 'stopped' }> | null {
    return this.#stopped;
  }

  get totals(): Totals {
    const n = this.finished.length;
    const { successes, seconds, bytes, jointTravel, gripperCycles } = this.#sums;
    return {
      attempts: n,
      successes,
      slots: this.#closed.size,
      rate: n === 0 ? Number.NaN : successes / n,
      interval: wilson(successes, n),
      hours: seconds / 3600,
      bytes,
      guardStops: this.#guardStops,
      failuresInRow: this.#failuresInRow,
      jointTravel,
      gripperCycles,
    };
  }

  /** Why no further attempt may begin; null when one may. */
  limit(): { readonly why: StopReason; readonly text: string } | null {
    const { limits, episodes } = this.plan;
    const { hours, bytes, jointTravel, gripperCycles } = this.totals;
    if (this.done) return { why: 'done', text: `all ${episodes} episodes were attempted` };
    const over = (value: number, limit: number | null): limit is number => limit !== null && value >= limit;
    if (over(hours, limits.hours))
      return { why: 'hours', text: `${limits.hours} hours of motion are reached` };
    if (over(bytes, limits.diskBytes))
      return { why: 'disk', text: `${limits.diskBytes} bytes of episodes are reached` };
    if (over(this.#failuresInRow, limits.failuresInRow)) {
      const last = this.finished.at(-1)!;
      return {
        why: 'failures in a row',
        text: `${this.#failuresInRow} attempts in a row failed, the last by: ${last.reason}`,
      };
    }
    if (over(this.#guardStops, limits.guardStops)) {
      return { why: 'guard stops', text: `the guard stopped ${this.#guardStops} attempts` };
    }
    if (over(jointTravel, limits.jointTravel)) {
      return { why: 'joint travel', text: `the joints have travelled ${limits.jointTravel} rad` };
    }
    if (over(gripperCycles, limits.gripperCycles)) {
      return { why: 'gripper cycles', text: `the gripper has made ${limits.gripperCycles} cycles` };
    }
    return null;
  }

  #finish(fact: AttemptFact): void {
    this.#running.delete(fact.episode);
    this.finished.push(fact);
    this.#failuresInRow = fact.success ? 0 : this.#failuresInRow + 1;
    if (fact.reason === 'guard stop') this.#guardStops++;
    const sums = this.#sums;
    sums.seconds += fact.seconds;
    sums.bytes += fact.kept ? fact.bytes : 0;
    sums.jointTravel += fact.jointTravel;
    sums.gripperCycles += fact.gripperCycles;
    sums.successes += fact.success ? 1 : 0;
    if (fact.success || fact.attempt >= this.plan.retries) this.#closed.add(fact.slot);
    else this.#again.add(fact.slot);
  }
}
