/**
 * The networks of `bench train`. Each has a twin of the same name in train-peer.py, with the same parameters under the same names
 * (`/` here is `.` there), so that both start from the same values and see the same batches.
 */
import type { Graph } from '../src/nn/graph.ts';
import * as ops from '../src/nn/ops.ts';
import type { DType, Tensor } from '../src/nn/tensor.ts';
import type { Objective } from '../src/nn/train-step.ts';
import { actSmall, diffusionUnet } from './train-policies.ts';

export interface BatchInput {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Values are drawn from a normal distribution, or as whole numbers below this one. */
  readonly below?: number;
}

export interface TrainCase {
  readonly name: string;
  /** Name of the twin in train-peer.py, and what it is made with. */
  readonly twin: string;
  readonly settings: Readonly<Record<string, number>>;
  readonly inputs: Readonly<Record<string, BatchInput>>;
  readonly build: (g: Graph) => Objective;
  /** Steps of one repeat. */
  readonly steps: number;
  /** Largest share of PyTorch's time. */
  readonly limit: number;
}

const float = (...shape: number[]): BatchInput => ({ shape, dtype: 'float32' });

function linear(g: Graph, name: string, x: Tensor, to: number): Tensor {
  return g.scope(name, () => {
    const w = g.parameter('weight', [x.shape.at(-1)!, to], { kind: 'fan-in-uniform' });
    const b = g.parameter('bias', [to], { kind: 'fan-in-uniform', fanIn: x.shape.at(-1)! });
    return ops.add(ops.matmul(x, w), b);
  });
}

const squaredError = (y: Tensor, target: Tensor): Objective => ({
  loss: ops.mean(ops.square(ops.sub(y, target))),
});

function mlp(batch: number): TrainCase {
  const inputs = { x: float(batch, 32), target: float(batch, 8) };
  return {
    name: `MLP 32-256-256-8, batch ${batch}`,
    twin: 'mlp',
    settings: {},
    inputs,
    steps: 200,
    limit: 1,
    build: (g) => {
      const x = g.input('x', inputs.x.shape);
      const h = ops.relu(linear(g, 'one', x, 256));
      const y = linear(g, 'out', ops.relu(linear(g, 'two', h, 256)), 8);
      return squaredError(y, g.input('target', inputs.target.shape));
    },
  };
}

/** Pictures as they come from a camera: bytes, rows of pixels, scaled in the graph. */
function cnn(batch: number, size: number, steps: number): TrainCase {
  const inputs = {
    image: { shape: [batch, size, size, 3], dtype: 'uint8', below: 256 },
    target: float(batch, 8),
  } as const;
  return {
    name: `CNN 3×${size}×${size}, batch ${batch}`,
    twin: 'cnn',
    settings: { size },
    inputs,
    steps,
    limit: 1,
    build: (g) => {
      const image = g.input('image', inputs.image.shape, 'uint8');
      let h = ops.transpose(ops.mul(ops.cast(image, 'float32'), 1 / 255), [0, 3, 1, 2]);
      for (const [name, channels] of [
        ['one', 32],
        ['two', 64],
        ['three', 64],
      ] as const) {
        h = g.scope(name, () => {
          const fanIn = h.shape[1]! * 9;
          const w = g.parameter('weight', [channels, h.shape[1]!, 3, 3], { kind: 'fan-in-uniform' });
          const b = g.parameter('bias', [channels], { kind: 'fan-in-uniform', fanIn });
          return ops.relu(ops.conv2d(h, w, b, { stride: 2, padding: 1 }));
        });
      }
      const y = linear(g, 'out', ops.reshape(h, [batch, -1]), 8);
      return squaredError(y, g.input('target', inputs.target.shape));
    },
  };
}

export const TRAIN_CASES: readonly TrainCase[] = [
  mlp(256),
  cnn(32, 64, 30),
  cnn(64, 96, 10),
  actSmall(32),
  diffusionUnet(64),
];
