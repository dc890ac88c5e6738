/** Plans and facts of a collection for tests that need its files, not its episodes. */
import {
  type AttemptFact,
  COLLECTION_FORMAT,
  type CollectionPlan,
  episodeId,
  RETRY,
} from '../../src/session/collection.ts';

export function collectionPlan(id: string, change: Partial<CollectionPlan> = {}): CollectionPlan {
  return {
    format: COLLECTION_FORMAT,
    id,
    created: '2026-01-31T14:25:01.000Z',
    robot: { id: 'panda-sim', file: 'robots/panda-sim.yaml', sha256: '00' },
    where: 'lockstep',
    task: 'pick-cube',
    taskText: 'Lift the red cube',
    driver: { kind: 'teacher', disturb: 'none' },
    vary: 'all',
    cameras: ['front_small', 'wrist_small'],
    seed: 100,
    episodes: 8,
    retries: 1,
    failures: 'keep',
    limits: {
      hours: 2,
      diskBytes: null,
      failuresInRow: 5,
      guardStops: 10,
      jointTravel: null,
      gripperCycles: null,
    },
    versions: { armloop: '0.1.0' },
    ...change,
  };
}

/** A finished attempt at a slot; `at` is seconds after the collection began. */
export function attemptFact(
  plan: CollectionPlan,
  slot: number,
  at: number,
  change: Partial<AttemptFact> = {},
): AttemptFact {
  const { attempt = 0, success = true } = change;
  return {
    fact: 'finished',
    at: new Date(Date.parse(plan.created) + 1000 * at).toISOString(),
    slot,
    attempt,
    seed: plan.seed + slot + attempt * RETRY,
    episode: episodeId(plan.id, slot, attempt),
    success,
    reason: success ? 'success' : 'time limit',
    fault: [],
    timeToSuccess: success ? 5 + slot / 10 : null,
    seconds: 6,
    ticks: 6000,
    bytes: 250_000,
    guard: {},
    jointTravel: 4.5,
    gripperCycles: 1,
    variation: { 'cube.x': 0.4 + slot / 100, 'cube.yaw': slot / 10 },
    flags: [],
    kept: true,
    recorded: null,
    ...change,
  };
}
