/**
 * A MuJoCo model as a step of a planner's model: x = (qpos, qvel), u = ctrl, contacts and all. Each step begins from the given
 * state alone, so that the same x and u give the same next state to the last bit. Quaternions of free and ball joints (w x y z, as
 * MuJoCo keeps them) have a tangent: a turn in the body's own frame, rad, as their velocities are.
 */
import { ArmloopError } from '../src/errors.ts';
import { quatConj, quatExp, quatLog, quatMul } from '../src/math/quat.ts';
import type { StepModel } from '../src/robot/plant.ts';
import { loadModel, type MjData, type MjModel, type Mujoco, Views } from './mujoco.ts';

export interface MujocoStepOptions {
  /** MJCF, absolute or relative to sim/models. */
  readonly file: string;
  /** Length of a stage, s: so many physics steps as are nearest to the model's own. */
  readonly seconds: number;
}

export class MujocoStepModel implements StepModel {
  readonly nx: number;
  readonly ndx: number;
  readonly nu: number;
  readonly difference?: (a: Float64Array, b: Float64Array, out: Float64Array) => void;
  readonly integrate?: (x: Float64Array, dx: Float64Array, out: Float64Array) => void;
  readonly #mj: Mujoco;
  readonly #model: MjModel;
  readonly #data: MjData;
  readonly #views: Views;
  readonly #steps: number;
  /** First qpos of each quaternion, and the first dof of its turn; then all other coordinates. */
  readonly #quats: readonly { readonly q: number; readonly v: number }[];
  readonly #plain: readonly { readonly q: number; readonly v: number }[];
  readonly #a = new Float64Array(4);
  readonly #b = new Float64Array(4);

  /** Throws SIM_MODEL_INVALID, also for actuators with a state of their own: x does not hold it. */
  constructor(mj: Mujoco, { file, seconds }: MujocoStepOptions) {
    this.#mj = mj;
    this.#model = loadModel(mj, file);
    const { nq, nv, nu, na, opt } = this.#model;
    if (na > 0 || !(seconds > 0)) {
      const reason = na > 0 ? `${na} actuators have a state of their own` : `a stage of ${seconds} s`;
      this.#model.delete();
      throw new ArmloopError('SIM_MODEL_INVALID', { file, reason });
    }
    this.#steps = Math.max(1, Math.round(seconds / opt.timestep));
    opt.timestep = seconds / this.#steps;
    // What blows up is to be seen, not put back to where the model begins.
    opt.disableflags |= mj.mjtDisableBit.mjDSBL_AUTORESET.value;
    this.#data = new mj.MjData(this.#model);
    this.#views = new Views(this.#model, this.#data);
    this.nx = nq + nv;
    this.ndx = 2 * nv;
    this.nu = nu;
    const { quats, plain } = coordinates(mj, this.#model);
    this.#quats = quats;
    this.#plain = plain;
    if (quats.length > 0) {
      this.difference = (a, b, out) => this.#difference(a, b, out);
      this.integrate = (x, dx, out) => this.#integrate(x, dx, out);
    }
  }

  /** Where the model begins, at rest. */
  start(): Float64Array {
    const x = new Float64Array(this.nx);
    x.set(this.#model.qpos0 as Float64Array);
    return x;
  }

  step(x: Float64Array, u: Float64Array, out: Float64Array): void {
    if (!finite(x) || !finite(u)) {
      out.fill(Number.NaN);
      return;
    }
    this.#views.fresh();
    const { qpos, qvel, ctrl } = this.#views;
    const nq = qpos.length;
    // What the solver of contacts starts from must not depend on the step before.
    (this.#data.qacc_warmstart as Float64Array).fill(0);
    for (let i = 0; i < nq; i++) qpos[i] = x[i]!;
    for (let i = 0; i < qvel.length; i++) qvel[i] = x[nq + i]!;
    for (let i = 0; i < ctrl.length; i++) ctrl[i] = u[i]!;
    for (let s = 0; s < this.#steps; s++) this.#mj.mj_step(this.#model, this.#data);
    for (let i = 0; i < nq; i++) out[i] = qpos[i]!;
    for (let i = 0; i < qvel.length; i++) out[nq + i] = qvel[i]!;
  }

  dispose(): void {
    this.#data.delete();
    this.#model.delete();
  }

  /** out = b ⊖ a. */
  #difference(a: Float64Array, b: Float64Array, out: Float64Array): void {
    const nv = this.ndx / 2;
    const nq = this.nx - nv;
    for (const { q, v } of this.#plain) out[v] = b[q]! - a[q]!;
    for (const { q, v } of this.#quats) {
      turned(a, q, this.#a);
      turned(b, q, this.#b);
      quatConj(this.#a, 0, this.#a, 0);
      quatMul(this.#a, 0, this.#a, 0, this.#b, 0);
      quatLog(out, v, this.#a, 0);
    }
    for (let i = 0; i < nv; i++) out[nv + i] = b[nq + i]! - a[nq + i]!;
  }

  /** out = x ⊕ dx. */
  #integrate(x: Float64Array, dx: Float64Array, out: Float64Array): void {
    const nv = this.ndx / 2;
    const nq = this.nx - nv;
    for (const { q, v } of this.#plain) out[q] = x[q]! + dx[v]!;
    for (const { q, v } of this.#quats) {
      turned(x, q, this.#a);
      quatExp(this.#b, 0, dx, v);
      quatMul(this.#a, 0, this.#a, 0, this.#b, 0);
      out[q] = this.#a[3]!;
      for (let i = 0; i < 3; i++) out[q + 1 + i] = this.#a[i]!;
    }
    for (let i = 0; i < nv; i++) out[nq + i] = x[nq + i]! + dx[nv + i]!;
  }
}

/** x y z w of MuJoCo's w x y z. */
function turned(from: Float64Array, at: number, out: Float64Array): void {
  for (let i = 0; i < 4; i++) out[i] = from[at + ((i + 1) & 3)]!;
}

function coordinates(mj: Mujoco, model: MjModel) {
  const quats: { q: number; v: number }[] = [];
  const plain: { q: number; v: number }[] = [];
  const { mjJNT_FREE: free, mjJNT_BALL: ball } = mj.mjtJoint;
  for (let j = 0; j < model.njnt; j++) {
    const q = model.jnt_qposadr[j]!;
    const v = model.jnt_dofadr[j]!;
    const type = model.jnt_type[j]!;
    const moved = type === free.value ? 3 : type === ball.value ? 0 : 1;
    for (let i = 0; i < moved; i++) plain.push({ q: q + i, v: v + i });
    if (type === free.value || type === ball.value) quats.push({ q: q + moved, v: v + moved });
  }
  return { quats, plain };
}

function finite(values: Float64Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return Number.isFinite(sum);
}
