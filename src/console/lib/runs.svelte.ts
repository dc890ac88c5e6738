/** Training runs: the list, and one that is watched while it grows. */
import type { MetricsLine, RunDetails, RunItem, RunState } from '../../server/learning-protocol.ts';
import { Curves } from './curves.ts';
import { Fresh, Watched } from './poll.svelte.ts';

/** The list is for choosing; what is chosen is followed closely while it runs. */
export const LIST_MS = 3000;

export const runs = new Fresh<readonly RunItem[]>('/api/runs');

export const stateWords: Readonly<Record<RunState, { readonly text: string; readonly title: string }>> = {
  running: { text: 'running', title: 'A process trains it now.' },
  stopped: { text: 'stopped', title: 'Stopped before its end; it can go on.' },
  finished: { text: 'finished', title: 'Came to its end.' },
  failed: { text: 'failed', title: 'Ended with an error.' },
  killed: {
    text: 'killed',
    title: 'Its process ended without a word; it can go on from its last checkpoint.',
  },
};

/** One run with its curves. */
export class WatchedRun extends Watched<RunDetails, MetricsLine> {
  readonly id: string;
  readonly curves = new Curves();
  /** Units of the held-out error that the curves have. */
  units = $state.raw<readonly string[]>([]);

  constructor(id: string) {
    super(`/api/runs/${encodeURIComponent(id)}`, 'metrics');
    this.id = id;
  }

  protected override take(lines: readonly MetricsLine[], fresh: boolean): void {
    if (fresh) this.curves.clear();
    this.curves.push(lines);
    const units = [...this.curves.errors.keys()];
    if (units.join() !== this.units.join()) this.units = units;
  }
}
