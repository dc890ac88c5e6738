/** The heads that are compared, each with the settings it is trained with. */
import type { Variant } from './experiment.ts';

const encoder = { state: { widths: [128] } };
const denoiser = { network: 'mlp', widths: [256, 256] };
/** A style of two numbers and a β that lets it tell two ways apart; with β = 10 the style says nothing. */
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
const unimodal = { multimodal: false, steps: 2000, rate: 1e-3 } as const;

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
    rate: 5e-4,
  },
  {
    name: 'mixture',
    multimodal: true,
    model: { encoder, head: { kind: 'mixture' } },
    steps: 3000,
    rate: 1e-3,
  },
  {
    name: 'autoregressive',
    multimodal: true,
    model: { encoder, head: { kind: 'autoregressive', range: 1.1, bins: 32 } },
    steps: 5000,
    rate: 3e-3,
  },
  {
    name: 'act (z = 0)',
    multimodal: true,
    model: { encoder, head: act },
    steps: 5000,
    rate: 2e-3,
  },
  {
    name: 'act (z drawn)',
    multimodal: true,
    model: { encoder, head: { ...act, act: 'sample' } },
    steps: 5000,
    rate: 2e-3,
  },
  {
    name: 'diffusion',
    multimodal: true,
    model: { encoder, head: { kind: 'diffusion', denoiser, range: 1.1 } },
    steps: 10_000,
    rate: 2e-3,
  },
  {
    name: 'flow',
    multimodal: true,
    model: { encoder, head: { kind: 'flow', denoiser } },
    steps: 10_000,
    rate: 2e-3,
  },
];
