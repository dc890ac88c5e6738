/** Autonomous sessions: the list, and one that is watched while it grows. */
import type {
  CollectionDetails,
  CollectionItem,
  CollectionLine,
  WorkState,
} from '../../server/learning-protocol.ts';
import { Attempts } from './attempts.ts';
import { Fresh, GrowingLines } from './poll.svelte.ts';

const RUNNING_MS = 1000;
const RESTING_MS = 5000;

export const collections = new Fresh<readonly CollectionItem[]>('/api/collections');

export const workWords: Readonly<Record<WorkState, string>> = {
  running: 'A process works on it now.',
  stopped: 'Stopped before its end; it can go on.',
  done: 'Came to its end.',
  killed: 'Its process ended without a word; it can go on.',
};

/** One session with its attempts. */
export class WatchedCollection {
  readonly details: Fresh<CollectionDetails>;
  readonly attempts = new Attempts();
  /** Goes up whenever the attempts have changed in place. */
  version = $state(0);
  trouble = $state<string | null>(null);
  readonly #lines: GrowingLines<CollectionLine>;

  constructor(id: string) {
    const path = `/api/collections/${encodeURIComponent(id)}`;
    this.details = new Fresh(path);
    this.#lines = new GrowingLines(`${path}/ledger`, (lines, fresh) => {
      if (fresh) this.attempts.clear();
      this.attempts.push(lines);
      this.version++;
    });
  }

  async load(): Promise<void> {
    await this.details.load();
    try {
      await this.#lines.load();
      this.trouble = null;
    } catch (error) {
      this.trouble = error instanceof Error ? error.message : String(error);
    }
  }

  /** How long to wait before looking again, ms. */
  get pace(): number {
    return this.details.value?.state === 'running' ? RUNNING_MS : RESTING_MS;
  }
}
