/** Asking again and again for what changes on the server without the rig's stream telling of it. */

import type { Tail } from '../../server/learning-protocol.ts';
import { get } from './api.ts';

/**
 * Calls `work` at once and then `everyMs` after the end of each call, while the page is seen. Returns how to stop.
 * `work` must not reject.
 */
export function poll(work: () => Promise<unknown>, everyMs: () => number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  let busy = false;
  const again = async (): Promise<void> => {
    clearTimeout(timer);
    if (busy || stopped || document.visibilityState === 'hidden') return;
    busy = true;
    await work();
    busy = false;
    if (!stopped) timer = setTimeout(() => void again(), everyMs());
  };
  const seen = (): void => void again();
  document.addEventListener('visibilitychange', seen);
  void again();
  return () => {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', seen);
  };
}

/** What a route answers, kept fresh. Values that are gone stay shown with the trouble beside them. */
export class Fresh<T> {
  /** Null until the first answer. */
  value = $state.raw<T | null>(null);
  trouble = $state<string | null>(null);
  readonly #path: string;
  #text = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** True when the answer differs from the one before. */
  async load(): Promise<boolean> {
    try {
      const value = await get<T>(this.#path);
      this.trouble = null;
      const text = JSON.stringify(value);
      if (text === this.#text) return false;
      this.#text = text;
      this.value = value;
      return true;
    } catch (error) {
      this.trouble = error instanceof Error ? error.message : String(error);
      return false;
    }
  }
}

/** Lines of a growing file on the server; each is got once. */
export class GrowingLines<T> {
  readonly #path: string;
  readonly #take: (lines: readonly T[], fresh: boolean) => void;
  #cursor: string | null = null;

  /** `take` gets what is new; `fresh`: what came before is void. */
  constructor(path: string, take: (lines: readonly T[], fresh: boolean) => void) {
    this.#path = path;
    this.#take = take;
  }

  /** Rejects with ApiErrors. */
  async load(): Promise<void> {
    for (let more = true; more; ) {
      const query = this.#cursor === null ? '' : `?from=${this.#cursor}`;
      const tail = await get<Tail<T>>(this.#path + query);
      if (tail.fresh || tail.lines.length > 0) this.#take(tail.lines, tail.fresh);
      this.#cursor = tail.cursor;
      ({ more } = tail);
    }
  }
}
