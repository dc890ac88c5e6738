/**
 * First and second derivatives of inverse dynamics in closed form, O(links × depth).
 *
 * Turning joint k by a little moves all that it carries rigidly by J_k. Seen from there, what comes from the parent p
 * turns back: v by v_p × J_k, a by alpha_k = a_p × J_k + v_p × (v_p × J_k), u by u_p × J_k. A speed of joint k adds J_k
 * to v and beta_k = 2 v_p × J_k to a, seen the same way. With I, B, F summed over all that a link carries (B: biasMatrix
 * of spatial.ts), k being m or carried by m:
 *
 *   dtau_m/dq_k = J_m · X_k,  X_k = J_k ×* F_k + I_k alpha_k + B_kᵀ (v_p × J_k)
 *   dtau_m/dv_k = J_m · Y_k,  Y_k = B_kᵀ J_k + I_k beta_k
 *   dtau_k/dq_m = (I_k J_k) · alpha_m + (B_k J_k) · (v_p × J_m)
 *   dtau_k/dv_m = (I_k J_k) · beta_m + (B_k J_k) · J_m
 *
 * (Carpentier & Mansard 2018; Singh, Russell & Wensing 2022, whose second derivatives the rest follows.)
 */
import {
  addBias,
  addBiasTransposed,
  addCrossForce,
  addCrossMotion,
  addDot6,
  addInertia,
  BIAS,
  biasMatrix,
  clear6,
  crossMotion,
  INERTIA,
  SPATIAL,
} from '../math/spatial.ts';
import type { Sweeps } from './tree-sweeps.ts';

export class TreeDerivatives {
  readonly #s: Sweeps;
  /** Per slot: alpha, beta, u, u_p × J, I u, B u, and B(u). */
  readonly #alpha: Float64Array;
  readonly #beta: Float64Array;
  readonly #u: Float64Array;
  readonly #uJ: Float64Array;
  readonly #Iu: Float64Array;
  readonly #Bu: Float64Array;
  readonly #E: Float64Array;
  /** Forces of the link in hand. */
  readonly #x = new Float64Array(SPATIAL);
  readonly #y = new Float64Array(SPATIAL);
  readonly #z = new Float64Array(SPATIAL);
  readonly #IJ = new Float64Array(SPATIAL);
  readonly #BJ = new Float64Array(SPATIAL);
  readonly #total = new Float64Array(1);

  constructor(sweeps: Sweeps) {
    this.#s = sweeps;
    const motions = (): Float64Array => new Float64Array(SPATIAL * sweeps.slots);
    this.#alpha = motions();
    this.#beta = motions();
    this.#u = motions();
    this.#uJ = motions();
    this.#Iu = motions();
    this.#Bu = motions();
    this.#E = new Float64Array(BIAS * sweeps.slots);
  }

  /** alpha, beta, and sums of F, I, B over what each link carries. Needs `accelerations`, `inertias` of the sweeps. */
  #prepare(): void {
    const s = this.#s;
    s.forces();
    s.biases();
    for (let k = 1; k < s.slots; k++) {
      const at = SPATIAL * k;
      const up = SPATIAL * s.parent[k]!;
      crossMotion(this.#alpha, at, s.a, up, s.J, at);
      addCrossMotion(this.#alpha, at, s.v, up, s.vJ, at);
      for (let i = 0; i < 6; i++) this.#beta[at + i] = 2 * s.vJ[at + i]!;
    }
  }

  #sum(): void {
    const s = this.#s;
    s.sum(s.f, SPATIAL);
    s.sum(s.I, INERTIA);
    s.sum(s.B, BIAS);
  }

