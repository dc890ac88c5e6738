/**
 * Contact of a tool with a thing on the table, and nothing else: a scene of three bodies made from the robot's own. The shapes
 * of the tool (its body and what hangs on it, at the given opening) are one free body that is moved with a constant twist
 * and too heavy to be pushed back. A step takes a fifth of one of the whole scene.
 */
import { ArmloopError } from '../src/errors.ts';
import { quatConj, quatLog, quatMul } from '../src/math/quat.ts';
import { type MjData, type MjModel, type Mujoco, need, Views } from './mujoco.ts';

/** Physics step, s: coarser than that of the simulation. */
const TIMESTEP = 0.008;
/** Time constant of contacts, s: softer than in the simulation, they begin earlier and have slopes that a step can follow. */
const SOFT = 0.02;
/** Mass, kg, and inertia, kg m², of what is moved. */
const HEAVY = 1000;
/** Shapes that can be copied; MuJoCo's mjtGeom in order. */
const SHAPES = ['', '', 'sphere', 'capsule', 'ellipsoid', 'cylinder', 'box'];
/** First position and first dof of the tool; the thing has those before. */
const TOOL = { qpos: 7, qvel: 6 } as const;

export interface ContactNames {
  /** Body that holds the shapes of the tool, and the site whose pose is the tool's. */
  readonly body: number;
  readonly site: number;
  /** Bodies with one shape each. */
  readonly object: string;
  readonly table: string;
}

export class PushContact {
  /** Height of the object's middle when it lies on the table, m. */
  readonly height: number;
  readonly #mj: Mujoco;
  readonly #model: MjModel;
  readonly #data: MjData;
  readonly #views: Views;
  readonly #turn = new Float64Array(4);
  readonly #twist = new Float64Array(6);

  /** From the scene at its state in `data`. Throws SIM_MODEL_INVALID for a tool of other shapes than the simple ones. */
  constructor(mj: Mujoco, model: MjModel, data: MjData, { body, site, object, table }: ContactNames) {
    const thing = need(mj, model, 'body', object);
    const below = need(mj, model, 'body', table);
    const origin = { at: triple(data.site_xpos, site), frame: data.site_xmat.slice(9 * site, 9 * site + 9) };
    const parent = model.body_parentid as Int32Array;
    const within = (b: number): boolean => b === body || (b > 0 && within(parent[b]!));
    const shapes = (wanted: (b: number) => boolean): number[] =>
      Array.from(model.geom_bodyid as Int32Array, (b, g) => ({ b, g }))
        .filter(({ b, g }) => wanted(b) && (model.geom_contype[g] !== 0 || model.geom_conaffinity[g] !== 0))
        .map(({ g }) => g);
    const tool = shapes(within);
    const [thingShape] = shapes((b) => b === thing);
    const [tableShape] = shapes((b) => b === below);
    const top = data.geom_xpos[3 * tableShape! + 2]! + model.geom_size[3 * tableShape! + 2]!;
    this.height = top + model.geom_size[3 * thingShape! + 1]!;
    const xml = `<mujoco model="push-contact">
  <option timestep="${TIMESTEP}" cone="elliptic" impratio="10" noslip_iterations="3"/>
  <worldbody>
    ${shape(model, tableShape!, `pos="0 0 ${top}"`, 'plane')}
    <body><freejoint/>${shape(model, thingShape!, `mass="${model.body_mass[thing]}"`)}</body>
    <body gravcomp="1"><freejoint/>
      <inertial pos="0 0 0" mass="${HEAVY}" diaginertia="${HEAVY} ${HEAVY} ${HEAVY}"/>
      ${tool.map((g) => shape(model, g, placed(data, g, origin))).join('\n      ')}
    </body>
  </worldbody>
</mujoco>`;
    this.#mj = mj;
    this.#model = compile(mj, xml);
    this.#data = new mj.MjData(this.#model);
    this.#views = new Views(this.#model, this.#data);
  }

