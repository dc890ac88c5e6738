/** Dynamics networks in ONNX files, evaluated in place: against ONNX Runtime, their own differences, and a solver. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rng } from '../../src/math/rng.ts';
import { OrtExecutor } from '../../src/nn/executors/ort.ts';
import { Graph } from '../../src/nn/graph.ts';
import { initialValues } from '../../src/nn/init.ts';
import { type Activation, mlp } from '../../src/nn/layers/linear.ts';
import { fromOnnx, type OnnxModel, type OnnxNode } from '../../src/nn/onnx/read.ts';
import { toOnnx } from '../../src/nn/onnx/write.ts';
import { add, concat, cos, div, mul, sin, slice, softplus, sub } from '../../src/nn/ops.ts';
import { DifferenceSystem } from '../../src/plan/dynamics/differences.ts';
import { GraphModel } from '../../src/plan/dynamics/graph.ts';
import { LearnedSystem } from '../../src/plan/dynamics/learned.ts';
import { IlqrSolver } from '../../src/plan/ilqr/solver.ts';
import { allClose } from '../support/close.ts';
import { Pendulum, rollOut } from './problems.ts';

const [NX, NU] = [4, 2];

/** A residual network as they are trained: angles as sine and cosine, inputs and outputs normalised. */
function network(activation: Activation): Uint8Array {
  const g = new Graph();
  const x = g.input('x', [1, NX]);
  const u = g.input('u', [1, NU]);
  const angle = slice(x, { 1: [0, 1] });
  const z = concat([sin(angle), cos(angle), x, u], 1);
  const row = (values: number[]) => g.constant(Float32Array.from(values), [1, values.length]);
  const normal = div(sub(z, row([0, 0.1, 0.2, -0.3, 0.1, 0, 0.4, 0])), row([1, 1, 2, 0.5, 1.5, 1, 3, 2]));
  const change = mlp(g, 'net', [8, 16, 16, NX], { activation })(normal);
  g.output('next', add(x, mul(softplus(row([0.1, -0.4, 0.2, -0.1])), change)));
  return toOnnx(g, { name: 'dynamics', parameters: valuesOf(g, 5) });
}

const valuesOf = (g: Graph, seed: number): Map<string, Float32Array> =>
  new Map(
    [...g.parameters].map(([name, { tensor, init }]) => [
      name,
      initialValues(name, tensor.shape, init, seed),
    ]),
  );

const rows = (rng: Rng, n: number): Float64Array => Float64Array.from({ length: n }, () => rng.normal());

describe('an ONNX graph as a learned model', () => {
  for (const activation of ['tanh', 'silu', 'relu'] as const) {
    it(`${activation}: what ONNX Runtime computes of the same file`, async () => {
      const bytes = network(activation);
      const model = new GraphModel(fromOnnx(bytes, 'dynamics.onnx'));
      assert.deepEqual([model.nx, model.nu], [NX, NU]);
      await using runtime = await OrtExecutor.open(bytes, { threads: 1 });
      const rng = new Rng(3);
      const count = 5;
      const [xs, us] = [rows(rng, count * NX), rows(rng, count * NU)];
      const out = new Float64Array(count * NX).fill(Number.NaN);
      model.evaluate(count, xs, us, out);
      for (let b = 0; b < count; b++) {
        const feed = (from: Float64Array, n: number) => ({
          data: Float32Array.from(from.subarray(b * n, (b + 1) * n)),
          shape: [1, n],
        });
        const { next } = await runtime.run({ x: feed(xs, NX), u: feed(us, NU) });
        // The runtime's single precision.
        allClose(out.subarray(b * NX, (b + 1) * NX), Float64Array.from(next!.data as Float32Array), {
          atol: 3e-6,
        });
      }
    });
  }

  it('has the derivatives of what it predicts, in batches as one by one', () => {
    const model = new GraphModel(fromOnnx(network('silu'), 'dynamics.onnx'));
    const stepped = {
      nx: NX,
      nu: NU,
      step: (x: Float64Array, u: Float64Array, out: Float64Array) => model.evaluate(1, x, u, out),
    };
    const rng = new Rng(8);
    const count = 3;
    const [xs, us] = [rows(rng, count * NX), rows(rng, count * NU)];
    const [fx, fu] = [new Float64Array(count * NX * NX), new Float64Array(count * NX * NU)];
    model.jacobian(count, xs, us, fx, fu);
    const [wx, wu] = [new Float64Array(NX * NX), new Float64Array(NX * NU)];
    for (let b = 0; b < count; b++) {
      const [x, u] = [xs.slice(b * NX, (b + 1) * NX), us.slice(b * NU, (b + 1) * NU)];
      new DifferenceSystem(stepped).dynamicsDerivatives(x, u, 0, wx, wu);
      allClose(fx.subarray(b * NX * NX, (b + 1) * NX * NX), wx, { atol: 1e-8 });
      allClose(fu.subarray(b * NX * NU, (b + 1) * NX * NU), wu, { atol: 1e-8 });
    }
  });

  it('a solver plans with it as with any other dynamics', () => {
    const g = new Graph();
    const x = g.input('x', [1, 2]);
    const u = g.input('u', [1, 1]);
    const h = g.constant(Float32Array.of(0.05), [1, 1]);
    const angle = slice(x, { 1: [0, 1] });
    const speed = slice(x, { 1: [1, 2] });
    const pull = mul(g.constant(Float32Array.of(-9.81), [1, 1]), sin(angle));
    const drag = mul(g.constant(Float32Array.of(-0.1), [1, 1]), speed);
    const faster = add(speed, mul(h, add(add(pull, drag), u)));
    g.output('next', concat([add(angle, mul(h, faster)), faster], 1));
    const bytes = toOnnx(g, { name: 'pendulum', parameters: new Map() });
    const system = new LearnedSystem(new GraphModel(fromOnnx(bytes, 'pendulum.onnx')));
    const base = new Pendulum(20, 3);
    const problem = Object.assign(Object.create(base), {
      dynamics: (...a: Parameters<typeof system.dynamics>) => system.dynamics(...a),
      dynamicsDerivatives: (...a: Parameters<typeof system.dynamicsDerivatives>) =>
        system.dynamicsDerivatives(...a),
      trajectoryDerivatives: (...a: Parameters<typeof system.trajectoryDerivatives>) =>
        system.trajectoryDerivatives(...a),
    }) as Pendulum;
    const solver = new IlqrSolver();
    solver.allocate(problem);
    const result = solver.solve();
    assert.equal(result.status, 'converged');
    allClose(result.xs, rollOut(problem, result.us).xs, { atol: 1e-12 });
    const other = new IlqrSolver();
    other.allocate(base);
    // The file's numbers are in single precision.
    allClose(result.us, other.solve().us, { atol: 1e-4 });
  });
});

