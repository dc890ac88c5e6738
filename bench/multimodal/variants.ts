/** The heads that are compared, each with the settings it was trained with. */
import type { Variant } from './experiment.ts';

const encoder = { state: { widths: [] } };
const denoiser = { network: 'mlp', widths: [256, 256, 256] };
const transformer = { width: 64, heads: 4, feedforward: 128, latent: 4 };

export const VARIANTS: readonly Variant[] = [
  {
    name: 'regression (l2)',
    multimodal: false,
    model: { encoder, head: { kind: 'regression', loss: 'l2' } },
    steps: 2000,
    rate: 1e-3,
  },
  {
    name: 'regression (l1)',
    multimodal: false,
    model: { encoder, head: { kind: 'regression', loss: 'l1' } },
    steps: 2000,
    rate: 1e-3,
  },
  {
    name: 'gaussian',
    multimodal: false,
    model: { encoder, head: { kind: 'gaussian', deviation: 'observed' } },
    steps: 2000,
    rate: 1e-3,
  },
  {
    name: 'gaussian, 4 × wider',
    multimodal: false,
    model: { encoder, head: { kind: 'gaussian', deviation: 'observed', widths: [1024, 1024] } },
    steps: 2000,
    rate: 5e-4,
  },
  {
    name: 'mixture',
    multimodal: true,
    model: { encoder, head: { kind: 'mixture' } },
    steps: 2000,
    rate: 1e-3,
  },
  {
    name: 'autoregressive',
    multimodal: true,
    model: { encoder, head: { kind: 'autoregressive', range: 1.1, bins: 64 } },
    steps: 2000,
    rate: 2e-3,
  },
  {
    name: 'act (z = 0)',
    multimodal: true,
    model: { encoder, head: { kind: 'act', ...transformer, klWeight: 0.1 } },
    steps: 2000,
    rate: 1e-3,
  },
  {
    name: 'act (z drawn)',
    multimodal: true,
    model: { encoder, head: { kind: 'act', ...transformer, klWeight: 0.1, act: 'sample' } },
    steps: 2000,
    rate: 1e-3,
  },
  {
    name: 'diffusion',
    multimodal: true,
    model: { encoder, head: { kind: 'diffusion', denoiser, range: 1.1 } },
    steps: 3000,
    rate: 1e-3,
  },
  {
    name: 'flow',
    multimodal: true,
    model: { encoder, head: { kind: 'flow', denoiser } },
    steps: 3000,
    rate: 1e-3,
  },
];
