/**
 * Rows of an episode on an even raster, and which of them an observation history and an action chunk take.
 * A row is a sample time with what was known then: the newest earlier tick, the newest earlier frame of each camera.
 */
import { latestAt, rasterNs } from './align.ts';
import { type IdleRule, idleFlags } from './idle.ts';
import type { Span, TickColumns } from './spans.ts';

export interface RowRule {
  /** Rows per second. */
  readonly rateHz: number;
  readonly idle: IdleRule;
  /** An observation older than this is stale, ns. */
  readonly maxAgeNs: number;
}

export interface RowSource extends TickColumns {
  /** Capture time of the oldest state that the tick used: the smallest in.device.time. */
  readonly stateNs: Float64Array;
  /** out.q: ticks × axes. */
  readonly commands: Float64Array;
}

/** Rows first..last, both included: one driven span. */
export interface RowSpan {
  readonly first: number;
  readonly last: number;
}

export interface Rows {
  readonly spans: readonly RowSpan[];
  readonly timesNs: Float64Array;
  /** Index of the tick in force at the row. */
  readonly tick: Int32Array;
  /** Per camera: index of its frame at the row. */
  readonly frames: readonly Int32Array[];
  /** Per camera: age of that frame at the row, ns. */
  readonly frameAgeNs: readonly Float64Array[];
  /** Age of the measured state at the row, ns. */
  readonly stateAgeNs: Float64Array;
  /** 1: within an idle span; commands are looked at tick by tick. */
  readonly idle: Uint8Array;
  /** 1: a frame or the state is older than maxAgeNs. */
  readonly stale: Uint8Array;
}

/**
 * Rows of all spans, one after the other. The raster of a span begins at its first tick. Rows before every camera has
 * a frame of this scene are left out: a frame from before a reset shows another scene. `framesNs`: capture times per
 * camera, ascending.
 */
export function alignRows(
  ticks: RowSource,
  spans: readonly Span[],
  framesNs: readonly Float64Array[],
  rule: RowRule,
): Rows {
  const parts = spans
    .map((span) => alignSpan(ticks, span, framesNs, rule))
    .filter((p) => p.timesNs.length > 0);
  let rows = 0;
  const bounds = parts.map(({ timesNs }) => {
    const first = rows;
    rows += timesNs.length;
    return { first, last: rows - 1 };
  });
  const join = <T extends Float64Array | Int32Array | Uint8Array>(into: T, pick: (p: SpanRows) => T): T => {
    parts.forEach((part, i) => {
      into.set(pick(part), bounds[i]!.first);
    });
    return into;
  };
  return {
    spans: bounds,
    timesNs: join(new Float64Array(rows), (p) => p.timesNs),
    tick: join(new Int32Array(rows), (p) => p.tick),
    frames: framesNs.map((_, c) => join(new Int32Array(rows), (p) => p.frames[c]!)),
    frameAgeNs: framesNs.map((_, c) => join(new Float64Array(rows), (p) => p.frameAgeNs[c]!)),
    stateAgeNs: join(new Float64Array(rows), (p) => p.stateAgeNs),
    idle: join(new Uint8Array(rows), (p) => p.idle),
    stale: join(new Uint8Array(rows), (p) => p.stale),
  };
}

type SpanRows = Omit<Rows, 'spans'>;

function alignSpan(ticks: RowSource, span: Span, framesNs: readonly Float64Array[], rule: RowRule): SpanRows {
  const { first, last } = span;
  const times = ticks.timesNs.subarray(first, last + 1);
  const axes = rule.idle.tolerance.length;
  const whole = rasterNs(times[0]!, times[times.length - 1]!, rule.rateHz);
  const since = sceneStart(ticks, first);
  const seen = framesNs.map((list) => latestAt(list, whole));
  let head = 0;
  const shown = (row: number): boolean =>
    seen.every((index, c) => index[row]! >= 0 && framesNs[c]![index[row]!]! >= since);
  while (head < whole.length && !shown(head)) head++;
  const timesNs = whole.subarray(head);
  const tick = latestAt(times, timesNs).map((i) => i + first);
  const frames = seen.map((index) => index.subarray(head));
  const frameAgeNs = frames.map((index, c) => timesNs.map((t, row) => t - framesNs[c]![index[row]!]!));
  const stateAgeNs = timesNs.map((t, row) => t - ticks.stateNs[tick[row]!]!);
  const still = idleFlags(times, ticks.commands.subarray(first * axes, (last + 1) * axes), rule.idle);
  const idle = Uint8Array.from(tick, (i) => still[i - first]!);
  const stale = Uint8Array.from(timesNs, (_, row) =>
    stateAgeNs[row]! > rule.maxAgeNs || frameAgeNs.some((age) => age[row]! > rule.maxAgeNs) ? 1 : 0,
  );
  return { timesNs, tick, frames, frameAgeNs, stateAgeNs, idle, stale };
}

/** Time of the first tick of the scene that tick i lies in; −∞ when it is the first of the file. */
function sceneStart(ticks: TickColumns, i: number): number {
  let at = i;
  while (at > 0 && ticks.epoch[at - 1] === ticks.epoch[i]) at--;
  return at === 0 ? Number.NEGATIVE_INFINITY : ticks.timesNs[at]!;
}

/** Row of observation k of S, oldest first, for a sample at `row`: before the span its first row is repeated. */
export function historyRow(span: RowSpan, row: number, k: number, steps: number, stride: number): number {
  return Math.max(span.first, row - (steps - 1 - k) * stride);
}

/** Row of step k of a chunk whose step 0 lies `first` steps after the row; past the span its last row is repeated. */
export function chunkRow(span: RowSpan, row: number, k: number, first: number, stride: number): number {
  return Math.min(span.last, row + (k + first) * stride);
}

/** How many of the H steps of a chunk are real: the rest is repeated and masked out. */
export function chunkLength(
  span: RowSpan,
  row: number,
  horizon: number,
  first: number,
  stride: number,
): number {
  return Math.max(0, Math.min(horizon, Math.floor((span.last - row) / stride) - first + 1));
}

export interface ChosenRows {
  /** Rows that a sample is observed at. */
  readonly rows: Int32Array;
  /** Span of each. */
  readonly spans: Int32Array;
  readonly dropped: { readonly idle: number; readonly stale: number };
}

/**
 * Rows at which a sample may be observed: at least one step of its chunk is real, nothing in its history is stale, and,
 * when idle rows are dropped, it is not idle itself.
 */
export function chooseRows(
  rows: Pick<Rows, 'spans' | 'idle' | 'stale'>,
  shape: {
    readonly steps: number;
    readonly horizon: number;
    readonly first: number;
    readonly stride: number;
    readonly idle: 'keep' | 'drop';
  },
): ChosenRows {
  const { steps, horizon, first, stride } = shape;
  const chosen: number[] = [];
  const of: number[] = [];
  let idle = 0;
  let stale = 0;
  rows.spans.forEach((span, s) => {
    for (let row = span.first; row <= span.last; row++) {
      if (chunkLength(span, row, horizon, first, stride) === 0) continue;
      let old = false;
      for (let k = 0; k < steps; k++) old ||= rows.stale[historyRow(span, row, k, steps, stride)] === 1;
      if (old) stale++;
      else if (shape.idle === 'drop' && rows.idle[row] === 1) idle++;
      else {
        chosen.push(row);
        of.push(s);
      }
    }
  });
  return { rows: Int32Array.from(chosen), spans: Int32Array.from(of), dropped: { idle, stale } };
}
