/**
 * `armloop bench ilqr`: iLQR against Crocoddyl's BoxFDDP on one reach of a Panda-class arm with torque limits, T = 100,
 * dt = 10 ms, one thread each, the same dynamics (semi-implicit Euler), costs, start and optimum. Where Crocoddyl is absent,
 * against the least that Pinocchio's derivatives and forward dynamics and an Eigen Riccati pass take.
 */
import { join } from 'node:path';
import { backward } from '../src/plan/descent/backward.ts';
import { forward } from '../src/plan/descent/forward.ts';
import { allocWorkspace, type Workspace } from '../src/plan/descent/workspace.ts';
import { IlqrSolver } from '../src/plan/ilqr/solver.ts';
import { expand } from '../src/plan/memory.ts';
import type { Problem } from '../src/plan/problem.ts';
import { packageRoot } from '../src/root.ts';
import { findPython } from '../test/support/python.ts';
import {
  type BenchCase,
  type BenchContext,
  type BenchResult,
  combine,
  compare,
  type Measured,
  type Peer,
} from './harness.ts';
import { Crocoddyl } from './ilqr-peer.ts';
import { REACH, reachProblem } from './ilqr-problem.ts';

/** Both stop when the next step is expected to save no more than this. */
const STOP = 1e-9;
const REGULARISATION = 1;
/** Solves per repeat; the fastest of them is the repeat's time, on both sides: what else runs on the machine is left out. */
const SOLVES = 15;
const PASSES = 200;

/**
 * ms, one native thread of the machine that the project's hardware notes were measured on: 100 ABA derivatives at 5.8 µs, a
 * Riccati pass of 0.29 ms (Eigen, fixed size, -O3; 0.23 with -march=native) and 100 ABA at 2.5 µs; no costs.
 */
const FLOOR = { iteration: 100 * 5.8e-3 + 0.29 + 100 * 2.5e-3, riccati: 0.23 };

const row = (name: string, unit: string, limit?: BenchCase['limit']): BenchCase => ({
  name,
  unit,
  better: 'lower',
  ...(limit === undefined ? {} : { limit }),
});
const PER_ITERATION = row('per iteration', 'ms', { ratio: 1 });
const CASES: readonly BenchCase[] = [
  PER_ITERATION,
  row('to convergence', 'ms'),
  row('iterations', '1'),
  row('cost above the peer’s, relative', '1', { max: 1e-6 }),
  row('dynamics and cost derivatives', 'ms'),
  row('backward pass with limits', 'ms'),
  row('rollout with cost', 'ms'),
];
const RICCATI = row('Riccati pass, 14 states, 7 controls', 'ms', { ratio: 1 });

