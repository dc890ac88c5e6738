import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rng } from '../../../src/math/rng.ts';
import type { Graph } from '../../../src/nn/graph.ts';
import { embedding } from '../../../src/nn/layers/embedding.ts';
import { film } from '../../../src/nn/layers/film.ts';
import { gru } from '../../../src/nn/layers/gru.ts';
import { linear, mlp } from '../../../src/nn/layers/linear.ts';
import { sinusoidalCode, sinusoidalGrid, sinusoidalTable } from '../../../src/nn/layers/positions.ts';
import { spatialSoftmax } from '../../../src/nn/layers/spatial-softmax.ts';
import { allClose } from '../../support/close.ts';
import { evaluate, normals, values } from '../../support/nn-run.ts';

const rng = new Rng(41);

describe('layers against closed forms', () => {
  it('linear: x W + b over any batch axes', async () => {
    const x = values([1, 2, 2], [1, 2, 3, 4]);
    const { y } = await evaluate(
      (g) => {
        const layer = linear(g, 'layer', 2, 3, {
          init: { kind: 'values', values: [1, 2, 3, 4, 5, 6] },
          bias: { kind: 'values', values: [0.5, 0, -1] },
        });
        return { y: layer(g.input('x', x.shape)) };
      },
      { x },
    );
    assert.deepEqual([...y!], [9.5, 12, 14, 19.5, 26, 32]);
  });

  it('mlp: names its parameters by layer, and ends without an activation', async () => {
    let names: string[] = [];
    const x = normals(rng, [8, 2]);
    const { y } = await evaluate(
      (g) => {
        const network = mlp(g, 'net', [2, 3, 4], { norm: 'layer' });
        names = [...g.parameters.keys()];
        return { y: network(g.input('x', x.shape)) };
      },
      { x },
    );
    const want = [
      'layer1/weight',
      'layer1/bias',
      'norm1/scale',
      'norm1/bias',
      'layer2/weight',
      'layer2/bias',
    ];
    assert.deepEqual(
      names,
      want.map((n) => `net/${n}`),
    );
    assert.ok(y!.some((v) => v < 0) && y!.some((v) => v > 0));
  });

  it('spatial softmax of one bright cell is its place; of nothing, the middle; and a temperature blurs', async () => {
    const [h, w] = [3, 5];
    const x = new Float32Array(2 * h * w);
    x[1 * w + 4] = 60; // row 1 of 3, column 4 of 5: y = 0, x = 1
    const { y } = await evaluate((g) => ({
      y: spatialSoftmax(g, 'softmax', 2, h, w)(g.constant(x, [1, 2, h, w])),
    }));
    allClose(y!, [1, 0, 0, 0], { atol: 1e-6 });
    // Two cells: the expectation under exp(a/τ) with τ = 1.
    const two = new Float32Array(h * w).fill(-1e4);
    two[0] = 0;
    two[2 * w + 4] = Math.log(3);
    const { y: weighted } = await evaluate((g) => ({
      y: spatialSoftmax(g, 'softmax', 1, h, w)(g.constant(two, [1, 1, h, w])),
    }));
    allClose(weighted!, [0.25 * -1 + 0.75, 0.25 * -1 + 0.75], { atol: 1e-6 });
  });

  it('FiLM starts as the identity, and then is (1 + γ) x + β of the channel, in both layouts', async () => {
    const x = normals(rng, [2, 3, 4]);
    const c = normals(rng, [2, 5]);
    for (const layout of ['last', 'second'] as const) {
      const channels = layout === 'last' ? 4 : 3;
      const build = (g: Graph) => ({
        y: film(g, 'film', 5, channels, layout)(g.input('x', x.shape), g.input('c', c.shape)),
        weight: g.parameters.get('film/weight')!.tensor,
        bias: g.parameters.get('film/bias')!.tensor,
      });
      const fresh = await evaluate(build, { x, c });
      assert.deepEqual(fresh['y'], x.data);
      const { y, weight, bias } = await evaluate(build, { x, c }, 1, 0.5);
      const modulation = (b: number, i: number): number =>
        [0, 1, 2, 3, 4].reduce(
          (s, k) => s + Number(c.data[b * 5 + k]) * weight![k * 2 * channels + i]!,
          bias![i]!,
        );
      const want = Array.from(x.data as Float32Array, (v, at) => {
        const [b, middle, last] = [Math.floor(at / 12), Math.floor(at / 4) % 3, at % 4];
        const channel = layout === 'last' ? last : middle;
        return (1 + modulation(b, channel)) * v + modulation(b, channels + channel);
      });
      allClose(y!, want, { atol: 1e-5 });
    }
  });

  it('gru: the unrolled cell is the recurrence of the paper', async () => {
    const [batch, steps, inputs, width] = [2, 3, 2, 3];
    const xs = normals(rng, [batch, steps, inputs]);
    let names: string[] = [];
    const seed = 5;
    const out = await evaluate(
      (g) => {
        const cell = gru(g, 'gru', inputs, width);
        const y = cell.unroll(g.input('xs', xs.shape));
        names = [...g.parameters.keys()];
        const copy = (name: string) => g.parameters.get(name)!.tensor;
        return { y, ...Object.fromEntries(names.map((n) => [`p ${n}`, copy(n)])) };
      },
      { xs },
      seed,
    );
    const [W, b, U, c] = ['input/weight', 'input/bias', 'hidden/weight', 'hidden/bias'].map(
      (n) => out[`p gru/${n}`]!,
    );
    const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
    const want: number[] = [];
    for (let n = 0; n < batch; n++) {
      let h = new Array<number>(width).fill(0);
      for (let t = 0; t < steps; t++) {
        const gate = (i: number, part: 'x' | 'h'): number => {
          const [M, v, bias, size] = part === 'x' ? [W!, null, b!, inputs] : [U!, h, c!, width];
          let s = bias[i]!;
          for (let k = 0; k < size; k++) {
            const value = v === null ? Number(xs.data[(n * steps + t) * inputs + k]) : v[k]!;
            s += value * M[k * 3 * width + i]!;
          }
          return s;
        };
        h = h.map((old, i) => {
          const r = sigmoid(gate(i, 'x') + gate(i, 'h'));
          const z = sigmoid(gate(width + i, 'x') + gate(width + i, 'h'));
          const candidate = Math.tanh(gate(2 * width + i, 'x') + r * gate(2 * width + i, 'h'));
          return (1 - z) * candidate + z * old;
        });
        want.push(...h);
      }
    }
    allClose(out['y']!, want, { atol: 1e-6 });
  });

  it('embedding: rows by number; position codes: sines and cosines', async () => {
    const { y, rows } = await evaluate(
      (g) => ({
        y: embedding(g, 'table', 4, 3)(g.input('i', [2, 2], 'int64')),
        rows: g.parameters.get('table')!.tensor,
      }),
      { i: { shape: [2, 2], data: BigInt64Array.from([3n, 0n, 1n, 3n]) } },
    );
    const want = [3, 0, 1, 3].flatMap((i) => [...rows!.subarray(3 * i, 3 * i + 3)]);
    assert.deepEqual([...y!], want);

    const codes = sinusoidalTable(6, 4);
    allClose(codes.subarray(20, 24), [Math.sin(5), Math.sin(0.05), Math.cos(5), Math.cos(0.05)], {
      atol: 1e-6,
    });
    const { code, grid } = await evaluate((g) => ({
      code: sinusoidalCode(g, g.constant([0, 5]), 4),
      grid: sinusoidalGrid(g, 2, 3, 8),
    }));
    allClose(code!, [...codes.subarray(0, 4), ...codes.subarray(20, 24)], { atol: 1e-6 });
    // Cell (1, 2): the code of row 1, then of column 2.
    allClose(grid!.subarray(5 * 8, 6 * 8), [...codes.subarray(4, 8), ...codes.subarray(8, 12)], {
      atol: 1e-6,
    });
  });
});
