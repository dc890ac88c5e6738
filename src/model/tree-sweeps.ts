/**
 * The sweeps that all of dynamics is put together from, over a tree in plain loops, everything in the base frame about
 * its origin (see spatial.ts). Slot 0 of every array is the base, slot i + 1 link i.
 *
 * J_i motion of link i per unit of its degree of freedom; v_i = v_p + J_i qd; a_i = a_p + J_i qdd + (v_p × J_i) qd;
 * a_0 = -gravity; f_i = I_i a_i + v_i ×* I_i v_i.
 */
import {
  addCrossForce,
  addInertia,
  BIAS,
  biasMatrix,
  clear6,
  crossMotion,
  INERTIA,
  placeInertia,
  SPATIAL,
} from '../math/spatial.ts';
import type { DynamicTree } from './dynamics.ts';

export class Sweeps {
  readonly n: number;
  /** Number of slots: links + 1. */
  readonly slots: number;
  /** Per slot: slot of the parent, degree of freedom. */
  readonly parent: Int32Array;
  readonly dof: Int32Array;

  /** What the tree says: where links stand at 0, how joints follow, and what bodies weigh. */
  readonly #revolute: Uint8Array;
  readonly #scale: Float64Array;
  readonly #offset: Float64Array;
  readonly #rotation0: Float64Array;
  readonly #position0: Float64Array;
  readonly #body: Float64Array;
  readonly #gravity: readonly number[];

  /** Per slot: rotation (9) and origin (3) in the base, J, v, v_p × J, a, f. */
  readonly rotation: Float64Array;
  readonly position: Float64Array;
  readonly J: Float64Array;
  readonly v: Float64Array;
  readonly vJ: Float64Array;
  readonly a: Float64Array;
  readonly f: Float64Array;
  /** Inertia of the link; after `sum`, of all that it carries. */
  readonly I: Float64Array;
  /** B(v) of the link; after `sum`, of all that it carries. */
  readonly B: Float64Array;
  readonly #momentum = new Float64Array(SPATIAL);

  constructor(tree: DynamicTree) {
    const { links } = tree;
    const slots = links.length + 1;
    this.n = tree.joints.length;
    this.slots = slots;
    this.parent = Int32Array.from([-1, ...links.map((l) => l.parent + 1)]);
    this.dof = Int32Array.from([-1, ...links.map((l) => l.dof)]);
    this.#revolute = Uint8Array.from([0, ...links.map((l) => (l.type === 'revolute' ? 1 : 0))]);
    this.#scale = Float64Array.from([0, ...links.map((l) => l.scale)]);
    this.#offset = Float64Array.from([0, ...links.map((l) => l.offset)]);
    const unit = [1, 0, 0, 0, 1, 0, 0, 0, 1];
    this.#rotation0 = Float64Array.from([...unit, ...links.flatMap((l) => [...l.rotation])]);
    this.#position0 = Float64Array.from([0, 0, 0, ...links.flatMap((l) => [...l.position])]);
    this.#body = new Float64Array(INERTIA * slots);
    links.forEach((l, i) => {
      this.#body.set([l.mass, ...l.com, ...l.inertia], INERTIA * (i + 1));
    });
    this.#gravity = tree.gravity;
    this.rotation = new Float64Array(9 * slots);
    this.rotation.set(unit);
    this.position = new Float64Array(3 * slots);
    this.J = new Float64Array(SPATIAL * slots);
    this.v = new Float64Array(SPATIAL * slots);
    this.vJ = new Float64Array(SPATIAL * slots);
    this.a = new Float64Array(SPATIAL * slots);
    this.f = new Float64Array(SPATIAL * slots);
    this.I = new Float64Array(INERTIA * slots);
    this.B = new Float64Array(BIAS * slots);
  }

  /** Rotations, origins and J of all links. */
  place(q: Float64Array): void {
    for (let s = 1; s < this.slots; s++) this.placeOne(q, s);
  }

