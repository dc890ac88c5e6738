/**
 * Pushing the puck, for planners: MuJoCo's contacts of puck, table and fingers, with the arm moved as its command moves. The
 * puck is planar: x, y, turn about the vertical and their rates.
 */
import { quatHeading, quatMul } from '../src/math/quat.ts';
import type { PlantTerm, ScenePlant, SceneSight } from '../src/robot/plant.ts';
import type { RobotSpec } from '../src/robot/spec.ts';
import { loadModel, type MjData, type MjModel, type Mujoco, need, Views } from './mujoco.ts';
import { PushContact } from './push-contact.ts';
import { FORK, PushStages, Stage } from './push-stages.ts';

/** Height and line count more than the way along it. */
const FIRM = 3;
/** Further from the puck than this at both ends of a step, a tool touches nothing, m. */
const CLEAR = 0.095;
/** Slower than this the puck lies still, m/s and rad/s. */
const STILL = 1e-4;
/** Velocities are differences of what was seen within this time, s. */
const RECENT = 0.3;

const REST = 6;
const PUCK = { x: 0, y: 1, turn: 2, vx: 3, vy: 4, w: 5 } as const;

export class PushPlant implements ScenePlant {
  readonly joints: number;
  readonly rest = REST;
  readonly grip = FORK;
  readonly steps: Float64Array;
  readonly terms: readonly PlantTerm[] = [
    { name: 'puck to target', size: 2, weight: 200, final: 200, smooth: 0.05 },
    { name: 'place of the tool', size: 3, weight: 300, final: 300, smooth: 0.05 },
    { name: 'tool along the line', size: 3, weight: 40, final: 40, smooth: 0.3 },
    { name: 'puck speed', size: 2, weight: 200, final: 200 },
  ];
  readonly #mj: Mujoco;
  readonly #model: MjModel;
  readonly #data: MjData;
  readonly #views: Views;
  readonly #q: Int32Array;
  readonly #contact: PushContact;
  /** Two poses of the tool: p, quaternion x y z w. */
  readonly #tool = new Float64Array(14);
  readonly #site: number;
  readonly #siteBody: number;
  readonly #siteQuat: Float64Array;
  readonly #target = new Float64Array(2);
  readonly #seen = new Float64Array(4).fill(Number.NaN);
  readonly #stages = new PushStages();

  constructor(mj: Mujoco, robot: RobotSpec) {
    const n = robot.armAxes;
    this.joints = n;
    this.steps = new Float64Array(2 * n + REST).fill(4e-3, 0, n).fill(4e-2, n, 2 * n);
    this.steps.set([1e-3, 1e-3, 1e-2, 1e-2, 1e-2, 1e-1], 2 * n);
    this.#mj = mj;
    this.#model = loadModel(mj, 'push.xml');
    this.#data = new mj.MjData(this.#model);
    this.#views = new Views(this.#model, this.#data);
    const joints = (names: readonly string[]): Int32Array =>
      Int32Array.from(
        names,
        (name) => (this.#model.jnt_qposadr as Int32Array)[need(mj, this.#model, 'joint', name)]!,
      );
    this.#q = joints(robot.axes.slice(0, n).map((a) => a.joints[0]!.name));
    for (const axis of robot.axes.slice(n)) {
      const at = joints(axis.joints.map((j) => j.name));
      axis.joints.forEach((j, i) => {
        this.#views.qpos[at[i]!] = j.ratio * FORK;
      });
    }
    this.#site = need(mj, this.#model, 'site', robot.model.tool);
    this.#siteBody = (this.#model.site_bodyid as Int32Array)[this.#site]!;
    const quat = this.#model.site_quat as Float64Array;
    const at = 4 * this.#site;
    this.#siteQuat = Float64Array.of(quat[at + 1]!, quat[at + 2]!, quat[at + 3]!, quat[at]!);
    mj.mj_kinematics(this.#model, this.#data);
    this.#contact = new PushContact(mj, this.#model, this.#data, {
      body: this.#siteBody,
      site: this.#site,
      object: 'puck',
      table: 'table',
    });
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
    this.#stages.see(sight.tool, puck, this.#target);
    return true;
  }

  advance(x: Float64Array, h: number, out: Float64Array): void {
    const r = 2 * this.joints;
    for (let i = 0; i < REST; i++) out[i] = x[r + i]!;
    const moves =
      Math.abs(x[r + PUCK.vx]!) > STILL ||
      Math.abs(x[r + PUCK.vy]!) > STILL ||
      Math.abs(x[r + PUCK.w]!) > STILL;
    this.#locate(x, 0, 0);
    this.#locate(x, h, 7);
    if (!moves && this.#clear(x, 0) && this.#clear(x, 7)) return;
    this.#contact.move(this.#tool, h, out);
  }

  residuals(x: Float64Array, out: Float64Array): void {
    const r = 2 * this.joints;
    const ex = this.#target[0]! - x[r + PUCK.x]!;
    const ey = this.#target[1]! - x[r + PUCK.y]!;
    const { stage, line, aim, back, low } = this.#stages;
    const push = stage === Stage.push;
    // Only while it pushes may the plan move the puck.
    out[0] = push ? -ex : 0;
    out[1] = push ? -ey : 0;
    this.#locate(x, 0, 0);
    const tool = this.#tool;
    if (push) {
      const dx = tool[0]! - x[r + PUCK.x]!;
      const dy = tool[1]! - x[r + PUCK.y]!;
      out[2] = dx * line[0]! + dy * line[1]! + back;
      out[3] = FIRM * (dy * line[0]! - dx * line[1]!);
    } else {
      out[2] = tool[0]! - aim[0]!;
      out[3] = tool[1]! - aim[1]!;
    }
    out[4] = (low ? FIRM : 1) * (tool[2]! - aim[2]!);
    this.#stages.lean(tool, out, 5);
    out[8] = x[r + PUCK.vx]!;
    out[9] = x[r + PUCK.vy]!;
  }

  dispose(): void {
    this.#contact.dispose();
    this.#data.delete();
    this.#model.delete();
  }

  /** Into #tool from `at` on: its pose when the arm is at q + t qd. */
  #locate(x: Float64Array, t: number, at: number): void {
    this.#views.fresh();
    const { qpos, siteXpos, xquat } = this.#views;
    const n = this.joints;
    for (let i = 0; i < n; i++) qpos[this.#q[i]!] = x[i]! + t * x[n + i]!;
    this.#mj.mj_kinematics(this.#model, this.#data);
    const tool = this.#tool;
    for (let i = 0; i < 3; i++) tool[at + i] = siteXpos[3 * this.#site + i]!;
    const b = 4 * this.#siteBody;
    for (let i = 0; i < 4; i++) tool[at + 3 + i] = xquat[b + ((i + 1) & 3)]!;
    quatMul(tool, at + 3, tool, at + 3, this.#siteQuat, 0);
  }

  /** The tool at `at` of #tool is far from the puck. */
  #clear(x: Float64Array, at: number): boolean {
    const r = 2 * this.joints;
    const dx = this.#tool[at]! - x[r + PUCK.x]!;
    const dy = this.#tool[at + 1]! - x[r + PUCK.y]!;
    const dz = this.#tool[at + 2]! - this.#contact.height;
    return dx * dx + dy * dy + dz * dz > CLEAR * CLEAR;
  }
}
