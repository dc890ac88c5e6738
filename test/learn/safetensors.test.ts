import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  decodeTensors,
  encodeTensors,
  readMetadata,
  type StoredTensor,
} from '../../src/learn/safetensors.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-tensors-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const odd = new Uint8Array([9, 8, 7]);
const tensors = new Map<string, StoredTensor>([
  ['bytes', { values: odd, shape: [3] }],
  ['weights/a', { values: Float32Array.of(1, -0, Number.NaN, 1e-40, Infinity, 6), shape: [2, 3] }],
  ['steps', { values: BigInt64Array.of(2n ** 62n, -1n), shape: [2] }],
  ['counts', { values: Int32Array.of(-5), shape: [] }],
]);
const metadata = { format: 'x/1', note: 'grüße "quoted"' };

test('what goes in comes out, bit for bit, whatever the types and their order', () => {
  const file = decodeTensors(encodeTensors({ tensors, metadata }));
  assert.deepEqual(file.metadata, metadata);
  assert.deepEqual(new Set(file.tensors.keys()), new Set(tensors.keys()));
  for (const [name, { values, shape }] of tensors) {
    const got = file.tensors.get(name)!;
    assert.equal(got.values.constructor, values.constructor);
    assert.deepEqual(got.shape, shape);
    assert.deepEqual(bytesOf(got), bytesOf({ values, shape }));
  }
});

test('the file is laid out as the format says, each value aligned, the checksum last', () => {
  const file = encodeTensors({ tensors, metadata });
  const view = new DataView(file.buffer);
  const start = 8 + Number(view.getBigUint64(0, true));
  assert.equal(start % 8, 0);
  type Entry = { dtype: string; shape: number[]; data_offsets: [number, number] };
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, start))) as Record<string, Entry>;
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
  // The reference reader wants the values back to back, without gaps, up to the end of the file.
  let end = 0;
  for (const [, { data_offsets }] of entries.sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0])) {
    assert.equal(data_offsets[0], end);
    end = data_offsets[1];
  }
  assert.equal(start + end, file.byteLength);
  const { dtype, data_offsets } = header['weights/a']!;
  assert.equal(dtype, 'F32');
  assert.equal(data_offsets[0] % 4, 0);
  assert.equal(view.getFloat32(start + data_offsets[0] + 20, true), 6);
  assert.equal(entries.at(-1)![0], 'sha256');
  const sum = createHash('sha256').update(file.subarray(0, -32)).digest();
  assert.deepEqual(Buffer.from(file.subarray(-32)), sum);
});

test('a bit turned anywhere, and a cut anywhere, is seen', () => {
  const file = encodeTensors({ tensors, metadata });
  for (let at = 0; at < file.byteLength; at++) {
    const bad = file.slice();
    bad[at]! ^= 1 << (at % 8);
    assert.throws(() => decodeTensors(bad), /checksum/, `byte ${at}`);
    assert.throws(() => decodeTensors(file.subarray(0, at)), /checksum|ends after/, `cut at ${at}`);
  }
});

test('a shape that does not fit its values, and a type that is not known, are refused', () => {
  for (const [from, to, why] of [
    ['"shape":[2,3]', '"shape":[2,4]', /24 bytes, but its shape needs 32/],
    ['"dtype":"F32"', '"dtype":"F16"', /type F16/],
  ] as const) {
    const text = Buffer.from(encodeTensors({ tensors, metadata })).toString('latin1');
    assert.ok(text.includes(from));
    const bad = Buffer.from(text.replace(from, to), 'latin1');
    createHash('sha256')
      .update(bad.subarray(0, -32))
      .digest()
      .copy(bad, bad.byteLength - 32);
    assert.throws(() => decodeTensors(bad), why);
  }
});

test('metadata alone is read without the values', () => {
  const path = join(folder, 'a.safetensors');
  const file = encodeTensors({ tensors, metadata });
  file.fill(0, file.byteLength - 40);
  writeFileSync(path, file);
  assert.deepEqual(readMetadata(path), metadata);
  writeFileSync(path, file.subarray(0, 20));
  assert.throws(() => readMetadata(path), /does not fit/);
});

function bytesOf({ values }: StoredTensor): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}
