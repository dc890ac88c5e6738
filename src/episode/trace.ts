/** An episode on an even time grid, for play-back on the console. */

import type { RawMessage } from '../record/scan.ts';
import type { Layout } from '../robot/layout.ts';
import { type TraceHeader, traceLayout } from '../server/protocol.ts';
import type { Episode } from './episode.ts';

/** Rows at this many per second at most, and this many in all: a longer episode gets a coarser grid. */
const MAX_HZ = 200;
const MAX_ROWS = 100_000;

export interface Trace {
  readonly header: TraceHeader;
  /** header.rows × layout.size. */
  readonly rows: Float64Array;
}

/** Trace fields that are copied from the tick as they are. */
const COPIED: Readonly<Record<string, string>> = {
  mode: 'out.mode',
  controller: 'out.controller',
  source: 'out.source',
  q: 'in.q',
  qd: 'in.qd',
  qCmd: 'out.q',
  tool: 'out.tool',
  toolCmd: 'out.toolCmd',
};

export async function readTrace(episode: Episode, hz: number): Promise<Trace> {
  const bodies = episode.scene?.bodies.length ?? 0;
  const layout = traceLayout(episode.spec.axes.length, bodies);
  const sampled = await sampleTicks(episode, layout, Math.min(MAX_HZ, Math.max(0.1, hz)));
  if (bodies > 0) await addPoses(episode, layout, bodies, sampled);
  const header: TraceHeader = {
    layout: layout.toJSON(),
    rows: sampled.count,
    axes: episode.spec.axes.map(({ name, type }) => ({ name, type })),
    scene: episode.scene,
  };
  return { header, rows: sampled.rows };
}

/** As GET /api/episodes/:id/trace sends it: u32 length of the JSON header, header, pad to 8, rows. */
export function encodeTrace({ header, rows }: Trace): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const at = (4 + json.byteLength + 7) & ~7;
  const bytes = new Uint8Array(at + rows.byteLength);
  new DataView(bytes.buffer).setUint32(0, json.byteLength, true);
  bytes.set(json, 4);
  bytes.set(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength), at);
  return bytes;
}

interface Sampled {
  readonly rows: Float64Array;
  readonly count: number;
  readonly period: number;
  /** Monotonic time of the first tick. */
  readonly first: number;
}

/** Row i holds the newest tick at or before first + i × period. */
async function sampleTicks(episode: Episode, layout: Layout, hz: number): Promise<Sampled> {
  const { tickLayout } = episode;
  const time = tickLayout.at('in.time');
  const reason = tickLayout.at('out.reasonAll');
  const missed = tickLayout.at('in.missed');
  const at = { time: layout.at('time'), reason: layout.at('reasonAll'), missed: layout.at('missed') };
  const copies = Object.entries(COPIED).map(([to, from]) => {
    const field = tickLayout.field(from);
    return { to: layout.at(to), from: field.offset, length: field.length };
  });
  const period = Math.max(1 / hz, episode.tickCount / episode.spec.loop.rateHz / MAX_ROWS);
  const { size } = layout;
  let rows = new Float64Array(size * 1024);
  let count = 0;
  let first = Number.NaN;
  let reasons = 0;
  let skipped = 0;
  const last = new Float64Array(tickLayout.size);
  let any = false;
  const row = (): void => {
    if ((count + 1) * size > rows.length) {
      const bigger = new Float64Array(rows.length * 2);
      bigger.set(rows);
      rows = bigger;
    }
    const base = count * size;
    for (const c of copies) rows.set(last.subarray(c.from, c.from + c.length), base + c.to);
    rows[base + at.time] = count * period;
    rows[base + at.reason] = reasons;
    rows[base + at.missed] = skipped;
    reasons = 0;
    skipped = 0;
    count++;
  };
  await episode.ticks((block) => {
    const now = block[time]!;
    if (!any) first = now;
    // Rows whose time lies before this tick show the tick before it.
    while (any && first + count * period < now - 1e-9) row();
    last.set(block);
    reasons |= block[reason]!;
    if (any) skipped += block[missed]!;
    any = true;
  });
  // The last tick holds for the rows up to its own time.
  while (any && first + count * period <= last[time]! + 1e-9) row();
  return { rows: rows.slice(0, count * size), count, period, first };
}

/** Fills in the newest poses at or before each row; rows before the first poses get the first. */
async function addPoses(episode: Episode, layout: Layout, bodies: number, sampled: Sampled): Promise<void> {
  const offset = layout.at('poses');
  const { rows, count, period, first } = sampled;
  const { size } = layout;
  const poses = new Float64Array(bodies * 7);
  poses[6] = 1;
  let next = 0;
  let any = false;
  const fill = (until: number): void => {
    for (; next < count && first + next * period < until; next++) rows.set(poses, next * size + offset);
  };
  await episode.messages({
    '/scene': (message) => {
      if (any) fill(episode.captureTime(message) - 1e-9);
      decodeTransforms(message, poses);
      any = true;
    },
  });
  fill(Number.POSITIVE_INFINITY);
}

/** tf2_msgs/msg/TFMessage as cdr.ts writes it: bodies 1 and up, in order. */
function decodeTransforms(message: RawMessage, poses: Float64Array): void {
  const body = message.data.subarray(4);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const count = Math.min(view.getUint32(0, true), poses.length / 7 - 1);
  const align = (at: number, to: number): number => (at + to - 1) & ~(to - 1);
  let at = 4;
  for (let i = 1; i <= count; i++) {
    at = align(at, 4) + 8;
    for (let strings = 0; strings < 2; strings++) at = align(at, 4) + 4 + view.getUint32(align(at, 4), true);
    at = align(at, 8);
    for (let k = 0; k < 7; k++, at += 8) poses[7 * i + k] = view.getFloat64(at, true);
  }
}
