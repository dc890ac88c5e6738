/**
 * Model-predictive control, one solver iteration per call and a plan after each: state → warm start by time shift →
 * iterate → (x̂, û, K) by time. Without clock and thread: the planner thread of a rig and the lockstep cell drive the same
 * engine, so that what was tried out is what runs.
 *
 *   engine.see(record);                            // every tick
 *   engine.attempt(arrival) === PlanProblem.none;  // one iteration, for a plan that takes effect at `arrival`
 *   engine.write(block);                           // the plan in force, for the loop
 *
 * An attempt that fails changes nothing but the problem that `write` tells: the last good plan stays in force until it
 * is too old, which is the controller's rule (src/control/mpc.ts). The attempt after it starts anew from no motion.
 */
import { ArmloopError } from '../../errors.ts';
import { PLAN_STAGES, PlanProblem, planLayout } from '../../robot/plan.ts';
import type { RobotSpec } from '../../robot/spec.ts';
import type { CommandMode } from '../../robot/tick.ts';
import type { Solver } from '../solver.ts';
import { planOffsets } from './evaluate.ts';
import { Predictor } from './predict.ts';
import type { MpcProblem } from './problem.ts';
import { copyTrajectory, shiftTrajectory, type Trajectory, trajectory } from './shift.ts';

export interface MpcEngineOptions {
  readonly spec: RobotSpec;
  readonly problem: MpcProblem;
  readonly solver: Solver;
  /** What u is: torque for effort, position for the command's acceleration. */
  readonly mode: CommandMode;
  /** Solver iterations of one call. Default 1. */
  readonly iterations?: number;
}

/** Numbers of the engine since `begin`. */
export interface MpcCounts {
  /** Attempts, and those among them that gave a plan. */
  readonly attempts: number;
  readonly plans: number;
  /** Plans whose iteration found a lower cost and rolled it out. */
  readonly improved: number;
  readonly failed: number;
}

export class MpcEngine {
  readonly problem: MpcProblem;
  readonly mode: CommandMode;
  readonly predictor: Predictor;
  readonly counts: { -readonly [K in keyof MpcCounts]: number } = {
    attempts: 0,
    plans: 0,
    improved: 0,
    failed: 0,
  };
  /** Why the newest attempt failed, in words; '' when it did not. */
  failure = '';
  /** Cost of the plan in force; NaN before the first. */
  cost = Number.NaN;
  readonly #solver: Solver;
  readonly #iterations: number;
  readonly #n: number;
  readonly #at;
  readonly #block: Float64Array;
  readonly #good: Trajectory;
  readonly #warm: Trajectory;
  readonly #x: Float64Array;
  readonly #next: Float64Array;
  #start = Number.NaN;
  /** The plan in force: #good holds it from #from on. */
  #has = false;
  #cold = true;
  #seq = 0;

  /** Throws PLAN_PROBLEM_INVALID for what the solver does not take, and for too many stages. */
  constructor(options: MpcEngineOptions) {
    const { spec, problem, solver } = options;
    const { horizon, dt, joints } = problem;
    if (!(horizon <= PLAN_STAGES)) {
      throw new ArmloopError('PLAN_PROBLEM_INVALID', {
        what: 'horizon',
        value: horizon,
        rule: `a plan has at most ${PLAN_STAGES} stages`,
      });
    }
    if (!(dt > 0 && dt <= 1)) {
      throw new ArmloopError('PLAN_PROBLEM_INVALID', {
        what: 'dt',
        value: dt,
        rule: 'it must be in (0, 1] s',
      });
    }
    if (joints !== spec.armAxes) {
      throw new ArmloopError('PLAN_PROBLEM_INVALID', {
        what: 'joints',
        value: joints,
        rule: `the arm has ${spec.armAxes}`,
      });
    }
    solver.allocate(problem);
    this.problem = problem;
    this.mode = options.mode;
    this.predictor = new Predictor(spec);
    this.#solver = solver;
    this.#iterations = options.iterations ?? 1;
    this.#n = joints;
    this.#at = planOffsets(joints);
    this.#block = new Float64Array(planLayout(joints).size);
    this.#good = trajectory(problem);
    this.#warm = trajectory(problem);
    this.#x = new Float64Array(problem.nx);
    this.#next = new Float64Array(problem.nx);
  }

