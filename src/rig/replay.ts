/** An episode made ready to drive the rig again: its sent commands as rows, fed ahead of their time. */

import { approachTime } from '../control/replay.ts';
import { Catalogue } from '../episode/catalogue.ts';
import { Episode } from '../episode/episode.ts';
import { ArmloopError } from '../errors.ts';
import type { RingEnd } from '../loop/channel.ts';
import type { Layout } from '../robot/layout.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { Mode, rowLayout } from '../robot/tick.ts';
import type { ReplayPlan } from '../session/host.ts';

/** How often the ring is filled up; it holds seconds. */
const FILL_MS = 50;

interface Rows {
  readonly count: number;
  /** count × rowLayout. */
  readonly data: Float64Array;
}

/** Reads an episode of the workspace. `command`: the positions commanded now. Rejects with REPLAY_IMPOSSIBLE, EPISODE_UNKNOWN, EPISODE_DAMAGED. */
export async function openReplay(
  workspace: string,
  id: string,
  spec: RobotSpec,
  ring: RingEnd,
  command: () => Float64Array,
): Promise<ReplayPlan> {
  await using episode = await Episode.open(new Catalogue(workspace).files, id);
  fits(id, episode.spec, spec);
  const rows = await readRows(episode);
  if (rows.count === 0)
    throw new ArmloopError('REPLAY_IMPOSSIBLE', { episode: id, reason: 'no command was sent in it' });
  const feeder = new RowFeeder(rows, rowLayout(spec.axes.length), ring);
  return {
    scene: episode.physics.map(({ device, state }) => ({ device, state })),
    duration: feeder.duration,
    feed: () => {
      const lead = approachTime(spec.axes, command(), feeder.first);
      feeder.start(lead);
      return lead;
    },
    stop: () => feeder.stop(),
  };
}

/** Keeps the loop's row ring filled until every row is in it. */
class RowFeeder {
  readonly #rows: Rows;
  readonly #layout: Layout;
  readonly #ring: RingEnd;
  #next = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(rows: Rows, layout: Layout, ring: RingEnd) {
    this.#rows = rows;
    this.#layout = layout;
    this.#ring = ring;
  }

  get duration(): number {
    return this.#rows.data[(this.#rows.count - 1) * this.#layout.size + this.#layout.at('time')]!;
  }

  /** Positions of the first row. */
  get first(): Float64Array {
    return this.#layout.view(this.#rows.data, 'q');
  }

  /** All rows but the first, which is approached, come `lead` seconds later. */
  start(lead: number): void {
    const { size } = this.#layout;
    const time = this.#layout.at('time');
    for (let i = 1; i < this.#rows.count; i++) {
      const at = i * size + time;
      this.#rows.data[at] = this.#rows.data[at]! + lead;
    }
    this.#fill();
    this.#timer = setInterval(() => this.#fill(), FILL_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#next = this.#rows.count;
  }

  #fill(): void {
    const { size } = this.#layout;
    while (this.#next < this.#rows.count) {
      const slot = this.#ring.slot();
      if (slot === null) return;
      slot.block.set(this.#rows.data.subarray(this.#next * size, (this.#next + 1) * size));
      this.#ring.commit();
      this.#next++;
    }
    this.stop();
  }
}

/** Throws REPLAY_IMPOSSIBLE unless the axes are the same. */
function fits(id: string, then: RobotSpec, now: RobotSpec): void {
  const refuse = (reason: string): never => {
    throw new ArmloopError('REPLAY_IMPOSSIBLE', { episode: id, reason });
  };
  if (then.id !== now.id) refuse(`it is of the rig ${then.id}`);
  const names = (spec: RobotSpec): string => spec.axes.map((a) => a.name).join(', ');
  if (names(then) !== names(now)) refuse(`its axes are ${names(then)}`);
  if (then.sim !== null && then.sim.task !== now.sim?.task)
    refuse(`its scene is that of the task ${then.sim.task}`);
}

/** The commands that were sent while the arm was armed, from the first on. */
async function readRows(episode: Episode): Promise<Rows> {
  const n = episode.spec.axes.length;
  const layout = rowLayout(n);
  const tick = episode.tickLayout;
  const at = {
    time: tick.at('in.time'),
    mode: tick.at('out.mode'),
    q: tick.at('out.q'),
    qd: tick.at('out.qd'),
    tau: tick.at('out.tau'),
  };
  const to = {
    seq: layout.at('seq'),
    time: layout.at('time'),
    last: layout.at('last'),
    q: layout.at('q'),
    qd: layout.at('qd'),
    tau: layout.at('tau'),
  };
  const data = new Float64Array(episode.tickCount * layout.size);
  let count = 0;
  let start = Number.NaN;
  await episode.ticks((block) => {
    if (block[at.mode]! < Mode.holding) return;
    if (Number.isNaN(start)) start = block[at.time]!;
    const row = data.subarray(count * layout.size, (count + 1) * layout.size);
    row[to.seq] = ++count;
    row[to.time] = block[at.time]! - start;
    for (let i = 0; i < n; i++) {
      row[to.q + i] = block[at.q + i]!;
      row[to.qd + i] = block[at.qd + i]!;
      row[to.tau + i] = block[at.tau + i]!;
    }
  });
  if (count > 0) data[(count - 1) * layout.size + to.last] = 1;
  return { count, data };
}
