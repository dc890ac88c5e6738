/** Training runs: the list, and one that is watched while it grows. */
import type { MetricsLine, RunDetails, RunItem, RunState } from '../../server/learning-protocol.ts';
import { Curves } from './curves.ts';
import { Fresh, GrowingLines } from './poll.svelte.ts';

/** The list is for choosing; what is chosen is followed closely while it runs. */
export const LIST_MS = 3000;
const RUNNING_MS = 1000;
const RESTING_MS = 5000;

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
export class WatchedRun {
  readonly id: string;
  readonly details: Fresh<RunDetails>;
  readonly curves = new Curves();
  /** Goes up whenever the curves have changed in place. */
  version = $state(0);
  /** Units of the held-out error that the curves have. */
  units = $state.raw<readonly string[]>([]);
  trouble = $state<string | null>(null);
  readonly #lines: GrowingLines<MetricsLine>;

  constructor(id: string) {
    this.id = id;
    const path = `/api/runs/${encodeURIComponent(id)}`;
    this.details = new Fresh(path);
    this.#lines = new GrowingLines(`${path}/metrics`, (lines, fresh) => this.#take(lines, fresh));
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

  #take(lines: readonly MetricsLine[], fresh: boolean): void {
    if (fresh) this.curves.clear();
    this.curves.push(lines);
    const units = [...this.curves.errors.keys()];
    if (units.join() !== this.units.join()) this.units = units;
    this.version++;
  }
}
