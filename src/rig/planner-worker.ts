/**
 * The planner thread: one plan after the other while its controller drives, each from the newest tick and for the time at
 * which it will arrive. It sleeps on the ring of ticks, so that a plan is begun when there is something new to plan from.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { LatestEnd, LatestView, RingView } from '../loop/channel.ts';
import { monotonicClock } from '../loop/clock.ts';
import { resolveChoice } from '../plan/mpc/choice.ts';
import { openPilot } from '../plan/mpc/open.ts';
import type { MpcPilot } from '../plan/mpc/pilot.ts';
import type { Solver } from '../plan/solver.ts';
import { posesLayout } from '../robot/frame.ts';
import { MOST_TERMS, PATH_POINTS } from '../robot/plan.ts';
import type { ScenePlant } from '../robot/plant.ts';
import { openPlant } from './kinds.ts';
import { answerOrder, type FromOrderThread, type ToOrderThread } from './order-thread.ts';
import {
  type PlannerOrder,
  type PlannerResult,
  type PlannerSaid,
  type PlannerWorkerData,
  plannerStatusLayout,
} from './planner-messages.ts';

type Incoming = ToOrderThread<PlannerOrder>;
type Outgoing = FromOrderThread<PlannerResult, PlannerSaid>;

export interface SolverModule {
  readonly createSolver: () => Solver;
}

/** Longest sleeps while driving and while not, ms: so often messages are taken in. */
const DRIVING_MS = 20;
const IDLE_MS = 40;
/** The status is told so often, s. */
const TELL_S = 1 / 60;
const RATE_S = 0.5;
const KEPT = 256;
/** Solves before the first plan, how long they may take, s, and those of them that are timed. */
const WARM = 60;
const WARM_S = 0.5;
const TIMED = 5;

class PlannerLoop {
  readonly #now = monotonicClock();
  readonly #data: PlannerWorkerData;
  readonly #createSolver: () => Solver;
  readonly #post: (message: Outgoing) => void;
  readonly #ticks: RingView;
  readonly #plan: LatestEnd;
  readonly #poses: LatestView | null;
  readonly #posesAt: number;
  readonly #status: LatestEnd;
  readonly #period: number;
  #pilot: MpcPilot | null = null;
  #plant: ScenePlant | null = null;
  #running = true;
  #costs = new Float64Array(0);
  #path = new Float64Array(0);
  readonly #solved = new Float64Array(KEPT);
  #count = 0;
  /** How long a plan is expected to take, s. */
  #expected = 0;
  #told = Number.NEGATIVE_INFINITY;
  #rateFrom = 0;
  #ratePlans = 0;
  #rate = 0;
  #said = '';

  constructor(data: PlannerWorkerData, solver: SolverModule, post: (message: Outgoing) => void) {
    this.#data = data;
    this.#createSolver = solver.createSolver;
    this.#post = post;
    this.#ticks = new RingView(data.ticks);
    this.#plan = new LatestEnd(data.plan);
    this.#poses = data.poses === null ? null : new LatestView(data.poses);
    this.#posesAt = posesLayout(data.scene?.bodies.length ?? 0).at('poses');
    this.#status = new LatestEnd(data.status);
    this.#period = 1 / data.spec.loop.rateHz;
  }

