/**
 * A planner as the driver of a lockstep cell: the same pilot as in a rig's planner thread, on the virtual clock. A plan is
 * begun in every tick in which none is under way, and comes exactly its declared time later, however long it really took.
 */
import type { LatestEnd, RingEnd } from '../loop/channel.ts';
import type { Producer } from '../loop/lockstep.ts';
import type { MpcChoice } from '../plan/mpc/choice.ts';
import { openPilot } from '../plan/mpc/open.ts';
import type { MpcPilot, MpcStatus } from '../plan/mpc/pilot.ts';
import type { Solver } from '../plan/solver.ts';
import type { ScenePlant } from '../robot/plant.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { ControllerId, Mode, Source, tickRecordLayout } from '../robot/tick.ts';
import { askFor } from './activation.ts';
import type { Driver, EpisodeScene } from './driver.ts';
import { planAges } from './planner.ts';

export interface MpcDriverOptions {
  readonly choice: MpcChoice;
  /** A new one for each episode. */
  readonly solver: () => Solver;
  /** The model of the scene, for tasks that need one: src/rig/kinds.ts. */
  readonly plant?: (robot: RobotSpec) => Promise<ScenePlant | null>;
  /** Folder in which code made for the arm is kept from episode to episode: `codeFolder` of src/model/generated.ts. */
  readonly code?: string;
  /** Time from state to plan, ms, instead of the task's: to try out delays. */
  readonly latencyMs?: number;
  /** What the planner takes that time for, ms; it is told the truth unless this is given. */
  readonly believedMs?: number;
}

/** An activation that was refused is asked for again after so many ticks. */
const AGAIN_TICKS = 50;

/** The pilot of one episode as a slow producer of the runner. */
class PlanProducer implements Producer {
  readonly everyTicks = 1;
  readonly latencyTicks: number;
  readonly #pilot: MpcPilot;
  readonly #look: (poses: Float64Array) => void;
  readonly #poses: Float64Array;
  readonly #time: number;
  readonly #believed: number;
  #busy = false;

  constructor(pilot: MpcPilot, scene: EpisodeScene, latencyMs: number, believedMs: number) {
    const { rateHz } = scene.spec.loop;
    this.#pilot = pilot;
    this.latencyTicks = Math.max(1, Math.round((latencyMs / 1000) * rateHz));
    this.#believed = Math.max(1, Math.round((believedMs / 1000) * rateHz)) / rateHz;
    this.#look = scene.look;
    this.#poses = scene.poses.slice();
    this.#time = tickRecordLayout(scene.spec).at('in.time');
  }

  due(record: Float64Array): boolean {
    this.#pilot.tick(record);
    return this.#pilot.fresh && !this.#busy;
  }

  async request(record: Float64Array): Promise<null> {
    this.#busy = true;
    this.#look(this.#poses);
    this.#pilot.scene(this.#poses);
    this.#pilot.attempt(record[this.#time]! + this.#believed);
    return null;
  }

  deliver(_answer: unknown, _rows: RingEnd, _chunks: RingEnd, plan: LatestEnd): void {
    this.#busy = false;
    if (!this.#pilot.driving) return;
    this.#pilot.engine.write(plan.block);
    plan.publish();
  }
}

export class MpcDriver implements Driver {
  readonly source = Source.mpc;
  readonly name: string;
  readonly #options: MpcDriverOptions;
  #pilot: MpcPilot | null = null;
  #plant: ScenePlant | null = null;
  #latencyMs = 0;
  #producers: readonly Producer[] = [];
  #askedAt = Number.NEGATIVE_INFINITY;
  #drove = false;
  #done = false;
  #at: { mode: number; done: number } | null = null;

  constructor(options: MpcDriverOptions) {
    this.#options = options;
    this.name = `mpc ${options.choice.task}`;
  }

  /** Rejects with PLAN_UNKNOWN_TASK, PLAN_PROBLEM_INVALID, PLAN_NO_PLANT, TEACHER_NO_PHASES, MODEL_*. */
  async begin(scene: EpisodeScene): Promise<void> {
    const { choice, solver, plant, latencyMs, believedMs, code } = this.#options;
    const { spec, bodies, task } = scene;
    const layout = tickRecordLayout(spec);
    this.#at = { mode: layout.at('out.mode'), done: layout.at('out.done') };
    const known = { bodies, phases: task?.phases ?? null };
    this.#plant?.dispose();
    this.#plant = (await plant?.(spec)) ?? null;
    const pilot = openPilot({
      spec,
      choice,
      scene: known,
      plant: this.#plant,
      solver: solver(),
      ...(code === undefined ? {} : { code }),
    });
    this.#latencyMs = latencyMs ?? pilot.plan.latencyMs;
    this.#pilot = pilot;
    this.#producers = [new PlanProducer(pilot, scene, this.#latencyMs, believedMs ?? this.#latencyMs)];
    this.#askedAt = Number.NEGATIVE_INFINITY;
    this.#drove = false;
    this.#done = false;
  }

  get producers(): readonly Producer[] {
    return this.#producers;
  }

  get pilot(): MpcPilot {
    return this.#pilot!;
  }

  request(tick: number, record: Float64Array, out: Float64Array): boolean {
    const at = this.#at!;
    const mode = record[at.mode];
    if (mode === Mode.active) this.#drove = true;
    if (record[at.done] === 1) this.#done = true;
    if (mode !== Mode.holding || this.#drove || tick < this.#askedAt + AGAIN_TICKS) return false;
    this.#askedAt = tick;
    askFor(out, ControllerId.mpc, this.source, planAges(this.#latencyMs));
    return true;
  }

  frame(): void {}

  /** Lets go of what the newest episode planned with. */
  dispose(): void {
    this.#plant?.dispose();
    this.#plant = null;
  }

  get finished(): boolean {
    return this.#done;
  }

  get status(): MpcStatus | null {
    return this.#pilot?.status ?? null;
  }

  get notes(): Readonly<Record<string, number>> {
    return {};
  }
}
