/** Child of garbage.test.ts, run with --expose-gc: prints bytes per iteration of each solver, clean and spoilt. */

import { Cem, GradientShooting, Mppi, RandomShooting } from '../../../src/plan/shooting/index.ts';
import type { Solver } from '../../../src/plan/solver.ts';
import { bytesPerRound } from '../../support/garbage.ts';
import { pendulum } from './problems.ts';

const small = { samples: 16, tolerance: 0, maxIterations: 40, sigma: 1 } as const;
const coloured = { kind: 'coloured', exponent: 1 } as const;
const solvers: Record<string, Solver> = {
  random: new RandomShooting(small),
  uniform: new RandomShooting({ ...small, distribution: 'uniform' }),
  predictive: new RandomShooting({ ...small, around: 'best', shape: coloured }),
  cem: new Cem(small),
  'cem, coloured': new Cem({ ...small, shape: coloured }),
  mppi: new Mppi({ ...small, controlCost: 0.5 }),
  'mppi, coloured': new Mppi({ ...small, controlCost: 0.5, shape: coloured, lambda: 1 }),
  gradient: new GradientShooting({ tolerance: 0, maxIterations: 40 }),
  adam: new GradientShooting({ method: 'adam', tolerance: 0, maxIterations: 40 }),
};
const problem = pendulum(12);
const us = Float64Array.from({ length: 12 }, (_, t) => Math.sin(t));
const warm = { us };
const clean: Record<string, number> = {};
let spoilt = 0;
for (const [name, solver] of Object.entries(solvers)) {
  solver.allocate(problem);
  solver.reset(warm);
  // Begins anew when it ends, so that the beginning is measured too.
  const round = (): void => {
    if (solver.iterate() !== 'running') solver.reset(warm);
  };
  clean[name] = bytesPerRound(round, 400, 4000, 12);
  if (name !== 'cem') continue;
  const kept: Float64Array[] = [us];
  spoilt = bytesPerRound(
    () => {
      round();
      kept[0] = new Float64Array(4);
    },
    400,
    4000,
    12,
  );
}
console.log(JSON.stringify({ clean, spoilt }));
