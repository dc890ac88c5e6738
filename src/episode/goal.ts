/** Goals from recorded episodes: how things were when it was reached. */
import { ArmloopError } from '../errors.ts';
import { FeatureReader } from '../policy/features.ts';
import type { Feature, PolicyManifest } from '../policy/manifest.ts';
import { goalFeatures } from '../policy/request.ts';
import type { EpisodeFiles } from '../record/files.ts';
import { Source } from '../robot/tick.ts';
import { nanoseconds } from './align.ts';
import { Episode } from './episode.ts';
import { drivenSpans, MAX_GAP } from './spans.ts';
import { readTimeline } from './timeline.ts';

/** Whoever can have reached something; stops and resets did not. */
const DRIVERS = [Source.human, Source.policy, Source.mpc, Source.replay, Source.script];

/**
 * The features at the last tick in which somebody drove the arm: what training takes for the goal of that span. Not
 * normalised. Rejects with GOAL_NONE, POLICY_FEATURE, EPISODE_UNKNOWN, EPISODE_BAD_ID, EPISODE_DAMAGED.
 */
export async function goalOf(
  files: EpisodeFiles,
  id: string,
  features: readonly Feature[],
): Promise<number[]> {
  await using episode = await Episode.open(files, id);
  const reader = new FeatureReader(episode.tickLayout, features);
  const { ticks } = await readTimeline(episode, []);
  const end = drivenSpans(ticks, { sources: DRIVERS, maxGapNs: nanoseconds(MAX_GAP) }).at(-1)?.last;
  if (end === undefined) throw new ArmloopError('GOAL_NONE', { id });
  const goal = new Float64Array(reader.size);
  let tick = 0;
  await episode.ticks((block) => {
    if (tick++ === end) reader.read(block, goal);
  });
  return [...goal];
}

/** The goal for a policy, from the episode that was named for it; null where none was. Rejects with POLICY_ASKED too. */
export async function episodeGoal(
  m: PolicyManifest,
  id: string | null,
  files: EpisodeFiles,
): Promise<number[] | null> {
  if (id === null) return null;
  const features = goalFeatures(m);
  if (features === null)
    throw new ArmloopError('POLICY_ASKED', { policy: m.name, reason: 'it takes no goal, but one was given' });
  return goalOf(files, id, features);
}
