import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { FrameReader, FrameType, frame, numbersFrame, readNumbers } from '../../../drivers/mock/protocol.ts';

it('frames come out as they went in, however the bytes were split', () => {
  const payload = fc.uint8Array({ maxLength: 64 });
  fc.assert(
    fc.property(
      fc.array(payload, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (payloads, cuts) => {
        const stream = Buffer.concat(payloads.map((p, i) => frame(((i % 10) + 1) as FrameType, p)));
        const seen: [number, number[]][] = [];
        const reader = new FrameReader((type, bytes) => seen.push([type, [...bytes]]));
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = cuts[i % cuts.length]!;
          reader.push(stream.subarray(at, at + size));
          at += size;
        }
        assert.deepEqual(
          seen,
          payloads.map((p, i) => [(i % 10) + 1, [...p]]),
        );
      },
    ),
    { seed: 7 },
  );
});

it('numbers keep every bit', () => {
  const numbers = Float64Array.of(0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.MIN_VALUE, 1 / 3);
  const out = new Float64Array(8);
  let count = 0;
  new FrameReader((type, payload) => {
    assert.equal(type, FrameType.state);
    count = readNumbers(payload, out);
  }).push(numbersFrame(FrameType.state, numbers));
  assert.equal(count, numbers.length);
  assert.deepEqual([...out.subarray(0, count)], [...numbers]);
});

it('bytes that are no frame are refused, not guessed at', () => {
  const reader = new FrameReader(() => assert.fail('a frame'));
  assert.throws(() => reader.push(Buffer.from('GET / HTTP/1.1\r\n')), /no frame/);
  const long = frame(FrameType.state, new Uint8Array());
  long.writeUInt32LE(0xffffffff, 4);
  assert.throws(() => new FrameReader(() => {}).push(long), /no frame/);
});
