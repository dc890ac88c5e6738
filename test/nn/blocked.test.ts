/** Convolutions over blocked channels give what plain ONNX gives, gradients included, for every form that a layer may have. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { channelBlock } from '../../src/nn/executors/channel-block.ts';
import { OrtExecutor } from '../../src/nn/executors/ort.ts';
import { TRAINING_LOWERINGS } from '../../src/nn/onnx/training.ts';
import * as ops from '../../src/nn/ops.ts';
import { showShape } from '../../src/nn/tensor.ts';
import { type OpCase, withGradients } from './cases.ts';
import { same } from './same.ts';

describe('convolutions of images in blocks of channels', () => {
  // [N, C, height, width], [K, C, kernel], stride and padding.
  const forms = [
    [[2, 16, 8, 8], [32, 16, 3, 3], { stride: 2, padding: 1 }],
    [[3, 32, 9, 7], [16, 32, 3, 3], { stride: 2, padding: 1 }],
    [[2, 16, 8, 8], [16, 16, 3, 3], { padding: 1 }],
    [[8, 32, 6, 6], [16, 32, 3, 3], { padding: 1 }],
    [[32, 16, 4, 4], [16, 16, 3, 3], { stride: 2, padding: 1 }],
    [[2, 48, 6, 8], [16, 48, 1, 1], {}],
    [[2, 16, 8, 8], [16, 16, 1, 1], { stride: 2 }],
    [[2, 16, 11, 11], [16, 16, 5, 5], { stride: 3, padding: 2 }],
    [[2, 16, 12, 12], [16, 16, 4, 4], { stride: 4 }],
    [[2, 16, 8, 12], [32, 16, 2, 3], { stride: [2, 1], padding: [0, 2] }],
    [[2, 3, 12, 12], [16, 3, 3, 3], { stride: 2, padding: 1 }],
    [[2, 5, 9, 10], [32, 5, 4, 4], { stride: 3 }],
    [[2, 20, 8, 8], [16, 20, 3, 3], { padding: 1 }],
  ] as const;

  it('there are some on this kind of processor', { skip: process.arch !== 'x64' }, async () => {
    assert.ok([8, 16].includes(await channelBlock()));
  });

  for (const [x, w, options] of forms) {
    it(`${showShape(x)} by ${showShape(w)}, ${JSON.stringify(options)}: as in plain ONNX`, async () => {
      await inBlocks({
        name: 'conv',
        inputs: [{ shape: x }, { shape: w }],
        build: (a, b) => ops.conv2d(a!, b!, undefined, options),
      });
    });
  }

  it('on bytes of a picture that were scaled and had their axes moved', async () => {
    await inBlocks({
      name: 'bytes',
      inputs: [{ shape: [2, 8, 8, 3], dtype: 'uint8', range: [0, 256] }, { shape: [16, 3, 3, 3] }],
      build: (bytes, w) => {
        const x = ops.transpose(ops.mul(ops.cast(bytes!, 'float32'), 1 / 255), [0, 3, 1, 2]);
        return [ops.conv2d(x, w!, undefined, { stride: 2, padding: 1 }), ops.cast(bytes!, 'float32')];
      },
    });
  });

  it('with biases, what cuts off at zero, and values that are read twice, through several layers', async () => {
    await inBlocks({
      name: 'layers',
      inputs: [
        { shape: [2, 3, 16, 16] },
        { shape: [16, 3, 3, 3] },
        { shape: [16] },
        { shape: [32, 16, 3, 3] },
        { shape: [32] },
        { shape: [32, 32, 3, 3] },
      ],
      build: (x, one, bias, two, more, three) => {
        const first = ops.relu(ops.conv2d(x!, one!, bias, { padding: 1 }));
        const second = ops.conv2d(first, two!, more, { stride: 2, padding: 1 });
        const third = ops.relu(ops.conv2d(ops.relu(second), three!, undefined, { padding: 1 }));
        const scaled = ops.mul(ops.add(third, second), ops.mean(third, [2, 3], { keepDims: true }));
        return ops.sum(ops.mul(scaled, ops.reshape(more!, [1, 32, 1, 1])), [2]);
      },
    });
  });
});

/** Runs a graph and its gradients in plain ONNX, and as training says it with images in blocks. */
async function inBlocks(of: OpCase): Promise<void> {
  const { graph, feeds } = withGradients(of);
  const blocked = { lowerings: TRAINING_LOWERINGS, channelBlock: await channelBlock() };
  await using plain = await OrtExecutor.open(graph, { threads: 1 });
  await using training = await OrtExecutor.open(graph, { threads: 2, ...blocked });
  same(await plain.run(feeds), await training.run(feeds));
}
