/**
 * The joint servos of the simulated arm, as the controller box of a real one has them. Force of axis i, N·m or N:
 *
 *   position  f = kp (q_ref − q) + kd (qd_ref − qd) + tau      q_ref, qd_ref, tau from the command
 *   velocity  the same, with q_ref moved on by qd_ref each step and kept within effort / kp of q
 *   torque    f = tau
 *   hold      position servo with the model's own gains on a reference that first comes to rest at the axis's
 *             acceleration limit: brakes, watchdog, idle
 *
 * Gravity of arm and gripper (not of what they carry) is compensated by the model itself in every mode, within the
 * effort limit, so torque commands exclude gravity as on a Franka arm. The velocity term goes into the actuator's
 * bias, which the implicit integrator treats implicitly: stiff damping stays stable at 1 ms.
 */
import { Layout } from '../src/robot/layout.ts';
import type { AxisSpec } from '../src/robot/spec.ts';
import { CommandMode } from '../src/robot/tick.ts';
import { find, type MjModel, type Mujoco, need, type Views } from './mujoco.ts';

/** Where one axis lives in the model. Coordinate = Σ weight × joint position. */
interface AxisMap {
  readonly actuator: number;
  readonly qpos: Int32Array;
  readonly dof: Int32Array;
  readonly weight: Float64Array;
  readonly ratio: Float64Array;
  /** Where `tau` is read: a dof of the model, or -1 for the actuator's own force. */
  readonly tauDof: number;
}

/** Everything the servos keep between steps; part of the device's snapshot. */
export function servoLayout(axes: number): Layout {
  return Layout.of('simServo', [
    { name: 'mode', unit: '1', doc: 'CommandMode; idle is hold' },
    { name: 'q', length: axes, unit: 'axis', doc: 'reference' },
    { name: 'qd', length: axes, unit: 'axis/s', doc: 'reference' },
    { name: 'tau', length: axes, unit: 'N·m|N' },
    { name: 'kp', length: axes, unit: 'N·m/rad|N/m' },
    { name: 'kd', length: axes, unit: 'N·m·s/rad|N·s/m' },
    { name: 'measuredQ', length: axes, unit: 'axis' },
    { name: 'measuredQd', length: axes, unit: 'axis/s' },
    { name: 'measuredTau', length: axes, unit: 'N·m|N', doc: 'what the actuators did in the last step' },
  ]);
}

export class Servos {
  readonly #views: Views;
  readonly #axes: readonly AxisSpec[];
  readonly #map: readonly AxisMap[];
  readonly #dt: number;
  readonly #mode: Float64Array;
  readonly #ownKp: Float64Array;
  readonly #ownKd: Float64Array;
  readonly #gainStride: number;
  readonly #biasStride: number;
  readonly q: Float64Array;
  readonly qd: Float64Array;
  readonly tau: Float64Array;
  readonly #kp: Float64Array;
  readonly #kd: Float64Array;
  readonly measuredQ: Float64Array;
  readonly measuredQd: Float64Array;
  readonly measuredTau: Float64Array;

