/** A million damaged replies against the whole way in: the reply that was asked for, its checksum, and what can be true. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { crc16, seal } from '../../../drivers/robotiq/crc.ts';
import { ReplyDecoder, readReply, writeReply, writeRequest } from '../../../drivers/robotiq/modbus.ts';
import { OUTPUT_ADDRESS, plausible } from '../../../drivers/robotiq/registers.ts';
import { dataOf, statusRequest } from '../../../drivers/robotiq/requests.ts';
import { Rng } from '../../../src/math/rng.ts';

const FRAMES = 1_000_000;
const SEED = 20_261;
/** Chance of a wrong frame to have the right checksum. */
const SLIP = 2 ** -16;
const SLAVE = 9;

it(`of ${FRAMES} damaged replies none with a wrong checksum or a single wrong byte is taken, of others 2^-16`, () => {
  const rng = new Rng(SEED);
  const decoder = new ReplyDecoder();
  const read = readReply(statusRequest(SLAVE));
  const written = writeReply(writeRequest(SLAVE, OUTPUT_ADDRESS, dataOf({ action: 9 })));
  const whole = new Uint8Array(16);
  const frame = new Uint8Array(16);
  const counts = { single: 0, several: 0, taken: 0, takenSingle: 0, wrongSum: 0, whole: 0 };
  for (let k = 0; k < FRAMES; k++) {
    // Three in four are states, the rest acknowledgements.
    const expected = k % 4 === 3 ? written : read;
    const n = expected.length;
    whole.set(expected.prefix);
    if (expected === read) {
      whole.fill(0, 3, 9);
      whole[3] = 0x39 | (Math.floor(rng.uniform() * 4) << 6);
      for (let i = 6; i < 9; i++) whole[i] = Math.floor(rng.uniform() * 256);
    }
    seal(whole, n - 2);
    frame.set(whole);
    const changes = k % 2 === 0 ? 1 : 2 + Math.floor(rng.uniform() * 5);
    for (let c = 0; c < changes; c++) frame[Math.floor(rng.uniform() * n)] = Math.floor(rng.uniform() * 256);
    let changed = 0;
    for (let i = 0; i < n; i++) if (frame[i] !== whole[i]) changed++;
    if (changed === 0) {
      counts.whole++;
      continue;
    }
    if (changed === 1) counts.single++;
    else counts.several++;
    decoder.reset();
    decoder.expect(expected);
    decoder.feed(frame, 0, n);
    if (!decoder.complete) continue;
    const { bytes, start, end } = decoder;
    // By the plain definition, over the bytes as they are.
    if (crc16(bytes, start, end - 2) !== (bytes[end - 2]! | (bytes[end - 1]! << 8))) counts.wrongSum++;
    if (expected === read && !plausible(bytes, decoder.data)) continue;
    counts.taken++;
    if (changed === 1) counts.takenSingle++;
  }
  assert.ok(counts.single > 0.45 * FRAMES && counts.several > 0.45 * FRAMES, JSON.stringify(counts));
  assert.equal(counts.takenSingle, 0, 'taken with one wrong byte');
  assert.equal(counts.wrongSum, 0, 'taken with a wrong checksum');
  // Binomial: four standard deviations above the mean.
  const expected = counts.several * SLIP;
  assert.ok(counts.taken <= expected + 4 * Math.sqrt(expected), JSON.stringify(counts));
});
