/**
 * Terms of a cost over an arm's motion, as data, and the residuals and norms of src/plan/cost that they stand for. A running
 * weight counts per second, the final one at the last state.
 *
 *   tool-position     FramePosition, m                   tool-orientation  FrameOrientation, rad
 *   joints            q - q_target, rad                  speed             (v - v_target) / limit
 *   effort            u / limit                          range             what q is inside `margin` of a limit, rad
 *   speed-limit       what |v| / limit is above 1 - margin
 */
import { JointResidual, LimitResidual } from '../cost/arm.ts';
import type { CostTerm } from '../cost/cost.ts';
import { FrameOrientation, FramePosition, type FrameView } from '../cost/frame.ts';
import { hinge, type Norm, smoothed } from '../cost/norm.ts';
import type { Residual } from '../cost/residual.ts';

/** Terms that are measured from a target or from 0, and those that begin near a limit. */
const AIMS = ['tool-position', 'tool-orientation', 'joints', 'speed', 'effort'] as const;
const LIMITS = ['range', 'speed-limit'] as const;
export const TERM_KINDS = [...AIMS, ...LIMITS] as const;
export type TermKind = (typeof TERM_KINDS)[number];

interface Weighed {
  readonly name: string;
  /** Per second, and at the last state. Both may be changed while it runs. */
  readonly weight: number;
  readonly final: number;
}
interface Aim extends Weighed {
  readonly kind: (typeof AIMS)[number];
  /** Length of the residual at which the norm turns from square to straight; 0 or absent: square everywhere. */
  readonly smooth?: number;
}
interface Limit extends Weighed {
  readonly kind: (typeof LIMITS)[number];
  /** range: rad; speed-limit: share of the limit. */
  readonly margin: number;
}
export type TermSpec = Aim | Limit;

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

/** What all stages aim at: a row per state of a plan, which residuals read and a target source writes. */
export class StageTargets {
  readonly pose: Float64Array;
  readonly q: Float64Array;
  readonly qd: Float64Array;
  /** Views of the rows. */
  readonly stages: readonly StageTarget[];

  constructor(joints: number, horizon: number) {
    // Two rows at the least: one would stand for all stages.
    const rows = Math.max(2, horizon + 1);
    this.pose = new Float64Array(7 * rows);
    this.q = new Float64Array(joints * rows);
    this.qd = new Float64Array(joints * rows);
    const row = (all: Float64Array, size: number, t: number): Float64Array =>
      all.subarray(t * size, (t + 1) * size);
    this.stages = Array.from({ length: rows }, (_, t) => ({
      pose: row(this.pose, 7, t),
      q: row(this.q, joints, t),
      qd: row(this.qd, joints, t),
    }));
    for (const stage of this.stages) stage.pose[6] = 1;
  }
}

export interface TermContext {
  readonly view: FrameView;
  readonly limits: TermLimits;
  readonly targets: StageTargets;
  /** Entries of the state: more than 2n where there is more in it than the arm. */
  readonly ndx: number;
}

/** Throws PLAN_PROBLEM_INVALID, LENGTH_MISMATCH. */
export function costTerms(specs: readonly TermSpec[], context: TermContext): readonly CostTerm[] {
  return specs.map((spec) => {
    const { name, weight, final } = spec;
    return { name, weight, final, residual: residualOf(spec, context), norm: normOf(spec) };
  });
}

function residualOf(spec: TermSpec, { view, limits, targets, ndx }: TermContext): Residual {
  const { n } = view;
  switch (spec.kind) {
    case 'tool-position':
      return new FramePosition(view, targets.pose);
    case 'tool-orientation':
      return new FrameOrientation(view, targets.pose);
    case 'joints':
      return new JointResidual('q', n, { target: targets.q });
    case 'speed':
      return new JointResidual('v', n, { target: targets.qd, scale: limits.speed.map((v) => 1 / v) });
    case 'effort':
      return new JointResidual('u', n, { scale: limits.control.map((v) => 1 / v), ndx });
    case 'range': {
      const { min, max } = limits;
      return new LimitResidual(
        'q',
        min.map((v) => v + spec.margin),
        max.map((v) => v - spec.margin),
      );
    }
    case 'speed-limit': {
      const most = limits.speed.map((v) => (1 - spec.margin) * v);
      const scale = limits.speed.map((v) => 1 / v);
      return new LimitResidual(
        'v',
        most.map((v) => -v),
        most,
        scale,
      );
    }
    default:
      return spec satisfies never;
  }
}

const normOf = (spec: TermSpec): Norm => ('margin' in spec ? hinge : smoothed(spec.smooth ?? 0));
