// @limit 180
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Catalogue } from '../../../src/episode/catalogue.ts';
import { Dataset } from '../../../src/learn/data/dataset.ts';
import { BatchLoader } from '../../../src/learn/data/loader.ts';
import { ShuffledOrder } from '../../../src/learn/data/order.ts';
import type { SampleSpec } from '../../../src/learn/data/spec.ts';
import { FileSink } from '../../../src/record/sink.ts';
import { cellParts } from '../../../src/rig/cell-parts.ts';
import { cellSpec, LockstepCell } from '../../../src/session/cell.ts';
import { TeacherDriver } from '../../../src/session/teacher.ts';
import { type OracleSample, oracleSamples } from '../../support/sample-oracle.ts';
import { simRobot } from '../../support/sim-rig.ts';

const workspace = mkdtempSync(join(tmpdir(), 'armloop-lockstep-data-'));
after(() => rmSync(workspace, { recursive: true, force: true }));

const spec: SampleSpec = {
  rateHz: 10,
  observationSteps: 2,
  horizon: 8,
  first: 1,
  states: [{ name: 'state', features: [{ field: 'in.q', encode: 'raw' }] }],
  images: [
    { name: 'front', camera: 'front_small', width: 96, height: 96 },
    { name: 'wrist', camera: 'wrist_small', width: 48, height: 48 },
  ],
  action: { space: 'tool', reference: 'observed' },
  idle: 'keep',
};

test('demonstrations of the teacher, recorded in lockstep with their cameras, sample by sample', async () => {
  const catalogue = new Catalogue(workspace);
  const { files } = catalogue;
  files.makeFolders();
  const cameras = ['front_small', 'wrist_small'];
  const robot = cellSpec(simRobot('pick-cube'), { cameras, vary: 'appearance' });
  await using cell = await LockstepCell.open({ spec: robot, parts: cellParts });
  for (const seed of [1, 2]) {
    const sink = new FileSink(files.mcap(`demo-${seed}`));
    const record = { sink, id: `demo-${seed}`, wallOffsetNs: 1_700_000_000_000_000_000n, operator: 'test' };
    const driver = new TeacherDriver({ disturb: 'push' });
    await cell.run({ seed, driver, record, limits: { timeS: 2.5 } });
    sink.close();
  }
  await using data = await Dataset.open({
    catalogue,
    episodes: ['demo-1', 'demo-2'],
    spec,
    split: { validation: 0, seed: 0 },
    cacheDir: join(workspace, 'cache'),
    workers: 1,
  });
  const wanted: OracleSample[] = [];
  for (const id of data.train.episodes) wanted.push(...(await oracleSamples(files, id, spec)));
  assert.ok(wanted.length > 30, `${wanted.length} samples`);
  assert.equal(data.train.samples, wanted.length);
  assert.deepEqual(data.facts.dropped, { idle: 0, stale: 0 });
  const order = new ShuffledOrder(wanted.length, 1, 3);
  await using loader = await BatchLoader.open(data, { set: 'train', batch: 1, seed: 3 });
  const { normaliser } = data.action;
  for (let step = 0; step < wanted.length; step++) {
    const { feeds } = await loader.next();
    const sample = wanted[order.sample(step, 0)]!;
    const at = `${sample.episode} at ${sample.time} ns`;
    assert.deepEqual([...(feeds['actionMask']!.data as Float32Array)], sample.mask, at);
    // The frames have their final size already, so they come through as they are.
    const front = feeds['front']!.data as Uint8Array;
    assert.deepEqual(front, Uint8Array.from(sample.images[0]!.flatMap((p) => [...p])), `front of ${at}`);
    const wrist = feeds['wrist']!.data as Uint8Array;
    const halved = sample.images[1]!.flatMap((p) => [...p]);
    assert.ok(
      wrist.every((p, i) => Math.abs(p - halved[i]!) <= 1),
      `wrist of ${at}`,
    );
    (feeds['action']!.data as Float32Array).forEach((a, i) => {
      const [offset, scale] = [normaliser.offset[i % 10]!, normaliser.scale[i % 10]!];
      const want = sample.actions.flat()[i]!;
      assert.ok(
        Math.abs(a * scale + offset - want) < 2e-7 * Math.max(1, Math.abs(offset)),
        `action ${i} of ${at}`,
      );
    });
  }
});
