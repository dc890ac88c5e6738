/** Requests that need control: one at a time, control taken first when nobody has it, trouble shown as a toast. */
import { operator } from './operator.svelte.ts';
import { toasts } from './toasts.svelte.ts';

type Run = (lease: number) => Promise<unknown>;

export class Asking {
  /** A request is under way. */
  busy = $state(false);
  #running: Promise<boolean> = Promise.resolve(true);
  #next: Promise<boolean> | null = null;

  /** Asks, unless a request is under way: what is pressed twice is asked once. */
  protected ask(doing: string, run: Run): Promise<boolean> {
    if (this.busy) return Promise.resolve(false);
    this.#running = this.#ask(doing, run);
    return this.#running;
  }

  /** Asks as soon as what is under way has ended: for what must not be lost because a request before it is slow. */
  protected askNext(doing: string, run: Run): Promise<boolean> {
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      return this.ask(doing, run);
    });
    return this.#next;
  }

  async #ask(doing: string, run: Run): Promise<boolean> {
    this.busy = true;
    try {
      await run(await operator.need());
      return true;
    } catch (error) {
      toasts.error(`${doing} failed`, error);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
