/** Transformer blocks (Vaswani et al. 2017) with the layer norm before (Xiong et al. 2020) or after each part. */
import type { Graph } from '../graph.ts';
import { add } from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import { type AttentionMask, crossAttention, selfAttention } from './attention.ts';
import type { Draws } from './draws.ts';
import { type Activation, layerNormed, mlp } from './linear.ts';

export interface TransformerOptions {
  readonly width: number;
  readonly heads: number;
  /** Hidden width of the feed-forward part. */
  readonly feedforward: number;
  /** `before`: trains without warm-up, and wants a norm after the last block. `after`: as in DETR and ACT. */
  readonly norm: 'before' | 'after';
  /** Default relu. */
  readonly activation?: Activation;
  /** Share of the output of each part that is dropped while training, drawn from `draws`. Default 0. */
  readonly dropout?: number;
  readonly draws?: Draws;
}

export type EncoderBlock = (x: Tensor, mask?: AttentionMask) => Tensor;
export type DecoderBlock = (x: Tensor, memory: Tensor, masks?: DecoderMasks) => Tensor;
export interface DecoderMasks {
  readonly self?: AttentionMask;
  readonly memory?: AttentionMask;
}

/** A part with its residual connection: x + f(norm(x)), or norm(x + f(x)). */
function residual(
  g: Graph,
  name: string,
  o: TransformerOptions,
): (x: Tensor, part: (x: Tensor) => Tensor) => Tensor {
  const norm = layerNormed(g, name, o.width);
  const drop = (y: Tensor): Tensor => o.draws?.dropout(y, o.dropout ?? 0) ?? y;
  return o.norm === 'before'
    ? (x, part) => add(x, drop(part(norm(x))))
    : (x, part) => norm(add(x, drop(part(x))));
}

/** Self-attention, then feed-forward: [B, T, width] to the same. */
export function encoderBlock(g: Graph, name: string, o: TransformerOptions): EncoderBlock {
  return g.scope(name, () => {
    const attention = selfAttention(g, 'self', o.width, o.heads);
    const feedforward = mlp(g, 'feedforward', [o.width, o.feedforward, o.width], {
      activation: o.activation ?? 'relu',
    });
    const first = residual(g, 'norm1', o);
    const second = residual(g, 'norm2', o);
    return (x, mask) =>
      second(
        first(x, (y) => attention(y, mask)),
        feedforward,
      );
  });
}

/** Self-attention, attention on a memory [B, Tm, width], then feed-forward. */
export function decoderBlock(g: Graph, name: string, o: TransformerOptions): DecoderBlock {
  return g.scope(name, () => {
    const self = selfAttention(g, 'self', o.width, o.heads);
    const cross = crossAttention(g, 'cross', o.width, o.heads);
    const feedforward = mlp(g, 'feedforward', [o.width, o.feedforward, o.width], {
      activation: o.activation ?? 'relu',
    });
    const first = residual(g, 'norm1', o);
    const second = residual(g, 'norm2', o);
    const third = residual(g, 'norm3', o);
    return (x, memory, masks = {}) => {
      const a = first(x, (y) => self(y, masks.self));
      const b = second(a, (y) => cross(y, memory, masks.memory));
      return third(b, feedforward);
    };
  });
}

/** `layers` encoder blocks; with norms before, one more after the last. */
export function transformerEncoder(
  g: Graph,
  name: string,
  layers: number,
  o: TransformerOptions,
): EncoderBlock {
  return g.scope(name, () => {
    const blocks = Array.from({ length: layers }, (_, i) => encoderBlock(g, `block${i + 1}`, o));
    const last = o.norm === 'before' ? layerNormed(g, 'norm', o.width) : (x: Tensor) => x;
    return (x, mask) => last(blocks.reduce((y, block) => block(y, mask), x));
  });
}

/** `layers` decoder blocks and a norm, as in DETR. */
export function transformerDecoder(
  g: Graph,
  name: string,
  layers: number,
  o: TransformerOptions,
): DecoderBlock {
  return g.scope(name, () => {
    const blocks = Array.from({ length: layers }, (_, i) => decoderBlock(g, `block${i + 1}`, o));
    const last = layerNormed(g, 'norm', o.width);
    return (x, memory, masks) => last(blocks.reduce((y, block) => block(y, memory, masks), x));
  });
}
