/** An evaluation and its facts, made up from a seed: for tests of summaries and reports, which need no robot. */
import { Rng } from '../../src/math/rng.ts';
import type { Contestant, EpisodeFact, Evaluation, Side } from '../../src/session/evaluation.ts';

export const contestant = (side: Side, name: string): Contestant => ({
  side,
  name,
  bundle: `policies/${name}`,
  sha256: 'ab12'.repeat(16),
  manifest: null,
  latencyMs: 50,
});

export const evaluationOf = (
  seeds: readonly number[],
  contestants: readonly Contestant[] = [contestant('A', 'first')],
): Evaluation => ({
  format: 'armloop-evaluation/1',
  id: '20260131-142501-3f9c',
  state: 'running',
  started: '2026-01-31T14:25:01.000Z',
  finished: null,
  wallS: 12,
  task: 'pick-cube',
  taskText: 'Pick up the red cube and lift it',
  units: { 'tool to cube': 'm' },
  robot: { id: 'panda-sim', file: 'robots/panda-sim.yaml', sha256: 'cd34'.repeat(16) },
  contestants,
  seeds,
  vary: 'none',
  images: 'own',
  cameras: ['front_small'],
  pictures: 'front',
  record: 'none',
  timeLimitS: 30,
  goal: null,
  versions: { armloop: '0.1.0' },
  results: null,
  comparison: null,
});

export const factOf = (
  side: Side,
  seed: number,
  success: boolean,
  more: Partial<EpisodeFact> = {},
): EpisodeFact => {
  const rng = new Rng(seed);
  return {
    side,
    seed,
    imagesOf: seed,
    success,
    reason: success ? 'success' : 'time limit',
    fault: [],
    timeToSuccess: success ? rng.uniform(5, 9) : null,
    ticks: success ? 9000 : 30_000,
    seconds: success ? 9 : 30,
    guard: {},
    chunks: { made: 20, refused: 1, underruns: 2, problem: 'the picture is too old' },
    start: { cube: [rng.uniform(0.36, 0.64), rng.uniform(-0.24, 0.12)], bin: [0.4, 0.3] },
    variation: {},
    residuals: { 'tool to cube': 0.25 },
    episode: null,
    strip: null,
    ...more,
  };
};
