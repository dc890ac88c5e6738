/** A million damaged frames against the whole way in: decoder, then the check that it is the reply that was asked for. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { crc16 } from '../../../drivers/dynamixel/crc.ts';
import { PacketDecoder } from '../../../drivers/dynamixel/decoder.ts';
import { PacketWriter } from '../../../drivers/dynamixel/packet.ts';
import { isStatus } from '../../../drivers/dynamixel/reply.ts';
import { Rng } from '../../../src/math/rng.ts';

const FRAMES = 1_000_000;
const SEED = 20_260;
/** Chance of a wrong frame to have the right checksum. */
const SLIP = 2 ** -16;

it(`of ${FRAMES} damaged frames none with a wrong checksum or a single wrong byte is taken, of others 2^-16`, () => {
  const rng = new Rng(SEED);
  const decoder = new PacketDecoder();
  const writer = new PacketWriter();
  const frame = new Uint8Array(64);
  const data = new Uint8Array(12);
  let single = 0;
  let several = 0;
  let taken = 0;
  let takenSingle = 0;
  let wrongSum = 0;
  for (let k = 0; k < FRAMES; k++) {
    const bytes = 1 + Math.floor(rng.uniform() * 12);
    const id = Math.floor(rng.uniform() * 253);
    for (let i = 0; i < bytes; i++) data[i] = rng.uniform() < 0.2 ? 0xff : Math.floor(rng.uniform() * 256);
    writer.clear().status(id, 0, data.subarray(0, bytes));
    const n = writer.length;
    frame.set(writer.bytes);
    // Half with one wrong byte, half with two to six, anywhere in the frame.
    const changes = k % 2 === 0 ? 1 : 2 + Math.floor(rng.uniform() * 5);
    let changed = 0;
    for (let c = 0; c < changes; c++) {
      const at = Math.floor(rng.uniform() * n);
      const to = Math.floor(rng.uniform() * 256);
      if (frame[at] === to) continue;
      frame[at] = to;
      changed++;
    }
    if (changed === 0 || same(frame, writer.bytes, n)) continue;
    if (changed === 1) single++;
    else several++;
    decoder.reset();
    for (let at = 0; at < n; ) {
      at = decoder.feed(frame, at, n);
      if (!decoder.complete || !isStatus(decoder, id, bytes)) continue;
      taken++;
      if (changed === 1) takenSingle++;
      // By the plain definition, over the bytes as they are.
      const start = at - n;
      if (crc16(frame, start, at - 2) !== (frame[at - 2]! | (frame[at - 1]! << 8))) wrongSum++;
    }
  }
  assert.ok(single > 0.45 * FRAMES && several > 0.45 * FRAMES);
  assert.equal(takenSingle, 0, 'taken with one wrong byte');
  assert.equal(wrongSum, 0, 'taken with a wrong checksum');
  // Binomial: four standard deviations above the mean.
  const expected = several * SLIP;
  assert.ok(taken <= expected + 4 * Math.sqrt(expected), `${taken} of ${several} were taken`);
});

function same(a: Uint8Array, b: Uint8Array, n: number): boolean {
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return false;
  return true;
}
