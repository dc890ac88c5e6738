/** What `bench mpc` follows, in real time and in lockstep. */
import type { MpcChoice } from '../src/plan/mpc/choice.ts';

/** A figure of eight, 0.2 m × 0.3 m, once in 3 s. */
export const PATH: Extract<NonNullable<MpcChoice['target']>, { kind: 'path' }> = {
  kind: 'path',
  pose: [0.5, 0, 0.35, 1, 0, 0, 0],
  amplitude: [0.1, 0.15, 0],
  multiple: [2, 1, 0],
  phase: [0, 0, 0],
  period: 3,
};
