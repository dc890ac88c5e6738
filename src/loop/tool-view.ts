/** What people and logs see of the tool: its measured pose, and how far the arm is from singular. */
import { singularRange } from '../math/linalg.ts';
import type { KinematicModel } from '../model/kinematics.ts';
import type { FieldSpec, Layout } from '../robot/layout.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { TickLayout } from '../robot/tick.ts';

/** The singular values cost more than all the rest of a quiet cycle: one tick in this many computes them. */
const EVERY = 16;

export class ToolView {
  static readonly fields: readonly FieldSpec[] = [
    { name: 'tool.manipulability', unit: '1', doc: 'last value computed' },
  ];

  readonly #model: KinematicModel;
  readonly #kept: Float64Array;
  readonly #q: Float64Array;
  readonly #pose = new Float64Array(7);
  readonly #jacobian: Float64Array;
  readonly #range = new Float64Array(2);
  readonly #axes: number;
  readonly #arm: number;
  readonly #armJacobian: Float64Array;
  readonly #tick: number;
  readonly #inQ: number;
  readonly #tool: number;
  readonly #manipulability: number;

  constructor(
    spec: RobotSpec,
    model: KinematicModel,
    tick: TickLayout,
    memory: Float64Array,
    layout: Layout,
  ) {
    this.#model = model;
    this.#kept = layout.view(memory, 'tool.manipulability');
    this.#axes = spec.axes.length;
    this.#arm = spec.armAxes;
    this.#q = new Float64Array(this.#axes);
    this.#jacobian = new Float64Array(6 * this.#axes);
    this.#armJacobian = new Float64Array(6 * this.#arm);
    this.#tick = tick.layout.at('in.tick');
    this.#inQ = tick.layout.at('in.q');
    this.#tool = tick.layout.at('out.tool');
    this.#manipulability = tick.layout.at('out.manipulability');
  }

  /** Writes out.tool, and out.manipulability where the controller has not. Allocates nothing. */
  write(tick: Float64Array): void {
    const n = this.#axes;
    for (let i = 0; i < n; i++) this.#q[i] = tick[this.#inQ + i]!;
    this.#model.pose(this.#q, this.#model.tool, this.#pose, 0);
    for (let k = 0; k < 7; k++) tick[this.#tool + k] = this.#pose[k]!;
    if (tick[this.#manipulability] !== 0) {
      this.#kept[0] = tick[this.#manipulability]!;
      return;
    }
    if (this.#arm >= 6 && tick[this.#tick]! % EVERY === 0) {
      this.#model.jacobian(this.#q, this.#model.tool, this.#jacobian);
      for (let r = 0; r < 6; r++) {
        for (let i = 0; i < this.#arm; i++) this.#armJacobian[r * this.#arm + i] = this.#jacobian[r * n + i]!;
      }
      singularRange(this.#armJacobian, 6, this.#arm, this.#range);
      this.#kept[0] = this.#range[1]! > 0 ? this.#range[0]! / this.#range[1]! : 0;
    }
    tick[this.#manipulability] = this.#kept[0]!;
  }
}
