/** The times of an episode: what its ticks say of who drove where, and when each camera saw. */

import { decodeBlock } from '../record/cdr.ts';
import { cameraTopic } from '../record/episode-writer.ts';
import { monotonicSeconds } from '../record/times.ts';
import { nanoseconds } from './align.ts';
import type { Episode } from './episode.ts';
import type { RowSource } from './samples.ts';

export interface CameraTimeline {
  /** Capture times, ascending. */
  readonly timesNs: Float64Array;
  /** For each of them: the how manieth frame of this camera in the file. */
  readonly ordinals: Int32Array;
}

export interface Timeline {
  readonly ticks: RowSource;
  readonly cameras: readonly CameraTimeline[];
}

/** Reads the whole episode once, keeping some numbers per tick and frame. Throws EPISODE_DAMAGED. */
export async function readTimeline(episode: Episode, cameras: readonly string[]): Promise<Timeline> {
  const layout = episode.tickLayout;
  const n = episode.tickCount;
  const axes = layout.field('out.q').length;
  const column = (name: string) => ({ at: layout.at(name), values: new Float64Array(n) });
  const columns = {
    timesNs: column('in.time'),
    mode: column('out.mode'),
    source: column('out.source'),
    controller: column('out.controller'),
    epoch: column('in.task.epoch'),
  };
  const states = layout.field('in.device.time');
  const command = layout.at('out.q');
  const stateNs = new Float64Array(n);
  const commands = new Float64Array(n * axes);
  const block = new Float64Array(layout.size);
  let tick = 0;
  const frames = cameras.map((): number[] => []);
  const visitors = Object.fromEntries(
    cameras.map((camera, c) => [
      cameraTopic(camera),
      (m: { readonly publishTime: bigint }): void => {
        frames[c]!.push(nanoseconds(monotonicSeconds(m.publishTime, episode.wallOffsetNs)));
      },
    ]),
  );
  await episode.messages({
    ...visitors,
    '/tick': (m) => {
      decodeBlock(m.data, block);
      for (const { at, values } of Object.values(columns)) values[tick] = block[at]!;
      let oldest = Number.POSITIVE_INFINITY;
      for (let d = 0; d < states.length; d++) oldest = Math.min(oldest, block[states.offset + d]!);
      stateNs[tick] = nanoseconds(oldest);
      for (let a = 0; a < axes; a++) commands[tick * axes + a] = block[command + a]!;
      tick++;
    },
  });
  const ticks: RowSource = {
    timesNs: columns.timesNs.values.map(nanoseconds),
    mode: columns.mode.values,
    source: columns.source.values,
    controller: columns.controller.values,
    epoch: columns.epoch.values,
    stateNs,
    commands,
  };
  return { ticks, cameras: frames.map(inOrder) };
}

/** A frame may be encoded before an earlier one and so lie before it in the file. */
function inOrder(times: readonly number[]): CameraTimeline {
  const ordinals = Int32Array.from(times.keys()).sort((a, b) => times[a]! - times[b]! || a - b);
  return { timesNs: Float64Array.from(ordinals, (i) => times[i]!), ordinals };
}
