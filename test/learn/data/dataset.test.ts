import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Catalogue } from '../../../src/episode/catalogue.ts';
import { Dataset } from '../../../src/learn/data/dataset.ts';
import type { DatasetOptions } from '../../../src/learn/data/dataset-options.ts';
import { BatchLoader } from '../../../src/learn/data/loader.ts';
import { ShuffledOrder } from '../../../src/learn/data/order.ts';
import type { SampleSpec } from '../../../src/learn/data/spec.ts';
import type { Normaliser } from '../../../src/policy/manifest.ts';
import { Source } from '../../../src/robot/tick.ts';
import { dataRobot, writeDataEpisode } from '../../support/data-episode.ts';
import { type OracleSample, oracleSamples } from '../../support/sample-oracle.ts';

const workspace = mkdtempSync(join(tmpdir(), 'armloop-data-'));
after(() => rmSync(workspace, { recursive: true, force: true }));
const catalogue = new Catalogue(workspace);
const { files } = catalogue;
const code =
  (wanted: string, text = /./) =>
  (e: unknown) =>
    (e as { code: string }).code === wanted && text.test((e as Error).message);

const ids = ['ep-a', 'ep-b', 'ep-c', 'ep-d'];
before(async () => {
  files.makeFolders();
  for (const [i, id] of ids.entries()) {
    await writeDataEpisode(files, id, { seed: 10 + i, seconds: 4 + 0.5 * i, task: i % 2 ? 'place' : 'pick' });
  }
});

const small: SampleSpec = {
  rateHz: 10,
  observationSteps: 2,
  horizon: 6,
  first: 1,
  states: [
    {
      name: 'state',
      features: [
        { field: 'in.q', encode: 'raw' },
        { field: 'out.tool', encode: 'pose9' },
        { field: 'in.qd', encode: 'raw', axes: [1, 3] },
      ],
    },
  ],
  images: [
    { name: 'front', camera: 'front', width: 12, height: 12 },
    { name: 'wrist', camera: 'wrist', width: 16, height: 10 },
  ],
  action: { space: 'joint', reference: 'absolute' },
  idle: 'keep',
};

let caches = 0;
const cache = (): string => join(workspace, `cache-${caches++}`);
const shared = cache();

function open(change: Partial<DatasetOptions> = {}): Promise<Dataset> {
  const split = { validation: 0.25, seed: 3 };
  return Dataset.open({
    catalogue,
    episodes: ids,
    spec: small,
    split,
    cacheDir: shared,
    workers: 2,
    ...change,
  });
}

/** All samples of the training set as text, in the order of the first pass. */
async function firstPass(data: Dataset): Promise<string[]> {
  await using loader = await BatchLoader.open(data, { set: 'train', batch: 1, seed: 5, workers: 0 });
  const got: string[] = [];
  for (let i = 0; i < data.train.samples; i++) {
    const { feeds } = await loader.next();
    got.push(
      Object.entries(feeds)
        .map(
          ([name, { data: d }]) =>
            name + Buffer.from(d.buffer, d.byteOffset, d.byteLength).toString('base64'),
        )
        .join(),
    );
  }
  return got;
}

/** Compares every sample of the training set with the oracle; gives how many there were. */
async function compare(spec: SampleSpec): Promise<number> {
  await using data = await open({ spec });
  const wanted: OracleSample[] = [];
  for (const id of data.train.episodes) wanted.push(...(await oracleSamples(files, id, spec)));
  assert.equal(data.train.samples, wanted.length);
  const order = new ShuffledOrder(wanted.length, 8, 1);
  await using loader = await BatchLoader.open(data, { set: 'train', batch: 8, seed: 1, workers: 0 });
  const fitted = data.inputs.flatMap((i) => (i.kind === 'state' ? [i.normaliser] : []));
  for (let step = 0; step < Math.floor(wanted.length / 8); step++) {
    const { feeds } = await loader.next();
    for (let slot = 0; slot < 8; slot++) {
      const sample = wanted[order.sample(step, slot)]!;
      const at = `${sample.episode} at ${sample.time} ns`;
      const part = (name: string, length: number): number[] => [
        ...(feeds[name]!.data.subarray(slot * length, (slot + 1) * length) as Float32Array),
      ];
      spec.states.forEach((s, i) => {
        near(part(s.name, sample.states[i]!.length), sample.states[i]!, fitted[i]!, `${s.name} of ${at}`);
      });
      spec.images.forEach((image, i) => {
        const size = image.width * image.height * 3;
        const pixels = part(image.name, size * spec.observationSteps);
        const want = sample.images[i]!.flatMap((p) => [...p]);
        const worst = Math.max(...pixels.map((p, k) => Math.abs(p - want[k]!)));
        // Sums in float32 and in float64 may round to neighbours.
        assert.ok(worst <= 1, `${image.name} of ${at}: ${worst} off`);
      });
      const size = data.action.size;
      near(
        part('action', spec.horizon * size),
        sample.actions.flat(),
        data.action.normaliser,
        `action of ${at}`,
      );
      assert.deepEqual(part('actionMask', spec.horizon), sample.mask, at);
    }
  }
  return wanted.length;
}

