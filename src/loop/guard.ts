/**
 * The guard: the only way from a controller's request to the devices. Order: joint limits as one interval of next
 * accelerations (limits.ts), start ramp, workspace box of the tool (workspace.ts), effort clamp, send. The finite
 * check stands before it, in the cycle, because what is not finite stops the arm instead of being clipped.
 *
 * The command advances by one nominal period per executed cycle, however late that was: after missed periods the
 * motion goes on from where the command stands, later, and never faster.
 */
import type { KinematicModel } from '../model/kinematics.ts';
import type { FieldSpec, Layout } from '../robot/layout.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { CommandMode, Reason, type TickLayout } from '../robot/tick.ts';
import { AxisLimits, X } from './limits.ts';
import { Workspace, workspaceFields } from './workspace.ts';

/** What the guard is asked to do in a tick: follow out.requested.*, or stop as soon as the limits allow. */
export const Action = { follow: 0, stop: 1 } as const;
export type Action = (typeof Action)[keyof typeof Action];

export function guardFields(axes: number): FieldSpec[] {
  return [
    { name: 'guard.q', length: axes, unit: 'axis', doc: 'last command' },
    { name: 'guard.qd', length: axes, unit: 'axis/s' },
    { name: 'guard.qdd', length: axes, unit: 'axis/s²' },
    {
      name: 'guard.low',
      length: axes,
      unit: 'axis',
      doc: 'position limits in force: wider only after a start outside',
    },
    { name: 'guard.high', length: axes, unit: 'axis' },
    { name: 'guard.target', length: axes, unit: 'axis', doc: 'request of the tick before' },
    { name: 'guard.exact', length: axes, unit: '1', doc: '1 while the command equals the request' },
    ...workspaceFields,
  ];
}

/** Requests this much above a bound, relative to the jerk step, count as on it (rounding of differences of q). */
const ON_BOUND = 1e-6;
/** An axis joins its request when that takes at most this part of the largest jerk. */
const JOIN = 0.25;

export class Guard {
  readonly #spec: RobotSpec;
  readonly #n: number;
  readonly #limits: readonly AxisLimits[];
  readonly #workspace: Workspace;
  // Memory.
  readonly #p: Float64Array;
  readonly #v: Float64Array;
  readonly #a: Float64Array;
  readonly #lo: Float64Array;
  readonly #hi: Float64Array;
  readonly #target: Float64Array;
  readonly #exact: Float64Array;
  readonly #tool: Float64Array;
  // Scratch, written before it is read.
  readonly #next: Float64Array;
  readonly #want: Float64Array;
  readonly #wantV: Float64Array;
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  /** Part of full speed and torque that is allowed in this tick. */
  readonly #ramp = new Float64Array(1);
  // Offsets in the Tick.
  readonly #inQ: number;
  readonly #inQd: number;
  readonly #reqQ: number;
  readonly #reqQd: number;
  readonly #reqTau: number;
  readonly #outQ: number;
  readonly #outQd: number;
  readonly #outQdd: number;
  readonly #outTau: number;
  readonly #outKp: number;
  readonly #outKd: number;
  readonly #reason: number;
  readonly #toolCmd: number;

