/** What a task sees of the running scene and what its reset may set: TaskView and TaskScene over MuJoCo. */
import { ArmloopError } from '../src/errors.ts';
import type { SceneVary } from '../src/robot/spec.ts';
import type { SceneLook, TaskScene, TaskView } from '../src/robot/task.ts';
import { find, type MjModel, type Mujoco, need, type Views } from './mujoco.ts';
import type { Servos } from './servo.ts';

/** Scalars that the device keeps and a view shows; Float64Array so that nothing is boxed. */
export const CLOCK = { time: 0, opening: 1 } as const;

/** Name → number of every body and site, looked up once; a site is −1 − its number. */
export class Stage implements TaskView {
  readonly #views: Views;
  readonly #clock: Float64Array;
  readonly #ids = new Map<string, number>();
  readonly #mj: Mujoco;
  readonly #model: MjModel;
  readonly #siteBody: Int32Array;
  readonly #siteQuat: Float64Array;
  readonly #root: Int32Array;

  constructor(mj: Mujoco, model: MjModel, views: Views, clock: Float64Array) {
    this.#mj = mj;
    this.#model = model;
    this.#views = views;
    this.#clock = clock;
    this.#siteBody = Int32Array.from(model.site_bodyid as Int32Array);
    this.#siteQuat = Float64Array.from(model.site_quat as Float64Array);
    this.#root = Int32Array.from(model.body_rootid as Int32Array);
  }

  get time(): number {
    return this.#clock[CLOCK.time]!;
  }

  get opening(): number {
    return this.#clock[CLOCK.opening]!;
  }

  position(name: string, out: Float64Array): void {
    const id = this.#id(name);
    const from = id >= 0 ? this.#views.xpos : this.#views.siteXpos;
    const at = 3 * (id >= 0 ? id : -1 - id);
    out[0] = from[at]!;
    out[1] = from[at + 1]!;
    out[2] = from[at + 2]!;
  }

  orientation(name: string, out: Float64Array): void {
    const id = this.#id(name);
    const q = this.#views.xquat;
    const body = 4 * (id >= 0 ? id : this.#siteBody[-1 - id]!);
    const aw = q[body]!;
    const ax = q[body + 1]!;
    const ay = q[body + 2]!;
    const az = q[body + 3]!;
    if (id >= 0) {
      out[0] = ax;
      out[1] = ay;
      out[2] = az;
      out[3] = aw;
      return;
    }
    const s = 4 * (-1 - id);
    const bw = this.#siteQuat[s]!;
    const bx = this.#siteQuat[s + 1]!;
    const by = this.#siteQuat[s + 2]!;
    const bz = this.#siteQuat[s + 3]!;
    out[0] = aw * bx + ax * bw + ay * bz - az * by;
    out[1] = aw * by - ax * bz + ay * bw + az * bx;
    out[2] = aw * bz + ax * by - ay * bx + az * bw;
    out[3] = aw * bw - ax * bx - ay * by - az * bz;
  }

  /** From cvel, which is (ω, v) at the centre of mass of the body's tree: v_p = v_c + ω × (p − c). */
  velocity(name: string, out: Float64Array): void {
    const id = this.#id(name);
    const body = id >= 0 ? id : this.#siteBody[-1 - id]!;
    const { cvel, subtreeCom, xpos, siteXpos } = this.#views;
    const point = id >= 0 ? xpos : siteXpos;
    const at = 3 * (id >= 0 ? id : -1 - id);
    const com = 3 * this.#root[body]!;
    const rx = point[at]! - subtreeCom[com]!;
    const ry = point[at + 1]! - subtreeCom[com + 1]!;
    const rz = point[at + 2]! - subtreeCom[com + 2]!;
    const v = 6 * body;
    const wx = cvel[v]!;
    const wy = cvel[v + 1]!;
    const wz = cvel[v + 2]!;
    out[0] = cvel[v + 3]! + wy * rz - wz * ry;
    out[1] = cvel[v + 4]! + wz * rx - wx * rz;
    out[2] = cvel[v + 5]! + wx * ry - wy * rx;
  }

  #id(name: string): number {
    return this.#ids.get(name) ?? this.#lookUp(name);
  }

  #lookUp(name: string): number {
    const body = find(this.#mj, this.#model, 'body', name);
    const id = body >= 0 ? body : -1 - need(this.#mj, this.#model, 'site', name);
    this.#ids.set(name, id);
    return id;
  }
}

/** What a reset sets. Only used between steps, so it may allocate. */
export class StageHand implements TaskScene {
  readonly home: { readonly q: readonly number[]; readonly opening: number };
  readonly vary: SceneVary;
  readonly look: SceneLook;
  readonly #mj: Mujoco;
  readonly #model: MjModel;
  readonly #views: Views;
  readonly #servos: Servos;
  readonly #arm: readonly number[];
  readonly #gripper: number;

  /** `arm` and `gripper` are indices of the device's axes; gripper −1 when there is none. */
  constructor(
    mj: Mujoco,
    model: MjModel,
    views: Views,
    servos: Servos,
    arm: readonly number[],
    gripper: number,
    home: readonly number[],
    vary: SceneVary,
    look: SceneLook,
  ) {
    this.vary = vary;
    this.look = look;
    this.#mj = mj;
    this.#model = model;
    this.#views = views;
    this.#servos = servos;
    this.#arm = arm;
    this.#gripper = gripper;
    this.home = { q: arm.map((i) => home[i]!), opening: gripper < 0 ? 0 : home[gripper]! };
  }

  place(object: string, position: ArrayLike<number>, quaternion: ArrayLike<number>): void {
    const m = this.#model;
    const body = need(this.#mj, m, 'body', object);
    const joint = (m.body_jntadr as Int32Array)[body]!;
    if (joint < 0 || (m.jnt_type as Int32Array)[joint] !== this.#mj.mjtJoint.mjJNT_FREE.value) {
      throw new ArmloopError('SIM_UNKNOWN_NAME', { kind: 'free object', name: object });
    }
    const at = (m.jnt_qposadr as Int32Array)[joint]!;
    const dof = (m.jnt_dofadr as Int32Array)[joint]!;
    put(this.#views.qpos, at, this.#views.qpos, at + 3, position, quaternion);
    this.#views.qvel.fill(0, dof, dof + 6);
  }

  mark(marker: string, position: ArrayLike<number>, quaternion: ArrayLike<number>): void {
    const body = need(this.#mj, this.#model, 'body', marker);
    const mocap = (this.#model.body_mocapid as Int32Array)[body]!;
    if (mocap < 0) throw new ArmloopError('SIM_UNKNOWN_NAME', { kind: 'mocap body', name: marker });
    put(this.#views.mocapPos, 3 * mocap, this.#views.mocapQuat, 4 * mocap, position, quaternion);
  }

  pose(q: ArrayLike<number>, opening: number): void {
    this.#arm.forEach((axis, i) => {
      this.#servos.teleport(axis, q[i]!);
    });
    if (this.#gripper >= 0) this.#servos.teleport(this.#gripper, opening);
  }
}

function put(
  pos: Float64Array,
  p: number,
  quat: Float64Array,
  q: number,
  position: ArrayLike<number>,
  quaternion: ArrayLike<number>,
): void {
  for (let k = 0; k < 3; k++) pos[p + k] = position[k]!;
  quat[q] = quaternion[3]!;
  for (let k = 0; k < 3; k++) quat[q + 1 + k] = quaternion[k]!;
}
