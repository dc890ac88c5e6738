/**
 * Delay compensation: the state in which the arm will be when the plan arrives. From what was measured, the nominal
 * model goes through the commands that are on their way: first those that the loop has sent since the capture of the
 * state, as recorded, then what the plan in force will make of the states to come.
 */
import type { RobotSpec } from '../../robot/spec.ts';
import { CommandMode, tickLayout } from '../../robot/tick.ts';
import { evaluatePlan, planOffsets } from './evaluate.ts';
import type { MpcProblem } from './problem.ts';

/** Sent commands that are remembered: a state is never older than that many ticks. */
const REMEMBERED = 256;
/** Longest step of the prediction, s. */
const STEP = 0.005;

export class Predictor {
  readonly #n: number;
  readonly #period: number;
  readonly #at: ReturnType<typeof offsets>;
  readonly #plan;
  /** Device of each joint, for the capture time of the state. */
  readonly #device: Int32Array;
  /** Ring of (in.time, effort…); effort NaN where none was commanded. */
  readonly #sent: Float64Array;
  readonly #record: Float64Array;
  #count = 0;
  readonly #row: Float64Array;
  readonly #time = new Float64Array(1);
  readonly #u: Float64Array;

  constructor(spec: RobotSpec) {
    const { layout } = tickLayout(spec);
    const n = spec.armAxes;
    this.#n = n;
    this.#period = 1 / spec.loop.rateHz;
    this.#at = offsets(layout);
    this.#plan = planOffsets(n);
    this.#device = Int32Array.from(spec.axes.slice(0, n), (a) =>
      spec.devices.findIndex((d) => d.name === a.device),
    );
    this.#sent = new Float64Array(REMEMBERED * (1 + n));
    this.#record = new Float64Array(layout.size);
    this.#row = new Float64Array(3 * n + 2 * n * n);
    this.#u = new Float64Array(n);
  }

  /** The newest tick. */
  get record(): Float64Array {
    return this.#record;
  }

  /** in.time of the newest tick. */
  get now(): number {
    return this.#record[this.#at.time]!;
  }

  /** As after a tick in which the arm stood still at q. */
  rest(q: Float64Array): void {
    const at = this.#at;
    this.#count = 0;
    for (let i = 0; i < this.#n; i++) {
      this.#record[at.q + i] = q[i]!;
      this.#record[at.qd + i] = 0;
      this.#record[at.cmdQ + i] = q[i]!;
      this.#record[at.cmdQd + i] = 0;
    }
  }

  /** Every tick, in order. */
  see(record: Float64Array): void {
    const at = this.#at;
    for (let i = 0; i < this.#record.length; i++) this.#record[i] = record[i]!;
    const base = (this.#count % REMEMBERED) * (1 + this.#n);
    const torque = record[at.commandMode] === CommandMode.torque;
    this.#sent[base] = record[at.time]!;
    for (let i = 0; i < this.#n; i++) this.#sent[base + 1 + i] = torque ? record[at.tau + i]! : Number.NaN;
    this.#count++;
  }

  /**
   * x (the arm's first 2n entries of the problem's state; what follows is left as it is and rolled along) at `arrival`,
   * for a plan of that mode. `plan` is the plan in force (planLayout), or null. Returns the time of the state that it
   * started from.
   */
  predict(
    problem: MpcProblem,
    mode: CommandMode,
    arrival: number,
    plan: Float64Array | null,
    x: Float64Array,
    next: Float64Array,
  ): number {
    const at = this.#at;
    const n = this.#n;
    const record = this.#record;
    const torque = mode === CommandMode.torque;
    const [q, qd] = torque ? [at.q, at.qd] : [at.cmdQ, at.cmdQd];
    for (let i = 0; i < n; i++) {
      x[i] = record[q + i]!;
      x[n + i] = record[qd + i]!;
    }
    // A command is meant for the end of its period.
    let t = torque ? this.#captured() : this.now + this.#period;
    const captured = t;
    if (torque) t = this.#sentSince(problem, t, arrival, x, next);
    while (t < arrival - 1e-9) {
      const h = Math.min(STEP, problem.dt, arrival - t);
      if (plan === null) this.#u.fill(0);
      else this.#feedback(problem, plan, t, x);
      problem.roll(x, this.#u, h, next);
      x.set(next);
      t += h;
    }
    return captured;
  }

  /** Capture time of the oldest part of the arm's state. */
  #captured(): number {
    let t = this.now;
    for (const d of this.#device) if (d >= 0) t = Math.min(t, this.#record[this.#at.captured + d]!);
    return t;
  }

  /** Rolls through the efforts that were sent since `t`; returns how far that leads. An arm that its servos hold stays. */
  #sentSince(problem: MpcProblem, t: number, arrival: number, x: Float64Array, next: Float64Array): number {
    const width = 1 + this.#n;
    const kept = Math.min(this.#count, REMEMBERED);
    for (let k = this.#count - kept; k < this.#count && t < arrival - 1e-9; k++) {
      const base = (k % REMEMBERED) * width;
      const end =
        k + 1 < this.#count ? this.#sent[((k + 1) % REMEMBERED) * width]! : this.#sent[base]! + this.#period;
      const until = Math.min(end, arrival);
      if (until <= t + 1e-9) continue;
      if (Number.isNaN(this.#sent[base + 1]!)) {
        t = until;
        continue;
      }
      for (let i = 0; i < this.#n; i++) this.#u[i] = this.#sent[base + 1 + i]!;
      while (t < until - 1e-9) {
        const h = Math.min(STEP, problem.dt, until - t);
        problem.roll(x, this.#u, h, next);
        x.set(next);
        t += h;
      }
    }
    return t;
  }

  /** #u = what the plan makes of x at t, within the limits. */
  #feedback({ lower, upper }: MpcProblem, plan: Float64Array, t: number, x: Float64Array): void {
    const n = this.#n;
    const row = this.#row;
    this.#time[0] = t;
    evaluatePlan(plan, this.#plan, n, this.#time, row, 0, 2 * n, 3 * n);
    for (let i = 0; i < n; i++) {
      let u = row[2 * n + i]!;
      for (let j = 0; j < 2 * n; j++) u += row[3 * n + 2 * n * i + j]! * (x[j]! - row[j]!);
      const low = lower === null ? u : Math.max(u, lower[i]!);
      this.#u[i] = upper === null ? low : Math.min(low, upper[i]!);
    }
  }
}

function offsets(layout: ReturnType<typeof tickLayout>['layout']) {
  return {
    time: layout.at('in.time'),
    captured: layout.at('in.device.time'),
    q: layout.at('in.q'),
    qd: layout.at('in.qd'),
    cmdQ: layout.at('out.q'),
    cmdQd: layout.at('out.qd'),
    tau: layout.at('out.tau'),
    commandMode: layout.at('out.commandMode'),
  };
}