  /** `memory` is a block of servoLayout. Throws SIM_UNKNOWN_NAME when the model lacks a joint or its actuator. */
  constructor(
    mj: Mujoco,
    model: MjModel,
    views: Views,
    axes: readonly AxisSpec[],
    memory: Float64Array,
    dt: number,
  ) {
    const layout = servoLayout(axes.length);
    this.#views = views;
    this.#axes = axes;
    this.#dt = dt;
    this.#mode = layout.view(memory, 'mode');
    this.q = layout.view(memory, 'q');
    this.qd = layout.view(memory, 'qd');
    this.tau = layout.view(memory, 'tau');
    this.#kp = layout.view(memory, 'kp');
    this.#kd = layout.view(memory, 'kd');
    this.measuredQ = layout.view(memory, 'measuredQ');
    this.measuredQd = layout.view(memory, 'measuredQd');
    this.measuredTau = layout.view(memory, 'measuredTau');
    this.#map = axes.map((axis) => mapAxis(mj, model, axis));
    this.#gainStride = views.gainprm.length / model.nu;
    this.#biasStride = views.biasprm.length / model.nu;
    this.#ownKp = new Float64Array(axes.length);
    this.#ownKd = new Float64Array(axes.length);
    axes.forEach((axis, i) => {
      const a = this.#map[i]!.actuator;
      this.#ownKp[i] = -views.biasprm[a * this.#biasStride + 1]!;
      this.#ownKd[i] = -views.biasprm[a * this.#biasStride + 2]!;
      views.gainprm[a * this.#gainStride] = 1;
      views.forcerange[2 * a] = Math.max(views.forcerange[2 * a]!, -axis.effort);
      views.forcerange[2 * a + 1] = Math.min(views.forcerange[2 * a + 1]!, axis.effort);
    });
  }

  get mode(): CommandMode {
    return this.#mode[0] as CommandMode;
  }

  /** Takes the measured coordinates and rates from MuJoCo into `measuredQ` and `measuredQd`. */
  sense(): void {
    const { qpos, qvel } = this.#views;
    for (let i = 0; i < this.#map.length; i++) {
      const map = this.#map[i]!;
      let q = 0;
      let qd = 0;
      for (let k = 0; k < map.qpos.length; k++) {
        q += map.weight[k]! * qpos[map.qpos[k]!]!;
        qd += map.weight[k]! * qvel[map.dof[k]!]!;
      }
      this.measuredQ[i] = q;
      this.measuredQd[i] = qd;
    }
  }

  /** Puts axis i at `value` in the model, at rest, and holds it there. */
  teleport(i: number, value: number): void {
    const { qpos, dof, ratio } = this.#map[i]!;
    for (let k = 0; k < qpos.length; k++) {
      this.#views.qpos[qpos[k]!] = ratio[k]! * value;
      this.#views.qvel[dof[k]!] = 0;
    }
    this.#mode[0] = CommandMode.idle;
    this.q[i] = value;
    this.qd[i] = 0;
    this.tau[i] = 0;
    this.#kp[i] = this.#ownKp[i]!;
    this.#kd[i] = this.#ownKd[i]!;
    this.measuredQ[i] = value;
    this.measuredQd[i] = 0;
    this.measuredTau[i] = 0;
  }

  /**
   * Hold from here: the reference goes on with the measured rate and comes to rest at the acceleration limit. A
   * position reference is kept (a grasp keeps its force); a torque-driven axis is held where it is measured.
   */
  hold(): void {
    const fromTorque = this.#mode[0] === CommandMode.torque;
    for (let i = 0; i < this.#axes.length; i++) {
      const axis = this.#axes[i]!;
      if (fromTorque) this.q[i] = this.measuredQ[i]!;
      const rate = axis.type === 'prismatic' && !fromTorque ? 0 : this.measuredQd[i]!;
      this.qd[i] = Math.min(axis.velocity, Math.max(-axis.velocity, rate));
      this.tau[i] = 0;
      this.#kp[i] = this.#ownKp[i]!;
      this.#kd[i] = this.#ownKd[i]!;
    }
    this.#mode[0] = CommandMode.idle;
  }

  /**
   * Takes a command for all axes, clamped to what the actuators can do; a value that is not finite keeps the
   * reference as it is, and gains of 0 are the model's own. Afterwards q, qd, tau are what is really applied.
   */
  command(
    mode: CommandMode,
    block: Float64Array,
    q: number,
    qd: number,
    tau: number,
    kp: number,
    kd: number,
  ): void {
    if (mode === CommandMode.velocity && this.#mode[0] === CommandMode.torque) {
      for (let i = 0; i < this.#axes.length; i++) this.q[i] = this.measuredQ[i]!;
    }
    this.#mode[0] = mode;
    for (let i = 0; i < this.#axes.length; i++) {
      const axis = this.#axes[i]!;
      if (mode === CommandMode.position) this.q[i] = clamp(block[q + i]!, axis.min, axis.max, this.q[i]!);
      if (mode === CommandMode.torque) this.q[i] = this.measuredQ[i]!;
      this.qd[i] = mode === CommandMode.torque ? 0 : clamp(block[qd + i]!, -axis.velocity, axis.velocity, 0);
      this.tau[i] = clamp(block[tau + i]!, -axis.effort, axis.effort, 0);
      const gains = mode !== CommandMode.torque;
      const wantKp = block[kp + i]!;
      const wantKd = block[kd + i]!;
      this.#kp[i] = gains ? (wantKp > 0 && wantKp < 1e6 ? wantKp : this.#ownKp[i]!) : 0;
      this.#kd[i] = gains ? (wantKd > 0 && wantKd < 1e6 ? wantKd : this.#ownKd[i]!) : 0;
    }
  }

  /** Moves the references on by one physics step and writes the actuators. Allocates nothing. */
  apply(): void {
    const { ctrl, biasprm } = this.#views;
    const mode = this.#mode[0];
    for (let i = 0; i < this.#axes.length; i++) {
      if (mode === CommandMode.velocity) this.#integrate(i);
      else if (mode === CommandMode.idle && this.qd[i] !== 0) this.#slow(i);
      const a = this.#map[i]!.actuator;
      const kp = this.#kp[i]!;
      const kd = this.#kd[i]!;
      ctrl[a] = kp * this.q[i]! + kd * this.qd[i]! + this.tau[i]!;
      biasprm[a * this.#biasStride + 1] = -kp;
      biasprm[a * this.#biasStride + 2] = -kd;
    }
  }

  /** Keeps what the actuators did in the step just made, and where it led. */
  measure(): void {
    this.sense();
    const { qfrcActuator, actuatorForce } = this.#views;
    for (let i = 0; i < this.#axes.length; i++) {
      const { tauDof, actuator } = this.#map[i]!;
      this.measuredTau[i] = tauDof < 0 ? actuatorForce[actuator]! : qfrcActuator[tauDof]!;
    }
  }

  #integrate(i: number): void {
    const axis = this.#axes[i]!;
    const slack = axis.effort / this.#kp[i]!;
    const measured = this.measuredQ[i]!;
    const next = this.q[i]! + this.qd[i]! * this.#dt;
    const near = Math.min(measured + slack, Math.max(measured - slack, next));
    this.q[i] = Math.min(axis.max, Math.max(axis.min, near));
  }

  #slow(i: number): void {
    const axis = this.#axes[i]!;
    const step = axis.acceleration * this.#dt;
    const rate = this.qd[i]!;
    const next = Math.abs(rate) <= step ? 0 : rate - Math.sign(rate) * step;
    this.q[i] = Math.min(axis.max, Math.max(axis.min, this.q[i]! + 0.5 * (rate + next) * this.#dt));
    this.qd[i] = next;
  }
}

function clamp(value: number, min: number, max: number, otherwise: number): number {
  if (!Number.isFinite(value)) return otherwise;
  return Math.min(max, Math.max(min, value));
}

function mapAxis(mj: Mujoco, model: MjModel, axis: AxisSpec): AxisMap {
  const joints = axis.joints.map((j) => need(mj, model, 'joint', j.name));
  const norm = axis.joints.reduce((sum, j) => sum + j.ratio * j.ratio, 0);
  const dof = Int32Array.from(joints, (j) => (model.jnt_dofadr as Int32Array)[j]!);
  let actuator = find(mj, model, 'actuator', axis.name);
  if (actuator < 0) actuator = need(mj, model, 'actuator', axis.joints[0]?.name ?? axis.name);
  return {
    actuator,
    qpos: Int32Array.from(joints, (j) => (model.jnt_qposadr as Int32Array)[j]!),
    dof,
    weight: Float64Array.from(axis.joints, (j) => j.ratio / norm),
    ratio: Float64Array.from(axis.joints, (j) => j.ratio),
    tauDof: joints.length === 1 ? dof[0]! : -1,
  };
}
