/**
 * The lockstep runner: the same cycle on a virtual clock, as fast as it goes. Devices advance only between ticks, and
 * the runner awaits only there too, so one seed gives the same bytes. With `jitter` it plays a real-time loop that
 * wakes late and misses periods.
 *
 * Slow producers (policy, planner, camera) deliver a configured number of ticks after their request, the same in
 * collection and evaluation, however long they really took.
 */
import type { Controller } from '../control/controller.ts';
import { Rng } from '../math/rng.ts';
import type { KinematicModel } from '../model/kinematics.ts';
import type { LockstepDevice } from '../robot/device.ts';
import { planLayout } from '../robot/plan.ts';
import type { RobotSpec } from '../robot/spec.ts';
import {
  CHUNK_ROWS,
  CommandMode,
  commandLayout,
  deviceStateLayout,
  Mode,
  operatorLayout,
  RequestKind,
  requestLayout,
  rowLayout,
  sentLayout,
  tickRecordLayout,
} from '../robot/tick.ts';
import { LatestEnd, LatestView, latest, RingEnd, RingView, ring } from './channel.ts';
import { Cycle } from './cycle.ts';
import { PlanSource } from './plan-source.ts';
import { RowSource } from './rows.ts';
import { Wiring } from './wiring.ts';

/** A slow part of the rig, in lockstep. */
export interface Producer {
  /** Asks it every so many ticks, from the first on; of no meaning with `due`. */
  readonly everyTicks: number;
  /** Instead of a raster: called with the record after every tick, true asks it now. */
  due?(record: Float64Array): boolean;
  /** Its answer takes effect this many ticks after the request. */
  readonly latencyTicks: number;
  /** Gets a copy of the record of the tick that asks. */
  request(record: Float64Array): Promise<unknown>;
  /**
   * Called before the tick in which the answer takes effect. `rows` are those of replay, `chunks` those of policies,
   * `plan` takes feedback plans.
   */
  deliver(answer: unknown, rows: RingEnd, chunks: RingEnd, plan: LatestEnd): void;
}

export interface LockstepOptions {
  readonly spec: RobotSpec;
  readonly model: KinematicModel;
  readonly controllers: readonly Controller[];
  /** In the order of spec.devices. The caller disposes of them. */
  readonly devices: readonly LockstepDevice[];
  /** Writes the operator input of this tick into a block of operatorLayout; it stays until written again. */
  readonly operator?: (tick: number, time: number, out: Float64Array) => void;
  /** Fills a request of this tick and answers true, or answers false. `seq` and `time` are filled in. */
  readonly request?: (tick: number, time: number, out: Float64Array) => boolean;
  readonly producers?: readonly Producer[];
  /** Plays a loop that wakes late: every wake-up by up to `lateS`, and with this chance by 1..`missed` periods. */
  readonly jitter?: {
    readonly seed: number;
    readonly lateS: number;
    readonly chance: number;
    readonly missed: number;
  };
  /** Virtual time of the first tick, s. */
  readonly start?: number;
}

/** Gets every tick record (valid during the call) and the request that it took. A promise holds up the next tick. */
export type TickSink = (record: Float64Array, request: Float64Array | null) => void | Promise<void>;

interface Pending {
  readonly due: number;
  readonly producer: Producer;
  readonly answer: Promise<unknown>;
}

export class LockstepRunner {
  readonly cycle: Cycle;
  /** Rows of streamed plans go in here. */
  readonly rows: RingEnd;
  /** Rows of action chunks go in here. */
  readonly chunks: RingEnd;
  /** Feedback plans go in here. */
  readonly plan: LatestEnd;
  /** What went to the devices last, per device (commandLayout), and what they said they sent (sentLayout). */
  readonly commands: readonly Float64Array[];
  readonly sent: readonly Float64Array[];
  readonly #options: LockstepOptions;
  readonly #wiring: Wiring;
  readonly #rowSource: RowSource;
  readonly #planSource: PlanSource;
  readonly #record: Float64Array;
  readonly #operator: Float64Array;
  readonly #request: Float64Array;
  readonly #states: readonly Float64Array[];
  readonly #steps: number[];
  readonly #rng: Rng | null;
  readonly #at: ReturnType<typeof offsets>;
  readonly #start: number;
  #pending: Pending[] = [];
  #tick = 0;
  #period = 0;
  #seq = 0;

