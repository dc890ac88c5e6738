/**
 * The planner: what it can be asked to do, and what the operator asks of it. Targets and weights go out as fast as they are
 * answered, the newest of each; until the session tells them back, the page shows what was asked for.
 */
import type { PlannerTask } from '../../server/protocol.ts';
import { post } from './api.ts';
import { Asking } from './asking.svelte.ts';
import { live } from './live.svelte.ts';
import { operator } from './operator.svelte.ts';
import { kindsOf, poseOf, type TargetSpec, targetHere, type Weight, withPose } from './planner-target.ts';
import { Fresh } from './poll.svelte.ts';
import { Stored } from './stored.svelte.ts';
import { toasts } from './toasts.svelte.ts';

/** How long the page goes on showing what it asked for, after the answer. */
const TOLD_MS = 1000;

type Weights = Readonly<Record<string, Weight>>;

class Planners extends Asking {
  readonly list = new Fresh<readonly PlannerTask[]>('/api/planner/tasks');
  /** What is started next; '' for the drive is the task's own. */
  readonly task = new Stored<string>('plannerTask', 'reach');
  readonly drive = new Stored<string>('plannerDrive', '');
  /** The handle in the 3D view is being dragged. */
  dragging = $state(false);
  #target = $state.raw<TargetSpec | null>(null);
  #weights = $state.raw<Weights>({});
  #waiting: { target?: TargetSpec; weights?: Weights } | null = null;
  #sending = false;
  #told: ReturnType<typeof setTimeout> | undefined;

  /** The task that is loaded, as listed. */
  get loaded(): PlannerTask | null {
    const name = live.session?.planner?.task;
    return this.list.value?.find((t) => t.name === name) ?? null;
  }

  get target(): TargetSpec | null {
    const planner = live.session?.planner ?? null;
    return planner === null ? null : (this.#target ?? planner.target);
  }

  /** Where the handle is: pose, or middle of the way; null when there is none. */
  get pose(): readonly number[] | null {
    return poseOf(this.target);
  }

  weightOf(term: Weight & { readonly name: string }): Weight {
    return this.#weights[term.name] ?? term;
  }

  /** Builds the planner of the chosen task about where the arm is, and lets it drive. */
  start(): Promise<boolean> {
    const task = this.list.value?.find((t) => t.name === this.task.value);
    if (task === undefined) return Promise.resolve(false);
    const [kind] = kindsOf(task);
    const target = kind === undefined ? {} : { target: this.here(kind) };
    const drive = this.drive.value === '' ? {} : { drive: this.drive.value };
    return this.ask(`Starting the planner of ${task.name}`, (lease) => {
      this.#forget();
      operator.releaseKeys();
      return post('/api/planner/start', { lease, task: task.name, ...drive, ...target });
    });
  }

  /** The planner that is loaded drives, from where the arm is; without one, the chosen task is started. */
  handOver(): Promise<boolean> {
    if (!live.session?.planner) return this.start();
    return this.ask('Handing over to the planner', (lease) => {
      operator.releaseKeys();
      return post('/api/planner/resume', { lease });
    });
  }

  /** The arm holds, and the planner is put away. */
  stop(): Promise<boolean> {
    return this.askNext('Stopping the planner', (lease) => {
      this.#forget();
      return post('/api/planner/stop', { lease });
    });
  }

  /** A target of a kind that leaves the arm where it is. */
  here(kind: Parameters<typeof targetHere>[0]): TargetSpec {
    const arm = live.hello?.robot.armAxes ?? 0;
    const block = live.block ?? new Float64Array(0);
    const at = (name: string, length: number): Float64Array => {
      const from = Math.max(0, live.at(name));
      return block.slice(from, from + length);
    };
    return targetHere(kind, at('tool', 7), at('q', arm));
  }

  aim(target: TargetSpec): void {
    this.#target = target;
    this.#send({ target });
  }

  /** Moves the target with the handle. */
  drag(pose: ArrayLike<number>): void {
    if (this.target !== null) this.aim(withPose(this.target, pose));
  }

  weigh(weights: Weights): void {
    this.#weights = { ...this.#weights, ...weights };
    this.#send({ weights });
  }

  #send(change: { target?: TargetSpec; weights?: Weights }): void {
    const weights = { ...this.#waiting?.weights, ...change.weights };
    this.#waiting = {
      ...this.#waiting,
      ...change,
      ...(Object.keys(weights).length > 0 ? { weights } : {}),
    };
    clearTimeout(this.#told);
    if (!this.#sending) void this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    this.#sending = true;
    try {
      for (let change = this.#waiting; change !== null; change = this.#waiting) {
        this.#waiting = null;
        await post('/api/planner/set', { lease: operator.lease, ...change });
      }
      this.#told = setTimeout(() => this.#forget(), TOLD_MS);
    } catch (error) {
      this.#forget();
      toasts.error('The planner did not take it', error);
    } finally {
      this.#sending = false;
    }
  }

  /** What the session tells is shown again. */
  #forget(): void {
    clearTimeout(this.#told);
    this.#waiting = null;
    this.#target = null;
    this.#weights = {};
  }
}

export const planners = new Planners();
