/**
 * What the planner takes the arm for. x = (q, qd) of n joints; one stage of length h holds u (semi-implicit Euler, for
 * which backward passes take half the time):
 *
 *     qd' = qd + h a(x, u),   q' = q + h qd'
 *
 *   CommandPlant  a = u: the command of an arm whose own servos follow positions.
 *   EffortPlant   a = forward dynamics: an arm that takes efforts. Whether gravity is the planner's or the device's
 *                 business is an option of the model that it is given.
 */
import type { DynamicsModel } from '../../model/dynamics.ts';
import type { TrajectoryFunctions } from '../../model/generated-trajectory.ts';
import { CommandMode } from '../../robot/tick.ts';
import type { PlanMemory } from '../problem.ts';

export interface ArmPlant {
  readonly joints: number;
  readonly mode: CommandMode;
  /** Where arrays of problems of this plant belong. */
  readonly memory?: PlanMemory;
  /** out (2n) = the state h seconds later. */
  step(x: Float64Array, u: Float64Array, h: number, out: Float64Array): void;
  /** fx (2n × 2n), fu (2n × n) of `step`. */
  derivatives(x: Float64Array, u: Float64Array, h: number, fx: Float64Array, fu: Float64Array): void;
  /** The same for `count` stages in one call, in arrays of `memory`. */
  trajectory?(
    count: number,
    xs: Float64Array,
    us: Float64Array,
    h: number,
    fx: Float64Array,
    fu: Float64Array,
  ): void;
}

export class CommandPlant implements ArmPlant {
  readonly joints: number;
  readonly mode = CommandMode.position;
  readonly memory?: PlanMemory;

  constructor(joints: number, memory?: PlanMemory) {
    this.joints = joints;
    if (memory !== undefined) this.memory = memory;
  }

  step(x: Float64Array, u: Float64Array, h: number, out: Float64Array): void {
    advance(x, u, this.joints, h, out);
  }

  derivatives(_x: Float64Array, _u: Float64Array, h: number, fx: Float64Array, fu: Float64Array): void {
    const n = this.joints;
    fx.fill(0);
    fu.fill(0);
    for (let i = 0; i < n; i++) {
      fx[i * 2 * n + i] = 1;
      fx[i * 2 * n + n + i] = h;
      fx[(n + i) * 2 * n + n + i] = 1;
      fu[i * n + i] = h * h;
      fu[(n + i) * n + i] = h;
    }
  }
}

export class EffortPlant implements ArmPlant {
  readonly joints: number;
  readonly mode = CommandMode.torque;
  readonly memory?: PlanMemory;
  readonly trajectory?: NonNullable<ArmPlant['trajectory']>;
  readonly #model: DynamicsModel;
  readonly #q: Float64Array;
  readonly #v: Float64Array;
  readonly #a: Float64Array;
  readonly #dq: Float64Array;
  readonly #dv: Float64Array;
  readonly #du: Float64Array;

  /** `memory` and `bulk` of a generated model, where there is one. */
  constructor(model: DynamicsModel, memory?: PlanMemory, bulk?: Pick<TrajectoryFunctions, 'derivatives'>) {
    const { n } = model;
    const alloc = (count: number): Float64Array => memory?.alloc(count) ?? new Float64Array(count);
    this.joints = n;
    this.#model = model;
    if (memory !== undefined) this.memory = memory;
    if (bulk !== undefined) this.trajectory = (...args) => bulk.derivatives(...args);
    this.#q = alloc(n);
    this.#v = alloc(n);
    this.#a = alloc(n);
    this.#dq = alloc(n * n);
    this.#dv = alloc(n * n);
    this.#du = alloc(n * n);
  }

  step(x: Float64Array, u: Float64Array, h: number, out: Float64Array): void {
    this.#split(x);
    this.#model.forward(this.#q, this.#v, u, this.#a);
    advance(x, this.#a, this.joints, h, out);
  }

  derivatives(x: Float64Array, u: Float64Array, h: number, fx: Float64Array, fu: Float64Array): void {
    const n = this.joints;
    this.#split(x);
    this.#model.forwardDerivatives(this.#q, this.#v, u, this.#dq, this.#dv, this.#du);
    for (let i = 0; i < n; i++) {
      const top = i * 2 * n;
      const low = (n + i) * 2 * n;
      for (let j = 0; j < n; j++) {
        const same = i === j ? 1 : 0;
        const dq = h * this.#dq[i * n + j]!;
        const dv = h * this.#dv[i * n + j]!;
        const du = h * this.#du[i * n + j]!;
        fx[top + j] = same + h * dq;
        fx[top + n + j] = h * (same + dv);
        fx[low + j] = dq;
        fx[low + n + j] = same + dv;
        fu[i * n + j] = h * du;
        fu[(n + i) * n + j] = du;
      }
    }
  }

  #split(x: Float64Array): void {
    const n = this.joints;
    for (let i = 0; i < n; i++) {
      this.#q[i] = x[i]!;
      this.#v[i] = x[n + i]!;
    }
  }
}

function advance(x: Float64Array, a: Float64Array, n: number, h: number, out: Float64Array): void {
  for (let i = 0; i < n; i++) {
    const v = x[n + i]! + h * a[i]!;
    out[n + i] = v;
    out[i] = x[i]! + h * v;
  }
}
