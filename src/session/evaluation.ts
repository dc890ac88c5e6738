/**
 * What an evaluation is: which policies ran on which seeds, what became of every episode, and what that says. Everything
 * here is data and pure functions, so that a report can be made again from the files alone.
 */
import { type Interval, type Median, medianInterval, wilson } from '../math/statistics.ts';
import { pairedVerdict, type Verdict } from '../math/verdict.ts';
import type { PolicyManifest } from '../policy/manifest.ts';
import type { Request } from '../policy/request.ts';
import type { SceneVary } from '../robot/spec.ts';
import { Reason } from '../robot/tick.ts';
import { reasonWords } from '../robot/words.ts';

export const EVALUATION_FORMAT = 'armloop-evaluation/1';

/** Picture strips of failures: at most so many pictures, each so many pixels high. */
export const STRIP = { count: 6, height: 168 } as const;

/** The name under which a policy runs in an evaluation. */
export type Side = 'A' | 'B';

export interface Contestant {
  readonly side: Side;
  /** The bundle's name, or `teacher`. */
  readonly name: string;
  /** Absolute folder of the bundle; null for the teacher. */
  readonly bundle: string | null;
  /** SHA-256 over policy.json and the model file; '' for the teacher. */
  readonly sha256: string;
  readonly manifest: PolicyManifest | null;
  /** Time from observation to chunk that was played, ms. */
  readonly latencyMs: number;
  /** What was asked of a policy that does several things; left out for one that is not asked. */
  readonly request?: Request;
}

/** evaluation.json, written before the first episode and again at the end. */
export interface Evaluation {
  readonly format: typeof EVALUATION_FORMAT;
  readonly id: string;
  readonly state: 'running' | 'done';
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly finished: string | null;
  /** Seconds that the episodes took, all sittings together. */
  readonly wallS: number;
  readonly task: string;
  readonly taskText: string;
  /** Units of the task's residuals, by name. */
  readonly units: Readonly<Record<string, string>>;
  readonly robot: { readonly id: string; readonly file: string; readonly sha256: string };
  readonly contestants: readonly Contestant[];
  readonly seeds: readonly number[];
  readonly vary: SceneVary;
  /** `other`: every policy was shown the pictures of another seed's episode. */
  readonly images: 'own' | 'other';
  /** Cameras whose frames a policy may get, and the one whose frames the report shows. */
  readonly cameras: readonly string[];
  readonly pictures: string | null;
  readonly record: 'none' | 'failures' | 'all';
  /** Simulated seconds after which an attempt has failed. */
  readonly timeLimitS: number;
  /** Success rate that was asked for, 0..1; null when none was. */
  readonly goal: number | null;
  readonly versions: Readonly<Record<string, string>>;
  readonly results: readonly Result[] | null;
  readonly comparison: Verdict | null;
}

/** What happened between observation and command in one episode. */
export interface ChunkCounts {
  readonly made: number;
  /** Not made, because an input was missing or too old. */
  readonly refused: number;
  /** Times that the arm had to hold because no action was there, or that the first one was late. */
  readonly underruns: number;
}

/** The same of one episode. */
export interface EpisodeChunks extends ChunkCounts {
  /** Why the newest refused one was, in words; '' when none was. */
  readonly problem: string;
}

/** One line of ledger.jsonl: one episode. */
export interface EpisodeFact {
  readonly side: Side;
  readonly seed: number;
  /** The seed whose pictures it saw; its own in an ordinary evaluation. */
  readonly imagesOf: number;
  readonly success: boolean;
  /** EpisodeReason of cell.ts. */
  readonly reason: string;
  /** Names of the reasons that latched a stop. */
  readonly fault: readonly string[];
  /** Simulated seconds; null without success. */
  readonly timeToSuccess: number | null;
  readonly ticks: number;
  readonly seconds: number;
  /** Ticks in which the guard changed a command, by reason. */
  readonly guard: Readonly<Record<string, number>>;
  readonly chunks: EpisodeChunks | null;
  /** Where the bodies of the scene were at the start: x, y in m, in the world frame. */
  readonly start: Readonly<Record<string, readonly [number, number]>>;
  readonly variation: Readonly<Record<string, number>>;
  /** What was left to do at the end, by the residuals of the task. */
  readonly residuals: Readonly<Record<string, number>>;
  /** Id of the recorded episode; null when it was not kept. */
  readonly episode: string | null;
  /** Picture strip in the folder of the evaluation, and the time of each picture, s; null without one. */
  readonly strip: { readonly file: string; readonly times: readonly number[] } | null;
}

export interface Result {
  readonly side: Side;
  readonly name: string;
  readonly episodes: number;
  readonly successes: number;
  readonly rate: number;
  /** Wilson, 95 %. */
  readonly interval: Interval;
  /** Of the successes, simulated seconds; null where too few of them were seen to say. */
  readonly timeToSuccess: { readonly [K in keyof Median]: number | null };
  /** Failures by reason. */
  readonly failures: Readonly<Record<string, number>>;
  /** By reason: ticks in all, and in how many episodes. */
  readonly guard: Readonly<Record<string, { readonly ticks: number; readonly episodes: number }>>;
  readonly chunks: ChunkCounts | null;
  readonly ticks: number;
  readonly simulatedS: number;
}

