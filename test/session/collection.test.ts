import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Attempt,
  type AttemptFact,
  COLLECTION_FORMAT,
  type CollectionFact,
  type CollectionLimits,
  type CollectionPlan,
  CollectionState,
  RETRY,
} from '../../src/session/collection.ts';
import { collectionReport } from '../../src/session/collection-report.ts';

const free: CollectionLimits = {
  hours: null,
  diskBytes: null,
  failuresInRow: null,
  guardStops: null,
  jointTravel: null,
  gripperCycles: null,
};

const plan = (over: Partial<CollectionPlan> = {}): CollectionPlan => ({
  format: COLLECTION_FORMAT,
  id: 'c1',
  created: '2026-01-31T14:25:01.000Z',
  robot: { id: 'panda-sim', file: 'panda-sim.yaml', sha256: 'ab'.repeat(32) },
  where: 'lockstep',
  task: 'pick-cube',
  taskText: 'Pick up the <red> cube',
  driver: { kind: 'teacher', disturb: 'none' },
  vary: 'all',
  cameras: ['front_small'],
  seed: 100,
  episodes: 3,
  retries: 0,
  failures: 'keep',
  limits: free,
  versions: { armloop: '0.1.0', node: '20.0.0' },
  ...over,
});

const at = '2026-01-31T14:30:00.000Z';
const started = (attempt: Attempt): CollectionFact => ({ fact: 'started', at, ...attempt });
const finished = (attempt: Attempt, over: Partial<AttemptFact> = {}): AttemptFact => ({
  fact: 'finished',
  at,
  ...attempt,
  success: true,
  reason: 'success',
  fault: [],
  timeToSuccess: 4.5,
  seconds: 5,
  ticks: 5000,
  bytes: 1000,
  guard: {},
  jointTravel: 2,
  gripperCycles: 0.5,
  variation: { 'cube.hue': 0.05 },
  flags: [],
  kept: true,
  recorded: attempt.episode,
  ...over,
});
const failure = { success: false, reason: 'time limit', timeToSuccess: null } as const;

/** Runs all that there is to run, one at a time. */
function runAll(state: CollectionState, outcome: (attempt: Attempt) => Partial<AttemptFact>): Attempt[] {
  const run: Attempt[] = [];
  for (;;) {
    const attempt = state.limit() === null ? state.next() : null;
    if (attempt === null) return run;
    run.push(attempt);
    state.add(started(attempt));
    state.add(finished(attempt, outcome(attempt)));
  }
}

describe('collection', () => {
  it('gives each slot its seed and its name, once', () => {
    const state = new CollectionState(plan());
    const run = runAll(state, () => ({}));
    assert.deepEqual(
      run.map((a) => [a.seed, a.episode]),
      [
        [100, 'c1-00000'],
        [101, 'c1-00001'],
        [102, 'c1-00002'],
      ],
    );
    assert.equal(state.limit()!.why, 'done');
    assert.equal(state.totals.rate, 1);
  });

  it('tries a failed slot again on another seed, as often as the plan says', () => {
    const state = new CollectionState(plan({ retries: 2, episodes: 2 }));
    const run = runAll(state, (a) => (a.slot === 0 && a.attempt < 1 ? failure : a.slot === 1 ? failure : {}));
    assert.deepEqual(run.map((a) => `${a.slot}/${a.attempt}`).sort(), ['0/0', '0/1', '1/0', '1/1', '1/2']);
    assert.equal(run.find((a) => a.slot === 0 && a.attempt === 1)!.seed, 100 + RETRY);
    assert.equal(run.find((a) => a.attempt === 2)!.episode, 'c1-00001r2');
    assert.ok(state.done);
    assert.deepEqual([state.totals.attempts, state.totals.successes], [5, 1]);
  });

  it('is the same after reading its ledger as it was when it was written', () => {
    const facts: CollectionFact[] = [];
    const live = new CollectionState(plan({ retries: 1, episodes: 4 }));
    const tell = (fact: CollectionFact): void => {
      facts.push(fact);
      live.add(fact);
    };
    for (let i = 0; i < 5; i++) {
      const attempt = live.next()!;
      tell(started(attempt));
      if (i !== 2) tell(finished(attempt, i === 1 ? failure : {}));
    }
    const read = new CollectionState(live.plan, facts);
    assert.deepEqual(
      read.running.map((a) => a.episode),
      live.running.map((a) => a.episode),
    );
    assert.equal(read.running.length, 1);
    assert.deepEqual(read.totals, live.totals);
    assert.deepEqual(read.next(), live.next());
  });

  it('runs what a crash cut short again, and nothing twice', () => {
    const state = new CollectionState(plan());
    const [first, second] = [state.next()!, { slot: 1, attempt: 0, seed: 101, episode: 'c1-00001' }];
    state.add(started(first));
    state.add(started(second));
    state.add(finished(second));
    for (const attempt of state.running) state.add({ fact: 'lost', at, ...attempt });
    assert.deepEqual(state.running, []);
    const run = runAll(state, () => ({}));
    assert.deepEqual(
      run.map((a) => a.episode),
      ['c1-00000', 'c1-00002'],
    );
    const episodes = state.finished.map((f) => f.episode);
    assert.equal(new Set(episodes).size, episodes.length);
  });

  for (const [why, limits, outcome, runs] of [
    ['hours', { hours: 9 / 3600 }, {}, 2],
    ['disk', { diskBytes: 1500 }, {}, 2],
    ['failures in a row', { failuresInRow: 4 }, failure, 4],
    ['guard stops', { guardStops: 3 }, { ...failure, reason: 'guard stop' }, 3],
    ['joint travel', { jointTravel: 5 }, {}, 3],
    ['gripper cycles', { gripperCycles: 2 }, {}, 4],
  ] as const) {
    it(`stops by ${why}, and says so`, () => {
      const state = new CollectionState(plan({ episodes: 50, limits: { ...free, ...limits } }));
      assert.equal(runAll(state, () => outcome).length, runs);
      const limit = state.limit()!;
      assert.equal(limit.why, why);
      assert.match(limit.text, /\d/);
    });
  }

  it('counts failures anew when someone goes on, and budgets not', () => {
    const limits = { ...free, failuresInRow: 2, diskBytes: 2500 };
    const state = new CollectionState(plan({ episodes: 50, limits }));
    runAll(state, () => failure);
    state.add({ fact: 'stopped', at, ...state.limit()! });
    assert.equal(state.stopped!.why, 'failures in a row');
    state.add({ fact: 'session', at, workers: 2 });
    assert.equal(state.limit(), null);
    assert.equal(state.stopped, null);
    assert.equal(runAll(state, () => ({})).length, 1);
    assert.equal(state.limit()!.why, 'disk');
  });

  it('reports what was done, escaped', () => {
    const state = new CollectionState(plan({ episodes: 2 }));
    runAll(state, (a) => (a.slot === 1 ? { ...failure, variation: { 'cube.hue': -0.02 } } : {}));
    state.add({ fact: 'stopped', at, ...state.limit()! });
    const text = collectionReport(state);
    assert.match(text, /Pick up the &#60;red&#62; cube/);
    assert.match(text, /1 of 2 attempts succeeded/);
    assert.match(text, /cube\.hue/);
    assert.match(text, /c1-00001/);
    assert.doesNotMatch(text, /NaN|undefined/);
    assert.doesNotMatch(collectionReport(new CollectionState(plan())), /NaN|undefined|Infinity/);
  });
});
