import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ArmloopError } from '../../src/errors.ts';
import { Rng } from '../../src/math/rng.ts';
import type { Graph } from '../../src/nn/graph.ts';
import * as ops from '../../src/nn/ops.ts';
import { constant } from '../../src/nn/schedules.ts';
import type { TensorData } from '../../src/nn/tensor.ts';
import { decodeState, encodeState } from '../../src/nn/train-state.ts';
import { type Objective, type TrainOptions, TrainStep } from '../../src/nn/train-step.ts';
import { allClose } from '../support/close.ts';

/** A small network with a convolution, dropout and two outputs worth watching. */
function network(g: Graph): Objective {
  const x = g.input('x', [4, 2, 6, 6]);
  const target = g.input('target', [4, 3]);
  const keep = g.input('keep', [4, 5]);
  const weight = (name: string, ...shape: number[]) => g.parameter(name, shape, { kind: 'fan-in-uniform' });
  const bias = (name: string, n: number) => g.parameter(name, [n], { kind: 'zeros' });
  const h = g.scope('conv', () =>
    ops.relu(ops.conv2d(x, weight('weight', 5, 2, 3, 3), bias('bias', 5), { stride: 2, padding: 1 })),
  );
  const pooled = ops.dropout(ops.mean(h, [2, 3]), keep, 0.2);
  const y = g.scope('out', () => ops.add(ops.matmul(pooled, weight('weight', 5, 3)), bias('bias', 3)));
  const loss = ops.mean(ops.square(ops.sub(y, target)));
  return { loss, metrics: { worst: ops.max(ops.abs(ops.sub(y, target))) } };
}

const OPTIONS: TrainOptions = {
  seed: 3,
  threads: 2,
  optimizer: { kind: 'adamw', weightDecay: 0.01 },
  rate: constant(0.01),
  clipNorm: 1,
  average: constant(0.9),
  noise: [{ name: 'keep', shape: [4, 5], distribution: 'bernoulli', probability: 0.8 }],
};

/** Batch of a step, a function of the step alone. */
function batch(step: number): Record<string, TensorData> {
  const rng = new Rng(11, step);
  const draw = (...shape: number[]): TensorData => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => rng.normal()),
  });
  return { x: draw(4, 2, 6, 6), target: draw(4, 3) };
}

const bytes = (v: Float32Array): Buffer => Buffer.from(v.buffer, v.byteOffset, v.byteLength);

async function run(train: TrainStep, until: number): Promise<number[]> {
  const losses: number[] = [];
  while (train.step < until) losses.push((await train.run(batch(train.step))).loss);
  return losses;
}

describe('a training step by TensorFlow.js', () => {
  const options = { ...OPTIONS, provider: 'tfjs' as const };

  it('is that of ONNX Runtime but for rounding: losses, parameters, averages and looks', async () => {
    await using ours = await TrainStep.open(network, options);
    await using theirs = await TrainStep.open(network, OPTIONS);
    const [a, b] = [await run(ours, 12), await run(theirs, 12)];
    allClose(a, b, { rtol: 1e-4, atol: 1e-5 });
    for (const [name, v] of theirs.parameters()) allClose(ours.parameters().get(name)!, v, { atol: 1e-4 });
    for (const [name, v] of theirs.ema()) allClose(ours.ema().get(name)!, v, { atol: 1e-4 });
    const looks = await Promise.all([ours, theirs].map((t) => t.evaluate(batch(99), 'average', 7)));
    allClose([looks[0]!.loss], [looks[1]!.loss], { rtol: 1e-4 });
    allClose([looks[0]!.metrics['worst']!], [looks[1]!.metrics['worst']!], { rtol: 1e-4 });
  });

  it('goes on bit for bit from a state, and refuses what does not fit', async () => {
    await using whole = await TrainStep.open(network, options);
    await run(whole, 8);
    await using half = await TrainStep.open(network, options);
    await run(half, 3);
    await using rest = await TrainStep.open(network, options);
    rest.restore(decodeState(encodeState(half.state())));
    await run(rest, 8);
    for (const [name, v] of whole.parameters())
      assert.deepEqual(bytes(rest.parameters().get(name)!), bytes(v), name);
    const { x } = batch(0);
    await assert.rejects(rest.run({ x: x! }), { code: 'NN_FEED', message: /input target .*not given/ });
    await assert.rejects(rest.run({ ...batch(0), z: x! }), { code: 'NN_FEED', message: /no such input/ });
    assert.equal(rest.step, 8);
  });
});

