/**
 * @limit 240
 * Dynamics of 200 seeded random trees, read from MJCF and from URDF, at 100 random states each, against Pinocchio and
 * MuJoCo: kinematics, Jacobians, inverse and forward dynamics, mass matrix, derivatives (Pinocchio's).
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { symmetricEigen } from '../../src/math/linalg.ts';
import { Rng } from '../../src/math/rng.ts';
import { dynamicTree } from '../../src/model/dynamic-tree.ts';
import type { DynamicsModel, DynamicTree } from '../../src/model/dynamics.ts';
import { readTree } from '../../src/model/load.ts';
import { packageRoot } from '../../src/root.ts';
import { FORMS } from '../support/dynamics-forms.ts';
import { findPython } from '../support/python.ts';
import { type RandomTree, randomTree } from '../support/random-tree.ts';

const TREES = 200;
const STATES = 100;
const SEED = 11;
const EPS = Number.EPSILON;
/**
 * What each tolerance allows for the constants of rounding analysis: sums over some 100 terms in either program, and as
 * much again for generated code, which turns frames once more to make them sparse.
 */
const FACTOR = 128;

const peer = findPython(['pinocchio', 'mujoco', 'numpy']);
const folder = mkdtempSync(join(tmpdir(), 'armloop-dynamics-'));
after(() => rmSync(folder, { recursive: true }));

interface Case {
  readonly tree: RandomTree;
  /** q, v, a, tau per state. */
  readonly states: Float64Array;
  /** Results of the peers (see dynamics_peer.py). */
  results: Float64Array;
}
const cases: Case[] = [];

function size({ joints, bodies }: RandomTree): number {
  const n = joints.length;
  return 2 * bodies.length * (7 + 6 * n) + 2 * 2 * n + 7 * n * n;
}

before(() => {
  if (peer.skip) return;
  const rng = new Rng(SEED);
  for (let t = 0; t < TREES; t++) {
    const tree = randomTree(rng);
    const states = new Float64Array(STATES * 4 * tree.joints.length);
    for (let i = 0, at = 0; i < STATES; i++) {
      for (const [low, high] of [
        [-3, 3],
        [-3, 3],
        [-10, 10],
        [-30, 30],
      ] as const) {
        for (let k = 0; k < tree.joints.length; k++) states[at++] = rng.uniform(low, high);
      }
    }
    cases.push({ tree, states, results: new Float64Array(0) });
  }
  const [spec, input, output] = ['spec.json', 'states.bin', 'results.bin'].map((f) => join(folder, f));
  writeFileSync(spec!, JSON.stringify({ states: STATES, trees: cases.map((c) => c.tree) }));
  writeFileSync(input!, Buffer.concat(cases.map((c) => Buffer.from(c.states.buffer))));
  const script = join(packageRoot(), 'test', 'interop', 'dynamics_peer.py');
  execFileSync(peer.python, [script, spec!, input!, output!], { encoding: 'utf8', cwd: folder });
  const bytes = readFileSync(output!);
  const all = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
  let at = 0;
  for (const c of cases) {
    const length = STATES * size(c.tree);
    c.results = all.subarray(at, at + length);
    at += length;
  }
  assert.equal(at, all.length, 'the peer wrote what was agreed');
});

/** Largest excess over a tolerance seen, as a share of it, by quantity. */
class Worst {
  readonly seen = new Map<string, number>();

  check(
    what: string,
    got: ArrayLike<number>,
    want: ArrayLike<number>,
    tolerance: number,
    where: string,
  ): void {
    assert.equal(got.length, want.length);
    let worst = 0;
    for (let i = 0; i < want.length; i++) {
      const error = Math.abs(got[i]! - want[i]!);
      worst = error <= worst ? worst : error; // NaN stays
      if (!(error <= tolerance)) {
        assert.fail(
          `${what}[${i}] is ${got[i]}, wanted ${want[i]}: off by ${error}, allowed ${tolerance}; ${where}`,
        );
      }
    }
    this.seen.set(what, Math.max(this.seen.get(what) ?? 0, worst / tolerance));
  }
}

