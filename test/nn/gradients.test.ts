import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ArmloopError } from '../../src/errors.ts';
import { Rng } from '../../src/math/rng.ts';
import { OrtExecutor } from '../../src/nn/executors/ort.ts';
import { gradients } from '../../src/nn/gradients.ts';
import * as ops from '../../src/nn/ops.ts';
import type { Tensor, TensorData } from '../../src/nn/tensor.ts';
import { buildCase, CASES, type OpCase } from './cases.ts';

/**
 * Finite differences of fourth order: (8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h. Their error is h⁴ f⁗'/30 from
 * the formula and about 1.5 ε |f| / h from float32, ε = 2⁻²⁴. With h = 2⁻⁵ both are near 3e-6 for functions of size 1; the
 * tolerance is some ten times that, in units of the larger of 1, f and the gradient.
 */
const H = 2 ** -5;
const EPSILON = 2 ** -24;
const TOLERANCE = 10 * ((1.5 * EPSILON) / H + H ** 4 / 3);

/** Σ weights · outputs, summed in float64, so that its rounding is that of the outputs alone. */
function weighted(results: Readonly<Record<string, TensorData>>, weights: readonly Float32Array[]): number {
  let total = 0;
  weights.forEach((w, k) => {
    const y = results[`y${k}`]!.data as Float32Array;
    for (let i = 0; i < y.length; i++) total += y[i]! * w[i]!;
  });
  return total;
}

/** Gradients by rule next to finite differences, for every value of every float32 input. */
async function check(of: OpCase): Promise<void> {
  const { graph, inputs, outputs, feeds } = buildCase(of);
  const floats = inputs.filter((x) => x.dtype === 'float32');
  const rng = new Rng(7);
  const weights = outputs.map((y) =>
    Float32Array.from({ length: y.shape.reduce((a, b) => a * b, 1) }, () => rng.uniform(-1, 1)),
  );
  const loss = outputs
    .map((y, k) => ops.sum(ops.mul(y, graph.constant(weights[k]!, y.shape))))
    .reduce((a, b) => ops.add(a, b));
  const reached = floats.filter((x) => depends(loss, x));
  assert.ok(reached.length > 0, 'something to differentiate');
  gradients(loss, reached).forEach((g, i) => {
    assert.deepEqual(g.shape, reached[i]!.shape);
    graph.output(`g${i}`, g);
  });
  await using executor = await OrtExecutor.open(graph, { threads: 1 });
  const result = await executor.run(feeds);
  for (const [i, x] of reached.entries()) {
    const values = feeds[x.name]!.data as Float32Array;
    const g = result[`g${i}`]!.data as Float32Array;
    assert.equal(g.length, values.length);
    for (let k = 0; k < values.length; k++) {
      const at = async (shift: number): Promise<number> => {
        const moved = values.slice();
        moved[k]! += shift;
        const shifted = await executor.run({ ...feeds, [x.name]: { ...feeds[x.name]!, data: moved } });
        return weighted(shifted, weights);
      };
      const near = (await at(H)) - (await at(-H));
      const far = (await at(2 * H)) - (await at(-2 * H));
      const numeric = (8 * near - far) / (12 * H);
      const scale = Math.max(1, Math.abs(numeric), Math.abs(weighted(result, weights)));
      const error = Math.abs(numeric - g[k]!);
      assert.ok(
        error <= TOLERANCE * scale,
        `${of.name}: d/d${x.name}[${k}] is ${g[k]} by rule and ${numeric} by differences`,
      );
    }
  }
}

/** Whether a gradient is due: the stopped and the constant ones are zero by definition. */
function depends(loss: Tensor, x: Tensor): boolean {
  try {
    gradients(loss, [x]);
    return true;
  } catch (error) {
    assert.ok(error instanceof ArmloopError && error.code === 'NN_NO_GRADIENT', `${error}`);
    return false;
  }
}

describe('gradient rules against finite differences', () => {
  for (const of of CASES) it(of.name, () => check(of));
});