export async function run(context: BenchContext): Promise<BenchResult> {
  const setting = { ...REACH, model: join(packageRoot(), 'test', 'golden', 'models', 'panda7.xml') };
  const { problem, target, hold } = reachProblem(setting);
  const us = Float64Array.from({ length: problem.horizon * problem.nu }, (_, i) => hold[i % problem.nu]!);
  const solver = new IlqrSolver({ tolerance: STOP, regularisation: { initial: REGULARISATION } });
  solver.allocate(problem);
  const passes = new Passes(problem);

  const { python, skip } = findPython(['crocoddyl', 'pinocchio']);
  const shared = { target: [...target], hold: [...hold], stop: STOP, regularisation: REGULARISATION };
  using peer = skip === false ? await Crocoddyl.open(python, { ...setting, ...shared }) : null;
  let peerCost = Number.NaN;
  if (peer !== null) {
    const theirs = await peer.solve();
    peerCost = theirs.cost;
    const rule = `stops when a step is expected to save ≤ ${STOP}`;
    context.log(
      `Crocoddyl ${peer.version} BoxFDDP: ${theirs.iterations} iterations, cost ${theirs.cost}; ${rule}`,
    );
  }
  const first = solver.solve({ us });
  context.log(
    `armloop iLQR: ${first.status} in ${first.iterations} iterations, cost ${first.cost}; stops when a step is expected to save ≤ ${STOP} (1 + |cost|)`,
  );
  // Without a peer the cost is compared with that of the first solve: it must at least be found again.
  const reference = Number.isNaN(peerCost) ? first.cost : peerCost;

  const ours = async (): Promise<Measured> => {
    const whole = least(() => solver.solve({ us }), SOLVES);
    const { status, iterations, cost } = solver.result;
    if (status !== 'converged') throw new Error(`the solve ended with ${status}`);
    return {
      [PER_ITERATION.name]: whole / iterations,
      'to convergence': whole,
      iterations,
      'cost above the peer’s, relative': (cost - reference) / Math.abs(reference),
      ...passes.measure(solver.result.us),
    };
  };
  const against: Peer =
    peer === null
      ? {
          absent: skip === false ? 'no Crocoddyl' : skip,
          floor: { name: 'native passes without costs', values: { [PER_ITERATION.name]: FLOOR.iteration } },
        }
      : {
          name: `Crocoddyl ${peer.version} BoxFDDP`,
          run: async () => {
            const all = [];
            for (let i = 0; i < SOLVES; i++) all.push(await peer.solve());
            all.sort((a, b) => a.seconds - b.seconds);
            const { seconds, iterations } = all[0]!;
            const parts = await peer.parts(PASSES);
            return {
              [PER_ITERATION.name]: (1e3 * seconds) / iterations,
              'to convergence': 1e3 * seconds,
              iterations,
              'dynamics and cost derivatives': 1e3 * parts.calcDiff,
              'backward pass with limits': 1e3 * parts.backward,
              'rollout with cost': 1e3 * parts.calc,
            };
          },
        };
  const main = await compare(context, { bench: 'ilqr', cases: CASES, ours, peer: against });
  const riccati = await compare(context, {
    bench: 'ilqr',
    cases: [RICCATI],
    ours: async () => ({ [RICCATI.name]: passes.riccati() }),
    peer: {
      absent: 'not compiled here',
      floor: {
        name: 'Eigen, fixed size, -march=native, quiet machine',
        values: { [RICCATI.name]: FLOOR.riccati },
      },
    },
  });
  return combine('ilqr', [main, riccati]);
}

/** The passes of an iteration by themselves, at a plan; the least of many, as those of the peer are. */
class Passes {
  readonly #ws: Workspace;

  constructor(problem: Problem) {
    this.#ws = allocWorkspace(problem, 'auto');
  }

  measure(us: Float64Array): Measured {
    const ws = this.#ws;
    const { problem } = ws;
    ws.current.us.flat.set(us);
    ws.current.xs.rows[0]!.set(problem.x0);
    for (let t = 0; t < problem.horizon; t++) {
      problem.dynamics(ws.current.xs.rows[t]!, ws.current.us.rows[t]!, t, ws.current.xs.rows[t + 1]!);
    }
    const options = { secondOrder: false, limits: true, gaps: null, mu: 1e-9, rho: 1e-9 };
    const blame = { what: '', stage: 0, value: 0 };
    return {
      'dynamics and cost derivatives': least(() => expand(problem, ws.current, ws.expansion)),
      'backward pass with limits': least(() => {
        if (backward(ws, options) >= 0) throw new Error('the backward pass failed');
      }),
      'rollout with cost': least(() => {
        if (!forward(problem, ws.current, ws.spare, 0, ws.candidate, ws.dx, blame))
          throw new Error(blame.what);
      }),
    };
  }

  /** The kernel alone, over all stages. */
  riccati(): number {
    const { riccati, spare, expansion, problem } = this.#ws;
    const T = problem.horizon;
    return least(() => {
      spare.Vx.rows[T]!.set(expansion.lx.rows[T]!);
      spare.Vxx.rows[T]!.set(expansion.lxx.rows[T]!);
      riccati.begin(0, 1e-9);
      for (let t = T - 1; t >= 0; t--) {
        riccati.expand(spare, t);
        if (!riccati.solve(spare, t)) throw new Error(`stage ${t} is indefinite`);
      }
    });
  }
}

/** The least of so many times, ms. */
function least(body: () => void, times = PASSES): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) {
    const start = performance.now();
    body();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}
