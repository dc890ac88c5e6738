/** Adapters from models to systems: what they step to, their derivatives, and that all forms agree. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quatMul, quatNormalize } from '../../src/math/quat.ts';
import { Rng } from '../../src/math/rng.ts';
import { Arena } from '../../src/model/code/arena.ts';
import { dynamicTree } from '../../src/model/dynamic-tree.ts';
import { generateDynamics } from '../../src/model/generated.ts';
import { readTree } from '../../src/model/load.ts';
import { TreeDynamics } from '../../src/model/tree-dynamics.ts';
import { DifferenceSystem } from '../../src/plan/dynamics/differences.ts';
import { type LearnedModel, LearnedSystem } from '../../src/plan/dynamics/learned.ts';
import { type Activation, MlpModel } from '../../src/plan/dynamics/mlp.ts';
import { RigidSystem } from '../../src/plan/dynamics/rigid.ts';
import type { System } from '../../src/plan/dynamics/system.ts';
import type { StepModel } from '../../src/robot/plant.ts';
import { allClose } from '../support/close.ts';
import { isJacobian } from '../support/differences.ts';
import { PANDA7 } from '../support/panda.ts';

const tree = dynamicTree(readTree(PANDA7));
const rng = new Rng(23);
const numbers = (count: number, scale = 1): Float64Array =>
  Float64Array.from({ length: count }, () => scale * rng.normal());
const nan = (count: number): Float64Array => new Float64Array(count).fill(Number.NaN);

/** fx and fu side by side. */
function jacobian(system: System, x: Float64Array, u: Float64Array): Float64Array {
  const { ndx: n, nu: m } = system;
  const [fx, fu] = [nan(n * n), nan(n * m)];
  system.dynamicsDerivatives(x, u, 0, fx, fu);
  return Float64Array.from({ length: n * (n + m) }, (_, k) => {
    const [i, j] = [Math.floor(k / (n + m)), k % (n + m)];
    return j < n ? fx[i * n + j]! : fu[i * m + j - n]!;
  });
}

const step =
  (system: System) =>
  (z: Float64Array, out: Float64Array): void =>
    system.dynamics(z.slice(0, system.nx), z.slice(system.nx), 0, out);

describe('an arm with torques', () => {
  const dt = 0.01;
  const oracle = new RigidSystem({ model: new TreeDynamics(tree), dt });

  it('steps by semi-implicit Euler', () => {
    const model = new TreeDynamics(tree);
    const x = numbers(14, 0.5);
    const u = numbers(7, 5);
    const a = nan(7);
    model.forward(x.slice(0, 7), x.slice(7), u, a);
    const out = nan(14);
    oracle.dynamics(x, u, 0, out);
    const v = a.map((ai, i) => x[7 + i]! + dt * ai);
    allClose(out, [...v.map((vi, i) => x[i]! + dt * vi), ...v], { atol: 1e-15 });
  });

  it('has the derivatives of its step', () => {
    for (let trial = 0; trial < 3; trial++) {
      const z = numbers(21, 0.5);
      const got = jacobian(oracle, z.slice(0, 14), z.slice(14));
      isJacobian(step(oracle), z, 14, got, { what: 'step' });
    }
  });

  it('has second derivatives: those of vᵀ times the first', () => {
    const z = numbers(21, 0.4);
    const v = numbers(14);
    const gradient = (at: Float64Array, out: Float64Array): void => {
      const J = jacobian(oracle, at.slice(0, 14), at.slice(14));
      for (let j = 0; j < 21; j++) {
        out[j] = 0;
        for (let i = 0; i < 14; i++) out[j]! += v[i]! * J[i * 21 + j]!;
      }
    };
    const [xx, ux, uu] = [numbers(196), numbers(98), numbers(49)];
    const before = [xx.slice(), ux.slice(), uu.slice()] as const;
    oracle.dynamicsHessian(z.slice(0, 14), z.slice(14), 0, v, xx, ux, uu);
    const H = new Float64Array(441);
    for (let i = 0; i < 14; i++)
      for (let j = 0; j < 14; j++) H[i * 21 + j] = xx[i * 14 + j]! - before[0][i * 14 + j]!;
    for (let i = 0; i < 7; i++) {
      for (let j = 0; j < 14; j++) {
        H[(14 + i) * 21 + j] = ux[i * 14 + j]! - before[1][i * 14 + j]!;
        H[j * 21 + 14 + i] = H[(14 + i) * 21 + j]!;
      }
      for (let j = 0; j < 7; j++) H[(14 + i) * 21 + 14 + j] = uu[i * 7 + j]! - before[2][i * 7 + j]!;
    }
    isJacobian(gradient, z, 21, H, { what: 'adds the Hessian', noise: 1e-12 });
  });

  it('whole trajectories in an arena give the numbers of single stages, and so do generated models', () => {
    const arena = new Arena(1 << 21);
    const system = new RigidSystem({ model: generateDynamics(tree, { arena }), dt, arena });
    assert.equal(system.memory, arena);
    const T = 7;
    const [xs, us] = [arena.alloc((T + 1) * 14), arena.alloc(T * 7)];
    xs.set(numbers(xs.length, 0.5));
    us.set(numbers(us.length, 5));
    const [fx, fu] = [arena.alloc(T * 196), arena.alloc(T * 98)];
    fx.fill(Number.NaN);
    fu.fill(Number.NaN);
    system.trajectoryDerivatives!(xs, us, fx, fu);
    for (let t = 0; t < T; t++) {
      const x = xs.slice(t * 14, (t + 1) * 14);
      const u = us.slice(t * 7, (t + 1) * 7);
      const [wantX, wantU, ownX, ownU] = [nan(196), nan(98), nan(196), nan(98)];
      oracle.dynamicsDerivatives(x, u, t, wantX, wantU);
      system.dynamicsDerivatives(x, u, t, ownX, ownU);
      for (const [got, want, what] of [
        [fx.slice(t * 196, (t + 1) * 196), wantX, 'fx of all stages'],
        [fu.slice(t * 98, (t + 1) * 98), wantU, 'fu of all stages'],
        [ownX, wantX, 'fx'],
        [ownU, wantU, 'fu'],
      ] as const) {
        allClose(got, want, { rtol: 1e-10, atol: 1e-11, what: `${what}, stage ${t}` });
      }
      const [next, wantNext] = [nan(14), nan(14)];
      system.dynamics(x, u, t, next);
      oracle.dynamics(x, u, t, wantNext);
      allClose(next, wantNext, { rtol: 1e-11, atol: 1e-12, what: 'next' });
    }
  });

  it('refuses a step that is no time', () => {
    for (const dt of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => new RigidSystem({ model: new TreeDynamics(tree), dt }), {
        code: 'PLAN_PROBLEM_INVALID',
      });
    }
  });
});