describe('a training step', () => {
  it('goes on bit for bit from a state that went through bytes', async () => {
    await using whole = await TrainStep.open(network, OPTIONS);
    const losses = await run(whole, 12);
    await using first = await TrainStep.open(network, OPTIONS);
    await run(first, 5);
    const saved = encodeState(first.state());
    await run(first, 7);
    await using second = await TrainStep.open(network, { ...OPTIONS, parameters: first.parameters() });
    second.restore(decodeState(Buffer.from(saved)));
    assert.equal(second.step, 5);
    assert.deepEqual(await run(second, 12), losses.slice(5));
    const [want, got] = [whole.state(), second.state()];
    assert.deepEqual(Object.keys(got.vectors), ['parameters', 'first', 'second', 'average']);
    for (const [name, v] of Object.entries(want.vectors)) {
      assert.ok(
        v.some((x) => x !== 0),
        name,
      );
      assert.deepEqual(bytes(got.vectors[name]!), bytes(v), name);
    }
    for (const [name, v] of whole.ema()) assert.notDeepEqual(v, whole.parameters().get(name));
  });

  it('depends on the seed: other first values, other noise', async () => {
    await using one = await TrainStep.open(network, OPTIONS);
    await using two = await TrainStep.open(network, { ...OPTIONS, seed: 4 });
    await using three = await TrainStep.open(network, { ...OPTIONS, seed: 4, parameters: one.parameters() });
    assert.notDeepEqual(one.parameters(), two.parameters());
    assert.deepEqual(one.parameters(), three.parameters());
    assert.notDeepEqual(await run(one, 3), await run(three, 3));
  });

  it('leaves the last good state when a step diverges', async () => {
    await using train = await TrainStep.open(network, OPTIONS);
    await run(train, 2);
    const before = train.state();
    const { x, target } = batch(2);
    x!.data[7] = Number.NaN;
    await assert.rejects(
      () => train.run({ x: x!, target: target! }),
      (error: unknown) =>
        error instanceof ArmloopError &&
        error.code === 'NN_DIVERGED' &&
        /of step 2 is NaN/.test(error.message),
    );
    assert.deepEqual(train.state(), before);
    await run(train, 4);
  });

  it('evaluates without learning, with the parameters or their average', async () => {
    await using train = await TrainStep.open(network, OPTIONS);
    await run(train, 6);
    const before = train.state();
    const plain = await train.evaluate(batch(6), 'parameters', 6);
    const average = await train.evaluate(batch(6), 'average', 6);
    assert.notEqual(plain.loss, average.loss);
    assert.deepEqual(train.state(), before);
    const step = await train.run(batch(6));
    // Another graph around the same loss may be summed in another order.
    assert.ok(Math.abs(step.loss - plain.loss) <= 1e-6 * plain.loss, `${step.loss} and ${plain.loss}`);
    assert.ok(Math.abs(step.metrics['worst']! - plain.metrics['worst']!) <= 1e-5);
  });

  it('refuses states of other networks, missing feeds and parameters that nothing uses', async () => {
    await using train = await TrainStep.open(network, OPTIONS);
    await using sgd = await TrainStep.open(network, { ...OPTIONS, optimizer: { kind: 'sgd' } });
    assert.throws(() => sgd.restore(train.state()), /its vector first is missing here or there/);
    const state = train.state();
    assert.throws(
      () => train.restore({ ...state, layout: state.layout.slice(1) }),
      /it holds other parameters/,
    );
    assert.throws(() => decodeState(Uint8Array.of(1, 2, 3)), /NN_STATE|the bytes are not one/);
    await assert.rejects(
      () => train.run({ x: batch(0)['x']! }),
      /input target cannot be fed: it was not given/,
    );
    const idle = (g: Graph): Objective => {
      g.parameter('idle', [2], { kind: 'ones' });
      return network(g);
    };
    await assert.rejects(() => TrainStep.open(idle, OPTIONS), /idle \[2\] has no gradient/);
  });
});

