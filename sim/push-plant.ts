/**
 * Pushing the puck, for planners: MuJoCo's contacts of puck, table and closed fingers, with the arm moved as its command
 * moves. The puck is planar: x, y, turn about the vertical and their rates.
 */
import { quatHeading, quatMul } from '../src/math/quat.ts';
import type { PlantTerm, ScenePlant, SceneSight } from '../src/robot/plant.ts';
import type { RobotSpec } from '../src/robot/spec.ts';
import { loadModel, type MjData, type MjModel, type Mujoco, need, Views } from './mujoco.ts';

/** Physics step of the model, s: coarser than that of the simulation. */
const TIMESTEP = 0.004;
/** Height of the puck's centre on the table, and of the fingertips that push it, m. */
const PUCK_HEIGHT = 0.025;
const TIP_HEIGHT = 0.02;
/**
 * How it is done: over a place behind the puck, down beside it, push along the line from puck to target, and up again
 * when the puck is there or has slipped off the line. Distances back from the puck's centre and heights, m.
 */
const Stage = { over: 0, down: 1, push: 2, up: 3 } as const;
const BACK = { over: 0.1, down: 0.095, push: 0.05, up: 0.1 } as const;
const HIGH = 0.13;
/** A place is reached within this, m. */
const THERE = 0.015;
/** While it pushes the tool aims this much further, into the puck: contact gives way, and it moves. */
const REACH = 0.03;
/** The puck is there within this of its target; it is gone for again from this on. */
const ARRIVED = 0.011;
const AWAY = 0.017;
/** Beside the line through puck and target by this the push has slipped off. */
const SLIPPED = 0.025;
/** So far it goes back on its way up. */
const RETREAT = 0.03;
/** Height and line count more than the way along it. */
const FIRM = 3;
/** Further from the puck than this at both ends of a step, a tool touches nothing, m. */
const CLEAR = 0.13;
/** Slower than this the puck lies still, m/s and rad/s. */
const STILL = 1e-4;
/** Time constant of contacts, s. */
const SOFT = 0.02;
/** Velocities are differences of what was seen within this time, s. */
const RECENT = 0.3;

const REST = 6;
const PUCK = { x: 0, y: 1, turn: 2, vx: 3, vy: 4, w: 5 } as const;

export class PushPlant implements ScenePlant {
  readonly joints: number;
  readonly rest = REST;
  readonly grip = 0;
  readonly steps: Float64Array;
  readonly terms: readonly PlantTerm[] = [
    { name: 'puck to target', size: 2, weight: 200, final: 200, smooth: 0.05 },
    { name: 'behind the puck', size: 3, weight: 150, final: 150, smooth: 0.05 },
    { name: 'tool upright', size: 3, weight: 6, final: 6, smooth: 0.3 },
    { name: 'puck speed', size: 2, weight: 100, final: 100 },
  ];
  readonly #mj: Mujoco;
  readonly #model: MjModel;
  readonly #data: MjData;
  readonly #views: Views;
  readonly #q: Int32Array;
  readonly #dof: Int32Array;
  readonly #fingers: Int32Array;
  readonly #fingerDofs: Int32Array;
  readonly #puckQ: number;
  readonly #puckDof: number;
  readonly #site: number;
  readonly #siteBody: number;
  readonly #siteQuat: Float64Array;
  readonly #target = new Float64Array(2);
  readonly #seen = new Float64Array(4).fill(Number.NaN);
  readonly #turn = new Float64Array(4);
  readonly #line = new Float64Array(2).fill(Number.NaN);
  /** Where the tool was when it began to go up. */
  readonly #left = new Float64Array(2);
  #stage: (typeof Stage)[keyof typeof Stage] = Stage.over;
  #back: number = BACK.over;
  #height: number = HIGH;

