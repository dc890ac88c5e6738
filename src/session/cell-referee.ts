/**
 * What happens around the driver of a lockstep cell: it arms the rig, is the operator who stays present, watches every
 * tick, and decides when the episode is over and what came of it.
 */
import { reasonNames } from '../record/episode-writer.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { Task } from '../robot/task.ts';
import { Mode, operatorLayout, Reason, RequestKind, requestLayout, tickRecordLayout } from '../robot/tick.ts';
import type { EpisodeLimits, EpisodeOutcome, EpisodeReason } from './cell.ts';
import { CELL_LEASE, type Driver } from './driver.ts';

/** Seconds in which a rig must come to hold. */
const ARM_S = 1;
const AFTER_S = 0.3;
/** A driver that has stopped may still see its success come: the longest that a task wants its goal held, and a bit. */
const GRACE_S = 0.5;
/** Reasons with which guard and supervisor stop an arm for what was asked of it, not for what broke. */
const GUARD =
  Reason.notFinite |
  Reason.workspace |
  Reason.selfCollision |
  Reason.singularity |
  Reason.position |
  Reason.velocity |
  Reason.acceleration |
  Reason.jerk |
  Reason.torque |
  Reason.poseMismatch |
  Reason.ikFailed; // prettier-ignore
/** Which kind of end the latched reasons of a stop are. */
export const stopKind = (fault: number): 'guard stop' | 'fault' =>
  (fault & GUARD) !== 0 ? 'guard stop' : 'fault';

/** The driver's own doing, not that of the guard. */
const ORDINARY = Reason.requested | Reason.startRamp;

type Verdict = Pick<
  EpisodeOutcome,
  'success' | 'reason' | 'fault' | 'timeToSuccess' | 'ticks' | 'seconds' | 'guard' | 'wear' | 'residuals'
>;

export class Referee {
  readonly #spec: RobotSpec;
  readonly #task: Task;
  readonly #driver: Driver;
  readonly #at: ReturnType<typeof offsets>;
  readonly #last: Float64Array;
  readonly #guard = new Map<number, number>();
  readonly #limitTicks: number;
  readonly #afterTicks: number;
  readonly #graceTicks: number;
  readonly #before: Float64Array;
  #mode: number = Mode.off;
  #ticks = 0;
  /** Tick of the first activation, of success, and of the end of the driver's own motion. */
  #startedAt = -1;
  #successAt = -1;
  #idleSince = -1;
  #reason: EpisodeReason | null = null;
  #travel = 0;
  #opening = 0;

  constructor(spec: RobotSpec, task: Task, driver: Driver, limits: EpisodeLimits) {
    const rate = spec.loop.rateHz;
    this.#spec = spec;
    this.#task = task;
    this.#driver = driver;
    this.#at = offsets(spec);
    this.#last = new Float64Array(tickRecordLayout(spec).size);
    this.#before = new Float64Array(spec.axes.length);
    this.#limitTicks = Math.round((limits.timeS ?? task.timeLimit) * rate);
    this.#afterTicks = Math.round((limits.afterS ?? AFTER_S) * rate);
    this.#graceTicks = Math.round((task.holdTime + GRACE_S) * rate);
  }

  /** The operator who holds the lease and touches nothing. */
  readonly operator = (tick: number, time: number, out: Float64Array): void => {
    const { op } = this.#at;
    out[op.seq] = tick + 1;
    out[op.lease] = CELL_LEASE;
    out[op.time] = time;
  };

