/**
 * A policy as the driver of a lockstep cell: the same pilot as in a rig's policy thread, on the virtual clock. Its chunks
 * come exactly `latencyMs` after their observations, however long the model really takes.
 */
import type { RingEnd } from '../loop/channel.ts';
import type { Producer } from '../loop/lockstep.ts';
import { loadKinematics } from '../model/load.ts';
import { type Answer, type PilotStatus, PolicyPilot, underrunLimit } from '../policy/pilot.ts';
import type { PolicyRunner } from '../policy/runner.ts';
import { ControllerId, Mode, Source, tickRecordLayout } from '../robot/tick.ts';
import { askFor } from './activation.ts';
import type { CellFrame, Driver, EpisodeScene } from './driver.ts';

export interface PolicyDriverOptions {
  /** Time from observation to chunk, ms, instead of the manifest's: to try out delays. */
  readonly latencyMs?: number;
}

/** An activation that was refused is asked for again after so many ticks. */
const AGAIN_TICKS = 50;

/** The pilot of one episode as a slow producer of the runner. */
class PilotProducer implements Producer {
  readonly everyTicks = 1;
  readonly latencyTicks: number;
  readonly #pilot: PolicyPilot;
  readonly #period: number;
  readonly #time: number;
  #now = Number.NaN;

  constructor(pilot: PolicyPilot, latencyMs: number) {
    const { spec, observer } = pilot.runner;
    this.#pilot = pilot;
    this.#period = 1 / spec.loop.rateHz;
    this.#time = tickRecordLayout(spec).at('in.time');
    // The pilot is asked once the frames of the observation are there, `lag` after it.
    this.latencyTicks = Math.max(1, Math.round((latencyMs / 1000 - observer.lag) * spec.loop.rateHz));
  }

  due(record: Float64Array): boolean {
    this.#pilot.tick(record);
    this.#now = record[this.#time]!;
    return this.#pilot.due <= this.#now + this.#period / 2;
  }

  request(): Promise<Answer> {
    return this.#pilot.compute();
  }

  deliver(answer: unknown, _rows: RingEnd, chunks: RingEnd): void {
    // Before the next tick: the first that sees the rows.
    this.#pilot.deliver(answer as Answer, this.#now + this.#period, chunks);
  }
}

export class PolicyDriver implements Driver {
  readonly source = Source.policy;
  readonly name: string;
  readonly #runner: PolicyRunner;
  readonly #latencyMs: number;
  readonly #at;
  #pilot: PolicyPilot | null = null;
  #producers: readonly Producer[] = [];
  #askedAt = Number.NEGATIVE_INFINITY;
  #drove = false;

  /** The runner was opened for the robot of the cell; the caller disposes of it. One episode at a time. */
  constructor(runner: PolicyRunner, options: PolicyDriverOptions = {}) {
    this.name = runner.manifest.name;
    this.#runner = runner;
    this.#latencyMs = options.latencyMs ?? runner.manifest.latencyMs;
    this.#at = { mode: tickRecordLayout(runner.spec).at('out.mode') };
  }

  async begin(scene: EpisodeScene): Promise<void> {
    const { observer } = this.#runner;
    await observer.settled();
    observer.newScene(scene.time);
    this.#runner.begin(scene.seed);
    this.#pilot = new PolicyPilot(this.#runner, loadKinematics(scene.spec));
    this.#producers = [new PilotProducer(this.#pilot, this.#latencyMs)];
    this.#askedAt = Number.NEGATIVE_INFINITY;
    this.#drove = false;
  }

  get producers(): readonly Producer[] {
    return this.#producers;
  }

  request(tick: number, record: Float64Array, out: Float64Array): boolean {
    const mode = record[this.#at.mode];
    if (mode === Mode.active) this.#drove = true;
    if (mode !== Mode.holding || this.#drove || tick < this.#askedAt + AGAIN_TICKS) return false;
    this.#askedAt = tick;
    const delay = Math.max(this.#latencyMs, this.#runner.manifest.latencyMs);
    const limit = underrunLimit({ ...this.#runner.manifest, latencyMs: delay });
    askFor(out, ControllerId.policy, this.source, [limit]);
    return true;
  }

  frame(frame: CellFrame): void {
    this.#pilot?.frame(frame.name, frame.time, frame.jpeg);
  }

  /** A policy never knows that it is done: the task judges. */
  get finished(): boolean {
    return false;
  }

  get status(): PilotStatus | null {
    return this.#pilot?.status ?? null;
  }

  get notes(): Readonly<Record<string, number>> {
    return {};
  }
}
