/** The rows of one episode as a cache file: what was known and commanded at each sample time. */
import { createHash } from 'node:crypto';
import { nanoseconds } from '../../episode/align.ts';
import type { Episode } from '../../episode/episode.ts';
import { alignRows, type Rows } from '../../episode/samples.ts';
import { drivenSpans, MAX_GAP } from '../../episode/spans.ts';
import { readTimeline, type Timeline } from '../../episode/timeline.ts';
import { ArmloopError } from '../../errors.ts';
import { FeatureReader } from '../../policy/features.ts';
import { Layout } from '../../robot/layout.ts';
import type { RobotSpec } from '../../robot/spec.ts';
import { Source } from '../../robot/tick.ts';
import { type Pack, PackWriter, reopenPack } from './pack.ts';
import { type FeatureRequest, type ResolvedSpec, resolveFeatures } from './spec.ts';

/** What an episode says of its robot and of what is in its rows. */
export interface RowFacts {
  /** Without the text of its file. */
  readonly robot: RobotSpec;
  readonly tick: ReturnType<Layout['toJSON']>;
  /** Layout of the section `blocks`. */
  readonly block: ReturnType<Layout['toJSON']>;
  readonly rows: number;
  readonly spans: number;
  /** Values per row of each state, and of the goal. */
  readonly stateSizes: readonly number[];
  readonly goalSize: number;
  /** Per image input: hash of the numbers of the frames that rows show, and how many there are. */
  readonly frames: readonly { readonly chosen: string; readonly count: number }[];
  /** Why there are no rows; '' when there are. */
  readonly empty: string;
}

/** The part of the spec that rows depend on: not the horizon, not the history, so these can be changed for free. */
export function rowsDependOn(spec: ResolvedSpec): object {
  const { rateHz, phases, maxAgeMs, sources, idleRule, condition } = spec;
  return {
    rateHz,
    phases,
    maxAgeMs,
    sources,
    idleRule,
    maxGap: MAX_GAP,
    states: spec.states.map((s) => s.features),
    goal: condition?.kind === 'goal' ? condition.features : [],
    cameras: spec.images.map((i) => i.camera),
  };
}

/** Fields that actions are made from. */
function blockLayout(tick: Layout): Layout {
  const fields = ['in.q', 'out.tool', 'out.q', 'out.toolCmd'].map((name) => tick.field(name));
  return Layout.of('block', fields);
}

/** Reads the episode twice: its times, then the ticks that rows lie at. Throws EPISODE_DAMAGED, EPISODE_NO_CAMERA, POLICY_FEATURE. */
export async function buildRows(episode: Episode, spec: ResolvedSpec, path: string): Promise<Pack<RowFacts>> {
  const layout = episode.tickLayout;
  const cameras = spec.images.map((i) => i.camera);
  for (const camera of cameras)
    if (!episode.spec.cameras.some((c) => c.name === camera))
      throw new ArmloopError('EPISODE_NO_CAMERA', { id: episode.id, camera });
  const readers = (list: readonly FeatureRequest[]): FeatureReader =>
    new FeatureReader(layout, resolveFeatures(layout, list));
  const states = spec.states.map((s) => readers(s.features));
  const goal = spec.condition?.kind === 'goal' ? readers(spec.condition.features) : null;
  const timeline = await readTimeline(episode, cameras);
  const spans = drivenSpans(timeline.ticks, {
    sources: spec.sources.map((s) => Source[s]),
    maxGapNs: nanoseconds(MAX_GAP),
  });
  const rows = alignRows(
    timeline.ticks,
    spans,
    timeline.cameras.map((c) => c.timesNs),
    {
      rateHz: spec.rateHz * spec.phases,
      maxAgeNs: spec.maxAgeMs * 1e6,
      idle: {
        minNs: nanoseconds(spec.idleRule.seconds),
        tolerance: Float64Array.from(episode.spec.axes, (a) =>
          a.type === 'revolute' ? spec.idleRule.rad : spec.idleRule.m,
        ),
      },
    },
  );
  const block = blockLayout(layout);
  const tables = await readTables(episode, rows, states, goal, block);
  const chosen = rows.frames.map((frames, c) => chosenOrdinals(frames, timeline.cameras[c]!.ordinals));
  const { text: _, ...source } = episode.spec.source;
  const facts: RowFacts = {
    robot: { ...episode.spec, source: { ...source, text: '' } },
    tick: layout.toJSON(),
    block: block.toJSON(),
    rows: rows.timesNs.length,
    spans: rows.spans.length,
    stateSizes: states.map((s) => s.size),
    goalSize: goal?.size ?? 0,
    frames: chosen.map(({ ordinals }) => ({
      chosen: createHash('sha256').update(ordinals).digest('hex'),
      count: ordinals.length,
    })),
    empty: rows.timesNs.length > 0 ? '' : whyEmpty(spec, spans.length, timeline),
  };
  const writer = new PackWriter(path);
  try {
    writer.section('times', rows.timesNs);
    writer.section('spans', Int32Array.from(rows.spans.flatMap((s) => [s.first, s.last])));
    writer.section('idle', rows.idle);
    writer.section('stale', rows.stale);
    writer.section('blocks', tables.blocks);
    tables.states.forEach((values, i) => {
      writer.section(`state${i}`, values);
    });
    writer.section('goal', tables.goal);
    chosen.forEach(({ frame, ordinals }, i) => {
      writer.section(`frame${i}`, frame);
      writer.section(`ordinals${i}`, ordinals);
    });
    writer.finish(facts);
  } finally {
    writer.close();
  }
  return reopenPack(path);
}

