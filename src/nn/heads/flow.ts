/**
 * Flow matching over chunks (Lipman et al. 2023, conditional optimal-transport path): draw t in [0, 1) and noise ε, put
 * x_t = (1 − t) ε + t a, and fit the velocity a − ε, as published, or the chunk a, which says the same: the velocity is
 * (a − x_t) / (1 − t). Acting integrates dx/dt = v(x, t) from noise at 0 to a chunk at 1 with Euler steps, unrolled in the
 * graph; the last step of a chunk predictor ends at what it predicts.
 */
import type { FlowConfig } from '../networks/config.ts';
import { add, mul, reshape, sub } from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import { denoiser } from './denoiser.ts';
import { type HeadMaker, meanSquared, onlyReal } from './head.ts';

/** x(1) from x(0) by `steps` equal Euler steps of dx/dt = velocity(x, t). */
export function eulerFlow(x: Tensor, velocity: (x: Tensor, t: number) => Tensor, steps: number): Tensor {
  let y = x;
  for (let i = 0; i < steps; i++) y = add(y, mul(velocity(y, i / steps), 1 / steps));
  return y;
}

/** The velocity at x and time t of the straight path that ends in a chunk at time 1: (a − x) / (1 − t). */
export const velocityTo = (chunk: Tensor, x: Tensor, t: number): Tensor => mul(sub(chunk, x), 1 / (1 - t));

/** The time code is made for 0..100. */
const TIME_SCALE = 100;

export const flowHead: HeadMaker<FlowConfig> = (g, config, sizes, draws) => {
  const { batch, horizon, actionSize } = sizes;
  const network = denoiser(g, config.denoiser, sizes, draws);
  const shape = [batch, horizon, actionSize];
  const ofVelocity = config.predicts === 'velocity';
  return {
    loss(seen, action, mask) {
      const time = draws.uniform('noise.time', [batch]);
      const epsilon = draws.normal('noise.action', shape);
      const chunk = onlyReal(action, mask);
      const velocity = sub(chunk, epsilon);
      const x = add(epsilon, mul(velocity, reshape(time, [batch, 1, 1])));
      const predicted = network(x, mul(time, TIME_SCALE), seen.vector);
      return { loss: meanSquared(predicted, ofVelocity ? velocity : chunk, mask), metrics: {} };
    },
    act(seen) {
      const velocity = (x: Tensor, t: number): Tensor => {
        const predicted = network(x, g.constant(t * TIME_SCALE, [batch]), seen.vector);
        return ofVelocity ? predicted : velocityTo(predicted, x, t);
      };
      return eulerFlow(draws.normal('noise.action', shape), velocity, config.actSteps);
    },
  };
};
