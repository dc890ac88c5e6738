/**
 * Statistics of attempts that succeed or fail, for evaluation: intervals, exact tests, and how many more attempts a
 * verdict needs. Pure; nothing here knows what was attempted.
 */

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** ln(n!) for whole n ≥ 0, from a table that grows. */
export function logFactorial(n: number): number {
  for (let i = logFactorials.length; i <= n; i++) logFactorials.push(logFactorials[i - 1]! + Math.log(i));
  return logFactorials[n]!;
}
const logFactorials = [0];

const logChoose = (n: number, k: number): number => logFactorial(n) - logFactorial(k) - logFactorial(n - k);

/** P(X = k) for X ~ Binomial(n, p). */
export function binomial(k: number, n: number, p: number): number {
  if (k < 0 || k > n) return 0;
  if (p <= 0) return k === 0 ? 1 : 0;
  if (p >= 1) return k === n ? 1 : 0;
  return Math.exp(logChoose(n, k) + k * Math.log(p) + (n - k) * Math.log1p(-p));
}

/** P(X ≤ k) for X ~ Binomial(n, p). */
export function binomialAtMost(k: number, n: number, p: number): number {
  let sum = 0;
  for (let i = 0; i <= Math.min(k, n); i++) sum += binomial(i, n, p);
  return Math.min(1, sum);
}

/**
 * z with P(Z ≤ z) = p for a standard normal, 0 < p < 1; relative error below 1e-9. Rational approximation of
 * P. J. Acklam (1.15e-9), valid in the whole range.
 */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : Number.NaN;
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return polynomial(TAIL_TOP, q) / (polynomial(TAIL_BOTTOM, q) * q + 1);
  }
  const q = p - 0.5;
  const r = q * q;
  return (polynomial(MIDDLE_TOP, r) * q) / (polynomial(MIDDLE_BOTTOM, r) * r + 1);
}

const polynomial = (c: readonly number[], x: number): number => c.reduce((sum, value) => sum * x + value, 0);
const MIDDLE_TOP = [
  -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
  2.506628277459239,
];
const MIDDLE_BOTTOM = [
  -54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572,
];
const TAIL_TOP = [
  -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
  2.938163982698783,
];
const TAIL_BOTTOM = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416];

const twoSided = (confidence: number): number => normalQuantile(0.5 + confidence / 2);

/**
 * Wilson score interval of a success rate: the p for which |x/n − p| ≤ z √(p (1 − p)/n). Unlike x/n ± z·se it keeps
 * its coverage near 0 and 1 and for small n. No attempts: [0, 1]. [Wilson 1927; Brown, Cai & DasGupta 2001]
 */
export function wilson(successes: number, n: number, confidence = 0.95): Interval {
  if (n === 0) return { low: 0, high: 1 };
  const z = twoSided(confidence);
  const rate = successes / n;
  const middle = rate + (z * z) / (2 * n);
  const half = z * Math.sqrt((rate * (1 - rate)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  // At the ends the exact bound is 0 or 1; rounding must not leave 1e-17.
  return {
    low: successes === 0 ? 0 : (middle - half) / scale,
    high: successes === n ? 1 : (middle + half) / scale,
  };
}

/**
 * Two-sided p of the exact McNemar test: of `onlyA + onlyB` pairs that differ, each side wins with chance 1/2 when
 * there is no difference. Pairs with equal outcomes say nothing. [McNemar 1947; exact: the sign test]
 */
export function mcnemarExact(onlyA: number, onlyB: number): number {
  return Math.min(1, 2 * binomialAtMost(Math.min(onlyA, onlyB), onlyA + onlyB, 0.5));
}

/**
 * Two-sided p of Fisher's exact test for two independent rates, a of n and b of m: the sum of the hypergeometric
 * probabilities that are no larger than the observed one, given all margins. [Fisher 1935]
 */
export function fisherExact(a: number, n: number, b: number, m: number): number {
  const successes = a + b;
  const all = logChoose(n + m, successes);
  const chance = (k: number): number => Math.exp(logChoose(n, k) + logChoose(m, successes - k) - all);
  const observed = chance(a);
  let p = 0;
  for (let k = Math.max(0, successes - m); k <= Math.min(n, successes); k++) {
    const one = chance(k);
    // Tables that are exactly as likely must count, in spite of rounding.
    if (one <= observed * (1 + 1e-9)) p += one;
  }
  return Math.min(1, p);
}

/**
 * Interval of the difference a/n − b/m of two independent rates: their Wilson intervals, squared and added (method 10
 * of Newcombe 1998, Statistics in Medicine 17:873).
 */
export function newcombe(a: number, n: number, b: number, m: number, confidence = 0.95): Interval {
  if (n === 0 || m === 0) return { low: -1, high: 1 };
  return combine(a / n, wilson(a, n, confidence), b / m, wilson(b, m, confidence), 0);
}

/** Outcomes of two policies on the same seeds. */
export interface Pairs {
  readonly both: number;
  readonly onlyA: number;
  readonly onlyB: number;
  readonly neither: number;
}

/**
 * Interval of the difference of two rates measured on the same seeds, with their correlation φ (method 10 of Newcombe
 * 1998, Statistics in Medicine 17:2635).
 */
export function newcombePaired(pairs: Pairs, confidence = 0.95): Interval {
  const { both: e, onlyA: f, onlyB: g, neither: h } = pairs;
  const n = e + f + g + h;
  if (n === 0) return { low: -1, high: 1 };
  const margins = (e + f) * (g + h) * (e + g) * (f + h);
  let phi = 0;
  if (margins > 0) {
    const excess = e * h - f * g;
    // With a correction for continuity where the correlation is positive, as the paper has it.
    phi = (excess > 0 ? Math.max(excess - n / 2, 0) : excess) / Math.sqrt(margins);
  }
  return combine((e + f) / n, wilson(e + f, n, confidence), (e + g) / n, wilson(e + g, n, confidence), phi);
}

function combine(a: number, ofA: Interval, b: number, ofB: Interval, phi: number): Interval {
  const span = (x: number, y: number): number => Math.sqrt(Math.max(0, x * x - 2 * phi * x * y + y * y));
  return {
    low: Math.max(-1, a - b - span(a - ofA.low, ofB.high - b)),
    high: Math.min(1, a - b + span(ofA.high - a, b - ofB.low)),
  };
}

/** The value at a fraction of the sorted values, interpolated; NaN when there is none. */
export function quantile(values: readonly number[], fraction: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((x, y) => x - y);
  const at = fraction * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (at - below);
}

export interface Median extends Interval {
  readonly median: number;
}

/**
 * Median with the interval between two order statistics that covers the true one with at least this confidence,
 * whatever the distribution. Fewer than 6 values give no 95 % interval: its ends are then NaN.
 */
export function medianInterval(values: readonly number[], confidence = 0.95): Median {
  const n = values.length;
  const sorted = [...values].sort((x, y) => x - y);
  let below = 0;
  let sum = binomial(0, n, 0.5);
  while (n > 0 && sum <= (1 - confidence) / 2) sum += binomial(++below, n, 0.5);
  const median = quantile(sorted, 0.5);
  if (below === 0) return { median, low: Number.NaN, high: Number.NaN };
  return { median, low: sorted[below - 1]!, high: sorted[n - below]! };
}
