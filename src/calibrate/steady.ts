/** One raw position of every axis out of many readings, once nothing moves. */
import { ArmloopError } from '../errors.ts';

/** Readings that make one position, and how long (ms) they lie apart. */
const READINGS = 15;
const APART_MS = 20;
/** Largest spread of them that counts as still, in steps of an encoder. */
const STILL = 6;
/** As long it is waited for the hand to come to rest, s. */
const PATIENCE_S = 10;

export interface SteadyOptions {
  readonly read: () => Promise<Float64Array>;
  /** Names of the axes, in the order of `read`, and which of them matter. */
  readonly names: readonly string[];
  readonly axes: readonly number[];
  readonly now: () => number;
  /** Spread that counts as still, and its unit; default: some steps of an encoder. */
  readonly still?: number;
  readonly unit?: string;
}

/** The median of the readings. Rejects with CALIBRATION_UNSTEADY when an axis that matters does not come to rest. */
export async function steady(options: SteadyOptions): Promise<Float64Array> {
  const { read, names, axes, now, still = STILL, unit = 'steps' } = options;
  const end = now() + PATIENCE_S;
  const window: Float64Array[] = [];
  for (;;) {
    window.push(await read());
    if (window.length > READINGS) window.shift();
    if (window.length === READINGS) {
      const moving = axes.find((i) => spread(window, i) > still);
      if (moving === undefined) return Float64Array.from(names, (_, i) => median(window.map((r) => r[i]!)));
      if (now() > end) {
        const way = `${Number(spread(window, moving).toPrecision(3))} ${unit}`;
        throw new ArmloopError('CALIBRATION_UNSTEADY', { axis: names[moving]!, way, seconds: PATIENCE_S });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, APART_MS));
  }
}

function spread(window: readonly Float64Array[], i: number): number {
  const values = window.map((r) => r[i]!);
  return Math.max(...values) - Math.min(...values);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
