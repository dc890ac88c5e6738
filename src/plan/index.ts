/**
 * The solvers by name, and what each asks of a problem. Settings, workspace, backward, forward, result and solver of a family stand in
 * its folder once (descent: iLQR, DDP, FDDP; shooting: those that roll out); the folder of one solver holds what only it has.
 */
import { DdpSolver } from './ddp/solver.ts';
import type { DescentOptions } from './descent/settings.ts';
import { FddpSolver } from './fddp/solver.ts';
import { IlqrSolver } from './ilqr/solver.ts';
import { LqrSolver } from './lqr/solver.ts';
import { Cem, GradientShooting, Mppi, RandomShooting } from './shooting/index.ts';
import type { Solver } from './solver.ts';

export interface SolverEntry {
  /** What moves it: derivatives to second order, gradients, or samples. */
  readonly kind: 'newton' | 'gradient' | 'sampling';
  /** Whether it holds controls to limits; one that does not refuses problems that have them. */
  readonly limits: boolean;
  /** Whether plans come with feedback gains. */
  readonly feedback: boolean;
  /** Settings that every solver understands. */
  readonly create: (options?: Pick<DescentOptions, 'maxIterations' | 'maxTime' | 'clock'>) => Solver;
}

export type SolverName = 'lqr' | 'ilqr' | 'ddp' | 'fddp' | 'gradient' | 'random' | 'cem' | 'mppi';

export const SOLVERS: Readonly<Record<SolverName, SolverEntry>> = {
  lqr: { kind: 'newton', limits: false, feedback: true, create: (o) => new LqrSolver(o) },
  ilqr: { kind: 'newton', limits: true, feedback: true, create: (o) => new IlqrSolver(o) },
  ddp: { kind: 'newton', limits: true, feedback: true, create: (o) => new DdpSolver(o) },
  fddp: { kind: 'newton', limits: true, feedback: true, create: (o) => new FddpSolver(o) },
  gradient: { kind: 'gradient', limits: true, feedback: false, create: (o) => new GradientShooting(o) },
  random: { kind: 'sampling', limits: true, feedback: false, create: (o) => new RandomShooting(o) },
  cem: { kind: 'sampling', limits: true, feedback: false, create: (o) => new Cem(o) },
  mppi: { kind: 'sampling', limits: true, feedback: false, create: (o) => new Mppi(o) },
};
