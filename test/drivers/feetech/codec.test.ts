import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PacketDecoder } from '../../../drivers/feetech/decoder.ts';
import { MODELS, numberOf } from '../../../drivers/feetech/models.ts';
import { checksum, Instruction, PacketWriter } from '../../../drivers/feetech/packet.ts';
import { isAnswer } from '../../../drivers/feetech/reply.ts';
import {
  bytesOf,
  faultWords,
  type Item,
  numberAt,
  range,
  rawOf,
  SCS,
  STS,
} from '../../../drivers/feetech/table.ts';
import { hex, VECTORS } from './vectors.ts';

interface Seen {
  readonly id: number;
  readonly body: number[];
}

function all(decoder: PacketDecoder, bytes: Uint8Array): Seen[] {
  const seen: Seen[] = [];
  let at = 0;
  do {
    at = decoder.feed(bytes, at, bytes.length);
    if (decoder.complete) seen.push({ id: decoder.id, body: [...decoder.body.subarray(0, decoder.count)] });
  } while (at < bytes.length || decoder.complete);
  return seen;
}

/** Bytes that are often those of a header. */
const byte = fc.oneof(fc.constantFrom(0xff, 0x01, 0x02, 0xfe), fc.integer({ min: 0, max: 255 }));
const bytes = fc.array(byte, { minLength: 0, maxLength: 40 });

describe('the Feetech codec', () => {
  for (const { what, bytes: text, build, id, body } of VECTORS) {
    it(`writes and reads ${what}`, () => {
      const writer = new PacketWriter();
      build(writer);
      assert.deepEqual(writer.bytes, hex(text));
      const decoder = new PacketDecoder();
      assert.deepEqual(all(decoder, hex(text)), [{ id, body }]);
      assert.equal(decoder.damaged + decoder.noise, 0);
      // The last byte is the sum of the others turned over, by the plain definition too.
      const packet = hex(text);
      assert.equal(packet.at(-1), 255 - (packet.subarray(2, -1).reduce((sum, b) => sum + b, 0) % 256));
      assert.equal(packet.at(-1), checksum(packet, 2, packet.length - 1));
    });
  }

  it('gives back what was written, cut up anyhow', () => {
    const packet = fc.record({
      id: fc.integer({ min: 0, max: 253 }),
      head: fc.constantFrom(0, 32, ...Object.values(Instruction)),
      body: bytes,
      cut: fc.integer({ min: 1, max: 12 }),
    });
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 6 }), (packets) => {
        const writer = new PacketWriter();
        for (const p of packets) writer.begin(p.id, p.head).raw(p.body).end();
        const decoder = new PacketDecoder();
        const seen: Seen[] = [];
        const whole = writer.bytes;
        for (let at = 0, k = 0; at < whole.length; k++) {
          const end = Math.min(whole.length, at + packets[k % packets.length]!.cut);
          seen.push(...all(decoder, whole.subarray(at, end)));
          at = end;
        }
        assert.deepEqual(
          seen,
          packets.map(({ id, head, body }) => ({ id, body: [head, ...body] })),
        );
      }),
      { numRuns: 300, seed: 7 },
    );
  });

  it('finds the next packet of the expected length, whatever happened to the one before', () => {
    // Any byte of the first packet wrong, any part of it missing, anything in front: the second is seen.
    const good = [0, 1, 2, 3, 4];
    const change = fc.record({
      at: fc.nat(1000),
      to: byte,
      drop: fc.integer({ min: 0, max: 8 }),
      front: bytes,
    });
    fc.assert(
      fc.property(bytes, change, (body, { at, to, drop, front }) => {
        const first = Array.from(new PacketWriter().status(9, 0, body).bytes);
        first[at % first.length] = to;
        first.splice(at % first.length, drop);
        const decoder = new PacketDecoder();
        decoder.expect(good.length - 1);
        const second = new PacketWriter().status(5, 0, good.slice(1)).bytes;
        const seen = all(decoder, Uint8Array.of(...front, ...first, ...second));
        // The header of the second may complete a packet that only seems one: then the next one is seen.
        if (seen.at(-1)?.id !== 5) seen.push(...all(decoder, second));
        assert.deepEqual(seen.at(-1), { id: 5, body: good });
      }),
      { numRuns: 2000, seed: 11 },
    );
  });

  it('a damaged length that reaches over the packets behind it costs only its own packet', () => {
    const one = new PacketWriter().status(1, 0, [7, 7]).bytes;
    const stretched = Uint8Array.from(one);
    // Over this packet and the two behind it.
    stretched[3] = one[3]! + 2 * one.length;
    const two = new PacketWriter().status(2, 0, [8, 8]).status(3, 0, [9, 9]).bytes;
    const decoder = new PacketDecoder();
    assert.deepEqual(
      all(decoder, Uint8Array.of(...stretched, ...two)).map((s) => s.id),
      [2, 3],
      'it looks through what it has kept',
    );
    assert.equal(decoder.damaged, 1);
  });

  it('an answer is of the right servo and length, and not our own request', () => {
    const decoder = new PacketDecoder();
    const read = (w: PacketWriter): number => all(decoder, w.bytes).length;
    const request = Uint8Array.from(new PacketWriter().read(3, 56, 2).bytes);
    read(new PacketWriter().status(3, 0, [1, 2]));
    assert.ok(isAnswer(decoder, 3, 2, request));
    assert.ok(!isAnswer(decoder, 4, 2, request) && !isAnswer(decoder, 3, 4, request));
    read(new PacketWriter().status(3, 32, [1, 2]));
    assert.ok(isAnswer(decoder, 3, 2, request), 'a servo with a fault answers as well');
    read(new PacketWriter().read(3, 56, 2));
    assert.ok(!isAnswer(decoder, 3, 2, request), 'an echo of the request is no answer');
    const ping = Uint8Array.from(new PacketWriter().plain(3, Instruction.ping).bytes);
    read(new PacketWriter().plain(3, Instruction.ping));
    assert.ok(!isAnswer(decoder, 3, 0, ping));
  });

  it('a packet that does not fit is refused, not cut', () => {
    assert.throws(() => new PacketWriter(16).write(1, 42, new Uint8Array(20)), RangeError);
    assert.throws(() => new PacketWriter(1000).write(1, 42, new Uint8Array(260)), /260|263/);
  });
});

