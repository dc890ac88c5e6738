/** The list of episodes and what can be done with one. */
import type { EpisodeLabel, EpisodeSummary } from '../../server/protocol.ts';
import { get, post } from './api.ts';
import { operator } from './operator.svelte.ts';
import { toasts } from './toasts.svelte.ts';

const path = (id: string, what: string): string => `/api/episodes/${encodeURIComponent(id)}/${what}`;

class Episodes {
  /** Null until the first answer. */
  list = $state.raw<readonly EpisodeSummary[] | null>(null);
  trouble = $state<string | null>(null);

  async load(): Promise<void> {
    try {
      this.list = await get<readonly EpisodeSummary[]>('/api/episodes');
      this.trouble = null;
    } catch (error) {
      this.trouble = error instanceof Error ? error.message : String(error);
    }
  }

  async label(id: string, label: EpisodeLabel, cause: string): Promise<boolean> {
    return this.#change('Changing the label', () =>
      post(path(id, 'label'), { label, ...(cause === '' ? {} : { cause }) }),
    );
  }

  async trash(id: string): Promise<void> {
    const done = await this.#change('Moving to the trash', () => post(path(id, 'trash'), {}));
    if (done) toasts.info('Moved to the trash', { label: 'Undo', run: () => void this.restore(id) });
  }

  async restore(id: string): Promise<void> {
    const done = await this.#change('Restoring', () => post(path(id, 'restore'), {}));
    if (done) toasts.info('Restored');
  }

  /** Drives the arm through the episode. */
  async replay(id: string): Promise<void> {
    await this.#change('Replaying', () => post(path(id, 'replay'), { lease: operator.lease }));
  }

  async #change(doing: string, run: () => Promise<unknown>): Promise<boolean> {
    try {
      await run();
    } catch (error) {
      toasts.error(`${doing} failed`, error);
      return false;
    }
    await this.load();
    return true;
  }
}

export const episodes = new Episodes();
