/**
 * The planners that are compared, each with settings that serve it well here. None stops before its time is up or it has
 * converged.
 */
import { DdpSolver } from '../../src/plan/ddp/solver.ts';
import { FddpSolver } from '../../src/plan/fddp/solver.ts';
import { IlqrSolver } from '../../src/plan/ilqr/solver.ts';
import type { Problem } from '../../src/plan/problem.ts';
import { Cem, GradientShooting, Mppi, RandomShooting } from '../../src/plan/shooting/index.ts';
import type { Solver } from '../../src/plan/solver.ts';
import type { Ink } from './plot.ts';
import type { Task } from './problems.ts';

export interface Variant {
  readonly name: string;
  readonly make: (task: Task, problem: Problem, seed: number) => Solver;
  readonly ink: Ink;
  /** Whether it takes a guess at the states where the task has one, or begins with the controls alone, as all others. */
  readonly start: 'controls' | 'states';
}

const ENDLESS = { tolerance: 0, maxIterations: 20_000 } as const;
const newton = { maxIterations: 1000 } as const;

const sampling = (task: Task, { lower, upper }: Problem, seed: number, samples: number) => ({
  ...ENDLESS,
  seed,
  samples,
  sigma: Array.from(upper!, (high, j) => task.sigma * (high - lower![j]!)),
  shape: { kind: 'knots', count: task.knots, spline: 'cubic' } as const,
});

const controls = 'controls' as const;
export const VARIANTS: readonly Variant[] = [
  {
    name: 'iLQR',
    make: () => new IlqrSolver(newton),
    ink: { light: '#1d4ed8', dark: '#7aa2ff' },
    start: controls,
  },
  {
    name: 'DDP',
    make: () => new DdpSolver(newton),
    ink: { light: '#0e7490', dark: '#4fd1e5', dash: '7 3' },
    start: controls,
  },
  {
    name: 'FDDP',
    make: () => new FddpSolver(newton),
    ink: { light: '#6d28d9', dark: '#b794ff', dash: '2 3' },
    start: 'states',
  },
  {
    name: 'gradient',
    make: () => new GradientShooting(ENDLESS),
    ink: { light: '#15803d', dark: '#5fd38a' },
    start: controls,
  },
  {
    name: 'gradient, Adam',
    make: () => new GradientShooting({ ...ENDLESS, method: 'adam', rate: 0.03 }),
    ink: { light: '#4d7c0f', dark: '#b5e05a', dash: '7 3' },
    start: controls,
  },
  {
    name: 'CEM',
    make: (task, p, seed) => new Cem(sampling(task, p, seed, 64)),
    ink: { light: '#b91c1c', dark: '#ff8585' },
    start: controls,
  },
  {
    name: 'MPPI',
    make: (task, p, seed) => new Mppi(sampling(task, p, seed, 128)),
    ink: { light: '#c2410c', dark: '#ffa45c', dash: '7 3' },
    start: controls,
  },
  {
    name: 'predictive',
    make: (task, p, seed) => new RandomShooting({ ...sampling(task, p, seed, 32), around: 'best' }),
    ink: { light: '#a21caf', dark: '#f08cf0', dash: '2 3' },
    start: controls,
  },
  {
    name: 'random',
    make: (task, p, seed) => new RandomShooting(sampling(task, p, seed, 128)),
    ink: { light: '#57606a', dark: '#a8b1bb' },
    start: controls,
  },
];
