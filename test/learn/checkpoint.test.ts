import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { actingWeights, type Checkpoint, CheckpointFolder } from '../../src/learn/checkpoint.ts';
import { FRESH, type StopState } from '../../src/learn/early-stopping.ts';
import { decodeTensors } from '../../src/learn/safetensors.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-checkpoints-'));
after(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => rmSync(folder, { recursive: true, force: true }));

const store = new CheckpointFolder(folder);

const layout = [
  { name: 'a/weight', shape: [50, 10] },
  { name: 'a/bias', shape: [10] },
];

function checkpoint(step: number, stopping: StopState = FRESH): Checkpoint {
  const vector = (phase: number): Float32Array =>
    Float32Array.from({ length: 510 }, (_, i) => Math.sin(i + step + phase));
  return {
    state: { step, seed: 7, threads: 2, provider: 'cpu', elapsed: step / 10, stopping },
    engine: { step, layout, vectors: { parameters: vector(0), mean: vector(1), average: vector(2) } },
  };
}

test('the newest comes back whole', () => {
  assert.deepEqual(store.newest(), { checkpoint: null, damaged: [] });
  for (const step of [100, 99_999_999, 123_456_789]) store.save(checkpoint(step), 3);
  assert.deepEqual(store.newest(), { checkpoint: checkpoint(123_456_789), damaged: [] });
  assert.deepEqual(store.load(100), checkpoint(100));
});

test('what acts is the average, or the parameters where none is kept; other readers find each by its name', () => {
  const full = checkpoint(100);
  const { average, ...rest } = full.engine.vectors;
  assert.deepEqual(actingWeights(full).get('a/bias'), average!.slice(500));
  const bare = { ...full, engine: { ...full.engine, vectors: rest } };
  assert.deepEqual(actingWeights(bare).get('a/weight'), rest['parameters']!.slice(0, 500));
  store.save(full, 1);
  const { tensors } = decodeTensors(readFileSync(store.path(100)));
  assert.deepEqual(tensors.get('mean/a/bias'), {
    values: full.engine.vectors['mean']!.slice(500),
    shape: [10],
  });
});

test('the newest K and the best of each are kept', () => {
  const best = (step: number): StopState => ({ best: { step, error: 1 }, without: 0 });
  store.save(checkpoint(100, best(100)), 2);
  store.save(checkpoint(200, best(100)), 2);
  store.save(checkpoint(300, best(100)), 2);
  assert.deepEqual(store.steps(), [100, 200, 300]);
  store.save(checkpoint(400, best(400)), 2);
  assert.deepEqual(store.steps(), [100, 300, 400], '300 may be fallen back to, and its best is 100');
  store.save(checkpoint(500, best(400)), 2);
  assert.deepEqual(store.steps(), [400, 500]);
});

test('going on from an earlier one drops what came after it', () => {
  for (const step of [100, 200, 300]) store.save(checkpoint(step), 3);
  store.save(checkpoint(150), 3);
  assert.deepEqual(store.steps(), [100, 150]);
});

test('damage in any region of the newest is told in words, and the one before is used', () => {
  store.save(checkpoint(100), 3);
  store.save(checkpoint(200), 3);
  const path = store.path(200);
  const sound = readFileSync(path);
  const header = 8 + Number(sound.readBigUInt64LE());
  const regions: Record<string, (file: Buffer) => void> = {
    'length of the header': (f) => f.writeUInt8(f[0]! ^ 1, 0),
    'huge header': (f) => f.fill(0xff, 0, 8),
    'first byte of the header': (f) => f.writeUInt8(0x20, 8),
    'a number in the header': (f) => f.writeUInt8(f[header >> 1]! ^ 1, header >> 1),
    'padding of the header': (f) => f.writeUInt8(0x0a, header - 1),
    'first value': (f) => f.writeUInt8(f[header]! ^ 0x80, header),
    'a value in the middle': (f) => f.writeUInt8(f[header + 1000]! ^ 1, header + 1000),
    'last value': (f) => f.writeUInt8(f[f.length - 33]! ^ 1, f.length - 33),
    checksum: (f) => f.writeUInt8(f[f.length - 1]! ^ 1, f.length - 1),
    'a page of zeros, as after a power cut': (f) => f.fill(0, header, header + 512),
  };
  for (const [region, damage] of Object.entries(regions)) {
    const bad = Buffer.from(sound);
    damage(bad);
    assert.ok(!bad.equals(sound), `${region}: the test changes something`);
    writeFileSync(path, bad);
    const found = store.newest();
    assert.deepEqual(found.checkpoint, checkpoint(100), region);
    assert.match(found.damaged.join(), /step-00000200.safetensors is not a sound checkpoint: its checksum/);
  }
  for (const size of [0, 1, 8, header, sound.length - 33, sound.length - 1]) {
    writeFileSync(path, sound);
    truncateSync(path, size);
    assert.equal(store.newest().checkpoint?.state.step, 100, `cut at ${size}`);
    assert.equal(store.newest().damaged.length, 1);
  }
  writeFileSync(store.path(100), 'nonsense');
  assert.equal(store.newest().checkpoint, null, 'none is made up when all are damaged');
  assert.equal(store.newest().damaged.length, 2);
  writeFileSync(path, sound);
  assert.deepEqual(store.newest().checkpoint, checkpoint(200));
});

test('a sound tensor file of another kind is no checkpoint', () => {
  store.save(checkpoint(100), 3);
  const text = readFileSync(store.path(100), 'latin1').replace(
    'armloop-checkpoint/1',
    'armloop-checkpoint/2',
  );
  writeFileSync(store.path(100), text, 'latin1');
  assert.throws(() => store.load(100), { code: 'CHECKPOINT_DAMAGED' });
});

test('what a kill left half written is never read, and swept', () => {
  store.save(checkpoint(100), 3);
  writeFileSync(`${store.path(200)}.new-1`, readFileSync(store.path(100)).subarray(0, 99));
  assert.deepEqual(store.newest(), { checkpoint: checkpoint(100), damaged: [] });
  store.sweep();
  assert.deepEqual(readdirSync(folder), ['step-00000100.safetensors']);
});
