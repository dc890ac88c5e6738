/**
 * The planner of a rig as its main thread holds it: opens the thread when the first planner is asked for, loads, changes
 * and unloads it, and keeps what session and live stream want to know of it.
 */
import { ArmloopError } from '../errors.ts';
import { type ChannelBuffer, LatestView, latest } from '../loop/channel.ts';
import { type MpcChoice, type MpcWeights, resolveChoice } from '../plan/mpc/choice.ts';
import type { PlannerScene } from '../plan/mpc/open.ts';
import type { TargetSpec } from '../plan/mpc/target.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { LoadedPlanner } from '../session/host.ts';
import { OrderThread } from './order-thread.ts';
import {
  type PlannerOrder,
  type PlannerResult,
  type PlannerSaid,
  type PlannerWorkerData,
  plannerStatusLayout,
} from './planner-messages.ts';

export interface PlannerThreadOptions {
  readonly spec: RobotSpec;
  readonly ticks: ChannelBuffer;
  readonly plan: ChannelBuffer;
  readonly poses: ChannelBuffer | null;
  readonly scene: PlannerScene | null;
  /** Folder in which code made for the arm is kept. */
  readonly code: string;
  /** Module that exports `createSolver`. Default: src/plan/mpc/solver.ts. */
  readonly solver?: URL;
}

export class PlannerThread implements AsyncDisposable {
  readonly #options: PlannerThreadOptions;
  readonly #status = latest(plannerStatusLayout.size);
  readonly #view = new LatestView(this.#status);
  readonly #thread: OrderThread<PlannerOrder, PlannerResult, PlannerSaid>;
  #loaded: LoadedPlanner | null = null;
  #fresh = false;
  /** Why its newest attempt failed, and the phase under way; '' for none. */
  problem = '';
  phase = '';
  /** One of them has changed. */
  onChange: (() => void) | null = null;
  /** The thread is lost: the loop brakes when its last plan is too old, and the rig goes on without until the next load. */
  onFailure: ((error: ArmloopError) => void) | null = null;

  constructor(options: PlannerThreadOptions) {
    this.#options = options;
    const { spec, ticks, plan, poses, scene, code } = options;
    const solver = options.solver ?? new URL('../plan/mpc/solver.js', import.meta.url);
    const data: PlannerWorkerData = {
      spec,
      ticks,
      plan,
      poses,
      scene,
      code,
      status: this.#status,
      solver: solver.href,
    };
    this.#thread = new OrderThread({
      name: 'planner',
      module: new URL('./planner-worker.js', import.meta.url),
      workerData: data,
      said: ({ problem, phase }) => this.#say(problem, phase),
      ended: (error) => {
        this.#loaded = null;
        this.#say('', '');
        if (!this.#thread.closing) this.onFailure?.(error);
      },
    });
  }

  get loaded(): LoadedPlanner | null {
    return this.#loaded;
  }

  /** plannerStatusLayout; null before the first plan. */
  get numbers(): Float64Array | null {
    if (this.#view.take()) this.#fresh = true;
    return this.#loaded === null || !this.#fresh ? null : this.#view.block;
  }

  /** Loads a planner instead of the one before: checked and warmed up. Rejects with PLAN_*, TEACHER_NO_PHASES, MODEL_*. */
  async load(choice: MpcChoice): Promise<LoadedPlanner> {
    const plan = resolveChoice(choice, this.#options.spec);
    this.#loaded = null;
    this.#fresh = false;
    this.#say('', '');
    const terms = await this.#thread.ask({ type: 'load', choice });
    this.#loaded = { ...plan, terms };
    return this.#loaded;
  }

  /** Another target, other weights. Rejects with PLAN_NONE, PLAN_PROBLEM_INVALID. */
  async set(change: { target?: TargetSpec; weights?: MpcWeights }): Promise<void> {
    const loaded = this.#loaded;
    if (loaded === null) throw new ArmloopError('PLAN_NONE', {});
    const terms = await this.#thread.ask({ type: 'set', ...change });
    const { target } = change;
    this.#loaded = { ...loaded, terms, ...(target === undefined ? {} : { target }) };
  }

  async unload(): Promise<void> {
    this.#loaded = null;
    this.#fresh = false;
    this.#say('', '');
    if (this.#thread.open) await this.#thread.ask({ type: 'unload' });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#thread[Symbol.asyncDispose]();
  }

  /** Ends the thread as a crash would: for tests of what the rig makes of it. */
  kill(): void {
    this.#thread.kill();
  }

  #say(problem: string, phase: string): void {
    if (problem === this.problem && phase === this.phase) return;
    this.problem = problem;
    this.phase = phase;
    this.onChange?.();
  }
}
