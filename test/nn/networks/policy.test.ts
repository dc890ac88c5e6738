// @limit 240
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OrtExecutor } from '../../../src/nn/executors/ort.ts';
import { loadTensorFlow, TfjsExecutor } from '../../../src/nn/executors/tfjs.ts';
import { Graph } from '../../../src/nn/graph.ts';
import { parseModel } from '../../../src/nn/networks/config.ts';
import { buildPolicyNet, type PolicyNet } from '../../../src/nn/networks/policy.ts';
import { actionInputs, observationInputs } from '../../../src/nn/networks/shapes.ts';
import { toOnnx } from '../../../src/nn/onnx/write.ts';
import { allClose } from '../../support/close.ts';
import { NETWORKS } from '../../support/nn-networks.ts';
import { checkGradients, drawFeeds, drawParameters, type Feeds, noiseInputs } from '../../support/nn-run.ts';

const BATCH = 3;
const tf = await loadTensorFlow(['@tensorflow/tfjs']);

function buildLoss(net: PolicyNet, g: Graph) {
  const obs = observationInputs(g, net.shapes, BATCH);
  const batch = { obs, ...actionInputs(g, net.shapes, BATCH) };
  return net.loss(g, batch, noiseInputs(g, net.noise(BATCH)));
}

for (const { name, model, shapes } of NETWORKS) {
  describe(`policy network: ${name}`, () => {
    const net = buildPolicyNet(parseModel(model), shapes);

    it('has the gradients of central differences', async () => {
      let parameters = 0;
      const moving = await checkGradients({
        build: (g) => {
          const { loss } = buildLoss(net, g);
          parameters = g.parameters.size;
          return loss;
        },
        feeds: (g) => drawFeeds(g, 3, net.noise(BATCH)),
        seed: 3,
        step: 4e-3,
      });
      // Many slopes must stand clear of the tolerance, or the comparison would say nothing.
      assert.ok(moving > 0.4 * parameters, `${moving} of ${parameters} parameters have a slope to compare`);
    });

    it('has a loss that no action without mask can change, and one that real actions do', async () => {
      const g = new Graph();
      const { loss, metrics } = buildLoss(net, g);
      g.output('loss', loss);
      for (const [metric, t] of Object.entries(metrics)) g.output(`metric ${metric}`, t);
      await using ort = await OrtExecutor.open(g, { threads: 1, parameters: drawParameters(g, 4, 0.05) });
      const feeds = drawFeeds(g, 5, net.noise(BATCH));
      const action = feeds['action']!;
      const mask = feeds['actionMask']!.data as Float32Array;
      assert.ok(mask.includes(0) && mask.includes(1));
      const changed = (real: number): Feeds => ({
        ...feeds,
        action: {
          shape: action.shape,
          data: (action.data as Float32Array).map((v, i) =>
            mask[Math.floor(i / shapes.actionSize)] === real ? -v + 0.3 : v,
          ),
        },
      });
      const before = await ort.run(feeds);
      const others = await ort.run(changed(0));
      for (const key of Object.keys(before)) {
        assert.equal(others[key]!.data[0], before[key]!.data[0], key);
      }
      assert.notEqual((await ort.run(changed(1)))['loss']!.data[0], before['loss']!.data[0]);
    });

    it('acts from the file as in training, and on TensorFlow.js, with the parameters of the loss', async () => {
      const trained = new Graph();
      buildLoss(net, trained);
      const parameters = drawParameters(trained, 8, 0.4);
      const g = new Graph();
      const noise = net.actNoise(1);
      const action = net.act(g, observationInputs(g, shapes, 1), noiseInputs(g, noise));
      assert.deepEqual(action.shape, [1, shapes.horizon, shapes.actionSize]);
      g.output('action', action);
      const feeds = drawFeeds(g, 7, noise);
      await using file = await OrtExecutor.open(toOnnx(g, { name, parameters }), { threads: 1 });
      const own = toOnnx(g, { name, parameters: 'inputs' });
      await using inTraining = await OrtExecutor.open(own, { threads: 2 });
      // What acting does not need, such as the style encoder of ACT, is in neither.
      const asked = inTraining.inputs.filter((i) => parameters.has(i.name));
      const fed = Object.fromEntries(
        asked.map((i) => [i.name, { shape: i.shape as number[], data: parameters.get(i.name)! }]),
      );
      const got = (await file.run(feeds))['action']!.data as Float32Array;
      const want = (await inTraining.run({ ...feeds, ...fed }))['action']!.data as Float32Array;
      assert.ok(want.every(Number.isFinite) && new Set(want).size > 1);
      allClose(got, want, { rtol: 1e-5, atol: 1e-5 });

      await using other = await TfjsExecutor.open(g, { tf, parameters });
      const independent = (await other.run(feeds))['action']!.data as Float32Array;
      allClose(independent, want, { rtol: 1e-4, atol: 1e-4, what: 'TensorFlow.js' });
    });
  });
}