/** The facts of one contestant, in the order of their seeds. A seed that ran twice (after a crash) counts once. */
export function factsOf(side: Side, facts: readonly EpisodeFact[]): EpisodeFact[] {
  const bySeed = new Map(facts.filter((f) => f.side === side).map((f) => [f.seed, f]));
  return [...bySeed.values()].sort((a, b) => a.seed - b.seed);
}

export function resultOf({ side, name }: Contestant, all: readonly EpisodeFact[]): Result {
  const facts = factsOf(side, all);
  const won = facts.filter((f) => f.success);
  const guard: Record<string, { ticks: number; episodes: number }> = {};
  const failures: Record<string, number> = {};
  for (const fact of facts) {
    if (!fact.success) failures[fact.reason] = (failures[fact.reason] ?? 0) + 1;
    for (const [reason, ticks] of Object.entries(fact.guard)) {
      guard[reason] ??= { ticks: 0, episodes: 0 };
      guard[reason].ticks += ticks;
      guard[reason].episodes++;
    }
  }
  const { median, low, high } = medianInterval(won.map((f) => f.timeToSuccess!));
  const known = (value: number): number | null => (Number.isFinite(value) ? value : null);
  const chunked = facts.filter((f) => f.chunks !== null);
  const sum = (of: (c: ChunkCounts) => number): number => chunked.reduce((s, f) => s + of(f.chunks!), 0);
  return {
    side,
    name,
    episodes: facts.length,
    successes: won.length,
    rate: facts.length === 0 ? 0 : won.length / facts.length,
    interval: wilson(won.length, facts.length),
    timeToSuccess: { median: known(median), low: known(low), high: known(high) },
    failures,
    guard,
    chunks:
      chunked.length === 0
        ? null
        : {
            made: sum((c) => c.made),
            refused: sum((c) => c.refused),
            underruns: sum((c) => c.underruns),
          },
    ticks: facts.reduce((s, f) => s + f.ticks, 0),
    simulatedS: facts.reduce((s, f) => s + f.seconds, 0),
  };
}

/** A against B on the seeds that both have run. */
export function compare(facts: readonly EpisodeFact[]): Verdict {
  const b = new Map(factsOf('B', facts).map((f) => [f.seed, f.success]));
  const pairs = { both: 0, onlyA: 0, onlyB: 0, neither: 0 };
  for (const { seed, success } of factsOf('A', facts)) {
    const other = b.get(seed);
    if (other === undefined) continue;
    if (success) pairs[other ? 'both' : 'onlyA']++;
    else pairs[other ? 'onlyB' : 'neither']++;
  }
  return pairedVerdict(pairs);
}

/** The evaluation with what its facts say. */
export function concluded(evaluation: Evaluation, facts: readonly EpisodeFact[]): Evaluation {
  return {
    ...evaluation,
    results: evaluation.contestants.map((c) => resultOf(c, facts)),
    comparison: evaluation.contestants.length === 2 ? compare(facts) : null,
  };
}

/** The verdict on A and B as a sentence. */
export function verdictText(verdict: Verdict, a: string, b: string): string {
  const points = (rate: number): string => `${(rate * 100).toFixed(0)} points`;
  const { low, high } = verdict.interval;
  const range = `95 % interval of the difference ${(low * 100).toFixed(0)} to ${points(high)}`;
  const tested = `${verdict.test}, p = ${verdict.p < 0.001 ? verdict.p.toExponential(1) : verdict.p.toFixed(3)}; ${range}`;
  switch (verdict.verdict) {
    case 'A is better':
      return `${a} is better than ${b} by ${points(verdict.difference)} (${tested}).`;
    case 'B is better':
      return `${b} is better than ${a} by ${points(-verdict.difference)} (${tested}).`;
    case 'as good':
      return `${a} and ${b} are as good as each other, to within 10 points (${tested}).`;
    case 'no verdict': {
      const more =
        verdict.more === Infinity
          ? 'what was seen so far would not show a difference in 100 000 episodes'
          : `about ${verdict.more} more episodes each would bring one if things go on like this`;
      return `No verdict, n is too small: ${more} (${tested}).`;
    }
    default:
      return verdict.verdict satisfies never;
  }
}

/** Why an episode failed, for people. */
export function causeText(fact: EpisodeFact): string {
  const fault = fact.fault.length === 0 ? '' : `: ${fact.fault.map(reasonText).join(', ')}`;
  return `${fact.reason}${fault}`;
}

/** The name of a Reason in words: `velocity` is a speed limit. */
export function reasonText(name: string): string {
  const bit = Object.hasOwn(Reason, name) ? Reason[name as keyof typeof Reason] : 0;
  return reasonWords(bit)[0]?.short ?? name;
}
