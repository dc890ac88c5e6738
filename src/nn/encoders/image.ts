/** Image networks: uint8 frames to feature maps, and feature maps to a vector or to tokens. */
import type { Graph } from '../graph.ts';
import {
  convolution,
  convolutionBlock,
  groupNormed,
  type ImageBlock,
  residualBlock,
} from '../layers/convolution.ts';
import { film } from '../layers/film.ts';
import type { Layer } from '../layers/linear.ts';
import { spatialSoftmax } from '../layers/spatial-softmax.ts';
import type { ImageConfig } from '../networks/config.ts';
import { add, cast, matmul, mean, mul, relu, reshape, sub, sum, transpose } from '../ops.ts';
import type { Tensor } from '../tensor.ts';

/** Feature maps [N, channels, height, width] of N frames. */
export interface FeatureMaps {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** frames uint8 [N, H, W, 3]; a condition [N, D] modulates every block, when the network was made with one. */
  readonly apply: (frames: Tensor, condition?: Tensor) => Tensor;
}

/**
 * The convolutional part. `condition` is the width of the FiLM condition, 0 for none. The frame's sides must be multiples
 * of the patch (checked by buildPolicyNet).
 */
export function featureMaps(
  g: Graph,
  name: string,
  config: ImageConfig,
  frame: { readonly width: number; readonly height: number },
  condition: number,
): FeatureMaps {
  return g.scope(name, () => {
    const stem = patches(g, 'stem', config, frame);
    let { height, width } = stem;
    let channels = config.channels[0]!;
    const blocks: { readonly block: ImageBlock; readonly modulate: (c: Tensor) => Layer }[] = [];
    config.channels.slice(1).forEach((to, i) => {
      const stride = config.strides?.[i] ?? 1;
      const at = `block${i + 1}`;
      const block =
        config.network === 'resnet'
          ? residualBlock(g, at, channels, to, { stride, groups: config.groups })
          : convolutionBlock(g, at, channels, to, { kernel: 3, stride, groups: config.groups });
      const f = condition > 0 ? film(g, `film${i + 1}`, condition, to, 'second') : null;
      blocks.push({ block, modulate: (c) => (x) => (f === null ? x : f(x, c)) });
      height = Math.floor((height - 1) / stride) + 1;
      width = Math.floor((width - 1) / stride) + 1;
      channels = to;
    });
    const apply = (frames: Tensor, c?: Tensor): Tensor =>
      blocks.reduce((x, b) => b.block(x, c === undefined ? undefined : b.modulate(c)), stem.apply(frames));
    return { channels, height, width, apply };
  });
}

/**
 * First layer: a convolution whose kernel is as large as its stride, which is one matrix product over patches, then
 * group norm and relu. Pixels count as x / 127.5 − 1; the scale is put on the weights and the offset on the bias, which
 * spares two passes over all pixels. Frames uint8 [N, H, W, 3] to [N, C, H / patch, W / patch].
 */
function patches(
  g: Graph,
  name: string,
  config: ImageConfig,
  frame: { readonly width: number; readonly height: number },
): { readonly height: number; readonly width: number; readonly apply: Layer } {
  return g.scope(name, () => {
    const { patch } = config;
    const channels = config.channels[0]!;
    const size = patch * patch * 3;
    const height = frame.height / patch;
    const width = frame.width / patch;
    const weight = g.parameter('weight', [size, channels], { kind: 'he-normal' });
    const bias = g.parameter('bias', [channels], { kind: 'zeros' });
    const norm = config.groups > 0 ? groupNormed(g, 'norm', channels, config.groups) : (x: Tensor) => x;
    const apply = (frames: Tensor): Tensor => {
      const n = frames.shape[0]!;
      // Bytes are moved before they become four times as large.
      const rows = transpose(reshape(frames, [n * height, patch, width, patch * 3]), [0, 2, 1, 3]);
      const pixels = cast(reshape(rows, [n * height * width, size]), 'float32');
      const offset = sub(bias, sum(weight, [0]));
      const maps = add(matmul(pixels, mul(weight, 1 / 127.5)), offset);
      return relu(norm(transpose(reshape(maps, [n, height, width, channels]), [0, 3, 1, 2])));
    };
    return { height, width, apply };
  });
}

/** Feature maps to one vector per frame, by the pool of the config. */
export function pooled(
  g: Graph,
  name: string,
  config: ImageConfig,
  maps: FeatureMaps,
): { readonly size: number; readonly apply: Layer } {
  const { channels, height, width } = maps;
  switch (config.pool) {
    case 'average':
      return { size: channels, apply: (x) => mean(x, [2, 3]) };
    case 'flatten': {
      const size = channels * height * width;
      return { size, apply: (x) => reshape(x, [x.shape[0]!, size]) };
    }
    case 'spatial-softmax':
      return g.scope(name, () => {
        const locate = convolution(g, 'keypoints', channels, config.keypoints, { kernel: 1, padding: 0 });
        const softmax = spatialSoftmax(g, 'softmax', config.keypoints, height, width);
        return { size: 2 * config.keypoints, apply: (x: Tensor) => softmax(locate(x)) };
      });
    default:
      throw new TypeError(`unknown pool ${config.pool satisfies never}`);
  }
}
