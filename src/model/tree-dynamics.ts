/**
 * Dynamics of a tree in plain loops: the readable form that generated code is checked against, and the one to use where
 * speed does not matter. Forward dynamics is M⁻¹ (tau - bias) by composite inertias and Cholesky (Featherstone 2008,
 * ch. 6), which serves joints that follow others too; derivatives are closed form (tree-derivatives.ts).
 */
import { ArmloopError } from '../errors.ts';
import { cholesky, choleskySolve } from '../math/linalg.ts';
import { quatFromMatrix } from '../math/quat.ts';
import { addDot6, addInertia, clear6, INERTIA, SPATIAL } from '../math/spatial.ts';
import type { DynamicsJoint, DynamicsModel, DynamicTree } from './dynamics.ts';
import { TreeDerivatives } from './tree-derivatives.ts';
import { Sweeps } from './tree-sweeps.ts';

export class TreeDynamics implements DynamicsModel {
  readonly n: number;
  readonly joints: readonly DynamicsJoint[];

  readonly #file: string;
  readonly #sweeps: Sweeps;
  readonly #derivatives: TreeDerivatives;
  readonly #frames = new Map<string, number>();
  /** Per frame: the slots from the base to its link, and its rotation and position there. */
  readonly #chains: readonly Int32Array[];
  readonly #rotation: Float64Array;
  readonly #position: Float64Array;
  readonly #armature: Float64Array;
  readonly #damping: Float64Array;
  /** Coulomb friction, 0 when it is left out, and the speed over which it changes sign. */
  readonly #friction: Float64Array;
  readonly #eps: number;

  readonly #zero: Float64Array;
  readonly #bias: Float64Array;
  readonly #acceleration: Float64Array;
  readonly #lambda: Float64Array;
  readonly #factor: Float64Array;
  /** Scratch matrices, n × n. */
  readonly #dq: Float64Array;
  readonly #dv: Float64Array;
  readonly #inverse: Float64Array;
  readonly #qq: Float64Array;
  readonly #qv: Float64Array;
  readonly #vv: Float64Array;
  readonly #qa: Float64Array;
  readonly #force = new Float64Array(SPATIAL);
  readonly #matrix = new Float64Array(9);
  readonly #point = new Float64Array(3);

