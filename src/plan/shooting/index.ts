export { CEM_DEFAULTS, type CemSettings } from './cem/settings.ts';
export { Cem } from './cem/solver.ts';
export { GRADIENT_DEFAULTS, type GradientSettings } from './gradient/settings.ts';
export { GradientShooting } from './gradient/solver.ts';
export { MPPI_DEFAULTS, type MppiSettings } from './mppi/settings.ts';
export { Mppi } from './mppi/solver.ts';
export { RANDOM_DEFAULTS, type RandomSettings } from './random/settings.ts';
export { RandomShooting } from './random/solver.ts';
export type { NoiseShape, SamplingSettings } from './settings.ts';
