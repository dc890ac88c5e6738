/** The live result of a shooting solver: its best plan, and the trajectory that the next one is tried in. */
import type { ArmloopError } from '../../errors.ts';
import type { Log } from '../log.ts';
import { allocFeedback, allocTrajectory, type Feedback, heap, type Trajectory } from '../memory.ts';
import type { PlanMemory, Problem } from '../problem.ts';
import type { SolverResult, SolverStatus } from '../solver.ts';

export class ShootingResult<C extends string = string> implements SolverResult {
  status: SolverStatus = 'failed';
  failure: ArmloopError | null = null;
  iterations = 0;
  time = 0;
  valid = false;
  /** Plans are rollouts: they have none. */
  readonly gap = 0;
  readonly log: Log<C>;
  /** Shooting has no feedback and no value function beyond its gradient: zero, but for what gradient shooting writes. */
  readonly feedback: Feedback;
  /** Where the next plan is rolled out, to take the place of the one shown if it is cheaper. */
  trial: Trajectory;
  #plan: Trajectory;

  constructor(problem: Problem, memory: PlanMemory, log: Log<C>) {
    this.log = log;
    this.feedback = allocFeedback(heap, problem);
    this.trial = allocTrajectory(memory, problem);
    this.#plan = allocTrajectory(memory, problem);
  }

  /** A solve begins; the plan of the one before stays until there is another. */
  begin(): void {
    this.status = 'running';
    this.failure = null;
    this.iterations = 0;
    this.time = 0;
    this.log.clear();
  }

  /** The solve ends here. */
  fail(failure: ArmloopError): 'failed' {
    this.failure = failure;
    this.status = 'failed';
    return 'failed';
  }

  /** `trial` becomes the plan, and what was the plan the next trial. */
  take(): void {
    const before = this.#plan;
    this.#plan = this.trial;
    this.trial = before;
    this.valid = true;
  }

  /** The plan; costs infinity before the first. */
  get plan(): Trajectory {
    return this.#plan;
  }
  get cost(): number {
    return this.#plan.cost;
  }
  get xs(): Float64Array {
    return this.#plan.xs.flat;
  }
  get us(): Float64Array {
    return this.#plan.us.flat;
  }
  get gains(): Float64Array {
    return this.feedback.K.flat;
  }
  get steps(): Float64Array {
    return this.feedback.k.flat;
  }
  get Vx(): Float64Array {
    return this.feedback.Vx.flat;
  }
  get Vxx(): Float64Array {
    return this.feedback.Vxx.flat;
  }
}
