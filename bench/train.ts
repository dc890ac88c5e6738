/**
 * One training step (forward, gradients, Adam) next to PyTorch: same network, same first parameters, same batches, which change in
 * every step, and as many threads. First both loss curves are compared, so that both are known to learn the same.
 */
import { Rng } from '../src/math/rng.ts';
import { constant } from '../src/nn/schedules.ts';
import { sizeOf, type TensorData } from '../src/nn/tensor.ts';
import { TrainStep } from '../src/nn/train-step.ts';
import { findPython } from '../test/support/python.ts';
import { type BenchContext, type BenchResult, combine, compare, type Peer } from './harness.ts';
import { type BatchInput, TRAIN_CASES, type TrainCase } from './train-cases.ts';
import { type Batch, TorchTwin } from './train-peer.ts';

const THREADS = 2;
const RATE = 1e-3;
/** Batches that take turns. */
const BATCHES = 6;
/** Steps of the loss curves that are compared. */
const CURVE = 20;
/**
 * Both are judged by how far they are from PyTorch in float64. Ours may be this many times as far as PyTorch's own float32, or
 * this near. A gradient is one pass of rounding. A curve is not: Adam's first steps have the sign of each gradient and almost
 * none of its size, so where a gradient is about 0 its rounding decides, and errors grow from step to step; a wrong one
 * shows in the gradient, and in a curve at 1e-2 and above.
 */
const GRADIENT = { times: 3, near: 1e-6 };
const CURVES = { times: 10, near: 1e-5 };

/**
 * Where PyTorch is absent: what PyTorch 2.15 took on 2 cores of an AMD EPYC, in ms. The largest is half of its processor time on
 * one core, which two cannot beat.
 */
const FLOOR: Readonly<Record<string, number>> = {
  'MLP 32-256-256-8, batch 256': 1.25,
  'CNN 3×64×64, batch 32': 13.8,
  'CNN 3×96×96, batch 64': 64,
};

export async function run(context: BenchContext): Promise<BenchResult> {
  const parts: BenchResult[] = [];
  for (const of of TRAIN_CASES) parts.push(await measure(context, of));
  return combine('train', parts);
}

async function measure(context: BenchContext, of: TrainCase): Promise<BenchResult> {
  const batches = Array.from({ length: BATCHES }, (_, i) => drawBatch(of, i));
  await using train = await TrainStep.open(of.build, {
    seed: 1,
    threads: THREADS,
    optimizer: { kind: 'adamw' },
    rate: constant(RATE),
  });
  const start = train.state();
  const shapes = new Map(start.layout.map((p) => [p.name, p.shape]));
  const { python, skip } = findPython(['torch', 'numpy']);
  using twin =
    skip === false
      ? await TorchTwin.open(python, of, train.parameters(), shapes, batches, {
          threads: THREADS,
          rate: RATE,
        })
      : null;
  if (twin !== null) {
    await learnTheSame(of.name, train, twin, batches, context);
  }
  const peer: Peer =
    twin === null
      ? { absent: `${skip}`, floor: { name: 'PyTorch 2.15, 2 idle cores of an AMD EPYC', values: FLOOR } }
      : {
          name: `PyTorch ${twin.version}, Adam`,
          run: async () => ({ [of.name]: middle(await twin.time(of.steps)) }),
        };
  return await compare(context, {
    bench: `train: ${of.name}`,
    cases: [{ name: of.name, unit: 'ms/step', better: 'lower', limit: { ratio: of.limit } }],
    ours: async () => {
      const times: number[] = [];
      for (let i = 0; i < of.steps; i++) {
        const batch = batches[train.step % BATCHES]!;
        const from = performance.now();
        await train.run(batch);
        times.push(performance.now() - from);
      }
      return { [of.name]: middle(times) };
    },
    peer,
  });
}

/** @throws Error when the first gradient or the losses of ours are further from float64 than rounding explains. */
async function learnTheSame(
  name: string,
  train: TrainStep,
  twin: TorchTwin,
  batches: readonly Batch[],
  context: BenchContext,
): Promise<void> {
  const ours: number[] = [];
  let first: Float32Array = new Float32Array(0);
  for (let i = 0; i < CURVE; i++) {
    ours.push((await train.run(batches[i % BATCHES]!)).loss);
    // From nothing, Adam's first moment after one step is the gradient (in the scale in which it is kept, optimizers.ts).
    if (i === 0) first = train.state().vectors['first']!;
  }
  const gradient = await twin.gradientError(first);
  const exact = await twin.losses(CURVE, 'float64');
  const theirs = await twin.losses(CURVE, 'float32');
  const apart = (v: readonly number[]): number =>
    Math.max(...v.map((loss, i) => Math.abs(loss - exact[i]!))) / exact[0]!;
  const show = (v: readonly number[]): string =>
    [0, 1, 4, 9, CURVE - 1].map((i) => v[i]!.toPrecision(6)).join(' ');
  context.log(
    `train: ${name}: losses of steps 1, 2, 5, 10, ${CURVE}: ours ${show(ours)}, PyTorch ${show(theirs)}`,
  );
  const pairs = [
    ['first gradient', gradient.given, gradient.own, GRADIENT],
    ['loss curve', apart(ours), apart(theirs), CURVES],
  ] as const;
  for (const [what, own, peer, { times, near }] of pairs) {
    const text = `${name}: ${what}: ours is ${own.toExponential(1)} from float64, PyTorch's float32 ${peer.toExponential(1)}`;
    context.log(`train: ${text}`);
    if (!(own <= Math.max(times * peer, near)))
      throw new Error(`${text}: they do not learn the same, and the times would mean nothing`);
  }
}

function drawBatch(of: TrainCase, index: number): Batch {
  const rng = new Rng(17, index);
  return Object.fromEntries(Object.entries(of.inputs).map(([name, input]) => [name, draw(input, rng)]));
}

function draw({ shape, dtype, below = 0 }: BatchInput, rng: Rng): TensorData {
  const length = sizeOf(shape);
  const whole = (): number => rng.below(below);
  switch (dtype) {
    case 'float32':
      return { shape, data: Float32Array.from({ length }, () => (below === 0 ? rng.normal() : whole())) };
    case 'int64':
      return { shape, data: BigInt64Array.from({ length }, () => BigInt(whole())) };
    case 'int32':
      return { shape, data: Int32Array.from({ length }, whole) };
    default:
      return { shape, data: Uint8Array.from({ length }, whole) };
  }
}

const middle = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
