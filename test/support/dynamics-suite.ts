/**
 * What every form of dynamics must satisfy: golden values, invariants, derivatives against differences. Pass a form to
 * `dynamicsSuite`; it declares the tests. Outputs are poisoned with NaN first, so what is not written is seen.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { cholesky, mul } from '../../src/math/linalg.ts';
import { quatRotate } from '../../src/math/quat.ts';
import { Rng } from '../../src/math/rng.ts';
import { dynamicTree } from '../../src/model/dynamic-tree.ts';
import type { DynamicsModel, DynamicsOptions } from '../../src/model/dynamics.ts';
import { readTree } from '../../src/model/load.ts';
import type { KinematicTree } from '../../src/model/tree.ts';
import { allClose } from './close.ts';
import { isJacobian } from './differences.ts';
import type { MakeDynamics } from './dynamics-forms.ts';
import { HOME7, PANDA7 } from './panda.ts';
import { randomTree } from './random-tree.ts';

const nan = (count: number): Float64Array => new Float64Array(count).fill(Number.NaN);

export function treeOf(text: string): KinematicTree {
  const folder = mkdtempSync(join(tmpdir(), 'armloop-tree-'));
  const file = join(folder, 'tree.xml');
  writeFileSync(file, text);
  const tree = readTree(file);
  rmSync(folder, { recursive: true });
  return tree;
}

/** A gripper of slides that follow each other on a wrist that turns: degrees of freedom that move several links. */
const COUPLED = `<robot name="g"><link name="base"/>
${['palm', 'left', 'right', 'thumb']
  .map(
    (
      name,
      i,
    ) => `<link name="${name}"><inertial><origin xyz="0.05 ${i * 0.02} 0.03"/><mass value="${0.5 + i}"/>
<inertia ixx="0.02" iyy="0.03" izz="0.025" ixy="0.001" ixz="0" iyz="-0.002"/></inertial></link>`,
  )
  .join('\n')}
<joint name="wrist" type="continuous"><origin xyz="0.2 0 0.4" rpy="0.3 1 0"/><parent link="base"/><child link="palm"/>
<axis xyz="0 1 0"/><dynamics damping="0.3" friction="0.4"/></joint>
<joint name="open" type="prismatic"><origin xyz="0 0 0.1"/><parent link="palm"/><child link="left"/><axis xyz="0 1 0"/>
<limit lower="0" upper="0.1" effort="40" velocity="1"/><dynamics damping="2" friction="0.7"/></joint>
<joint name="mirror" type="prismatic"><origin xyz="0 0 0.1" rpy="0 0 0.2"/><parent link="palm"/><child link="right"/>
<axis xyz="0 -1 0"/><limit lower="0" upper="0.1" effort="30" velocity="1"/><mimic joint="open" multiplier="1.5" offset="0.01"/></joint>
<joint name="curl" type="continuous"><origin xyz="0 0.05 0.1"/><parent link="left"/><child link="thumb"/><axis xyz="1 0 0"/>
<mimic joint="open" multiplier="-8"/></joint></robot>`;

interface Subject {
  readonly name: string;
  readonly tree: KinematicTree;
  readonly model: DynamicsModel;
}

async function subjects(make: MakeDynamics, options: DynamicsOptions = {}): Promise<Subject[]> {
  const trees: [string, KinematicTree][] = [
    ['Panda', readTree(PANDA7)],
    ['coupled gripper', treeOf(COUPLED)],
  ];
  for (let seed = 0; seed < 8; seed++) {
    const rng = new Rng(seed, 5);
    trees.push([`random tree of seed ${seed}`, treeOf(randomTree(rng, 7).mjcf)]);
  }
  return Promise.all(
    trees.map(async ([name, tree]) => ({ name, tree, model: await make(dynamicTree(tree, options)) })),
  );
}

/** q, v, a, tau and w at random. */
function draw(rng: Rng, n: number): Float64Array[] {
  return [3, 2, 5, 10, 1].map((size) => Float64Array.from({ length: n }, () => rng.uniform(-size, size)));
}

