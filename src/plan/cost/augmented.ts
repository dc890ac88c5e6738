/**
 * Constraints on residuals by augmented Lagrangian (Nocedal and Wright 2006, chapter 17), as a norm with multipliers of
 * its own for each stage:
 *
 *     r = 0    φ(r) = λᵀ r + ½ ρ |r|²
 *     r ≤ 0    φ(r) = Σ (max(0, λ_i + ρ r_i)² - λ_i²) / 2ρ
 *
 * In a problem its term has weight 1 / dt (running stages are multiplied by dt) and, where it holds at the end too, final 1.
 */
import type { Norm } from './norm.ts';

export type ConstraintKind = 'zero' | 'below';

export class AugmentedNorm implements Norm {
  readonly name = 'augmented';
  readonly kind: ConstraintKind;
  readonly size: number;
  /** λ, (T + 1) × size. */
  readonly multipliers: Float64Array;
  rho: number;
  #at = 0;

  constructor(kind: ConstraintKind, size: number, horizon: number, rho: number) {
    this.kind = kind;
    this.size = size;
    this.multipliers = new Float64Array((horizon + 1) * size);
    this.rho = rho;
  }

  stage(t: number): void {
    this.#at = t * this.size;
  }

  value(r: Float64Array, out: Float64Array): void {
    let sum = 0;
    for (let i = 0; i < this.size; i++) {
      const lambda = this.multipliers[this.#at + i]!;
      const shifted = lambda + this.rho * r[i]!;
      if (this.kind === 'zero') sum += (lambda + 0.5 * this.rho * r[i]!) * r[i]!;
      else sum += ((shifted > 0 ? shifted * shifted : 0) - lambda * lambda) / (2 * this.rho);
    }
    out[0] = sum;
  }

  derivatives(r: Float64Array, g: Float64Array, h: Float64Array): void {
    for (let i = 0; i < this.size; i++) {
      const shifted = this.multipliers[this.#at + i]! + this.rho * r[i]!;
      const on = this.kind === 'zero' || shifted > 0;
      g[i] = on ? shifted : 0;
      h[i] = on ? this.rho : 0;
    }
    h[this.size] = 0;
  }

  /** How far r is from what it should be. */
  violation(r: Float64Array): number {
    let most = 0;
    for (let i = 0; i < this.size; i++) {
      most = Math.max(most, this.kind === 'zero' ? Math.abs(r[i]!) : r[i]!);
      if (Number.isNaN(r[i]!)) return Number.NaN;
    }
    return most;
  }

  /** λ ← λ + rate · ρ r, held above 0 for r ≤ 0. */
  update(t: number, r: Float64Array, rate = 1): void {
    for (let i = 0; i < this.size; i++) {
      const at = t * this.size + i;
      const next = this.multipliers[at]! + rate * this.rho * r[i]!;
      this.multipliers[at] = this.kind === 'zero' ? next : Math.max(0, next);
    }
  }
}