/** Denormalised and compared to what float32 can hold. */
function near(got: readonly number[], want: readonly number[], n: Normaliser, what: string): void {
  got.forEach((g, k) => {
    const [offset, scale] = [n.offset[k % n.offset.length]!, n.scale[k % n.scale.length]!];
    const wanted = (want[k]! - offset) / scale;
    const within =
      2 ** -22 * Math.max(1, Math.abs(wanted), Math.abs(want[k]! / scale), Math.abs(offset / scale));
    assert.ok(Math.abs(g - wanted) <= within, `${what}, value ${k}: ${g} for ${wanted}`);
  });
}

test('every sample is what a search through all messages finds', async () => {
  const n = await compare(small);
  assert.ok(n > 60, `${n} samples`);
});

test('the same for tool actions seen from the observation, dropped idle spans and two phases', async () => {
  const [kept, dropped] = [
    await compare({ ...small, images: [], phases: 2 }),
    await compare({
      ...small,
      images: [],
      phases: 2,
      action: { space: 'tool', reference: 'observed', normaliser: 'quantile' },
      idle: 'drop',
      observationSteps: 3,
    }),
  ];
  assert.ok(dropped < kept - 20, `${dropped} of ${kept} samples are left when idle spans are dropped`);
});

test('the same for other sources, no history, first at once, stale frames and joint differences', async () => {
  await compare({
    ...small,
    rateHz: 15,
    observationSteps: 1,
    first: 0,
    sources: ['human', 'policy'],
    maxAgeMs: 60,
    action: { space: 'joint', reference: 'observed', normaliser: 'mean-std' },
  });
});

test('normalisers come from the training samples: actions span −1..1, states have mean 0 and deviation 1', async () => {
  await using data = await open();
  await using loader = await BatchLoader.open(data, { set: 'train', batch: 1, seed: 5, workers: 0 });
  const columns: { state: number[][]; action: number[][] } = { state: [], action: [] };
  for (let i = 0; i < data.train.samples; i++) {
    const { feeds } = await loader.next();
    const state = feeds['state']!.data as Float32Array;
    columns.state.push([...state.subarray(state.length / 2)]);
    const { data: action } = feeds['action']!;
    const { data: mask } = feeds['actionMask']!;
    for (let k = 0; k < 6; k++)
      if (mask[k] === 1) columns.action.push([...(action.subarray(k * 8, k * 8 + 8) as Float32Array)]);
  }
  for (let c = 0; c < 8; c++) {
    const values = columns.action.map((a) => a[c]!);
    assert.ok(
      Math.abs(Math.min(...values) + 1) < 1e-5 && Math.abs(Math.max(...values) - 1) < 1e-5,
      `action ${c}`,
    );
  }
  for (let c = 0; c < 8; c++) {
    const values = columns.state.map((s) => s[c]!);
    const mean = values.reduce((s, x) => s + x, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((s, x) => s + (x - mean) ** 2, 0) / values.length);
    assert.ok(Math.abs(mean) < 1e-4 && Math.abs(deviation - 1) < 1e-4, `state ${c}: ${mean} ± ${deviation}`);
  }
});

