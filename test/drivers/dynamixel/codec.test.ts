import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { crc16 } from '../../../drivers/dynamixel/crc.ts';
import { PacketDecoder } from '../../../drivers/dynamixel/decoder.ts';
import { fastReplyLength, Instruction, PacketWriter } from '../../../drivers/dynamixel/packet.ts';
import { fastOffset, isFastReply, isStatus } from '../../../drivers/dynamixel/reply.ts';
import { FAST_PARTS, hex, VECTORS } from './vectors.ts';

interface Seen {
  readonly id: number;
  readonly instruction: number;
  readonly body: number[];
}

function all(decoder: PacketDecoder, bytes: Uint8Array): Seen[] {
  const seen: Seen[] = [];
  for (let at = 0; at < bytes.length; ) {
    at = decoder.feed(bytes, at, bytes.length);
    if (!decoder.complete) break;
    const body = [...decoder.body.subarray(0, decoder.count)];
    seen.push({ id: decoder.id, instruction: decoder.instruction, body });
  }
  return seen;
}

const arrays = { minLength: 0, maxLength: 40 };
/** Bytes that are often those of a header. */
const byte = fc.oneof(fc.constantFrom(0xff, 0xfd, 0x00, 0x55), fc.integer({ min: 0, max: 255 }));

describe('the Dynamixel codec', () => {
  it('has the checksum of the manual', () => {
    assert.equal(crc16(new TextEncoder().encode('123456789'), 0, 9), 0xfee8);
  });

  for (const { what, bytes, build, id, instruction, body } of VECTORS) {
    it(`writes and reads ${what}`, () => {
      const writer = new PacketWriter();
      build(writer);
      assert.deepEqual(writer.bytes, hex(bytes));
      const decoder = new PacketDecoder();
      assert.deepEqual(all(decoder, hex(bytes)), [{ id, instruction, body }]);
      assert.equal(decoder.damaged + decoder.noise - 3 + decoder.cut, 0, 'only the header was looked for');
    });
  }

  it('reads a fast reply, whose data is not stuffed, and knows it by ids and length', () => {
    const parts = hex(FAST_PARTS.bytes);
    // The checksums in the middle are of everything before them.
    assert.equal(crc16(parts, 0, 14), 0x0884);
    assert.equal(crc16(parts, 0, 22), 0xca16);
    // A header in the data is data here.
    const third = Uint8Array.of(...parts, 0x00, 0x04, 0xff, 0xff, 0xfd, 0x00);
    const crc = crc16(third, 0, third.length);
    const whole = Uint8Array.of(...third, crc & 0xff, crc >> 8);
    const ids = [3, 7, 4];
    const decoder = new PacketDecoder();
    decoder.expectFast(fastReplyLength(ids.length, 4));
    assert.equal(all(decoder, whole).length, 1);
    assert.ok(isFastReply(decoder, ids, 4));
    assert.ok(!isFastReply(decoder, [3, 4, 7], 4), 'in the order of the request');
    assert.ok(!isFastReply(decoder, [3, 7], 4));
    const position = decoder.body.subarray(fastOffset(1, 4) + 2, fastOffset(1, 4) + 6);
    assert.deepEqual([...position], [0x1f, 0x08, 0, 0]);
    const unprepared = new PacketDecoder();
    assert.equal(all(unprepared, whole).length, 0, 'when none was asked for it is no packet');
  });

  it('gives back what was written, cut up anyhow, between noise and damaged packets', () => {
    const packet = fc.record({
      id: fc.integer({ min: 0, max: 252 }),
      instruction: fc.constantFrom(...Object.values(Instruction)),
      body: fc.array(byte, arrays),
      cut: fc.integer({ min: 1, max: 12 }),
    });
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 6 }), (packets) => {
        const writer = new PacketWriter();
        for (const p of packets) writer.begin(p.id, p.instruction).raw(p.body).end();
        const decoder = new PacketDecoder();
        const seen: Seen[] = [];
        const { bytes } = writer;
        for (let at = 0, k = 0; at < bytes.length; k++) {
          const end = Math.min(bytes.length, at + packets[k % packets.length]!.cut);
          seen.push(...all(decoder, bytes.subarray(at, end)));
          at = end;
        }
        assert.deepEqual(
          seen,
          packets.map(({ id, instruction, body }) => ({ id, instruction, body })),
        );
      }),
      { numRuns: 300, seed: 7 },
    );
  });

  it('finds the next packet, whatever happened to the one before', () => {
    // Any byte of the first packet wrong, any part of it missing, anything in front: the second is seen.
    const good = new PacketWriter().status(5, 0, [1, 2, 3, 4]);
    const change = fc.record({
      at: fc.nat(1000),
      to: byte,
      drop: fc.integer({ min: 0, max: 8 }),
      front: fc.array(byte, arrays),
    });
    fc.assert(
      fc.property(fc.array(byte, arrays), change, (body, { at, to, drop, front }) => {
        const first = Array.from(new PacketWriter().begin(9, Instruction.status).u8(0).raw(body).end().bytes);
        first[at % first.length] = to;
        first.splice(at % first.length, drop);
        const decoder = new PacketDecoder();
        const seen = all(decoder, Uint8Array.of(...front, ...first, ...good.bytes));
        assert.deepEqual(seen.at(-1), { id: 5, instruction: Instruction.status, body: [0, 1, 2, 3, 4] });
      }),
      { numRuns: 2000, seed: 11 },
    );
  });

  it('an answer is of the right device and length, or reports an error', () => {
    const decoder = new PacketDecoder();
    const read = (w: PacketWriter): number => all(decoder, w.bytes).length;
    read(new PacketWriter().status(3, 0, [1, 2]));
    assert.ok(isStatus(decoder, 3, 2));
    assert.ok(!isStatus(decoder, 4, 2) && !isStatus(decoder, 3, 4) && !isStatus(decoder, 3, 1));
    read(new PacketWriter().status(3, 0x87));
    assert.ok(isStatus(decoder, 3, 2), 'an error comes without data');
    read(new PacketWriter().status(3, 0x80));
    assert.ok(!isStatus(decoder, 3, 2), 'an alert alone is no reason for that');
    read(new PacketWriter().read(3, 0, 2));
    assert.ok(!isStatus(decoder, 3, 4), 'an echo of the request is no answer');
  });

  it('a packet that does not fit is refused, not cut', () => {
    assert.throws(() => new PacketWriter(16).write(1, 116, [1, 2, 3, 4, 5]), RangeError);
    assert.equal(new PacketWriter(17).write(1, 116, [1, 2, 3, 4]).length, 16);
  });
});
