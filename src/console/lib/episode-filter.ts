/** Which episodes the list shows. No DOM here. */
import type { EpisodeLabel, EpisodeSummary } from '../../server/protocol.ts';

export interface EpisodeFilter {
  readonly text: string;
  readonly label: EpisodeLabel | 'all';
  readonly flaggedOnly: boolean;
  /** Shows the trash instead of the rest. */
  readonly trash: boolean;
}

/** Every word must occur somewhere: in id, task, operator, label, cause or flags. */
export function matches(episode: EpisodeSummary, filter: EpisodeFilter): boolean {
  if (episode.trashed !== filter.trash) return false;
  if (filter.label !== 'all' && episode.label !== filter.label) return false;
  if (filter.flaggedOnly && episode.flags.length === 0) return false;
  const { id, task, operator, label, cause, flags, sources } = episode;
  const hay = [id, task, operator, label, cause, ...flags, ...sources].join(' ').toLowerCase();
  return filter.text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.includes(word));
}
