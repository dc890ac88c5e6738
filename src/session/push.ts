/** Pushing what is simulated by hand: each push is an event of the session, and of the episode that is being recorded. */
import { ArmloopError } from '../errors.ts';
import type { Push } from '../robot/device.ts';
import type { SessionEvent } from '../server/protocol.ts';
import type { SessionHost } from './host.ts';

/** What a push is that does not say: N, s. */
const FORCE = 60;
const SECONDS = 0.5;

interface Teller {
  event(level: SessionEvent['level'], text: string): void;
}

type Asked = Pick<Push, 'body' | 'point' | 'towards'> & {
  readonly [K in 'force' | 'seconds']?: number | undefined;
};

export class PushFlow {
  readonly #host: SessionHost;
  readonly #teller: Teller;
  /** The push under way: requests for the same body go on with it. */
  #now: { readonly body: string; readonly operator: string; readonly since: number; until: number } | null =
    null;

  constructor(host: SessionHost, teller: Teller) {
    this.#host = host;
    this.#teller = teller;
  }

  /** Rejects with NOT_SIMULATED, REQUEST_INVALID. */
  async push(operator: string, asked: Asked): Promise<Record<string, never>> {
    const { scene } = this.#host;
    if (scene === null) throw new ArmloopError('NOT_SIMULATED', { request: 'a push' });
    const { body, point, towards, force = FORCE, seconds = SECONDS } = asked;
    await scene.push({ body, point, towards, force, seconds });
    const now = this.#host.now();
    if (this.#now !== null && this.#now.body !== body) this.#ended(now);
    if (this.#now === null && seconds > 0) {
      this.#now = { body, operator, since: now, until: now };
      this.#teller.event('info', `${operator} pushes ${body}.`);
    }
    if (this.#now !== null) this.#now.until = now + seconds;
    if (seconds === 0) this.#ended(now);
    return {};
  }

  /** To be called often: notes when a push is over. */
  see(): void {
    const now = this.#host.now();
    if (this.#now !== null && now > this.#now.until) this.#ended(this.#now.until);
  }

  #ended(now: number): void {
    if (this.#now === null) return;
    const { operator, body, since } = this.#now;
    this.#now = null;
    this.#teller.event('info', `${operator} let go of ${body} after ${(now - since).toFixed(1)} s.`);
  }
}
