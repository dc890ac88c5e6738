/** The graphs of a policy network: its loss for training, and acting for looks and for the bundle. */
import { Graph } from '../nn/graph.ts';
import type { HeadLoss } from '../nn/heads/head.ts';
import type { PolicyNet } from '../nn/networks/policy.ts';
import { actionInputs, observationInputs } from '../nn/networks/shapes.ts';
import { type NoiseSpec, noiseType } from '../nn/noise.ts';
import type { Tensor } from '../nn/tensor.ts';

/** Name of the output of `actGraph`. */
export const ACTION = 'action';

/** Builds the loss of a batch into g. Inputs: observations, action, actionMask and the noise, each by its name. */
export function buildLoss(g: Graph, net: PolicyNet, batch: number): HeadLoss {
  const obs = observationInputs(g, net.shapes, batch);
  const labels = actionInputs(g, net.shapes, batch);
  return net.loss(g, { obs, ...labels }, noiseInputs(g, net.noise(batch)));
}

/** From observations and the noise of acting to `action` [B, H, A], normalised. */
export function actGraph(net: PolicyNet, batch: number): Graph {
  const g = new Graph();
  const obs = observationInputs(g, net.shapes, batch);
  g.output(ACTION, net.act(g, obs, noiseInputs(g, net.actNoise(batch))));
  return g;
}

function noiseInputs(g: Graph, specs: readonly NoiseSpec[]): Record<string, Tensor> {
  return Object.fromEntries(specs.map((s) => [s.name, g.input(s.name, s.shape, noiseType(s))]));
}
