/**
 * Flow matching over chunks (Lipman et al. 2023, conditional optimal-transport path): draw t in [0, 1) and noise ε, put
 * x_t = (1 − t) ε + t a, and fit the velocity a − ε. Acting integrates dx/dt = v(x, t) from noise at 0 to a chunk at 1
 * with Euler steps, unrolled in the graph.
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

/** The time code is made for 0..100. */
const TIME_SCALE = 100;

export const flowHead: HeadMaker<FlowConfig> = (g, config, sizes, draws) => {
  const { batch, horizon, actionSize } = sizes;
  const network = denoiser(g, config.denoiser, sizes, draws);
  const shape = [batch, horizon, actionSize];
  return {
    loss(seen, action, mask) {
      const time = draws.uniform('noise.time', [batch]);
      const epsilon = draws.normal('noise.action', shape);
      const velocity = sub(onlyReal(action, mask), epsilon);
      const x = add(epsilon, mul(velocity, reshape(time, [batch, 1, 1])));
      const predicted = network(x, mul(time, TIME_SCALE), seen.vector);
      return { loss: meanSquared(predicted, velocity, mask), metrics: {} };
    },
    act(seen) {
      const velocity = (x: Tensor, t: number): Tensor =>
        network(x, g.constant(t * TIME_SCALE, [batch]), seen.vector);
      return eulerFlow(draws.normal('noise.action', shape), velocity, config.actSteps);
    },
  };
};