  constructor(
    spec: RobotSpec,
    model: KinematicModel,
    tick: TickLayout,
    memory: Float64Array,
    layout: Layout,
  ) {
    const n = spec.axes.length;
    const dt = 1 / spec.loop.rateHz;
    this.#spec = spec;
    this.#n = n;
    this.#limits = spec.axes.map((axis) => new AxisLimits(axis, dt));
    this.#p = layout.view(memory, 'guard.q');
    this.#v = layout.view(memory, 'guard.qd');
    this.#a = layout.view(memory, 'guard.qdd');
    this.#lo = layout.view(memory, 'guard.low');
    this.#hi = layout.view(memory, 'guard.high');
    this.#target = layout.view(memory, 'guard.target');
    this.#exact = layout.view(memory, 'guard.exact');
    this.#tool = layout.view(memory, 'guard.tool');
    this.#workspace = new Workspace(spec, model, this.#limits, layout.view(memory, 'guard.box'), this.#tool);
    this.#next = new Float64Array(n);
    this.#want = new Float64Array(n);
    this.#wantV = new Float64Array(n);
    this.#low = new Float64Array(n);
    this.#high = new Float64Array(n);
    const at = (name: string): number => tick.layout.at(name);
    this.#inQ = at('in.q');
    this.#inQd = at('in.qd');
    this.#reqQ = at('out.requested.q');
    this.#reqQd = at('out.requested.qd');
    this.#reqTau = at('out.requested.tau');
    this.#outQ = at('out.q');
    this.#outQd = at('out.qd');
    this.#outQdd = at('out.qdd');
    this.#outTau = at('out.tau');
    this.#outKp = at('out.kp');
    this.#outKd = at('out.kd');
    this.#reason = at('out.reason');
    this.#toolCmd = at('out.toolCmd');
  }

