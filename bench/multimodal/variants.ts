/** The heads that are compared, each with the settings it is trained with. */
import type { Variant } from './experiment.ts';

const encoder = { state: { widths: [128] } };
/** A chunk is short, so it is one vector; and its few right motions are sharper as what is predicted than the noise. */
const iterative = {
  denoiser: { network: 'mlp', widths: [256, 256] },
  predicts: 'chunk',
  actSteps: 20,
};
/** A style of two numbers and a β that lets it tell two ways apart: from 0.05 on, the style says little. */
const act = {
  kind: 'act',
  width: 48,
  heads: 4,
  feedforward: 96,
  styleLayers: 1,
  encoderLayers: 1,
  decoderLayers: 1,
  latent: 2,
  klWeight: 0.02,
};
const unimodal = { steps: 2000, batch: 64, rate: 2e-3 } as const;

export const VARIANTS: readonly Variant[] = [
  {
    ...unimodal,
    name: 'regression (l2)',
    model: { encoder, head: { kind: 'regression', loss: 'l2' } },
  },
  {
    ...unimodal,
    name: 'regression (l1)',
    model: { encoder, head: { kind: 'regression', loss: 'l1' } },
  },
  {
    ...unimodal,
    name: 'gaussian',
    model: { encoder, head: { kind: 'gaussian', deviation: 'observed' } },
  },
  {
    ...unimodal,
    name: 'gaussian, 3 × wider',
    model: { encoder, head: { kind: 'gaussian', deviation: 'observed', widths: [768, 768] } },
    rate: 1e-3,
  },
  {
    name: 'mixture',
    model: { encoder, head: { kind: 'mixture' } },
    steps: 2000,
    batch: 64,
    rate: 3e-3,
  },
  {
    name: 'act',
    model: { encoder, head: act },
    acting: { 'act (z = 0)': { act: 'zero' }, 'act (z drawn)': { act: 'sample' } },
    steps: 4000,
    batch: 64,
    rate: 3e-3,
  },
  {
    name: 'autoregressive',
    model: { encoder, head: { kind: 'autoregressive', range: 1.1, bins: 33, width: 64 } },
    steps: 4000,
    batch: 64,
    rate: 4e-3,
  },
  {
    name: 'diffusion',
    model: { encoder, head: { kind: 'diffusion', ...iterative, range: 1.1 } },
    steps: 4000,
    batch: 64,
    rate: 4e-3,
  },
  {
    name: 'flow',
    model: { encoder, head: { kind: 'flow', ...iterative } },
    steps: 4000,
    batch: 64,
    rate: 4e-3,
  },
];
