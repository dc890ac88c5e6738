/**
 * Policy networks: encoder and head put together from the model part of a recipe. One builder serves training
 * (`loss`) and deployment (`act`); parameters have the same names in both, so weights go from one to the other by name.
 */
import { ArmloopError } from '../../errors.ts';
import { observationEncoder } from '../encoders/observation.ts';
import { Graph } from '../graph.ts';
import { actHead } from '../heads/act.ts';
import { autoregressiveHead } from '../heads/autoregressive.ts';
import { diffusionHead } from '../heads/diffusion.ts';
import { flowHead } from '../heads/flow.ts';
import { gaussianHead } from '../heads/gaussian.ts';
import type { Encoded, Head, HeadLoss, HeadSizes } from '../heads/head.ts';
import { mixtureHead } from '../heads/mixture.ts';
import { regressionHead } from '../heads/regression.ts';
import { Draws } from '../layers/draws.ts';
import type { NoiseSpec } from '../noise.ts';
import type { Tensor } from '../tensor.ts';
import type { HeadConfig, ModelConfig } from './config.ts';
import { actionInputs, observationInputs, type PolicyShapes } from './shapes.ts';

/** A batch in the graph. */
export interface PolicyBatch {
  /** By the names of the shapes; see `observationInputs`. */
  readonly obs: Readonly<Record<string, Tensor>>;
  /** [B, H, A], normalised. */
  readonly action: Tensor;
  /** [B, H]: 1 where the action is real, 0 after the end of the episode. */
  readonly actionMask: Tensor;
}

export interface PolicyNet {
  readonly shapes: PolicyShapes;
  /** Random inputs of `loss` for a batch of this size. */
  noise(batch: number): readonly NoiseSpec[];
  /** Random inputs of `act` for a batch of this size; with batch 1 they become `noise` inputs of policy.json. */
  actNoise(batch: number): readonly NoiseSpec[];
  /** Builds the training loss into g; `noise` holds a tensor for each of `noise(batch)`. At most once per graph. */
  loss(g: Graph, batch: PolicyBatch, noise: Readonly<Record<string, Tensor>>): HeadLoss;
  /** Builds acting into g: [B, H, A], normalised. At most once per graph, and not beside `loss`. */
  act(g: Graph, obs: PolicyBatch['obs'], noise: Readonly<Record<string, Tensor>>): Tensor;
}

/** Throws MODEL_CONFIG_INVALID when the model does not fit the shapes. */
export function buildPolicyNet(model: ModelConfig, shapes: PolicyShapes): PolicyNet {
  check(model, shapes);
  const build = (g: Graph, batch: number, draws: Draws) => {
    const tokenWidth = model.head.kind === 'act' && shapes.images.length > 0 ? model.head.width : 0;
    const encoder = observationEncoder(g, model.encoder, shapes, tokenWidth);
    const { horizon, actionSize } = shapes;
    const sizes: HeadSizes = { batch, features: encoder.features, horizon, actionSize };
    return { encoder, head: g.scope('head', () => makeHead(g, model.head, sizes, draws)) };
  };
  const lossWith = (g: Graph, batch: PolicyBatch, draws: Draws): HeadLoss => {
    const { encoder, head } = build(g, batch.action.shape[0]!, draws);
    const seen = encoder.encode(batch.obs);
    return inHead(g, () => head.loss(seen, batch.action, batch.actionMask));
  };
  const actWith = (g: Graph, obs: PolicyBatch['obs'], draws: Draws): Tensor => {
    const { encoder, head } = build(g, batchOf(obs), draws);
    const seen: Encoded = encoder.encode(obs);
    return inHead(g, () => head.act(seen));
  };
  /** Builds once on a graph of its own and lists the random numbers that were asked for. */
  const asked = (mode: 'training' | 'acting', batch: number): readonly NoiseSpec[] => {
    const g = new Graph();
    const draws = new Draws(mode, (spec) => g.input(spec.name, spec.shape));
    const obs = observationInputs(g, shapes, batch);
    if (mode === 'training') lossWith(g, { obs, ...actionInputs(g, shapes, batch) }, draws);
    else actWith(g, obs, draws);
    return draws.specs;
  };
  return {
    shapes,
    noise: (batch) => asked('training', batch),
    actNoise: (batch) => asked('acting', batch),
    loss: (g, batch, noise) => lossWith(g, batch, new Draws('training', given(noise))),
    act: (g, obs, noise) => actWith(g, obs, new Draws('acting', given(noise))),
  };
}

const inHead = <T>(g: Graph, body: () => T): T => g.scope('head', body);

function given(noise: Readonly<Record<string, Tensor>>): (spec: NoiseSpec) => Tensor {
  return (spec) => {
    const tensor = noise[spec.name];
    if (tensor === undefined) {
      const what = `the network asks for the noise ${spec.name}, which it was not given`;
      throw new ArmloopError('INTERNAL', { what });
    }
    return tensor;
  };
}

/** Every observation has the batch as its first axis. */
function batchOf(obs: PolicyBatch['obs']): number {
  const first = Object.values(obs)[0];
  if (first === undefined) throw new ArmloopError('INTERNAL', { what: 'a policy without observations' });
  return first.shape[0]!;
}

function makeHead(g: Graph, config: HeadConfig, sizes: HeadSizes, draws: Draws): Head {
  switch (config.kind) {
    case 'regression':
      return regressionHead(g, config, sizes, draws);
    case 'gaussian':
      return gaussianHead(g, config, sizes, draws);
    case 'mixture':
      return mixtureHead(g, config, sizes, draws);
    case 'autoregressive':
      return autoregressiveHead(g, config, sizes, draws);
    case 'act':
      return actHead(g, config, sizes, draws);
    case 'diffusion':
      return diffusionHead(g, config, sizes, draws);
    case 'flow':
      return flowHead(g, config, sizes, draws);
    default:
      throw new TypeError(`unknown head ${JSON.stringify(config satisfies never)}`);
  }
}

/** Rules between a model and the shapes. */
function check(model: ModelConfig, shapes: PolicyShapes): void {
  const refuse = (path: string, value: string | number, rule: string): never => {
    throw new ArmloopError('MODEL_CONFIG_INVALID', { path: `model.${path}`, value, rule });
  };
  const { patch } = model.encoder.image;
  for (const image of shapes.images) {
    if (image.width % patch !== 0 || image.height % patch !== 0) {
      const rule = `it must divide the ${image.width} × ${image.height} pixels of ${image.name}`;
      refuse('encoder.image.patch', patch, rule);
    }
  }
  const bare = shapes.states.length === 0 && shapes.condition === undefined;
  if (bare && (shapes.images.length === 0 || model.head.kind === 'act')) {
    const rule =
      'it needs a state input (or a condition): images alone become tokens, which leave no feature vector';
    refuse('head.kind', model.head.kind, rule);
  }
}