export function dynamicsSuite(form: string, make: MakeDynamics): void {
  describe(`dynamics: ${form}`, () => {
    test('golden values of the Panda at home: gravity, joint 7, diagonal of M', async () => {
      const model = await make(dynamicTree(readTree(PANDA7)));
      const q = Float64Array.from(HOME7);
      const g = nan(7);
      model.gravity(q, g);
      allClose(g, [0, -25.221834, 0, 18.530178, 0.741161, 1.650304, 0], { atol: 1e-6, what: 'gravity' });
      const zero = new Float64Array(7);
      model.rnea(q, zero, zero, g);
      allClose(g, [0, -25.221834, 0, 18.530178, 0.741161, 1.650304, 0], { atol: 1e-6, what: 'rnea' });
      const pose = nan(7);
      model.pose(q, model.frame('link7'), pose);
      allClose(pose.subarray(0, 3), [0.554499, 0, 0.731502], { atol: 1e-6 });
      const M = nan(49);
      model.massMatrix(q, M);
      // Given to five or six digits.
      const diagonal = [1.2732, 2.5083, 1.23586, 0.88535, 0.12706, 0.13257, 0.10491];
      allClose(
        diagonal.map((_, k) => M[8 * k]!),
        diagonal,
        { atol: 5e-6, what: 'diagonal of M' },
      );
    });

    test('M is symmetric positive definite; rnea is M a + Coriolis + gravity + dissipation; forward undoes it', async () => {
      for (const { name, model } of await subjects(make, { frictionEps: 0.2 })) {
        const { n } = model;
        const rng = new Rng(21);
        for (let i = 0; i < 50; i++) {
          const what = `${name}, state ${i}`;
          const [q, v, a] = draw(rng, n);
          const [M, tau, back, c, g, Ma] = [nan(n * n), nan(n), nan(n), nan(n), nan(n), nan(n)];
          model.massMatrix(q!, M);
          for (let r = 0; r < n; r++)
            for (let k = 0; k < r; k++) assert.equal(M[r * n + k], M[k * n + r], what);
          assert.ok(cholesky(M.slice(), n), `${what}: M is not positive definite`);
          model.rnea(q!, v!, a!, tau);
          model.coriolis(q!, v!, c);
          model.gravity(q!, g);
          mul(M, n, n, a!, Ma);
          const sum = model.joints.map((j, k) => {
            const friction = j.frictionloss * Math.tanh(v![k]! / 0.2);
            return Ma[k]! + c[k]! + g[k]! + j.damping * v![k]! + friction;
          });
          allClose(tau, sum, { atol: 1e-11, rtol: 1e-12, what });
          model.forward(q!, v!, tau, back);
          allClose(back, a!, { atol: 1e-9, what: `${what}: forward of rnea` });
        }
      }
    });

    test('the Jacobian is that of the pose, at every frame', async () => {
      for (const { name, tree, model } of await subjects(make)) {
        const { n } = model;
        const [q] = draw(new Rng(22), n);
        for (const { name: body } of [...tree.bodies, ...tree.sites]) {
          const frame = model.frame(body);
          const [pose, J] = [nan(7), nan(6 * n)];
          model.pose(q!, frame, pose);
          model.jacobian(q!, frame, J);
          // Where three points of the frame are moves with v + w × r.
          for (const r of [
            [0, 0, 0],
            [1, 0, 0],
            [0, 1, 0],
            [0, 0, 1],
          ]) {
            const arm = Float64Array.from(r);
            const turned = nan(3);
            quatRotate(turned, 0, pose, 3, arm, 0);
            const want = new Float64Array(3 * n);
            for (let k = 0; k < n; k++) {
              const [wx, wy, wz] = [J[3 * n + k]!, J[4 * n + k]!, J[5 * n + k]!];
              want[k] = J[k]! + wy * turned[2]! - wz * turned[1]!;
              want[n + k] = J[n + k]! + wz * turned[0]! - wx * turned[2]!;
              want[2 * n + k] = J[2 * n + k]! + wx * turned[1]! - wy * turned[0]!;
            }
            const at = nan(7);
            const point = (x: Float64Array, out: Float64Array): void => {
              model.pose(x, frame, at);
              quatRotate(out, 0, at, 3, arm, 0);
              for (let k = 0; k < 3; k++) out[k]! += at[k]!;
            };
            isJacobian(point, q!, 3, want, { what: `${name}: point of ${body}` });
          }
        }
      }
    });

    test('energy changes by the work of torques less what damping eats', async () => {
      for (const { name, tree, model } of await subjects(make)) {
        const { n } = model;
        const rng = new Rng(23);
        const tau = Float64Array.from({ length: n }, () => rng.uniform(-3, 3));
        const inertials = tree.bodies.flatMap(({ name: body, inertial }) =>
          inertial === null ? [] : [{ frame: model.frame(body), ...inertial }],
        );
        const [pose, arm, M, Mv, a] = [nan(7), nan(3), nan(n * n), nan(n), nan(n)];
        const energy = (q: Float64Array, v: Float64Array): number => {
          model.massMatrix(q, M);
          mul(M, n, n, v, Mv);
          let sum = v.reduce((s, x, k) => s + (x * Mv[k]!) / 2, 0);
          for (const { frame, mass, position } of inertials) {
            model.pose(q, frame, pose);
            quatRotate(arm, 0, pose, 3, Float64Array.from(position), 0);
            sum += mass * 9.81 * (pose[2]! + arm[2]!);
          }
          return sum;
        };
        // State: q, v and the work done by torques less what damping eats; classical Runge-Kutta.
        const rate = (x: Float64Array): Float64Array => {
          const [q, v] = [x.slice(0, n), x.slice(n, 2 * n)];
          model.forward(q, v, tau, a);
          const power = v.reduce((s, y, k) => s + y * (tau[k]! - model.joints[k]!.damping * y), 0);
          return Float64Array.from([...v, ...a, power]);
        };
        const h = 5e-4;
        const plus = (x: Float64Array, s: number, d: Float64Array): Float64Array =>
          x.map((y, i) => y + s * d[i]!);
        let x = new Float64Array(2 * n + 1);
        for (let k = 0; k < n; k++) x[k] = rng.uniform(-1, 1);
        const start = energy(x.slice(0, n), x.slice(n, 2 * n));
        let swing = 0;
        for (let step = 0; step < 600; step++) {
          const k1 = rate(x);
          const k2 = rate(plus(x, h / 2, k1));
          const k3 = rate(plus(x, h / 2, k2));
          const k4 = rate(plus(x, h, k3));
          x = x.map((y, i) => y + (h / 6) * (k1[i]! + 2 * k2[i]! + 2 * k3[i]! + k4[i]!));
          swing = Math.max(swing, Math.abs(x[2 * n]!));
        }
        const change = energy(x.slice(0, n), x.slice(n, 2 * n)) - start;
        assert.ok(swing > 1e-3, `${name}: it moved`);
        // Errors of order h⁴ per unit of time; speeds of some 10 rad/s: (10 h)⁴ = 6e-10.
        allClose([change], [x[2 * n]!], { atol: 1e-7 * (1 + swing), what: name });
      }
    });

    test('dM/dt - 2 C is skew, with C half the derivative of C v by v', async () => {
      for (const { name, model } of await subjects(make)) {
        const { n } = model;
        const rng = new Rng(24);
        for (let i = 0; i < 10; i++) {
          const [q, v] = draw(rng, n);
          const zero = new Float64Array(n);
          const [dq, dv] = [nan(n * n), nan(n * n)];
          model.rneaDerivatives(q!, v!, zero, dq, dv);
          // M along q + s v: its derivative by s at 0 must be C + Cᵀ, for x (dM/dt - 2 C) x = 0 whatever x is.
          const along = (s: Float64Array, out: Float64Array): void => {
            model.massMatrix(
              q!.map((x, k) => x + s[0]! * v![k]!),
              out,
            );
          };
          const want = nan(n * n);
          for (let r = 0; r < n; r++) {
            for (let k = 0; k < n; k++) {
              const damping = r === k ? model.joints[r]!.damping : 0;
              want[r * n + k] = (dv[r * n + k]! + dv[k * n + r]!) / 2 - damping;
            }
          }
          isJacobian(along, new Float64Array(1), n * n, want, { h: 1e-3, what: `${name}, state ${i}` });
        }
      }
    });

    test('first derivatives of inverse and forward dynamics against differences', async () => {
      for (const { name, model } of await subjects(make, { frictionEps: 2, gravity: [1, -2, -9] })) {
        const { n } = model;
        const rng = new Rng(25);
        for (let i = 0; i < 5; i++) {
          const what = `${name}, state ${i}`;
          const [q, v, a, tau] = draw(rng, n);
          const [dq, dv, dtau, M, MM] = [nan(n * n), nan(n * n), nan(n * n), nan(n * n), nan(n * n)];
          model.rneaDerivatives(q!, v!, a!, dq, dv);
          isJacobian((x, out) => model.rnea(x, v!, a!, out), q!, n, dq, { what: `${what}, drnea/dq` });
          isJacobian((x, out) => model.rnea(q!, x, a!, out), v!, n, dv, { what: `${what}, drnea/dv` });
          model.massMatrix(q!, M);
          isJacobian((x, out) => model.rnea(q!, v!, x, out), a!, n, M, { what: `${what}, drnea/da` });
          model.forwardDerivatives(q!, v!, tau!, dq, dv, dtau);
          const rest = { h: 1e-3, noise: 1e-12 };
          const f = model.forward.bind(model);
          isJacobian((x, out) => f(x, v!, tau!, out), q!, n, dq, { ...rest, what: `${what}, da/dq` });
          isJacobian((x, out) => f(q!, x, tau!, out), v!, n, dv, { ...rest, what: `${what}, da/dv` });
          isJacobian((x, out) => f(q!, v!, x, out), tau!, n, dtau, { ...rest, what: `${what}, da/dtau` });
          for (let r = 0; r < n; r++) {
            for (let k = 0; k < n; k++) {
              MM[r * n + k] = 0;
              for (let l = 0; l < n; l++) MM[r * n + k]! += M[r * n + l]! * dtau[l * n + k]!;
            }
          }
          const unit = Array.from(MM, (_, k) => (k % (n + 1) === 0 ? 1 : 0));
          allClose(MM, unit, { atol: 1e-10, what: `${what}, M M⁻¹` });
        }
      }
    });

    test('second derivatives of forward dynamics against differences of the first; they are symmetric', async () => {
      for (const { name, model } of await subjects(make, { frictionEps: 2, gravity: [1, -2, -9] })) {
        const { n } = model;
        const m = 3 * n;
        const rng = new Rng(26);
        for (let i = 0; i < 3; i++) {
          const [q, v, , tau, w] = draw(rng, n);
          const H = nan(m * m);
          model.forwardHessian(q!, v!, tau!, w!, H);
          const largest = H.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
          for (let r = 0; r < m; r++) {
            for (let k = 0; k < r; k++) {
              const gap = Math.abs(H[r * m + k]! - H[k * m + r]!);
              assert.ok(gap <= 1e-12 * largest, `${name}: [${r}, ${k}] is off its mirror by ${gap}`);
            }
          }
          const [dq, dv, dtau] = [nan(n * n), nan(n * n), nan(n * n)];
          const gradient = (z: Float64Array, out: Float64Array): void => {
            model.forwardDerivatives(z.slice(0, n), z.slice(n, 2 * n), z.slice(2 * n), dq, dv, dtau);
            out.fill(0);
            for (let k = 0; k < n; k++) {
              for (let j = 0; j < n; j++) {
                out[j]! += w![k]! * dq[k * n + j]!;
                out[n + j]! += w![k]! * dv[k * n + j]!;
                out[2 * n + j]! += w![k]! * dtau[k * n + j]!;
              }
            }
          };
          const z = Float64Array.from([...q!, ...v!, ...tau!]);
          isJacobian(gradient, z, m, H, { h: 1e-3, noise: 1e-12, what: `${name}, state ${i}` });
        }
      }
    });

    test('inputs stay as they are, and outputs do not depend on what ran before', async () => {
      const model = await make(dynamicTree(readTree(PANDA7)));
      const inputs = draw(new Rng(27), 7);
      const [q, v, a, tau, w] = inputs;
      const kept = inputs.map((x) => x.slice());
      const first = run(model, q!, v!, a!, tau!, w!);
      run(model, w!, a!, v!, q!, tau!);
      const again = run(model, q!, v!, a!, tau!, w!);
      assert.deepEqual(inputs, kept);
      assert.deepEqual(again, first);
    });
  });
}

/** Everything that a model computes. */
function run(
  model: DynamicsModel,
  q: Float64Array,
  v: Float64Array,
  a: Float64Array,
  tau: Float64Array,
  w: Float64Array,
): Float64Array[] {
  const n = model.n;
  const out = [7, 6 * n, n, n, n * n, n, n, n * n, n * n, n * n, n * n, n * n, 9 * n * n].map(nan);
  let next = 0;
  const take = (): Float64Array => out[next++]!;
  model.pose(q, model.frame('link7'), take());
  model.jacobian(q, model.frame('link7'), take());
  model.rnea(q, v, a, take());
  model.forward(q, v, tau, take());
  model.massMatrix(q, take());
  model.gravity(q, take());
  model.coriolis(q, v, take());
  model.rneaDerivatives(q, v, a, take(), take());
  model.forwardDerivatives(q, v, tau, take(), take(), take());
  model.forwardHessian(q, v, tau, w, take());
  for (const x of out) assert.ok(x.every(Number.isFinite), 'everything is written');
  return out;
}
