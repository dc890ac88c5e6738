/** What multiple shooting needs beside the workspace of the DDP family. */
import {
  allocFeedback,
  allocRows,
  allocTrajectory,
  difference,
  type Feedback,
  heap,
  type Rows,
  type Trajectory,
} from '../memory.ts';
import type { PlanMemory, Problem } from '../problem.ts';

export interface Gaps {
  /** f_0 = x0 ⊖ x_0 and f_{t+1} = f(x_t, u_t) ⊖ x_{t+1}: (T + 1) × ndx. */
  readonly f: Rows;
  /** Σ |f| and max |f|. */
  sum: number;
  largest: number;
}

/** The last good plan with its feedback, while a solve has open gaps. */
export interface Kept {
  trajectory: Trajectory;
  feedback: Feedback;
}

/** Gaps up to this are rounding: such a start counts as rolled out. */
const CLOSED = 1e-12;

export function allocGaps({ ndx, horizon }: Problem): Gaps {
  return { f: allocRows(heap, horizon + 1, ndx), sum: 0, largest: 0 };
}

export function allocKept(memory: PlanMemory, problem: Problem): Kept {
  return { trajectory: allocTrajectory(memory, problem), feedback: allocFeedback(memory, problem) };
}

/** Gap t from where the model goes, `next`, to the state of the trajectory. */
export function setGap(problem: Problem, gaps: Gaps, t: number, x: Float64Array, next: Float64Array): void {
  difference(problem, x, next, gaps.f.rows[t]!);
}

/** After a step of length `step`: what is left of the gaps, which a full step closes. */
export function shrinkGaps(gaps: Gaps, step: number): void {
  const { flat } = gaps.f;
  for (let i = 0; i < flat.length; i++) flat[i]! *= 1 - step;
  measure(gaps);
}

export function measure(gaps: Gaps): void {
  const { flat } = gaps.f;
  gaps.sum = 0;
  gaps.largest = 0;
  for (let i = 0; i < flat.length; i++) {
    const size = Math.abs(flat[i]!);
    gaps.sum += size;
    gaps.largest = Math.max(gaps.largest, size);
  }
  if (gaps.largest <= CLOSED) {
    flat.fill(0);
    gaps.sum = 0;
    gaps.largest = 0;
  }
}
