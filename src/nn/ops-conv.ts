/** Convolutions and pooling over [N, C, length] and [N, C, height, width]. */
import { add } from './ops-math.ts';
import { broadcastTo, reshape } from './ops-shape.ts';
import { needType, refuse, windows } from './shapes.ts';
import type { Tensor } from './tensor.ts';

export interface ConvOptions {
  /** One number for all axes, or one for each. Default 1. */
  readonly stride?: number | readonly number[];
  /** Zeros before and after each axis. Default 0. */
  readonly padding?: number | readonly number[];
}

export interface ConvTransposeOptions extends ConvOptions {
  /** How much longer the result is than the shortest signal that gives x; below the stride. Default 0. */
  readonly outputPadding?: number | readonly number[];
}

/**
 * y[n, k, i, j] = Σ w[k, c, a, b] x[n, c, i s + a - p, j s + b - p] + bias[k], as deep learning defines it (no flip).
 * @param x [N, C, height, width]. @param w [K, C, kernel height, kernel width]. @param bias [K].
 */
export const conv2d = (x: Tensor, w: Tensor, bias?: Tensor, options?: ConvOptions): Tensor =>
  conv(2, x, w, bias, options);

/** As conv2d along one axis: x [N, C, length], w [K, C, kernel]. */
export const conv1d = (x: Tensor, w: Tensor, bias?: Tensor, options?: ConvOptions): Tensor =>
  conv(1, x, w, bias, options);

function conv(
  rank: 1 | 2,
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  options: ConvOptions | undefined,
): Tensor {
  checkConv('Conv', rank, x, w, 1);
  const attributes = {
    strides: perAxis('Conv', x, rank, options?.stride ?? 1, 1),
    padding: perAxis('Conv', x, rank, options?.padding ?? 0, 0),
  };
  const space = spaceOf('Conv', [x, w], x.shape.slice(2), { ...attributes, kernel: w.shape.slice(2) });
  const shape = [x.shape[0]!, w.shape[0]!, ...space];
  return withBias('Conv', x.graph.node('Conv', [x, w], attributes, [{ shape, dtype: 'float32' }])[0]!, bias);
}

/**
 * Lengthens a signal: the transpose of conv1d with the same kernel, stride and padding, with which it shares the layout of
 * w, so that length = (in - 1) stride + kernel - 2 padding + outputPadding.
 * @param x [N, K, length]. @param w [K, C, kernel]. @param bias [C]. @returns [N, C, …].
 */
export const convTranspose1d = (
  x: Tensor,
  w: Tensor,
  bias?: Tensor,
  options?: ConvTransposeOptions,
): Tensor => convTranspose(1, x, w, bias, options);

/** As convTranspose1d over two axes: x [N, K, height, width], w [K, C, kernel height, kernel width]. */
export const convTranspose2d = (
  x: Tensor,
  w: Tensor,
  bias?: Tensor,
  options?: ConvTransposeOptions,
): Tensor => convTranspose(2, x, w, bias, options);

function convTranspose(
  rank: 1 | 2,
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  options: ConvTransposeOptions | undefined,
): Tensor {
  checkConv('ConvTranspose', rank, x, w, 0);
  const strides = perAxis('ConvTranspose', x, rank, options?.stride ?? 1, 1);
  const padding = perAxis('ConvTranspose', x, rank, options?.padding ?? 0, 0);
  const extra = perAxis('ConvTranspose', x, rank, options?.outputPadding ?? 0, 0);
  if (extra.some((e, i) => e >= strides[i]!))
    refuse('ConvTranspose', [x, w], 'outputPadding must be below the stride');
  const space = strides.map(
    (s, i) => (x.shape[i + 2]! - 1) * s + w.shape[i + 2]! - 2 * padding[i]! + extra[i]!,
  );
  if (space.some((d) => d < 1)) refuse('ConvTranspose', [x, w], 'the padding leaves nothing');
  const shape = [x.shape[0]!, w.shape[1]!, ...space];
  const y = x.graph.node('ConvTranspose', [x, w], { strides, padding }, [{ shape, dtype: 'float32' }])[0]!;
  return withBias('ConvTranspose', y, bias);
}

