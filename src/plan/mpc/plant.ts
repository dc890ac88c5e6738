/**
 * What the planner takes the arm for. x = (q, qd) of n joints; one stage of length h holds u:
 *
 *     qd' = qd + h a(x, u),   q' = q + h qd + ½ h² a(x, u)
 *
 *   CommandPlant  a = u: the command of an arm whose own servos follow positions.
 *   EffortPlant   a = forward dynamics: an arm that takes efforts. Whether gravity is the planner's or the device's
 *                 business is an option of the model that it is given.
 */
import type { DynamicsModel } from '../../model/dynamics.ts';
import { CommandMode } from '../../robot/tick.ts';

export interface ArmPlant {
  readonly joints: number;
  readonly mode: CommandMode;
  /** out (2n) = the state h seconds later. */
  step(x: Float64Array, u: Float64Array, h: number, out: Float64Array): void;
  /** fx (2n × 2n), fu (2n × n) of `step`. */
  derivatives(x: Float64Array, u: Float64Array, h: number, fx: Float64Array, fu: Float64Array): void;
}

export class CommandPlant implements ArmPlant {
  readonly joints: number;
  readonly mode = CommandMode.position;

  constructor(joints: number) {
    this.joints = joints;
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
      fu[i * n + i] = 0.5 * h * h;
      fu[(n + i) * n + i] = h;
    }
  }
}

export class EffortPlant implements ArmPlant {
  readonly joints: number;
  readonly mode = CommandMode.torque;
  readonly #model: DynamicsModel;
  readonly #q: Float64Array;
  readonly #v: Float64Array;
  readonly #a: Float64Array;
  readonly #dq: Float64Array;
  readonly #dv: Float64Array;
  readonly #du: Float64Array;

  constructor(model: DynamicsModel) {
    const { n } = model;
    this.joints = n;
    this.#model = model;
    this.#q = new Float64Array(n);
    this.#v = new Float64Array(n);
    this.#a = new Float64Array(n);
    this.#dq = new Float64Array(n * n);
    this.#dv = new Float64Array(n * n);
    this.#du = new Float64Array(n * n);
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
    const half = 0.5 * h * h;
    for (let i = 0; i < n; i++) {
      const top = i * 2 * n;
      const low = (n + i) * 2 * n;
      for (let j = 0; j < n; j++) {
        const same = i === j ? 1 : 0;
        const dq = this.#dq[i * n + j]!;
        const dv = this.#dv[i * n + j]!;
        const du = this.#du[i * n + j]!;
        fx[top + j] = same + half * dq;
        fx[top + n + j] = same * h + half * dv;
        fx[low + j] = h * dq;
        fx[low + n + j] = same + h * dv;
        fu[i * n + j] = half * du;
        fu[(n + i) * n + j] = h * du;
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
    out[i] = x[i]! + h * (x[n + i]! + 0.5 * h * a[i]!);
    out[n + i] = x[n + i]! + h * a[i]!;
  }
}
