/**
 * Episodes as training data: chosen, checked against each other, brought into the cache, split, normalised.
 *
 *   await using data = await Dataset.open({ catalogue, episodes: { task: 'pick', label: 'success' }, spec, split, cacheDir });
 *   await using loader = await BatchLoader.open(data, { set: 'train', batch: 64, seed: 0 });
 *
 * Deterministic: the same episodes, spec and split give the same samples in the same order, whatever the number of
 * threads and whatever was in the cache. docs/data.md tells the rules.
 */
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { ArmloopError } from '../../errors.ts';
import { actionUnits } from '../../policy/action-space.ts';
import type { ActionOutput, PolicyInput } from '../../policy/manifest.ts';
import { Layout } from '../../robot/layout.ts';
import type { EpisodeSummary } from '../../server/protocol.ts';
import type { SampleSet, TrainingData } from './batch.ts';
import { CacheLease, canonical } from './cache.ts';
import { checkTogether } from './compatible.ts';
import type { DatasetFacts, DatasetOptions } from './dataset-options.ts';
import { type Finished, finishTables } from './finish.ts';
import type { PreparedEpisode } from './prepare.ts';
import { prepareAll } from './prepare-pool.ts';
import { type ResolvedSpec, resolveFeatures, resolveSpec } from './spec.ts';
import { type Split, splitEpisodes } from './split.ts';
import type { SampleStore } from './store.ts';
import { joinTables } from './tables.ts';

const MB = 1e6;
const GiB = 2 ** 30;
const MOST_THREADS = 8;

export class Dataset implements TrainingData, AsyncDisposable {
  readonly train: SampleSet;
  readonly validation: SampleSet;
  readonly inputs: readonly PolicyInput[];
  readonly action: ActionOutput;
  readonly steps: number;
  readonly horizon: number;
  readonly dataSha256: string;
  readonly store: SampleStore;
  readonly facts: DatasetFacts;
  /** SHA-256 of each episode's file, by id. */
  readonly hashes: ReadonlyMap<string, string>;
  readonly #lease: CacheLease;

  private constructor(parts: Parts) {
    const { spec, prepared, split, finished, lease } = parts;
    const ids = prepared.map((e) => e.id);
    const { sets } = finished.store;
    const set = (of: ReadonlySet<string>, samples: number): SampleSet => {
      return { episodes: ids.filter((id) => of.has(id)), samples };
    };
    this.train = set(split.train, sets.train.rows.length);
    this.validation = set(split.validation, sets.validation.rows.length);
    this.inputs = describeInputs(spec, prepared[0]!, finished);
    this.action = describeAction(spec, prepared[0]!, finished);
    this.steps = spec.observationSteps;
    this.horizon = spec.horizon;
    this.hashes = new Map(prepared.map((e) => [e.id, e.sha256]));
    this.dataSha256 = parts.dataSha256;
    this.store = finished.store;
    this.facts = { ...parts.facts, dropped: finished.dropped };
    this.#lease = lease;
  }

  /**
   * Rejects with DATASET_SPEC, DATASET_EMPTY, DATASET_MIXED, DATASET_STOPPED, DATA_MEMORY, DATA_CACHE_FULL, and with what
   * the episodes themselves are refused for: EPISODE_UNKNOWN, EPISODE_DAMAGED, EPISODE_NO_CAMERA, POLICY_FEATURE.
   */
  static async open(options: DatasetOptions): Promise<Dataset> {
    const spec = resolveSpec(options.spec);
    const { validation, seed } = options.split;
    if (!(validation >= 0 && validation < 1)) {
      const rule = 'must be at least 0 and below 1';
      throw new ArmloopError('DATASET_SPEC', { what: 'the share for validation', value: validation, rule });
    }
    const summaries = await chooseEpisodes(options);
    const lease = new CacheLease(options.cacheDir);
    try {
      const prepared = await prepare(options, spec, summaries);
      const limit = options.cacheBytes ?? 20 * GiB;
      lease.tidy(limit);
      const cameras = spec.images.map((i) => i.camera);
      checkTogether(
        prepared.map((e) => ({ id: e.id, facts: e.rows.facts })),
        cameras,
      );
      const used = prepared.filter((e) => e.rows.facts.rows > 0);
      const skipped = prepared
        .filter((e) => e.rows.facts.rows === 0)
        .map((e) => ({ episode: e.id, reason: e.rows.facts.empty }));
      if (used.length === 0) {
        const reason = skipped.map((s) => `${s.episode}: ${s.reason}`).join('; ');
        throw new ArmloopError('DATASET_EMPTY', { what: 'samples in these episodes', reason });
      }
      const tasks = new Map(summaries.map((s) => [s.id, s.task]));
      const split = splitEpisodes(
        used.map((e) => e.id),
        options.split,
      );
      const joined = joinTables(spec, used, tasks, options.memoryBytes ?? GiB);
      const finished = finishTables(joined.tables, split);
      const files = used.map((e) => [e.id, e.sha256]);
      const dataSha256 = createHash('sha256')
        .update(canonical({ spec, split: { validation, seed }, files }))
        .digest('hex');
      const { robot } = used[0]!.rows.facts;
      const units = actionUnits(robot, 'joint');
      const axes = robot.axes.map((axis, i) => ({ name: axis.name, unit: units[i]! }));
      const facts = {
        robot: { ids: [robot.id], axes },
        tasks: [...new Set(used.map((e) => tasks.get(e.id)!))].sort(),
        skipped,
        frames: joined.frames,
      };
      return new Dataset({ spec, prepared: used, split, finished, lease, dataSha256, facts });
    } catch (error) {
      lease[Symbol.dispose]();
      throw error;
    }
  }

