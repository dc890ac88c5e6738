import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import type { Batch, LoaderOptions } from '../../../src/learn/data/batch.ts';
import { BatchLoader } from '../../../src/learn/data/loader.ts';
import { type MemoryOptions, memoryData } from '../../../src/learn/data/memory.ts';
import { permutation, ShuffledOrder } from '../../../src/learn/data/order.ts';
import { splitEpisodes } from '../../../src/learn/data/split.ts';
import { Rng } from '../../../src/math/rng.ts';

const code = (wanted: string) => (e: unknown) => (e as { code: string }).code === wanted;
const SIDE = 8;

function made(change: Partial<MemoryOptions> = {}): MemoryOptions {
  const rng = new Rng(3);
  const episodes = Array.from({ length: 6 }, (_, e) => {
    const rows = 7 + 3 * e;
    return {
      name: `episode-${e}`,
      states: { state: Float32Array.from({ length: rows * 3 }, () => rng.normal()) },
      images: { front: Uint8Array.from({ length: rows * SIDE * SIDE * 3 }, () => rng.below(256)) },
      actions: Float32Array.from({ length: rows * 2 }, (_, i) => 100 * e + (i >> 1) + 0.5 * (i & 1)),
      task: e % 2,
    };
  });
  return {
    episodes,
    rateHz: 10,
    steps: 2,
    horizon: 4,
    first: 1,
    states: [{ name: 'state', size: 3 }],
    images: [{ name: 'front', width: SIDE, height: SIDE }],
    action: { size: 2, normaliser: 'none' },
    condition: { name: 'task', tasks: ['left', 'right'] },
    split: { validation: 0.3, seed: 1 },
    ...change,
  };
}

const everything = { shift: 1, brightness: 0.2, hueDeg: 10, noise: 4, blur: 1, stateNoise: 0.1, crop: 0.2 };

/** All bytes of a batch as text, so that two batches can be compared after the memory of one has gone. */
function bytes(batch: Batch): string {
  return Object.entries(batch.feeds)
    .map(([name, { data, shape }]) => {
      const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
      return `${name} ${shape.join('×')} ${raw}`;
    })
    .join('\n');
}

async function take(
  options: MemoryOptions,
  loader: Partial<LoaderOptions>,
  count: number,
): Promise<string[]> {
  const data = memoryData(options);
  await using l = await BatchLoader.open(data, { set: 'train', batch: 5, seed: 9, ...loader });
  const got: string[] = [];
  for (let i = 0; i < count; i++) got.push(bytes(await l.next()));
  return got;
}

