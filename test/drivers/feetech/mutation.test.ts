/** A million damaged frames against the whole way in. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PacketDecoder } from '../../../drivers/feetech/decoder.ts';
import { PacketWriter } from '../../../drivers/feetech/packet.ts';
import { isAnswer } from '../../../drivers/feetech/reply.ts';
import { mutate } from '../bus/mutations.ts';

const FRAMES = 1_000_000;
const SEED = 20_261;
/** Chance of a wrong frame to have the right sum. */
const SLIP = 2 ** -8;

it(`of ${FRAMES} damaged frames none with a wrong checksum or a single wrong byte is taken, of others 2^-8`, () => {
  const writer = new PacketWriter();
  const { single, several, takenSingle, takenSeveral, wrongSum } = mutate(FRAMES, SEED, {
    ids: 253,
    data: 31,
    decoder: new PacketDecoder(),
    answer: (id, data) => writer.clear().status(id, 0, data).bytes,
    prepare: (decoder, bytes) => decoder.expect(bytes),
    isAnswer: (decoder, id, bytes) => isAnswer(decoder, id, bytes, null),
    sumIsRight: (frame, n) => {
      let sum = 0;
      for (let i = 2; i < n - 1; i++) sum += frame[i]!;
      return 255 - (sum % 256) === frame[n - 1];
    },
  });
  assert.ok(single > 0.45 * FRAMES && several > 0.45 * FRAMES, `${single}, ${several}`);
  assert.equal(takenSingle, 0, 'taken with one wrong byte');
  assert.equal(wrongSum, 0, 'taken with a wrong checksum');
  assert.ok(takenSeveral > 100, 'an eight-bit sum lets some through: what it says must be possible too');
  // Binomial: four standard deviations above the mean.
  const expected = several * SLIP;
  assert.ok(takenSeveral <= expected + 4 * Math.sqrt(expected), `${takenSeveral} of ${several} were taken`);
});
