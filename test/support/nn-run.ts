/** Runs small graphs and checks the gradients of whole networks, for the tests of src/nn. */
import assert from 'node:assert/strict';
import { Rng } from '../../src/math/rng.ts';
import { OrtExecutor } from '../../src/nn/executors/ort.ts';
import { gradients } from '../../src/nn/gradients.ts';
import { Graph } from '../../src/nn/graph.ts';
import { initialValues } from '../../src/nn/init.ts';
import { drawNoise, type NoiseSpec, noiseType } from '../../src/nn/noise.ts';
import { toOnnx } from '../../src/nn/onnx/write.ts';
import { sizeOf, type Tensor, type TensorData } from '../../src/nn/tensor.ts';

export type Feeds = Record<string, TensorData>;

/** Float32 values with a shape. */
export const values = (shape: readonly number[], data: ArrayLike<number>): TensorData => ({
  shape,
  data: Float32Array.from(data),
});

/** Normal numbers of a shape. */
export function normals(rng: Rng, shape: readonly number[], sigma = 1): TensorData {
  return values(
    shape,
    Array.from({ length: sizeOf(shape) }, () => rng.normal(sigma)),
  );
}

/** Initial values of all parameters; `spread` adds noise, so that biases and gates that start at 0 are tried too. */
export function drawParameters(graph: Graph, seed: number, spread = 0): Map<string, Float32Array> {
  const rng = new Rng(seed, 7);
  return new Map(
    [...graph.parameters].map(([name, { tensor, init }]) => {
      const drawn = initialValues(name, tensor.shape, init, seed);
      return [name, spread === 0 ? drawn : drawn.map((v) => v + rng.normal(spread))];
    }),
  );
}

/** Inputs of the graph for noise, by name. */
export function noiseInputs(graph: Graph, specs: readonly NoiseSpec[]): Record<string, Tensor> {
  return Object.fromEntries(specs.map((s) => [s.name, graph.input(s.name, s.shape, noiseType(s))]));
}

/** Values for all inputs of a graph: normal numbers, bytes, 0 or 1 for masks, small whole numbers; noise as specified. */
export function drawFeeds(graph: Graph, seed: number, noise: readonly NoiseSpec[] = []): Feeds {
  const rng = new Rng(seed, 3);
  const feeds: Feeds = {};
  for (const [name, { shape, dtype }] of graph.inputs) {
    const spec = noise.find((s) => s.name === name);
    const count = sizeOf(shape);
    if (spec !== undefined) feeds[name] = drawNoise(spec, seed, 0);
    else if (dtype === 'uint8')
      feeds[name] = { shape, data: Uint8Array.from({ length: count }, () => rng.below(256)) };
    else if (dtype === 'int64')
      feeds[name] = { shape, data: BigInt64Array.from({ length: count }, () => BigInt(rng.below(2))) };
    else if (name === 'actionMask') {
      // Rows real up to some step, as at the end of an episode; the first one is whole, the others are not.
      const [batch, horizon] = shape as [number, number];
      const data = new Float32Array(count);
      for (let b = 0; b < batch; b++)
        data.fill(1, b * horizon, b * horizon + (b === 0 ? horizon : 1 + rng.below(horizon - 1)));
      feeds[name] = { shape, data };
    } else feeds[name] = normals(rng, shape, 0.7);
  }
  return feeds;
}

/**
 * Builds a graph whose results are its outputs, runs it once on ONNX Runtime, and gives the outputs as arrays. Parameters
 * are drawn from the seed, with `spread` as noise on top.
 */
export async function evaluate(
  build: (g: Graph) => Record<string, Tensor>,
  feeds: Feeds = {},
  seed = 1,
  spread = 0,
): Promise<Record<string, Float32Array>> {
  const g = new Graph();
  for (const [name, tensor] of Object.entries(build(g))) g.output(name, tensor);
  await using ort = await OrtExecutor.open(g, { threads: 1, parameters: drawParameters(g, seed, spread) });
  const out = await ort.run(feeds);
  return Object.fromEntries(
    Object.entries(out).map(([name, t]) => [name, Float32Array.from(t.data, Number)]),
  );
}

export interface GradientCheck {
  /** Builds the loss, one number. */
  readonly build: (g: Graph) => Tensor;
  readonly feeds: (g: Graph) => Feeds;
  readonly seed: number;
  /** Step along a unit direction. */
  readonly step: number;
}

/**
 * For each parameter tensor, along a random unit direction: the gradient against central differences. With D(h) the
 * central difference, f = the loss, R = (4 D(h) − D(2h)) / 3 the extrapolated derivative: the error of R is less than
 * |D(2h) − D(h)| / 3 (the removed h² term bounds what is left while h is small) plus rounding, 32 ε |f| / h for a loss that
 * sums some tens of float32 roundings. Returns how many parameters had a gradient that is not 0.
 */
export async function checkGradients(check: GradientCheck): Promise<number> {
  const g = new Graph();
  const loss = check.build(g);
  const names = [...g.parameters.keys()];
  const grads = gradients(
    loss,
    names.map((n) => g.parameters.get(n)!.tensor),
  );
  g.output('loss', loss);
  grads.forEach((t, i) => void g.output(`grad ${names[i]}`, t));
  const bytes = toOnnx(g, { name: 'check', parameters: 'inputs' });
  await using ort = await OrtExecutor.open(bytes, { threads: 1 });
  const parameters = drawParameters(g, check.seed, 0.05);
  const fixed = check.feeds(g);
  const at = async (name: string, direction: Float32Array, h: number) => {
    const feeds: Feeds = { ...fixed };
    for (const [other, data] of parameters) {
      const moved = other === name ? data.map((v, i) => v + h * direction[i]!) : data;
      feeds[other] = { shape: g.parameters.get(other)!.tensor.shape, data: moved };
    }
    return ort.run(feeds);
  };
  const rng = new Rng(check.seed, 9);
  let moving = 0;
  for (const name of names) {
    const size = parameters.get(name)!.length;
    const direction = Float32Array.from({ length: size }, () => rng.normal());
    const length = Math.hypot(...direction);
    for (let i = 0; i < size; i++) direction[i]! /= length;
    const here = await at(name, direction, 0);
    const f = Math.abs(Number(here['loss']!.data[0]));
    assert.ok(Number.isFinite(f), `loss ${f}`);
    const slope = Array.from(here[`grad ${name}`]!.data as Float32Array).reduce(
      (s, v, i) => s + v * direction[i]!,
      0,
    );
    const difference = async (h: number): Promise<number> => {
      const up = Number((await at(name, direction, h))['loss']!.data[0]);
      const down = Number((await at(name, direction, -h))['loss']!.data[0]);
      return (up - down) / (2 * h);
    };
    const once = await difference(check.step);
    const twice = await difference(2 * check.step);
    const extrapolated = (4 * once - twice) / 3;
    const tolerance = Math.abs(twice - once) + (32 * 2 ** -24 * Math.max(1, f)) / check.step;
    assert.ok(
      Math.abs(slope - extrapolated) <= tolerance,
      `${name}: gradient ${slope}, differences ${extrapolated} ± ${tolerance} (seed ${check.seed})`,
    );
    if (Math.abs(slope) > 3 * tolerance) moving++;
  }
  return moving;
}