describe('finite differences', () => {
  /** The arm as something that only steps. */
  const arm: StepModel = (() => {
    const system = new RigidSystem({ model: new TreeDynamics(tree), dt: 0.01 });
    return { nx: 14, nu: 7, step: (x, u, out) => system.dynamics(x, u, 0, out) };
  })();
  const exact = new RigidSystem({ model: new TreeDynamics(tree), dt: 0.01 });

  it('come as near as their step allows', () => {
    for (const [kind, tolerance] of [
      // Truncation h² |f'''| and rounding ε |f| / h at h = ε^(1/3): both some 1e-10. One-sided: h |f''| + ε |f| / h ~ 1e-7.
      ['centred', 1e-8],
      ['one-sided', 1e-6],
    ] as const) {
      const system = new DifferenceSystem(arm, { kind });
      for (let trial = 0; trial < 3; trial++) {
        const [x, u] = [numbers(14, 0.5), numbers(7, 5)];
        const [keepX, keepU] = [x.slice(), u.slice()];
        allClose(jacobian(system, x, u), jacobian(exact, x, u), { atol: tolerance, what: kind });
        assert.deepEqual([x, u], [keepX, keepU], 'inputs stay');
      }
    }
    const [x, u] = [numbers(14, 0.5), numbers(7, 5)];
    const off = (h: number): number => {
      const [a, b] = [jacobian(new DifferenceSystem(arm, { step: h }), x, u), jacobian(exact, x, u)];
      return Math.max(...a.map((v, i) => Math.abs(v - b[i]!)));
    };
    const ratio = off(2e-2) / off(1e-2);
    assert.ok(ratio > 3.5 && ratio < 4.5, `the error of centred differences goes with h²: ${ratio}`);
  });

  it('follow the tangent of states with quaternions', () => {
    // A body that turns: q' = exp(dt ω) q, ω' = ω + dt u; the tangent of q is the rotation vector.
    const dt = 0.1;
    const turned = (q: Float64Array, w: Float64Array, at: number, out: Float64Array): void => {
      const angle = Math.hypot(w[at]!, w[at + 1]!, w[at + 2]!);
      const s = angle < 1e-12 ? 0.5 : Math.sin(angle / 2) / angle;
      const d = Float64Array.of(w[at]! * s, w[at + 1]! * s, w[at + 2]! * s, Math.cos(angle / 2));
      quatMul(out, 0, d, 0, q, 0);
      quatNormalize(out, 0);
    };
    const body: StepModel = {
      nx: 7,
      ndx: 6,
      nu: 3,
      step: (x, u, out) => {
        const w = Float64Array.of(0, 1, 2).map((i) => x[4 + i]! + dt * u[i]!);
        turned(
          x,
          w.map((v) => v * dt),
          0,
          out,
        );
        out.set(w, 4);
      },
      integrate: (x, dx, out) => {
        turned(x, dx, 0, out);
        for (let i = 0; i < 3; i++) out[4 + i] = x[4 + i]! + dx[3 + i]!;
      },
      difference: (a, b, out) => {
        const d = new Float64Array(4);
        quatMul(d, 0, b, 0, Float64Array.of(-a[0]!, -a[1]!, -a[2]!, a[3]!), 0);
        const sine = Math.hypot(d[0]!, d[1]!, d[2]!);
        const angle = 2 * Math.atan2(sine, d[3]!);
        for (let i = 0; i < 3; i++) {
          out[i] = sine < 1e-12 ? 2 * d[i]! : (d[i]! / sine) * angle;
          out[3 + i] = b[4 + i]! - a[4 + i]!;
        }
      },
    };
    const system = new DifferenceSystem(body);
    assert.equal(system.ndx, 6);
    const x = Float64Array.of(0, 0, 0, 1, 0, 0, 0);
    const J = jacobian(system, x, new Float64Array(3));
    // At rest: a turn stays a turn, a speed turns by dt, a torque by dt².
    for (let i = 0; i < 3; i++) {
      allClose([J[i * 9 + i]!, J[i * 9 + 3 + i]!, J[i * 9 + 6 + i]!], [1, dt, dt * dt], { atol: 1e-8 });
      allClose([J[(3 + i) * 9 + i]!, J[(3 + i) * 9 + 3 + i]!, J[(3 + i) * 9 + 6 + i]!], [0, 1, dt], {
        atol: 1e-8,
      });
    }
    const { integrate: _, ...flat } = body;
    assert.throws(() => new DifferenceSystem(flat), { code: 'PLAN_PROBLEM_INVALID' });
    assert.throws(() => new DifferenceSystem(body, { step: 0 }), { code: 'PLAN_PROBLEM_INVALID' });
  });
});