test('every feed of every sample, by brute force over the episodes', async () => {
  const options = made();
  const data = memoryData(options);
  await using loader = await BatchLoader.open(data, { set: 'train', batch: 7, seed: 4, workers: 1 });
  const samples: [number, number][] = [];
  options.episodes.forEach((episode, e) => {
    const rows = episode.actions.length / 2;
    // The last row has no real step: its chunk begins one step later.
    if (data.train.episodes.includes(episode.name))
      for (let row = 0; row < rows - 1; row++) samples.push([e, row]);
  });
  assert.equal(data.train.samples, samples.length);
  const input = data.inputs[0]!;
  assert.ok(input.kind === 'state');
  const { offset, scale } = input.normaliser;
  const order = new ShuffledOrder(samples.length, 7, 4);
  const seen = new Map<number, number>();
  const passes = 3;
  const steps = Math.floor((passes * samples.length) / 7);
  for (let step = 0; step < steps; step++) {
    const batch = await loader.next();
    assert.equal(batch.step, step);
    const feed = (name: string) => batch.feeds[name]!;
    assert.deepEqual(
      Object.entries(batch.feeds).map(([name, f]) => [name, ...f.shape]),
      [
        ['state', 7, 2, 3],
        ['front', 7, 2, SIDE, SIDE, 3],
        ['task', 7],
        ['action', 7, 4, 2],
        ['actionMask', 7, 4],
      ],
    );
    for (let slot = 0; slot < 7; slot++) {
      const sample = order.sample(step, slot);
      seen.set(sample, (seen.get(sample) ?? 0) + 1);
      const [e, row] = samples[sample]!;
      const episode = options.episodes[e]!;
      const rows = episode.actions.length / 2;
      for (let k = 0; k < 2; k++) {
        const from = Math.max(0, row - 1 + k);
        for (let c = 0; c < 3; c++) {
          const want = Math.fround((episode.states['state']![from * 3 + c]! - offset[c]!) / scale[c]!);
          assert.equal(feed('state').data[(slot * 2 + k) * 3 + c], want);
        }
        const size = SIDE * SIDE * 3;
        const picture = feed('front').data.subarray((slot * 2 + k) * size, (slot * 2 + k + 1) * size);
        assert.deepEqual(picture, episode.images!['front']!.subarray(from * size, (from + 1) * size));
      }
      assert.equal(feed('task').data[slot], BigInt(e % 2));
      for (let k = 0; k < 4; k++) {
        const wanted = row + 1 + k;
        assert.equal(feed('actionMask').data[slot * 4 + k], wanted < rows ? 1 : 0);
        const at = Math.min(wanted, rows - 1);
        assert.equal(feed('action').data[(slot * 4 + k) * 2], 100 * e + at);
        assert.equal(feed('action').data[(slot * 4 + k) * 2 + 1], 100 * e + at + 0.5);
      }
    }
  }
  const counts = [...seen.values()];
  assert.equal(seen.size, samples.length);
  assert.ok(
    counts.every((c) => c === passes || c === passes - 1),
    'each sample once a pass',
  );
});

test('threads, prefetch and the time that the trainer takes change no byte', async () => {
  const options = made();
  const augmentation = everything;
  const want = await take(options, { workers: 0, augmentation }, 30);
  assert.equal(new Set(want).size, 30);
  assert.deepEqual(await take(options, { workers: 1, augmentation }, 30), want);
  assert.deepEqual(await take(options, { workers: 3, prefetch: 7, augmentation }, 30), want);
  // A trainer that lets everything lie ready, then takes in a burst.
  const data = memoryData(options);
  const open: LoaderOptions = { set: 'train', batch: 5, seed: 9, workers: 2, prefetch: 4, augmentation };
  await using loader = await BatchLoader.open(data, open);
  const got: string[] = [];
  for (let i = 0; i < 30; i++) {
    if (i % 10 === 1) await settled(loader);
    got.push(bytes(await loader.next()));
  }
  assert.deepEqual(got, want);
});

/** Waits until the threads have stopped because nobody takes: all memory is ready but that of the batch handed out. */
async function settled(loader: BatchLoader): Promise<void> {
  while (loader.waits.ready < 4) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(loader.waits.ready, 4);
}

test('a loader that starts at step k gives what one that came there gives', async () => {
  const options = made();
  const augmentation = everything;
  const whole = await take(options, { augmentation }, 25);
  for (const start of [1, 11, 24]) {
    const rest = await take(options, { augmentation, start, workers: 2 }, 25 - start);
    assert.deepEqual(rest, whole.slice(start), `from step ${start}`);
  }
});

test('order and augmentation follow the seed', async () => {
  const options = made();
  const [a, b] = [await take(options, { seed: 1 }, 3), await take(options, { seed: 2 }, 3)];
  assert.notDeepEqual(a, b);
  assert.notDeepEqual(permutation(50, 1, 0), permutation(50, 1, 1));
  assert.deepEqual(
    [...permutation(50, 1, 0)].sort((x, y) => x - y),
    [...Array(50).keys()],
  );
});

