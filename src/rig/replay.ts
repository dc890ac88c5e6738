/** An episode made ready to drive this rig again: its commands as rows, fed ahead of their time. */
import { approachTime } from '../control/replay.ts';
import { Catalogue } from '../episode/catalogue.ts';
import { Episode } from '../episode/episode.ts';
import { checkReplayable, RowFeeder, readReplayRows } from '../episode/replay-rows.ts';
import type { RingWriter } from '../robot/port.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { ReplayPlan } from '../session/host.ts';

/** How often the ring is filled up; it holds seconds. */
const FILL_MS = 50;

/**
 * Reads an episode of the workspace. `command`: the positions commanded now, by axis. Rejects with REPLAY_IMPOSSIBLE,
 * EPISODE_UNKNOWN, EPISODE_DAMAGED.
 */
export async function openReplay(
  workspace: string,
  id: string,
  spec: RobotSpec,
  ring: RingWriter,
  command: () => Float64Array,
): Promise<ReplayPlan> {
  await using episode = await Episode.open(new Catalogue(workspace).files, id);
  checkReplayable(episode, spec);
  const rows = await readReplayRows(episode);
  let timer: NodeJS.Timeout | null = null;
  const stop = (): void => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };
  return {
    scene: episode.physics.map(({ device, state }) => ({ device, state })),
    duration: rows.duration,
    feed: () => {
      const lead = approachTime(spec.axes, command(), rows.first);
      const feeder = new RowFeeder(rows, lead, ring);
      const fill = (): void => {
        if (feeder.pump()) stop();
      };
      timer = setInterval(fill, FILL_MS);
      fill();
      return lead;
    },
    stop,
  };
}
