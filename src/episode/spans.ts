/** Spans of an episode in which a wanted source drove the arm. */
import { ControllerId, Mode } from '../robot/tick.ts';

/** One entry per tick, ascending in time. */
export interface TickColumns {
  readonly timesNs: Float64Array;
  /** out.mode, out.source, out.controller, in.task.epoch. */
  readonly mode: Float64Array;
  readonly source: Float64Array;
  readonly controller: Float64Array;
  readonly epoch: Float64Array;
}

/** A longer time between two ticks ends a span: what happened in it is unknown, s. */
export const MAX_GAP = 0.1;

export interface SpanRule {
  /** Source codes that count. */
  readonly sources: readonly number[];
  /** A longer time between two ticks ends a span: what happened in it is unknown. */
  readonly maxGapNs: number;
}

/** Ticks first..last, both included. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

/** Controllers that drive nowhere, or back to where a demonstration begins. */
const NOT_TAUGHT: readonly number[] = [ControllerId.hold, ControllerId.home, ControllerId.reset];

/**
 * Longest runs of ticks in mode `active` with a wanted source, within one scene (in.task.epoch) and without a gap.
 * Holding, stopping, homing and resetting are left out. A change from one wanted source to another ends no span: who
 * takes over goes on from the same state.
 */
export function drivenSpans(ticks: TickColumns, rule: SpanRule): Span[] {
  const { timesNs, mode, source, controller, epoch } = ticks;
  const spans: Span[] = [];
  let first = -1;
  for (let i = 0; i < timesNs.length; i++) {
    const driven =
      mode[i] === Mode.active && rule.sources.includes(source[i]!) && !NOT_TAUGHT.includes(controller[i]!);
    const step = i === 0 ? 1 : timesNs[i]! - timesNs[i - 1]!;
    const joined = i > 0 && epoch[i] === epoch[i - 1] && step > 0 && step <= rule.maxGapNs;
    if (first >= 0 && !(driven && joined)) {
      spans.push({ first, last: i - 1 });
      first = -1;
    }
    if (driven && first < 0) first = i;
  }
  if (first >= 0) spans.push({ first, last: timesNs.length - 1 });
  return spans;
}