  readonly request = (tick: number, _time: number, out: Float64Array): boolean => {
    const { req } = this.#at;
    if (this.#mode === Mode.connected) {
      out.fill(0);
      out[req.kind] = RequestKind.arm;
      return true;
    }
    if (this.#mode !== Mode.holding && this.#mode !== Mode.active) return false;
    if (this.#successAt >= 0) return false;
    out.fill(0);
    if (!this.#driver.request(tick, this.#last, out)) return false;
    out[req.lease] = CELL_LEASE;
    if (this.#startedAt < 0) this.#startedAt = this.#ticks;
    return true;
  };

  /** Looks at the tick that has just run. */
  see(record: Float64Array): void {
    const at = this.#at;
    this.#last.set(record);
    this.#mode = record[at.mode]!;
    this.#wear(record);
    const reasons = record[at.reasonAll]! & ~ORDINARY;
    if (reasons !== 0 && this.#mode === Mode.active) this.#count(reasons);
    this.#ticks++;
    if (this.#successAt < 0 && record[at.success] === 1 && this.#startedAt >= 0)
      this.#successAt = this.#ticks;
    if (this.#reason === null) this.#reason = this.#ended(record);
  }

  get over(): boolean {
    return this.#reason !== null;
  }

  verdict(): Verdict {
    const rate = this.#spec.loop.rateHz;
    const success = this.#reason === 'success';
    const guard: Record<string, number> = {};
    for (const [bit, ticks] of [...this.#guard].sort(([a], [b]) => a - b))
      guard[reasonNames(bit)[0]!] = ticks;
    const residuals = this.#task.residuals.map(
      ({ name }, i) => [name, this.#last[this.#at.residual + i]!] as const,
    );
    return {
      success,
      reason: this.#reason ?? 'driver stopped',
      fault: reasonNames(this.#last[this.#at.fault]!),
      timeToSuccess: success ? (this.#successAt - this.#startedAt) / rate : Number.NaN,
      ticks: this.#ticks,
      seconds: this.#ticks / rate,
      guard,
      wear: { jointTravel: this.#travel, gripperCycles: this.#opening },
      residuals: Object.fromEntries(residuals),
    };
  }

  #ended(record: Float64Array): EpisodeReason | null {
    const fault = record[this.#at.fault]!;
    if (this.#mode === Mode.stopped || (fault !== 0 && this.#mode === Mode.stopping)) {
      return stopKind(fault);
    }
    if (this.#successAt >= 0) return this.#ticks >= this.#successAt + this.#afterTicks ? 'success' : null;
    if (this.#startedAt < 0) {
      return this.#ticks > ARM_S * this.#spec.loop.rateHz && this.#mode !== Mode.holding
        ? 'fault'
        : this.#late();
    }
    // A driver at its end, or one that was put back to holding, gets the time that its success would need to show.
    const idle = this.#driver.finished || this.#mode === Mode.holding;
    if (!idle) this.#idleSince = -1;
    else if (this.#idleSince < 0) this.#idleSince = this.#ticks;
    if (idle && this.#ticks >= this.#idleSince + this.#graceTicks) {
      return this.#driver.finished ? 'driver finished' : 'driver stopped';
    }
    return this.#late();
  }

  #late(): EpisodeReason | null {
    return this.#ticks >= this.#limitTicks ? 'time limit' : null;
  }

  #count(reasons: number): void {
    for (let bits = reasons; bits !== 0; bits &= bits - 1) {
      const bit = bits & -bits;
      this.#guard.set(bit, (this.#guard.get(bit) ?? 0) + 1);
    }
  }

  /** Travel of the joints; the gripper's in whole cycles, there and back over its range. */
  #wear(record: Float64Array): void {
    const { axes, armAxes, gripperAxis } = this.#spec;
    for (let a = 0; a < axes.length; a++) {
      const q = record[this.#at.q + a]!;
      const moved = this.#ticks === 0 ? 0 : Math.abs(q - this.#before[a]!);
      this.#before[a] = q;
      if (a < armAxes) this.#travel += moved;
      else if (a === gripperAxis) this.#opening += moved / (2 * (axes[a]!.max - axes[a]!.min));
    }
  }
}

function offsets(spec: RobotSpec) {
  const layout = tickRecordLayout(spec);
  const operator = operatorLayout(spec.axes.length);
  return {
    mode: layout.at('out.mode'),
    fault: layout.at('out.fault'),
    reasonAll: layout.at('out.reasonAll'),
    q: layout.at('out.q'),
    success: layout.at('in.task.success'),
    residual: layout.at('in.task.residual'),
    op: { seq: operator.at('seq'), lease: operator.at('lease'), time: operator.at('time') },
    req: { kind: requestLayout.at('kind'), lease: requestLayout.at('lease') },
  };
}