const sup = (x: ArrayLike<number>): number => {
  let most = 0;
  for (let i = 0; i < x.length; i++) most = Math.max(most, Math.abs(x[i]!));
  return most;
};

/** Takes the next numbers of a record. */
function reader(record: Float64Array): (count: number) => Float64Array {
  let at = 0;
  return (count) => {
    at += count;
    return record.subarray(at - count, at);
  };
}

/**
 * Tolerances: FACTOR · ε times the scale of what is summed up, in the base frame about its origin. With r the farthest
 * body (at least 1 m), I = mass · r² + armature the scale of M; T = I (Σ|a| + (Σ|v|)² + g) + D |v| that of efforts;
 * V = 2 I Σ|v| + D that of drnea/dv; b = T without a, with tau. Rounding of M is amplified by I/λ, λ the smallest
 * eigenvalue of M, which is cond(M) but for the reach of the base: forward dynamics (I/λ)·|a| + b/λ, its derivatives
 * (I/λ)·(drnea/λ), and by q another I/λ times the error of a.
 */
function compare(
  form: string,
  c: Case,
  tree: DynamicTree,
  model: DynamicsModel,
  worst: Worst,
  source: string,
): void {
  const { joints, bodies } = c.tree;
  const n = joints.length;
  const order = model.joints.map((j) => joints.findIndex((o) => o.name === j.name));
  const nan = (count: number): Float64Array => new Float64Array(count).fill(Number.NaN);
  /** From the peers' joint order to the model's. */
  const vector = (x: Float64Array): Float64Array => Float64Array.from(order, (k) => x[k]!);
  const columns = (x: Float64Array): Float64Array => x.map((_, i) => x[i - (i % n) + order[i % n]!]!);
  const matrix = (x: Float64Array): Float64Array => {
    const sorted = columns(x);
    return sorted.map((_, i) => sorted[order[Math.floor(i / n)]! * n + (i % n)]!);
  };
  // URDF has no reference values: its joints count from where the body is placed.
  const mass = tree.links.reduce((sum, l) => sum + l.mass, 0);
  const armature = Math.max(...tree.joints.map((j) => j.armature));
  const damping = Math.max(...tree.joints.map((j) => j.damping));
  const refs = order.map((k) => (source === 'urdf' ? joints[k]!.ref : 0));
  const length = size(c.tree);
  const frames = bodies.map((b) => model.frame(b));
  const [pose, jacobian, tau, a, M] = [nan(7), nan(6 * n), nan(n), nan(n), nan(n * n)];
  const [rq, rv, fq, fv, ft] = [nan(n * n), nan(n * n), nan(n * n), nan(n * n), nan(n * n)];
  const eigen = new Float64Array(n);
  for (let i = 0; i < STATES; i++) {
    const where = `${form}, ${source}, seed ${SEED}, tree ${cases.indexOf(c)}, state ${i}`;
    const state = reader(c.states.subarray(i * 4 * n, (i + 1) * 4 * n));
    const [q, v, qdd, effort] = [vector(state(n)), vector(state(n)), vector(state(n)), vector(state(n))];
    refs.forEach((ref, k) => {
      q[k]! -= ref;
    });
    model.rnea(q, v, qdd, tau);
    model.forward(q, v, effort, a);
    model.massMatrix(q, M);
    model.rneaDerivatives(q, v, qdd, rq, rv);
    model.forwardDerivatives(q, v, effort, fq, fv, ft);
    symmetricEigen(M.slice(), n, eigen, null);
    const least = Math.min(...eigen);
    const total = (x: Float64Array): number => x.reduce((sum, y) => sum + Math.abs(y), 0);
    let r = 1;
    for (const frame of frames) {
      model.pose(q, frame, pose);
      r = Math.max(r, Math.hypot(pose[0]!, pose[1]!, pose[2]!));
    }
    const I = mass * r * r + armature;
    const T = I * (total(qdd) + total(v) ** 2 + 10) + damping * sup(v);
    const b = I * (total(v) ** 2 + 10) + damping * sup(v) + sup(effort);
    const V = 2 * I * total(v) + damping;
    const A = (I / least) * sup(a) + b / least;
    const peers = reader(c.results.subarray(i * length, (i + 1) * length));
    const geometry = (name: string): void => {
      frames.forEach((frame) => {
        const [wantPose, wantJacobian] = [peers(7), columns(peers(6 * n))];
        model.pose(q, frame, pose);
        if (
          pose[6]! * wantPose[6]! +
            pose[3]! * wantPose[3]! +
            pose[4]! * wantPose[4]! +
            pose[5]! * wantPose[5]! <
          0
        ) {
          for (let k = 3; k < 7; k++) pose[k] = -pose[k]!;
        }
        model.jacobian(q, frame, jacobian);
        worst.check(`${name} pose`, pose, wantPose, FACTOR * EPS * r, where);
        worst.check(`${name} Jacobian`, jacobian, wantJacobian, FACTOR * EPS * r, where);
      });
    };
    geometry('Pinocchio');
    const check = (what: string, got: Float64Array, want: Float64Array, scale: number): void =>
      worst.check(what, got, want, FACTOR * EPS * scale, where);
    check('Pinocchio rnea', tau, vector(peers(n)), T);
    check('Pinocchio forward', a, vector(peers(n)), A);
    check('Pinocchio M', M, matrix(peers(n * n)), I);
    check('Pinocchio drnea/dq', rq, matrix(peers(n * n)), T);
    check('Pinocchio drnea/dv', rv, matrix(peers(n * n)), V);
    check(
      'Pinocchio dforward/dq',
      fq,
      matrix(peers(n * n)),
      ((I / least) * (I * total(a) + b)) / least + (I / least) * A,
    );
    check('Pinocchio dforward/dv', fv, matrix(peers(n * n)), (I / least) * (V / least));
    check('Pinocchio dforward/dtau', ft, matrix(peers(n * n)), I / least / least);
    geometry('MuJoCo');
    check('MuJoCo rnea', tau, vector(peers(n)), T);
    check('MuJoCo forward', a, vector(peers(n)), A);
    check('MuJoCo M', M, matrix(peers(n * n)), I);
  }
}

