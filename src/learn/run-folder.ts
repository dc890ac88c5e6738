/**
 * A run: `<workspace>/runs/<id>/` with everything that is needed to reproduce it.
 *
 *   recipe.yaml     the recipe as it was read
 *   run.json        the recipe with every default, episodes, hashes, versions: written once
 *   status.json     how far it is
 *   metrics.jsonl   curves
 *   checkpoints/    see checkpoint.ts
 *   bundle/         the policy, when there is one
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ArmloopError } from '../errors.ts';
import { checkEpisodeId, isEpisodeId } from '../record/episode-id.ts';
import { writeAtomically } from '../record/files.ts';
import { holdLock, lockHolder } from '../record/lock.ts';
import { syncFolder } from '../record/sink.ts';
import type { RunItem, RunStatus } from '../server/learning-protocol.ts';
import { CheckpointFolder } from './checkpoint.ts';

import { MetricsFile } from './metrics.ts';
import type { Recipe } from './recipe.ts';

export const RUN_FORMAT = 'armloop-run/1';

export interface RunEpisode {
  readonly id: string;
  /** Of the MCAP file. */
  readonly sha256: string;
  readonly split: 'train' | 'validation';
}

/** run.json: written once, before the first step. */
export interface RunFacts {
  readonly format: typeof RUN_FORMAT;
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly recipe: Recipe;
  /** Of recipe.yaml. */
  readonly recipeSha256: string;
  readonly robot: {
    readonly ids: readonly string[];
    readonly axes: readonly { readonly name: string; readonly unit: string }[];
    /** SHA-256 of what the episodes were recorded with: robot files, model files, calibrations (`none`: there was none). */
    readonly files: readonly string[];
    readonly models: readonly string[];
    readonly calibrations: readonly string[];
  };
  readonly tasks: readonly string[];
  readonly episodes: readonly RunEpisode[];
  readonly skipped: readonly { readonly episode: string; readonly reason: string }[];
  readonly samples: { readonly train: number; readonly validation: number };
  readonly dataSha256: string;
  /** Of what the weights depend on: armloop, node, onnxruntime, platform, cpu. */
  readonly versions: Readonly<Record<string, string>>;
}

export class RunFolder {
  readonly folder: string;
  readonly facts: RunFacts;
  readonly checkpoints: CheckpointFolder;
  readonly metrics: MetricsFile;

  private constructor(folder: string, facts: RunFacts) {
    this.folder = folder;
    this.facts = facts;
    this.checkpoints = new CheckpointFolder(join(folder, 'checkpoints'));
    this.metrics = new MetricsFile(join(folder, 'metrics.jsonl'));
  }

  /** Throws RUN_EXISTS when there is a run of that id, EPISODE_BAD_ID when it is none. */
  static checkNew(workspace: string, id: string): void {
    const runs = runsFolder(workspace);
    if (existsSync(join(runs, checkEpisodeId(id))))
      throw new ArmloopError('RUN_EXISTS', { run: id, folder: runs });
  }

  /** Appears whole under its name: a kill leaves at most a folder whose name begins with a dot. */
  static create(workspace: string, facts: RunFacts, recipeText: string): RunFolder {
    const runs = runsFolder(workspace);
    mkdirSync(runs, { recursive: true });
    sweep(runs);
    const made = mkdtempSync(join(runs, '.new-'));
    writeFileSync(join(made, 'recipe.yaml'), recipeText, { flush: true });
    writeFileSync(join(made, 'run.json'), `${JSON.stringify(facts, null, 1)}\n`, { flush: true });
    const status: RunStatus = {
      state: 'running',
      reason: '',
      step: 0,
      elapsed: 0,
      loss: null,
      validation: null,
      best: null,
      updated: facts.created,
    };
    writeFileSync(join(made, 'status.json'), `${JSON.stringify(status, null, 1)}\n`, { flush: true });
    const folder = join(runs, facts.id);
    renameSync(made, folder);
    syncFolder(runs);
    return new RunFolder(folder, facts);
  }

  /** Throws RUN_UNKNOWN. */
  static open(workspace: string, id: string): RunFolder {
    const runs = runsFolder(workspace);
    // An id is never a path: it may come from a browser.
    const folder = join(runs, isEpisodeId(id) ? id : '');
    if (!isEpisodeId(id) || !existsSync(join(folder, 'run.json')))
      throw new ArmloopError('RUN_UNKNOWN', { run: id, folder: runs });
    return new RunFolder(folder, JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as RunFacts);
  }

  get id(): string {
    return this.facts.id;
  }

  get recipeText(): string {
    return readFileSync(join(this.folder, 'recipe.yaml'), 'utf8');
  }

  get bundle(): string {
    return join(this.folder, 'bundle');
  }

  get status(): RunStatus {
    return JSON.parse(readFileSync(join(this.folder, 'status.json'), 'utf8')) as RunStatus;
  }

  /** Changes what is given and the time stamp. */
  report(change: Partial<Omit<RunStatus, 'updated'>>): void {
    const status: RunStatus = { ...this.status, ...change, updated: new Date().toISOString() };
    writeAtomically(join(this.folder, 'status.json'), `${JSON.stringify(status, null, 1)}\n`);
  }

  /** Holds the run for this process until disposal. Throws RUN_BUSY. */
  hold(): Disposable {
    return holdLock(this.#lock, (pid) => new ArmloopError('RUN_BUSY', { run: this.id, pid }));
  }

  get summary(): RunItem {
    const { status } = this;
    const held = lockHolder(this.#lock) !== null;
    return {
      id: this.id,
      name: this.facts.recipe.name,
      created: this.facts.created,
      state: status.state === 'running' && !held ? 'killed' : held ? 'running' : status.state,
      status,
      steps: this.facts.recipe.training.steps,
      bundle: existsSync(join(this.bundle, 'policy.json')),
    };
  }

  get #lock(): string {
    return join(this.folder, 'lock');
  }
}

/** Removes what processes that were killed while they made a run left an hour ago or longer. */
function sweep(runs: string): void {
  for (const name of readdirSync(runs)) {
    const path = join(runs, name);
    if (name.startsWith('.new-') && statSync(path).mtimeMs < Date.now() - 3_600_000)
      rmSync(path, { recursive: true, force: true });
  }
}

function runsFolder(workspace: string): string {
  return join(workspace, 'runs');
}

/** Newest first. Folders that are no runs are left out. */
export function listRuns(workspace: string): RunItem[] {
  const runs = runsFolder(workspace);
  if (!existsSync(runs)) return [];
  return readdirSync(runs)
    .filter((id) => isEpisodeId(id) && existsSync(join(runs, id, 'run.json')))
    .map((id) => RunFolder.open(workspace, id).summary)
    .sort((a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : a.id < b.id ? 1 : -1));
}