  constructor(tree: DynamicTree) {
    const n = tree.joints.length;
    this.n = n;
    this.joints = tree.joints;
    this.#file = tree.file;
    this.#sweeps = new Sweeps(tree);
    this.#derivatives = new TreeDerivatives(this.#sweeps);
    tree.frames.forEach((f, i) => {
      this.#frames.set(f.name, i);
    });
    this.#chains = tree.frames.map((f) => {
      const chain: number[] = [];
      for (let s = f.link + 1; s > 0; s = this.#sweeps.parent[s]!) chain.unshift(s);
      return Int32Array.from(chain);
    });
    this.#rotation = Float64Array.from(tree.frames.flatMap((f) => [...f.rotation]));
    this.#position = Float64Array.from(tree.frames.flatMap((f) => [...f.position]));
    this.#armature = Float64Array.from(tree.joints, (j) => j.armature);
    this.#damping = Float64Array.from(tree.joints, (j) => j.damping);
    this.#friction = Float64Array.from(tree.joints, (j) => (tree.frictionEps === null ? 0 : j.frictionloss));
    this.#eps = tree.frictionEps ?? 1;
    const vector = (): Float64Array => new Float64Array(n);
    const matrix = (): Float64Array => new Float64Array(n * n);
    this.#zero = vector();
    this.#bias = vector();
    this.#acceleration = vector();
    this.#lambda = vector();
    this.#factor = matrix();
    this.#dq = matrix();
    this.#dv = matrix();
    this.#inverse = matrix();
    this.#qq = matrix();
    this.#qv = matrix();
    this.#vv = matrix();
    this.#qa = matrix();
  }

  frame(name: string): number {
    const index = this.#frames.get(name);
    if (index === undefined) {
      const known = [...this.#frames.keys()].join(', ');
      throw new ArmloopError('MODEL_UNKNOWN_FRAME', { frame: name, file: this.#file, known });
    }
    return index;
  }

  pose(q: Float64Array, frame: number, out: Float64Array): void {
    const s = this.#sweeps;
    this.#placeFrame(q, frame);
    const chain = this.#chains[frame]!;
    const at = 9 * (chain.length === 0 ? 0 : chain[chain.length - 1]!);
    const m = this.#matrix;
    for (let r = 0; r < 3; r++) {
      out[r] = this.#point[r]!;
      for (let k = 0; k < 3; k++) {
        let sum = 0;
        for (let i = 0; i < 3; i++)
          sum += s.rotation[at + 3 * r + i]! * this.#rotation[9 * frame + 3 * i + k]!;
        m[3 * r + k] = sum;
      }
    }
    quatFromMatrix(out, 3, m, 0);
    if (out[6]! < 0) for (let i = 3; i < 7; i++) out[i] = -out[i]!;
  }

  jacobian(q: Float64Array, frame: number, out: Float64Array): void {
    const { n } = this;
    const { J, dof } = this.#sweeps;
    this.#placeFrame(q, frame);
    const px = this.#point[0]!;
    const py = this.#point[1]!;
    const pz = this.#point[2]!;
    for (let i = 0; i < 6 * n; i++) out[i] = 0;
    const chain = this.#chains[frame]!;
    for (let c = 0; c < chain.length; c++) {
      const at = SPATIAL * chain[c]!;
      const k = dof[chain[c]!]!;
      const wx = J[at + 3]!;
      const wy = J[at + 4]!;
      const wz = J[at + 5]!;
      // From the base's origin to the frame's: v + w × p.
      out[k]! += J[at]! + wy * pz - wz * py;
      out[n + k]! += J[at + 1]! + wz * px - wx * pz;
      out[2 * n + k]! += J[at + 2]! + wx * py - wy * px;
      out[3 * n + k]! += wx;
      out[4 * n + k]! += wy;
      out[5 * n + k]! += wz;
    }
  }

  /** Places the links up to a frame, and its origin in `#point`. */
  #placeFrame(q: Float64Array, frame: number): void {
    const s = this.#sweeps;
    const chain = this.#chains[frame]!;
    for (let c = 0; c < chain.length; c++) s.placeOne(q, chain[c]!);
    const slot = chain.length === 0 ? 0 : chain[chain.length - 1]!;
    for (let r = 0; r < 3; r++) {
      let sum = s.position[3 * slot + r]!;
      for (let k = 0; k < 3; k++) sum += s.rotation[9 * slot + 3 * r + k]! * this.#position[3 * frame + k]!;
      this.#point[r] = sum;
    }
  }

  rnea(q: Float64Array, v: Float64Array, a: Float64Array, out: Float64Array): void {
    const s = this.#sweeps;
    s.place(q);
    s.inertias();
    s.velocities(v);
    s.accelerations(v, a);
    this.#efforts(out);
    for (let k = 0; k < this.n; k++) {
      out[k]! += this.#armature[k]! * a[k]! + this.#damping[k]! * v[k]!;
      if (this.#friction[k]! !== 0) out[k]! += this.#friction[k]! * Math.tanh(v[k]! / this.#eps);
    }
  }

  gravity(q: Float64Array, out: Float64Array): void {
    const s = this.#sweeps;
    s.place(q);
    s.inertias();
    s.velocities(this.#zero);
    s.accelerations(this.#zero, this.#zero);
    this.#efforts(out);
  }

  coriolis(q: Float64Array, v: Float64Array, out: Float64Array): void {
    const s = this.#sweeps;
    s.place(q);
    s.inertias();
    s.velocities(v);
    s.accelerationsAfloat(v, this.#zero);
    this.#efforts(out);
  }

  /** What the joints must give for the forces that the links need. */
  #efforts(out: Float64Array): void {
    const s = this.#sweeps;
    s.forces();
    s.sum(s.f, SPATIAL);
    for (let k = 0; k < this.n; k++) out[k] = 0;
    for (let i = 1; i < s.slots; i++) addDot6(out, s.dof[i]!, s.J, SPATIAL * i, s.f, SPATIAL * i);
  }

  massMatrix(q: Float64Array, out: Float64Array): void {
    const s = this.#sweeps;
    s.place(q);
    s.inertias();
    s.sum(s.I, INERTIA);
    this.#mass(out);
  }

  /** M from composite inertias. */
  #mass(out: Float64Array): void {
    const { n } = this;
    const s = this.#sweeps;
    const force = this.#force;
    for (let i = 0; i < n * n; i++) out[i] = 0;
    for (let l = 1; l < s.slots; l++) {
      const own = s.dof[l]!;
      clear6(force, 0);
      addInertia(force, 0, s.I, INERTIA * l, s.J, SPATIAL * l);
      addDot6(out, own * n + own, s.J, SPATIAL * l, force, 0);
      for (let k = s.parent[l]!; k > 0; k = s.parent[k]!) {
        addDot6(out, s.dof[k]! * n + own, s.J, SPATIAL * k, force, 0);
        addDot6(out, own * n + s.dof[k]!, s.J, SPATIAL * k, force, 0);
      }
    }
    for (let k = 0; k < n; k++) out[k * n + k]! += this.#armature[k]!;
  }

  forward(q: Float64Array, v: Float64Array, tau: Float64Array, out: Float64Array): void {
    this.rnea(q, v, this.#zero, this.#bias);
    const s = this.#sweeps;
    s.sum(s.I, INERTIA);
    this.#mass(this.#factor);
    const positive = cholesky(this.#factor, this.n);
    for (let k = 0; k < this.n; k++) out[k] = positive ? tau[k]! - this.#bias[k]! : Number.NaN;
    choleskySolve(this.#factor, this.n, out, out);
  }

  rneaDerivatives(
    q: Float64Array,
    v: Float64Array,
    a: Float64Array,
    dq: Float64Array,
    dv: Float64Array,
  ): void {
    const s = this.#sweeps;
    s.place(q);
    s.inertias();
    s.velocities(v);
    s.accelerations(v, a);
    this.#derivatives.first(dq, dv);
    this.#dissipation(v, dv);
  }

  /** Adds d/dv of damping and friction. */
  #dissipation(v: Float64Array, dv: Float64Array): void {
    for (let k = 0; k < this.n; k++) {
      const at = k * this.n + k;
      dv[at]! += this.#damping[k]!;
      if (this.#friction[k]! === 0) continue;
      const t = Math.tanh(v[k]! / this.#eps);
      dv[at]! += (this.#friction[k]! / this.#eps) * (1 - t * t);
    }
  }

  forwardDerivatives(
    q: Float64Array,
    v: Float64Array,
    tau: Float64Array,
    dq: Float64Array,
    dv: Float64Array,
    dtau: Float64Array,
  ): void {
    const { n } = this;
    this.forward(q, v, tau, this.#acceleration); // leaves the factor of M
    this.rneaDerivatives(q, v, this.#acceleration, this.#dq, this.#dv);
    for (let j = 0; j < n; j++) {
      for (let i = 0; i < n; i++) this.#lambda[i] = i === j ? 1 : 0;
      choleskySolve(this.#factor, n, this.#lambda, this.#lambda);
      for (let i = 0; i < n; i++) dtau[i * n + j] = this.#lambda[i]!;
    }
    for (let j = 0; j < n; j++) {
      this.#solveColumn(this.#dq, j, dq);
      this.#solveColumn(this.#dv, j, dv);
    }
  }

  /** Column j of out = -M⁻¹ · column j of x. */
  #solveColumn(x: Float64Array, j: number, out: Float64Array): void {
    const { n } = this;
    for (let i = 0; i < n; i++) this.#lambda[i] = -x[i * n + j]!;
    choleskySolve(this.#factor, n, this.#lambda, this.#lambda);
    for (let i = 0; i < n; i++) out[i * n + j] = this.#lambda[i]!;
  }

  /**
   * From rnea(q, v, a(z)) = tau, with lambda = M⁻¹ w and L = lambda · rnea: H = -(L_zz + L_za A + Aᵀ L_az), A = da/dz;
   * L is linear in a, and L_va = 0.
   */
  forwardHessian(
    q: Float64Array,
    v: Float64Array,
    tau: Float64Array,
    w: Float64Array,
    out: Float64Array,
  ): void {
    const { n } = this;
    const m = 3 * n;
    const s = this.#sweeps;
    this.forwardDerivatives(q, v, tau, this.#qq, this.#vv, this.#inverse);
    for (let i = 0; i < n * n; i++) {
      this.#dq[i] = this.#qq[i]!;
      this.#dv[i] = this.#vv[i]!;
    }
    choleskySolve(this.#factor, n, w, this.#lambda);
    s.inertias(); // they were summed
    this.#derivatives.second(this.#lambda, this.#qq, this.#qv, this.#vv, this.#qa);
    for (let k = 0; k < n; k++) {
      if (this.#friction[k]! === 0) continue;
      const t = Math.tanh(v[k]! / this.#eps);
      this.#vv[k * n + k]! -=
        this.#lambda[k]! * (this.#friction[k]! / (this.#eps * this.#eps)) * 2 * t * (1 - t * t);
    }
    for (let i = 0; i < m * m; i++) out[i] = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        out[i * m + j] = -this.#qq[i * n + j]!;
        out[i * m + n + j] = -this.#qv[i * n + j]!;
        out[(n + j) * m + i] = -this.#qv[i * n + j]!;
        out[(n + i) * m + n + j] = -this.#vv[i * n + j]!;
      }
    }
    this.#couple(this.#dq, 0, out);
    this.#couple(this.#dv, n, out);
    this.#couple(this.#inverse, 2 * n, out);
  }

  /** out -= L_qa A + its transpose, for the block A of da/dz whose columns start at `from`. */
  #couple(A: Float64Array, from: number, out: Float64Array): void {
    const { n } = this;
    const m = 3 * n;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let k = 0; k < n; k++) sum += this.#qa[i * n + k]! * A[k * n + j]!;
        out[i * m + from + j]! -= sum;
        out[(from + j) * m + i]! -= sum;
      }
    }
  }
}
