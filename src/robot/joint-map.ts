import type { RobotSpec } from './spec.ts';

/**
 * Joints of the model from the axes of the rig. An axis x drives joints q_i = r_i x, so qd_i = r_i xd; its effort is
 * shared so that the virtual work is the same with the least Σ tau_i²: tau_i = tau r_i / Σ r².
 */
export class JointMap {
  readonly names: readonly string[];
  readonly position: Float64Array;
  readonly velocity: Float64Array;
  readonly effort: Float64Array;
  readonly #axis: readonly number[];
  readonly #ratio: readonly number[];
  readonly #share: readonly number[];

  constructor(spec: RobotSpec) {
    const rows = spec.axes.flatMap((axis, index) => {
      const joints = axis.joints.length > 0 ? axis.joints : [{ name: axis.name, ratio: 1 }];
      const sum = joints.reduce((s, j) => s + j.ratio * j.ratio, 0);
      return joints.map((j) => ({ name: j.name, index, ratio: j.ratio, share: j.ratio / (sum || 1) }));
    });
    this.names = rows.map((r) => r.name);
    this.#axis = rows.map((r) => r.index);
    this.#ratio = rows.map((r) => r.ratio);
    this.#share = rows.map((r) => r.share);
    this.position = new Float64Array(rows.length);
    this.velocity = new Float64Array(rows.length);
    this.effort = new Float64Array(rows.length);
  }

  /** Fills the three vectors from axis values at the given offsets of a block. */
  from(block: Float64Array, q: number, qd: number, tau: number): void {
    for (let i = 0; i < this.names.length; i++) {
      const axis = this.#axis[i]!;
      this.position[i] = block[q + axis]! * this.#ratio[i]!;
      this.velocity[i] = block[qd + axis]! * this.#ratio[i]!;
      this.effort[i] = block[tau + axis]! * this.#share[i]!;
    }
  }
}
