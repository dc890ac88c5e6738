/** The policy networks of `bench train`: ACT with a camera and the denoising U-Net of a diffusion policy. */
import { denoiser } from '../src/nn/heads/denoiser.ts';
import { Draws } from '../src/nn/layers/draws.ts';
import { parseModel } from '../src/nn/networks/config.ts';
import { buildPolicyNet } from '../src/nn/networks/policy.ts';
import { cast, mean, square, sub } from '../src/nn/ops.ts';
import type { TrainCase } from './train-cases.ts';

/** 3 × 64 × 64 camera as 64 tokens, 8 joints, chunks of 16; width 128, 4 heads, 2 layers in each of the three stacks. */
export function actSmall(batch: number): TrainCase {
  const [horizon, joints, size, latent] = [16, 8, 64, 16];
  const net = buildPolicyNet(
    parseModel({
      encoder: { image: { patch: 8, channels: [32, 64] } },
      head: { kind: 'act', width: 128, heads: 4, feedforward: 256, latent },
    }),
    {
      steps: 1,
      horizon,
      actionSize: joints,
      states: [{ name: 'joints', size: joints }],
      images: [{ name: 'front', width: size, height: size }],
    },
  );
  const inputs = {
    front: { shape: [batch, 1, size, size, 3], dtype: 'uint8', below: 256 },
    joints: { shape: [batch, 1, joints], dtype: 'float32' },
    action: { shape: [batch, horizon, joints], dtype: 'float32' },
    epsilon: { shape: [batch, latent], dtype: 'float32' },
  } as const;
  return {
    name: `ACT, small, batch ${batch}`,
    twin: 'act',
    settings: {},
    inputs,
    steps: 10,
    limit: 1,
    build: (g) => {
      const obs = {
        front: g.input('front', inputs.front.shape, 'uint8'),
        joints: g.input('joints', inputs.joints.shape),
      };
      const action = g.input('action', inputs.action.shape);
      const noise = { 'noise.latent': g.input('epsilon', inputs.epsilon.shape) };
      return net.loss(g, { obs, action, actionMask: g.constant(1, [batch, horizon]) }, noise);
    },
  };
}

/** Chunks of 16 × 8, 64 and 128 channels, kernel 5, conditioned on the time and on 32 numbers of observation. */
export function diffusionUnet(batch: number): TrainCase {
  const [horizon, actionSize, features] = [16, 8, 32];
  const { head } = parseModel({ head: { kind: 'diffusion' } });
  if (head.kind !== 'diffusion') throw new Error('parseModel gave another head');
  const inputs = {
    noisy: { shape: [batch, horizon, actionSize], dtype: 'float32' },
    time: { shape: [batch], dtype: 'int64', below: 100 },
    seen: { shape: [batch, features], dtype: 'float32' },
    target: { shape: [batch, horizon, actionSize], dtype: 'float32' },
  } as const;
  return {
    name: `diffusion U-Net, batch ${batch}`,
    twin: 'unet',
    settings: {},
    inputs,
    steps: 10,
    limit: 1,
    build: (g) => {
      const sizes = { batch, features, horizon, actionSize };
      const still = new Draws('acting', (spec) => g.input(spec.name, spec.shape));
      const network = denoiser(g, head.denoiser, sizes, still);
      const time = cast(g.input('time', inputs.time.shape, 'int64'), 'float32');
      const answer = network(g.input('noisy', inputs.noisy.shape), time, g.input('seen', inputs.seen.shape));
      return { loss: mean(square(sub(answer, g.input('target', inputs.target.shape)))) };
    },
  };
}
