/** Trains one head on demonstrations of one task and rolls it out closed loop: what the table of heads is made of. */
import { Rng } from '../../src/math/rng.ts';
import { OrtExecutor } from '../../src/nn/executors/ort.ts';
import { Graph } from '../../src/nn/graph.ts';
import { parseModel } from '../../src/nn/networks/config.ts';
import { buildPolicyNet, type PolicyNet } from '../../src/nn/networks/policy.ts';
import { actionInputs, observationInputs } from '../../src/nn/networks/shapes.ts';
import { drawNoise, type NoiseSpec } from '../../src/nn/noise.ts';
import { cosine, warmUp } from '../../src/nn/schedules.ts';
import type { Tensor, TensorData } from '../../src/nn/tensor.ts';
import { TrainStep } from '../../src/nn/train-step.ts';
import { demonstration, LENGTH, moved, type Point, type Task, type Verdict } from './tasks.ts';

/** Steps of a chunk, and how many of them are carried out before the next observation. */
export const HORIZON = 6;
export const EXECUTED = 6;
export const DEMONSTRATIONS = 2000;
/** Attempts per seed, all in situations that no demonstration had. */
export const ATTEMPTS = 100;

export interface Variant {
  readonly name: string;
  /** The model part of a recipe. */
  readonly model: { readonly encoder: object; readonly head: object };
  /** Several ways to act with one training, each a row of its own: its name, and what it changes of the head. */
  readonly acting?: Readonly<Record<string, object>>;
  readonly steps: number;
  /** Samples of a step. */
  readonly batch: number;
  /** Largest learning rate. */
  readonly rate: number;
}

/** One row of one run. */
export interface Outcome {
  readonly name: string;
  readonly successes: number;
  readonly between: number;
  readonly attempts: number;
  /** Time of the processor, which on one thread is what training takes on a core of its own. */
  readonly trainingSeconds: number;
  /** The same by the clock: longer on a busy machine. */
  readonly elapsedSeconds: number;
  /** Wall time of one chunk for one observation on one thread, median, ms. */
  readonly inferenceMs: number;
}

interface Samples {
  readonly count: number;
  /** Observations to mean 0 and deviation 1 per number, in rows of the observation size. */
  readonly seen: (rows: ArrayLike<number>) => Float32Array;
  /** [count, observation size], normalised */
  readonly observations: Float32Array;
  /** [count, HORIZON, 2], zeros after the end. */
  readonly actions: Float32Array;
  /** [count, HORIZON] */
  readonly masks: Float32Array;
}

/** One run: demonstrations, training and attempts are all drawn from the seed. */
export async function run(task: Task, variant: Variant, seed: number): Promise<readonly Outcome[]> {
  const data = samples(task, seed);
  const started = performance.now();
  const before = process.cpuUsage();
  const parameters = await train(network(task, variant.model), data, variant, seed);
  const used = process.cpuUsage(before);
  const elapsedSeconds = (performance.now() - started) / 1000;
  const trainingSeconds = (used.user + used.system) / 1e6;
  const outcomes: Outcome[] = [];
  for (const [name, change] of Object.entries(variant.acting ?? { [variant.name]: {} })) {
    const net = network(task, { ...variant.model, head: { ...variant.model.head, ...change } });
    const verdicts = await attempts(net, parameters, task, data.seen, seed);
    outcomes.push({
      name,
      successes: verdicts.filter((v) => v.success).length,
      between: verdicts.filter((v) => v.between).length,
      attempts: verdicts.length,
      trainingSeconds,
      elapsedSeconds,
      inferenceMs: await inferenceTime(net, parameters, task.observationSize),
    });
  }
  return outcomes;
}

const network = (task: Task, model: Variant['model']): PolicyNet =>
  buildPolicyNet(parseModel(model), {
    steps: 1,
    horizon: HORIZON,
    actionSize: 2,
    states: [{ name: 'seen', size: task.observationSize }],
    images: [],
  });

function samples(task: Task, seed: number): Samples {
  const rng = new Rng(seed, 1);
  const count = DEMONSTRATIONS * LENGTH;
  const size = task.observationSize;
  const observations = new Float32Array(count * size);
  const actions = new Float32Array(count * HORIZON * 2);
  const masks = new Float32Array(count * HORIZON);
  for (let n = 0; n < DEMONSTRATIONS; n++) {
    const shown = demonstration(task, rng);
    for (let t = 0; t < LENGTH; t++) {
      const i = n * LENGTH + t;
      observations.set(shown.observations[t]!, i * size);
      const chunk = shown.actions.slice(t, t + HORIZON);
      actions.set(chunk.flat(), i * HORIZON * 2);
      masks.fill(1, i * HORIZON, i * HORIZON + chunk.length);
    }
  }
  const seen = normaliser(observations, size);
  return { count, seen, observations: seen(observations), actions, masks };
}