  async run(next: () => Incoming | null): Promise<void> {
    while (this.#running) {
      for (let order = next(); order !== null; order = next()) await this.#obey(order);
      this.#takeIn();
      const pilot = this.#pilot;
      if (pilot?.fresh) this.#attempt(pilot);
      if (pilot !== null && this.#now() > this.#told + TELL_S) this.#tell(pilot);
      if (pilot?.fresh !== true) this.#ticks.wait(pilot?.driving === true ? DRIVING_MS : IDLE_MS);
    }
  }

  async #obey(order: Incoming): Promise<void> {
    switch (order.type) {
      case 'load':
        await this.#answer(order.id, () => this.#load(order));
        break;
      case 'set':
        await this.#answer(order.id, async () => {
          const { target, weights } = order;
          this.#pilot?.set({
            ...(target === undefined ? {} : { target }),
            ...(weights === undefined ? {} : { weights }),
          });
        });
        break;
      case 'unload':
        this.#unload();
        this.#post({ type: 'done', id: order.id, result: [] });
        break;
      case 'shutdown':
        this.#running = false;
        break;
      default:
        order satisfies never;
    }
  }

  async #answer(id: number, work: () => Promise<void>): Promise<void> {
    const carried = async (): Promise<PlannerResult> => {
      await work();
      return this.#pilot?.terms ?? [];
    };
    this.#post(await answerOrder(id, carried));
  }

  async #load({ choice }: Incoming & { type: 'load' }): Promise<void> {
    const { spec, scene, code } = this.#data;
    this.#unload();
    const plan = resolveChoice(choice, spec);
    this.#plant = plan.targets.includes('scene') ? await openPlant(spec) : null;
    const solver = this.#createSolver();
    const pilot = openPilot({ spec, choice, scene, plant: this.#plant, solver, code });
    if (this.#poses !== null) {
      this.#poses.take();
      pilot.scene(this.#poses.block.subarray(this.#posesAt));
    }
    const { horizon, terms } = pilot.engine.problem;
    this.#costs = new Float64Array(terms.length);
    this.#path = new Float64Array(3 * (horizon + 1));
    this.#count = 0;
    this.#expected = this.#warmUp(pilot);
    this.#pilot = pilot;
    this.#said = '';
  }

  #unload(): void {
    this.#pilot = null;
    this.#plant?.dispose();
    this.#plant = null;
  }

  /** Solves before it counts: the first solves of cold code take many times as long. Returns the time of one. */
  #warmUp(pilot: MpcPilot): number {
    const { axes, armAxes } = this.#data.spec;
    const home = Float64Array.from(axes.slice(0, armAxes), (a) => a.home);
    const until = this.#now() + WARM_S;
    let each = 0;
    for (let i = 0; i < WARM; i += TIMED) {
      const from = this.#now();
      pilot.engine.rehearse(home, TIMED);
      each = (this.#now() - from) / TIMED;
      if (this.#now() > until) break;
    }
    return each;
  }

  #takeIn(): void {
    for (let slot = this.#ticks.peek(); slot !== null; slot = this.#ticks.peek()) {
      this.#pilot?.tick(slot.block);
      this.#ticks.release();
    }
    if (this.#poses?.take() === true) this.#pilot?.scene(this.#poses.block.subarray(this.#posesAt));
  }

  #attempt(pilot: MpcPilot): void {
    const from = this.#now();
    pilot.attempt(from + this.#expected + this.#period);
    if (pilot.engine.has) {
      pilot.engine.write(this.#plan.block);
      this.#plan.publish();
    }
    const took = this.#now() - from;
    // Up fast, down slowly: a plan that comes early does no harm.
    this.#expected += (took > this.#expected ? 0.3 : 0.02) * (took - this.#expected);
    this.#solved[this.#count % KEPT] = took;
    this.#count++;
  }

  #tell(pilot: MpcPilot): void {
    const now = this.#now();
    this.#told = now;
    const { status, engine } = pilot;
    if (now > this.#rateFrom + RATE_S) {
      this.#rate = Math.max(0, status.plans - this.#ratePlans) / (now - this.#rateFrom);
      this.#rateFrom = now;
      this.#ratePlans = status.plans;
    }
    const block = this.#status.block;
    block[AT.plans] = status.plans;
    block[AT.improved] = status.improved;
    block[AT.failed] = status.failed;
    block[AT.problem] = status.problem;
    block[AT.rate] = pilot.driving ? this.#rate : 0;
    const times = this.#solved.slice(0, Math.min(this.#count, KEPT)).sort();
    block[AT.p50] = times[Math.floor(times.length * 0.5)] ?? Number.NaN;
    block[AT.p99] = times[Math.floor(times.length * 0.99)] ?? Number.NaN;
    block[AT.lead] = this.#expected + this.#period;
    block[AT.cost] = status.cost;
    block.fill(Number.NaN, AT.terms, AT.path + 3 * PATH_POINTS);
    if (engine.has) {
      const { horizon } = engine.problem;
      engine.problem.report(engine.plan.xs, engine.plan.us, this.#costs, this.#path);
      block.set(this.#costs.subarray(0, MOST_TERMS), AT.terms);
      for (let i = 0; i < PATH_POINTS; i++) {
        const t = Math.round((i * horizon) / (PATH_POINTS - 1));
        for (let k = 0; k < 3; k++) block[AT.path + 3 * i + k] = this.#path[3 * t + k]!;
      }
    }
    this.#status.publish();
    const said = `${status.failure}\n${status.phase}`;
    if (said === this.#said) return;
    this.#said = said;
    this.#post({ type: 'said', said: { problem: status.failure, phase: status.phase } });
  }
}

const AT = {
  plans: plannerStatusLayout.at('plans'),
  improved: plannerStatusLayout.at('improved'),
  failed: plannerStatusLayout.at('failed'),
  problem: plannerStatusLayout.at('problem'),
  rate: plannerStatusLayout.at('rate'),
  p50: plannerStatusLayout.at('solveP50'),
  p99: plannerStatusLayout.at('solveP99'),
  lead: plannerStatusLayout.at('lead'),
  cost: plannerStatusLayout.at('cost'),
  terms: plannerStatusLayout.at('terms'),
  path: plannerStatusLayout.at('path'),
};

const port = parentPort!;
const data = workerData as PlannerWorkerData;
const loop = new PlannerLoop(data, (await import(data.solver)) as SolverModule, (message) =>
  port.postMessage(message),
);
port.postMessage({ type: 'open' } satisfies Outgoing);
await loop.run(() => (receiveMessageOnPort(port)?.message as Incoming | undefined) ?? null);
port.close();
