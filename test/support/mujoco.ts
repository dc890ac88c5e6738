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

  [Symbol.dispose](): void {
    this.#data.delete();
    this.#model.delete();
  }
}