  /** The command begins anew, at rest, at the measured position. */
  reset(tick: Float64Array): void {
    for (let i = 0; i < this.#n; i++) {
      const axis = this.#spec.axes[i]!;
      const q = tick[this.#inQ + i]!;
      this.#p[i] = q;
      this.#v[i] = 0;
      this.#a[i] = 0;
      this.#lo[i] = Math.min(axis.min, q);
      this.#hi[i] = Math.max(axis.max, q);
      this.#target[i] = q;
      this.#exact[i] = 1;
    }
    this.#workspace.reset(this.#p);
  }

  /** Sets the part of full speed and torque, in (0, 1], that the next step allows. */
  set ramp(part: number) {
    this.#ramp[0] = part;
  }

  /** True when the command stands still. */
  atRest(): boolean {
    for (let i = 0; i < this.#n; i++) if (this.#v[i] !== 0 || this.#a[i] !== 0) return false;
    return true;
  }

  /** Largest distance of an arm joint between command and measurement, rad. */
  distance(tick: Float64Array): number {
    let worst = 0;
    for (let i = 0; i < this.#spec.armAxes; i++) {
      worst = Math.max(worst, Math.abs(this.#p[i]! - tick[this.#inQ + i]!));
    }
    return worst;
  }

  /** Writes the command as it stands into out.q, out.qd, out.qdd, out.toolCmd: where controllers start from. */
  present(tick: Float64Array): void {
    for (let i = 0; i < this.#n; i++) {
      tick[this.#outQ + i] = this.#p[i]!;
      tick[this.#outQd + i] = this.#v[i]!;
      tick[this.#outQdd + i] = this.#a[i]!;
    }
    for (let k = 0; k < 7; k++) tick[this.#toolCmd + k] = this.#tool[k]!;
  }

  /** Asks for staying where the command stands: what holding and stopping request. */
  requestHold(tick: Float64Array): void {
    for (let i = 0; i < this.#n; i++) {
      tick[this.#reqQ + i] = this.#p[i]!;
      tick[this.#reqQd + i] = 0;
      tick[this.#reqTau + i] = 0;
    }
  }

  /**
   * One period, in position mode when `action` is stop: out.requested.* → out.{q, qd, qdd, tau, kp, kd, reason,
   * toolCmd}, with `ramp` as set. Returns the Reason bits of what was limited. Allocates nothing.
   */
  step(tick: Float64Array, action: Action, mode: CommandMode): number {
    const n = this.#n;
    if (mode === CommandMode.torque) {
      this.#begin(tick, 'velocity measured');
    } else if (mode === CommandMode.velocity) {
      this.#begin(tick, 'velocity commanded');
    }
    let all = 0;
    for (let i = 0; i < n; i++) {
      const limits = this.#limits[i]!;
      const x = limits.x;
      x[X.p] = this.#p[i]!;
      x[X.v] = this.#v[i]!;
      x[X.a] = this.#a[i]!;
      x[X.lo] = this.#lo[i]!;
      x[X.hi] = this.#hi[i]!;
      limits.interval();
      this.#low[i] = x[X.low]!;
      this.#high[i] = x[X.high]!;
      let reason = 0;
      if (action === Action.stop || mode === CommandMode.torque) this.#stop(i);
      else if (mode === CommandMode.velocity) reason = this.#followVelocity(tick, i);
      else reason = this.#follow(tick, i);
      reason |= this.#effort(tick, i, action, mode);
      all |= reason;
      tick[this.#reason + i] = tick[this.#reason + i]! | reason;
    }
    if (mode === CommandMode.torque) {
      this.#workspace.reset(this.#p);
    } else {
      if (this.#workspace.limit(this.#p, this.#v, this.#next, this.#low, this.#high)) all |= Reason.workspace;
      this.#advance();
    }
    this.present(tick);
    return all;
  }

  /** In velocity and torque mode the position is the device's, not ours. */
  #begin(tick: Float64Array, what: 'velocity measured' | 'velocity commanded'): void {
    for (let i = 0; i < this.#n; i++) {
      this.#p[i] = tick[this.#inQ + i]!;
      this.#exact[i] = 0;
      if (what === 'velocity commanded') continue;
      const limit = this.#limits[i]!.x[X.velocity]!;
      this.#v[i] = Math.min(limit, Math.max(-limit, tick[this.#inQd + i]!));
      this.#a[i] = 0;
    }
  }

  /** #next = the acceleration that takes v to x.target soonest, inside the interval. */
  #towards(i: number): void {
    const limits = this.#limits[i]!;
    limits.x[X.v] = this.#v[i]!;
    limits.towards();
    this.#next[i] = Math.min(this.#high[i]!, Math.max(this.#low[i]!, limits.x[X.next]!));
  }

  #stop(i: number): void {
    this.#limits[i]!.x[X.target] = 0;
    this.#towards(i);
    this.#exact[i] = 0;
    this.#want[i] = this.#next[i]!;
    this.#target[i] = this.#p[i]!;
  }

  #followVelocity(tick: Float64Array, i: number): number {
    const limits = this.#limits[i]!;
    const ramp = this.#ramp[0]!;
    const cap = limits.x[X.velocity]! * ramp;
    const asked = tick[this.#reqQd + i]!;
    const want = Math.min(cap, Math.max(-cap, asked));
    limits.x[X.target] = want;
    this.#towards(i);
    const next = limits.x[X.next]!;
    let reason = 0;
    if (asked !== want) reason |= ramp < 1 ? Reason.startRamp : Reason.velocity;
    if (next > this.#high[i]!) reason |= limits.highReason;
    if (next < this.#low[i]!) reason |= limits.lowReason;
    return reason;
  }

  #follow(tick: Float64Array, i: number): number {
    const limits = this.#limits[i]!;
    const ramp = this.#ramp[0]!;
    const dt = limits.x[X.dt]!;
    const p = this.#p[i]!;
    const v = this.#v[i]!;
    const a = this.#a[i]!;
    const low = this.#low[i]!;
    const high = this.#high[i]!;
    const cap = limits.x[X.velocity]! * ramp;
    let reason = 0;
    let target = tick[this.#reqQ + i]!;
    let feed = Math.min(cap, Math.max(-cap, tick[this.#reqQd + i]!));
    if (target > this.#hi[i]!) {
      target = this.#hi[i]!;
      feed = Math.min(0, feed);
      reason |= Reason.position;
    } else if (target < this.#lo[i]!) {
      target = this.#lo[i]!;
      feed = Math.max(0, feed);
      reason |= Reason.position;
    }
    const wantV = (target - p) / dt;
    const want = (wantV - v) / dt;
    const slack = ON_BOUND * limits.x[X.step]!;
    let open = true;
    if (want > high + slack) {
      reason |= limits.highReason;
      open = false;
    } else if (want < low - slack) {
      reason |= limits.lowReason;
      open = false;
    }
    if (ramp < 1 && Math.abs(wantV) > cap) {
      reason |= Reason.startRamp;
      open = false;
    }
    if (open && this.#exact[i] === 0) {
      // Join only without a jolt: little jerk now, and at the speed with which the request itself moves.
      const drift = (target - this.#target[i]!) / dt;
      open =
        Math.abs(want - a) <= JOIN * limits.x[X.step]! &&
        Math.abs(wantV - drift) <= JOIN * limits.x[X.step]! * dt;
    }
    this.#target[i] = target;
    this.#want[i] = want;
    this.#wantV[i] = wantV;
    if (open) {
      this.#exact[i] = 1;
      this.#next[i] = Math.min(high, Math.max(low, want));
      return reason;
    }
    this.#exact[i] = 0;
    // The request is meant for the end of this period and moves with `feed`: compare where it was at its start.
    limits.x[X.distance] = target - feed * dt - p;
    limits.approach();
    limits.x[X.target] = Math.min(cap, Math.max(-cap, feed + limits.x[X.speed]!));
    this.#towards(i);
    return reason;
  }

  #effort(tick: Float64Array, i: number, action: Action, mode: CommandMode): number {
    const ramp = this.#ramp[0]!;
    const axis = this.#spec.axes[i]!;
    const limit = mode === CommandMode.torque ? axis.effort * ramp : axis.effort;
    const asked = action === Action.stop ? 0 : tick[this.#reqTau + i]!;
    tick[this.#outTau + i] = Math.min(limit, Math.max(-limit, asked));
    tick[this.#outKp + i] = axis.kp;
    tick[this.#outKd + i] = axis.kd;
    if (Math.abs(asked) <= limit) return 0;
    return ramp < 1 && Math.abs(asked) <= axis.effort ? Reason.startRamp : Reason.torque;
  }

  #advance(): void {
    for (let i = 0; i < this.#n; i++) {
      const limits = this.#limits[i]!;
      const axis = this.#spec.axes[i]!;
      const next = this.#next[i]!;
      if (this.#exact[i] === 1 && next === this.#want[i]) {
        // Takes the request itself, so that a request inside the limits comes out bit for bit.
        this.#v[i] = this.#wantV[i]!;
        this.#p[i] = this.#target[i]!;
      } else {
        if (Math.abs(next - this.#want[i]!) > ON_BOUND * limits.x[X.step]!) this.#exact[i] = 0;
        const v = this.#v[i]! + next * limits.x[X.dt]!;
        // The last step of a landing leaves rounding; rest is exactly zero.
        this.#v[i] = Math.abs(v) < 1e-12 ? 0 : v;
        this.#p[i] = this.#p[i]! + this.#v[i]! * limits.x[X.dt]!;
      }
      this.#a[i] = next;
      if (this.#hi[i]! > axis.max || this.#lo[i]! < axis.min) this.#closeIn(i);
    }
    this.#workspace.moved(this.#p);
  }

  /** Position limits that gave way to a start outside follow the axis back in. */
  #closeIn(i: number): void {
    const limits = this.#limits[i]!;
    const axis = this.#spec.axes[i]!;
    const x = limits.x;
    x[X.p] = this.#p[i]!;
    x[X.v] = this.#v[i]!;
    x[X.a] = this.#a[i]!;
    if (this.#hi[i]! > axis.max) {
      limits.peak();
      this.#hi[i] = Math.max(axis.max, Math.min(this.#hi[i]!, x[X.position]!));
    }
    if (this.#lo[i]! < axis.min) {
      limits.trough();
      this.#lo[i] = Math.min(axis.min, Math.max(this.#lo[i]!, x[X.position]!));
    }
  }
}
