/**
 * An episode as rows for the replay controller: the commands that left the guard, at their own times. Open loop: the
 * same commands from the same scene, not the same forces.
 */
import { ArmloopError } from '../errors.ts';
import type { RingWriter } from '../robot/port.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { CommandMode, rowLayout } from '../robot/tick.ts';
import type { Episode, PhysicsSnapshot } from './episode.ts';

export interface ReplayRows {
  readonly axes: number;
  readonly count: number;
  /** count × rowLayout(axes).size; times in s from the first row on, `seq` from 1. */
  readonly rows: Float64Array;
  /** First commanded positions, by axis. */
  readonly first: Float64Array;
  /** From the first row to the last, s. */
  readonly duration: number;
  /** Physics state to put back first; null when the episode has none. */
  readonly physics: PhysicsSnapshot | null;
  /** The task judged it reached at some tick. */
  readonly success: boolean;
}

/** Throws REPLAY_IMPOSSIBLE, EPISODE_DAMAGED. */
export async function readReplayRows(episode: Episode): Promise<ReplayRows> {
  const { tickLayout, spec } = episode;
  const axes = spec.axes.length;
  const row = rowLayout(axes);
  const at = {
    time: tickLayout.at('in.time'),
    mode: tickLayout.at('out.commandMode'),
    success: tickLayout.at('in.task.success'),
    q: tickLayout.at('out.q'),
    qd: tickLayout.at('out.qd'),
    tau: tickLayout.at('out.tau'),
  };
  const to = {
    seq: row.at('seq'),
    time: row.at('time'),
    last: row.at('last'),
    q: row.at('q'),
    qd: row.at('qd'),
    tau: row.at('tau'),
  }; // prettier-ignore
  const physics = episode.physics[0] ?? null;
  // Commands from before the snapshot have had their effect on it.
  const from =
    physics !== null && Number.isFinite(physics.time) ? physics.time - 1e-9 : Number.NEGATIVE_INFINITY;
  const rows = new Float64Array(episode.tickCount * row.size);
  let count = 0;
  let start = 0;
  let success = false;
  await episode.ticks((block) => {
    if (block[at.success] === 1) success = true;
    const time = block[at.time]!;
    if (block[at.mode] === CommandMode.idle || time < from) return;
    if (count === 0) start = time;
    const base = count * row.size;
    rows[base + to.seq] = ++count;
    rows[base + to.time] = time - start;
    for (let a = 0; a < axes; a++) {
      rows[base + to.q + a] = block[at.q + a]!;
      rows[base + to.qd + a] = block[at.qd + a]!;
      rows[base + to.tau + a] = block[at.tau + a]!;
    }
  });
  if (count === 0) {
    throw new ArmloopError('REPLAY_IMPOSSIBLE', { episode: episode.id, reason: 'it commands no motion' });
  }
  const last = (count - 1) * row.size;
  rows[last + to.last] = 1;
  return {
    axes,
    count,
    rows: rows.slice(0, count * row.size),
    first: rows.slice(to.q, to.q + axes),
    duration: rows[last + to.time]!,
    physics,
    success,
  };
}

/** Throws REPLAY_IMPOSSIBLE unless the rig is the one of the episode, with the same axes and task. */
export function checkReplayable(episode: Episode, rig: RobotSpec): void {
  const { id: name, spec: then } = episode;
  const refuse = (reason: string): never => {
    throw new ArmloopError('REPLAY_IMPOSSIBLE', { episode: name, reason });
  };
  if (then.id !== rig.id) refuse(`it is of the rig ${then.id}`);
  const names = (spec: RobotSpec): string => spec.axes.map((a) => a.name).join(', ');
  if (names(then) !== names(rig)) refuse(`it drives ${names(then)}, this rig has ${names(rig)}`);
  if (then.sim !== null && then.sim.task !== rig.sim?.task) {
    refuse(`its scene is that of the task ${then.sim.task}`);
  }
}

/**
 * Puts rows into the ring of a loop, ahead of their time and as room is there. The first row goes at time 0 and the
 * others `lead` seconds later than in the episode: in the meantime the arm comes to the first one.
 */
export class RowFeeder {
  readonly #rows: ReplayRows;
  readonly #lead: number;
  readonly #ring: RingWriter;
  readonly #size: number;
  readonly #time: number;
  #next = 0;

  constructor(rows: ReplayRows, lead: number, ring: RingWriter) {
    const layout = rowLayout(rows.axes);
    this.#rows = rows;
    this.#lead = lead;
    this.#ring = ring;
    this.#size = layout.size;
    this.#time = layout.at('time');
  }

  /** True when every row is in. Call before activation and then often enough that the ring does not run dry. */
  pump(): boolean {
    for (; this.#next < this.#rows.count; this.#next++) {
      const slot = this.#ring.slot();
      if (slot === null) return false;
      const base = this.#next * this.#size;
      slot.block.set(this.#rows.rows.subarray(base, base + this.#size));
      if (this.#next > 0) slot.block[this.#time]! += this.#lead;
      this.#ring.commit();
    }
    return true;
  }
}
