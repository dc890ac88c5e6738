/** Who drove when: spans of equal source in an episode's trace. No DOM here. */
import { Source } from '../../robot/tick.ts';
import { sourceWords } from '../../robot/words.ts';
import type { Trace } from './trace.ts';

export interface SourceSpan {
  /** Name in tick.ts. */
  readonly source: string;
  /** s since the start of the episode. */
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Spans in their order, without gaps, from the first row to the last. */
export function sourceSpans(trace: Trace): SourceSpan[] {
  const spans: { source: string; from: number; to: number; text: string }[] = [];
  trace.column('source').forEach((code, row) => {
    const { name, short } = sourceWords(code);
    const last = spans.at(-1);
    const time = trace.time(row);
    if (last !== undefined) last.to = time;
    if (last?.source !== name) spans.push({ source: name, from: time, to: time, text: short });
  });
  return spans;
}

/** Custom property of the colour of a source; nobody and the guard are grey. */
export function sourceColor(source: string): string {
  const { none, safety, ...driving } = Source;
  const at = Object.keys(driving).indexOf(source);
  return at < 0
    ? '--line'
    : ['--series-2', '--series-1', '--series-4', '--series-5', '--series-8', '--series-3'][at]!;
}
