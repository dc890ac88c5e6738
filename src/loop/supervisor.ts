/**
 * The state machine of the rig: off → connected → holding ⇄ active → stopping → stopped(fault). It decides who may
 * move the arm and when it must stop; it moves nothing itself. All that it keeps is in its part of the cycle's memory.
 *
 * Latched until `clear`: e-stop, device lost or at fault, stale state or missed periods while moving, values that are
 * not finite, a controller that fails or throws. Not latched (a controlled stop to holding): a hold request, a lost
 * operator. After a lost operator the same lease does not drive again: it takes a fresh one.
 */
import type { FieldSpec, Layout } from '../robot/layout.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { ControllerId, Mode, Reason, Source, type TickLayout } from '../robot/tick.ts';

/** What a stop ends in. */
const After = { holding: 0, stopped: 1 } as const;

/** A resting arm whose device has been silent for this long counts as lost, s. */
const LOST = 1;
/** Numbers of the memory block. */
export const supervisorFields: readonly FieldSpec[] = [
  { name: 'super.mode', unit: '1', doc: 'Mode' },
  { name: 'super.armed', unit: '1', doc: '1 while commands are sent' },
  { name: 'super.fault', unit: '1', doc: 'Reason bits that latched' },
  { name: 'super.why', unit: '1', doc: 'Reason bits of the stop under way' },
  { name: 'super.after', unit: '1', doc: 'what the stop ends in: 0 holding, 1 stopped' },
  { name: 'super.disarm', unit: '1', doc: '1: no more commands after the stop' },
  { name: 'super.lease', unit: '1', doc: 'lease that drives' },
  { name: 'super.lostLease', unit: '1', doc: 'lease whose operator was lost' },
  { name: 'super.controller', unit: '1', doc: 'ControllerId in the slot' },
  { name: 'super.source', unit: '1' },
  { name: 'super.started', unit: 's', doc: 'when motion began, for the start ramp' },
  { name: 'super.done', unit: '1' },
  { name: 'super.epoch', unit: '1', doc: 'epoch of the scene; -1 before the first state' },
  { name: 'super.staleSince', unit: 's', doc: 'when the state went stale; 0 while it is fresh' },
];

export class Supervisor {
  readonly #memory: Float64Array;
  readonly #rampTime: number;
  readonly #deadman: number;
  readonly #missedLimit: number;
  // Offsets in the memory.
  readonly #mode: number;
  readonly #armed: number;
  readonly #fault: number;
  readonly #why: number;
  readonly #after: number;
  readonly #disarm: number;
  readonly #lease: number;
  readonly #lostLease: number;
  readonly #controller: number;
  readonly #source: number;
  readonly #started: number;
  readonly #done: number;
  readonly #epoch: number;
  readonly #staleSince: number;
  // Offsets in the Tick.
  readonly #time: number;
  readonly #missed: number;
  readonly #opTime: number;
  readonly #opLease: number;
  readonly #inEpoch: number;
  readonly #reasonAll: number;

