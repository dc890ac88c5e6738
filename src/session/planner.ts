/** Planning as people use it: start, change what it aims at, hand back, put away. */
import { MPC_LATE, MPC_LIMIT, MPC_STALE } from '../control/mpc.ts';
import { ArmloopError } from '../errors.ts';
import type { MpcChoice, MpcWeights } from '../plan/mpc/choice.ts';
import type { TargetSpec } from '../plan/mpc/target.ts';
import { ControllerId, Source } from '../robot/tick.ts';
import type { SessionState } from '../server/protocol.ts';
import type { LoadedPlanner, SessionHost } from './host.ts';
import { Slot, type SlotAsker } from './slot.ts';

const TAKER = { controller: ControllerId.mpc, source: Source.mpc, words: 'the planner' } as const;

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
  readonly #slot: Slot;

  constructor(host: SessionHost, asker: SlotAsker) {
    this.#host = host;
    this.#slot = new Slot(host, asker, TAKER);
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
    const { loading, drives } = this.#slot;
    if (loading !== null) return { ...nothing, task: loading, state: 'loading' };
    const { loaded, problem, phase } = planner;
    if (loaded === null) return null;
    const { name, drive, horizon, dt, target } = loaded;
    const terms = loaded.terms.map((t) => ({ name: t.name, kind: t.kind, weight: t.weight, final: t.final }));
    const state = drives ? 'driving' : 'ready';
    return { task: name, state, drive, horizon, dt, target, terms, problem, phase };
  }

  /** Builds and warms up the planner, then lets it drive. Rejects with PLAN_*, TEACHER_NO_PHASES, REQUEST_REFUSED. */
  async start(lease: number, choice: MpcChoice): Promise<{ seq: number }> {
    const loaded = await this.#slot.load(choice.task, () => this.#host.planner.load(choice));
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
    const { planner } = this.#host;
    const { loaded } = planner;
    return this.#slot.clear(() => planner.unload(), loaded && `The planner of ${loaded.name} was put away.`);
  }

  #drive(lease: number, planner: LoadedPlanner, verb: string): Promise<{ seq: number }> {
    const { name, drive, latencyMs } = planner;
    return this.#slot.drive(lease, planAges(latencyMs), `The planner of ${name} ${verb} (${drive}).`);
  }
}