  /**
   * Moves the tool from the pose at `tool[0]` to that at `tool[7]` (p, quaternion x y z w) in `h` seconds. `object` (x, y,
   * turn about the vertical, their rates) goes from the state before to that after.
   */
  move(tool: Float64Array, h: number, object: Float64Array): void {
    this.#views.fresh();
    const { qpos, qvel } = this.#views;
    const twist = this.#twist;
    const turn = this.#turn;
    // What the solver of contacts starts from must not depend on the step before.
    (this.#data.qacc_warmstart as Float64Array).fill(0);
    qpos[0] = object[0]!;
    qpos[1] = object[1]!;
    qpos[2] = this.height;
    qpos[3] = Math.cos(object[2]! / 2);
    qpos[4] = 0;
    qpos[5] = 0;
    qpos[6] = Math.sin(object[2]! / 2);
    qvel[0] = object[3]!;
    qvel[1] = object[4]!;
    qvel[2] = 0;
    qvel[3] = 0;
    qvel[4] = 0;
    qvel[5] = object[5]!;
    for (let i = 0; i < 3; i++) {
      qpos[TOOL.qpos + i] = tool[i]!;
      twist[i] = (tool[7 + i]! - tool[i]!) / h;
    }
    qpos[TOOL.qpos + 3] = tool[6]!;
    for (let i = 0; i < 3; i++) qpos[TOOL.qpos + 4 + i] = tool[3 + i]!;
    // Angular velocities of free bodies are in their own frames.
    quatConj(turn, 0, tool, 3);
    quatMul(turn, 0, turn, 0, tool, 10);
    quatLog(twist, 3, turn, 0);
    for (let i = 3; i < 6; i++) twist[i]! /= h;
    const steps = Math.max(1, Math.round(h / TIMESTEP));
    this.#model.opt.timestep = h / steps;
    for (let s = 0; s < steps; s++) {
      for (let i = 0; i < 6; i++) qvel[TOOL.qvel + i] = twist[i]!;
      this.#mj.mj_step(this.#model, this.#data);
    }
    object[0] = qpos[0]!;
    object[1] = qpos[1]!;
    const by = 2 * Math.atan2(qpos[6]!, qpos[3]!) - object[2]!;
    object[2]! += Math.atan2(Math.sin(by), Math.cos(by));
    object[3] = qvel[0]!;
    object[4] = qvel[1]!;
    object[5] = qvel[5]!;
  }

  dispose(): void {
    this.#data.delete();
    this.#model.delete();
  }
}

const triple = (a: Float64Array, i: number): number[] => [...a.subarray(3 * i, 3 * i + 3)];

/**
 * A shape of the model with its contact as it is, but soft; `more` says where or how heavy it is. The table is taken for an
 * endless plane: contacts with a box take five times as long.
 */
function shape(model: MjModel, g: number, more: string, type = SHAPES[model.geom_type[g]!] ?? ''): string {
  if (type === '') {
    throw new ArmloopError('SIM_MODEL_INVALID', {
      file: 'the scene of contacts',
      reason: `geom ${g} is of a shape that is not copied (mjtGeom ${model.geom_type[g]})`,
    });
  }
  const list = (a: Float64Array, n: number): string => [...a.subarray(n * g, n * g + n)].join(' ');
  return (
    `<geom type="${type}" size="${list(model.geom_size, 3)}" ${more}` +
    ` contype="${model.geom_contype[g]}" conaffinity="${model.geom_conaffinity[g]}" condim="${model.geom_condim[g]}"` +
    ` priority="${model.geom_priority[g]}" friction="${list(model.geom_friction, 3)}"` +
    ` solref="${SOFT} 1" solimp="${list(model.geom_solimp, 5)}"/>`
  );
}

/** Where a shape is, seen from a frame. */
function placed(data: MjData, g: number, { at, frame }: { at: number[]; frame: Float64Array }): string {
  const from = triple(data.geom_xpos, g).map((v, i) => v - at[i]!);
  const R = data.geom_xmat.subarray(9 * g, 9 * g + 9) as Float64Array;
  const column = (v: readonly number[], k: number): number =>
    frame[k]! * v[0]! + frame[3 + k]! * v[1]! + frame[6 + k]! * v[2]!;
  const axis = (c: number): string =>
    [0, 1, 2].map((k) => column([R[c]!, R[3 + c]!, R[6 + c]!], k)).join(' ');
  return `pos="${[0, 1, 2].map((k) => column(from, k)).join(' ')}" xyaxes="${axis(0)} ${axis(1)}"`;
}

function compile(mj: Mujoco, xml: string): MjModel {
  const vfs = new mj.MjVFS();
  try {
    vfs.addBuffer('push-contact.xml', new TextEncoder().encode(xml));
    return mj.MjModel.mj_loadXML('push-contact.xml', vfs);
  } finally {
    vfs.delete();
  }
}
