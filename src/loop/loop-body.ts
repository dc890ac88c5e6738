/**
 * What the loop thread does in one period: gather the newest inputs, run the cycle, publish commands and the record.
 * Allocates nothing, waits for nothing, throws only when the cycle itself is broken.
 */
import { snapshotLayout } from '../robot/frame.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { CommandMode, Mode, RequestKind, requestLayout, tickRecordLayout } from '../robot/tick.ts';
import { LatestEnd, LatestView, RingEnd, RingView } from './channel.ts';
import { stamp } from './clock.ts';
import type { Cycle } from './cycle.ts';
import { Histogram } from './histogram.ts';
import type { LoopBuffers } from './loop-buffers.ts';
import { PlanSource } from './plan-source.ts';
import { RowSource } from './rows.ts';
import { Wiring } from './wiring.ts';

export class LoopBody {
  readonly #cycle: Cycle;
  readonly #period: number;
  readonly #wiring: Wiring;
  readonly #states: readonly LatestView[];
  readonly #commands: readonly LatestEnd[];
  readonly #operator: LatestView;
  readonly #requests: RingView;
  readonly #rows: RowSource;
  readonly #plans: PlanSource;
  readonly #ticks: RingEnd;
  readonly #taken: RingEnd;
  readonly #snapshots: RingEnd;
  readonly #watch: RingEnd;
  readonly #policy: RingEnd;
  readonly #planner: RingEnd;
  readonly #live: readonly LatestEnd[];
  readonly #lateness: Histogram;
  readonly #work: Histogram;
  readonly #record: Float64Array;
  readonly #request = new Float64Array(requestLayout.size);
  readonly #snapshot: Float64Array;
  readonly #snapshotMemory: number;
  readonly #opSize: number;
  readonly #at: ReturnType<typeof offsets>;
  #tick = 0;

