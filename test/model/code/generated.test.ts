// @alone
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ArmloopError } from '../../../src/errors.ts';
import { Rng } from '../../../src/math/rng.ts';
import { Arena } from '../../../src/model/code/arena.ts';
import { dynamicTree } from '../../../src/model/dynamic-tree.ts';
import { type CodeForm, chooseForm, generateDynamics } from '../../../src/model/generated.ts';
import type { Integration } from '../../../src/model/generated-trajectory.ts';
import { readTree } from '../../../src/model/load.ts';
import { TreeDynamics } from '../../../src/model/tree-dynamics.ts';
import { allClose } from '../../support/close.ts';
import { isJacobian } from '../../support/differences.ts';
import { treeOf } from '../../support/dynamics-suite.ts';
import { PANDA7 } from '../../support/panda.ts';
import { randomTree } from '../../support/random-tree.ts';

const panda = dynamicTree(readTree(PANDA7));
const FORMS: readonly CodeForm[] = ['js', 'wasm'];
const vector = (rng: Rng, n: number, size: number): Float64Array =>
  Float64Array.from({ length: n }, () => rng.uniform(-size, size));

test('the three forms agree to rounding, on the Panda and on random trees, whatever arrays they are given', () => {
  const trees = [panda];
  for (let seed = 0; seed < 6; seed++) {
    trees.push(dynamicTree(treeOf(randomTree(new Rng(seed, 9), 6).mjcf), { frictionEps: 0.5 }));
  }
  trees.forEach((tree, t) => {
    const n = tree.joints.length;
    const loops = new TreeDynamics(tree);
    for (const form of FORMS) {
      const arena = new Arena(1 << 18);
      const model = generateDynamics(tree, { arena }, form);
      const rng = new Rng(31, t);
      for (let i = 0; i < 20; i++) {
        const inputs = [vector(rng, n, 3), vector(rng, n, 2), vector(rng, n, 8), vector(rng, n, 1)];
        // In the arena, out of it, and by turns.
        const held = inputs.map((x, k) => {
          const own = (i + k) % 3 === 0 ? x : arena.alloc(n);
          own.set(x);
          return own;
        });
        const [q, v, x, w] = held as [Float64Array, Float64Array, Float64Array, Float64Array];
        const sizes = { rneaDerivatives: 2, forwardDerivatives: 3 };
        for (const name of ['rneaDerivatives', 'forwardDerivatives'] as const) {
          const got = Array.from({ length: sizes[name] }, (_, k) =>
            (i + k) % 2 === 0 ? arena.alloc(n * n) : new Float64Array(n * n),
          ) as [Float64Array, Float64Array, Float64Array];
          const want = got.map(() => new Float64Array(n * n)) as typeof got;
          model[name](q, v, x, ...got);
          loops[name](q, v, x, ...want);
          got.forEach((m, k) => {
            same(m, want[k]!, `${form}, tree ${t}, ${name} ${k}`);
          });
        }
        const one: [string, number, (m: TreeDynamics | typeof model, out: Float64Array) => void][] = [
          ['rnea', n, (m, out) => m.rnea(q, v, x, out)],
          ['forward', n, (m, out) => m.forward(q, v, x, out)],
          ['massMatrix', n * n, (m, out) => m.massMatrix(q, out)],
          ['gravity', n, (m, out) => m.gravity(q, out)],
          ['coriolis', n, (m, out) => m.coriolis(q, v, out)],
          ['forwardHessian', 9 * n * n, (m, out) => m.forwardHessian(q, v, x, w, out)],
          ['pose', 7, (m, out) => m.pose(q, tree.frames.length - 1, out)],
          ['jacobian', 6 * n, (m, out) => m.jacobian(q, tree.frames.length - 1, out)],
        ];
        for (const [name, size, run] of one) {
          const got = new Float64Array(size).fill(Number.NaN);
          const want = new Float64Array(size);
          run(model, got);
          run(loops, want);
          same(got, want, `${form}, tree ${t}, ${name}`);
        }
      }
    }
  });
});

/** Equal but for rounding, which small pivots of a random tree's M make larger. */
function same(got: Float64Array, want: Float64Array, what: string): void {
  const largest = want.reduce((m, x) => Math.max(m, Math.abs(x)), 1);
  allClose(got, want, { atol: 2e-11 * largest, what });
}

