/**
 * `node run.js TASK VARIANT SEED …`: one planner on instances of one task, in a process of its own. Prints JSON: per seed
 * the curve of the plan's cost over the seconds since the solve began.
 *
 * Costs follow from the seed; times do not. Time is that of the processor (a solve is one thread, so on a machine that does
 * nothing else it is what a clock on the wall shows), each solve is repeated, and each iteration's time is the least of the
 * repeats: what else the machine does is not the planner's.
 */
import type { Problem } from '../../src/plan/problem.ts';
import type { Solver, WarmStart } from '../../src/plan/solver.ts';
import { TASKS } from './problems.ts';
import type { Curve } from './summary.ts';
import { VARIANTS } from './variants.ts';

const REPEATS = { least: 2, most: 10 };
/** Seconds of first solves that are thrown away while the engine compiles. */
const WARM_UP_S = 0.5;

interface Run {
  readonly steps: readonly number[];
  readonly costs: readonly number[];
  readonly status: string;
}

const [taskName, variantName, ...seeds] = process.argv.slice(2);
const task = TASKS.find((t) => t.name === taskName);
const variant = VARIANTS.find((v) => v.name === variantName);
if (task === undefined || variant === undefined) throw new Error(`no ${taskName} or no ${variantName}`);

const curves: Curve[] = [];
for (const seed of seeds.map(Number)) {
  const { problem, us, xs } = task.instance(seed);
  const solver = variant.make(task, problem, seed);
  const warm = xs !== undefined && variant.start === 'states' ? { us, xs } : { us };
  const start = costOf(problem, us);
  if (curves.length === 0) {
    solver.allocate(problem);
    for (const until = processorTime() + WARM_UP_S; processorTime() < until; ) {
      solve(solver, warm, start, Math.min(WARM_UP_S, task.budget));
    }
  }
  const runs: Run[] = [];
  for (let spent = 0; runs.length < REPEATS.most; ) {
    // Anew, so that each repeat draws the same random numbers.
    solver.allocate(problem);
    const run = solve(solver, warm, start, task.budget);
    runs.push(run);
    spent += run.steps.reduce((sum, s) => sum + s, 0);
    if (runs.length >= REPEATS.least && spent > task.budget) break;
  }
  const count = Math.min(...runs.map((r) => r.steps.length));
  const times: number[] = [];
  for (let i = 0, time = 0; i < count; i++) {
    time += Math.min(...runs.map((r) => r.steps[i]!));
    times.push(time);
  }
  const costs = runs[0]!.costs.slice(0, count);
  for (const run of runs) {
    const wrong = costs.findIndex((c, i) => c !== run.costs[i]);
    if (wrong >= 0) throw new Error(`${variantName}: iteration ${wrong} of seed ${seed} is not repeatable`);
  }
  for (let i = 1; i < count; i++) costs[i] = Math.min(costs[i]!, costs[i - 1]!);
  curves.push({ seed, times, costs, status: runs[0]!.status });
}
process.stdout.write(JSON.stringify(curves));

/** One solve: seconds of each step, cost of the plan after it. */
function solve(solver: Solver, warm: WarmStart, start: number, budget: number): Run {
  const steps: number[] = [];
  const costs: number[] = [];
  const began = processorTime();
  let before = began;
  solver.reset(warm);
  for (;;) {
    const now = processorTime();
    steps.push(now - before);
    const { cost, valid, status } = solver.result;
    // What has gaps is no plan yet.
    costs.push(costs.length > 0 && valid ? cost : start);
    before = now;
    if (status !== 'running' || now - began > budget) return { steps, costs, status };
    solver.iterate();
  }
}

/** Cost of controls, each stage in fresh arrays: written as plainly as it can be. */
function costOf(problem: Problem, us: Float64Array): number {
  let x = Float64Array.from(problem.x0);
  let sum = 0;
  for (let t = 0; t < problem.horizon; t++) {
    const u = us.slice(t * problem.nu, (t + 1) * problem.nu);
    const next = new Float64Array(problem.nx);
    sum += problem.cost(x, u, t);
    problem.dynamics(x, u, t, next);
    x = next;
  }
  return sum + problem.terminalCost(x);
}

/** Seconds that this process has spent on processors. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
