/** A million damaged frames against the whole way in. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { crc16 } from '../../../drivers/dynamixel/crc.ts';
import { PacketDecoder } from '../../../drivers/dynamixel/decoder.ts';
import { PacketWriter } from '../../../drivers/dynamixel/packet.ts';
import { isStatus } from '../../../drivers/dynamixel/reply.ts';
import { mutate } from '../bus/mutations.ts';

const FRAMES = 1_000_000;
const SEED = 20_260;
/** Chance of a wrong frame to have the right checksum. */
const SLIP = 2 ** -16;

it(`of ${FRAMES} damaged frames none with a wrong checksum or a single wrong byte is taken, of others 2^-16`, () => {
  const writer = new PacketWriter();
  const { single, several, takenSingle, takenSeveral, wrongSum } = mutate(FRAMES, SEED, {
    ids: 252,
    data: 12,
    decoder: new PacketDecoder(),
    answer: (id, data) => writer.clear().status(id, 0, data).bytes,
    prepare: () => {},
    isAnswer: isStatus,
    sumIsRight: (frame, n) => crc16(frame, 0, n - 2) === (frame[n - 2]! | (frame[n - 1]! << 8)),
  });
  assert.ok(single > 0.45 * FRAMES && several > 0.45 * FRAMES, `${single}, ${several}`);
  assert.equal(takenSingle, 0, 'taken with one wrong byte');
  assert.equal(wrongSum, 0, 'taken with a wrong checksum');
  // Binomial: four standard deviations above the mean.
  const expected = several * SLIP;
  assert.ok(takenSeveral <= expected + 4 * Math.sqrt(expected), `${takenSeveral} of ${several} were taken`);
});
