/** Multi-head attention (Vaswani et al. 2017, section 3.2). */
import type { Graph } from '../graph.ts';
import { add, matmul, mul, reshape, softmax, split, sub, transpose } from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import { linear } from './linear.ts';

/**
 * What a query may look at: float32 1 (may) or 0 (must not), of a shape that broadcasts to [B, heads, Tq, Tk], such as
 * [B, 1, 1, Tk] for padded keys or [1, 1, T, T] for causal order. Every query needs at least one key.
 */
export type AttentionMask = Tensor;

/** softmax(Q Kᵀ / √d) V; q [B, h, Tq, d], k and v [B, h, Tk, d], to [B, h, Tq, d]. */
export function attend(q: Tensor, k: Tensor, v: Tensor, mask?: AttentionMask): Tensor {
  const scores = mul(matmul(q, transpose(k, [0, 1, 3, 2])), 1 / Math.sqrt(q.shape[3]!));
  // exp(−1e9) is 0 in float32, so what is masked has no weight and no gradient.
  const masked = mask === undefined ? scores : add(scores, mul(sub(mask, 1), 1e9));
  return matmul(softmax(masked, 3), v);
}

/**
 * Attention of x on itself: [B, T, width] to the same. Query, key and value come from one product, which spares two
 * passes over x. Parameters NAME/qkv [width, 3 width] and NAME/out.
 */
export function selfAttention(
  g: Graph,
  name: string,
  width: number,
  heads: number,
): (x: Tensor, mask?: AttentionMask) => Tensor {
  return g.scope(name, () => {
    const qkv = linear(g, 'qkv', width, 3 * width);
    const out = linear(g, 'out', width, width);
    return (x, mask) => {
      const [q, k, v] = splitHeads(qkv(x), 3, heads);
      return out(joinHeads(attend(q!, k!, v!, mask)));
    };
  });
}

/** Attention of x [B, Tq, width] on a memory [B, Tk, width]. Parameters NAME/q, NAME/kv [width, 2 width], NAME/out. */
export function crossAttention(
  g: Graph,
  name: string,
  width: number,
  heads: number,
): (x: Tensor, memory: Tensor, mask?: AttentionMask) => Tensor {
  return g.scope(name, () => {
    const toQ = linear(g, 'q', width, width);
    const toKv = linear(g, 'kv', width, 2 * width);
    const out = linear(g, 'out', width, width);
    return (x, memory, mask) => {
      const [q] = splitHeads(toQ(x), 1, heads);
      const [k, v] = splitHeads(toKv(memory), 2, heads);
      return out(joinHeads(attend(q!, k!, v!, mask)));
    };
  });
}

/** [B, T, parts · width] to `parts` tensors [B, heads, T, width / heads]; one transpose for all of them. */
function splitHeads(x: Tensor, parts: number, heads: number): Tensor[] {
  const [batch, steps, size] = x.shape as [number, number, number];
  const depth = size / parts / heads;
  if (parts === 1) return [transpose(reshape(x, [batch, steps, heads, depth]), [0, 2, 1, 3])];
  const stacked = transpose(reshape(x, [batch, steps, parts, heads, depth]), [2, 0, 3, 1, 4]);
  return split(stacked, parts, 0).map((p) => reshape(p, [batch, heads, steps, depth]));
}

/** [B, heads, T, depth] to [B, T, heads · depth]. */
function joinHeads(x: Tensor): Tensor {
  const [batch, heads, steps, depth] = x.shape as [number, number, number, number];
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, steps, heads * depth]);
}

/** Lower triangle as a mask [1, 1, steps, steps]: a token sees itself and what came before. */
export function causalMask(g: Graph, steps: number): AttentionMask {
  const values = new Float32Array(steps * steps);
  for (let i = 0; i < steps; i++) values.fill(1, i * steps, i * steps + i + 1);
  return g.constant(values, [1, 1, steps, steps]);
}
