// @limit 180
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Catalogue } from '../../src/episode/catalogue.ts';
import { cellSpec } from '../../src/session/cell.ts';
import { type AttemptResult, collect } from '../../src/session/collect.ts';
import {
  type Attempt,
  COLLECTION_FORMAT,
  type CollectionPlan,
  type CollectionState,
} from '../../src/session/collection.ts';
import { CollectionFiles } from '../../src/session/collection-files.ts';
import { JobPool } from '../../src/session/job-pool.ts';
import { jointManifest, towards, writeBundle } from '../support/policy.ts';
import { simRobot } from '../support/sim-rig.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-collect-'));
after(() => rmSync(folder, { recursive: true }));
const spec = cellSpec(simRobot('reach'), { cameras: [], vary: 'appearance' });

const plan = (over: Partial<CollectionPlan>): CollectionPlan => ({
  format: COLLECTION_FORMAT,
  id: 'c1',
  created: '2026-01-31T14:25:01.000Z',
  robot: { id: spec.id, file: spec.source.file, sha256: spec.source.sha256 },
  where: 'lockstep',
  task: 'reach',
  taskText: 'Reach',
  driver: { kind: 'teacher', disturb: 'none' },
  vary: 'appearance',
  cameras: [],
  seed: 3,
  episodes: 2,
  retries: 0,
  failures: 'keep',
  limits: {
    hours: null,
    diskBytes: null,
    failuresInRow: null,
    guardStops: null,
    jointTravel: null,
    gripperCycles: null,
  },
  versions: {},
  ...over,
});

async function run(workspace: string, wanted: CollectionPlan, workers: number): Promise<CollectionState> {
  const files = new CollectionFiles(workspace);
  files.create(wanted);
  const url = new URL('../../src/rig/collect-worker.js', import.meta.url);
  const data = { plan: wanted, spec, workspace };
  await using pool = await JobPool.open<Attempt, AttemptResult>(url, data, workers);
  return await collect({ files, id: wanted.id, crew: pool, now: () => '2026-01-31T15:00:00.000Z' });
}

describe('collect', () => {
  it('records labelled episodes, the same on one worker and on two', async () => {
    const [one, two] = [join(folder, 'one'), join(folder, 'two')];
    const state = await run(one, plan({}), 1);
    assert.equal(state.stopped!.why, 'done');
    assert.deepEqual(
      state.finished.map((f) => [f.seed, f.reason, f.flags]),
      [
        [3, 'success', []],
        [4, 'success', []],
      ],
    );
    await run(two, plan({}), 2);
    for (const { episode } of state.finished) {
      const [a, b] = [one, two].map((w) => readFileSync(join(w, 'episodes', `${episode}.mcap`)));
      assert.ok(a!.equals(b!), episode);
    }
    const [newest] = await new Catalogue(one).list({ label: 'success' });
    assert.equal(newest!.id, 'c1-00001');
    assert.equal(new Date(newest!.startedAt * 1000).toISOString().slice(0, 16), '2026-01-31T14:26');
    assert.ok(existsSync(join(one, 'collections', 'c1', 'report.html')));
  });

  it('runs a policy until it has failed too often, and puts its failures away', async () => {
    const workspace = join(folder, 'policy');
    const home = spec.axes.map((a) => a.home);
    const bundle = writeBundle(join(folder, 'bundle'), jointManifest(spec), towards(home, 8, 0.01));
    const driver = { kind: 'policy', bundle: bundle.folder, name: 'still', sha256: bundle.sha256 } as const;
    const limits = { ...plan({}).limits, failuresInRow: 1 };
    const state = await run(workspace, plan({ driver, limits, failures: 'trash' }), 1);
    assert.equal(state.stopped!.why, 'failures in a row');
    assert.deepEqual(
      state.finished.map((f) => [f.reason, f.kept]),
      [['time limit', false]],
    );
    const catalogue = new Catalogue(workspace);
    assert.deepEqual(await catalogue.list(), []);
    const [trashed] = await catalogue.list({ shelf: 'trash' });
    assert.deepEqual(
      [trashed!.label, trashed!.cause, trashed!.operator],
      ['failure', 'time limit', 'test-policy'],
    );
    assert.ok(trashed!.sources.includes('policy'));

    const changed = plan({ id: 'c2', driver: { ...driver, sha256: 'another' } });
    await assert.rejects(run(workspace, changed, 1), { code: 'COLLECTION_CHANGED' });
  });
});