  /** Whether there is a plan. */
  get has(): boolean {
    return this.#has;
  }

  /** The plan in force, of the problem's sizes: a live view. */
  get plan(): Trajectory {
    return this.#good;
  }

  /** A new activation at in.time `start`: nothing is in force. `seq` goes on from `after`. */
  begin(start: number, after = 0): void {
    this.#start = start;
    this.#has = false;
    this.#cold = true;
    this.#seq = after;
    this.failure = '';
    this.cost = Number.NaN;
    for (const key of ['attempts', 'plans', 'improved', 'failed'] as const) this.counts[key] = 0;
    this.#block.fill(0);
  }

  /** Solves a few times from a pose at rest, so that the code is warm; forgets all of it. */
  rehearse(q: Float64Array, rounds = 20): void {
    this.begin(Number.NaN);
    this.predictor.rest(q);
    for (let i = 0; i < rounds; i++) this.attempt(this.predictor.now + 1e-3 * i);
    this.begin(Number.NaN);
  }

  see(record: Float64Array): void {
    this.predictor.see(record);
  }

  /**
   * One attempt at a plan that takes effect at `arrival` (rig clock, s), from the newest tick seen. Never throws: what
   * goes wrong is the answer, with `failure` in words.
   */
  attempt(arrival: number): PlanProblem {
    this.counts.attempts++;
    let code: PlanProblem;
    try {
      code = this.#solve(arrival);
    } catch (error) {
      code = this.#failed(error);
    }
    this.#block[this.#at.problem] = code;
    if (code !== PlanProblem.none) {
      this.counts.failed++;
      this.#cold = true;
    } else this.failure = '';
    return code;
  }

