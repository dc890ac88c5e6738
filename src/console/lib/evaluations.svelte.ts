/** Evaluations of policies. */
import type { EvaluationItem } from '../../server/learning-protocol.ts';
import { Fresh } from './poll.svelte.ts';

export const evaluations = new Fresh<readonly EvaluationItem[]>('/api/evaluations');

/** `A` or `A against B`. */
export const namesOf = (evaluation: EvaluationItem): string =>
  evaluation.contestants.map((c) => c.name).join(' against ');

export const reportOf = (evaluation: EvaluationItem): string =>
  `/api/evaluations/${encodeURIComponent(evaluation.id)}/report`;
