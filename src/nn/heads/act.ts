/**
 * Action-chunking transformer (ACT: Zhao et al. 2023, section IV and appendix C): a conditional VAE over chunks. An
 * encoder reads the demonstrated chunk into a style z, a decoder like DETR's turns (z, observation) into the chunk, and
 * L = |a − a*| + β KL(q(z∣a*, o) ‖ N(0, 1)). Acting takes z = 0, the mean of the prior, or draws z from it.
 */
import { linear } from '../layers/linear.ts';
import { learnedPositions, sinusoidalTable } from '../layers/positions.ts';
import { type TransformerOptions, transformerDecoder, transformerEncoder } from '../layers/transformer.ts';
import type { ActConfig } from '../networks/config.ts';
import { add, broadcastTo, concat, exp, mean, mul, reshape, slice, split, square, sub, sum } from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import { type HeadMaker, meanAbsolute } from './head.ts';

/** KL(N(μ, e^v) ‖ N(0, 1)) = ½ Σ (μ² + e^v − 1 − v) per row: μ and v [B, Z] to [B]. */
export function klToStandardNormal(mu: Tensor, logVariance: Tensor): Tensor {
  return mul(sum(sub(add(square(mu), exp(logVariance)), add(logVariance, 1)), [1]), 0.5);
}

export const actHead: HeadMaker<ActConfig> = (g, config, sizes, draws) => {
  const { batch, horizon, actionSize, features } = sizes;
  const { width, latent } = config;
  const options: TransformerOptions = {
    width,
    heads: config.heads,
    feedforward: config.feedforward,
    norm: 'after',
    dropout: config.dropout,
    draws,
  };

  /** q(z∣a, o): [class, observation, a_1 .. a_H] through a transformer; the class token gives μ and log σ². */
  const style = g.scope('style', () => {
    const classToken = g.parameter('class', [1, 1, width], { kind: 'normal', std: 0.02 });
    const ofFeatures = linear(g, 'features', features, width);
    const ofAction = linear(g, 'action', actionSize, width);
    const encoder = transformerEncoder(g, 'encoder', config.styleLayers, options);
    const out = linear(g, 'latent', width, 2 * latent);
    return (vector: Tensor, action: Tensor, mask: Tensor) => {
      const tokens = concat(
        [broadcastTo(classToken, [batch, 1, width]), row(ofFeatures(vector)), ofAction(action)],
        1,
      );
      const placed = add(tokens, g.constant(sinusoidalTable(horizon + 2, width), [1, horizon + 2, width]));
      const seen = concat([g.constant(1, [batch, 2]), mask], 1);
      const read = encoder(placed, reshape(seen, [batch, 1, 1, horizon + 2]));
      const [mu, logVariance] = split(out(reshape(slice(read, { 1: [0, 1] }), [batch, width])), 2, 1);
      return { mu: mu!, logVariance: logVariance! };
    };
  });

  /** p(a∣z, o): [z, observation, image tokens] encoded, then asked by H learned queries. */
  const decode = g.scope('policy', () => {
    const ofLatent = linear(g, 'latent', latent, width);
    const ofFeatures = linear(g, 'features', features, width);
    const places = learnedPositions(g, 'places', 2, width);
    const encoder = transformerEncoder(g, 'encoder', config.encoderLayers, options);
    const queries = g.parameter('queries', [1, horizon, width], { kind: 'normal', std: 1 });
    const decoder = transformerDecoder(g, 'decoder', config.decoderLayers, options);
    const out = linear(g, 'action', width, actionSize);
    return (z: Tensor, vector: Tensor, images: Tensor | null) => {
      const own = add(concat([row(ofLatent(z)), row(ofFeatures(vector))], 1), places);
      const memory = encoder(images === null ? own : concat([own, images], 1));
      return out(decoder(broadcastTo(queries, [batch, horizon, width]), memory));
    };
  });

  return {
    loss(seen, action, mask) {
      const { mu, logVariance } = style(seen.vector, action, mask);
      const epsilon = draws.normal('noise.latent', [batch, latent]);
      const z = add(mu, mul(exp(mul(logVariance, 0.5)), epsilon));
      const error = meanAbsolute(decode(z, seen.vector, seen.tokens), action, mask);
      const kl = mean(klToStandardNormal(mu, logVariance), [0]);
      return { loss: add(error, mul(kl, config.klWeight)), metrics: { 'action error': error, kl } };
    },
    act(seen) {
      const z =
        config.act === 'sample'
          ? draws.normal('noise.latent', [batch, latent])
          : g.constant(0, [batch, latent]);
      return decode(z, seen.vector, seen.tokens);
    },
  };
};

/** A vector as one token: [B, D] to [B, 1, D]. */
const row = (x: Tensor): Tensor => reshape(x, [x.shape[0]!, 1, x.shape[1]!]);
