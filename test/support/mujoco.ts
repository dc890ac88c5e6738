/** MuJoCo's WebAssembly build as an oracle for kinematics: poses and Jacobians of a model at given joint values. */
import loadMujoco, { type MainModule, type MjData, type MjModel } from '@mujoco/mujoco';

let module: Promise<MainModule> | null = null;

export class Oracle {
  readonly #m: MainModule;
  readonly #model: MjModel;
  readonly #data: MjData;

  private constructor(m: MainModule, model: MjModel) {
    this.#m = m;
    this.#model = model;
    this.#data = new m.MjData(model);
  }

  /** The model must be one file of XML text. */
  static async of(xml: string): Promise<Oracle> {
    module ??= loadMujoco();
    const m = await module;
    return new Oracle(m, m.MjModel.from_xml_string(xml));
  }

  /** Sets joints by name and computes positions. */
  set(values: ReadonlyMap<string, number>): void {
    const m = this.#m;
    m.mj_resetData(this.#model, this.#data);
    const qpos = this.#data.qpos as Float64Array;
    const address = this.#model.jnt_qposadr as Int32Array;
    for (const [name, value] of values) {
      const id = m.mj_name2id(this.#model, m.mjtObj.mjOBJ_JOINT.value, name);
      if (id < 0) throw new Error(`MuJoCo knows no joint ${name}`);
      qpos[address[id]!] = value;
    }
    m.mj_kinematics(this.#model, this.#data);
    m.mj_comPos(this.#model, this.#data);
  }

  #id(kind: 'body' | 'site', name: string): number {
    const type = kind === 'body' ? this.#m.mjtObj.mjOBJ_BODY : this.#m.mjtObj.mjOBJ_SITE;
    const id = this.#m.mj_name2id(this.#model, type.value, name);
    if (id < 0) throw new Error(`MuJoCo knows no ${kind} ${name}`);
    return id;
  }

  /** Position and row-major rotation matrix: 12 values. */
  pose(kind: 'body' | 'site', name: string): number[] {
    const id = this.#id(kind, name);
    const d = this.#data;
    const p = (kind === 'body' ? d.xpos : d.site_xpos) as Float64Array;
    const r = (kind === 'body' ? d.xmat : d.site_xmat) as Float64Array;
    return [...p.subarray(3 * id, 3 * id + 3), ...r.subarray(9 * id, 9 * id + 9)];
  }

  /** Column of the 6-row Jacobian (linear above angular) of a body's or site's origin for one joint. */
  jacobian(kind: 'body' | 'site', name: string, joint: string): number[] {
    const m = this.#m;
    const nv = this.#model.nv;
    const linear = new m.DoubleBuffer(3 * nv);
    const angular = new m.DoubleBuffer(3 * nv);
    const id = this.#id(kind, name);
    if (kind === 'body') m.mj_jacBody(this.#model, this.#data, linear, angular, id);
    else m.mj_jacSite(this.#model, this.#data, linear, angular, id);
    const dof = (this.#model.jnt_dofadr as Int32Array)[
      m.mj_name2id(this.#model, m.mjtObj.mjOBJ_JOINT.value, joint)
    ]!;
    const column = [linear, angular].flatMap((b) => {
      const v = b.GetView() as Float64Array;
      return [v[dof]!, v[nv + dof]!, v[2 * nv + dof]!];
    });
    linear.delete();
    angular.delete();
    return column;
  }

  /** Mass, centre of mass, orientation of the principal frame (x y z w) and moments of a body, as compiled. */
  inertial(body: string): { mass: number; com: number[]; orientation: number[]; moments: number[] } {
    const id = this.#id('body', body);
    const of = (x: unknown, n: number): number[] => [...(x as Float64Array).subarray(n * id, n * id + n)];
    const m = this.#model;
    const [w, x, y, z] = of(m.body_iquat, 4);
    return {
      mass: of(m.body_mass, 1)[0]!,
      com: of(m.body_ipos, 3),
      orientation: [x!, y!, z!, w!],
      moments: of(m.body_inertia, 3),
    };
  }

  /** Entries of M and the bias force without speeds for the joints named, at the values last set. */
  dynamics(joints: readonly string[]): { M: number[]; gravity: number[] } {
    const m = this.#m;
    const model = this.#model;
    m.mj_forward(model, this.#data);
    const full = new m.DoubleBuffer(model.nv * model.nv);
    m.mj_fullM(model, this.#data, full);
    const all = full.GetView() as Float64Array;
    const dofs = joints.map(
      (name) => (model.jnt_dofadr as Int32Array)[m.mj_name2id(model, m.mjtObj.mjOBJ_JOINT.value, name)]!,
    );
    const result = {
      M: dofs.flatMap((i) => dofs.map((j) => all[i * model.nv + j]!)),
      gravity: dofs.map((i) => (this.#data.qfrc_bias as Float64Array)[i]!),
    };
    full.delete();
    return result;
  }

  [Symbol.dispose](): void {
    this.#data.delete();
    this.#model.delete();
  }
}