/** A loss whose gradient is known: Σ c p, so that the optimisers can be followed by hand in float64. */
const C = [0.5, -2, 0.25];
const START = [1, 2, -3];
function linear(g: Graph): Objective {
  const p = g.parameter('p', [3], { kind: 'values', values: START });
  const q = g.parameter('q/bias', [1], { kind: 'values', values: [4] });
  const tide = g.input('tide', []);
  return { loss: ops.add(ops.mul(ops.sum(ops.mul(p, g.constant(C))), tide), ops.sum(q)) };
}

/** AdamW and SGD as their papers write them, in float64. */
function follow(options: TrainOptions, tides: readonly number[]): number[] {
  const p = [...START, 4];
  const [m, v, b] = [p.map(() => 0), p.map(() => 0), p.map(() => 0)];
  const method = options.optimizer;
  tides.forEach((tide, step) => {
    let g = [...C.map((c) => c * tide), 1];
    const norm = Math.hypot(...g);
    if (options.clipNorm !== undefined) g = g.map((x) => x * Math.min(1, options.clipNorm! / (norm + 1e-6)));
    const rate = options.rate(step);
    p.forEach((x, i) => {
      const name = i < 3 ? 'p' : 'q/bias';
      const eta = rate * (options.rateScale?.(name) ?? 1);
      const decay = (method.weightDecay ?? 0) * (options.decayScale?.(name) ?? 1);
      if (method.kind === 'sgd') {
        b[i] = (method.momentum ?? 0) * b[i]! + g[i]! + decay * x;
        p[i] = x - eta * b[i]!;
      } else {
        const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = method;
        m[i] = beta1 * m[i]! + (1 - beta1) * g[i]!;
        v[i] = beta2 * v[i]! + (1 - beta2) * g[i]! ** 2;
        const [mHat, vHat] = [m[i]! / (1 - beta1 ** (step + 1)), v[i]! / (1 - beta2 ** (step + 1))];
        p[i] = x - eta * decay * x - (eta * mHat) / (Math.sqrt(vHat) + epsilon);
      }
    });
  });
  return p;
}

describe('optimisers follow their papers', () => {
  const decayScale = (name: string): number => (name.endsWith('bias') ? 0 : 1);
  const rate = (step: number): number => 0.1 / (step + 1);
  const CASES: Record<string, Partial<TrainOptions>> = {
    SGD: { optimizer: { kind: 'sgd' } },
    'SGD with momentum and decay': {
      optimizer: { kind: 'sgd', momentum: 0.9, weightDecay: 0.1 },
      decayScale,
    },
    Adam: { optimizer: { kind: 'adamw' } },
    AdamW: { optimizer: { kind: 'adamw', weightDecay: 0.2, beta1: 0.8, beta2: 0.95, epsilon: 0.01 } },
    'AdamW, factors by parameter': {
      optimizer: { kind: 'adamw', weightDecay: 0.2 },
      decayScale,
      rateScale: (name) => (name === 'p' ? 0.5 : 1),
    },
    clipped: { optimizer: { kind: 'sgd' }, clipNorm: 1.5 },
  };
  for (const [name, change] of Object.entries(CASES)) {
    it(name, async () => {
      const options: TrainOptions = { seed: 1, threads: 1, rate, optimizer: { kind: 'sgd' }, ...change };
      const tides = [1, 0.5, -1, 2, 0.1];
      await using train = await TrainStep.open(linear, options);
      for (const tide of tides) {
        const { gradNorm } = await train.run({ tide: { data: Float32Array.of(tide), shape: [] } });
        assert.ok(Math.abs(gradNorm - Math.hypot(...C.map((c) => c * tide), 1)) < 1e-6);
      }
      const got = [...train.parameters().values()].flatMap((v) => [...v]);
      // Some ten float32 operations a step on values up to 4.
      follow(options, tides).forEach((want, i) => {
        assert.ok(Math.abs(got[i]! - want) <= 50 * 2 ** -24 * 4, `${i}: ${got[i]} and ${want}`);
      });
    });
  }
});
