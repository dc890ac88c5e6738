/** Small trainings on made-up demonstrations, in memory: a point that is driven to a goal it sees. */
import { type Cloning, cloneBehaviour } from '../../src/learn/bc.ts';
import { actingWeights, type Checkpoint } from '../../src/learn/checkpoint.ts';
import type { TrainingData } from '../../src/learn/data/batch.ts';
import { BatchLoader } from '../../src/learn/data/loader.ts';
import { type MemoryEpisode, memoryData } from '../../src/learn/data/memory.ts';
import type { Trained } from '../../src/learn/export.ts';
import type { MetricsLine } from '../../src/learn/metrics.ts';
import { policyShapes } from '../../src/learn/policy-shapes.ts';
import { type Recipe, resolveRecipe } from '../../src/learn/recipe.ts';
import { Rng } from '../../src/math/rng.ts';
import { buildPolicyNet } from '../../src/nn/networks/policy.ts';

/** Position and goal in 0..1 m; the command is always 10 % of the way nearer. */
export function pointData(episodes: number, validation: number, rows = 20): TrainingData {
  const rng = new Rng(5);
  const made = Array.from({ length: episodes }, (_, e): MemoryEpisode => {
    const goal = rng.uniform();
    let at = rng.uniform();
    const seen: number[] = [];
    const actions: number[] = [];
    for (let i = 0; i < rows; i++) {
      seen.push(at, goal);
      at += 0.1 * (goal - at);
      actions.push(at);
    }
    return { name: `e${e}`, states: { point: seen }, actions };
  });
  return memoryData({
    episodes: made,
    rateHz: 10,
    steps: 1,
    horizon: 4,
    first: 0,
    states: [{ name: 'point', size: 2 }],
    action: { size: 1 },
    split: { validation, seed: 0 },
  });
}

/** A quick recipe for `pointData`, with some sections changed. */
export function pointRecipe(
  training: Readonly<Record<string, unknown>>,
  sections: Readonly<Record<string, unknown>> = {},
): Recipe {
  const value = {
    name: 'point',
    observation: { states: [{ name: 'point', features: [{ field: 'in.q' }] }] },
    action: { horizon: 4, first: 0 },
    optimiser: { learningRate: 0.003, warmupSteps: 5 },
    model: { head: { kind: 'regression', widths: [32] } },
    training: { batch: 16, threads: 1, seed: 3, validateEvery: 20, checkpointEvery: 20, ...training },
    ...sections,
  };
  return resolveRecipe(value, 'point.yaml');
}

export interface Notes {
  readonly lines: MetricsLine[];
  readonly saved: Checkpoint[];
}

/** A training that keeps its notes. `stopAt`: it is stopped before that step. */
export function cloning(
  recipe: Recipe,
  data: TrainingData,
  more: Partial<Cloning> & { readonly stopAt?: number } = {},
): Cloning & Notes {
  const lines: MetricsLine[] = [];
  const saved: Checkpoint[] = [];
  const { stopAt, ...rest } = more;
  let asked = rest.from?.state.step ?? 0;
  return {
    recipe,
    data,
    openLoader: (options) => BatchLoader.open(data, { ...options, workers: 0 }),
    from: null,
    stop: () => (asked++ === stopAt ? 'the test says so' : null),
    log: (line) => lines.push(line),
    save: (checkpoint) => saved.push(checkpoint),
    clock: () => performance.now() / 1000,
    ...rest,
    lines,
    saved,
  };
}

/** Pictures of 16 × 16 with a bright column where the command points to; and the arm's own number, which says nothing. */
export function pixelData(episodes: number, rows = 10): TrainingData {
  const rng = new Rng(6);
  const size = 16;
  const made = Array.from({ length: episodes }, (_, e): MemoryEpisode => {
    const frames = new Uint8Array(rows * size * size * 3);
    const actions: number[] = [];
    const arm: number[] = [];
    for (let r = 0; r < rows; r++) {
      const column = rng.below(size);
      for (let y = 0; y < size; y++)
        frames.fill(200, 3 * ((r * size + y) * size + column), 3 * ((r * size + y) * size + column + 1));
      actions.push(column / size);
      arm.push(rng.uniform());
    }
    return { name: `e${e}`, states: { arm }, images: { front: frames }, actions };
  });
  return memoryData({
    episodes: made,
    rateHz: 10,
    steps: 1,
    horizon: 4,
    first: 0,
    states: [{ name: 'arm', size: 1 }],
    images: [{ name: 'front', width: size, height: size }],
    action: { size: 1 },
    split: { validation: 0, seed: 0 },
  });
}

/** What an exported policy says of the run that it comes from. */
export const exportedRun: Trained['run'] = {
  id: '20260131-142501-0001',
  recipeSha256: 'aa',
  robot: { ids: ['r'], axes: [{ name: 'slider', unit: 'm' }], files: [], models: [], calibrations: [] },
  tasks: ['go there'],
  episodes: [
    { id: 'e0', sha256: '', split: 'train' },
    { id: 'e1', sha256: '', split: 'validation' },
  ],
  versions: { node: '20' },
};

/** A short training, as what the bundle is written from. */
export async function trained(data: TrainingData, model: object, changes: object = {}): Promise<Trained> {
  const recipe = pointRecipe({ steps: 30, batch: 8 }, { model, ...changes });
  const c = cloning(recipe, data);
  const { state } = await cloneBehaviour(c);
  const net = buildPolicyNet(recipe.model, policyShapes(data));
  return {
    recipe,
    net,
    data,
    run: exportedRun,
    parameters: actingWeights(c.saved.at(-1)!),
    step: state.step,
  };
}