export interface PoolOptions {
  /** Size of the window: one number for all axes, or one for each. */
  readonly kernel: number | readonly number[];
  /** Default: the kernel, so that windows do not overlap. */
  readonly stride?: number | readonly number[];
  readonly padding?: number | readonly number[];
}

/** Largest value of each window; padding is never the largest, and the first of equal ones gets the gradient. */
export const maxPool = (x: Tensor, options: PoolOptions): Tensor => pool('MaxPool', x, options);

/** Mean of each window; padding counts as zeros. */
export const avgPool = (x: Tensor, options: PoolOptions): Tensor => pool('AveragePool', x, options);

function pool(op: 'MaxPool' | 'AveragePool', x: Tensor, options: PoolOptions): Tensor {
  needType(op, [x], ['float32']);
  const rank = x.shape.length - 2;
  if (rank !== 1 && rank !== 2) refuse(op, [x], 'it must be [N, C, length] or [N, C, height, width]');
  const kernel = perAxis(op, x, rank, options.kernel, 1);
  const strides = perAxis(op, x, rank, options.stride ?? kernel, 1);
  const padding = perAxis(op, x, rank, options.padding ?? 0, 0);
  if (padding.some((p, i) => p >= kernel[i]!)) refuse(op, [x], 'padding must be below the kernel');
  const space = spaceOf(op, [x], x.shape.slice(2), { kernel, strides, padding });
  const shape = [...x.shape.slice(0, 2), ...space];
  return x.graph.node(op, [x], { kernel, strides, padding }, [{ shape, dtype: 'float32' }])[0]!;
}

/** Repeats each value `factor` times along each axis behind the channels (nearest neighbour). */
export function upsample(x: Tensor, factor: number): Tensor {
  if (!Number.isInteger(factor) || factor < 1)
    refuse('upsample', [x], `the factor ${factor} is no whole number`);
  const [n = 0, c = 0, ...space] = x.shape;
  const apart = reshape(x, [n, c, ...space.flatMap((d) => [d, 1])]);
  const repeated = broadcastTo(apart, [n, c, ...space.flatMap((d) => [d, factor])]);
  return reshape(repeated, [n, c, ...space.map((d) => d * factor)]);
}

function withBias(op: string, y: Tensor, bias: Tensor | undefined): Tensor {
  if (bias === undefined) return y;
  const channels = y.shape[1]!;
  if (bias.shape.length !== 1 || bias.shape[0] !== channels) {
    refuse(op, [y, bias], `the bias must have one value for each of the ${channels} channels`);
  }
  return add(y, reshape(bias, [channels, ...y.shape.slice(2).map(() => 1)]));
}

function checkConv(op: string, rank: 1 | 2, x: Tensor, w: Tensor, channelAxis: 0 | 1): void {
  needType(op, [x, w], ['float32']);
  const form = rank === 1 ? '[N, channels, length]' : '[N, channels, height, width]';
  if (x.shape.length !== rank + 2 || w.shape.length !== rank + 2) {
    refuse(op, [x, w], `the signal must be ${form} and the kernel have ${rank + 2} axes`);
  }
  if (x.shape[1] !== w.shape[channelAxis]) {
    refuse(op, [x, w], `the channels of the signal must equal axis ${channelAxis} of the kernel`);
  }
}

function perAxis(
  op: string,
  x: Tensor,
  rank: number,
  value: number | readonly number[],
  least: number,
): readonly number[] {
  const list = typeof value === 'number' ? new Array<number>(rank).fill(value) : value;
  if (list.length !== rank || list.some((v) => !Number.isInteger(v) || v < least)) {
    refuse(op, [x], `${list.join(', ')} is not one whole number of at least ${least} for each axis`);
  }
  return list;
}

function spaceOf(
  op: string,
  tensors: readonly Tensor[],
  space: readonly number[],
  w: {
    readonly kernel: readonly number[];
    readonly strides: readonly number[];
    readonly padding: readonly number[];
  },
): number[] {
  const out = space.map((d, i) => windows(d, w.kernel[i]!, w.strides[i]!, w.padding[i]!));
  if (out.some((d) => d < 1)) refuse(op, tensors, 'the padded signal is smaller than the kernel');
  return out;
}