  /** x = J_k ×* F_k + I_k alpha_k + B_kᵀ (v_p × J_k), y = B_kᵀ J_k + I_k beta_k. */
  #columns(k: number): void {
    const s = this.#s;
    const at = SPATIAL * k;
    clear6(this.#x, 0);
    addCrossForce(this.#x, 0, s.J, at, s.f, at);
    addInertia(this.#x, 0, s.I, INERTIA * k, this.#alpha, at);
    addBiasTransposed(this.#x, 0, s.B, BIAS * k, s.vJ, at);
    clear6(this.#y, 0);
    addBiasTransposed(this.#y, 0, s.B, BIAS * k, s.J, at);
    addInertia(this.#y, 0, s.I, INERTIA * k, this.#beta, at);
  }

  /** dq, dv without damping and friction (n × n). Needs `accelerations` and `inertias`; leaves sums in the sweeps. */
  first(dq: Float64Array, dv: Float64Array): void {
    const s = this.#s;
    const { n, J, dof, parent } = s;
    this.#prepare();
    this.#sum();
    for (let i = 0; i < n * n; i++) {
      dq[i] = 0;
      dv[i] = 0;
    }
    for (let k = 1; k < s.slots; k++) {
      const at = SPATIAL * k;
      const own = dof[k]!;
      this.#columns(k);
      for (let m = k; m > 0; m = parent[m]!) {
        addDot6(dq, dof[m]! * n + own, J, SPATIAL * m, this.#x, 0);
        addDot6(dv, dof[m]! * n + own, J, SPATIAL * m, this.#y, 0);
      }
      clear6(this.#IJ, 0);
      clear6(this.#BJ, 0);
      addInertia(this.#IJ, 0, s.I, INERTIA * k, J, at);
      addBias(this.#BJ, 0, s.B, BIAS * k, J, at);
      for (let m = parent[k]!; m > 0; m = parent[m]!) {
        const to = own * n + dof[m]!;
        addDot6(dq, to, this.#IJ, 0, this.#alpha, SPATIAL * m);
        addDot6(dq, to, this.#BJ, 0, s.vJ, SPATIAL * m);
        addDot6(dv, to, this.#IJ, 0, this.#beta, SPATIAL * m);
        addDot6(dv, to, this.#BJ, 0, J, SPATIAL * m);
      }
    }
  }

  /**
   * Second derivatives of L = mu · tau(q, v, a), without friction: qq, qv (row q, column v), vv, qa (row q, column a),
   * n × n each; va and aa are 0. Needs `accelerations` and `inertias`; leaves sums in the sweeps.
   *
   * With u the motion that joint speeds mu would make: dL/dq_k = (u_p × J_k) · F_k + alpha_k · (I u)_k +
   * (v_p × J_k) · (B u)_k and dL/dv_k = J_k · (B u)_k + beta_k · (I u)_k. Their derivatives by a joint l that k carries
   * (or k itself) leave the motions in them as they are and change F, I u and B u alone.
   */
  second(mu: Float64Array, qq: Float64Array, qv: Float64Array, vv: Float64Array, qa: Float64Array): void {
    const s = this.#s;
    const { n, J, dof, parent, vJ } = s;
    const sum = this.#total;
    this.#prepare();
    this.#contract(mu);
    this.#sum();
    s.sum(this.#Iu, SPATIAL);
    s.sum(this.#Bu, SPATIAL);
    s.sum(this.#E, BIAS);
    for (let i = 0; i < n * n; i++) {
      qq[i] = 0;
      qv[i] = 0;
      vv[i] = 0;
      qa[i] = 0;
    }
    for (let l = 1; l < s.slots; l++) {
      const at = SPATIAL * l;
      const own = dof[l]!;
      this.#columns(l); // dF/dq_l in x, dF/dv_l in y
      this.#changes(l); // d(I u)/dq_l in IJ, d(B u)/dq_l in z, -d(B u)/dv_l in BJ
      for (let k = l; k > 0; k = parent[k]!) {
        const on = SPATIAL * k;
        const row = dof[k]!;
        sum[0] = 0;
        addDot6(sum, 0, this.#uJ, on, this.#x, 0);
        addDot6(sum, 0, this.#alpha, on, this.#IJ, 0);
        addDot6(sum, 0, vJ, on, this.#z, 0);
        qq[row * n + own]! += sum[0]!;
        if (k !== l) qq[own * n + row]! += sum[0]!;

        sum[0] = 0;
        addDot6(sum, 0, J, on, this.#BJ, 0);
        vv[row * n + own]! -= sum[0]!;
        if (k !== l) vv[own * n + row]! -= sum[0]!;

        addDot6(qv, own * n + row, J, on, this.#z, 0);
        addDot6(qv, own * n + row, this.#beta, on, this.#IJ, 0);
        addDot6(qa, own * n + row, J, on, this.#IJ, 0);
      }
      clear6(this.#z, 0);
      addInertia(this.#z, 0, s.I, INERTIA * l, J, at);
      for (let k = parent[l]!; k > 0; k = parent[k]!) {
        const on = SPATIAL * k;
        const to = dof[k]! * n + own;
        addDot6(qv, to, this.#uJ, on, this.#y, 0);
        sum[0] = 0;
        addDot6(sum, 0, vJ, on, this.#BJ, 0);
        qv[to]! -= sum[0]!;
        addDot6(qa, to, this.#uJ, on, this.#z, 0);
      }
    }
  }

  /** u, u_p × J, I u, B u and B(u) of each link by itself, for joint speeds mu. */
  #contract(mu: Float64Array): void {
    const s = this.#s;
    const u = this.#u;
    for (let k = 1; k < s.slots; k++) {
      const at = SPATIAL * k;
      const up = SPATIAL * s.parent[k]!;
      crossMotion(this.#uJ, at, u, up, s.J, at);
      const x = mu[s.dof[k]!]!;
      for (let i = 0; i < 6; i++) u[at + i] = u[up + i]! + s.J[at + i]! * x;
      clear6(this.#Iu, at);
      clear6(this.#Bu, at);
      addInertia(this.#Iu, at, s.I, INERTIA * k, u, at);
      addBias(this.#Bu, at, s.B, BIAS * k, u, at);
      biasMatrix(this.#E, BIAS * k, s.I, INERTIA * k, u, at);
    }
  }

  /**
   * IJ = d(I u)/dq_l = J_l ×* (I u)_l + I_l (u_p × J_l); z = d(B u)/dq_l = J_l ×* (B u)_l + B_l (u_p × J_l) -
   * E_l (v_p × J_l); BJ = E_l J_l = -d(B u)/dv_l, with E = B(u), for B is antisymmetric.
   */
  #changes(l: number): void {
    const s = this.#s;
    const at = SPATIAL * l;
    clear6(this.#IJ, 0);
    addCrossForce(this.#IJ, 0, s.J, at, this.#Iu, at);
    addInertia(this.#IJ, 0, s.I, INERTIA * l, this.#uJ, at);
    clear6(this.#z, 0);
    addBias(this.#z, 0, this.#E, BIAS * l, s.vJ, at);
    for (let i = 0; i < 6; i++) this.#z[i] = -this.#z[i]!;
    addCrossForce(this.#z, 0, s.J, at, this.#Bu, at);
    addBias(this.#z, 0, s.B, BIAS * l, this.#uJ, at);
    clear6(this.#BJ, 0);
    addBias(this.#BJ, 0, this.#E, BIAS * l, s.J, at);
  }
}
