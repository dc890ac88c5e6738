/** Small policy networks, one or more of every head, encoder, history and condition, for the tests of src/nn. */
import type { PolicyShapes } from '../../src/nn/networks/shapes.ts';

export interface TestNetwork {
  readonly name: string;
  readonly model: unknown;
  readonly shapes: PolicyShapes;
}

const state: PolicyShapes = {
  steps: 1,
  horizon: 4,
  actionSize: 2,
  states: [{ name: 'proprioception', size: 3 }],
  images: [],
};
const image = { name: 'front', width: 16, height: 12 };
const seen: PolicyShapes = { ...state, images: [image] };
const longer: PolicyShapes = { ...seen, steps: 2, states: [...state.states, { name: 'tool', size: 2 }] };

const cnn = { patch: 4, channels: [8, 8], groups: 2, keypoints: 4 };
const small = { state: { widths: [8] }, image: cnn };
const mlp = { network: 'mlp', timeWidth: 8, widths: [16] };
const unet = { timeWidth: 8, channels: [8, 16], kernel: 3, groups: 2 };
const transformer = {
  width: 16,
  heads: 2,
  feedforward: 24,
  styleLayers: 1,
  encoderLayers: 1,
  decoderLayers: 1,
  latent: 4,
};

export const NETWORKS: readonly TestNetwork[] = [
  {
    name: 'regression',
    model: { encoder: small, head: { kind: 'regression', widths: [12] } },
    shapes: state,
  },
  {
    name: 'regression, dropout, two steps, resnet, FiLM by task',
    model: {
      encoder: {
        ...small,
        image: { ...cnn, network: 'resnet', channels: [8, 8, 12], strides: [1, 2] },
        condition: { use: 'film', width: 4 },
      },
      head: { kind: 'regression', widths: [12], dropout: 0.25, loss: 'l2' },
    },
    shapes: { ...longer, condition: { name: 'task', tasks: 3 } },
  },
  {
    name: 'gaussian, gru, goal',
    model: {
      encoder: { ...small, history: { network: 'gru', width: 8 }, condition: { width: 4 } },
      head: { kind: 'gaussian', widths: [12], deviation: 'observed' },
    },
    shapes: { ...longer, images: [], condition: { name: 'goal', size: 2 } },
  },
  {
    name: 'gaussian, constant deviation, average pool',
    model: {
      encoder: { ...small, image: { ...cnn, pool: 'average' } },
      head: { kind: 'gaussian', widths: [12] },
    },
    shapes: seen,
  },
  {
    name: 'mixture, spatial softmax',
    model: { encoder: small, head: { kind: 'mixture', widths: [12], components: 3 } },
    shapes: seen,
  },
  {
    name: 'mixture, sampled, shared cameras, flattened, no norm',
    model: {
      encoder: { ...small, shareImages: true, image: { ...cnn, groups: 0, pool: 'flatten' } },
      head: { kind: 'mixture', widths: [12], components: 3, act: 'sample', temperature: 1 },
    },
    shapes: { ...seen, images: [image, { ...image, name: 'wrist' }] },
  },
  {
    name: 'autoregressive, attention over history',
    model: {
      encoder: { ...small, history: { network: 'attention', width: 8, heads: 2 } },
      head: { kind: 'autoregressive', width: 12, bins: 6, range: 2 },
    },
    shapes: { ...longer, images: [] },
  },
  {
    name: 'autoregressive, most likely bins',
    model: { encoder: small, head: { kind: 'autoregressive', width: 12, bins: 6, range: 2, act: 'mode' } },
    shapes: state,
  },
  { name: 'act, state', model: { encoder: small, head: { kind: 'act', ...transformer } }, shapes: state },
  {
    name: 'act, camera, z drawn, dropout',
    model: { encoder: small, head: { kind: 'act', ...transformer, act: 'sample', dropout: 0.1 } },
    shapes: seen,
  },
  {
    name: 'diffusion, U-Net',
    model: { encoder: small, head: { kind: 'diffusion', denoiser: unet, actSteps: 3 } },
    shapes: { ...state, horizon: 5 },
  },
  {
    name: 'diffusion, mlp',
    model: { encoder: small, head: { kind: 'diffusion', denoiser: mlp, actSteps: 3 } },
    shapes: state,
  },
  {
    name: 'diffusion, of the chunk',
    model: { encoder: small, head: { kind: 'diffusion', predicts: 'chunk', denoiser: mlp, actSteps: 3 } },
    shapes: state,
  },
  {
    name: 'flow, U-Net',
    model: { encoder: small, head: { kind: 'flow', denoiser: unet, actSteps: 3 } },
    shapes: seen,
  },
  {
    name: 'flow, mlp',
    model: { encoder: small, head: { kind: 'flow', denoiser: mlp, actSteps: 3 } },
    shapes: state,
  },
  {
    name: 'flow, of the chunk',
    model: { encoder: small, head: { kind: 'flow', predicts: 'chunk', denoiser: mlp, actSteps: 3 } },
    shapes: state,
  },
];