/** As recipes do by default: (x − mean) / deviation, of each number in rows of `size`. */
function normaliser(rows: Float32Array, size: number): Samples['seen'] {
  const count = rows.length / size;
  const mean = new Float64Array(size);
  const square = new Float64Array(size);
  rows.forEach((x, i) => {
    mean[i % size]! += x / count;
    square[i % size]! += x ** 2 / count;
  });
  const deviation = mean.map((m, i) => Math.sqrt(square[i]! - m ** 2));
  return (from) => Float32Array.from(from, (x, i) => (x - mean[i % size]!) / deviation[i % size]!);
}

async function train(
  net: PolicyNet,
  data: Samples,
  variant: Variant,
  seed: number,
): Promise<Map<string, Float32Array>> {
  const { batch: size } = variant;
  const noise = net.noise(size);
  const warm = Math.ceil(variant.steps / 20);
  await using step = await TrainStep.open(
    (g) => {
      const batch = { obs: observationInputs(g, net.shapes, size), ...actionInputs(g, net.shapes, size) };
      return net.loss(g, batch, noiseInputs(g, noise));
    },
    {
      seed,
      threads: 1,
      optimizer: { kind: 'adamw', weightDecay: 1e-4 },
      rate: warmUp(warm, cosine(variant.rate, variant.rate / 50, variant.steps - warm)),
      clipNorm: 1,
      average: (k) => Math.min(0.99, (1 + k) / (10 + k)),
      noise,
    },
  );
  const rng = new Rng(seed, 2);
  for (let k = 0; k < variant.steps; k++) {
    const rows = Array.from({ length: size }, () => rng.below(data.count));
    await step.run({
      seen: rowsOf(data.observations, rows, [1, data.observations.length / data.count]),
      action: rowsOf(data.actions, rows, [HORIZON, 2]),
      actionMask: rowsOf(data.masks, rows, [HORIZON]),
    });
  }
  return step.ema();
}

/** All attempts of a seed side by side: each chunk is computed for all of them at once. */
async function attempts(
  net: PolicyNet,
  parameters: ReadonlyMap<string, Float32Array>,
  task: Task,
  normalised: Samples['seen'],
  seed: number,
): Promise<Verdict[]> {
  const rng = new Rng(seed, 3);
  const scenes = Array.from({ length: ATTEMPTS }, () => task.draw(rng));
  const paths = scenes.map((s) => [s.start]);
  const noise = net.actNoise(ATTEMPTS);
  await using policy = await openPolicy(net, parameters, ATTEMPTS, noise);
  for (let t = 0; t < LENGTH; t += EXECUTED) {
    const seen = normalised(scenes.flatMap((s, i) => s.observe(paths[i]!.at(-1)!)));
    const drawn = noise.map((n) => [n.name, drawNoise(n, seed, t)] as const);
    const out = await policy.run({
      seen: { data: seen, shape: [ATTEMPTS, 1, task.observationSize] },
      ...Object.fromEntries(drawn),
    });
    const action = out['action']!.data as Float32Array;
    paths.forEach((path, i) => {
      for (let h = 0; h < EXECUTED; h++) {
        const at = (i * HORIZON + h) * 2;
        path.push(moved(path.at(-1)!, [action[at]!, action[at + 1]!] as Point));
      }
    });
  }
  return scenes.map((s, i) => s.judge(paths[i]!));
}

async function inferenceTime(
  net: PolicyNet,
  parameters: ReadonlyMap<string, Float32Array>,
  size: number,
): Promise<number> {
  const noise = net.actNoise(1);
  await using policy = await openPolicy(net, parameters, 1, noise);
  const seen: TensorData = { data: new Float32Array(size), shape: [1, 1, size] };
  const feeds = { seen, ...Object.fromEntries(noise.map((n) => [n.name, drawNoise(n, 1, 0)])) };
  const times: number[] = [];
  for (let i = 0; i < 60; i++) {
    const start = performance.now();
    await policy.run(feeds);
    if (i >= 10) times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}

async function openPolicy(
  net: PolicyNet,
  parameters: ReadonlyMap<string, Float32Array>,
  batch: number,
  noise: readonly NoiseSpec[],
): Promise<OrtExecutor> {
  const g = new Graph();
  const obs = observationInputs(g, net.shapes, batch);
  g.output('action', net.act(g, obs, noiseInputs(g, noise)));
  return OrtExecutor.open(g, { threads: 1, parameters });
}

const noiseInputs = (g: Graph, noise: readonly NoiseSpec[]): Record<string, Tensor> =>
  Object.fromEntries(noise.map((n) => [n.name, g.input(n.name, n.shape)]));

function rowsOf(from: Float32Array, rows: readonly number[], shape: readonly number[]): TensorData {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = new Float32Array(rows.length * size);
  rows.forEach((row, i) => {
    data.set(from.subarray(row * size, (row + 1) * size), i * size);
  });
  return { data, shape: [rows.length, ...shape] };
}