test('validation: no augmentation, one order, the end of a pass counts its samples and masks the rest', async () => {
  const options = made();
  const data = memoryData(options);
  const set = 'validation';
  const open = { set, batch: 8, seed: 1, augmentation: everything } as const;
  await using loader = await BatchLoader.open(data, open);
  const { samples } = data.validation;
  assert.equal(loader.perPass, Math.ceil(samples / 8));
  const pass = async (): Promise<[string, number][]> => {
    const got: [string, number][] = [];
    for (let i = 0; i < loader.perPass; i++) {
      const batch = await loader.next();
      const mask = batch.feeds['actionMask']!.data as Float32Array;
      for (let slot = 0; slot < 8; slot++) {
        const real = mask.subarray(slot * 4, slot * 4 + 4).some((m) => m === 1);
        assert.equal(real, slot < batch.count, `slot ${slot} of ${batch.count}`);
      }
      got.push([bytes(batch), batch.count]);
    }
    return got;
  };
  const first = await pass();
  assert.equal(
    first.reduce((s, [, count]) => s + count, 0),
    samples,
  );
  assert.deepEqual(await pass(), first);
  await using other = await BatchLoader.open(data, { set, batch: 8, seed: 77 });
  assert.equal(bytes(await other.next()), first[0]![0], 'the seed does not matter');
  // Fewer batches are spread over all samples.
  await using few = await BatchLoader.open(data, { set, batch: 4, seed: 1, limit: 2 });
  assert.equal(few.perPass, 2);
  const actions: number[] = [];
  for (let i = 0; i < 2; i++) {
    const { data: values } = (await few.next()).feeds['action']!;
    for (let slot = 0; slot < 4; slot++) actions.push(Number(values[slot * 8]));
  }
  const episodes = new Set(actions.map((a) => Math.floor(a / 100)));
  assert.equal(episodes.size, data.validation.episodes.length);
});

test('the memory of a batch goes back with the next call', async () => {
  const data = memoryData(made());
  for (const workers of [0, 1]) {
    await using loader = await BatchLoader.open(data, { set: 'train', batch: 4, seed: 1, workers });
    const { feeds } = await loader.next();
    assert.equal(feeds['action']!.data.length, 32);
    await loader.next();
    assert.equal(feeds['action']!.data.length, 0, `with ${workers} threads`);
  }
});

test('waiting is counted', async () => {
  const data = memoryData(made());
  await using loader = await BatchLoader.open(data, { set: 'train', batch: 4, seed: 1 });
  await loader.next();
  const { batches, waited, waitedS } = loader.waits;
  assert.deepEqual([batches, waited], [1, 1], 'the first cannot be ready');
  assert.ok(waitedS > 0);
});

test('after disposal there is no batch, and one that is awaited is refused', async () => {
  const data = memoryData(made());
  const loader = await BatchLoader.open(data, { set: 'train', batch: 4, seed: 1 });
  const awaited = loader.next();
  const refused = assert.rejects(awaited, code('DATA_CLOSED'));
  await loader[Symbol.asyncDispose]();
  await refused;
  await assert.rejects(loader.next(), code('DATA_CLOSED'));
  await loader[Symbol.asyncDispose]();
});

test('what goes wrong in a thread is an error in words, for who waits and for who asks later', async () => {
  const data = memoryData(made());
  const { store } = data;
  // A store that no thread can read: its first frame throws.
  const images = store.images.map((i) => ({ ...i, packs: i.packs.map(() => null as never) }));
  const broken = { ...data, store: { ...store, images } };
  await using loader = await BatchLoader.open(broken, { set: 'train', batch: 4, seed: 1 });
  await assert.rejects(loader.next(), code('DATA_WORKER'));
  await assert.rejects(loader.next(), code('DATA_WORKER'));
});

test('a thread that ends by itself does not leave the trainer waiting', async () => {
  const data = memoryData(made());
  const started = new Promise<Worker>((resolve) => {
    process.once('worker', resolve);
  });
  await using loader = await BatchLoader.open(data, { set: 'train', batch: 4, seed: 1 });
  await loader.next();
  await (await started).terminate();
  await assert.rejects(async () => {
    for (;;) await loader.next();
  }, code('DATA_WORKER'));
});