describe('a learned model', () => {
  const mlp = (activation: Activation): MlpModel =>
    new MlpModel({
      nx: 4,
      nu: 2,
      activation,
      layers: [
        { weight: numbers(48, 0.5), bias: numbers(8) },
        { weight: numbers(40, 0.5), bias: numbers(5) },
        { weight: numbers(20, 0.5), bias: numbers(4) },
      ],
      input: { mean: numbers(6), scale: numbers(6).map((v) => 0.5 + Math.abs(v)) },
      output: { mean: numbers(4), scale: numbers(4).map((v) => 0.5 + Math.abs(v)) },
    });

  it('has the derivatives of what it predicts', () => {
    for (const activation of ['tanh', 'silu', 'relu'] as const) {
      const system = new LearnedSystem(mlp(activation));
      for (let trial = 0; trial < 4; trial++) {
        const z = numbers(6);
        // A step so short that no unit of relu is likely to switch within it.
        const options = activation === 'relu' ? { h: 1e-4, most: 1e-5 } : {};
        isJacobian(step(system), z, 4, jacobian(system, z.slice(0, 4), z.slice(4)), {
          what: activation,
          ...options,
        });
      }
    }
  });

  it('one layer without normalising is x + W z + b', () => {
    const [weight, bias] = [numbers(6), numbers(2)];
    const system = new LearnedSystem(
      new MlpModel({ nx: 2, nu: 1, layers: [{ weight, bias }], activation: 'tanh' }),
    );
    const [x, u, out] = [numbers(2), numbers(1), nan(2)];
    system.dynamics(x, u, 0, out);
    const want = [0, 1].map(
      (i) =>
        x[i]! + weight[3 * i]! * x[0]! + weight[3 * i + 1]! * x[1]! + weight[3 * i + 2]! * u[0]! + bias[i]!,
    );
    allClose(out, want, { atol: 1e-15 });
  });

  it('takes batches as large as it can, with the numbers of single stages', () => {
    const whole = mlp('tanh');
    for (const batch of [1, 3, 10, 64]) {
      const counts: number[] = [];
      const model: LearnedModel = {
        nx: 4,
        nu: 2,
        batch,
        evaluate: (...a) => whole.evaluate(...a),
        jacobian: (count, ...rest) => {
          counts.push(count);
          whole.jacobian(count, ...rest);
        },
      };
      const system = new LearnedSystem(model);
      const T = 10;
      const [xs, us, fx, fu] = [numbers(4 * (T + 1)), numbers(2 * T), nan(16 * T), nan(8 * T)];
      system.trajectoryDerivatives(xs, us, fx, fu);
      assert.ok(counts.every((c) => c <= batch) && counts.length === Math.ceil(T / batch), `${counts}`);
      for (let t = 0; t < T; t++) {
        const [wx, wu] = [nan(16), nan(8)];
        system.dynamicsDerivatives(xs.slice(4 * t, 4 * t + 4), us.slice(2 * t, 2 * t + 2), t, wx, wu);
        assert.deepEqual(fx.slice(16 * t, 16 * t + 16), wx);
        assert.deepEqual(fu.slice(8 * t, 8 * t + 8), wu);
      }
    }
  });

  it('refuses layers that do not fit', () => {
    const base = { nx: 2, nu: 1, activation: 'tanh' } as const;
    const layer = (outputs: number, weights: number) => ({
      weight: numbers(weights),
      bias: numbers(outputs),
    });
    assert.throws(() => new MlpModel({ ...base, layers: [] }), { code: 'PLAN_PROBLEM_INVALID' });
    assert.throws(() => new MlpModel({ ...base, layers: [layer(3, 9)] }), { code: 'PLAN_PROBLEM_INVALID' });
    assert.throws(() => new MlpModel({ ...base, layers: [layer(2, 5)] }), { code: 'LENGTH_MISMATCH' });
  });
});
