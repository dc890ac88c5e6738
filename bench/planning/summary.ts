/** From curves of cost over time to what the table and the plot show. Pure. */
import { median, quantile } from '../harness.ts';

export interface Curve {
  readonly seed: number;
  /** Seconds, ascending; the first is when the warm start was rolled out. */
  readonly times: readonly number[];
  /** Cost of the plan at these times, never ascending. */
  readonly costs: readonly number[];
  readonly status: string;
}

/** Curves of one planner, a seed each. */
export type Runs = ReadonlyMap<string, readonly Curve[]>;

export interface Band {
  readonly time: number;
  /** Share of the start's cost above the best known plan that is left: quartiles and median over the seeds. */
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

export interface Row {
  readonly name: string;
  readonly bands: readonly Band[];
  /** Median seconds until a tenth and a hundredth are left; null where fewer than half of the seeds get there. */
  readonly toTenth: number | null;
  readonly toHundredth: number | null;
  readonly end: Band;
  readonly iterationSeconds: number;
}

/** Per seed: the cost that all start from and the least that any of them found. */
export function references(runs: Runs): ReadonlyMap<number, { start: number; best: number }> {
  const found = new Map<number, { start: number; best: number }>();
  for (const curves of runs.values()) {
    for (const { seed, costs } of curves) {
      const known = found.get(seed) ?? { start: costs[0]!, best: Number.POSITIVE_INFINITY };
      if (known.start !== costs[0]) throw new Error(`planners start seed ${seed} from different costs`);
      found.set(seed, { start: known.start, best: Math.min(known.best, costs.at(-1)!) });
    }
  }
  return found;
}

/** The share that is left at a time: 1 before the first plan. */
export function leftAt(
  { times, costs }: Curve,
  reference: { start: number; best: number },
  time: number,
): number {
  let i = times.length - 1;
  while (i >= 0 && times[i]! > time) i--;
  return i < 0 ? 1 : (costs[i]! - reference.best) / (reference.start - reference.best);
}

/** Seconds until no more than `share` is left; infinite when it never is. */
export function timeTo(
  { times, costs }: Curve,
  reference: { start: number; best: number },
  share: number,
): number {
  const limit = reference.best + share * (reference.start - reference.best);
  const at = costs.findIndex((c) => c <= limit);
  return at < 0 ? Number.POSITIVE_INFINITY : times[at]!;
}

/** One row per planner; `grid` are the times of the bands, the last of which is the end. */
export function summarise(runs: Runs, grid: readonly number[]): readonly Row[] {
  const known = references(runs);
  return [...runs].map(([name, curves]) => {
    const bands = grid.map((time) => {
      const left = curves.map((c) => leftAt(c, known.get(c.seed)!, time)).sort((a, b) => a - b);
      return { time, low: quantile(left, 0.25), middle: median(left), high: quantile(left, 0.75) };
    });
    const reached = (share: number): number | null => {
      const times = curves.map((c) => timeTo(c, known.get(c.seed)!, share)).sort((a, b) => a - b);
      const middle = quantile(times, 0.5);
      return middle === Number.POSITIVE_INFINITY ? null : middle;
    };
    const each = curves
      .filter((c) => c.times.length > 1)
      .map((c) => (c.times.at(-1)! - c.times[0]!) / (c.times.length - 1))
      .sort((a, b) => a - b);
    return {
      name,
      bands,
      toTenth: reached(0.1),
      toHundredth: reached(0.01),
      end: bands.at(-1)!,
      iterationSeconds: each.length === 0 ? Number.NaN : median(each),
    };
  });
}

/** `count` times from `first` to `last`, evenly spread on a logarithmic axis. */
export function logGrid(first: number, last: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => first * (last / first) ** (i / (count - 1)));
}
