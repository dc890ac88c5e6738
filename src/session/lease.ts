/**
 * The control lease: one operator drives, everybody else watches. Each grant has a number of its own, never used
 * again, not even by the next start of the rig. A lease ends when its operator releases it, is gone or falls silent.
 */
import { ArmloopError } from '../errors.ts';
import type { ClientRef } from '../rig/socket.ts';

export interface Lease {
  readonly id: number;
  readonly operator: string;
  readonly client: ClientRef;
}

export class ControlLease {
  readonly #silenceS: number;
  #next: number;
  #held: (Lease & { heard: number }) | null = null;

  /** `silenceS`: silence after which a lease ends. `first`: number of the first lease. */
  constructor(silenceS: number, first: number) {
    this.#silenceS = silenceS;
    this.#next = first;
  }

  get held(): Lease | null {
    return this.#held;
  }

  /** Number of the lease in force, 0 when there is none. */
  get id(): number {
    return this.#held?.id ?? 0;
  }

  /** Grants a lease; the holder itself gets a fresh one. Throws LEASE_TAKEN. */
  take(client: ClientRef, operator: string, now: number): Lease {
    if (this.#held !== null && !same(this.#held.client, client)) {
      throw new ArmloopError('LEASE_TAKEN', { operator: this.#held.operator });
    }
    this.#held = { id: this.#next++, operator, client, heard: now };
    return this.#held;
  }

  /** Throws LEASE_NEEDED unless `lease` is the one in force. */
  need(lease: number | undefined): Lease {
    if (this.#held === null || this.#held.id !== lease) {
      throw new ArmloopError('LEASE_NEEDED', { lease: lease ?? 'none' });
    }
    return this.#held;
  }

  /** Notes that a client spoke. Number of its lease; 0 when it has none. */
  hear(client: ClientRef, now: number): number {
    if (this.#held === null || !same(this.#held.client, client)) return 0;
    this.#held.heard = now;
    return this.#held.id;
  }

  /** Ends the lease of that client, if it has it. */
  release(client: ClientRef): Lease | null {
    return this.#held !== null && same(this.#held.client, client) ? this.#end() : null;
  }

  /** Ends the lease when its whole server is gone. */
  releaseAll(connection: number): Lease | null {
    return this.#held?.client.connection === connection ? this.#end() : null;
  }

  /** Ends the lease when its operator has been silent for too long. */
  expire(now: number): Lease | null {
    return this.#held !== null && now - this.#held.heard > this.#silenceS ? this.#end() : null;
  }

  #end(): Lease | null {
    const ended = this.#held;
    this.#held = null;
    return ended;
  }
}

const same = (a: ClientRef, b: ClientRef): boolean => a.connection === b.connection && a.client === b.client;
