/**
 * A leader arm as the session has it. Whoever has control lets it drive, under their own lease: from then on its readings
 * are the operator's input, and the operator must stay there too. It takes over only where leader and arm agree (the
 * pose-match gate), by the same request as every controller. Silence, loss, a lease that ends, or anything else that
 * takes the slot ends it; to go on it passes the gate again.
 */
import { ArmloopError, explain } from '../errors.ts';
import type { Layout } from '../robot/layout.ts';
import { type LeaderAction, type LeaderReading, LeaderState } from '../robot/leader.ts';
import type { LeaderEntry } from '../robot/spec.ts';
import { ControllerId, Mode, OperatorKind, operatorLayout, RequestKind, Source } from '../robot/tick.ts';
import type { SessionState } from '../server/protocol.ts';
import type { LeaderHost, SessionHost } from './host.ts';
import { LeaderMap } from './leader-map.ts';
import { LeaderPose } from './leader-pose.ts';
import { Presses } from './presses.ts';
import type { SlotAsker } from './slot.ts';

const STOP_S = 5;
/** An actuated leader that is not there by then is held, or too weak. */
const ALIGN_S = 20;
/** It has arrived when so many readings in a row agree. */
const STEADY = 10;
/** A process that stood still looks before it has read what came meanwhile: one more look. */
const LOOKS = 2;
/** Mapping `pose`: opening that is asked for → gripper speed, 1/s. */
const GRIPPER_GAIN = 8;

export interface LeaderAsker extends SlotAsker {
  /** Number of the lease in force; 0 for none. */
  readonly leaseId: number;
  /** Checks, stamps and hands on input under that lease; also a sign of life of a leader that has the lease itself. */
  operate(block: Float64Array, lease: number): void;
  /** The leader drives no more; gives back a lease of its own. */
  ended(): void;
  press(action: LeaderAction): void;
}

interface Drive {
  readonly lease: number;
  /** ControllerId that drove when it took over; hold for none. */
  readonly from: number;
  started: 'asked' | 'taken';
}

interface Waiting {
  steady: number;
  readonly done: () => void;
  readonly fail: (error: Error) => void;
}

/** What the live stream shows. */
export interface LeaderNumbers {
  readonly state: LeaderState;
  /** When the newest reading was taken, s; NaN before the first. */
  readonly time: number;
  readonly trigger: number;
  readonly buttons: number;
  /** Per axis: what the leader asks for less where the arm is; NaN where it drives nothing. */
  readonly gap: Float64Array;
  readonly matched: boolean;
}

export class LeaderFlow {
  readonly #host: SessionHost;
  readonly #asker: LeaderAsker;
  readonly #leader: LeaderHost;
  #entry: LeaderEntry;
  #map: LeaderMap;
  #pose: LeaderPose | null;
  readonly #presses: Presses;
  readonly #layout: Layout;
  readonly #at: Readonly<
    Record<'seq' | 'clientTime' | 'kind' | 'enable' | 'speed' | 'pose' | 'gripper' | 'joints', number>
  >;
  readonly #block: Float64Array;
  readonly #asked: Float64Array;
  readonly #gap: Float64Array;
  /** The newest reading as it came: joints, then the trigger. */
  readonly #raw: Float64Array;
  #lost: string | null = 'it has not been heard yet';
  #arrived = Number.NEGATIVE_INFINITY;
  #time = Number.NaN;
  #trigger = Number.NaN;
  #drive: Drive | null = null;
  #waiting: Waiting | null = null;
  #seq = 0;
  /** Looks in a row at which it was silent. */
  #quiet = 0;
  /** Held, or let go since the hand was anchored. */
  #clutched = false;

