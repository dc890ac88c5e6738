/** Runs of `armloop train`: begun, gone on with, done again; from the recipe to the installed policy. */
import { join } from 'node:path';
import { Catalogue } from '../episode/catalogue.ts';
import { ArmloopError } from '../errors.ts';
import { buildPolicyNet } from '../nn/networks/policy.ts';
import { fitProblems } from '../policy/check.ts';
import { newEpisodeId } from '../record/episode-id.ts';
import { type Cloned, cloneBehaviour } from './bc.ts';
import { actingWeights, type Checkpoint } from './checkpoint.ts';
import { Dataset } from './data/dataset.ts';
import type { EpisodeQuery } from './data/dataset-options.ts';
import { BatchLoader } from './data/loader.ts';
import { bundleModel, checkPolicyName, installBundle, manifestOf, writeBundle } from './export.ts';
import type { MetricsLine } from './metrics.ts';
import { policyShapes } from './policy-shapes.ts';
import { recordedWith, trainingVersions } from './provenance.ts';
import { type Recipe, type RecipeSource, recipeSource, sampleSpec } from './recipe.ts';
import { RUN_FORMAT, type RunEpisode, type RunFacts, RunFolder } from './run-folder.ts';

export interface TrainerEvents {
  /** Episodes are read. */
  readonly reading: (done: number, of: number) => void;
  /** The first or the next step begins. */
  readonly begun: (run: RunFolder, step: number) => void;
  readonly line: (line: MetricsLine) => void;
  /** Something worth knowing, in words. */
  readonly say: (text: string) => void;
  /** Stops before the next step, with a checkpoint; or rejects with its reason where there is nothing to keep yet. */
  readonly signal: AbortSignal;
}

export interface TrainOptions {
  readonly workspace: string;
  /**
   * Where the policy goes beside the run folder. `new`: to the workspace's policies, under a name that is free.
   * `replace`: there, whatever has that name. `no`: nowhere.
   */
  readonly install: 'new' | 'replace' | 'no';
  readonly events: TrainerEvents;
}

export interface TrainOutcome extends Cloned {
  readonly run: RunFolder;
  /** Folder of the installed policy; null when there is none. */
  readonly policy: string | null;
}

/** A new run. `id` names it; null takes date and time. Throws POLICY_EXISTS, RUN_EXISTS, and what the data set throws. */
export async function beginRun(
  { recipe, source }: { readonly recipe: Recipe; readonly source: RecipeSource },
  id: string | null,
  options: TrainOptions,
): Promise<TrainOutcome> {
  const { workspace, events } = options;
  const run = id ?? newEpisodeId(Date.now() / 1000, Math.random());
  RunFolder.checkNew(workspace, run);
  checkInstall(recipe.name, run, options);
  const catalogue = new Catalogue(workspace);
  await using data = await openData(catalogue, recipe, recipe.data.episodes ?? episodeQuery(recipe), events);
  const facts = await runFacts(run, { recipe, source }, data, catalogue);
  await checkDeployable(recipe, data, facts, catalogue);
  const folder = RunFolder.create(workspace, facts, source.text);
  using _ = folder.hold();
  return work({ folder, recipe, data, from: null }, options);
}

/** What a resumed run may change. Each makes the weights differ from those of a run that never stopped. */
export interface Changes {
  /** null: as many as before. */
  readonly threads: number | null;
  /** Other data, versions or machine than the run began with. `allow` tells them and goes on. */
  readonly others: 'refuse' | 'allow';
}

/** Goes on from the newest sound checkpoint. Throws RUN_UNKNOWN, RUN_BUSY, RUN_DIFFERS. */
export async function resumeRun(id: string, changes: Changes, options: TrainOptions): Promise<TrainOutcome> {
  const { workspace, events } = options;
  const folder = RunFolder.open(workspace, id);
  using _ = folder.hold();
  const { facts } = folder;
  checkInstall(facts.recipe.name, id, options);
  folder.checkpoints.sweep();
  const { checkpoint: from, damaged } = folder.checkpoints.newest();
  for (const text of damaged) events.say(`${text}; going back to the one before`);
  if (from === null) events.say('there is no checkpoint to go on from: beginning at step 0');
  const same = sameness(id, changes.others, events.say);
  const now = trainingVersions();
  for (const [what, then] of Object.entries(facts.versions)) same(what, then, now[what] ?? 'unknown');
  const { training } = facts.recipe;
  const before = from?.state.threads ?? training.threads;
  const threads = changes.threads ?? before;
  if (threads !== before)
    events.say(`${threads} threads instead of ${before}: sums come out differently from here on`);
  const recipe = { ...facts.recipe, training: { ...training, threads } };
  const ids = facts.episodes.map((e) => e.id);
  await using data = await openData(new Catalogue(workspace), recipe, ids, events);
  same('the data (SHA-256)', facts.dataSha256, data.dataSha256);
  return work({ folder, recipe, data, from }, options);
}

