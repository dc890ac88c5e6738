/**
 * The planner of a rig as its main thread holds it: opens the thread when the first planner is asked for, loads, changes
 * and unloads it, and keeps what session and live stream want to know of it.
 */
import { Worker } from 'node:worker_threads';
import { ArmloopError, ERRORS, type ErrorCode } from '../errors.ts';
import { type ChannelBuffer, LatestView, latest } from '../loop/channel.ts';
import { type MpcChoice, type MpcWeights, resolveChoice } from '../plan/mpc/choice.ts';
import type { PlannerScene } from '../plan/mpc/open.ts';
import type { TargetSpec } from '../plan/mpc/target.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { LoadedPlanner } from '../session/host.ts';
import {
  type FromPlannerWorker,
  type PlannerWorkerData,
  plannerStatusLayout,
  type ToPlannerWorker,
} from './planner-messages.ts';

export interface PlannerThreadOptions {
  readonly spec: RobotSpec;
  readonly ticks: ChannelBuffer;
  readonly plan: ChannelBuffer;
  readonly poses: ChannelBuffer | null;
  readonly scene: PlannerScene | null;
  /** Module that exports `createSolver`. Default: src/plan/mpc/solver.ts. */
  readonly solver?: URL;
}

/** A message to the thread, but for its number. */
type Order =
  | { readonly type: 'load'; readonly choice: MpcChoice }
  | { readonly type: 'set'; readonly target?: TargetSpec; readonly weights?: MpcWeights }
  | { readonly type: 'unload' };

type Terms = LoadedPlanner['terms'];

const PATIENCE_MS = 3000;

export class PlannerThread implements AsyncDisposable {
  readonly #options: PlannerThreadOptions;
  readonly #status = latest(plannerStatusLayout.size);
  readonly #view = new LatestView(this.#status);
  readonly #pending = new Map<number, { resolve: (terms: Terms) => void; reject: (error: Error) => void }>();
  #worker: Worker | null = null;
  #opening: Promise<Worker> | null = null;
  #closing = false;
  #id = 0;
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
    const terms = await this.#ask({ type: 'load', choice });
    this.#loaded = { ...plan, terms };
    return this.#loaded;
  }

  /** Another target, other weights. Rejects with PLAN_NONE, PLAN_PROBLEM_INVALID. */
  async set(change: { target?: TargetSpec; weights?: MpcWeights }): Promise<void> {
    const loaded = this.#loaded;
    if (loaded === null) throw new ArmloopError('PLAN_NONE', {});
    const terms = await this.#ask({ type: 'set', ...change });
    const { target } = change;
    this.#loaded = { ...loaded, terms, ...(target === undefined ? {} : { target }) };
  }

  async unload(): Promise<void> {
    this.#loaded = null;
    this.#fresh = false;
    this.#say('', '');
    if (this.#worker !== null) await this.#ask({ type: 'unload' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    const worker = this.#worker;
    if (worker === null) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ type: 'shutdown' } satisfies ToPlannerWorker);
    const timer = setTimeout(() => void worker.terminate(), PATIENCE_MS);
    await ended;
    clearTimeout(timer);
  }

  /** Ends the thread as a crash would: for tests of what the rig makes of it. */
  kill(): void {
    void this.#worker?.terminate();
  }

  #say(problem: string, phase: string): void {
    if (problem === this.problem && phase === this.phase) return;
    this.problem = problem;
    this.phase = phase;
    this.onChange?.();
  }

  async #ask(order: Order): Promise<Terms> {
    const worker = await this.#open();
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      worker.postMessage({ ...order, id } satisfies ToPlannerWorker);
    });
  }

  #open(): Promise<Worker> {
    if (this.#worker !== null) return Promise.resolve(this.#worker);
    this.#opening ??= this.#start().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  #start(): Promise<Worker> {
    const { spec, ticks, plan, poses, scene, solver } = this.#options;
    const address = solver ?? new URL('../plan/mpc/solver.js', import.meta.url);
    const data: PlannerWorkerData = {
      spec,
      ticks,
      plan,
      poses,
      scene,
      status: this.#status,
      solver: address.href,
    };
    const worker = new Worker(new URL('./planner-worker.js', import.meta.url), {
      workerData: data,
      name: 'planner',
    });
    return new Promise((resolve, reject) => {
      const lost = (reason: string): void => {
        const error = new ArmloopError('RIG_THREAD_DIED', { thread: 'planner', reason });
        reject(error);
        this.#lost(worker, error);
      };
      worker.on('message', (message: FromPlannerWorker) => {
        if (message.type === 'open') {
          this.#worker = worker;
          resolve(worker);
        } else this.#told(message);
      });
      worker.on('error', (error) => lost(error.message));
      worker.on('exit', (code) => lost(`it ended with code ${code}`));
    });
  }

  #told(message: Exclude<FromPlannerWorker, { type: 'open' }>): void {
    if (message.type === 'said') {
      this.#say(message.problem, message.phase);
      return;
    }
    const waiting = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.type === 'done') waiting?.resolve(message.terms);
    else waiting?.reject(revive(message.code, message.details));
  }

  #lost(worker: Worker, error: ArmloopError): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#loaded = null;
    this.#say('', '');
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    if (!this.#closing) this.onFailure?.(error);
  }
}

/** An error that crossed from the thread, by its code and details. */
function revive(code: string, details: unknown): Error {
  if (!(code in ERRORS)) return new Error(code);
  return new ArmloopError(code as ErrorCode, details as never);
}