  constructor(mj: Mujoco, robot: RobotSpec) {
    const n = robot.armAxes;
    this.joints = n;
    this.steps = new Float64Array(2 * n + REST).fill(4e-3, 0, n).fill(4e-2, n, 2 * n);
    this.steps.set([1e-3, 1e-3, 1e-2, 1e-2, 1e-2, 1e-1], 2 * n);
    this.#mj = mj;
    this.#model = loadModel(mj, 'push.xml');
    this.#model.opt.timestep = TIMESTEP;
    this.#data = new mj.MjData(this.#model);
    this.#views = new Views(this.#model, this.#data);
    const address = (names: readonly string[], of: 'jnt_qposadr' | 'jnt_dofadr'): Int32Array =>
      Int32Array.from(
        names,
        (name) => (this.#model[of] as Int32Array)[need(mj, this.#model, 'joint', name)]!,
      );
    const arm = robot.axes.slice(0, n).map((a) => a.joints[0]!.name);
    const fingers = robot.axes.slice(n).flatMap((a) => a.joints.map((j) => j.name));
    this.#q = address(arm, 'jnt_qposadr');
    this.#dof = address(arm, 'jnt_dofadr');
    this.#fingers = address(fingers, 'jnt_qposadr');
    this.#fingerDofs = address(fingers, 'jnt_dofadr');
    this.#puckQ = address(['puck'], 'jnt_qposadr')[0]!;
    this.#puckDof = address(['puck'], 'jnt_dofadr')[0]!;
    this.#site = need(mj, this.#model, 'site', robot.model.tool);
    this.#siteBody = (this.#model.site_bodyid as Int32Array)[this.#site]!;
    const quat = this.#model.site_quat as Float64Array;
    const at = 4 * this.#site;
    this.#siteQuat = Float64Array.of(quat[at + 1]!, quat[at + 2]!, quat[at + 3]!, quat[at]!);
    // Softer contacts than those of the simulation: they begin earlier and have slopes that a step can follow.
    const solref = this.#model.geom_solref as Float64Array;
    for (let i = 0; i < solref.length; i += 2) solref[i] = SOFT;
    // The arm is moved, not driven.
    this.#views.gainprm.fill(0);
    this.#views.biasprm.fill(0);
  }

  observe(sight: SceneSight, time: number, rest: Float64Array): boolean {
    const puck = sight.pose('puck');
    const target = sight.pose('target');
    if (puck === null || target === null) return false;
    this.#target[0] = target[0]!;
    this.#target[1] = target[1]!;
    const seen = this.#seen;
    const turn = quatHeading(puck, 3);
    const dt = time - seen[3]!;
    const known = dt > 0 && dt < RECENT;
    rest[PUCK.x] = puck[0]!;
    rest[PUCK.y] = puck[1]!;
    rest[PUCK.turn] = turn;
    rest[PUCK.vx] = known ? (puck[0]! - seen[0]!) / dt : 0;
    rest[PUCK.vy] = known ? (puck[1]! - seen[1]!) / dt : 0;
    rest[PUCK.w] = known ? Math.atan2(Math.sin(turn - seen[2]!), Math.cos(turn - seen[2]!)) / dt : 0;
    seen[0] = puck[0]!;
    seen[1] = puck[1]!;
    seen[2] = turn;
    seen[3] = time;
    this.#judge(sight.tool, puck[0]!, puck[1]!);
    return true;
  }

  advance(x: Float64Array, h: number, out: Float64Array): void {
    const n = this.joints;
    const r = 2 * n;
    for (let i = 0; i < REST; i++) out[i] = x[r + i]!;
    const moves =
      Math.abs(x[r + PUCK.vx]!) > STILL ||
      Math.abs(x[r + PUCK.vy]!) > STILL ||
      Math.abs(x[r + PUCK.w]!) > STILL;
    const steps = Math.max(1, Math.round(h / TIMESTEP));
    if (!moves && this.#clear(x, 0) && this.#clear(x, h)) return;
    this.#views.fresh();
    const { qpos, qvel } = this.#views;
    const p = this.#puckQ;
    const v = this.#puckDof;
    qpos.fill(0);
    qvel.fill(0);
    // What the solver of contacts starts from must not depend on the step before.
    (this.#data.qacc_warmstart as Float64Array).fill(0);
    qpos[p] = x[r + PUCK.x]!;
    qpos[p + 1] = x[r + PUCK.y]!;
    qpos[p + 2] = PUCK_HEIGHT;
    qpos[p + 3] = Math.cos(x[r + PUCK.turn]! / 2);
    qpos[p + 6] = Math.sin(x[r + PUCK.turn]! / 2);
    qvel[v] = x[r + PUCK.vx]!;
    qvel[v + 1] = x[r + PUCK.vy]!;
    qvel[v + 5] = x[r + PUCK.w]!;
    for (let s = 0; s < steps; s++) {
      this.#place(x, (s * h) / steps);
      for (let i = 0; i < n; i++) qvel[this.#dof[i]!] = x[n + i]!;
      this.#mj.mj_step(this.#model, this.#data);
    }
    out[PUCK.x] = qpos[p]!;
    out[PUCK.y] = qpos[p + 1]!;
    const yaw = 2 * Math.atan2(qpos[p + 6]!, qpos[p + 3]!);
    out[PUCK.turn] =
      x[r + PUCK.turn]! + Math.atan2(Math.sin(yaw - x[r + PUCK.turn]!), Math.cos(yaw - x[r + PUCK.turn]!));
    out[PUCK.vx] = qvel[v]!;
    out[PUCK.vy] = qvel[v + 1]!;
    out[PUCK.w] = qvel[v + 5]!;
  }

  residuals(x: Float64Array, out: Float64Array): void {
    const r = 2 * this.joints;
    const ex = this.#target[0]! - x[r + PUCK.x]!;
    const ey = this.#target[1]! - x[r + PUCK.y]!;
    const push = this.#stage === Stage.push;
    // Only while it pushes may the plan move the puck.
    out[0] = push ? -ex : 0;
    out[1] = push ? -ey : 0;
    this.#views.fresh();
    this.#place(x, 0);
    this.#mj.mj_kinematics(this.#model, this.#data);
    const { siteXpos, xquat } = this.#views;
    const dx = siteXpos[3 * this.#site]! - x[r + PUCK.x]!;
    const dy = siteXpos[3 * this.#site + 1]! - x[r + PUCK.y]!;
    const [ux, uy] = [this.#line[0]!, this.#line[1]!];
    const left = Math.max(0, ex * ux + ey * uy);
    const up = this.#stage === Stage.up;
    out[2] = dx * ux + dy * uy + this.#back - (push ? (REACH * left) / (left + 2 * ARRIVED) : 0);
    out[3] = FIRM * (dy * ux - dx * uy);
    if (up) {
      // Back and up from where it was: beside the puck every other way may touch it.
      out[2] = siteXpos[3 * this.#site]! - this.#left[0]!;
      out[3] = siteXpos[3 * this.#site + 1]! - this.#left[1]!;
    }
    out[4] = FIRM * (siteXpos[3 * this.#site + 2]! - this.#height);
    this.#lean(xquat, out, 5);
    out[8] = x[r + PUCK.vx]!;
    out[9] = x[r + PUCK.vy]!;
  }

  /** The stage of what was seen, and the line of the push, which stays while it pushes near the target. */
  #judge(tool: Float64Array, px: number, py: number): void {
    const ex = this.#target[0]! - px;
    const ey = this.#target[1]! - py;
    const far = Math.sqrt(ex * ex + ey * ey);
    if (far > ARRIVED || Number.isNaN(this.#line[0]!)) {
      this.#line[0] = far > 0 ? ex / far : 1;
      this.#line[1] = far > 0 ? ey / far : 0;
    }
    const [ux, uy] = [this.#line[0]!, this.#line[1]!];
    const along = (tool[0]! - px) * ux + (tool[1]! - py) * uy;
    const aside = (tool[1]! - py) * ux - (tool[0]! - px) * uy;
    const near = this.#stage === Stage.over ? THERE : THERE / 2;
    const there = Math.hypot(along + this.#back, aside) < near && Math.abs(tool[2]! - this.#height) < near;
    const before = this.#stage;
    if (this.#stage === Stage.over && there) this.#stage = Stage.down;
    else if (this.#stage === Stage.down && there) this.#stage = Stage.push;
    else if (this.#stage === Stage.push && far < ARRIVED) this.#stage = Stage.up;
    else if (
      this.#stage !== Stage.over &&
      this.#stage !== Stage.up &&
      (Math.abs(aside) > SLIPPED || along > 0)
    )
      this.#stage = Stage.up;
    else if (this.#stage === Stage.up && tool[2]! > HIGH - THERE && far > AWAY) this.#stage = Stage.over;
    if (this.#stage === Stage.up && before !== Stage.up) {
      this.#left[0] = tool[0]! - RETREAT * ux;
      this.#left[1] = tool[1]! - RETREAT * uy;
    }
    this.#back = [BACK.over, BACK.down, BACK.push, BACK.up][this.#stage]!;
    this.#height = this.#stage === Stage.over || this.#stage === Stage.up ? HIGH : TIP_HEIGHT;
  }

  dispose(): void {
    this.#data.delete();
    this.#model.delete();
  }

  /** The arm at q + t qd, fingers closed. */
  #place(x: Float64Array, t: number): void {
    const { qpos, qvel } = this.#views;
    const n = this.joints;
    for (let i = 0; i < n; i++) qpos[this.#q[i]!] = x[i]! + t * x[n + i]!;
    for (let i = 0; i < this.#fingers.length; i++) {
      qpos[this.#fingers[i]!] = 0;
      qvel[this.#fingerDofs[i]!] = 0;
    }
  }

  /** The tool is far from the puck t seconds on. */
  #clear(x: Float64Array, t: number): boolean {
    const r = 2 * this.joints;
    this.#views.fresh();
    this.#place(x, t);
    this.#mj.mj_kinematics(this.#model, this.#data);
    const { siteXpos } = this.#views;
    const dx = siteXpos[3 * this.#site]! - x[r + PUCK.x]!;
    const dy = siteXpos[3 * this.#site + 1]! - x[r + PUCK.y]!;
    const dz = siteXpos[3 * this.#site + 2]! - PUCK_HEIGHT;
    return dx * dx + dy * dy + dz * dz > CLEAR * CLEAR;
  }

  /** Of the tool's axes against pointing down with x ahead: the rotation vector from there, by half angles. */
  #lean(xquat: Float64Array, out: Float64Array, at: number): void {
    const turn = this.#turn;
    const b = 4 * this.#siteBody;
    turn[0] = xquat[b + 1]!;
    turn[1] = xquat[b + 2]!;
    turn[2] = xquat[b + 3]!;
    turn[3] = xquat[b]!;
    quatMul(turn, 0, turn, 0, this.#siteQuat, 0);
    // turn · (1, 0, 0, 0)⁻¹, the half turn about x that points down.
    const [x, y, z, w] = [turn[0]!, turn[1]!, turn[2]!, turn[3]!];
    const sign = x < 0 ? -1 : 1;
    out[at] = -2 * sign * w;
    out[at + 1] = -2 * sign * z;
    out[at + 2] = 2 * sign * y;
  }
}