/**
 * Trains a run again from its folder: same resolved recipe, same episodes. The policy stays in the new run's folder and is
 * compared with that of the old one. Throws RUN_UNKNOWN, RUN_DIFFERS.
 */
export async function reproduceRun(
  id: string,
  newId: string | null,
  others: Changes['others'],
  options: Omit<TrainOptions, 'install'>,
): Promise<TrainOutcome> {
  const old = RunFolder.open(options.workspace, id);
  const same = sameness(id, others, options.events.say);
  const now = trainingVersions();
  for (const [what, then] of Object.entries(old.facts.versions)) same(what, then, now[what] ?? 'unknown');
  const episodes = old.facts.episodes.map((e) => e.id);
  const recipe = { ...old.facts.recipe, data: { ...old.facts.recipe.data, episodes } };
  const source = recipeSource(old.recipeText, join(old.folder, 'recipe.yaml'));
  const made = await beginRun({ recipe, source }, newId, { ...options, install: 'no' });
  same('the data (SHA-256)', old.facts.dataSha256, made.run.facts.dataSha256);
  const [then, again] = [bundleModel(old.bundle), bundleModel(made.run.bundle)];
  if (then !== null && again !== null)
    options.events.say(
      then === again
        ? `the policy is bit for bit that of ${id}`
        : `the policy differs from that of ${id}: policy.onnx is ${again} and was ${then} (SHA-256)`,
    );
  return made;
}

/** Refuses what is not as it was, or says it. */
function sameness(run: string, others: Changes['others'], say: (text: string) => void) {
  return (what: string, then: string, now: string): void => {
    if (then === now) return;
    if (others === 'refuse') throw new ArmloopError('RUN_DIFFERS', { run, what, then, now });
    say(`${what} was ${then} and is ${now}: the weights can differ`);
  };
}

function checkInstall(name: string, run: string, { workspace, install }: TrainOptions): void {
  if (install === 'new') checkPolicyName(workspace, name, run);
}

function episodeQuery({ data }: Recipe): EpisodeQuery {
  return {
    task: data.task,
    ...(data.label === 'any' ? {} : { label: data.label }),
    ...(data.clean ? { clean: true } : {}),
    ...(data.robot === undefined ? {} : { rig: data.robot }),
    ...(data.operator === undefined ? {} : { operator: data.operator }),
    ...(data.limit === undefined ? {} : { limit: data.limit }),
  };
}

async function openData(
  catalogue: Catalogue,
  recipe: Recipe,
  episodes: readonly string[] | EpisodeQuery,
  events: TrainerEvents,
): Promise<Dataset> {
  const { validation, splitSeed: seed } = recipe.data;
  const data = await Dataset.open({
    catalogue,
    episodes,
    spec: sampleSpec(recipe),
    split: { validation, seed },
    cacheDir: join(catalogue.files.workspace, 'cache'),
    onProgress: events.reading,
    signal: events.signal,
  });
  for (const { episode, reason } of data.facts.skipped)
    events.say(`episode ${episode} is left out: ${reason}`);
  return data;
}

