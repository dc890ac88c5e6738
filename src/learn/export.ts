/** Policy bundles from a training: policy.onnx with the weights, policy.json with the contract, in one folder. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ArmloopError } from '../errors.ts';
import type { PolicyNet } from '../nn/networks/policy.ts';
import type { NoiseSpec } from '../nn/noise.ts';
import { OPSET, toOnnx } from '../nn/onnx/write.ts';
import type { NoiseInput, PolicyManifest } from '../policy/manifest.ts';
import { syncFolder } from '../record/sink.ts';
import type { TrainingData } from './data/batch.ts';
import { actGraph } from './graphs.ts';
import type { Recipe } from './recipe.ts';
import type { RunFacts } from './run-folder.ts';

export interface Trained {
  readonly recipe: Recipe;
  readonly net: PolicyNet;
  readonly data: Pick<TrainingData, 'inputs' | 'action' | 'dataSha256'>;
  readonly run: Pick<RunFacts, 'id' | 'recipeSha256' | 'robot' | 'tasks' | 'episodes' | 'versions'>;
  /** Every parameter that acting needs, by name. */
  readonly parameters: ReadonlyMap<string, Float32Array>;
  /** Step that the parameters are of. */
  readonly step: number;
}

/** Makes or replaces the bundle. It appears whole. */
export function writeBundle(folder: string, trained: Trained): PolicyManifest {
  const { recipe, net, parameters } = trained;
  const onnx = toOnnx(actGraph(net, 1), { name: recipe.name, parameters });
  const manifest = manifestOf(trained, createHash('sha256').update(onnx).digest('hex'));
  const made = `${folder}.new-${process.pid}`;
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made, { recursive: true });
  writeFileSync(join(made, 'policy.onnx'), onnx, { flush: true });
  writeFileSync(join(made, 'policy.json'), `${JSON.stringify(manifest, null, 1)}\n`, { flush: true });
  replaceFolder(made, folder);
  return manifest;
}

/** The contract of the policy, when the SHA-256 of its policy.onnx is that. */
export function manifestOf(trained: Omit<Trained, 'parameters'>, sha256: string): PolicyManifest {
  const { recipe, net, data, run, step } = trained;
  const { observation, action, deployment } = recipe;
  return {
    format: 'armloop-policy/1',
    name: recipe.name,
    description: recipe.description,
    model: { runtime: 'onnx', file: 'policy.onnx', sha256 },
    robot: { ids: [...run.robot.ids], axes: run.robot.axes.map(({ name, unit }) => ({ name, unit })) },
    tasks: [...run.tasks],
    rateHz: observation.rateHz,
    observation: { steps: observation.steps, maxAgeMs: observation.maxAgeMs },
    inputs: [...data.inputs, ...net.actNoise(1).map(noiseInput)],
    action: data.action,
    chunk: {
      horizon: action.horizon,
      first: action.first,
      every: deployment.every,
      execution: deployment.execution,
      blendMs: deployment.blendMs,
      ensembleDecay: deployment.ensembleDecay,
    },
    latencyMs: deployment.latencyMs,
    training: {
      run: run.id,
      recipeSha256: run.recipeSha256,
      dataSha256: data.dataSha256,
      episodes: run.episodes.filter((e) => e.split === 'train').length,
      seed: recipe.training.seed,
      step,
      opset: OPSET,
      versions: { ...run.versions },
    },
    evaluation: null,
  };
}

function noiseInput({ name, shape, ...spec }: NoiseSpec): NoiseInput {
  const { distribution } = spec;
  const unit = distribution === 'uniform' && (spec.low ?? 0) === 0 && (spec.high ?? 1) === 1;
  if (distribution !== 'normal' && !unit)
    throw new ArmloopError('INTERNAL', {
      what: `the noise ${name} of a policy is ${distribution}, which policy.json cannot say`,
    });
  return { kind: 'noise', name, shape: [...shape], distribution };
}

function readManifest(folder: string): PolicyManifest | null {
  try {
    return JSON.parse(readFileSync(join(folder, 'policy.json'), 'utf8')) as PolicyManifest;
  } catch {
    return null;
  }
}

/** Run that made the policy in that folder; null when there is none or it was made otherwise. */
const bundleRun = (folder: string): string | null => readManifest(folder)?.training?.run ?? null;

/** SHA-256 of the policy.onnx of a bundle, as it says itself; null when there is none. */
export function bundleModel(folder: string): string | null {
  const model = readManifest(folder)?.model;
  return model?.runtime === 'onnx' ? model.sha256 : null;
}

/** Throws POLICY_EXISTS when another run, or something else, made the policy of that name in the workspace. */
export function checkPolicyName(workspace: string, name: string, run: string): void {
  const folder = join(workspace, 'policies', name);
  if (existsSync(folder) && bundleRun(folder) !== run)
    throw new ArmloopError('POLICY_EXISTS', { name, folder: dirname(folder) });
}

/** Copies a bundle to `<workspace>/policies/<name>`, whole at once. What it replaces goes to the trash. */
export function installBundle(workspace: string, bundle: string, name: string, run: string): string {
  const folder = join(workspace, 'policies', name);
  const made = join(workspace, 'policies', `.new-${name}`);
  mkdirSync(dirname(folder), { recursive: true });
  rmSync(made, { recursive: true, force: true });
  cpSync(bundle, made, { recursive: true });
  const old = bundleRun(folder);
  if (existsSync(folder) && old !== run) {
    const trash = join(workspace, 'trash', 'policies');
    mkdirSync(trash, { recursive: true });
    let place = join(trash, `${name}-${old ?? 'unknown'}`);
    for (let n = 2; existsSync(place); n++) place = join(trash, `${name}-${old ?? 'unknown'}-${n}`);
    renameSync(folder, place);
  }
  replaceFolder(made, folder);
  return folder;
}

function replaceFolder(made: string, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  renameSync(made, folder);
  syncFolder(dirname(folder));
}
