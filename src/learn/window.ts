/** Means over the steps between two lines of the curves. */
import type { TrainLine } from './metrics.ts';

interface StepResult {
  readonly loss: number;
  readonly gradNorm: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly lr: number;
  /** s. */
  readonly waited: number;
}

export class Window {
  readonly #clock: () => number;
  #results: StepResult[] = [];
  #since: number;

  /** `clock` is monotonic, s. */
  constructor(clock: () => number) {
    this.#clock = clock;
    this.#since = clock();
  }

  get steps(): number {
    return this.#results.length;
  }

  add(result: StepResult): void {
    this.#results.push(result);
  }

  /** Leaves time in which no step was done, such as a look, out of samplesPerS. */
  pause(seconds: number): void {
    this.#since += seconds;
  }

  /** Of at least one step of `batch` samples; begins the next. */
  take(batch: number): Omit<TrainLine, 'step' | 'time'> {
    const results = this.#results.splice(0);
    const now = this.#clock();
    const seconds = now - this.#since;
    this.#since = now;
    const mean = (of: (r: StepResult) => number): number =>
      results.reduce((sum, r) => sum + of(r), 0) / results.length;
    const names = Object.keys(results[0]?.metrics ?? {});
    return {
      loss: mean((r) => r.loss),
      metrics: Object.fromEntries(names.map((name) => [name, mean((r) => r.metrics[name]!)])),
      gradNorm: mean((r) => r.gradNorm),
      lr: results.at(-1)!.lr,
      samplesPerS: (results.length * batch) / seconds,
      waitedMs: mean((r) => r.waited) * 1000,
    };
  }
}
