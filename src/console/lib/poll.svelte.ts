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
      this.trouble = messageOf(error);
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

const RUNNING_MS = 1000;
const RESTING_MS = 5000;

/** Work on the server that is watched while it goes on: what it says of itself, and the lines that it writes. */
export abstract class Watched<Details extends { readonly state: string }, Line> {
  readonly details: Fresh<Details>;
  /** Goes up whenever what was made of the lines has changed in place. */
  version = $state(0);
  trouble = $state<string | null>(null);
  readonly #lines: GrowingLines<Line>;

  /** `path` of the work, and the name of its lines below it. */
  constructor(path: string, lines: string) {
    this.details = new Fresh(path);
    this.#lines = new GrowingLines(`${path}/${lines}`, (got, fresh) => {
      this.take(got, fresh);
      this.version++;
    });
  }

  /** Gets what is new; `fresh`: what came before is void. */
  protected abstract take(lines: readonly Line[], fresh: boolean): void;

  async load(): Promise<void> {
    await this.details.load();
    try {
      await this.#lines.load();
      this.trouble = null;
    } catch (error) {
      this.trouble = messageOf(error);
    }
  }

  /** How long to wait before looking again, ms. */
  get pace(): number {
    return this.details.value?.state === 'running' ? RUNNING_MS : RESTING_MS;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
