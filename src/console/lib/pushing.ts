/** Sends a push at a simulated body while it is held: the newest end of the spring, and again so that it is not let go. */
import { post } from './api.ts';
import { operator } from './operator.svelte.ts';
import { toasts } from './toasts.svelte.ts';

/** Of one request, s: what a page that hangs goes on pushing for. */
const SECONDS = 1;
const AGAIN_MS = 100;
/** N: enough to push a Panda-class arm off its way, not enough to throw things. */
const FORCE = 100;

export interface PushHold {
  readonly body: string;
  /** Where it is held, in the frame of the body, m. */
  readonly point: readonly [number, number, number];
  /** Where it is pulled, in the world, m. */
  readonly towards: readonly [number, number, number];
}

class Pushing {
  #now: PushHold | null = null;
  #fresh = false;
  #running = false;

  /** Called with every change, and with null once it is let go. */
  hold(push: PushHold | null): void {
    if (push === null && this.#now === null) return;
    const before = this.#now;
    this.#now = push;
    this.#fresh = true;
    if (!this.#running) void this.#run(push ?? before!);
  }

  async #run(first: PushHold): Promise<void> {
    this.#running = true;
    let last = first;
    try {
      while (this.#now !== null) {
        last = this.#now;
        this.#fresh = false;
        await this.#post(last, SECONDS);
        if (!this.#fresh) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
      await this.#post(last, 0);
    } catch (error) {
      this.#now = null;
      toasts.error('Pushing failed', error);
    } finally {
      this.#running = false;
    }
    // Taken hold of again while the end was being sent.
    if (this.#now !== null) void this.#run(this.#now);
  }

  #post({ body, point, towards }: PushHold, seconds: number): Promise<unknown> {
    return post('/api/scene/push', { lease: operator.lease, body, point, towards, force: FORCE, seconds });
  }
}

export const pushing = new Pushing();