test('a lost cache file keeps its own code across the threads', async () => {
  const data = memoryData(made());
  const { store } = data;
  const gone = { kind: 'file', path: '/nowhere/frames', offset: 0 } as const;
  const images = store.images.map((i) => ({ ...i, packs: i.packs.map(() => gone) }));
  await using loader = await BatchLoader.open(
    { ...data, store: { ...store, images } },
    { set: 'train', batch: 4, seed: 1 },
  );
  await assert.rejects(loader.next(), code('DATA_CACHE_LOST'));
});

test('what cannot be loaded is refused at once', async () => {
  const data = memoryData(made({ split: { validation: 0, seed: 1 } }));
  await assert.rejects(
    BatchLoader.open(data, { set: 'validation', batch: 4, seed: 1 }),
    code('DATASET_EMPTY'),
  );
  await assert.rejects(BatchLoader.open(data, { set: 'train', batch: 0, seed: 1 }), code('DATASET_SPEC'));
  await assert.rejects(
    BatchLoader.open(data, { set: 'train', batch: 4, seed: 1, start: -1 }),
    code('DATASET_SPEC'),
  );
  const open = { set: 'train', batch: 4, seed: 1 } as const;
  for (const augmentation of [{ blur: 50 }, { crop: -0.1 }, { noise: Number.NaN }])
    await assert.rejects(BatchLoader.open(data, { ...open, augmentation }), code('DATASET_SPEC'));
  const short = made();
  const episodes = short.episodes.map((e, i) => (i === 2 ? { ...e, states: { state: [1, 2] } } : e));
  assert.throws(() => memoryData({ ...short, episodes }), code('LENGTH_MISMATCH'));
  assert.throws(() => memoryData({ ...short, episodes: [] }), code('DATASET_EMPTY'));
});

test('normalisers are fitted on the training split alone', () => {
  const options = made();
  const { validation } = splitEpisodes(
    options.episodes.map((e) => e.name),
    options.split,
  );
  assert.equal(validation.size, 2);
  const spoilt = options.episodes.map((e) =>
    validation.has(e.name)
      ? { ...e, states: { state: new Float32Array(e.states['state']!.length).fill(1e6) } }
      : e,
  );
  const fit = (episodes: MemoryOptions['episodes']) => {
    const [state] = memoryData({ ...options, episodes }).inputs;
    assert.ok(state?.kind === 'state');
    return state.normaliser;
  };
  assert.deepEqual(fit(spoilt), fit(options.episodes));
  const train = options.episodes.map((e) =>
    validation.has(e.name) ? e : { ...e, states: { state: Array.from(e.states['state']!, (x) => x + 1) } },
  );
  assert.notDeepEqual(fit(train), fit(options.episodes));
});

test('a split holds out whole episodes, by the seed, and stays mostly as it is when episodes are added', () => {
  const names = Array.from({ length: 100 }, (_, i) => `e${i}`);
  const split = splitEpisodes(names, { validation: 0.2, seed: 1 });
  assert.deepEqual([split.train.size, split.validation.size], [80, 20]);
  assert.ok(names.every((n) => split.train.has(n) !== split.validation.has(n)));
  assert.notDeepEqual(splitEpisodes(names, { validation: 0.2, seed: 2 }).validation, split.validation);
  const more = splitEpisodes([...names, ...names.map((n) => `${n}b`)], { validation: 0.2, seed: 1 });
  const kept = names.filter((n) => split.train.has(n) === more.train.has(n)).length;
  assert.ok(kept >= 85, `${kept} of 100 stayed where they were`);
  assert.equal(splitEpisodes(['a', 'b'], { validation: 0.01, seed: 1 }).validation.size, 1);
  assert.equal(splitEpisodes(['a'], { validation: 0.9, seed: 1 }).train.size, 1);
  assert.equal(splitEpisodes(['a', 'b'], { validation: 0, seed: 1 }).validation.size, 0);
});