  constructor(spec: RobotSpec, cycle: Cycle, buffers: LoopBuffers) {
    this.#cycle = cycle;
    this.#period = 1 / spec.loop.rateHz;
    this.#wiring = new Wiring(spec, cycle.tick);
    this.#states = buffers.state.map((b) => new LatestView(b));
    this.#commands = buffers.command.map((b) => new LatestEnd(b));
    this.#operator = new LatestView(buffers.operator);
    this.#requests = new RingView(buffers.requests);
    this.#rows = new RowSource(
      new RingView(buffers.rows),
      new RingView(buffers.chunks),
      spec.axes.length,
      cycle.tick,
    );
    this.#plans = new PlanSource(new LatestView(buffers.plan), spec.armAxes, cycle.tick);
    this.#ticks = new RingEnd(buffers.recorder.tick);
    this.#taken = new RingEnd(buffers.recorder.request);
    this.#snapshots = new RingEnd(buffers.recorder.snapshot);
    this.#watch = new RingEnd(buffers.watch);
    this.#policy = new RingEnd(buffers.policy);
    this.#planner = new RingEnd(buffers.planner);
    this.#live = buffers.live.map((b) => new LatestEnd(b));
    this.#lateness = new Histogram(buffers.lateness);
    this.#work = new Histogram(buffers.work);
    this.#record = new Float64Array(tickRecordLayout(spec).size);
    const snapshot = snapshotLayout(cycle.memory.length);
    this.#snapshot = new Float64Array(snapshot.size);
    this.#snapshotMemory = snapshot.at('memory');
    this.#opSize = buffers.operator.size;
    this.#at = offsets(spec);
  }

  /** One period: `times` (planned, wake) and `missed` as Pace has them. */
  run(times: Float64Array, missed: number): void {
    const at = this.#at;
    const record = this.#record;
    record[at.tick] = this.#tick;
    record[at.time] = times[0]!;
    record[at.wake] = times[1]!;
    record[at.dt] = (missed + 1) * this.#period;
    record[at.missed] = missed;
    for (let d = 0; d < this.#states.length; d++) {
      const state = this.#states[d]!;
      if (state.take()) this.#wiring.gather(d, state.block, record);
    }
    if (this.#operator.take()) {
      const block = this.#operator.block;
      for (let i = 0; i < this.#opSize; i++) record[at.op + i] = block[i]!;
    }
    const request = this.#next();
    this.#rows.update(record);
    this.#plans.update(record);
    stamp(record, at.seen);
    this.#cycle.step(record, request);
    stamp(record, at.computed);
    if (record[at.mode] !== Mode.active) {
      this.#rows.end();
      this.#plans.end();
    } else if (record[at.accepted]! < 0) {
      this.#rows.refused();
      this.#plans.refused();
    }
    if (record[at.commandMode] !== CommandMode.idle) {
      for (let d = 0; d < this.#commands.length; d++) {
        const command = this.#commands[d]!;
        this.#wiring.command(d, record, command.block);
        command.publish();
      }
    }
    stamp(record, at.written);
    this.#ticks.write(record);
    offer(this.#watch, record);
    offer(this.#policy, record);
    offer(this.#planner, record);
    for (let i = 0; i < this.#live.length; i++) {
      const live = this.#live[i]!;
      live.block.set(record);
      live.publish();
    }
    this.#lateness.between(record, at.time, at.wake);
    this.#work.between(record, at.wake, at.computed);
    this.#tick++;
  }

  /**
   * The last resort after a throw: commands that stand where they stand, without speed. The thread ends after it,
   * and the rig halts the devices.
   */
  freeze(): void {
    const at = this.#at;
    if (this.#record[at.commandMode] === CommandMode.idle) return;
    for (let i = 0; i < at.axes; i++) {
      this.#record[at.outQd + i] = 0;
      this.#record[at.outTau + i] = 0;
    }
    for (let d = 0; d < this.#commands.length; d++) {
      const command = this.#commands[d]!;
      this.#wiring.command(d, this.#record, command.block);
      for (const value of command.block) if (!Number.isFinite(value)) return;
      command.publish();
    }
  }

  /** Takes the oldest waiting request, one per tick. */
  #next(): Float64Array | null {
    const slot = this.#requests.peek();
    const at = this.#at;
    if (slot === null) {
      this.#record[at.requestSeq] = 0;
      return null;
    }
    const request = this.#request;
    request.set(slot.block);
    this.#requests.release();
    this.#record[at.requestSeq] = request[REQUEST.seq]!;
    this.#taken.write(request);
    if (request[REQUEST.kind] === RequestKind.activate) {
      this.#rows.begin(this.#record[at.time]!, request[REQUEST.controller]!);
      this.#plans.begin(this.#record[at.time]!, request[REQUEST.controller]!);
    }
    if (request[REQUEST.kind] === RequestKind.snapshot) {
      this.#snapshot[0] = this.#tick;
      this.#snapshot[1] = this.#record[at.time]!;
      this.#snapshot.set(this.#cycle.memory, this.#snapshotMemory);
      this.#snapshots.write(this.#snapshot);
    }
    return request;
  }
}

/** For readers that may lag or be absent: a full ring is left as it is. */
function offer(end: RingEnd, record: Float64Array): void {
  const slot = end.slot();
  if (slot === null) return;
  slot.block.set(record);
  end.commit();
}

const REQUEST = {
  seq: requestLayout.at('seq'),
  kind: requestLayout.at('kind'),
  controller: requestLayout.at('controller'),
};

function offsets(spec: RobotSpec) {
  const layout = tickRecordLayout(spec);
  return {
    axes: spec.axes.length,
    tick: layout.at('in.tick'),
    time: layout.at('in.time'),
    wake: layout.at('in.wake'),
    dt: layout.at('in.dt'),
    missed: layout.at('in.missed'),
    op: layout.at('in.op.seq'),
    requestSeq: layout.at('in.request.seq'),
    mode: layout.at('out.mode'),
    accepted: layout.at('out.request.accepted'),
    commandMode: layout.at('out.commandMode'),
    outQd: layout.at('out.qd'),
    outTau: layout.at('out.tau'),
    seen: layout.at('stamp.seen'),
    computed: layout.at('stamp.computed'),
    written: layout.at('stamp.written'),
  };
}
