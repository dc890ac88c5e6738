/** Planning as people use it: start, change what it aims at, hand back, put away. */
import { MPC_LATE, MPC_LIMIT, MPC_STALE } from '../control/mpc.ts';
import { ArmloopError } from '../errors.ts';
import type { MpcChoice, MpcWeights } from '../plan/mpc/choice.ts';
import type { TargetSpec } from '../plan/mpc/target.ts';
import { ControllerId, Mode, RequestKind, Source } from '../robot/tick.ts';
import type { SessionState } from '../server/protocol.ts';
import type { LoadedPlanner, LoopRequest, SessionHost } from './host.ts';

const STOP_S = 5;

interface Asker {
  ask(request: LoopRequest, what: string): Promise<number>;
  stopMotion(timeoutS: number): Promise<void>;
  event(level: 'info' | 'warning' | 'error', text: string): void;
}

/**
 * How old plans may grow: [late, stale, limit] in s, the controller's arguments, for a planner that takes `latencyMs` from
 * state to plan. A plan is replaced when it is about twice that old.
 */
export function planAges(latencyMs: number): [number, number, number] {
  const late = Math.max(MPC_LATE, (4 * latencyMs) / 1000);
  const stale = Math.max(MPC_STALE, 2 * late);
  return [late, stale, Math.max(MPC_LIMIT, 2 * stale)];
}

export class PlannerFlow {
  readonly #host: SessionHost;
  readonly #asker: Asker;
  #loading: string | null = null;

  constructor(host: SessionHost, asker: Asker) {
    this.#host = host;
    this.#asker = asker;
  }

  state(): SessionState['planner'] {
    const { planner } = this.#host;
    const nothing = {
      drive: '',
      horizon: 0,
      dt: 0,
      target: null,
      terms: [],
      problem: '',
      phase: '',
    } as const;
    if (this.#loading !== null) return { ...nothing, task: this.#loading, state: 'loading' };
    const { loaded, problem, phase } = planner;
    if (loaded === null) return null;
    const { name, drive, horizon, dt, target } = loaded;
    const terms = loaded.terms.map((t) => ({ name: t.name, kind: t.kind, weight: t.weight, final: t.final }));
    const state = this.#drives() ? 'driving' : 'ready';
    return { task: name, state, drive, horizon, dt, target, terms, problem, phase };
  }

  /** Builds and warms up the planner, then lets it drive. Rejects with PLAN_*, TEACHER_NO_PHASES, REQUEST_REFUSED. */
  async start(lease: number, choice: MpcChoice): Promise<{ seq: number }> {
    // The thread that plans for the one before is about to load another.
    if (this.#drives()) await this.#asker.stopMotion(STOP_S);
    this.#loading = choice.task;
    this.#host.changed();
    let loaded: LoadedPlanner;
    try {
      loaded = await this.#host.planner.load(choice);
    } finally {
      this.#loading = null;
      this.#host.changed();
    }
    return this.#drive(lease, loaded, 'drives');
  }

  /** Another target or other weights, while it drives or before. Rejects with PLAN_NONE, PLAN_PROBLEM_INVALID. */
  async set(change: { target?: TargetSpec; weights?: MpcWeights }): Promise<Record<string, never>> {
    await this.#host.planner.set(change);
    this.#host.changed();
    return {};
  }

  /** It goes on from where the arm is. Rejects with PLAN_NONE, REQUEST_REFUSED. */
  async resume(lease: number): Promise<{ seq: number }> {
    const { loaded } = this.#host.planner;
    if (loaded === null) throw new ArmloopError('PLAN_NONE', {});
    return this.#drive(lease, loaded, 'drives again');
  }

  /** Holds when it drives, and lets go of it. */
  async stop(): Promise<Record<string, never>> {
    const { loaded } = this.#host.planner;
    if (this.#drives()) await this.#asker.stopMotion(STOP_S);
    await this.#host.planner.unload();
    if (loaded !== null) this.#asker.event('info', `The planner of ${loaded.name} was put away.`);
    this.#host.changed();
    return {};
  }

  #drives(): boolean {
    const { view } = this.#host;
    return view.mode === Mode.active && view.controller === ControllerId.mpc;
  }

  async #drive(lease: number, planner: LoadedPlanner, verb: string): Promise<{ seq: number }> {
    const activate = {
      kind: RequestKind.activate,
      controller: ControllerId.mpc,
      source: Source.mpc,
      lease,
      args: planAges(planner.latencyMs),
    };
    const seq = await this.#asker.ask(activate, 'the planner');
    this.#asker.event('info', `The planner of ${planner.name} ${verb} (${planner.drive}).`);
    this.#host.changed();
    return { seq };
  }
}
