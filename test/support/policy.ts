/** Manifests for tests of policies, made for the robot that the test uses. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Graph } from '../../src/nn/graph.ts';
import { toOnnx } from '../../src/nn/onnx/write.ts';
import { add, clip, concat, mul, reshape, sub } from '../../src/nn/ops.ts';
import type { Tensor } from '../../src/nn/tensor.ts';
import { actionUnits } from '../../src/policy/action-space.ts';
import { type Bundle, loadBundle } from '../../src/policy/bundle.ts';
import type { ConditionInput, PolicyManifest } from '../../src/policy/manifest.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';

/** A policy that sees the measured joints and answers joint positions: horizon 8 at 20 Hz, asynchronous. */
export function jointManifest(spec: RobotSpec): PolicyManifest {
  const axes = spec.axes.map((a) => ({ name: a.name, unit: a.type === 'revolute' ? 'rad' : 'm' }));
  return {
    format: 'armloop-policy/1',
    name: 'test-policy',
    description: 'for tests',
    model: { runtime: 'onnx', file: 'policy.onnx', sha256: '' },
    robot: { ids: [spec.id], axes },
    tasks: [],
    rateHz: 20,
    observation: { steps: 1, maxAgeMs: 200 },
    inputs: [
      {
        kind: 'state',
        name: 'state',
        features: [{ field: 'in.q', encode: 'raw', unit: 'axis', width: spec.axes.length }],
        normaliser: { method: 'none', offset: [], scale: [] },
      },
    ],
    action: {
      name: 'action',
      space: 'joint',
      reference: 'absolute',
      size: spec.axes.length,
      units: actionUnits(spec, 'joint'),
      normaliser: { method: 'none', offset: [], scale: [] },
    },
    chunk: {
      horizon: 8,
      first: 1,
      every: 4,
      execution: 'asynchronous',
      blendMs: 100,
      ensembleDecay: 0.01,
    },
    latencyMs: 20,
    training: null,
    evaluation: null,
  };
}

/** Writes a bundle: the graph, whose outputs are named, and the manifest with its hash. */
export function writeBundle(folder: string, manifest: PolicyManifest, graph: Graph): Bundle {
  mkdirSync(folder, { recursive: true });
  const bytes = toOnnx(graph, { name: manifest.name, parameters: new Map() });
  writeFileSync(join(folder, 'policy.onnx'), bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const whole = { ...manifest, model: { runtime: 'onnx', file: 'policy.onnx', sha256 } };
  writeFileSync(join(folder, 'policy.json'), JSON.stringify(whole));
  return loadBundle(folder);
}

/**
 * Action step k: from the observed joints towards `target`, at most `stride` (rad, m) a step: a policy whose every
 * answer is known. Input state [1, 1, A], output action [1, H, A].
 */
export function towards(target: ArrayLike<number>, horizon: number, stride: number): Graph {
  const g = new Graph();
  drive(g, g.constant(Float32Array.from(target), [1, target.length]), horizon, stride);
  return g;
}

/** The same in a graph that works the target [1, A] out. */
export function drive(g: Graph, target: Tensor, horizon: number, stride: number): void {
  const n = target.shape[1]!;
  const state = reshape(g.input('state', [1, 1, n]), [1, n]);
  const away = sub(target, state);
  const steps = Array.from({ length: horizon }, (_, k) =>
    reshape(add(state, clip(away, -(k + 1) * stride, (k + 1) * stride)), [1, 1, n]),
  );
  g.output('action', concat(steps, 1));
}

/** A bundle whose goal are the joints to go to; it gets them as (q − 0.1) / 2. */
export function writeGoer(folder: string, spec: RobotSpec): Bundle {
  const n = spec.axes.length;
  const base = jointManifest(spec);
  const condition: ConditionInput = {
    kind: 'condition',
    name: 'goal',
    features: [{ field: 'in.q', encode: 'raw', unit: 'axis', width: n }],
    normaliser: {
      method: 'mean-std',
      offset: new Array<number>(n).fill(0.1),
      scale: new Array<number>(n).fill(2),
    },
  };
  const g = new Graph();
  drive(g, add(mul(g.input('goal', [1, n]), 2), 0.1), base.chunk.horizon, 0.02);
  return writeBundle(folder, { ...base, name: 'goer', inputs: [...base.inputs, condition] }, g);
}