function whyEmpty(spec: ResolvedSpec, spans: number, timeline: Timeline): string {
  if (spans === 0) return `${spec.sources.join(' or ')} never drove in it`;
  const blind = spec.images.filter((_, c) => timeline.cameras[c]!.timesNs.length === 0).map((i) => i.camera);
  if (blind.length > 0) return `it has no frames of ${blind.join(', ')}`;
  return 'its cameras had no frames of the scene yet while it was driven';
}

/** Frames that rows show, as file ordinals in ascending order, and for each row its place among them. */
function chosenOrdinals(
  frames: Int32Array,
  ordinals: Int32Array,
): { frame: Int32Array; ordinals: Int32Array } {
  const used = [...new Set(frames)].map((f) => ordinals[f]!).sort((a, b) => a - b);
  const place = new Map(used.map((ordinal, i) => [ordinal, i]));
  return { frame: frames.map((f) => place.get(ordinals[f]!)!), ordinals: Int32Array.from(used) };
}

interface Tables {
  readonly states: readonly Float32Array[];
  /** spans × size. */
  readonly goal: Float32Array;
  /** rows × block. */
  readonly blocks: Float64Array;
}

/** The second pass over the file: numbers of the ticks that rows lie at. */
async function readTables(
  episode: Episode,
  rows: Rows,
  states: readonly FeatureReader[],
  goal: FeatureReader | null,
  block: Layout,
): Promise<Tables> {
  const n = rows.timesNs.length;
  const layout = episode.tickLayout;
  const parts = block.fields.map((f) => ({ to: f.offset, from: layout.at(f.name), length: f.length }));
  const tables = {
    states: states.map((s) => new Float32Array(n * s.size)),
    goal: new Float32Array(rows.spans.length * (goal?.size ?? 0)),
    blocks: new Float64Array(n * block.size),
  };
  if (n === 0) return tables;
  const ends = new Map(rows.spans.map((s, i) => [s.last, i]));
  let tick = 0;
  let row = 0;
  await episode.ticks((values) => {
    for (; row < n && rows.tick[row] === tick; row++) {
      states.forEach((s, i) => {
        s.read(values, tables.states[i]!, row * s.size);
      });
      const span = ends.get(row);
      if (goal !== null && span !== undefined) goal.read(values, tables.goal, span * goal.size);
      for (const { to, from, length } of parts)
        for (let k = 0; k < length; k++) tables.blocks[row * block.size + to + k] = values[from + k]!;
    }
    tick++;
  });
  return tables;
}