  /** Copies the plan in force, with the problem of the newest attempt, into a block of planLayout. */
  write(block: Float64Array): void {
    const at = this.#at;
    const stages = this.#block[at.stages]!;
    const n = this.#n;
    for (let i = 0; i < at.xs; i++) block[i] = this.#block[i]!;
    copyPart(this.#block, at.xs, (stages + 1) * 2 * n, block);
    copyPart(this.#block, at.us, stages * n, block);
    copyPart(this.#block, at.gains, stages * 2 * n * n, block);
  }

  #solve(arrival: number): PlanProblem {
    const { problem } = this;
    const x = this.#x;
    const seen = problem.observe(this.predictor.now, x);
    if (seen !== PlanProblem.none) {
      this.failure = 'what the plan is about is not in the scene';
      return seen;
    }
    const inForce = this.#has ? this.#block : null;
    const captured = this.predictor.predict(problem, this.mode, arrival, inForce, x, this.#next);
    for (let i = 0; i < problem.nx; i++) {
      if (!Number.isFinite(x[i]!)) {
        this.failure = `the state predicted for the plan is not finite (entry ${i})`;
        return PlanProblem.notFinite;
      }
    }
    const target = problem.prepare(arrival);
    if (target !== PlanProblem.none) {
      this.failure = 'the target is not in the scene';
      return target;
    }
    problem.x0.set(x);
    if (!this.#begin(arrival)) return this.#failed(this.#solver.result.failure);
    const before = this.#solver.result.cost;
    for (let i = 0; i < this.#iterations; i++) {
      if (this.#solver.iterate() !== 'running') break;
    }
    return this.#take(arrival, captured, before);
  }

  /** Begins at the plan in force as it looks at `arrival`; at no motion when there is none or it cannot be followed. */
  #begin(arrival: number): boolean {
    if (this.#has && !this.#cold) {
      const shift = Math.max(0, (arrival - this.#block[this.#at.from]!) / this.problem.dt);
      shiftTrajectory(this.problem, this.#good, shift, this.#warm);
      if (this.problem.feedback !== undefined) this.#stiffen(this.problem.feedback);
      if (this.#solver.reset(this.#warm)) return true;
    }
    this.#warm.us.fill(0);
    return this.#solver.reset({ us: this.#warm.us });
  }

  /** The warm start goes where the loop will go: by the feedback that the loop has. */
  #stiffen({ position, speed }: NonNullable<MpcProblem['feedback']>): void {
    const { ndx, nu, horizon } = this.problem;
    const { gains } = this.#warm;
    gains.fill(0);
    for (let t = 0; t < horizon; t++) {
      for (let i = 0; i < nu; i++) {
        gains[ndx * (nu * t + i) + i] = -position;
        gains[ndx * (nu * t + i) + this.#n + i] = -speed;
      }
    }
  }

  #take(arrival: number, captured: number, before: number): PlanProblem {
    const { result } = this.#solver;
    const { problem } = this;
    // A result of a solve before this one begins elsewhere.
    let own = result.valid;
    for (let i = 0; i < problem.nx; i++) if (result.xs[i] !== problem.x0[i]) own = false;
    if (!own || !finite(result.us) || !finite(result.gains) || !finite(result.xs)) {
      return this.#failed(result.failure);
    }
    copyTrajectory(result, this.#good);
    this.#has = true;
    this.#cold = false;
    this.cost = result.cost;
    this.counts.plans++;
    if (result.cost < before) this.counts.improved++;
    this.#pack(arrival, captured);
    return PlanProblem.none;
  }

  #pack(arrival: number, captured: number): void {
    const at = this.#at;
    const n = this.#n;
    const block = this.#block;
    const { nx, ndx, nu, horizon, dt, grip, done, feedback } = this.problem;
    block[at.seq] = ++this.#seq;
    block[at.start] = this.#start;
    block[at.mode] = this.mode;
    block[at.captured] = captured;
    block[at.from] = arrival;
    block[at.until] = arrival + horizon * dt;
    block[at.grip] = grip;
    block[at.last] = done ? 1 : 0;
    block[at.dt] = dt;
    block[at.stages] = horizon;
    const { xs, us, gains } = this.#good;
    for (let t = 0; t <= horizon; t++) {
      for (let i = 0; i < 2 * n; i++) block[at.xs + 2 * n * t + i] = xs[nx * t + i]!;
      if (t === horizon) break;
      for (let i = 0; i < n; i++) {
        block[at.us + n * t + i] = us[nu * t + i]!;
        const row = at.gains + 2 * n * (n * t + i);
        if (feedback === undefined) {
          // The loop knows the arm alone: feedback from what else is in the state stays with the planner.
          for (let j = 0; j < 2 * n; j++) block[row + j] = gains[ndx * (nu * t + i) + j]!;
        } else {
          for (let j = 0; j < 2 * n; j++) block[row + j] = 0;
          block[row + i] = -feedback.position;
          block[row + n + i] = -feedback.speed;
        }
      }
    }
  }

  #failed(error: unknown): PlanProblem {
    this.failure = error instanceof Error ? error.message : 'the solver gave no plan';
    if (!(error instanceof ArmloopError)) return PlanProblem.other;
    if (error.code === 'PLAN_NOT_FINITE') return PlanProblem.notFinite;
    if (error.code === 'PLAN_NO_DESCENT') return PlanProblem.noDescent;
    return error.code === 'PLAN_PROBLEM_INVALID' ? PlanProblem.invalid : PlanProblem.other;
  }
}

function finite(values: Float64Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return Number.isFinite(sum);
}

function copyPart(from: Float64Array, at: number, count: number, to: Float64Array): void {
  for (let i = at; i < at + count; i++) to[i] = from[i]!;
}
