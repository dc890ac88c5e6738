/** Every ONNX file that we write is accepted by Python's onnx.checker, and both sides read the same out of it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fromOnnx } from '../../src/nn/onnx/read.ts';
import { toOnnx } from '../../src/nn/onnx/write.ts';
import * as ops from '../../src/nn/ops.ts';
import { packageRoot } from '../../src/root.ts';
import { CASES, withGradients } from '../nn/cases.ts';
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

/** The graph of a case with its gradients and a parameter. */
function file(index: number): string {
  const of = CASES[index]!;
  const { graph } = withGradients(of);
  graph.output('doubled', ops.mul(graph.parameter('a/scale', [1], { kind: 'ones' }), 2));
  const path = join(folder, `${index}.onnx`);
  const parameters = new Map([['a/scale', Float32Array.of(index)]]);
  writeFileSync(path, toOnnx(graph, { name: of.name, parameters, metadata: { case: `${index}` } }));
  return path;
}

describe('ONNX files', { skip }, () => {
  let found: Record<string, Found> = {};
  before(() => {
    const paths = CASES.map((_, i) => file(i));
    const script = join(packageRoot(), 'test', 'interop', 'check_onnx.py');
    found = JSON.parse(execFileSync(python, [script, ...paths], { encoding: 'utf8', maxBuffer: 2 ** 26 }));
  });

  CASES.forEach((of, index) => {
    it(`are accepted, and read alike: ${of.name}`, () => {
      const path = join(folder, `${index}.onnx`);
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
});