describe('numbers of the Feetech tables', () => {
  it('have their sign in a bit: 15 for position and speed, 10 for load, 11 for the homing offset', () => {
    const at = (item: Item, raw: number, order: 'little' | 'big' = 'little'): number =>
      numberAt(
        order === 'little' ? Uint8Array.of(raw & 255, raw >> 8) : Uint8Array.of(raw >> 8, raw & 255),
        0,
        item,
        order,
      );
    assert.equal(at(STS.presentPosition, 0x8064), -100);
    assert.equal(at(STS.presentSpeed, 0x83e8), -1000);
    assert.equal(at(STS.presentLoad, 0x0432), -50);
    assert.equal(at(STS.presentLoad, 0x0032), 50);
    assert.equal(at(STS.homingOffset, 0x0801), -1);
    assert.equal(at(STS.homingOffset, 0x07ff), 2047);
    assert.equal(at(STS.torqueLimit, 0x03e8), 1000);
    assert.equal(at(SCS.presentPosition, 0x01ff, 'big'), 511);
    assert.equal(rawOf(-2047, STS.homingOffset), 0xfff);
    assert.deepEqual([...bytesOf(-1000, STS.goalSpeed, 'little')], [0xe8, 0x83]);
    assert.deepEqual([...bytesOf(511, SCS.goalPosition, 'big')], [1, 0xff]);
    assert.deepEqual(range(STS.homingOffset), [-2047, 2047]);
  });

  it('come back as they were written, in both orders, everywhere in both tables', () => {
    for (const table of [STS, SCS]) {
      for (const item of Object.values(table as Readonly<Record<string, Item>>)) {
        const [least, most] = range(item);
        fc.assert(
          fc.property(
            fc.integer({ min: least, max: most }),
            fc.constantFrom<'little' | 'big'>('little', 'big'),
            fc.nat(5),
            (value, order, before) => {
              const all = Uint8Array.of(...new Uint8Array(before).fill(0xff), ...bytesOf(value, item, order));
              // -0 is 0.
              assert.equal(numberAt(all, before, item, order) + 0, value + 0);
            },
          ),
          { numRuns: 40, seed: 5 },
        );
      }
    }
  });

  it('no two items of a table overlap', () => {
    for (const table of [STS, SCS]) {
      const taken = new Map<number, string>();
      for (const [name, { address, size }] of Object.entries(table as Readonly<Record<string, Item>>)) {
        for (let i = 0; i < size; i++) {
          assert.equal(taken.get(address + i), undefined, `${name} at ${address + i}`);
          taken.set(address + i, name);
        }
      }
    }
  });

  it('tell models apart in the byte order of each, and faults in words', () => {
    const bytesFor = (number: number, order: 'little' | 'big'): Uint8Array =>
      bytesOf(number, STS.modelNumber, order);
    for (const { number, series } of MODELS) assert.equal(numberOf(bytesFor(number, series.order)), number);
    assert.equal(numberOf(Uint8Array.of(9, 3)), 777, 'STS3215: versions 9 and 3');
    assert.equal(numberOf(Uint8Array.of(1, 1)), 257, 'an unknown one is read as an STS');
    assert.match(faultWords(4 + 32), /too hot.*overloaded/);
    assert.match(faultWords(64), /unknown status bits 64/);
  });
});
