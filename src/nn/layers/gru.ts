/** Gated recurrent unit (Cho et al. 2014), in the variant that resets after the product, which cuDNN and PyTorch have. */
import type { Graph } from '../graph.ts';
import { add, mul, reshape, sigmoid, split, stack, sub, tanh } from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import { type Layer, linear } from './linear.ts';

export interface Gru {
  readonly width: number;
  /** W x + b of all gates for inputs of any number of steps at once: [..., inputs] to [..., 3 width]. */
  readonly project: Layer;
  /**
   * One step from h [B, width] and a projected input [B, 3 width]:
   * r = σ(W_r x + U_r h), z = σ(W_z x + U_z h), n = tanh(W_n x + r ⊙ U_n h), h' = (1 − z) ⊙ n + z ⊙ h.
   */
  readonly step: (projected: Tensor, h: Tensor) => Tensor;
  /** Over xs [B, T, inputs] from h = `start` (default zeros): the h of all steps [B, T, width]. */
  readonly unroll: (xs: Tensor, start?: Tensor) => Tensor;
}

export function gru(g: Graph, name: string, inputs: number, width: number): Gru {
  return g.scope(name, () => {
    const project = linear(g, 'input', inputs, 3 * width);
    const recurrent = linear(g, 'hidden', width, 3 * width);
    const step = (projected: Tensor, h: Tensor): Tensor => {
      const [xr, xz, xn] = thirds(projected);
      const [ur, uz, un] = thirds(recurrent(h));
      const r = sigmoid(add(xr, ur));
      const z = sigmoid(add(xz, uz));
      const n = tanh(add(xn, mul(r, un)));
      return add(n, mul(z, sub(h, n)));
    };
    const unroll = (xs: Tensor, start?: Tensor): Tensor => {
      const [batch, steps] = xs.shape as [number, number, number];
      const projected = split(project(xs), steps, 1);
      let h = start ?? g.constant(0, [batch, width]);
      const all: Tensor[] = [];
      for (const x of projected) {
        h = step(reshape(x, [batch, 3 * width]), h);
        all.push(h);
      }
      return stack(all, 1);
    };
    return { width, project, step, unroll };
  });
}

const thirds = (x: Tensor): readonly [Tensor, Tensor, Tensor] =>
  split(x, 3, 1) as readonly Tensor[] as readonly [Tensor, Tensor, Tensor];