/** A file of one node, in the hand of another exporter. */
function file(node: Partial<OnnxNode>, more: Partial<OnnxModel> = {}): OnnxModel {
  const port = (name: string, n: number) => ({ name, dtype: 'float32', shape: ['batch', n] });
  return {
    irVersion: 9,
    producer: 'test',
    name: '',
    opsets: { '': 20 },
    metadata: {},
    inputs: [port('x', 2), port('u', 2)],
    outputs: [port('next', 2)],
    nodes: [{ op: '', domain: '', name: 'n1', inputs: [], outputs: ['next'], attributes: {}, ...node }],
    initializers: new Map([
      ['W', { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] }],
      ['b', { data: Float32Array.of(10, 20), shape: [2] }],
    ]),
    ...more,
  };
}

it('Gemm as PyTorch writes it: the weight transposed, scaled', () => {
  const attributes = { transB: 1, alpha: 2, beta: 0.5 };
  const model = new GraphModel(file({ op: 'Gemm', inputs: ['x', 'W', 'b'], attributes }));
  const [out, fx, fu] = [new Float64Array(2), new Float64Array(4), new Float64Array(4)];
  model.evaluate(1, Float64Array.of(1, -1), Float64Array.of(9, 9), out);
  assert.deepEqual([...out], [2 * (1 - 2) + 5, 2 * (3 - 4) + 10]);
  model.jacobian(1, Float64Array.of(1, -1), Float64Array.of(9, 9), fx, fu);
  assert.deepEqual([...fx], [2, 4, 6, 8]);
  assert.deepEqual([...fu], [0, 0, 0, 0]);
});

it('what it cannot evaluate is refused by name', () => {
  const refused = (model: OnnxModel, text: RegExp): void => {
    assert.throws(
      () => new GraphModel(model),
      (e: Error & { code?: string }) => e.code === 'PLAN_PROBLEM_INVALID' && text.test(e.message),
    );
  };
  refused(file({ op: 'Conv', name: 'c7', inputs: ['x', 'W'] }), /c7.*Conv/);
  refused(file({ op: 'Tanh', domain: 'other', inputs: ['x'] }), /Tanh/);
  refused(file({ op: 'MatMul', inputs: ['x', 'u'] }), /weight/);
  refused(file({ op: 'Tanh', inputs: ['gone'] }), /gone/);
  refused(file({ op: 'Concat', inputs: ['x', 'u'], attributes: { axis: 1 } }), /first output/);
  refused(file({ op: 'Concat', inputs: ['x', 'u'], attributes: { axis: 0 } }), /axis/);
  const one = file({ op: 'Tanh', inputs: ['x'] });
  refused({ ...one, inputs: one.inputs.slice(0, 1) }, /inputs/);
});