test('what policy.json needs: inputs with units and widths, the action, robot and tasks', async () => {
  await using data = await open();
  const [state, front] = data.inputs;
  assert.ok(state?.kind === 'state' && front?.kind === 'image');
  assert.deepEqual(
    state.features.map((f) => [f.field, f.encode, f.width, f.unit]),
    [
      ['in.q', 'raw', 8, 'axis'],
      ['out.tool', 'pose9', 9, 'm|1'],
      ['in.qd', 'raw', 2, 'axis/s'],
    ],
  );
  assert.equal(state.normaliser.offset.length, 19);
  const { name, camera, width, height, encoding } = front;
  assert.deepEqual([name, camera, width, height, encoding], ['front', 'front', 12, 12, 'uint8-hwc']);
  assert.deepEqual([data.action.size, data.action.units.join()], [8, 'rad,rad,rad,rad,rad,rad,rad,m']);
  assert.deepEqual(data.facts.robot.ids, ['panda-sim']);
  assert.deepEqual(data.facts.robot.axes.at(-1), { name: 'gripper', unit: 'm' });
  assert.deepEqual(data.facts.tasks, ['pick', 'place']);
  assert.deepEqual([data.train.episodes.length, data.validation.episodes.length], [3, 1]);
});

test('threads, cache and memory change no byte; the hash follows episodes, spec and split', async () => {
  await using one = await open({ cacheDir: cache(), workers: 1 });
  await using two = await open({ cacheDir: cache(), workers: 3, episodes: [...ids].reverse() });
  await using disk = await open({ memoryBytes: 110_000 });
  assert.deepEqual([one.facts.frames.where, disk.facts.frames.where], ['memory', 'disk']);
  const want = await firstPass(one);
  assert.deepEqual(await firstPass(two), want);
  assert.deepEqual(await firstPass(disk), want);
  assert.deepEqual([two.dataSha256, disk.dataSha256], [one.dataSha256, one.dataSha256]);
  const changes: Partial<DatasetOptions>[] = [
    { episodes: ids.slice(1) },
    { spec: { ...small, horizon: 5 } },
    { split: { validation: 0.25, seed: 4 } },
  ];
  for (const change of changes) {
    await using other = await open(change);
    assert.notEqual(other.dataSha256, one.dataSha256);
  }
});

const packs = (folder: string): string[] => readdirSync(folder).filter((n) => n.endsWith('.pack'));
const marks = (folder: string): string[] => packs(folder).map((n) => `${n} ${statSync(join(folder, n)).ino}`);

test('the cache is used again; history, horizon and actions can change without a new one', async () => {
  const cacheDir = cache();
  {
    await using _ = await open({ cacheDir });
  }
  const made = marks(cacheDir);
  assert.equal(made.length, 3 * ids.length, 'rows and two cameras per episode');
  const spec = { ...small, observationSteps: 1, horizon: 9, first: 0, idle: 'drop' } as const;
  {
    await using _ = await open({
      cacheDir,
      spec: { ...spec, action: { space: 'tool', reference: 'observed' } },
    });
  }
  assert.deepEqual(marks(cacheDir), made);
  {
    await using _ = await open({ cacheDir, spec: { ...small, rateHz: 5 } });
  }
  assert.ok(marks(cacheDir).length > made.length);
  assert.deepEqual(
    readdirSync(cacheDir).filter((n) => !n.endsWith('.pack')),
    [],
    'no lease is left',
  );
});

test('a cache file that is torn or spoilt anywhere is made anew', async () => {
  const cacheDir = cache();
  let want: string[];
  {
    await using data = await open({ cacheDir });
    want = await firstPass(data);
  }
  const spoil: ((path: string, size: number) => void)[] = [
    (path, size) => truncateSync(path, size - 1),
    (path) => truncateSync(path, 0),
    (path, size) => truncateSync(path, size >> 1),
    ...[0.001, 0.3, 0.6, 0.9, 0.999].map((share) => (path: string, size: number) => {
      const bytes = readFileSync(path);
      bytes[Math.floor(share * size)]! ^= 4;
      writeFileSync(path, bytes);
    }),
  ];
  const names = packs(cacheDir);
  const before = marks(cacheDir);
  names.forEach((name, i) => {
    const path = join(cacheDir, name);
    spoil[i % spoil.length]!(path, statSync(path).size);
  });
  const original = new Map(names.map((n) => [n, readFileSync(join(cacheDir, n)).toString('base64')]));
  await using data = await open({ cacheDir });
  assert.deepEqual(await firstPass(data), want);
  const repaired = names.filter(
    (n) => readFileSync(join(cacheDir, n)).toString('base64') !== original.get(n),
  );
  // A changed byte between two sections belongs to nothing.
  assert.ok(repaired.length >= names.length - 2, `${repaired.length} of ${names.length} were made anew`);
  assert.equal(marks(cacheDir).filter((m) => before.includes(m)).length, names.length - repaired.length);
});

