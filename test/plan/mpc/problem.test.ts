import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rng } from '../../../src/math/rng.ts';
import { CommandSystem } from '../../../src/plan/dynamics/command.ts';
import { RigidSystem } from '../../../src/plan/dynamics/rigid.ts';
import { TERM_KINDS, type TermSpec } from '../../../src/plan/mpc/terms.ts';
import { HOME } from '../../support/bench-arm.ts';
import { allClose } from '../../support/close.ts';
import { armProblem, N } from '../../support/mpc-arm.ts';
import { pendulums } from '../../support/pendulums.ts';

const far = [0.6, 0.2, 0.3, 0.1, 0.9, 0.3, 0.2];
const norm = Math.hypot(...far.slice(3));
const POSE = [...far.slice(0, 3), ...far.slice(3).map((v) => v / norm)];

/** A state beyond the range of joint 4 and faster than joint 2 may be, and controls. */
function point(seed: number): { x: Float64Array; u: Float64Array } {
  const rng = new Rng(seed);
  const x = new Float64Array(2 * N);
  for (let i = 0; i < N; i++) {
    x[i] = HOME[i]! + rng.uniform(-0.3, 0.3);
    x[N + i] = rng.uniform(-1, 1);
  }
  x[3] = -0.05;
  x[N + 1] = 2.1;
  return { x, u: Float64Array.from({ length: N }, () => rng.uniform(-5, 5)) };
}

const targets = {
  tool: { kind: 'pose', pose: POSE },
  joints: {
    kind: 'joint-path',
    q: Array.from(HOME.slice(0, N)),
    amplitude: [0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.1],
    phase: [0, 1, 2, 3, 4, 5, 6],
    period: 2,
  },
} as const;

for (const kind of TERM_KINDS) {
  const limit = kind === 'range' || kind === 'speed-limit';
  for (const smooth of limit ? [0] : [0, 0.2]) {
    test(`gradient of ${kind}${smooth > 0 ? ', smooth' : ''}: central differences; its Hessian is no less than 0`, () => {
      const weights = { name: kind, weight: 3, final: kind === 'effort' ? 0 : 2 };
      const term: TermSpec = limit ? { ...weights, kind, margin: 0.15 } : { ...weights, kind, smooth };
      const target = kind.startsWith('tool') ? targets.tool : targets.joints;
      const p = armProblem(target, { terms: [term], horizon: 4 });
      p.prepare(0.3);
      const { x, u } = point(7);
      const poisoned = (n: number): Float64Array => new Float64Array(n).fill(Number.NaN);
      const [lx, lu, lxx] = [poisoned(2 * N), poisoned(N), poisoned(4 * N * N)];
      const [lux, luu] = [poisoned(2 * N * N), poisoned(N * N)];
      p.costDerivatives(x, u, 2, lx, lu, lxx, lux, luu);
      const z = Float64Array.from([...x, ...u]);
      const cost = (): number => p.cost(z.slice(0, 2 * N), z.slice(2 * N), 2);
      const h = 1e-6;
      const numeric = z.map((v, i) => {
        z[i] = v + h;
        const up = cost();
        z[i] = v - h;
        const down = cost();
        z[i] = v;
        return (up - down) / (2 * h);
      });
      assert.ok(
        numeric.some((v) => Math.abs(v) > 1e-4),
        'the point feels this term',
      );
      // Error of the difference: h² f''' / 6 and eps f / h, both below 1e-8 here.
      allClose([...lx, ...lu], numeric, { atol: 1e-7, rtol: 1e-6 });
      assert.ok(lux.every((v) => v === 0));
      const [vx, vxx] = [poisoned(2 * N), poisoned(4 * N * N)];
      p.terminalDerivatives(x, vx, vxx);
      assert.ok(vx.every(Number.isFinite) && vxx.every(Number.isFinite));
      for (let i = 0; i < 2 * N; i++) {
        for (let j = 0; j < i; j++) assert.equal(lxx[i * 2 * N + j], lxx[j * 2 * N + i], 'symmetric');
      }
      // Positive semi-definite along random directions.
      const rng = new Rng(3);
      for (let k = 0; k < 50; k++) {
        const d = Float64Array.from({ length: 2 * N }, () => rng.uniform(-1, 1));
        let s = 0;
        for (let i = 0; i < 2 * N; i++)
          for (let j = 0; j < 2 * N; j++) s += d[i]! * lxx[i * 2 * N + j]! * d[j]!;
        assert.ok(s >= -1e-9, `curvature ${s}`);
      }
    });
  }
}

for (const [name, system] of [
  ['command', new CommandSystem(2, 0.05)],
  ['rigid', new RigidSystem({ model: pendulums(2), dt: 0.05 })],
] as const) {
  test(`derivatives of the ${name} system are those of its step`, () => {
    const x = Float64Array.of(0.4, -0.7, 0.9, 1.2);
    const u = Float64Array.of(0.3, -0.5);
    const [fx, fu] = [new Float64Array(16).fill(Number.NaN), new Float64Array(8).fill(Number.NaN)];
    system.dynamicsDerivatives(x, u, 0, fx, fu);
    const h = 1e-6;
    const [up, down] = [new Float64Array(4), new Float64Array(4)];
    for (let j = 0; j < 6; j++) {
      const at = (d: number): [Float64Array, Float64Array] => {
        const [a, b] = [x.slice(), u.slice()];
        if (j < 4) a[j]! += d;
        else b[j - 4]! += d;
        return [a, b];
      };
      system.step(...at(h), 0.05, up);
      system.step(...at(-h), 0.05, down);
      for (let i = 0; i < 4; i++) {
        const want = (up[i]! - down[i]!) / (2 * h);
        const got = j < 4 ? fx[4 * i + j]! : fu[2 * i + j - 4]!;
        assert.ok(Math.abs(got - want) < 1e-8, `${i}, ${j}: ${got} against ${want}`);
      }
    }
  });
}

test('cost of the terms adds up to the cost of the trajectory, and the path is the tool', () => {
  const p = armProblem(targets.tool, { horizon: 5 });
  p.prepare(0);
  const xs = new Float64Array(6 * 2 * N);
  const us = new Float64Array(5 * N);
  let total = 0;
  for (let t = 0; t <= 5; t++) {
    const { x, u } = point(t);
    xs.set(x, t * 2 * N);
    if (t < 5) us.set(u, t * N);
    total += t < 5 ? p.cost(x, u, t) : p.terminalCost(x);
  }
  const costs = new Float64Array(p.terms.length).fill(Number.NaN);
  const path = new Float64Array(18).fill(Number.NaN);
  p.report(xs, us, costs, path);
  allClose([costs.reduce((a, b) => a + b, 0)], [total], { rtol: 1e-12 });
  assert.ok(path.every(Number.isFinite));
});
