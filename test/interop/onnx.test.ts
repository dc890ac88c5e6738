/** Every ONNX file that we write is accepted by Python's onnx.checker, and both sides read the same out of it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeBundle } from '../../src/learn/export.ts';
import { gradients } from '../../src/nn/gradients.ts';
import { Graph } from '../../src/nn/graph.ts';
import { parseModel } from '../../src/nn/networks/config.ts';
import { buildPolicyNet } from '../../src/nn/networks/policy.ts';
import { actionInputs, observationInputs } from '../../src/nn/networks/shapes.ts';
import { fromOnnx } from '../../src/nn/onnx/read.ts';
import { toOnnx } from '../../src/nn/onnx/write.ts';
import * as ops from '../../src/nn/ops.ts';
import { packageRoot } from '../../src/root.ts';
import { CASES, withGradients } from '../nn/cases.ts';
import { pointData, trained } from '../support/cloning.ts';
import { NETWORKS } from '../support/nn-networks.ts';
import { drawParameters, noiseInputs } from '../support/nn-run.ts';
import { findPython } from '../support/python.ts';

const { python, skip } = findPython(['onnx', 'numpy']);
const folder = mkdtempSync(join(tmpdir(), 'armloop-onnx-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Found {
  readonly ir: number;
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly outputs: Readonly<Record<string, readonly number[]>>;
  readonly nodes: readonly string[];
  readonly weights: Readonly<Record<string, string>>;
}

interface Written {
  readonly what: string;
  readonly path: string;
}

/** The graph of every op's case with its gradients and a parameter. */
function opFiles(): Written[] {
  return CASES.map((of, index) => {
    const { graph } = withGradients(of);
    graph.output('doubled', ops.mul(graph.parameter('a/scale', [1], { kind: 'ones' }), 2));
    const parameters = new Map([['a/scale', Float32Array.of(index)]]);
    const bytes = toOnnx(graph, { name: of.name, parameters, metadata: { case: `${index}` } });
    return written(`op ${of.name}`, bytes);
  });
}

/** How every kind of network acts, and one of its training steps. */
function networkFiles(): Written[] {
  return NETWORKS.flatMap(({ name, model, shapes }) => {
    const net = buildPolicyNet(parseModel(model), shapes);
    const step = new Graph();
    const batch = { obs: observationInputs(step, shapes, 3), ...actionInputs(step, shapes, 3) };
    const { loss } = net.loss(step, batch, noiseInputs(step, net.noise(3)));
    const parameters = drawParameters(step, 8, 0.4);
    const slopes = gradients(
      loss,
      [...step.parameters.values()].map((p) => p.tensor),
    );
    [...step.parameters.keys()].forEach((of, i) => {
      step.output(`slope of ${of}`, slopes[i]!);
    });
    const acts = new Graph();
    const noise = noiseInputs(acts, net.actNoise(1));
    acts.output('action', net.act(acts, observationInputs(acts, shapes, 1), noise));
    return [
      written(`network ${name}, acting`, toOnnx(acts, { name, parameters })),
      written(`network ${name}, learning`, toOnnx(step, { name, parameters: 'inputs' })),
    ];
  });
}

/** Bundles as `armloop train` writes them, and those that come with armloop. */
async function bundleFiles(): Promise<Written[]> {
  const made = join(folder, 'bundle');
  writeBundle(made, await trained(pointData(6, 0), { head: { kind: 'mixture', widths: [16] } }));
  const policies = join(packageRoot(), 'policies');
  const shipped = readdirSync(policies)
    .map((name) => join(policies, name, 'policy.onnx'))
    .filter((path) => existsSync(path));
  assert.ok(shipped.length > 0);
  return [join(made, 'policy.onnx'), ...shipped].map((path) => ({ what: `bundle ${path}`, path }));
}

function written(what: string, bytes: Uint8Array): Written {
  const path = join(folder, `${what.replace(/\W+/g, '-')}.onnx`);
  writeFileSync(path, bytes);
  return { what, path };
}

const files = skip === false ? [...opFiles(), ...networkFiles(), ...(await bundleFiles())] : [];

describe('ONNX files', { skip }, () => {
  let found: Record<string, Found> = {};
  before(() => {
    const script = join(packageRoot(), 'test', 'interop', 'check_onnx.py');
    found = JSON.parse(
      execFileSync(python, [script, ...files.map((f) => f.path)], { encoding: 'utf8', maxBuffer: 2 ** 26 }),
    );
  });

  for (const { what, path } of files)
    it(`are accepted, and read alike: ${what}`, () => {
      const theirs = found[path]!;
      const ours = fromOnnx(readFileSync(path), path);
      assert.deepEqual([theirs.ir, theirs.opsets], [ours.irVersion, ours.opsets]);
      const shapes = (ports: typeof ours.inputs) => Object.fromEntries(ports.map((p) => [p.name, p.shape]));
      assert.deepEqual(shapes(ours.inputs), theirs.inputs);
      assert.deepEqual(shapes(ours.outputs), theirs.outputs);
      assert.deepEqual(
        ours.nodes.map((n) => n.op),
        theirs.nodes,
      );
      assert.deepEqual(
        Object.fromEntries(
          [...ours.initializers].map(([name, t]) => {
            const { buffer, byteOffset, byteLength } = t!.data;
            return [
              name,
              createHash('sha256')
                .update(new Uint8Array(buffer, byteOffset, byteLength))
                .digest('hex'),
            ];
          }),
        ),
        theirs.weights,
      );
    });
});