test('whole trajectories: steps, rollouts and derivatives are those of single evaluations', () => {
  const n = 7;
  const T = 5;
  const h = 0.013;
  for (const form of FORMS) {
    const arena = new Arena(1 << 18);
    const model = generateDynamics(panda, { arena }, form);
    const loops = new TreeDynamics(panda);
    for (const integration of ['euler', 'semi-implicit'] as Integration[]) {
      const flow = model.trajectories(integration);
      assert.equal(model.trajectories(integration), flow);
      const rng = new Rng(41);
      const a = new Float64Array(n);
      const step = (x: Float64Array, u: Float64Array, out: Float64Array): void => {
        loops.forward(x.slice(0, n), x.slice(n), u, a);
        for (let i = 0; i < n; i++) {
          out[n + i] = x[n + i]! + h * a[i]!;
          out[i] = x[i]! + h * (integration === 'euler' ? x[n + i]! : out[n + i]!);
        }
      };
      const [xs, us] = [arena.alloc((T + 1) * 2 * n), arena.alloc(T * n)];
      const next = arena.alloc(T * 2 * n);
      const [fx, fu] = [arena.alloc(T * 4 * n * n), arena.alloc(T * 2 * n * n)];
      us.set(vector(rng, us.length, 5));
      xs.set(vector(rng, 2 * n, 1));
      flow.rollout(T, xs, us, h);
      const want = new Float64Array(2 * n);
      for (let t = 0; t < T; t++) {
        step(xs.slice(14 * t, 14 * t + 14), us.slice(7 * t, 7 * t + 7), want);
        allClose(xs.subarray(14 * t + 14, 14 * t + 28), want, {
          atol: 1e-12,
          what: `${form}, state ${t + 1}`,
        });
      }
      next.fill(Number.NaN);
      flow.steps(T, xs, us, h, next);
      allClose(next, xs.subarray(14), { atol: 1e-13, what: `${form}, steps` });
      for (const count of [T, T - 1, 1]) {
        fx.fill(Number.NaN);
        fu.fill(Number.NaN);
        flow.derivatives(count, xs, us, h, fx, fu);
        for (let t = 0; t < T; t++) {
          const [A, B] = [fx.slice(196 * t, 196 * t + 196), fu.slice(98 * t, 98 * t + 98)];
          if (t >= count) {
            assert.ok(A.every(Number.isNaN) && B.every(Number.isNaN), 'nothing beyond the count is written');
            continue;
          }
          const [x, u] = [xs.slice(14 * t, 14 * t + 14), us.slice(7 * t, 7 * t + 7)];
          const what = `${form}, ${integration}, stage ${t} of ${count}`;
          isJacobian((z, out) => step(z, u, out), x, 2 * n, A, { what: `${what}, fx` });
          isJacobian((z, out) => step(x, z, out), u, 2 * n, B, { what: `${what}, fu` });
        }
      }
      if (form === 'js') continue;
      assert.throws(
        () => flow.rollout(T, xs.slice(), us, h),
        (e: unknown) => e instanceof ArmloopError && e.code === 'MODEL_NOT_IN_ARENA',
      );
    }
  }
});

test('poses and Jacobians of a frame over states are those of single calls', () => {
  const n = 7;
  for (const form of FORMS) {
    const arena = new Arena(1 << 16);
    const model = generateDynamics(panda, { arena }, form);
    const frame = model.frame('link7');
    const over = model.frameOver(frame);
    const [xs, poses, jacobians] = [arena.alloc(3 * 2 * n), arena.alloc(3 * 7), arena.alloc(3 * 6 * n)];
    xs.set(vector(new Rng(51), xs.length, 3));
    over(3, xs, poses, jacobians);
    const [p, J] = [new Float64Array(7), new Float64Array(6 * n)];
    for (let t = 0; t < 3; t++) {
      const q = xs.slice(14 * t, 14 * t + 7);
      model.pose(q, frame, p);
      model.jacobian(q, frame, J);
      allClose(poses.subarray(7 * t, 7 * t + 7), p, { atol: 1e-15, what: `${form}, pose ${t}` });
      allClose(jacobians.subarray(42 * t, 42 * t + 42), J, { atol: 1e-15, what: `${form}, Jacobian ${t}` });
    }
  }
});

test('the code of a seven-joint arm is made in less than a second', () => {
  for (const form of FORMS) {
    generateDynamics(panda, {}, form); // The generator itself, compiled.
    const start = process.cpuUsage();
    generateDynamics(panda, {}, form).frame('link7');
    const { user, system } = process.cpuUsage(start);
    assert.ok(user + system < 1e6, `${form}: ${(user + system) / 1e6} s of processor time`);
  }
});

test('the form is chosen by measurement', () => {
  assert.ok(['js', 'wasm'].includes(chooseForm(panda)));
});

test('nothing is allocated, in either form, in the arena or out of it', () => {
  const child = fileURLToPath(new URL('./allocation-child.js', import.meta.url));
  const text = execFileSync(process.execPath, ['--expose-gc', child], { encoding: 'utf8' });
  const bytes = JSON.parse(text) as Record<string, number>;
  assert.equal(Object.keys(bytes).length, 6);
  for (const [what, b] of Object.entries(bytes)) assert.ok(b < 24, `${what}: ${b} bytes a round`);
});
