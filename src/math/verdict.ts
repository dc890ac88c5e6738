/**
 * Verdict on two policies: better, as good, or no verdict because there were too few episodes, with how many more it
 * would take. Never "no difference" from a test that could not have seen one.
 */
import {
  binomial,
  binomialAtMost,
  fisherExact,
  type Interval,
  mcnemarExact,
  newcombe,
  newcombePaired,
  type Pairs,
} from './statistics.ts';

export interface VerdictOptions {
  /** Chance of calling two equal policies different. Default 0.05. */
  readonly alpha?: number;
  /** Two policies whose rates differ by less than this are as good as each other. Default 0.1. */
  readonly margin?: number;
  /** Chance with which the episodes asked for would show the difference seen so far. Default 0.8. */
  readonly power?: number;
}

export interface Verdict {
  readonly verdict: 'A is better' | 'B is better' | 'as good' | 'no verdict';
  readonly test: 'exact McNemar' | 'Fisher exact';
  /** Two-sided. */
  readonly p: number;
  /** Rate of A minus rate of B, with its 95 % Newcombe interval. */
  readonly difference: number;
  readonly interval: Interval;
  /** Without a verdict: about so many more episodes (per policy) would bring one; Infinity beyond `FARTHEST`. */
  readonly more: number;
}

/** Nobody runs more episodes than this. */
const FARTHEST = 100_000;
const DEFAULTS = { alpha: 0.05, margin: 0.1, power: 0.8 };

/** Both policies ran on the same seeds. */
export function pairedVerdict(pairs: Pairs, options: VerdictOptions = {}): Verdict {
  const { alpha, margin, power } = { ...DEFAULTS, ...options };
  const n = pairs.both + pairs.onlyA + pairs.onlyB + pairs.neither;
  const p = mcnemarExact(pairs.onlyA, pairs.onlyB);
  const difference = n === 0 ? 0 : (pairs.onlyA - pairs.onlyB) / n;
  const interval = newcombePaired(pairs);
  const found = { test: 'exact McNemar', p, difference, interval } as const;
  const verdict = judge(p, alpha, difference, interval, margin);
  if (verdict !== 'no verdict') return { ...found, verdict, more: 0 };
  const discordant = pairs.onlyA + pairs.onlyB;
  const toDiffer =
    discordant === 0
      ? Infinity
      : (discordantNeeded(Math.max(pairs.onlyA, pairs.onlyB) / discordant, alpha, power) * n) / discordant;
  const toEqual = smallest(Math.max(n, 1), (m) => {
    const scale = m / Math.max(n, 1);
    const { both, onlyA, onlyB } = pairs;
    const grown = { both: both * scale, onlyA: onlyA * scale, onlyB: onlyB * scale };
    const neither = m - grown.both - grown.onlyA - grown.onlyB;
    return within(newcombePaired({ ...grown, neither }), margin);
  });
  return { ...found, verdict, more: more(n, toDiffer, toEqual) };
}

/** The policies ran on different seeds: a of n against b of m. */
export function unpairedVerdict(
  a: number,
  n: number,
  b: number,
  m: number,
  options: VerdictOptions = {},
): Verdict {
  const { alpha, margin } = { ...DEFAULTS, ...options };
  const p = n === 0 || m === 0 ? 1 : fisherExact(a, n, b, m);
  const difference = n === 0 || m === 0 ? 0 : a / n - b / m;
  const interval = newcombe(a, n, b, m);
  const found = { test: 'Fisher exact', p, difference, interval } as const;
  const verdict = judge(p, alpha, difference, interval, margin);
  if (verdict !== 'no verdict') return { ...found, verdict, more: 0 };
  const rate = (x: number, of: number): number => (of === 0 ? 0.5 : x / of);
  const now = Math.max(1, Math.min(n, m));
  const grown = (k: number): [number, number, number, number] => [
    Math.round(rate(a, n) * k),
    k,
    Math.round(rate(b, m) * k),
    k,
  ];
  // Where the rates seen so far would be significant. That is a power of about one half.
  const toDiffer = difference === 0 ? Infinity : smallest(now, (k) => fisherExact(...grown(k)) < alpha);
  const toEqual = smallest(now, (k) => within(newcombe(...grown(k)), margin));
  return { ...found, verdict, more: more(Math.min(n, m), toDiffer, toEqual) };
}

function judge(
  p: number,
  alpha: number,
  difference: number,
  interval: Interval,
  margin: number,
): Verdict['verdict'] {
  if (p < alpha) return difference > 0 ? 'A is better' : 'B is better';
  return within(interval, margin) ? 'as good' : 'no verdict';
}

const within = (interval: Interval, margin: number): boolean =>
  interval.low > -margin && interval.high < margin;

function more(n: number, toDiffer: number, toEqual: number): number {
  const need = Math.ceil(Math.min(toDiffer, toEqual));
  return need > FARTHEST ? Infinity : Math.max(1, need - n);
}

/** The fewest discordant pairs with which the exact McNemar test can be significant: all on one side. */
export function fewestDiscordant(alpha: number): number {
  // 2 · (1/2)^m < alpha.
  return Math.floor(Math.log2(2 / alpha)) + 1;
}

/**
 * About how many discordant pairs the exact McNemar test needs to be significant with the given power, when the better
 * policy wins a fraction `wins` of them. Infinity beyond FARTHEST.
 */
export function discordantNeeded(wins: number, alpha: number, power: number): number {
  if (wins <= 0.5) return Infinity;
  return smallest(fewestDiscordant(alpha), (m) => {
    let critical = -1;
    for (let k = 0, sum = 0; k < m; k++) {
      sum += 2 * binomial(k, m, 0.5);
      if (sum >= alpha) break;
      critical = k;
    }
    // The loser may win at most `critical` of them.
    return critical >= 0 && binomialAtMost(critical, m, 1 - wins) >= power;
  });
}

/** About the smallest n ≥ `from` for which `enough` holds, given that it holds from some n on; Infinity if far away. */
function smallest(from: number, enough: (n: number) => boolean): number {
  let high = from;
  if (enough(high)) return high;
  while (!enough(high)) {
    high *= 2;
    if (high > FARTHEST) return Infinity;
  }
  let low = high / 2;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}
