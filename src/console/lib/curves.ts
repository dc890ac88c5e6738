/** Lines of metrics.jsonl → columns for plots. Looks at held-out episodes come seldom: gaps in between. No DOM here. */
import type { MetricsLine, RunDetails } from '../../server/learning-protocol.ts';

type Column = (number | null)[];

const TRAIN = ['loss', 'lr', 'samplesPerS'] as const;
/** Lines over which the speed is measured. */
const WINDOW = 20;

export class Curves {
  readonly steps: number[] = [];
  /** s of training. */
  readonly times: number[] = [];
  readonly loss: Column = [];
  readonly lr: Column = [];
  readonly samplesPerS: Column = [];
  readonly heldOut: Column = [];
  /** Held-out error by unit. */
  readonly errors = new Map<string, Column>();

  get length(): number {
    return this.steps.length;
  }

  clear(): void {
    for (const column of [this.steps, this.times, this.loss, this.lr, this.samplesPerS, this.heldOut])
      column.length = 0;
    this.errors.clear();
  }

  push(lines: readonly MetricsLine[]): void {
    for (const line of lines) {
      const row = this.#row(line);
      if ('validation' in line) {
        this.heldOut[row] = finite(line.validation.loss);
        for (const [unit, error] of Object.entries(line.validation.error))
          this.#errorsOf(unit)[row] = finite(error);
      } else for (const name of TRAIN) this[name][row] = finite(line[name]);
    }
  }

  /** Optimiser steps per second of training, over the last lines; NaN while there are too few. */
  get stepsPerS(): number {
    const last = this.length - 1;
    const first = Math.max(0, last - WINDOW);
    return (this.steps[last]! - this.steps[first]!) / (this.times[last]! - this.times[first]!);
  }

  /** The row of the line's step: the last one, or a new one. */
  #row({ step, time }: MetricsLine): number {
    const last = this.length - 1;
    if (this.steps[last] === step) {
      this.times[last] = time;
      return last;
    }
    this.steps.push(step);
    this.times.push(time);
    for (const column of [this.loss, this.lr, this.samplesPerS, this.heldOut, ...this.errors.values()])
      column.push(null);
    return last + 1;
  }

  #errorsOf(unit: string): Column {
    const found = this.errors.get(unit) ?? new Array<null>(this.length).fill(null);
    this.errors.set(unit, found);
    return found;
  }
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** The newest value that is none of the gaps; NaN without one. With `upTo` that at or before this row. */
export function latest(column: Column, upTo = column.length - 1): number {
  for (let i = upTo; i >= 0; i--) if (column[i] != null) return column[i]!;
  return Number.NaN;
}

/** Seconds that a running training goes on for at this speed, its time budget counted; NaN when unknown. */
export function remaining(
  { steps, budget }: Pick<RunDetails, 'steps' | 'budget'>,
  at: { readonly step: number; readonly elapsed: number },
  stepsPerS: number,
): number {
  const bySteps = (steps - at.step) / stepsPerS;
  if (budget === null) return bySteps;
  const byTime = Math.max(0, budget - at.elapsed);
  return Number.isFinite(bySteps) ? Math.min(bySteps, byTime) : byTime;
}