async function runFacts(
  id: string,
  { recipe, source }: { readonly recipe: Recipe; readonly source: RecipeSource },
  data: Dataset,
  catalogue: Catalogue,
): Promise<RunFacts> {
  const { facts, train, validation, dataSha256 } = data;
  const episodes: RunEpisode[] = [];
  const [files, models, calibrations] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const [split, set] of [
    ['train', train],
    ['validation', validation],
  ] as const) {
    for (const episode of set.episodes) {
      episodes.push({ id: episode, sha256: data.hashes.get(episode)!, split });
      const { robot, model, calibration } = await recordedWith(catalogue, episode);
      files.add(robot);
      models.add(model);
      calibrations.add(calibration);
    }
  }
  return {
    format: RUN_FORMAT,
    id,
    created: new Date().toISOString(),
    recipe,
    recipeSha256: source.sha256,
    robot: { ...facts.robot, files: [...files], models: [...models], calibrations: [...calibrations] },
    tasks: facts.tasks,
    episodes,
    skipped: facts.skipped,
    samples: { train: train.samples, validation: validation.samples },
    dataSha256,
    versions: trainingVersions(),
  };
}

/** What would be refused when the policy is loaded is refused before it is trained. Throws TRAIN_UNDEPLOYABLE. */
async function checkDeployable(
  recipe: Recipe,
  data: Dataset,
  run: RunFacts,
  catalogue: Catalogue,
): Promise<void> {
  const { spec } = await recordedWith(catalogue, run.episodes[0]!.id);
  if (spec === null) return;
  const net = buildPolicyNet(recipe.model, policyShapes(data));
  const problems = fitProblems(manifestOf({ recipe, net, data, run, step: 0 }, ''), spec);
  if (problems.length === 0) return;
  const details = { policy: recipe.name, robot: spec.id, problems: problems.join('; ') };
  throw new ArmloopError('TRAIN_UNDEPLOYABLE', details);
}

interface Work {
  readonly folder: RunFolder;
  readonly recipe: Recipe;
  readonly data: Dataset;
  readonly from: Checkpoint | null;
}

async function work(job: Work, options: TrainOptions): Promise<TrainOutcome> {
  const { folder } = job;
  try {
    const cloned = await learn(job, options.events);
    const { state, reason } = cloned;
    const ended = { step: state.step, elapsed: state.elapsed, best: state.stopping.best, reason };
    if (cloned.ended === 'stopped') {
      folder.report({ ...ended, state: 'stopped' });
      return { ...cloned, run: folder, policy: null };
    }
    const policy = deliver(job, cloned, options);
    folder.report({ ...ended, state: 'finished' });
    return { ...cloned, run: folder, policy };
  } catch (error) {
    folder.report({ state: 'failed', reason: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

/** s of training between two states in status.json, looks and checkpoints apart: it is flushed to the disk each time. */
const STATUS_EVERY = 5;

function learn({ folder, recipe, data, from }: Work, events: TrainerEvents): Promise<Cloned> {
  const step = from?.state.step ?? 0;
  // Lines of steps that will be done again.
  folder.metrics.rewind(step);
  folder.report({ state: 'running', reason: '', step });
  events.begun(folder, step);
  let loss: number | null = null;
  let told = 0;
  return cloneBehaviour({
    recipe,
    data,
    from,
    openLoader: (o) => BatchLoader.open(data, o),
    stop: () => (events.signal.aborted ? String(events.signal.reason) : null),
    log: (line) => {
      folder.metrics.append(line);
      if ('loss' in line) loss = line.loss;
      const look = 'validation' in line ? { validation: line.validation.loss } : null;
      if (look !== null || line.time >= told + STATUS_EVERY) {
        folder.report({ step: line.step, elapsed: line.time, loss, ...look });
        told = line.time;
      }
      events.line(line);
    },
    save: (checkpoint) => {
      folder.checkpoints.save(checkpoint, recipe.training.keep);
      const { step, elapsed, stopping } = checkpoint.state;
      folder.report({ step, elapsed, loss, best: stopping.best });
    },
    clock: () => performance.now() / 1000,
  });
}

/** Writes the bundle and installs it. Done again with the same result when a kill interrupted it. */
function deliver({ folder, recipe, data }: Work, { state }: Cloned, options: TrainOptions): string | null {
  const { best } = state.stopping;
  const step = recipe.training.weights === 'best' && best !== null ? best.step : state.step;
  const parameters = actingWeights(folder.checkpoints.load(step));
  const net = buildPolicyNet(recipe.model, policyShapes(data));
  writeBundle(folder.bundle, { recipe, net, data, run: folder.facts, parameters, step });
  if (options.install === 'no') return null;
  return installBundle(options.workspace, folder.bundle, recipe.name, folder.id);
}
