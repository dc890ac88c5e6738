/** Joins the cached rows of the episodes into tables in shared memory, and decides where frames lie during training. */
import type { RowSpan } from '../../episode/samples.ts';
import { ArmloopError } from '../../errors.ts';
import { ActionSpace } from '../../policy/action-space.ts';
import { Layout } from '../../robot/layout.ts';
import type { DatasetFacts } from './dataset-options.ts';
import type { RawTables } from './finish.ts';
import { type PackArray, readSection } from './pack.ts';
import type { PreparedEpisode } from './prepare.ts';
import type { ResolvedSpec } from './spec.ts';
import {
  type ActionTable,
  type ConditionTable,
  type FramePack,
  sharedFloat32,
  sharedFloat64,
  sharedInt32,
} from './store.ts';

const MB = 1e6;

export interface Joined {
  readonly tables: RawTables;
  readonly frames: DatasetFacts['frames'];
}

/** `tasks`: task text by episode. Throws DATA_MEMORY, DATASET_SPEC for a task that the condition does not list. */
export function joinTables(
  spec: ResolvedSpec,
  episodes: readonly PreparedEpisode[],
  tasks: ReadonlyMap<string, string>,
  memoryBytes: number,
): Joined {
  const { facts } = episodes[0]!.rows;
  const rows = episodes.reduce((sum, e) => sum + e.rows.facts.rows, 0);
  const spanCount = episodes.reduce((sum, e) => sum + e.rows.facts.spans, 0);
  const blockSize = facts.block.size;
  const perRow = 4 * facts.stateSizes.reduce((s, n) => s + n, 0) + 4 * spec.images.length + 8 * blockSize + 6;
  const tableBytes = rows * perRow + 4 * spanCount * facts.goalSize;
  if (tableBytes > memoryBytes) {
    const [need, limit] = [Math.ceil(tableBytes / MB), Math.floor(memoryBytes / MB)];
    throw new ArmloopError('DATA_MEMORY', { need, limit });
  }
  const frames = placeFrames(spec, episodes, memoryBytes - tableBytes);
  const states = spec.states.map((s, i) => ({
    name: s.name,
    size: facts.stateSizes[i]!,
    method: s.normaliser,
    values: sharedFloat32(rows * facts.stateSizes[i]!),
  }));
  const goal = sharedFloat32(spanCount * facts.goalSize);
  const blocks = sharedFloat64(rows * blockSize);
  const frame = spec.images.map(() => sharedInt32(rows));
  const episode = sharedInt32(rows);
  const idle = new Uint8Array(rows);
  const stale = new Uint8Array(rows);
  const spans: RowSpan[] = [];
  let row = 0;
  episodes.forEach((e, number) => {
    const n = e.rows.facts.rows;
    const part = <T extends PackArray>(table: T, size: number): T =>
      table.subarray(row * size, (row + n) * size) as T;
    states.forEach((s, i) => {
      readSection(e.rows, `state${i}`, part(s.values, s.size));
    });
    frame.forEach((list, i) => {
      readSection(e.rows, `frame${i}`, part(list, 1));
    });
    readSection(e.rows, 'blocks', part(blocks, blockSize));
    readSection(e.rows, 'idle', part(idle, 1));
    readSection(e.rows, 'stale', part(stale, 1));
    part(episode, 1).fill(number);
    const bounds = new Int32Array(2 * e.rows.facts.spans);
    readSection(e.rows, 'spans', bounds);
    const { goalSize } = e.rows.facts;
    readSection(
      e.rows,
      'goal',
      goal.subarray(spans.length * goalSize, (spans.length + bounds.length / 2) * goalSize),
    );
    for (let s = 0; s < bounds.length; s += 2)
      spans.push({ first: row + bounds[s]!, last: row + bounds[s + 1]! });
    row += n;
  });
  const tables: RawTables = {
    shape: {
      steps: spec.observationSteps,
      horizon: spec.horizon,
      first: spec.first,
      stride: spec.phases,
    },
    dropIdle: spec.idle,
    episodes: episodes.map((e) => e.id),
    spans,
    episode,
    idle,
    stale,
    states,
    images: spec.images.map(({ name, width, height }, i) => {
      return { name, width, height, frame: frame[i]!, packs: frames.packs[i]! };
    }),
    action: { ...actionTable(spec, episodes[0]!, blocks), method: spec.action.normaliser },
    condition: conditionTable(spec, episodes, tasks, goal),
  };
  return { tables, frames: { bytes: frames.bytes, where: frames.where } };
}

/** Absolute actions do not depend on the observation: they are encoded once, here. */
function actionTable(
  spec: ResolvedSpec,
  first: PreparedEpisode,
  blocks: Float64Array,
): { readonly size: number; readonly source: ActionTable['source'] } {
  const { robot, block } = first.rows.facts;
  const layout = Layout.fromJSON(block);
  const { space, reference } = spec.action;
  const actions = new ActionSpace(robot, layout, { space, reference });
  const { size } = actions;
  if (reference !== 'absolute')
    return { size, source: { kind: 'commands', layout: block, robot, space, reference, blocks } };
  const rows = blocks.length / layout.size;
  const values = sharedFloat32(rows * size);
  for (let row = 0; row < rows; row++) {
    const values64 = blocks.subarray(row * layout.size, (row + 1) * layout.size);
    actions.encode(values64, values64, values, row * size);
  }
  return { size, source: { kind: 'vectors', values } };
}

function conditionTable(
  spec: ResolvedSpec,
  episodes: readonly PreparedEpisode[],
  tasks: ReadonlyMap<string, string>,
  goal: Float32Array,
): ConditionTable | null {
  const { condition } = spec;
  if (condition === undefined) return null;
  const { name } = condition;
  if (condition.kind === 'goal')
    return { kind: 'goal', name, size: episodes[0]!.rows.facts.goalSize, values: goal };
  const task = sharedInt32(episodes.length);
  episodes.forEach((e, i) => {
    const text = tasks.get(e.id) ?? '';
    task[i] = condition.tasks.indexOf(text);
    if (task[i]! >= 0) return;
    const rule = `must be one of ${condition.tasks.join(', ')}`;
    throw new ArmloopError('DATASET_SPEC', { what: `the task of episode ${e.id}`, value: `"${text}"`, rule });
  });
  return { kind: 'tasks', name, task };
}

/** Into memory when all frames fit; else they stay in their cache files and are read batch by batch. */
function placeFrames(
  spec: ResolvedSpec,
  episodes: readonly PreparedEpisode[],
  room: number,
): { readonly packs: FramePack[][]; readonly bytes: number; readonly where: 'memory' | 'disk' } {
  const sections = new Map<string, number>();
  for (const e of episodes)
    for (const pack of e.frames) sections.set(pack.path, pack.sections.get('frames')!.bytes);
  const bytes = [...sections.values()].reduce((sum, b) => sum + b, 0);
  const where = bytes <= room ? 'memory' : 'disk';
  // Inputs that show the same camera at the same size share their memory too.
  const loaded = new Map<string, Uint8Array>();
  const packs = spec.images.map((_, i) =>
    episodes.map((e): FramePack => {
      const pack = e.frames[i]!;
      const { offset, bytes: length } = pack.sections.get('frames')!;
      if (where === 'disk') return { kind: 'file', path: pack.path, offset };
      let frames = loaded.get(pack.path);
      if (frames === undefined) {
        frames = new Uint8Array(new SharedArrayBuffer(length));
        readSection(pack, 'frames', frames);
        loaded.set(pack.path, frames);
      }
      return { kind: 'memory', frames };
    }),
  );
  return { packs, bytes, where };
}
