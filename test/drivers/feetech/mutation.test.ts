/** A million damaged frames against the whole way in: decoder, then the check that it is the answer that was asked for. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PacketDecoder } from '../../../drivers/feetech/decoder.ts';
import { PacketWriter } from '../../../drivers/feetech/packet.ts';
import { isAnswer } from '../../../drivers/feetech/reply.ts';
import { Rng } from '../../../src/math/rng.ts';

const FRAMES = 1_000_000;
const SEED = 20_261;
/** Chance of a wrong frame to have the right sum. */
const SLIP = 2 ** -8;

it(`of ${FRAMES} damaged frames none with a wrong checksum or a single wrong byte is taken, of others 2^-8`, () => {
  const rng = new Rng(SEED);
  const decoder = new PacketDecoder();
  const writer = new PacketWriter();
  const frame = new Uint8Array(64);
  const data = new Uint8Array(31);
  let single = 0;
  let several = 0;
  let taken = 0;
  let takenSingle = 0;
  let wrongSum = 0;
  for (let k = 0; k < FRAMES; k++) {
    const bytes = 1 + Math.floor(rng.uniform() * data.length);
    const id = Math.floor(rng.uniform() * 254);
    for (let i = 0; i < bytes; i++) data[i] = rng.uniform() < 0.2 ? 0xff : Math.floor(rng.uniform() * 256);
    writer.clear().status(id, 0, data.subarray(0, bytes));
    const n = writer.length;
    frame.set(writer.bytes);
    // Half with one wrong byte, half with two to six, anywhere in the frame.
    const changes = k % 2 === 0 ? 1 : 2 + Math.floor(rng.uniform() * 5);
    for (let c = 0; c < changes; c++) {
      const at = Math.floor(rng.uniform() * n);
      frame[at] = Math.floor(rng.uniform() * 256);
    }
    const changed = difference(frame, writer.bytes, n);
    if (changed === 0) continue;
    if (changed === 1) single++;
    else several++;
    decoder.reset();
    decoder.expect(bytes);
    let at = 0;
    do {
      at = decoder.feed(frame, at, n);
      if (!decoder.complete || !isAnswer(decoder, id, bytes, null)) continue;
      taken++;
      if (changed === 1) takenSingle++;
      // By the plain definition, over the bytes as they are.
      let sum = 0;
      for (let i = 2; i < n - 1; i++) sum += frame[i]!;
      if (255 - (sum % 256) !== frame[n - 1]) wrongSum++;
    } while (at < n || decoder.complete);
  }
  assert.ok(single > 0.45 * FRAMES && several > 0.45 * FRAMES, `${single}, ${several}`);
  assert.equal(takenSingle, 0, 'taken with one wrong byte');
  assert.equal(wrongSum, 0, 'taken with a wrong checksum');
  assert.ok(taken > 100, 'an eight-bit sum lets some through: what it says must be possible too');
  // Binomial: four standard deviations above the mean.
  const expected = several * SLIP;
  assert.ok(taken <= expected + 4 * Math.sqrt(expected), `${taken} of ${several} were taken`);
});

function difference(a: Uint8Array, b: Uint8Array, n: number): number {
  let count = 0;
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) count++;
  return count;
}