  constructor(options: LockstepOptions) {
    const { spec, model, controllers } = options;
    this.#options = options;
    this.cycle = new Cycle({ spec, model, controllers });
    this.#wiring = new Wiring(spec, this.cycle.tick);
    const rows = ring(rowLayout(spec.axes.length).size, 8192);
    this.rows = new RingEnd(rows);
    const chunks = ring(rowLayout(spec.axes.length).size, 4 * CHUNK_ROWS);
    this.chunks = new RingEnd(chunks);
    this.#rowSource = new RowSource(
      new RingView(rows),
      new RingView(chunks),
      spec.axes.length,
      this.cycle.tick,
    );
    const plan = latest(planLayout(spec.armAxes).size);
    this.plan = new LatestEnd(plan);
    this.#planSource = new PlanSource(new LatestView(plan), spec.armAxes, this.cycle.tick);
    this.#record = new Float64Array(tickRecordLayout(spec).size);
    this.#operator = new Float64Array(operatorLayout(spec.axes.length).size);
    this.#request = new Float64Array(requestLayout.size);
    const perDevice = (size: (axes: number) => number): Float64Array[] =>
      spec.devices.map((device) => new Float64Array(size(device.axes.length)));
    this.#states = perDevice((n) => deviceStateLayout(n).size);
    this.commands = perDevice((n) => commandLayout(n).size);
    this.sent = perDevice((n) => sentLayout(n).size);
    this.#steps = options.devices.map(() => 0);
    this.#rng = options.jitter ? new Rng(options.jitter.seed, 77) : null;
    this.#at = offsets(spec, this.cycle);
    this.#start = options.start ?? 1;
  }

  /** Number of the next tick. */
  get tick(): number {
    return this.#tick;
  }

  /** Virtual time of the next tick, s. */
  get time(): number {
    return this.#start + this.#period / this.#options.spec.loop.rateHz;
  }

  /** Runs so many ticks. Rejects with what a sink, a producer or a device throws. */
  async run(ticks: number, sink?: TickSink): Promise<void> {
    for (let i = 0; i < ticks; i++) {
      await this.#deliver();
      const request = this.#step();
      const wait = sink?.(this.#record, request);
      if (wait !== undefined) await wait;
      this.#ask();
    }
  }

  #step(): Float64Array | null {
    const { spec, devices, jitter } = this.#options;
    const at = this.#at;
    const record = this.#record;
    const dt = 1 / spec.loop.rateHz;
    let missed = 0;
    if (jitter && this.#rng && this.#rng.uniform() < jitter.chance)
      missed = 1 + this.#rng.below(jitter.missed);
    if (missed > 0 && this.#tick > 0) {
      this.#period += missed;
      this.#advance();
    } else missed = 0;
    const time = this.time;
    record[at.tick] = this.#tick;
    record[at.time] = time;
    record[at.wake] = time + (jitter && this.#rng ? this.#rng.uniform(0, jitter.lateS) : 0);
    record[at.dt] = (missed + 1) * dt;
    record[at.missed] = missed;
    devices.forEach((device, d) => {
      device.read(time, this.#states[d]!);
      this.#wiring.gather(d, this.#states[d]!, record);
    });
    this.#options.operator?.(this.#tick, time, this.#operator);
    for (let i = 0; i < this.#operator.length; i++) record[at.op + i] = this.#operator[i]!;
    const request = this.#takeRequest(time);
    record[at.requestSeq] = request === null ? 0 : this.#seq;
    this.#rowSource.update(record);
    this.#planSource.update(record);
    this.cycle.step(record, request);
    if (record[at.mode] !== Mode.active) {
      this.#rowSource.end();
      this.#planSource.end();
    } else if (record[at.accepted]! < 0) {
      this.#rowSource.refused();
      this.#planSource.refused();
    }
    record[at.seen] = record[at.wake]!;
    record[at.computed] = record[at.wake]!;
    record[at.written] = record[at.wake]!;
    if (record[at.commandMode] !== CommandMode.idle) this.#command(time);
    this.#tick++;
    this.#period++;
    this.#advance();
    return request;
  }

  #command(time: number): void {
    this.#options.devices.forEach((device, d) => {
      const command = this.commands[d]!;
      this.#wiring.command(d, this.#record, command);
      device.write(command, time, this.sent[d]!);
    });
  }

  #takeRequest(time: number): Float64Array | null {
    const block = this.#request;
    if (this.#options.request?.(this.#tick, time, block) !== true) return null;
    block[REQUEST.seq] = ++this.#seq;
    block[REQUEST.time] = time;
    if (block[REQUEST.kind] === RequestKind.activate) {
      this.#rowSource.begin(time, block[REQUEST.controller]!);
      this.#planSource.begin(time, block[REQUEST.controller]!);
    }
    return block;
  }

  /** Brings every device to the virtual time, in whole periods of its own rate. */
  #advance(): void {
    const elapsed = this.#period / this.#options.spec.loop.rateHz;
    this.#options.devices.forEach((device, d) => {
      const due = Math.floor(elapsed * device.spec.rateHz + 1e-6);
      for (; this.#steps[d]! < due; this.#steps[d]!++) device.advance();
    });
  }

  #ask(): void {
    for (const producer of this.#options.producers ?? []) {
      const due = producer.due?.(this.#record) ?? (this.#tick - 1) % producer.everyTicks === 0;
      if (!due) continue;
      const answer = producer.request(this.#record.slice());
      // Handled when it is due; until then a rejection must not count as unhandled.
      answer.catch(() => undefined);
      this.#pending.push({ due: this.#tick - 1 + producer.latencyTicks, producer, answer });
    }
  }

  async #deliver(): Promise<void> {
    if (this.#pending.length === 0) return;
    const due = this.#pending.filter((p) => p.due <= this.#tick);
    this.#pending = this.#pending.filter((p) => p.due > this.#tick);
    for (const p of due) p.producer.deliver(await p.answer, this.rows, this.chunks, this.plan);
  }
}

const REQUEST = {
  seq: requestLayout.at('seq'),
  time: requestLayout.at('time'),
  kind: requestLayout.at('kind'),
  controller: requestLayout.at('controller'),
};

function offsets(spec: RobotSpec, cycle: Cycle) {
  const layout = tickRecordLayout(spec);
  return {
    tick: layout.at('in.tick'),
    time: layout.at('in.time'),
    wake: layout.at('in.wake'),
    dt: layout.at('in.dt'),
    missed: layout.at('in.missed'),
    op: cycle.tick.layout.at('in.op.seq'),
    requestSeq: layout.at('in.request.seq'),
    mode: layout.at('out.mode'),
    accepted: layout.at('out.request.accepted'),
    commandMode: layout.at('out.commandMode'),
    seen: layout.at('stamp.seen'),
    computed: layout.at('stamp.computed'),
    written: layout.at('stamp.written'),
  };
}
