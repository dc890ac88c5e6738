/** Steps of gradient shooting: the projected direction, its length, and Adam's update. All in controls over their scale. */
import type { GradientWorkspace } from './workspace.ts';

/**
 * direction = P(us − length · scale² · gradient) − us, P the limits. Returns its largest entry over the scale: with
 * length 1 the measure of optimality.
 */
export function project(w: GradientWorkspace, length: number, out: Float64Array): number {
  const { gradient, scale, low, high } = w;
  const us = w.iterate.us.flat;
  const nu = scale.length;
  let largest = 0;
  for (let i = 0; i < us.length; i++) {
    const j = i % nu;
    const s = scale[j]!;
    const to = us[i]! - length * s * s * gradient[i]!;
    const d = (to < low[j]! ? low[j]! : to > high[j]! ? high[j]! : to) - us[i]!;
    out[i] = d;
    const size = Math.abs(d) / s;
    if (size > largest) largest = size;
  }
  return largest;
}

/** gradientᵀ direction: change of the cost to first order. */
export function slope(w: GradientWorkspace): number {
  let sum = 0;
  for (let i = 0; i < w.gradient.length; i++) sum += w.gradient[i]! * w.direction[i]!;
  return sum;
}

/** Most that a step may grow from one iteration to the next, where the curvature seen is negative. */
const GROWTH = 10;

/**
 * Length of the next step from the last one, which moved us by share · direction and the gradient from `before`:
 * Barzilai & Borwein's sᵀs / sᵀy, s and y over the scale. `length` is that of the last step.
 */
export function nextLength(w: GradientWorkspace, share: number, length: number): number {
  const { gradient, before, direction, scale } = w;
  const nu = scale.length;
  let ss = 0;
  let sy = 0;
  for (let i = 0; i < direction.length; i++) {
    const moved = share * direction[i]!;
    const s = scale[i % nu]!;
    ss += (moved / s) ** 2;
    sy += moved * (gradient[i]! - before[i]!);
  }
  const wanted = sy > 0 ? ss / sy : GROWTH * length;
  return Math.min(Math.max(wanted, 1e-12), 1e12);
}

/**
 * Adam's step number `count` ≥ 1 (Kingma & Ba 2015, algorithm 1), held to the limits; g = scale · gradient:
 *
 *     m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,  trial = P(us − rate · scale · m̂ / (√v̂ + 1e-8 ‖v̂‖∞^½))
 *
 * The guard against division by 0 is relative to the largest entry, for gradients have the unit of the cost.
 */
export function adam(
  w: GradientWorkspace,
  count: number,
  rate: number,
  beta1: number,
  beta2: number,
  trial: Float64Array,
): void {
  const { gradient, scale, low, high, first, second } = w;
  const us = w.iterate.us.flat;
  const nu = scale.length;
  const correct1 = 1 - beta1 ** count;
  const correct2 = 1 - beta2 ** count;
  let most = 0;
  for (let i = 0; i < us.length; i++) {
    const g = scale[i % nu]! * gradient[i]!;
    first[i] = beta1 * first[i]! + (1 - beta1) * g;
    second[i] = beta2 * second[i]! + (1 - beta2) * g * g;
    if (second[i]! > most) most = second[i]!;
  }
  const guard = 1e-8 * Math.sqrt(most / correct2);
  for (let i = 0; i < us.length; i++) {
    const j = i % nu;
    const root = Math.sqrt(second[i]! / correct2) + guard;
    const step = root > 0 ? (rate * scale[j]! * first[i]!) / correct1 / root : 0;
    const to = us[i]! - step;
    trial[i] = to < low[j]! ? low[j]! : to > high[j]! ? high[j]! : to;
  }
}