  constructor(host: SessionHost, leader: LeaderHost, asker: LeaderAsker) {
    const entry = host.spec.leader!;
    const n = host.spec.axes.length;
    this.#host = host;
    this.#asker = asker;
    this.#leader = leader;
    this.#entry = entry;
    this.#map = new LeaderMap(host.spec, entry);
    this.#pose = entry.mapping === 'pose' ? new LeaderPose(host.spec, entry, this.#map) : null;
    this.#presses = new Presses(entry.buttons, (action) => this.#press(action));
    this.#layout = operatorLayout(n);
    const at = (name: string): number => this.#layout.at(name);
    this.#at = {
      seq: at('seq'),
      clientTime: at('clientTime'),
      kind: at('kind'),
      enable: at('enable'),
      speed: at('speed'),
      pose: at('pose'),
      gripper: at('gripper'),
      joints: at('joints'),
    };
    this.#block = new Float64Array(this.#layout.size);
    this.#asked = new Float64Array(n);
    this.#gap = new Float64Array(n).fill(Number.NaN);
    this.#raw = new Float64Array(entry.joints.length + 1);
  }

  /** As it is aligned now. */
  get entry(): LeaderEntry {
    return this.#entry;
  }

  /** Joints in the leader's own counting, then the trigger; null while it is lost. Valid until the next reading. */
  get reading(): Float64Array | null {
    return this.#lost === null ? this.#raw : null;
  }

  /** A reading for measuring it: a copy. Throws LEADER_LOST, and CALIBRATION_STEP while it is on its way or drives. */
  limpReading(): Float64Array {
    this.#needJoints();
    if (this.state === LeaderState.ready) return this.#raw.slice();
    const reason = `${this.#entry.name} ${this.drives ? 'drives' : 'goes to the pose of the arm'}: let it go first`;
    throw new ArmloopError('CALIBRATION_STEP', { what: 'done', reason });
  }

  /** It was measured anew: from here on it asks for what `entry` says. It must not drive. */
  align(entry: LeaderEntry): void {
    this.#entry = entry;
    this.#map = new LeaderMap(this.#host.spec, entry);
    this.#pose = entry.mapping === 'pose' ? new LeaderPose(this.#host.spec, entry, this.#map) : null;
    this.#gap.fill(Number.NaN);
  }

  get state(): LeaderState {
    if (this.#lost !== null) return LeaderState.lost;
    if (this.#waiting !== null) return LeaderState.aligning;
    return this.#drive === null ? LeaderState.ready : LeaderState.driving;
  }

  get drives(): boolean {
    return this.#drive !== null;
  }

  /** ControllerId that the leader took over from, while it drives. */
  get from(): number {
    return this.#drive?.from ?? ControllerId.hold;
  }

  /** Every axis within its tolerance. */
  get matched(): boolean {
    return this.#lost === null && this.#apart('all').length === 0;
  }

  numbers(): LeaderNumbers {
    const { state, matched } = this;
    const { held: buttons } = this.#presses;
    return { state, time: this.#time, trigger: this.#trigger, buttons, gap: this.#gap, matched };
  }

  describe(): SessionState['leader'] {
    const { name, kind, mapping, buttons, tolerance, trigger } = this.#entry;
    const { drive } = this.#leader.spec;
    const states = ['lost', 'lost', 'ready', 'aligning', 'driving'] as const;
    return {
      name,
      kind,
      mapping,
      drive,
      state: states[this.state]!,
      reason: this.#lost ?? '',
      tolerance,
      triggerTolerance: trigger?.tolerance ?? null,
      buttons,
    };
  }

  /** A reading has come. */
  read(reading: LeaderReading): void {
    const now = this.#host.now();
    if (this.#lost !== null) {
      this.#lost = null;
      this.#map.forget();
      this.#presses.forget();
      this.#asker.event('info', `The leader ${this.#entry.name} is there.`);
      this.#host.changed();
    }
    this.#arrived = now;
    this.#time = reading.time;
    this.#trigger = reading.trigger;
    this.#raw.set(reading.q);
    this.#raw[this.#raw.length - 1] = reading.trigger;
    this.#map.take(reading);
    this.#compare();
    this.#presses.take(reading.buttons, now);
    if (this.#drive !== null) this.#send(reading.time, this.#drive.lease, 'held');
    const waiting = this.#waiting;
    if (waiting === null) return;
    waiting.steady = this.#apart('arm').length === 0 ? waiting.steady + 1 : 0;
    if (waiting.steady >= STEADY) waiting.done();
  }

  /** The leader is lost, with why. */
  lose(reason: string): void {
    const before = this.#lost;
    this.#lost = reason;
    this.#gap.fill(Number.NaN);
    if (before !== reason) {
      const held = this.#drive === null ? '' : ' The arm holds; match the leader again to go on.';
      // What a driver says may be a whole sentence.
      const end = /[.?!]$/.test(reason) ? '' : '.';
      this.#asker.event('warning', `The leader ${this.#entry.name} is lost: ${reason}${end}${held}`);
    }
    this.stop(`the leader ${this.#entry.name} is lost: ${reason}`);
    this.#host.changed();
  }

  /** To be called some 60 times a second. */
  tick(): void {
    const silent = this.#host.now() - this.#arrived > this.#entry.silenceMs / 1000;
    this.#quiet = silent ? this.#quiet + 1 : 0;
    if (this.#lost === null && this.#quiet >= LOOKS)
      this.lose(`no reading came for ${this.#entry.silenceMs} ms`);
    const drive = this.#drive;
    if (drive === null) return;
    const { view } = this.#host;
    if (drive.lease !== this.#asker.leaseId) this.stop('control has passed on');
    else if (drive.started === 'taken' && (view.mode !== Mode.active || view.controller !== this.#controller))
      this.#end();
  }

  /**
   * Lets the leader drive under that lease. `unmatched` says what is done where leader and arm differ: `refuse`; or
   * `hold`, which first stops what drives. An actuated leader goes to the arm's pose by itself. Rejects with LEADER_*,
   * LEASE_NEEDED, REQUEST_REFUSED.
   */
  async engage(lease: number, unmatched: 'refuse' | 'hold'): Promise<{ seq: number }> {
    this.#needJoints();
    if (this.#drive !== null) return { seq: 0 };
    const { view } = this.#host;
    const from = view.mode === Mode.active ? view.controller : ControllerId.hold;
    const actuated = this.#leader.spec.drive === 'actuated';
    if (!this.matched) {
      if (view.mode === Mode.active && (unmatched === 'hold' || actuated))
        await this.#asker.stopMotion(STOP_S);
      // Stopping takes its time, and whoever asked may be gone.
      if (lease !== this.#asker.leaseId) throw new ArmloopError('LEASE_NEEDED', { lease });
      if (actuated && this.#host.view.mode === Mode.holding) await this.#align();
      this.#needMatch();
    }
    this.#pose?.anchor(this.#host.arm().tool);
    this.#drive = { lease, from, started: 'asked' };
    try {
      const seq = await this.#asker.ask(
        {
          kind: RequestKind.activate,
          controller: this.#controller,
          source: Source.human,
          lease,
          args: this.#pose === null ? [this.#entry.rampMs / 1000] : [],
        },
        'the leader',
      );
      if (this.#drive !== null) this.#drive.started = 'taken';
      this.#asker.event('info', `The leader ${this.#entry.name} drives.`);
      this.#host.changed();
      return { seq };
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      if (actuated) await this.#limp();
    }
  }

  /** Ends the drive: the deadman is let go, and the arm holds. Does nothing when it does not drive. */
  stop(why: string): void {
    this.#waiting?.fail(new ArmloopError('LEADER_LOST', { leader: this.#entry.name, reason: why }));
    const drive = this.#drive;
    if (drive === null) return;
    // Without its lease it has no say any more, not even to let go.
    if (drive.lease === this.#asker.leaseId) this.#send(this.#time, drive.lease, 'released');
    try {
      this.#host.ask({ kind: RequestKind.hold, lease: drive.lease });
    } catch {
      // The loop is dead, and the devices were halted without it.
    }
    this.#end();
  }

  get #controller(): ControllerId {
    return this.#pose === null ? ControllerId.leader : ControllerId.pose;
  }

  #end(): void {
    if (this.#drive === null) return;
    const taken = this.#drive.started === 'taken';
    this.#drive = null;
    if (taken) this.#asker.event('info', `The leader ${this.#entry.name} no longer drives.`);
    this.#asker.ended();
    this.#host.changed();
  }

  #needJoints(): void {
    const { name, joints } = this.#entry;
    if (joints.length === 0)
      throw new ArmloopError('LEADER_LOST', { leader: name, reason: 'it has no joints' });
    if (this.#lost !== null) throw new ArmloopError('LEADER_LOST', { leader: name, reason: this.#lost });
  }

  #needMatch(): void {
    this.#needJoints();
    const apart = this.#apart('all');
    if (apart.length > 0)
      throw new ArmloopError('LEADER_MISMATCH', { leader: this.#entry.name, joints: apart.join('; ') });
  }

  /** Leader less arm, per axis that it drives. */
  #compare(): void {
    const { q } = this.#host.arm();
    this.#asked.fill(Number.NaN);
    this.#map.write(this.#asked);
    for (let i = 0; i < this.#gap.length; i++) this.#gap[i] = this.#asked[i]! - q[i]!;
    // With the mapping `pose` hand and tool need not agree, only the trigger and the gripper.
    if (this.#pose === null) return;
    for (const axis of this.#map.axes) if (axis >= 0) this.#gap[axis] = Number.NaN;
  }

  /** The axes that are too far apart, in words. */
  #apart(which: 'all' | 'arm'): string[] {
    const { axes, gripperAxis } = this.#host.spec;
    const { q } = this.#host.arm();
    return axes.flatMap(({ name, type }, i) => {
      if (which === 'arm' && i === gripperAxis) return [];
      const gap = this.#gap[i]!;
      const tolerance = i === gripperAxis ? (this.#entry.trigger?.tolerance ?? 0) : this.#entry.tolerance;
      if (!(Math.abs(gap) > tolerance)) return [];
      const unit = type === 'prismatic' ? 'm' : 'rad';
      const digits = type === 'prismatic' ? 3 : 2;
      const way = gap > 0 ? 'above' : 'below';
      const [distance, there] = [Math.abs(gap).toFixed(digits), q[i]!.toFixed(digits)];
      return [`${name} is ${distance} ${unit} ${way} the arm's ${there}`];
    });
  }

  /** Hands on what the leader asks for. */
  #send(time: number, lease: number, deadman: 'held' | 'released'): void {
    const b = this.#block;
    const at = this.#at;
    const { q, tool } = this.#host.arm();
    if (this.#presses.holds('clutch')) this.#clutched = true;
    else if (this.#clutched) {
      this.#clutched = false;
      this.#pose?.anchor(tool);
    }
    b.fill(0);
    b[at.seq] = ++this.#seq;
    b[at.clientTime] = Number.isFinite(time) ? time : 0;
    b[at.enable] = deadman === 'held' && !this.#clutched ? 1 : 0;
    b[at.speed] = this.#entry.speed;
    b.set(q, at.joints);
    b[at.pose + 6] = 1;
    if (this.#pose === null) {
      b[at.kind] = OperatorKind.joints;
      this.#map.write(b, at.joints);
    } else {
      b[at.kind] = OperatorKind.pose;
      this.#pose.write(b, at.pose);
      b[at.gripper] = this.#gripperSpeed(q);
    }
    this.#asker.operate(b, lease);
  }

  #gripperSpeed(q: Float64Array): number {
    const { gripperAxis, teleop } = this.#host.spec;
    if (this.#entry.trigger === null) return 0;
    const speed = (GRIPPER_GAIN * (this.#map.opening - q[gripperAxis]!)) / teleop.gripper;
    return Math.min(1, Math.max(-1, speed));
  }

  /** An actuated leader goes to the arm's pose. Rejects with LEADER_STUCK, LEADER_LOST. */
  async #align(): Promise<void> {
    const { name } = this.#entry;
    let timer: NodeJS.Timeout | undefined;
    const there = new Promise<void>((done, fail) => {
      this.#waiting = { steady: 0, done, fail };
      timer = setTimeout(() => {
        const joints = this.#apart('arm').join('; ');
        fail(new ArmloopError('LEADER_STUCK', { leader: name, seconds: ALIGN_S, joints }));
      }, ALIGN_S * 1000);
    });
    // It may fail while the leader is still being told.
    there.catch(() => {});
    this.#asker.event('info', `The leader ${name} goes to the pose of the arm.`);
    this.#host.changed();
    try {
      // Whoever stops it does not wait until all of it is stiff.
      await Promise.all([this.#leader.follow(this.#map.inverse(this.#host.arm().q)), there]);
    } catch (error) {
      await this.#limp();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#waiting = null;
      this.#host.changed();
    }
  }

  async #limp(): Promise<void> {
    try {
      await this.#leader.release();
    } catch (error) {
      this.#asker.event('warning', `The leader ${this.#entry.name} stays stiff: ${explain(error)}`);
    }
  }

  #press(action: LeaderAction): void {
    if (action !== 'clutch') this.#asker.press(action);
  }
}