  /** Cache files may be deleted from now on: close the loaders first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#lease[Symbol.dispose]();
  }
}

interface Parts {
  readonly spec: ResolvedSpec;
  readonly prepared: readonly PreparedEpisode[];
  readonly split: Split;
  readonly finished: Finished;
  readonly lease: CacheLease;
  readonly dataSha256: string;
  readonly facts: Omit<DatasetFacts, 'dropped'>;
}

/** In the order of their ids, each once. */
async function chooseEpisodes(options: DatasetOptions): Promise<EpisodeSummary[]> {
  const { catalogue, episodes } = options;
  let found: EpisodeSummary[];
  if ('length' in episodes) found = await Promise.all([...new Set(episodes)].map((id) => catalogue.get(id)));
  else {
    const { limit, ...filter } = episodes;
    const newestFirst = await catalogue.list(filter);
    found = newestFirst.reverse().slice(0, limit);
  }
  if (found.length === 0) {
    const asked = 'length' in episodes ? 'no id was given' : `none fits ${JSON.stringify(episodes)}`;
    throw new ArmloopError('DATASET_EMPTY', { what: 'episodes', reason: asked });
  }
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function prepare(
  options: DatasetOptions,
  spec: ResolvedSpec,
  summaries: readonly EpisodeSummary[],
): Promise<PreparedEpisode[]> {
  const { catalogue, cacheDir, signal, onProgress } = options;
  const { workspace } = catalogue.files;
  const tasks = summaries.map(({ id }) => ({ workspace, id, spec, cacheDir }));
  const threads = options.workers ?? Math.min(availableParallelism(), MOST_THREADS);
  const limit = options.cacheBytes ?? 20 * GiB;
  let bytes = 0;
  onProgress?.(0, tasks.length, '');
  return prepareAll(tasks, threads, {
    signal,
    prepared: (episode, done) => {
      bytes += packBytes(episode);
      if (bytes > limit) {
        const need = `more than ${Math.ceil(bytes / MB)}`;
        const room = { need, folder: cacheDir, limit: Math.floor(limit / MB) };
        throw new ArmloopError('DATA_CACHE_FULL', room);
      }
      onProgress?.(done, tasks.length, episode.id);
    },
  });
}

function packBytes({ rows, frames }: PreparedEpisode): number {
  const packs = new Map([rows, ...frames].map((p) => [p.path, p.bytes]));
  return [...packs.values()].reduce((sum, b) => sum + b, 0);
}

function describeInputs(spec: ResolvedSpec, episode: PreparedEpisode, finished: Finished): PolicyInput[] {
  const layout = Layout.fromJSON(episode.rows.facts.tick);
  const inputs: PolicyInput[] = spec.states.map(({ name, features }, i) => ({
    kind: 'state',
    name,
    features: resolveFeatures(layout, features),
    normaliser: finished.states[i]!,
  }));
  for (const { name, camera, width, height } of spec.images)
    inputs.push({ kind: 'image', name, camera, width, height, encoding: 'uint8-hwc' });
  const { condition } = spec;
  if (condition?.kind === 'tasks')
    inputs.push({ kind: 'condition', name: condition.name, tasks: [...condition.tasks] });
  if (condition?.kind === 'goal') {
    const features = resolveFeatures(layout, condition.features);
    inputs.push({ kind: 'condition', name: condition.name, features, normaliser: finished.goal! });
  }
  return inputs;
}

function describeAction(spec: ResolvedSpec, episode: PreparedEpisode, finished: Finished): ActionOutput {
  const { space, reference } = spec.action;
  const units = actionUnits(episode.rows.facts.robot, space);
  return { name: 'action', space, reference, size: units.length, units, normaliser: finished.action };
}
