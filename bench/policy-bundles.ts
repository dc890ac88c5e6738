/** Policies for `bench policy`, whose every answer is known: one that looks, one that swings. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Rng } from '../src/math/rng.ts';
import { Graph } from '../src/nn/graph.ts';
import { toOnnx } from '../src/nn/onnx/write.ts';
import {
  add,
  cast,
  concat,
  conv2d,
  matmul,
  mean,
  mul,
  relu,
  reshape,
  sin,
  transpose,
} from '../src/nn/ops.ts';
import type { Tensor } from '../src/nn/tensor.ts';
import { actionUnits } from '../src/policy/action-space.ts';
import { type Bundle, loadBundle } from '../src/policy/bundle.ts';
import type { Normaliser, PolicyManifest } from '../src/policy/manifest.ts';
import type { RobotSpec } from '../src/robot/spec.ts';

const NONE: Normaliser = { method: 'none', offset: [], scale: [] };
const IMAGE = 96;
const HORIZON = 16;
/** Swing of every arm joint: rad and rad/s; joint a lags by a rad. */
export const SWING = { size: 0.15, omega: 1.5 } as const;
/** How far from the swing a chunk may lie, rad: what makes two chunks differ. */
const WHIM = 0.004;

/** Base of both: joint actions of a rig with these axes, chunks of 16 steps at 20 Hz. */
function manifest(spec: RobotSpec, name: string): PolicyManifest {
  const units = actionUnits(spec, 'joint');
  return {
    format: 'armloop-policy/1',
    name,
    description: 'for the bench',
    model: { runtime: 'onnx', file: 'policy.onnx', sha256: '' },
    robot: { ids: [], axes: spec.axes.map((a, i) => ({ name: a.name, unit: units[i]! })) },
    tasks: [],
    rateHz: 20,
    observation: { steps: 1, maxAgeMs: 1000 },
    inputs: [],
    action: {
      name: 'action',
      space: 'joint',
      reference: 'absolute',
      size: units.length,
      units,
      normaliser: NONE,
    },
    chunk: {
      horizon: HORIZON,
      first: 1,
      every: 2,
      execution: 'asynchronous',
      blendMs: 100,
      ensembleDecay: 0.01,
    },
    latencyMs: 50,
    training: null,
    evaluation: null,
  };
}

function write(
  folder: string,
  m: PolicyManifest,
  graph: Graph,
  parameters: Map<string, Float32Array>,
): Bundle {
  const bytes = toOnnx(graph, { name: m.name, parameters });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'policy.onnx'), bytes);
  const model = { runtime: 'onnx', file: 'policy.onnx', sha256 };
  writeFileSync(join(folder, 'policy.json'), JSON.stringify({ ...m, model }));
  return loadBundle(folder);
}

/**
 * Two cameras at 96 × 96 and the joints through three convolutions and two layers, the size of a small visuomotor policy.
 * It says: stay, and a ten-millionth of what the network makes of the pictures.
 */
export function lookingBundle(folder: string, spec: RobotSpec, cameras: readonly string[]): Bundle {
  const n = spec.axes.length;
  const g = new Graph();
  const parameters = new Map<string, Float32Array>();
  const rng = new Rng(1);
  const weight = (name: string, shape: readonly number[]): Tensor => {
    const size = shape.reduce((a, b) => a * b, 1);
    parameters.set(
      name,
      Float32Array.from({ length: size }, () => rng.normal(0.05)),
    );
    return g.parameter(name, shape, { kind: 'zeros' });
  };
  const state = reshape(g.input('state', [1, 1, n]), [1, n]);
  const seen = cameras.map((camera) => {
    const image = cast(g.input(camera, [1, 1, IMAGE, IMAGE, 3], 'uint8'), 'float32');
    let x = mul(transpose(reshape(image, [1, IMAGE, IMAGE, 3]), [0, 3, 1, 2]), 1 / 255);
    for (const [i, [from, to]] of [
      [3, 32],
      [32, 32],
      [32, 64],
    ].entries()) {
      const w = weight(`${camera}/conv${i}`, [to!, from!, 3, 3]);
      x = relu(conv2d(x, w, undefined, { stride: 2, padding: 1 }));
    }
    return mean(x, [2, 3]);
  });
  const hidden = relu(matmul(concat([...seen, state], 1), weight('hidden', [cameras.length * 64 + n, 256])));
  const out = reshape(matmul(hidden, weight('out', [256, HORIZON * n])), [1, HORIZON, n]);
  g.output('action', add(reshape(state, [1, 1, n]), mul(out, 1e-7)));
  const m = manifest(spec, 'bench-looks');
  const images = cameras.map((camera) => ({
    ...({ kind: 'image', width: IMAGE, height: IMAGE, encoding: 'uint8-hwc' } as const),
    name: camera,
    camera,
  }));
  const features = [{ field: 'in.q', encode: 'raw', unit: 'axis', width: n } as const];
  return write(
    folder,
    { ...m, inputs: [{ kind: 'state', name: 'state', features, normaliser: NONE }, ...images] },
    g,
    parameters,
  );
}

/**
 * Swings every arm joint about home, q = home + size · sin(ω t + a), and adds a whim of its own to every chunk, as a
 * policy that samples does: two chunks in a row never agree.
 */
export function swingingBundle(
  folder: string,
  spec: RobotSpec,
  chunk: Partial<PolicyManifest['chunk']>,
): Bundle {
  const n = spec.axes.length;
  const g = new Graph();
  const time = reshape(g.input('time', [1, 1, 1]), [1, 1, 1]);
  const m = manifest(spec, 'bench-swings');
  const steps = Array.from({ length: HORIZON * n }, (_, i) => {
    const later = (Math.floor(i / n) + m.chunk.first) / m.rateHz;
    return SWING.omega * later + (i % n);
  });
  const phase = add(mul(time, SWING.omega), g.constant(Float32Array.from(steps), [1, HORIZON, n]));
  const arm = Float32Array.from({ length: n }, (_, a) => (a < spec.armAxes ? 1 : 0));
  const moves = g.constant(arm, [1, 1, n]);
  const whim = mul(g.input('whim', [1, 1, n]), WHIM);
  const home = g.constant(
    Float32Array.from(spec.axes, (a) => a.home),
    [1, 1, n],
  );
  g.output('action', add(mul(add(mul(sin(phase), SWING.size), whim), moves), home));
  const features = [{ field: 'in.time', encode: 'raw', unit: 's', width: 1 } as const];
  return write(
    folder,
    {
      ...m,
      chunk: { ...m.chunk, ...chunk },
      inputs: [
        { kind: 'state', name: 'time', features, normaliser: NONE },
        { kind: 'noise', name: 'whim', shape: [1, 1, n], distribution: 'normal' },
      ],
    },
    g,
    new Map(),
  );
}
