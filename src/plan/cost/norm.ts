/**
 * Norms: how much a residual r of n entries costs. Each gives φ(r), its gradient g and a positive semidefinite Hessian
 * H = diag(h) + c r rᵀ (exact, but where a comment says otherwise).
 *
 * Numbers go through arrays: one that a function returned would be put on the heap at each call.
 */
import { invalid } from '../check.ts';

export interface Norm {
  readonly name: string;
  /** Called before the others, for norms that differ from stage to stage. */
  stage?(t: number): void;
  /** out[0] = φ(r). */
  value(r: Float64Array, out: Float64Array): void;
  /** Writes g (n) and h (n + 1: its last entry is c). */
  derivatives(r: Float64Array, g: Float64Array, h: Float64Array): void;
}

/** ½ |r|². */
export const quadratic: Norm = {
  name: 'quadratic',
  value(r, out) {
    let sum = 0;
    for (let i = 0; i < r.length; i++) sum += r[i]! * r[i]!;
    out[0] = 0.5 * sum;
  },
  derivatives(r, g, h) {
    for (let i = 0; i < r.length; i++) {
      g[i] = r[i]!;
      h[i] = 1;
    }
    h[r.length] = 0;
  },
};

/** Σ (√(r_i² + p²) - p): like r²/2p near 0, like |r| beyond p. */
export class SmoothAbs implements Norm {
  readonly name = 'smooth-abs';
  readonly #p: number;

  constructor(p: number) {
    this.#p = positive('the width of smooth-abs', p);
  }

  value(r: Float64Array, out: Float64Array): void {
    const p = this.#p;
    let sum = 0;
    for (let i = 0; i < r.length; i++) {
      const x = r[i]!;
      // √(x² + p²) - p without the cancellation near 0.
      sum += (x * x) / (Math.sqrt(x * x + p * p) + p);
    }
    out[0] = sum;
  }

  derivatives(r: Float64Array, g: Float64Array, h: Float64Array): void {
    const p = this.#p;
    for (let i = 0; i < r.length; i++) {
      const s = Math.sqrt(r[i]! * r[i]! + p * p);
      g[i] = r[i]! / s;
      h[i] = (p * p) / (s * s * s);
    }
    h[r.length] = 0;
  }
}

/**
 * s (√(|r|² + p²) - p): the length of r, smooth at 0. s is 1; with s = p it is like ½ |r|² near 0 and like p |r| far away, so
 * that a far target does not outweigh everything else (pseudo-Huber).
 */
export class Length implements Norm {
  readonly name = 'length';
  readonly #p: number;
  readonly #scale: number;

  constructor(p: number, scale = 1) {
    this.#p = positive('the width of length', p);
    this.#scale = positive('the scale of length', scale);
  }

  value(r: Float64Array, out: Float64Array): void {
    let square = 0;
    for (let i = 0; i < r.length; i++) square += r[i]! * r[i]!;
    out[0] = (this.#scale * square) / (Math.sqrt(square + this.#p * this.#p) + this.#p);
  }

  derivatives(r: Float64Array, g: Float64Array, h: Float64Array): void {
    let square = this.#p * this.#p;
    for (let i = 0; i < r.length; i++) square += r[i]! * r[i]!;
    const slope = this.#scale / Math.sqrt(square);
    for (let i = 0; i < r.length; i++) {
      g[i] = slope * r[i]!;
      h[i] = slope;
    }
    h[r.length] = -slope / square;
  }
}

/** Σ ½ r_i² where |r_i| ≤ d, d |r_i| - ½ d² beyond (Huber 1964). Beyond d the Hessian is d / |r_i|, that of the
 * iteratively reweighted square, not 0: so that far residuals still shape the step. */
export class Huber implements Norm {
  readonly name = 'huber';
  readonly #d: number;

  constructor(d: number) {
    this.#d = positive('the width of huber', d);
  }

  value(r: Float64Array, out: Float64Array): void {
    const d = this.#d;
    let sum = 0;
    for (let i = 0; i < r.length; i++) {
      const a = Math.abs(r[i]!);
      sum += a <= d ? 0.5 * a * a : d * (a - 0.5 * d);
    }
    out[0] = sum;
  }

  derivatives(r: Float64Array, g: Float64Array, h: Float64Array): void {
    const d = this.#d;
    for (let i = 0; i < r.length; i++) {
      const a = Math.abs(r[i]!);
      g[i] = a <= d ? r[i]! : d * Math.sign(r[i]!);
      h[i] = a <= d ? 1 : d / a;
    }
    h[r.length] = 0;
  }
}

/** Σ ½ max(0, r_i)²: what is above 0 costs, the rest is free. */
export const hinge: Norm = {
  name: 'hinge',
  value(r, out) {
    let sum = 0;
    for (let i = 0; i < r.length; i++) if (r[i]! > 0) sum += r[i]! * r[i]!;
    out[0] = 0.5 * sum;
  },
  derivatives(r, g, h) {
    for (let i = 0; i < r.length; i++) {
      const over = r[i]! > 0;
      g[i] = over ? r[i]! : 0;
      h[i] = over ? 1 : 0;
    }
    h[r.length] = 0;
  },
};

/**
 * Relaxed log barrier for r_i < 0: Σ -log(-r_i) where r_i ≤ -d; beyond, the parabola that goes on with the same value,
 * slope and curvature, so that it is finite everywhere (Hauser and Saccon 2006; Feller and Ebenbauer 2017).
 */
export class RelaxedBarrier implements Norm {
  readonly name = 'relaxed-barrier';
  readonly #d: number;

  constructor(d: number) {
    this.#d = positive('the width of relaxed-barrier', d);
  }

  value(r: Float64Array, out: Float64Array): void {
    const d = this.#d;
    let sum = 0;
    for (let i = 0; i < r.length; i++) {
      const z = -r[i]!;
      if (z >= d) sum -= Math.log(z);
      else {
        const w = (z - 2 * d) / d;
        sum += 0.5 * (w * w - 1) - Math.log(d);
      }
    }
    out[0] = sum;
  }

  derivatives(r: Float64Array, g: Float64Array, h: Float64Array): void {
    const d = this.#d;
    for (let i = 0; i < r.length; i++) {
      const z = -r[i]!;
      if (z >= d) {
        g[i] = 1 / z;
        h[i] = 1 / (z * z);
      } else {
        g[i] = -(z - 2 * d) / (d * d);
        h[i] = 1 / (d * d);
      }
    }
    h[r.length] = 0;
  }
}

/** ½ |r|² that turns straight at |r| = p, as in `Length`; with p = 0 square everywhere. */
export const smoothed = (p: number): Norm => (p === 0 ? quadratic : new Length(p, p));

/** φ(r), for those who ask once. */
export function normOf(norm: Norm, r: Float64Array): number {
  const out = new Float64Array(1);
  norm.value(r, out);
  return out[0]!;
}

function positive(what: string, value: number): number {
  if (!(value > 0 && Number.isFinite(value))) throw invalid(what, value, 'it must be a positive number');
  return value;
}
