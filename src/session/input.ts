/**
 * A SpaceMouse or gamepad at the rig as the session has it. Whoever presses its deadman while nobody has control gets
 * control, under a lease as any operator's, and drives the tool by rates. A button can also let it intervene under the
 * lease of whoever has control. Letting go for a while, losing it, a lease that ends, or anything else that takes the slot
 * ends its drive.
 */
import { explain } from '../errors.ts';
import type { InputReading, InputSpec } from '../robot/input.ts';
import type { LeaderAction } from '../robot/leader.ts';
import type { InputEntry } from '../robot/spec.ts';
import { ControllerId, Mode, OperatorKind, operatorLayout, RequestKind, Source } from '../robot/tick.ts';
import type { SessionHost } from './host.ts';
import { Presses } from './presses.ts';
import type { SlotAsker } from './slot.ts';

/** Control that it took by itself is given back when its deadman was let go for so long, s. */
const IDLE_S = 5;
/** An arm that does not hold by then is left to the loop's own deadman. */
const LEAVING_S = 3;

export interface InputAsker extends SlotAsker {
  /** Number of the lease in force; 0 for none. */
  readonly leaseId: number;
  /** Gives it control and returns the lease. Throws LEASE_TAKEN, REQUEST_REFUSED. */
  take(): number;
  /** Checks, stamps and hands on input under that lease; also a sign of life of a lease of its own. */
  operate(block: Float64Array, lease: number): void;
  /** It drives no more; gives back a lease of its own. */
  ended(): void;
  press(action: LeaderAction): void;
}

interface Drive {
  readonly lease: number;
  /** ControllerId that drove when it took over; hold for none. */
  readonly from: number;
  /** leaving: it has asked for a hold, and keeps control until the arm holds: no operator is lost by that. */
  started: 'asked' | 'taken' | 'leaving';
}

export class InputFlow {
  readonly #host: SessionHost;
  readonly #asker: InputAsker;
  readonly #entry: InputEntry;
  readonly #presses: Presses;
  readonly #at: Readonly<
    Record<'seq' | 'clientTime' | 'kind' | 'enable' | 'frame' | 'speed' | 'twist' | 'gripper', number>
  >;
  readonly #block: Float64Array;
  readonly #twist = new Float64Array(6);
  #gripper = 0;
  #enable = 0;
  /** The deadman as it was reported last: after a stop, and when it was lost while it drove, it must be let go before it counts again. */
  #pressed = 0;
  #time = 0;
  /** When the deadman was held last. */
  #held = 0;
  #seq = 0;
  #drive: Drive | null = null;
  #leftAt = 0;
  /** Its deadman was pressed anew while it was leaving. */
  #again = false;