  constructor(spec: RobotSpec, tick: TickLayout, memory: Float64Array, layout: Layout) {
    this.#memory = memory;
    this.#rampTime = spec.limits.startRampMs / 1000;
    this.#deadman = spec.limits.deadmanMs / 1000;
    this.#missedLimit = (spec.limits.missedMs / 1000) * spec.loop.rateHz;
    const mem = (name: string): number => layout.at(`super.${name}`);
    this.#mode = mem('mode');
    this.#armed = mem('armed');
    this.#fault = mem('fault');
    this.#why = mem('why');
    this.#after = mem('after');
    this.#disarm = mem('disarm');
    this.#lease = mem('lease');
    this.#lostLease = mem('lostLease');
    this.#controller = mem('controller');
    this.#source = mem('source');
    this.#started = mem('started');
    this.#done = mem('done');
    this.#epoch = mem('epoch');
    this.#staleSince = mem('staleSince');
    this.#time = tick.layout.at('in.time');
    this.#missed = tick.layout.at('in.missed');
    this.#opTime = tick.layout.at('in.op.time');
    this.#opLease = tick.layout.at('in.op.lease');
    this.#inEpoch = tick.layout.at('in.task.epoch');
    this.#reasonAll = tick.layout.at('out.reasonAll');
    memory[this.#epoch] = -1;
  }

  get mode(): Mode {
    return this.#memory[this.#mode]! as Mode;
  }
  get armed(): boolean {
    return this.#memory[this.#armed] === 1;
  }
  get fault(): number {
    return this.#memory[this.#fault]!;
  }
  get why(): number {
    return this.#memory[this.#why]!;
  }
  get done(): number {
    return this.#memory[this.#done]!;
  }
  /** ControllerId in the slot: hold unless one drives or has just been stopped. */
  get controller(): number {
    return this.mode === Mode.active || this.mode === Mode.stopping
      ? this.#memory[this.#controller]!
      : ControllerId.hold;
  }
  get source(): number {
    if (this.mode === Mode.active) return this.#memory[this.#source]!;
    return this.mode === Mode.stopping || this.mode === Mode.stopped ? Source.safety : Source.none;
  }

  /** Part of full speed that the start ramp allows now, in (0, 1]. */
  ramp(tick: Float64Array): number {
    if (!(this.#rampTime > 0)) return 1;
    const part = (tick[this.#time]! - this.#memory[this.#started]!) / this.#rampTime;
    return part >= 1 ? 1 : Math.max(0.02, part);
  }

  /** True once when a new scene has begun; `bad` are the health bits. A scene that cannot be seen yet is not taken. */
  newEpoch(tick: Float64Array, bad: number): boolean {
    const epoch = tick[this.#inEpoch]!;
    if (epoch === this.#memory[this.#epoch] || (bad & (Reason.deviceLost | Reason.notFinite)) !== 0)
      return false;
    const first = this.#memory[this.#epoch]! < 0;
    this.#memory[this.#epoch] = epoch;
    if (first) return false;
    // Whatever drove in the scene before has nothing to go by; only the reset that asked for the scene goes on.
    if (this.mode === Mode.active && this.#memory[this.#controller] !== ControllerId.reset) this.#hold();
    return true;
  }

  /** Device states and the loop's own punctuality: starts the stop that they call for. */
  watch(tick: Float64Array, bad: number, enabled: boolean): void {
    const m = this.#memory;
    const mode = this.mode;
    if (mode === Mode.off || mode === Mode.connected) {
      m[this.#mode] = bad === 0 ? Mode.connected : Mode.off;
      return;
    }
    const time = tick[this.#time]!;
    // Drawing a new scene takes its time, and the arm rests meanwhile.
    const resetting = mode === Mode.active && m[this.#controller] === ControllerId.reset;
    const moving = (mode === Mode.active && !resetting) || mode === Mode.stopping;
    let fault = bad & (Reason.notFinite | Reason.deviceFault | Reason.deviceLost);
    if ((bad & Reason.staleState) === 0) {
      m[this.#staleSince] = 0;
    } else {
      if (m[this.#staleSince] === 0) m[this.#staleSince] = time;
      tick[this.#reasonAll] = tick[this.#reasonAll]! | Reason.staleState;
      if (moving || time - m[this.#staleSince]! > LOST) fault |= Reason.staleState;
    }
    if (tick[this.#missed]! >= this.#missedLimit) {
      tick[this.#reasonAll] = tick[this.#reasonAll]! | Reason.missedPeriods;
      if (mode === Mode.active) fault |= Reason.missedPeriods;
    }
    if (!enabled && mode === Mode.active) fault |= Reason.deviceFault;
    if (fault !== 0 && mode !== Mode.stopped) this.trip(fault);
    if (this.mode === Mode.active && !this.operatorPresent(tick, m[this.#lease]!)) {
      m[this.#lostLease] = m[this.#lease]!;
      this.stop(Reason.deadman);
    }
  }

  /** True while the operator of that lease is heard. A lease of 0 never is. */
  operatorPresent(tick: Float64Array, lease: number): boolean {
    const age = tick[this.#time]! - tick[this.#opTime]!;
    return lease > 0 && tick[this.#opLease] === lease && Math.abs(age) <= this.#deadman;
  }

  /** Starts sending. The caller has put the command on the measured pose. */
  arm(): void {
    this.#memory[this.#armed] = 1;
    this.#memory[this.#disarm] = 0;
    this.#hold();
  }

  /** True in the modes in which a controller may take the slot. */
  get takesControllers(): boolean {
    return this.mode === Mode.holding || this.mode === Mode.active;
  }

  /** True for the lease whose operator was lost: it drives no more, a fresh one may. */
  gaveUp(lease: number): boolean {
    return lease === this.#memory[this.#lostLease];
  }

  activate(tick: Float64Array, controller: number, source: number, lease: number): void {
    const m = this.#memory;
    if (this.mode === Mode.holding) m[this.#started] = tick[this.#time]!;
    m[this.#mode] = Mode.active;
    m[this.#controller] = controller;
    m[this.#source] = source;
    m[this.#lease] = lease;
    m[this.#done] = 0;
  }

  /** The controller has finished: to rest, then holding. */
  finish(): void {
    this.#memory[this.#done] = 1;
    this.stop(0);
  }

  /** Controlled stop to holding. */
  stop(why: number): void {
    const m = this.#memory;
    if (this.mode === Mode.stopping) {
      m[this.#why] = m[this.#why]! | why;
      return;
    }
    m[this.#mode] = Mode.stopping;
    m[this.#after] = After.holding;
    m[this.#why] = why;
  }

  /** Latched stop. */
  trip(fault: number): void {
    const m = this.#memory;
    m[this.#fault] = m[this.#fault]! | fault;
    if (this.mode === Mode.stopped) return;
    if (!this.armed) {
      m[this.#mode] = Mode.stopped;
      return;
    }
    this.stop(fault);
    m[this.#after] = After.stopped;
  }

  /** No more commands once the arm is at rest. */
  disarm(): void {
    if (this.mode === Mode.stopped) this.#memory[this.#armed] = 0;
    else if (this.armed) {
      this.stop(Reason.requested);
      this.#memory[this.#disarm] = 1;
    }
  }

  /** The command has come to rest: ends a stop. */
  rested(): void {
    if (this.mode !== Mode.stopping) return;
    const m = this.#memory;
    const disarm = m[this.#disarm] === 1;
    if (disarm) m[this.#armed] = 0;
    m[this.#disarm] = 0;
    if (m[this.#after] === After.stopped) {
      m[this.#mode] = Mode.stopped;
    } else if (disarm) {
      m[this.#mode] = Mode.off;
      m[this.#why] = 0;
    } else {
      this.#hold();
    }
  }

  /** Ends a latched stop; the caller has seen that the cause is gone. */
  clear(): void {
    const m = this.#memory;
    m[this.#fault] = 0;
    m[this.#staleSince] = 0;
    if (this.armed) this.#hold();
    else m[this.#mode] = Mode.connected;
    m[this.#why] = 0;
  }

  #hold(): void {
    const m = this.#memory;
    m[this.#mode] = Mode.holding;
    m[this.#after] = After.holding;
    m[this.#why] = 0;
  }
}
