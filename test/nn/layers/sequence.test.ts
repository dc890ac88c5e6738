import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rng } from '../../../src/math/rng.ts';
import { convolution1d, groupNormed1d, upsampling1d } from '../../../src/nn/layers/sequence.ts';
import { unet1d } from '../../../src/nn/layers/unet1d.ts';
import { convTranspose1d, groupNorm, mul, split, stack, transpose } from '../../../src/nn/ops.ts';
import type { Tensor, TensorData } from '../../../src/nn/tensor.ts';
import { allClose } from '../../support/close.ts';
import { evaluate, normals } from '../../support/nn-run.ts';

const rng = new Rng(51);

/** [B, T, C] to [B, C, T] and back. */
const turned = (t: Tensor): Tensor => transpose(t, [0, 2, 1]);

/** The sum of convolution1d's description, term by term. */
function summed(x: TensorData, weight: Float32Array, kernel: number, stride: number): number[] {
  const [batch = 0, steps = 0, inputs = 0] = x.shape;
  const outputs = weight.length / (kernel * inputs);
  const padding = kernel >> 1;
  const out: number[] = [];
  for (let n = 0; n < batch; n++) {
    for (let start = -padding; start + kernel <= steps + padding; start += stride) {
      for (let o = 0; o < outputs; o++) {
        let y = 0;
        for (let k = Math.max(0, -start); k < kernel && start + k < steps; k++) {
          for (let c = 0; c < inputs; c++) {
            const at = (n * steps + start + k) * inputs + c;
            y += Number(x.data[at]) * weight[(k * inputs + c) * outputs + o]!;
          }
        }
        out.push(y);
      }
    }
  }
  return out;
}

describe('convolutions along time with channels last, against their sums', () => {
  for (const [batch, kernel, stride, steps] of [
    [2, 5, 1, 8],
    [1, 5, 1, 8],
    [2, 3, 2, 8],
    [1, 3, 2, 8],
    [2, 3, 2, 7],
    [1, 3, 2, 7],
    [2, 1, 1, 4],
  ] as const) {
    it(`batch ${batch}, kernel ${kernel}, stride ${stride}, ${steps} steps`, async () => {
      const [inputs, outputs] = [3, 4];
      const x = normals(rng, [batch, steps, inputs]);
      const { ours, weight } = await evaluate(
        (g) => {
          const ours = convolution1d(g, 'conv', inputs, outputs, { kernel, stride })(g.input('x', x.shape));
          return { ours, weight: mul(g.parameters.get('conv/weight')!.tensor, 1) };
        },
        { x },
      );
      allClose(ours!, summed(x, Float32Array.from(weight!), kernel, stride), { atol: 1e-5 });
    });
  }

  it('upsampling is the transposed convolution of kernel 4, stride 2, padding 1', async () => {
    const [inputs, outputs] = [3, 2];
    const x = normals(rng, [2, 5, inputs]);
    const { ours, theirs } = await evaluate(
      (g) => {
        const at = g.input('x', x.shape);
        const ours = upsampling1d(g, 'up', inputs, outputs)(at);
        // Even steps: x_i through tap 1 and x_{i−1} through tap 3; odd: x_i through tap 2 and x_{i+1} through tap 0.
        const [tap1, tap3] = split(g.parameters.get('up/even')!.tensor, 2, 0);
        const [tap2, tap0] = split(g.parameters.get('up/odd')!.tensor, 2, 0);
        const kernel = stack([tap0!, tap1!, tap2!, tap3!], 2);
        return {
          ours,
          theirs: turned(convTranspose1d(turned(at), kernel, undefined, { stride: 2, padding: 1 })),
        };
      },
      { x },
    );
    allClose(ours!, theirs!, { atol: 1e-5 });
  });

  it('group norm over time and the channels of a group', async () => {
    const x = normals(rng, [2, 6, 8], 3);
    const { ours, theirs } = await evaluate(
      (g) => {
        const at = g.input('x', x.shape);
        const scale = g.constant(1, [8]);
        const bias = g.constant(0, [8]);
        return {
          ours: groupNormed1d(g, 'norm', 8, 4)(at),
          theirs: turned(groupNorm(turned(at), 4, scale, bias)),
        };
      },
      { x },
    );
    allClose(ours!, theirs!, { atol: 1e-5 });
  });
});

describe('1-D U-Net', () => {
  it('gives as many steps as it gets, whole halvings or not, and listens to the condition', async () => {
    for (const steps of [4, 7, 8]) {
      const x = normals(rng, [2, steps, 3]);
      const { none, some } = await evaluate(
        (g) => {
          const network = unet1d(g, 'unet', {
            inputs: 3,
            outputs: 2,
            condition: 2,
            channels: [8, 8, 8],
            kernel: 3,
            groups: 2,
          });
          const input = g.input('x', x.shape);
          return { none: network(input, g.constant(0, [2, 2])), some: network(input, g.constant(1, [2, 2])) };
        },
        { x },
        1,
        0.1, // FiLM starts at zero, where no condition counts.
      );
      assert.equal(none!.length, 2 * steps * 2);
      assert.ok(none!.every(Number.isFinite));
      assert.ok(Math.abs(some![0]! - none![0]!) > 1e-3);
    }
  });
});
