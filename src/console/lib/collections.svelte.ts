/** Autonomous sessions: the list, and one that is watched while it grows. */
import type {
  CollectionDetails,
  CollectionItem,
  CollectionLine,
  WorkState,
} from '../../server/learning-protocol.ts';
import { Attempts } from './attempts.ts';
import { Fresh, Watched } from './poll.svelte.ts';

export const collections = new Fresh<readonly CollectionItem[]>('/api/collections');

export const workWords: Readonly<Record<WorkState, string>> = {
  running: 'A process works on it now.',
  stopped: 'Stopped before its end; it can go on.',
  done: 'Came to its end.',
  killed: 'Its process ended without a word; it can go on.',
};

/** One session with its attempts. */
export class WatchedCollection extends Watched<CollectionDetails, CollectionLine> {
  readonly attempts = new Attempts();

  constructor(id: string) {
    super(`/api/collections/${encodeURIComponent(id)}`, 'ledger');
  }

  protected override take(lines: readonly CollectionLine[], fresh: boolean): void {
    if (fresh) this.attempts.clear();
    this.attempts.push(lines);
  }
}
