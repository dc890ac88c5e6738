import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ArmloopError } from '../../../src/errors.ts';
import { HEADS, parseModel } from '../../../src/nn/networks/config.ts';
import { buildPolicyNet } from '../../../src/nn/networks/policy.ts';

/** The text of the error that parsing a model throws. */
function refusal(value: unknown): string {
  try {
    parseModel(value);
  } catch (error) {
    assert.ok(error instanceof ArmloopError && error.code === 'MODEL_CONFIG_INVALID', String(error));
    return error.message;
  }
  return assert.fail('it was accepted');
}

describe('the model part of a recipe', () => {
  it('fills in every default from the kind of head alone', () => {
    for (const kind of Object.keys(HEADS)) {
      const model = parseModel({ head: { kind } });
      assert.equal(model.head.kind, kind);
      assert.equal(model.encoder.image.network, 'cnn');
      assert.equal(model.encoder.history.network, 'stack');
    }
    const { head } = parseModel({ head: { kind: 'diffusion', denoiser: { network: 'mlp' } } });
    assert.ok(head.kind === 'diffusion');
    assert.deepEqual([head.denoiser.network, head.trainSteps, head.actSteps], ['mlp', 100, 10]);
  });

  it('keeps what is said, and leaves the value that it reads alone', () => {
    const value = { encoder: { image: { channels: [16, 24] } }, head: { kind: 'mixture', components: 3 } };
    const text = JSON.stringify(value);
    const model = parseModel(value);
    assert.deepEqual(model.encoder.image.channels, [16, 24]);
    assert.ok(model.head.kind === 'mixture' && model.head.components === 3);
    assert.equal(JSON.stringify(value), text);
  });

  it('names field, value and what is allowed', () => {
    const kinds = Object.keys(HEADS).join(', ');
    const cases: [unknown, string][] = [
      [null, 'model is null, but it must be a section of keys and values'],
      [{}, `model.head.kind is missing, but it must be one of ${kinds}`],
      [{ head: { kind: 'gauss' } }, `model.head.kind is "gauss", but it must be one of ${kinds}`],
      [{ heads: {} }, 'model.heads is {}, but there is no such key; known keys: encoder, head'],
      [{ head: { kind: 'regression', loss: 'l3' } }, 'model.head.loss is "l3", but it must be one of l1, l2'],
      [
        { head: { kind: 'mixture', componets: 3 } },
        'model.head.componets is 3, but there is no such key; did you mean components?',
      ],
      [{ head: { kind: 'mixture', components: 0 } }, 'model.head.components is 0, but it must be ≥ 1'],
      [
        { encoder: { image: { network: 'vit' } }, head: { kind: 'flow' } },
        'model.encoder.image.network is "vit", but it must be one of cnn, resnet',
      ],
      [
        { encoder: { image: { channels: [8, 8], strides: [1, 2] } }, head: { kind: 'flow' } },
        'model.encoder.image.strides is [1,2], but it needs one stride for each of the 1 blocks after the first layer',
      ],
      [{ head: { kind: 'act', width: 30 } }, 'model.head.width is 30, but it must be a multiple of 4'],
      [
        { head: { kind: 'act', width: 32, heads: 5 } },
        'model.head.heads is 5, but it must divide the width 32',
      ],
      [
        { head: { kind: 'diffusion', trainSteps: 5 } },
        'model.head.actSteps is 10, but it must be at most trainSteps = 5',
      ],
    ];
    for (const [value, text] of cases) assert.equal(refusal(value), text);
  });

  it('is refused when it does not fit what the policy sees', () => {
    const shapes = { steps: 1, horizon: 4, actionSize: 2, states: [] };
    const image = { name: 'front', width: 30, height: 32 };
    assert.throws(
      () => buildPolicyNet(parseModel({ head: { kind: 'flow' } }), { ...shapes, images: [image] }),
      /model.encoder.image.patch is 4, but it must divide the 30 × 32 pixels of front/,
    );
    assert.throws(
      () => buildPolicyNet(parseModel({ head: { kind: 'flow' } }), { ...shapes, images: [] }),
      /model.head.kind is flow, but it needs a state input/,
    );
  });
});