test('the cache is kept within its size: what was used longest ago goes, what is in use stays', async () => {
  const cacheDir = cache();
  const total = (): number => packs(cacheDir).reduce((s, n) => s + statSync(join(cacheDir, n)).size, 0);
  {
    await using _ = await open({ cacheDir, spec: { ...small, rateHz: 5 } });
  }
  const first = new Set(packs(cacheDir));
  for (const name of first) utimesSync(join(cacheDir, name), 1000, 1000);
  const bytes = total();
  await using held = await open({ cacheDir, spec: { ...small, rateHz: 7 }, memoryBytes: 110_000 });
  const second = packs(cacheDir).filter((n) => !first.has(n));
  const needed = total() - bytes;
  // Room for little more than what is needed: the first set has to go, this one may not.
  {
    await using _ = await open({ cacheDir, spec: { ...small, rateHz: 7 }, cacheBytes: needed + 10 });
  }
  assert.deepEqual(packs(cacheDir).sort(), second.sort());
  await assert.rejects(open({ cacheDir, cacheBytes: needed - 10 }), code('DATA_CACHE_FULL'));
  assert.equal((await firstPass(held)).length, held.train.samples);
  // Leftovers of a process that is gone, and of none that lives.
  writeFileSync(join(cacheDir, 'x.pack.new-999999999-0'), 'torn');
  writeFileSync(join(cacheDir, '1-999999999-0.lease'), '{"pid":999999999,"born":"1"}');
  {
    await using _ = await open({ cacheDir });
  }
  assert.deepEqual(
    readdirSync(cacheDir).filter((n) => n.includes('999999999')),
    [],
  );
});

test('mixed robots, axes, units, cameras and loops are refused: which episodes, and how they differ', async () => {
  const robot = dataRobot();
  const axis = robot.axes[3]!;
  const changed: [string, Partial<typeof robot>, RegExp][] = [
    ['mix-1', { id: 'other-arm' }, /robots (panda-sim and other-arm|other-arm and panda-sim)/],
    [
      'mix-2',
      { axes: robot.axes.map((a) => (a === axis ? { ...a, name: 'elbow' } : a)) },
      /axes are .*elbow/,
    ],
    [
      'mix-3',
      { axes: robot.axes.map((a) => (a === axis ? { ...a, type: 'prismatic' } : a)) },
      /joint4 is in (m|rad)/,
    ],
    ['mix-4', { cameras: robot.cameras.map((c) => ({ ...c, width: 64 })) }, /camera front is (64|40)×30/],
    ['mix-5', { loop: { ...robot.loop, rateHz: 100 } }, /at (100|200) and (100|200) Hz/],
  ];
  for (const [id, change, text] of changed) {
    await writeDataEpisode(files, id, { seed: 1, seconds: 2, label: 'failure', spec: dataRobot(change) });
    await assert.rejects(
      open({ episodes: ['ep-a', id], spec: { ...small, images: id === 'mix-4' ? small.images : [] } }),
      (e) => {
        assert.ok(code('DATASET_MIXED', /ep-a/)(e) && (e as Error).message.includes(id), String(e));
        assert.match((e as Error).message, text);
        return true;
      },
    );
  }
});

test('episodes without samples are left out with the reason; when all are, that is said', async () => {
  await writeDataEpisode(files, 'blind', { seed: 1, seconds: 2, label: 'failure', frames: 'none' });
  await writeDataEpisode(files, 'other', { seed: 2, seconds: 2, label: 'failure', source: Source.mpc });
  await using data = await open({ episodes: [...ids, 'blind', 'other'] });
  assert.deepEqual(data.facts.skipped, [
    { episode: 'blind', reason: 'it has no frames of front, wrist' },
    { episode: 'other', reason: 'human or script never drove in it' },
  ]);
  assert.ok(![...data.train.episodes, ...data.validation.episodes].includes('blind'));
  await assert.rejects(open({ episodes: ['other'] }), code('DATASET_EMPTY', /never drove/));
  await assert.rejects(open({ episodes: [] }), code('DATASET_EMPTY'));
  await assert.rejects(open({ episodes: { task: 'no such' } }), code('DATASET_EMPTY', /no such/));
});

