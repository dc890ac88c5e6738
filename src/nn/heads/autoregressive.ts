/**
 * Autoregressive discretised chunk: π(a∣o) = Π_i p(a_i∣o, a_1..a_{i−1}), one action number at a time, step by step and
 * within a step dimension by dimension; each is a choice among bins (Metz et al. 2017, with a GRU as the network).
 * No shape of the joint distribution is assumed, and every factor is a plain classification.
 */

import { embedding } from '../layers/embedding.ts';
import { gru } from '../layers/gru.ts';
import { linear } from '../layers/linear.ts';
import { learnedPositions } from '../layers/positions.ts';
import type { AutoregressiveConfig } from '../networks/config.ts';
import {
  add,
  argMax,
  cast,
  clip,
  concat,
  log,
  logSoftmax,
  mul,
  neg,
  oneHot,
  reshape,
  slice,
  sub,
  sum,
} from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import { type HeadMaker, maskedMean, meanAbsolute } from './head.ts';

export const autoregressiveHead: HeadMaker<AutoregressiveConfig> = (g, config, sizes, draws) => {
  const { batch, horizon, actionSize } = sizes;
  const { bins, range, width } = config;
  const numbers = horizon * actionSize;
  /** What was seen: the first state, and beside every input, so that the state need not carry it. */
  const start = linear(g, 'start', sizes.features, width);
  const context = linear(g, 'context', sizes.features, width);
  /** The number before each one, as a bin; row `bins` stands for "none yet". */
  const previous = embedding(g, 'previous', bins + 1, width);
  // Which number comes next matters as much as what was seen, so its code is as large as a unit vector.
  const positions = learnedPositions(g, 'positions', numbers, width, 1 / Math.sqrt(width));
  const cell = gru(g, 'cell', width, width);
  const logits = linear(g, 'logits', width, bins);

  /** Bin of each number, int64: equal bins over [−range, range], the outer ones for all beyond. The cast rounds down. */
  const toBin = (x: Tensor): Tensor =>
    cast(clip(mul(add(x, range), bins / (2 * range)), 0, bins - 1), 'int64');
  /** Centre of a bin. */
  const toNumber = (bin: Tensor): Tensor =>
    sub(mul(add(cast(bin, 'float32'), 0.5), (2 * range) / bins), range);
  const none = (): Tensor => g.constant(bins, [batch, 1], 'int64');

  return {
    loss(seen, action, mask) {
      const target = toBin(reshape(action, [batch, numbers]));
      // Teacher forcing: all inputs are known, so all but the recurrence is one product for the whole chunk.
      const before = concat([none(), slice(target, { 1: [0, numbers - 1] })], 1);
      const always = reshape(context(seen.vector), [batch, 1, width]);
      const inputs = add(add(previous(before), positions), always);
      const hidden = cell.unroll(inputs, start(seen.vector));
      const logP = logSoftmax(logits(hidden), 2);
      const chosen = sum(mul(oneHot(target, bins), logP), [2]);
      const chunk = (x: Tensor): Tensor => reshape(x, [batch, horizon, actionSize]);
      return {
        loss: maskedMean(neg(chunk(chosen)), mask),
        metrics: {
          // Of each number given the true ones before it.
          'action error': meanAbsolute(chunk(toNumber(argMax(logP, 2))), action, mask),
        },
      };
    },
    act(seen) {
      const u = config.act === 'sample' ? draws.uniform('noise.action', [batch, numbers, bins]) : null;
      const row = (x: Tensor, i: number): Tensor => slice(x, { 1: [i, i + 1] });
      const always = context(seen.vector);
      let h = start(seen.vector);
      let bin = none();
      const all: Tensor[] = [];
      for (let i = 0; i < numbers; i++) {
        const input = reshape(add(previous(bin), row(positions, i)), [batch, width]);
        h = cell.step(cell.project(add(input, always)), h);
        let scores = logits(h);
        if (u !== null) {
          // Gumbel-max: argmax(logits − T log(−log u)) is a draw at temperature T.
          const uniform = add(mul(reshape(row(u, i), [batch, bins]), 1 - 2e-7), 1e-7);
          scores = sub(scores, mul(log(neg(log(uniform))), config.temperature));
        }
        bin = reshape(argMax(scores, 1), [batch, 1]);
        all.push(bin);
      }
      return reshape(toNumber(concat(all, 1)), [batch, horizon, actionSize]);
    },
  };
};
