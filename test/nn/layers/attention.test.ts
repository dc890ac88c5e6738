import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rng } from '../../../src/math/rng.ts';
import type { Graph } from '../../../src/nn/graph.ts';
import { attend, causalMask, crossAttention, selfAttention } from '../../../src/nn/layers/attention.ts';
import { transformerDecoder, transformerEncoder } from '../../../src/nn/layers/transformer.ts';
import { allClose } from '../../support/close.ts';
import { evaluate, normals, values } from '../../support/nn-run.ts';

const rng = new Rng(31);

describe('attention', () => {
  it('is softmax(Q Kᵀ / √d) V', async () => {
    const [T, S, d] = [2, 3, 4];
    const q = normals(rng, [1, 1, T, d]);
    const k = normals(rng, [1, 1, S, d]);
    const v = normals(rng, [1, 1, S, d]);
    const { y } = await evaluate(
      (g) => ({
        y: attend(g.input('q', q.shape), g.input('k', k.shape), g.input('v', v.shape)),
      }),
      { q, k, v },
    );
    const want: number[] = [];
    for (let t = 0; t < T; t++) {
      const scores = Array.from({ length: S }, (_, s) => {
        let dot = 0;
        for (let i = 0; i < d; i++) dot += Number(q.data[t * d + i]) * Number(k.data[s * d + i]);
        return Math.exp(dot / Math.sqrt(d));
      });
      const total = scores.reduce((a, b) => a + b, 0);
      for (let i = 0; i < d; i++)
        want.push(scores.reduce((sum, w, s) => sum + (w / total) * Number(v.data[s * d + i]), 0));
    }
    allClose(y!, want, { atol: 1e-6 });
  });

  it('gives masked tokens no weight, whatever they hold', async () => {
    const x = normals(rng, [2, 4, 8]);
    const mask = values([2, 1, 1, 4], [1, 1, 1, 0, 1, 0, 1, 0]);
    const build = (g: Graph) => {
      const attention = selfAttention(g, 'attention', 8, 2);
      return { y: attention(g.input('x', [2, 4, 8]), g.input('mask', [2, 1, 1, 4])) };
    };
    const { y } = await evaluate(build, { x, mask });
    const changed = Float32Array.from(x.data as Float32Array);
    for (let i = 0; i < 8; i++) {
      changed[3 * 8 + i] = 50 + i;
      changed[4 * 8 + 8 + i] = -70 * i;
      changed[4 * 8 + 24 + i] = 1e4;
    }
    const { y: other } = await evaluate(build, { x: { shape: x.shape, data: changed }, mask });
    // Rows of tokens that were not changed themselves.
    for (const row of [0, 1, 2, 4, 6])
      assert.deepEqual(
        other!.subarray(row * 8, row * 8 + 8),
        y!.subarray(row * 8, row * 8 + 8),
        `row ${row}`,
      );
    const { y: seen } = await evaluate(build, { x, mask: values([2, 1, 1, 4], new Array(8).fill(1)) });
    assert.ok(Math.abs(seen![0]! - y![0]!) > 1e-4, 'the mask has an effect');
  });

  it('in causal order, a token depends on no later one', async () => {
    const x = normals(rng, [1, 5, 8]);
    const build = (g: Graph) => {
      const encoder = transformerEncoder(g, 'encoder', 2, {
        width: 8,
        heads: 2,
        feedforward: 16,
        norm: 'before',
      });
      return { y: encoder(g.input('x', [1, 5, 8]), causalMask(g, 5)) };
    };
    const { y } = await evaluate(build, { x });
    const changed = Float32Array.from(x.data as Float32Array);
    changed.fill(9, 3 * 8);
    const { y: other } = await evaluate(build, { x: { shape: x.shape, data: changed } });
    assert.deepEqual(other!.subarray(0, 24), y!.subarray(0, 24));
    assert.notDeepEqual(other!.subarray(24), y!.subarray(24));
  });

  it('on a memory: a permutation of the memory changes nothing, another memory does', async () => {
    const x = normals(rng, [1, 2, 8]);
    const memory = normals(rng, [1, 3, 8]);
    const build = (g: Graph) => {
      const attention = crossAttention(g, 'attention', 8, 4);
      return { y: attention(g.input('x', [1, 2, 8]), g.input('memory', [1, 3, 8])) };
    };
    const { y } = await evaluate(build, { x, memory });
    const data = memory.data as Float32Array;
    const turned = Float32Array.from([...data.subarray(16), ...data.subarray(0, 16)]);
    const { y: same } = await evaluate(build, { x, memory: values([1, 3, 8], turned) });
    allClose(same!, y!, { atol: 1e-6 });
    const { y: other } = await evaluate(build, { x, memory: normals(rng, [1, 3, 8]) });
    assert.ok(Math.abs(other![0]! - y![0]!) > 1e-4);
  });

  it('a decoder without a change of queries answers each batch row by its own memory', async () => {
    const memory = normals(rng, [2, 3, 8]);
    const build = (g: Graph) => {
      const options = { width: 8, heads: 2, feedforward: 16, norm: 'after' as const };
      const decoder = transformerDecoder(g, 'decoder', 2, options);
      return { y: decoder(g.constant(0.3, [2, 4, 8]), g.input('memory', [2, 3, 8])) };
    };
    const { y } = await evaluate(build, { memory });
    const data = Float32Array.from(memory.data as Float32Array);
    data.fill(1, 24);
    const { y: other } = await evaluate(build, { memory: { shape: memory.shape, data } });
    allClose(other!.subarray(0, 32), y!.subarray(0, 32), { atol: 1e-6 });
    assert.ok(Math.abs(other![32]! - y![32]!) > 1e-4);
  });
});