  /** The same for one slot, whose parent is placed. */
  placeOne(q: Float64Array, s: number): void {
    const { rotation: R, position: p, J } = this;
    const at = 9 * s;
    const up = 9 * this.parent[s]!;
    const R0 = this.#rotation0;
    const p0 = this.#position0;
    for (let r = 0; r < 3; r++) {
      const a = R[up + 3 * r]!;
      const b = R[up + 3 * r + 1]!;
      const c = R[up + 3 * r + 2]!;
      for (let k = 0; k < 3; k++)
        R[at + 3 * r + k] = a * R0[at + k]! + b * R0[at + 3 + k]! + c * R0[at + 6 + k]!;
      p[3 * s + r] = p[up / 3 + r]! + a * p0[3 * s]! + b * p0[3 * s + 1]! + c * p0[3 * s + 2]!;
    }
    const scale = this.#scale[s]!;
    const value = scale * q[this.dof[s]!]! + this.#offset[s]!;
    const zx = R[at + 2]!;
    const zy = R[at + 5]!;
    const zz = R[at + 8]!;
    const j = SPATIAL * s;
    if (this.#revolute[s] === 1) {
      const cos = Math.cos(value);
      const sin = Math.sin(value);
      for (let r = 0; r < 3; r++) {
        const x = R[at + 3 * r]!;
        const y = R[at + 3 * r + 1]!;
        R[at + 3 * r] = x * cos + y * sin;
        R[at + 3 * r + 1] = y * cos - x * sin;
      }
      const px = p[3 * s]!;
      const py = p[3 * s + 1]!;
      const pz = p[3 * s + 2]!;
      // The body point at the base's origin moves with p × w.
      J[j] = scale * (py * zz - pz * zy);
      J[j + 1] = scale * (pz * zx - px * zz);
      J[j + 2] = scale * (px * zy - py * zx);
      J[j + 3] = scale * zx;
      J[j + 4] = scale * zy;
      J[j + 5] = scale * zz;
    } else {
      p[3 * s]! += zx * value;
      p[3 * s + 1]! += zy * value;
      p[3 * s + 2]! += zz * value;
      J[j] = scale * zx;
      J[j + 1] = scale * zy;
      J[j + 2] = scale * zz;
      J[j + 3] = 0;
      J[j + 4] = 0;
      J[j + 5] = 0;
    }
  }

  /** v and v_p × J. Needs `place`. */
  velocities(qd: Float64Array): void {
    const { J, v, vJ } = this;
    for (let s = 1; s < this.slots; s++) {
      const at = SPATIAL * s;
      const up = SPATIAL * this.parent[s]!;
      crossMotion(vJ, at, v, up, J, at);
      const x = qd[this.dof[s]!]!;
      for (let i = 0; i < 6; i++) v[at + i] = v[up + i]! + J[at + i]! * x;
    }
  }

  /** a, of a base that accelerates against gravity. Needs `velocities`. */
  accelerations(qd: Float64Array, qdd: Float64Array): void {
    for (let i = 0; i < 3; i++) this.a[i] = -this.#gravity[i]!;
    this.#accelerate(qd, qdd);
  }

  /** The same without gravity. */
  accelerationsAfloat(qd: Float64Array, qdd: Float64Array): void {
    for (let i = 0; i < 3; i++) this.a[i] = 0;
    this.#accelerate(qd, qdd);
  }

  #accelerate(qd: Float64Array, qdd: Float64Array): void {
    const { J, a, vJ } = this;
    for (let s = 1; s < this.slots; s++) {
      const at = SPATIAL * s;
      const up = SPATIAL * this.parent[s]!;
      const x = qd[this.dof[s]!]!;
      const y = qdd[this.dof[s]!]!;
      for (let i = 0; i < 6; i++) a[at + i] = a[up + i]! + J[at + i]! * y + vJ[at + i]! * x;
    }
  }

  /** I of each link by itself. Needs `place`. */
  inertias(): void {
    for (let s = 1; s < this.slots; s++) {
      placeInertia(this.I, INERTIA * s, this.#body, INERTIA * s, this.rotation, 9 * s, this.position, 3 * s);
    }
  }

  /** f of each link by itself. Needs `accelerations` and `inertias`. */
  forces(): void {
    const { I, v, a, f } = this;
    const h = this.#momentum;
    for (let s = 1; s < this.slots; s++) {
      const at = SPATIAL * s;
      clear6(f, at);
      clear6(h, 0);
      addInertia(f, at, I, INERTIA * s, a, at);
      addInertia(h, 0, I, INERTIA * s, v, at);
      addCrossForce(f, at, v, at, h, 0);
    }
  }

  /** B(v) of each link by itself. Needs `velocities` and `inertias`. */
  biases(): void {
    for (let s = 1; s < this.slots; s++) {
      biasMatrix(this.B, BIAS * s, this.I, INERTIA * s, this.v, SPATIAL * s);
    }
  }

  /** Adds what each slot of `x` holds (`size` values) to its parent's, from the leaves on. */
  sum(x: Float64Array, size: number): void {
    for (let s = this.slots - 1; s > 0; s--) {
      const at = size * s;
      const up = size * this.parent[s]!;
      if (up === 0) continue; // What the base carries is never asked.
      for (let i = 0; i < size; i++) x[up + i]! += x[at + i]!;
    }
  }
}