  constructor(host: SessionHost, spec: InputSpec, asker: InputAsker) {
    const entry = host.spec.input!;
    this.#host = host;
    this.#asker = asker;
    this.#entry = entry;
    this.#presses = new Presses(entry.buttons ?? spec.buttons, (action) => asker.press(action));
    const layout = operatorLayout(host.spec.axes.length);
    const at = (name: string): number => layout.at(name);
    this.#at = {
      seq: at('seq'),
      clientTime: at('clientTime'),
      kind: at('kind'),
      enable: at('enable'),
      frame: at('frame'),
      speed: at('speed'),
      twist: at('twist'),
      gripper: at('gripper'),
    };
    this.#block = new Float64Array(layout.size);
  }

  get drives(): boolean {
    return this.#drive !== null;
  }

  /** ControllerId that it took over from, while it drives. */
  get from(): number {
    return this.#drive?.from ?? ControllerId.hold;
  }

  read(reading: InputReading): void {
    const before = this.#pressed;
    this.#pressed = reading.enable;
    const now = this.#host.now();
    this.#twist.set(reading.twist);
    this.#gripper = reading.gripper;
    this.#enable = reading.enable;
    this.#time = reading.time;
    if (reading.enable === 1) this.#held = now;
    this.#presses.take(reading.buttons, now);
    if (reading.enable === 1 && before === 0) {
      if (this.#drive === null) this.#begin();
      else if (this.#drive.started === 'leaving') this.#again = true;
    }
    this.#send();
  }

  found(words: string): void {
    // Many report a button when it changes, so that the first report of one may well be its press.
    this.#presses.forget();
    this.#presses.take(0, this.#host.now());
    this.#asker.event('info', `The input ${this.#entry.name} is there: ${words}.`);
  }

  lose(reason: string): void {
    this.#enable = 0;
    // A plug that slips under a hand is no press when it is in again.
    if (this.#drive !== null) this.#pressed = 1;
    this.#again = false;
    const held = this.#drive === null ? '' : ' The arm holds.';
    this.#asker.event('warning', `The input ${this.#entry.name} is not there: ${reason}.${held}`);
    this.stop();
  }

  /** To be called some 60 times a second. */
  tick(): void {
    const drive = this.#drive;
    if (drive === null) return;
    const { view, now } = this.#host;
    if (this.#enable === 1) this.#held = now();
    if (drive.lease !== this.#asker.leaseId) this.#end();
    else if (drive.started === 'leaving') this.#leave();
    else if (
      drive.started === 'taken' &&
      (view.mode !== Mode.active || view.controller !== ControllerId.twist)
    )
      this.#end();
    else if (now() - this.#held > IDLE_S) this.stop();
    else this.#send();
  }

  /** Lets it drive under that lease. Rejects with REQUEST_REFUSED. */
  async engage(lease: number): Promise<{ seq: number }> {
    if (this.#drive !== null) return { seq: 0 };
    const { view, now } = this.#host;
    const from = view.mode === Mode.active ? view.controller : ControllerId.hold;
    const drive: Drive = { lease, from, started: 'asked' };
    this.#drive = drive;
    this.#held = now();
    const activate = {
      kind: RequestKind.activate,
      controller: ControllerId.twist,
      source: Source.human,
      lease,
    } as const;
    try {
      const seq = await this.#asker.ask(activate, `driving by the ${this.#entry.name}`);
      if (drive.started === 'asked') drive.started = 'taken';
      this.#host.changed();
      return { seq };
    } catch (error) {
      if (this.#drive === drive) this.#end();
      throw error;
    }
  }

  /** Ends its drive: the deadman is let go, and the arm holds. Does nothing when it does not drive. */
  stop(): void {
    const drive = this.#drive;
    if (drive === null || drive.started === 'leaving') return;
    // Without its lease it has no say any more, not even to let go.
    if (drive.lease !== this.#asker.leaseId) {
      this.#end();
      return;
    }
    drive.started = 'leaving';
    this.#leftAt = this.#host.now();
    this.#again = false;
    this.#send();
    try {
      this.#host.ask({ kind: RequestKind.hold, lease: drive.lease });
    } catch {
      // The loop is dead, and the devices were halted without it.
      this.#end();
    }
  }

  /** Gives control back once the arm holds. */
  #leave(): void {
    const { view, now } = this.#host;
    const moves = view.mode === Mode.active || view.mode === Mode.stopping;
    if (moves && now() - this.#leftAt < LEAVING_S) {
      this.#send();
      return;
    }
    this.#end();
    if (this.#again && this.#pressed === 1) this.#begin();
  }

  /** Its deadman was pressed. */
  #begin(): void {
    try {
      const lease = this.#asker.take();
      this.engage(lease).catch((error: unknown) => this.#refused(error));
    } catch (error) {
      this.#refused(error);
    }
  }

  #refused(error: unknown): void {
    this.#asker.event('warning', `The input ${this.#entry.name} does not drive: ${explain(error)}`);
  }

  #end(): void {
    if (this.#drive === null) return;
    this.#drive = null;
    this.#asker.ended();
    this.#host.changed();
  }

  #send(): void {
    if (this.#drive === null) return;
    const held = this.#drive.started !== 'leaving';
    const b = this.#block;
    const at = this.#at;
    b.fill(0);
    b[at.seq] = ++this.#seq;
    b[at.clientTime] = this.#time;
    b[at.kind] = OperatorKind.twist;
    b[at.enable] = held ? this.#enable : 0;
    b[at.frame] = this.#entry.frame === 'tool' ? 1 : 0;
    b[at.speed] = this.#entry.speed;
    if (held) b.set(this.#twist, at.twist);
    b[at.gripper] = held ? this.#gripper : 0;
    this.#asker.operate(b, this.#drive.lease);
  }
}