test('a query takes what fits it, oldest first up to a limit', async () => {
  await using pick = await open({
    episodes: { task: 'pick', label: 'success', limit: 2 },
    spec: { ...small, images: [] },
  });
  assert.equal(pick.train.episodes.length + pick.validation.episodes.length, 2);
  await catalogue.relabel('ep-d', 'failure', 'dropped');
  await using place = await open({ episodes: { task: 'place', label: 'success' } });
  assert.deepEqual([...place.train.episodes, ...place.validation.episodes], ['ep-b']);
});

test('conditions: the number of the task, or what was reached at the end of the span', async () => {
  const spec: SampleSpec = {
    ...small,
    images: [],
    condition: { kind: 'tasks', name: 'task', tasks: ['place', 'pick'] },
  };
  await using data = await open({ spec, split: { validation: 0, seed: 0 } });
  await using loader = await BatchLoader.open(data, { set: 'train', batch: 50, seed: 1, workers: 0 });
  const { feeds } = await loader.next();
  assert.deepEqual(new Set(feeds['task']!.data as BigInt64Array), new Set([0n, 1n]));
  const none: SampleSpec = { ...spec, condition: { kind: 'tasks', name: 'task', tasks: ['pick'] } };
  await assert.rejects(open({ spec: none }), code('DATASET_SPEC', /ep-b is "place"/));

  const goal: SampleSpec = {
    ...small,
    images: [],
    condition: { kind: 'goal', name: 'goal', features: [{ field: 'in.q', encode: 'raw' }] },
  };
  await using goals = await open({ spec: goal, split: { validation: 0, seed: 0 } });
  const samples = (
    await Promise.all(ids.map((id) => oracleSamples(files, id, { ...goal, horizon: 1, first: 0 })))
  ).flat();
  const condition = goals.inputs.at(-1);
  assert.ok(condition?.kind === 'condition' && condition.normaliser !== undefined);
  await using l = await BatchLoader.open(goals, { set: 'train', batch: 20, seed: 1, workers: 0 });
  const batch = await l.next();
  for (let slot = 0; slot < 20; slot++) {
    const got = [...(batch.feeds['goal']!.data.subarray(slot * 8, slot * 8 + 8) as Float32Array)];
    const { offset, scale } = condition.normaliser;
    // Some sample of the oracle has that very state as its newest observation.
    const met = samples.some((s) =>
      got.every((g, c) => Math.abs(g * scale[c]! + offset[c]! - s.states[0]!.slice(-19)[c]!) < 1e-5),
    );
    assert.ok(met, `slot ${slot}`);
  }
});

test('what cannot be read is refused in words', async () => {
  const missing: SampleSpec = { ...small, images: [{ name: 'x', camera: 'ceiling', width: 8, height: 8 }] };
  await assert.rejects(open({ spec: missing }), code('EPISODE_NO_CAMERA', /ceiling/));
  const field: SampleSpec = {
    ...small,
    states: [{ name: 's', features: [{ field: 'in.nothing', encode: 'raw' }] }],
  };
  await assert.rejects(open({ spec: field }), code('POLICY_FEATURE', /in\.nothing/));
  await assert.rejects(open({ episodes: ['ep-a', 'never'] }), code('EPISODE_UNKNOWN'));
  await assert.rejects(open({ memoryBytes: 1000 }), code('DATA_MEMORY'));
  await assert.rejects(open({ split: { validation: 1, seed: 0 } }), code('DATASET_SPEC'));
  for (const [change, text] of [
    [{ rateHz: 0 }, /rateHz is 0/],
    [{ horizon: 1.5 }, /horizon is 1.5/],
    [{ states: [{ name: 'action', features: small.states[0]!.features }] }, /action/],
    [{ states: [], images: [] }, /inputs is empty/],
  ] as const) {
    await assert.rejects(open({ spec: { ...small, ...change } }), code('DATASET_SPEC', text));
  }
  const stop = new AbortController();
  stop.abort();
  await assert.rejects(open({ signal: stop.signal }), code('DATASET_STOPPED', /after 0 of 4/));
  await writeDataEpisode(files, 'spoilt', { seed: 3, seconds: 3, spoil: 9 });
  const cacheDir = cache();
  await assert.rejects(
    open({ episodes: ['spoilt'], cacheDir }),
    code('EPISODE_DAMAGED', /frame \d+ of camera \w+ is no picture/),
  );
  assert.ok(
    readdirSync(cacheDir).every((n) => n.endsWith('.pack')),
    'nothing half made is left',
  );
});
