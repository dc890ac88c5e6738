/**
 * Who has control, and what they drive with: the lease, and the input under it, until the operator gives it back, is gone,
 * falls silent, or the rig is shut down.
 */
import { ArmloopError } from '../errors.ts';
import type { ClientRef } from '../rig/socket.ts';
import { Reason } from '../robot/tick.ts';
import type { SessionHost } from './host.ts';
import { ControlLease, type Lease } from './lease.ts';
import { OperatorGate } from './operator.ts';

/** Every how many operator messages one is acknowledged: 10 times a second at 100 Hz. */
const ACK_EVERY = 10;
const FIRST_LEASE = (): number => Math.floor(Date.now() / 1000);

export interface ControlNews {
  taken(lease: Lease): void;
  /** That operator has no control any more: whatever drives for them is to stop. */
  ended(lease: Lease, why: string): void;
}

export class Control {
  readonly #host: SessionHost;
  readonly #news: ControlNews;
  readonly #lease: ControlLease;
  readonly #gate: OperatorGate;
  #retired = false;
  /** The lease under which a controller was activated last. */
  #driver = 0;

  constructor(host: SessionHost, news: ControlNews) {
    this.#host = host;
    this.#news = news;
    this.#lease = new ControlLease(host.spec.limits.deadmanMs / 1000, FIRST_LEASE());
    this.#gate = new OperatorGate(host.spec.axes.length);
  }

  get held(): Lease | null {
    return this.#lease.held;
  }

  /** Number of the lease in force, 0 when there is none. */
  get id(): number {
    return this.#lease.id;
  }

  get gate(): OperatorGate {
    return this.#gate;
  }

  /** Throws LEASE_NEEDED unless `lease` is the one in force. */
  need(lease: number | undefined): Lease {
    return this.#lease.need(lease);
  }

  /** Throws REQUEST_REFUSED during a shutdown. */
  needRunning(request: string): void {
    if (!this.#retired) return;
    throw new ArmloopError('REQUEST_REFUSED', { request, mode: 'being shut down', because: '' });
  }

  /** Gives control. Throws LEASE_TAKEN, REQUEST_REFUSED. */
  take(client: ClientRef, operator: string): Lease {
    this.needRunning('taking control');
    const before = this.#lease.held;
    const lease = this.#lease.take(client, operator, this.#host.now());
    if (before === null) this.#news.taken(lease);
    // Taking control is the first sign of life: what the operator asks for next needs one.
    const alive = this.#gate.nobody(this.#host.now());
    alive[this.#gate.layout.at('lease')] = lease.id;
    this.#host.operate(alive);
    this.#host.changed();
    return lease;
  }

  release(client: ClientRef, why: string): { released: boolean } {
    const ended = this.#lease.release(client);
    if (ended !== null) this.#news.ended(ended, why);
    return { released: ended !== null };
  }

  /** A controller was asked for under that lease. */
  drives(lease: number): void {
    this.#driver = lease;
  }

  /**
   * Input of a client; ignored unless it has the lease. `alive`: while something else drives for the operator, theirs only
   * says that somebody is there.
   */
  operate(client: ClientRef, block: Float64Array, use: 'drive' | 'alive'): void {
    const now = this.#host.now();
    const lease = this.#lease.hear(client, now);
    if (lease === 0 || !this.#gate.admit(block, lease, now)) return;
    if (use === 'drive') this.#host.operate(block);
    const seq = this.#gate.seq(block);
    if (seq % ACK_EVERY === 0) {
      this.#host.notify(client, { type: 'ack', seq, clientTime: this.#gate.clientTime(block), rigTime: now });
    }
  }

  /** Input of a guest of the rig under whoever's lease; a sign of life where the lease is its own. */
  operateAs(guest: ClientRef, block: Float64Array, lease: number): void {
    const now = this.#host.now();
    this.#lease.hear(guest, now);
    if (this.#gate.admit(block, lease, now)) this.#host.operate(block);
  }

  /** A server is gone, with all its clients. */
  serverGone(connection: number): void {
    const ended = this.#lease.releaseAll(connection);
    if (ended !== null) this.#news.ended(ended, 'the server of the operator is gone');
  }

  /** Ends the lease of an operator who is silent. */
  tick(): void {
    const ended = this.#lease.expire(this.#host.now()) ?? this.#bySight();
    if (ended === null) return;
    this.#news.ended(ended, 'the operator is silent');
    this.#host.notify(ended.client, { type: 'lost', reason: 'no operator input came for too long' });
  }

  /**
   * Ends the lease whose operator the loop has given up: a gap that the loop saw may have passed here unseen, and
   * that lease drives no more. A lease that was taken since and has driven nothing yet is kept.
   */
  #bySight(): Lease | null {
    const { held } = this.#lease;
    if ((this.#host.view.reasons & Reason.deadman) === 0 || held === null || held.id !== this.#driver)
      return null;
    return this.#lease.release(held.client);
  }

  /** The rig is being shut down: nobody gets control from now on. */
  retire(): void {
    this.#retired = true;
    const held = this.#lease.held;
    if (held === null) return;
    this.#lease.release(held.client);
    this.#news.ended(held, 'the rig is being shut down');
    this.#host.notify(held.client, { type: 'lost', reason: 'the rig is being shut down' });
  }
}
