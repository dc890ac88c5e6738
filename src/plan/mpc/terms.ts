/**
 * Terms of a cost over an arm's motion, as data: l = Σ_i w_i φ_i(r_i(x, u, t)). A running weight counts per second, the
 * final one at the last state. φ(r) = ½ |r|² or, with `smooth` p > 0, p² (√(1 + |r|²/p²) − 1): like ½ |r|² near 0 and like
 * p |r| far away, so that a far target does not outweigh everything else.
 *
 *   tool-position     r = p − p_target, m                      tool-orientation  r = rotation from target to tool, rad
 *   joints            r = q − q_target, rad                    speed             r = (qd − qd_target) / limit
 *   effort            r = u / limit                            range             r = what q is inside `margin` of a limit, rad
 *   speed-limit       r = what |qd| / limit is above 1 − margin
 *
 * Gradients are exact (of the orientation as well: for equal weights the rotation vector is an eigenvector of its own
 * Jacobian), Hessians Gauss–Newton.
 */

export const TERM_KINDS = [
  'tool-position',
  'tool-orientation',
  'joints',
  'speed',
  'effort',
  'range',
  'speed-limit',
] as const;
export type TermKind = (typeof TERM_KINDS)[number];

export interface TermSpec {
  readonly name: string;
  readonly kind: TermKind;
  /** Per second, and at the last state. Both may be changed while it runs. */
  readonly weight: number;
  readonly final: number;
  /** Residual at which the norm turns from square to straight; 0 or absent: square everywhere. */
  readonly smooth?: number;
  /** range: rad; speed-limit: share of the limit. */
  readonly margin?: number;
}

/** Limits that terms measure by, n values each. */
export interface TermLimits {
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly speed: Float64Array;
  readonly control: Float64Array;
}

/** What a stage aims at. */
export interface StageTarget {
  /** p x y z, quaternion x y z w, in the base. */
  readonly pose: Float64Array;
  readonly q: Float64Array;
  readonly qd: Float64Array;
}

/** Which part of (x, u) a residual depends on, and how. */
export type Part = 'tool' | 'q' | 'qd' | 'u';

export const partOf = (kind: TermKind): Part => {
  switch (kind) {
    case 'tool-position':
    case 'tool-orientation':
      return 'tool';
    case 'joints':
    case 'range':
      return 'q';
    case 'speed':
    case 'speed-limit':
      return 'qd';
    case 'effort':
      return 'u';
    default:
      return kind satisfies never;
  }
};

/** One residual in numbers. `r` holds it, `slope` its derivative by the part's own entry (a tool's is its Jacobian). */
export class Term {
  readonly spec: TermSpec;
  readonly part: Part;
  readonly size: number;
  /** First row of the tool's error and Jacobian. */
  readonly row: number;
  readonly r: Float64Array;
  readonly slope: Float64Array;
  readonly #limits: TermLimits;
  readonly #smooth: number;
  readonly #margin: number;

  constructor(spec: TermSpec, joints: number, limits: TermLimits) {
    this.spec = spec;
    this.part = partOf(spec.kind);
    this.size = this.part === 'tool' ? 3 : joints;
    this.row = spec.kind === 'tool-orientation' ? 3 : 0;
    this.r = new Float64Array(this.size);
    this.slope = new Float64Array(this.size).fill(1);
    this.#limits = limits;
    this.#smooth = spec.smooth ?? 0;
    this.#margin = spec.margin ?? 0;
    const { speed, control } = limits;
    if (spec.kind === 'speed' || spec.kind === 'speed-limit')
      for (let i = 0; i < joints; i++) this.slope[i] = 1 / speed[i]!;
    if (spec.kind === 'effort') for (let i = 0; i < joints; i++) this.slope[i] = 1 / control[i]!;
  }

  /** Writes r; `error` is the tool's (6). A slope of 0 marks what a one-sided residual does not see. */
  residual(x: Float64Array, u: Float64Array, error: Float64Array, target: StageTarget): void {
    const n = this.size;
    const { r, slope } = this;
    const { min, max, speed } = this.#limits;
    switch (this.spec.kind) {
      case 'tool-position':
      case 'tool-orientation':
        for (let i = 0; i < 3; i++) r[i] = error[this.row + i]!;
        break;
      case 'joints':
        for (let i = 0; i < n; i++) r[i] = x[i]! - target.q[i]!;
        break;
      case 'speed':
        for (let i = 0; i < n; i++) r[i] = (x[n + i]! - target.qd[i]!) * slope[i]!;
        break;
      case 'effort':
        for (let i = 0; i < n; i++) r[i] = u[i]! * slope[i]!;
        break;
      case 'range':
        for (let i = 0; i < n; i++) {
          const over = x[i]! - (max[i]! - this.#margin);
          const under = x[i]! - (min[i]! + this.#margin);
          r[i] = over > 0 ? over : under < 0 ? under : 0;
          slope[i] = r[i] === 0 ? 0 : 1;
        }
        break;
      case 'speed-limit':
        for (let i = 0; i < n; i++) {
          const v = x[n + i]! / speed[i]!;
          const most = 1 - this.#margin;
          r[i] = v > most ? v - most : v < -most ? v + most : 0;
          slope[i] = r[i] === 0 ? 0 : 1 / speed[i]!;
        }
        break;
      default:
        this.spec.kind satisfies never;
    }
  }

  /** φ(r). */
  value(): number {
    let s = 0;
    for (let i = 0; i < this.size; i++) s += this.r[i]! * this.r[i]!;
    const p = this.#smooth;
    return p > 0 ? p * p * (Math.sqrt(1 + s / (p * p)) - 1) : 0.5 * s;
  }

  /**
   * φ's gradient by r is g r, its Hessian g I − h r rᵀ: writes (g, h) to out.
   */
  curvature(out: Float64Array): void {
    const p = this.#smooth;
    if (p <= 0) {
      out[0] = 1;
      out[1] = 0;
      return;
    }
    let s = 0;
    for (let i = 0; i < this.size; i++) s += this.r[i]! * this.r[i]!;
    const a = Math.sqrt(1 + s / (p * p));
    out[0] = 1 / a;
    out[1] = 1 / (p * p * a * a * a);
  }

  /**
   * For residuals of which entry i depends on entry `at` + i alone: adds gradient and Hessian (rows of `width`), weighted
   * by w, with (g, h) of `curvature`.
   */
  derive(
    w: number,
    gh: Float64Array,
    width: number,
    at: number,
    gradient: Float64Array,
    hessian: Float64Array,
  ): void {
    const { r, slope, size } = this;
    const g = gh[0]! * w;
    const h = gh[1]! * w;
    for (let i = 0; i < size; i++) {
      gradient[at + i]! += g * r[i]! * slope[i]!;
      hessian[(at + i) * width + at + i]! += g * slope[i]! * slope[i]!;
      if (h === 0) continue;
      for (let j = 0; j <= i; j++) {
        const v = h * r[i]! * slope[i]! * (r[j]! * slope[j]!);
        hessian[(at + i) * width + at + j]! -= v;
        if (j !== i) hessian[(at + j) * width + at + i]! -= v;
      }
    }
  }
}
