/**
 * A hand that pulls a body of the simulation by a spring, as the mouse does in MuJoCo's viewer:
 *
 *   f = clamp(k (towards − p) − d v, force),  k = min(STIFFEST, RATE² m),  d = 2 √(k m)
 *
 * p, v: position and velocity of the grasped point in the world; m: mass of the body with all that hangs on it, so that a
 * light object is not flung away. Force and moment about the centre of mass go into xfrc_applied before each step. It is
 * no part of a snapshot: what is put back comes without the hand.
 */
import { ArmloopError } from '../src/errors.ts';
import type { Push } from '../src/robot/device.ts';
import { type MjModel, type Mujoco, need, type Views } from './mujoco.ts';
import { isFixed } from './scene.ts';

/** N/m. */
const STIFFEST = 500;
/** How fast a free body follows, rad/s. */
const RATE = 20;

export class PushingHand {
  readonly #mj: Mujoco;
  readonly #model: MjModel;
  readonly #views: Views;
  readonly #mass: Float64Array;
  readonly #root: Int32Array;
  readonly #dt: number;
  readonly #point = new Float64Array(3);
  readonly #towards = new Float64Array(3);
  /** From the centre of mass to the point, the velocity of the point, and the force: in the world. */
  readonly #arm = new Float64Array(3);
  readonly #v = new Float64Array(3);
  readonly #f = new Float64Array(3);
  /** Stiffness, damping, most force, s that are left. */
  readonly #now = new Float64Array(4);
  #body = -1;

  constructor(mj: Mujoco, model: MjModel, views: Views, dt: number) {
    this.#mj = mj;
    this.#model = model;
    this.#views = views;
    this.#mass = Float64Array.from(model.body_subtreemass as Float64Array);
    this.#root = Int32Array.from(model.body_rootid as Int32Array);
    this.#dt = dt;
  }

  /** Takes hold, or goes on with another end of the spring. Throws SIM_UNKNOWN_NAME for what cannot be moved. */
  hold(push: Push): void {
    const body = need(this.#mj, this.#model, 'body', push.body);
    if (isFixed(this.#model, body)) {
      throw new ArmloopError('SIM_UNKNOWN_NAME', { kind: 'movable body', name: push.body });
    }
    this.letGo();
    if (push.seconds <= 0) return;
    const m = this.#mass[body]!;
    const k = Math.min(STIFFEST, RATE * RATE * m);
    this.#body = body;
    this.#point.set(push.point);
    this.#towards.set(push.towards);
    this.#now[0] = k;
    this.#now[1] = 2 * Math.sqrt(k * m);
    this.#now[2] = push.force;
    this.#now[3] = push.seconds;
  }

  letGo(): void {
    this.#views.xfrcApplied.fill(0);
    this.#body = -1;
  }

  /** Once per physics step, after positions and velocities are known. Allocates nothing. */
  apply(): void {
    if (this.#body < 0) return;
    const now = this.#now;
    if (now[3]! <= 0) {
      this.letGo();
      return;
    }
    now[3]! -= this.#dt;
    this.#sense();
    const { xfrcApplied } = this.#views;
    const f = this.#f;
    const r = this.#arm;
    const size = Math.sqrt(f[0]! * f[0]! + f[1]! * f[1]! + f[2]! * f[2]!);
    const share = size > now[2]! ? now[2]! / size : 1;
    for (let k = 0; k < 3; k++) f[k]! *= share;
    const at = 6 * this.#body;
    for (let k = 0; k < 3; k++) xfrcApplied[at + k] = f[k]!;
    xfrcApplied[at + 3] = r[1]! * f[2]! - r[2]! * f[1]!;
    xfrcApplied[at + 4] = r[2]! * f[0]! - r[0]! * f[2]!;
    xfrcApplied[at + 5] = r[0]! * f[1]! - r[1]! * f[0]!;
  }

  /** #arm, #v and #f, before the bound. Velocity as in Stage: v_p = v_c + ω × (p − c). */
  #sense(): void {
    const { xpos, xquat, xipos, cvel, subtreeCom } = this.#views;
    const b = this.#body;
    const px = this.#point[0]!;
    const py = this.#point[1]!;
    const pz = this.#point[2]!;
    const w = xquat[4 * b]!;
    const x = xquat[4 * b + 1]!;
    const y = xquat[4 * b + 2]!;
    const z = xquat[4 * b + 3]!;
    // p = xpos + q point q*, by t = 2 (v × point).
    const tx = 2 * (y * pz - z * py);
    const ty = 2 * (z * px - x * pz);
    const tz = 2 * (x * py - y * px);
    const r = this.#arm;
    r[0] = xpos[3 * b]! + px + w * tx + y * tz - z * ty;
    r[1] = xpos[3 * b + 1]! + py + w * ty + z * tx - x * tz;
    r[2] = xpos[3 * b + 2]! + pz + w * tz + x * ty - y * tx;
    const v = this.#v;
    const c = 3 * this.#root[b]!;
    const o = 6 * b;
    const cx = r[0]! - subtreeCom[c]!;
    const cy = r[1]! - subtreeCom[c + 1]!;
    const cz = r[2]! - subtreeCom[c + 2]!;
    v[0] = cvel[o + 3]! + cvel[o + 1]! * cz - cvel[o + 2]! * cy;
    v[1] = cvel[o + 4]! + cvel[o + 2]! * cx - cvel[o]! * cz;
    v[2] = cvel[o + 5]! + cvel[o]! * cy - cvel[o + 1]! * cx;
    for (let k = 0; k < 3; k++) {
      this.#f[k] = this.#now[0]! * (this.#towards[k]! - r[k]!) - this.#now[1]! * v[k]!;
      r[k]! -= xipos[3 * b + k]!;
    }
  }
}
