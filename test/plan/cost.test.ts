/** Norms, residuals and sums: derivatives by differences, and what they mean. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quatNormalize } from '../../src/math/quat.ts';
import { Rng } from '../../src/math/rng.ts';
import { poseMul } from '../../src/math/se3.ts';
import { dynamicTree } from '../../src/model/dynamic-tree.ts';
import { readTree } from '../../src/model/load.ts';
import { TreeDynamics } from '../../src/model/tree-dynamics.ts';
import { JointResidual, LimitResidual } from '../../src/plan/cost/arm.ts';
import { AugmentedNorm } from '../../src/plan/cost/augmented.ts';
import { FrameOrientation, FramePose, FramePosition, FrameView } from '../../src/plan/cost/frame.ts';
import {
  Huber,
  hinge,
  Length,
  type Norm,
  normOf,
  quadratic,
  RelaxedBarrier,
  SmoothAbs,
} from '../../src/plan/cost/norm.ts';
import { PolicyResidual } from '../../src/plan/cost/policy.ts';
import { CostProblem } from '../../src/plan/cost/problem.ts';
import type { Residual } from '../../src/plan/cost/residual.ts';
import { RigidSystem } from '../../src/plan/dynamics/rigid.ts';
import { allClose } from '../support/close.ts';
import { isJacobian } from '../support/differences.ts';
import { PANDA7 } from '../support/panda.ts';

const model = new TreeDynamics(dynamicTree(readTree(PANDA7)));
const n = model.n;
const rng = new Rng(17);
const numbers = (count: number, scale = 1): Float64Array =>
  Float64Array.from({ length: count }, () => scale * rng.normal());
const nan = (count: number): Float64Array => new Float64Array(count).fill(Number.NaN);

describe('norms', () => {
  const augmented = (kind: 'zero' | 'below'): Norm => {
    const norm = new AugmentedNorm(kind, 4, 2, 3);
    norm.multipliers.set(numbers(12).map(Math.abs));
    norm.stage(1);
    return norm;
  };
  const all: readonly [Norm, 'exact' | 'bound'][] = [
    [quadratic, 'exact'],
    [new SmoothAbs(0.3), 'exact'],
    [new Length(0.2), 'exact'],
    [new Length(0.3, 0.3), 'exact'],
    [new Huber(0.7), 'bound'],
    [hinge, 'exact'],
    [new RelaxedBarrier(0.4), 'exact'],
    [augmented('zero'), 'exact'],
    [augmented('below'), 'exact'],
  ];
  for (const [norm, hessian] of all) {
    it(`${norm.name}: gradient and Hessian by differences, and the Hessian is no less than 0`, () => {
      for (let trial = 0; trial < 40; trial++) {
        const r = numbers(4);
        // Differences do not see across a corner of the second derivative.
        if (r.some((v) => [0, 0.7, -0.7, -0.4].some((c) => Math.abs(v - c) < 0.02))) continue;
        if (norm instanceof AugmentedNorm) {
          const shifted = r.map((v, i) => norm.multipliers[4 + i]! + norm.rho * v);
          if (shifted.some((s) => Math.abs(s) < 0.06)) continue;
        }
        const g = nan(4);
        const h = nan(5);
        norm.derivatives(r, g, h);
        const c = h[4]!;
        isJacobian((x, out) => norm.value(x, out), r, 1, g, { what: `${norm.name} gradient` });
        const H = Float64Array.from({ length: 16 }, (_, k) => {
          const [i, j] = [k >> 2, k & 3];
          return (i === j ? h[i]! : 0) + c * r[i]! * r[j]!;
        });
        if (hessian === 'exact') {
          const gradient = (x: Float64Array, out: Float64Array): void => {
            norm.derivatives(x, out, new Float64Array(5));
          };
          isJacobian(gradient, r, 4, H, { what: `${norm.name} Hessian` });
        }
        const v = numbers(4);
        let curvature = 0;
        for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) curvature += v[i]! * H[4 * i + j]! * v[j]!;
        assert.ok(curvature >= -1e-12);
      }
    });
  }

  it('the relaxed barrier is the log barrier inside, smooth where they join, and finite everywhere', () => {
    const barrier = new RelaxedBarrier(0.4);
    const at = (r: number): number => normOf(barrier, Float64Array.of(r));
    allClose([at(-2), at(-0.5)], [-Math.log(2), -Math.log(0.5)], { atol: 1e-15 });
    allClose([at(-0.4 + 1e-9)], [at(-0.4 - 1e-9)], { atol: 1e-8 });
    assert.ok(Number.isFinite(at(1e6)) && at(0.1) > at(0) && at(0) > at(-0.1));
  });

  it('widths must be positive', () => {
    for (const Kind of [SmoothAbs, Length, Huber, RelaxedBarrier]) {
      for (const width of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        assert.throws(() => new Kind(width), { code: 'PLAN_PROBLEM_INVALID' });
      }
    }
  });
});

const view = (frame = 'link7'): FrameView => new FrameView(model, frame);
const targetPose = (): Float64Array => {
  const pose = numbers(7, 0.5);
  quatNormalize(pose, 3);
  return pose;
};
const policy = {
  ndx: 2 * n,
  nu: n,
  action: (x: Float64Array, t: number, out: Float64Array): void => {
    for (let i = 0; i < n; i++) out[i] = Math.sin(x[i]!) * x[n + i]! + t;
  },
  jacobian: (x: Float64Array, _t: number, out: Float64Array): void => {
    out.fill(0);
    for (let i = 0; i < n; i++) {
      out[i * 2 * n + i] = Math.cos(x[i]!) * x[n + i]!;
      out[i * 2 * n + n + i] = Math.sin(x[i]!);
    }
  },
};
const residuals: readonly (() => Residual)[] = [
  () => new JointResidual('q', n, { target: numbers(n), scale: numbers(n) }),
  () => new JointResidual('v', n),
  () => new JointResidual('u', n, { scale: numbers(n) }),
  () => new LimitResidual('q', new Float64Array(n).fill(-0.4), new Float64Array(n).fill(0.3)),
  () => new LimitResidual('v', new Float64Array(n).fill(-0.4), new Float64Array(n).fill(0.3)),
  () =>
    new LimitResidual(
      'v',
      new Float64Array(n).fill(-0.4),
      new Float64Array(n).fill(0.3),
      numbers(n).map(Math.abs),
    ),
  () => new FramePosition(view(), targetPose()),
  () => new FrameOrientation(view(), targetPose()),
  () => new FramePose(view(), targetPose()),
  () => new FramePose(view('link5'), targetPose(), [1, 2, 3, 0.5, 0, 2]),
  () => new PolicyResidual(policy),
];

describe('residuals', () => {
  for (const make of residuals) {
    it(`${make().name}: Jacobian by differences, nothing outside its span`, () => {
      for (let trial = 0; trial < 8; trial++) {
        const r = make();
        const z = numbers(3 * n, 0.8);
        // Limits have a corner halfway between them.
        if (r instanceof LimitResidual && z.some((v) => Math.abs(v + 0.05) < 0.02)) continue;
        const x = z.slice(0, 2 * n);
        const u = z.slice(2 * n);
        const value = nan(r.size);
        const again = nan(r.size);
        const J = nan(r.diagonal ? r.size : r.size * r.count);
        r.evaluate(x, u, 3, value);
        r.linearise(x, u, 3, again, J);
        assert.deepEqual(again, value);
        const full = new Float64Array(r.size * 3 * n);
        for (let i = 0; i < r.size; i++) {
          if (r.diagonal) full[i * 3 * n + r.at + i] = J[i]!;
          else for (let j = 0; j < r.count; j++) full[i * 3 * n + r.at + j] = J[i * r.count + j]!;
        }
        const f = (at: Float64Array, out: Float64Array): void =>
          r.evaluate(at.slice(0, 2 * n), at.slice(2 * n), 3, out);
        isJacobian(f, z, r.size, full, { what: r.name, noise: 1e-12 });
      }
    });
  }

  it('the pose residual is 0 at the target, small angles and near half a turn included', () => {
    const q = numbers(n, 0.5);
    const x = new Float64Array(2 * n);
    x.set(q);
    const pose = nan(7);
    model.pose(q, model.frame('link7'), pose);
    const r = nan(6);
    new FramePose(view(), pose).evaluate(x, q, 0, r);
    allClose(r, new Float64Array(6), { atol: 1e-15 });
    for (const angle of [1e-9, 1e-4, 0.04, 0.06, 1, 3.1]) {
      const turn = Float64Array.of(0, 0, 0, Math.sin(-angle / 2), 0, 0, Math.cos(angle / 2));
      const target = nan(7);
      // The target turned by -angle about the frame's own x: the frame is then ahead by angle.
      poseMul(target, 0, pose, 0, turn, 0);
      const residual = new FramePose(view(), target);
      residual.evaluate(x, q, 0, r);
      allClose([Math.hypot(r[3]!, r[4]!, r[5]!)], [angle], { rtol: 1e-7, what: `angle ${angle}` });
      const J = nan(6 * n);
      residual.linearise(x, q, 0, nan(6), J);
      const f = (at: Float64Array, out: Float64Array): void => {
        const state = new Float64Array(2 * n);
        state.set(at);
        residual.evaluate(state, q, 0, out);
      };
      isJacobian(f, q, 6, J, { what: `angle ${angle}`, h: angle > 3 ? 2e-3 : 4e-3, noise: 1e-12 });
    }
  });
});

describe('sums', () => {
  const system = new RigidSystem({ model, dt: 0.01 });
  const build = (hessian: 'gauss-newton' | 'exact'): CostProblem =>
    new CostProblem({
      system,
      horizon: 5,
      dt: 0.01,
      hessian,
      terms: [
        {
          residual: new FramePose(view(), targetPose()),
          norm: new Length(0.3),
          weight: 3,
          final: 50,
        },
        { residual: new JointResidual('q', n), weight: 2, norm: new SmoothAbs(0.5), final: 1 },
        { residual: new JointResidual('u', n, { scale: numbers(n) }), weight: 0.1 },
        { residual: new JointResidual('v', n), norm: new Length(0.5), weight: 1, final: 2 },
        { residual: new PolicyResidual(policy), norm: quadratic, weight: 0.7 },
      ],
    });

  it('gradients are those of the cost, by differences', () => {
    const problem = build('gauss-newton');
    for (let trial = 0; trial < 4; trial++) {
      const z = numbers(3 * n, 0.6);
      const [lx, lu] = [nan(2 * n), nan(n)];
      const [lxx, lux, luu] = [nan(4 * n * n), nan(2 * n * n), nan(n * n)];
      problem.costDerivatives(z.slice(0, 2 * n), z.slice(2 * n), 2, lx, lu, lxx, lux, luu);
      const f = (at: Float64Array, out: Float64Array): void => {
        out[0] = problem.cost(at.slice(0, 2 * n), at.slice(2 * n), 2);
      };
      isJacobian(f, z, 1, Float64Array.from([...lx, ...lu]), { what: 'running', noise: 1e-12 });
      problem.terminalDerivatives(z.slice(0, 2 * n), lx, lxx);
      const end = (at: Float64Array, out: Float64Array): void => {
        out[0] = problem.terminalCost(at);
      };
      isJacobian(end, z.slice(0, 2 * n), 1, lx, { what: 'final', noise: 1e-12 });
      for (const [matrix, size] of [
        [lxx, 2 * n],
        [luu, n],
      ] as const) {
        for (let i = 0; i < size; i++) {
          for (let j = 0; j < i; j++) {
            assert.ok(Math.abs(matrix[i * size + j]! - matrix[j * size + i]!) < 1e-12, 'symmetric');
          }
        }
      }
    }
  });

  it('Hessians are exact where residuals are linear', () => {
    const problem = new CostProblem({
      system,
      horizon: 5,
      terms: [
        { residual: new JointResidual('q', n, { scale: numbers(n) }), norm: new Length(0.4), weight: 2 },
        { residual: new JointResidual('u', n), norm: new SmoothAbs(0.2), weight: 1 },
      ],
    });
    const z = numbers(3 * n);
    const gradient = (at: Float64Array, out: Float64Array): void => {
      const [lx, lu] = [nan(2 * n), nan(n)];
      problem.costDerivatives(
        at.slice(0, 2 * n),
        at.slice(2 * n),
        0,
        lx,
        lu,
        nan(4 * n * n),
        nan(2 * n * n),
        nan(n * n),
      );
      out.set(lx);
      out.set(lu, 2 * n);
    };
    const [lxx, lux, luu] = [nan(4 * n * n), nan(2 * n * n), nan(n * n)];
    problem.costDerivatives(z.slice(0, 2 * n), z.slice(2 * n), 0, nan(2 * n), nan(n), lxx, lux, luu);
    const H = new Float64Array(9 * n * n);
    for (let i = 0; i < 2 * n; i++) for (let j = 0; j < 2 * n; j++) H[i * 3 * n + j] = lxx[i * 2 * n + j]!;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < 2 * n; j++) {
        H[(2 * n + i) * 3 * n + j] = lux[i * 2 * n + j]!;
        H[j * 3 * n + 2 * n + i] = lux[i * 2 * n + j]!;
      }
      for (let j = 0; j < n; j++) H[(2 * n + i) * 3 * n + 2 * n + j] = luu[i * n + j]!;
    }
    isJacobian(gradient, z, 3 * n, H, { what: 'Hessian' });
  });

  it('adds second derivatives of residuals where the Hessian is to be exact', () => {
    // r = x_0 x_1 + u_0², a span over all of z.
    const bent: Residual = {
      name: 'bent',
      size: 1,
      at: 0,
      count: 3,
      diagonal: false,
      evaluate: (x, u, _t, r) => {
        r[0] = x[0]! * x[1]! + u[0]! * u[0]!;
      },
      linearise: (x, u, _t, r, J) => {
        r[0] = x[0]! * x[1]! + u[0]! * u[0]!;
        J[0] = x[1]!;
        J[1] = x[0]!;
        J[2] = 2 * u[0]!;
      },
      hessian: (_x, _u, _t, w, H) => {
        H[1]! += w[0]!;
        H[3]! += w[0]!;
        H[8]! += 2 * w[0]!;
      },
    };
    const tiny = {
      nx: 2,
      ndx: 2,
      nu: 1,
      dynamics: () => {},
      dynamicsDerivatives: () => {},
    };
    const [x, u] = [Float64Array.of(0.7, -0.4), Float64Array.of(0.9)];
    const hessians = (['gauss-newton', 'exact'] as const).map((hessian) => {
      const problem = new CostProblem({
        system: tiny,
        horizon: 1,
        terms: [{ residual: bent, weight: 1 }],
        hessian,
      });
      const [lxx, lux, luu] = [nan(4), nan(2), nan(1)];
      problem.costDerivatives(x, u, 0, nan(2), nan(1), lxx, lux, luu);
      return [...lxx, ...lux, ...luu];
    });
    const r = 0.7 * -0.4 + 0.81;
    allClose(hessians[0]!, [0.16, -0.28, -0.28, 0.49, -0.72, 1.26, 3.24], { atol: 1e-14 });
    allClose(hessians[1]!, [0.16, -0.28 + r, -0.28 + r, 0.49, -0.72, 1.26, 3.24 + 2 * r], { atol: 1e-14 });
  });

  it('refuses weights below 0, spans outside of (x, u), controls at the last state, and targets of the wrong size', () => {
    const code = 'PLAN_PROBLEM_INVALID';
    const make = (term: ConstructorParameters<typeof CostProblem>[0]['terms'][number]) => () =>
      new CostProblem({ system, horizon: 3, terms: [term] });
    assert.throws(make({ residual: new JointResidual('q', n), weight: -1 }), { code });
    assert.throws(make({ residual: new JointResidual('q', n), weight: Number.NaN }), { code });
    assert.throws(make({ residual: new JointResidual('u', n), final: 1 }), { code });
    assert.throws(make({ residual: new JointResidual('u', n + 1), weight: 1 }), { code });
    assert.throws(() => new JointResidual('q', n, { target: numbers(3) }), { code: 'LENGTH_MISMATCH' });
  });
});
