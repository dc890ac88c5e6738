/** First values of parameters, drawn from (seed, name of the parameter) and from nothing else. */
import { ArmloopError } from '../errors.ts';
import { Rng } from '../math/rng.ts';
import { showShape, sizeOf } from './tensor.ts';

/**
 * `gain` multiplies the width of the distribution; 1 unless said. Fans are counted for weights [in, out] of a matrix
 * product and kernels [out, in, …] of a convolution.
 */
export type Init =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  | { readonly kind: 'normal'; readonly std: number; readonly mean?: number }
  /** Uniform within ± gain √(6 / (fan in + fan out)): Glorot and Bengio 2010, equation 16. */
  | { readonly kind: 'xavier-uniform'; readonly gain?: number }
  /** Normal with standard deviation gain √(2 / fan in): He et al. 2015, equation 10. */
  | { readonly kind: 'he-normal'; readonly gain?: number }
  /** Uniform within ± gain / √(fan in): what PyTorch gives linear and convolution layers. */
  | { readonly kind: 'fan-in-uniform'; readonly gain?: number; readonly fanIn?: number }
  | { readonly kind: 'values'; readonly values: ArrayLike<number> };

/** Values of one parameter. Same seed and name, same values, whatever else the network holds. */
export function initialValues(
  name: string,
  shape: readonly number[],
  init: Init,
  seed: number,
): Float32Array {
  const out = new Float32Array(sizeOf(shape));
  const rng = new Rng(seed, hash(name));
  switch (init.kind) {
    case 'zeros':
      return out;
    case 'ones':
      return out.fill(1);
    case 'constant':
      return out.fill(init.value);
    case 'uniform':
      return fill(out, () => rng.uniform(init.low, init.high));
    case 'normal':
      return fill(out, () => (init.mean ?? 0) + rng.normal(init.std));
    case 'xavier-uniform': {
      const { fanIn, fanOut } = fans(shape);
      const width = (init.gain ?? 1) * Math.sqrt(6 / (fanIn + fanOut));
      return fill(out, () => rng.uniform(-width, width));
    }
    case 'he-normal': {
      const std = (init.gain ?? 1) * Math.sqrt(2 / fans(shape).fanIn);
      return fill(out, () => rng.normal(std));
    }
    case 'fan-in-uniform': {
      const width = (init.gain ?? 1) / Math.sqrt(init.fanIn ?? fans(shape).fanIn);
      return fill(out, () => rng.uniform(-width, width));
    }
    case 'values':
      if (init.values.length !== out.length) {
        const what = `parameter ${name} of shape ${showShape(shape)}`;
        throw new ArmloopError('LENGTH_MISMATCH', { what, got: init.values.length, want: out.length });
      }
      out.set(init.values);
      return out;
    default:
      throw new TypeError(`unknown init ${init satisfies never}`);
  }
}

function fill(out: Float32Array, draw: () => number): Float32Array {
  for (let i = 0; i < out.length; i++) out[i] = draw();
  return out;
}

/** How many values each output sums, and how many outputs each input reaches. */
export function fans(shape: readonly number[]): { readonly fanIn: number; readonly fanOut: number } {
  const [first = 1, second = 1] = shape;
  if (shape.length <= 2) return { fanIn: first, fanOut: second };
  const window = sizeOf(shape.slice(2));
  return { fanIn: second * window, fanOut: first * window };
}

/** FNV-1a of a text, 32 bits (Fowler, Noll, Vo): a stream number for each name. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