describe('dynamics of random trees against Pinocchio and MuJoCo', { skip: peer.skip }, () => {
  for (const [form, make] of FORMS) {
    test(form, async (t) => {
      const worst = new Worst();
      let joints = 0;
      for (const [index, c] of cases.entries()) {
        const files = (['mjcf', 'urdf'] as const).map((kind) => {
          const file = join(folder, `${index}.${kind}`);
          writeFileSync(file, c.tree[kind]);
          return dynamicTree(readTree(file));
        });
        const [mjcf, urdf] = files;
        joints += c.tree.joints.length;
        compare(form, c, mjcf!, await make(mjcf!), worst, 'mjcf');
        // URDF has no armature: it gets that of the other file.
        const armed = urdf!.joints.map((j) => ({
          ...j,
          armature: mjcf!.joints.find((o) => o.name === j.name)!.armature,
        }));
        const both = { ...urdf!, joints: armed };
        compare(form, c, both, await make(both), worst, 'urdf');
      }
      for (const [what, share] of worst.seen)
        t.diagnostic(`${what}: ${share.toPrecision(2)} of the tolerance`);
      assert.equal(cases.length, TREES);
      assert.ok(joints > 3 * TREES, `${joints} joints in ${TREES} trees`);
      assert.equal(worst.seen.size, 15);
    });
  }
});
