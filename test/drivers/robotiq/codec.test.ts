/** Frames of the manual's own example (Instruction Manual 2F-85 & 2F-140, 4.7.3), in both directions, and what a stream of them survives. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc16, sealed } from '../../../drivers/robotiq/crc.ts';
import {
  type Expected,
  FunctionCode,
  ReplyDecoder,
  readReply,
  readRequest,
  writeReply,
  writeRequest,
} from '../../../drivers/robotiq/modbus.ts';
import {
  Action,
  Activation,
  Contact,
  countOf,
  FORCE,
  fromCount,
  type GripperStatus,
  INPUT_ADDRESS,
  OUTPUT_ADDRESS,
  plausible,
  SPEED,
  statusOf,
} from '../../../drivers/robotiq/registers.ts';
import { dataOf, statusRequest } from '../../../drivers/robotiq/requests.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.split(' ').map((b) => Number.parseInt(b, 16)));
const hex = (data: Uint8Array): string =>
  [...data].map((b) => b.toString(16).padStart(2, '0').toUpperCase()).join(' ');

const SLAVE = 9;
const GO = Action.activate | Action.goTo;
const ACKNOWLEDGED = '09 10 03 E8 00 03 01 30';

/** What the reply is within noise before and after it; null when it is not found. */
function found(stream: Uint8Array, expected: Expected): Uint8Array | null {
  const decoder = new ReplyDecoder();
  decoder.expect(expected);
  for (let at = 0; at < stream.length; ) {
    at = decoder.feed(stream, at, stream.length);
    if (decoder.complete) return decoder.bytes.slice(decoder.start, decoder.end);
  }
  return null;
}

describe('CRC-16/MODBUS', () => {
  it('gives the published values', () => {
    const of = (data: Uint8Array): number => crc16(data, 0, data.length);
    assert.equal(of(new TextEncoder().encode('123456789')), 0x4b37);
    // ros2_robotiq_gripper (BSD-3), robotiq_driver/tests/test_crc_utils.cpp: as low byte, high byte.
    assert.equal(of(bytes('80 00 00 03')), 0xe569);
    assert.equal(of(new Uint8Array()), 0xffff);
  });

  it('stands low byte first behind what it covers', () => {
    const request = bytes('09 03 07 D0 00 03 04 0E');
    assert.ok(sealed(request, 0, request.length));
    request[3]! ^= 1;
    assert.ok(!sealed(request, 0, request.length));
  });
});

describe('requests', () => {
  it('to write are those of the manual, and so are their replies', () => {
    const orders: readonly [string, number[]][] = [
      ['09 10 03 E8 00 03 06 00 00 00 00 00 00 73 30', dataOf({ action: 0 })],
      ['09 10 03 E8 00 03 06 01 00 00 00 00 00 72 E1', dataOf({ action: Action.activate })],
      [
        '09 10 03 E8 00 03 06 09 00 00 FF FF FF 42 29',
        dataOf({ action: GO, position: 255, speed: 255, force: 255 }),
      ],
      [
        '09 10 03 E8 00 03 06 09 00 00 00 FF FF 72 19',
        dataOf({ action: GO, position: 0, speed: 255, force: 255 }),
      ],
    ];
    for (const [wanted, data] of orders) {
      const request = writeRequest(SLAVE, OUTPUT_ADDRESS, data);
      assert.equal(hex(request), wanted);
      assert.equal(hex(found(bytes(ACKNOWLEDGED), writeReply(request))!), ACKNOWLEDGED);
      assert.equal(found(request, writeReply(request)), null, 'an echo of the request is no reply');
    }
  });

  it('to read are those of the manual, by both functions', () => {
    const one = readRequest(SLAVE, FunctionCode.readHolding, INPUT_ADDRESS, 1);
    assert.equal(hex(one), '09 03 07 D0 00 01 85 CF');
    assert.equal(hex(statusRequest(SLAVE)), '09 03 07 D0 00 03 04 0E');
    assert.equal(hex(statusRequest(SLAVE, FunctionCode.readInput)), '09 04 07 D0 00 03 B1 CE');
  });
});

describe('replies', () => {
  it('of one register say how far the activation is', () => {
    const expected = readReply(readRequest(SLAVE, FunctionCode.readHolding, INPUT_ADDRESS, 1));
    for (const [reply, activation] of [
      ['09 03 02 11 00 55 D5', Activation.activating],
      ['09 03 02 31 00 4C 15', Activation.active],
    ] as const) {
      assert.equal((found(bytes(reply), expected)![3]! >> 4) & 3, activation);
    }
  });

  it('of three registers say everything', () => {
    const well = { activated: true, following: true, activation: Activation.active, fault: 0 };
    const replies: readonly [string, GripperStatus][] = [
      [
        '09 03 06 39 00 00 FF 0E 0A F7 8B',
        { ...well, contact: Contact.moving, echo: 255, position: 14, current: 0.1 },
      ],
      [
        '09 03 06 B9 00 00 FF BD 00 1D 7C',
        { ...well, contact: Contact.closing, echo: 255, position: 189, current: 0 },
      ],
      [
        '09 03 06 F9 00 00 00 0D 00 56 4C',
        { ...well, contact: Contact.arrived, echo: 0, position: 13, current: 0 },
      ],
      [
        '09 04 06 B9 00 00 FF BD 00 5C 9A',
        { ...well, contact: Contact.closing, echo: 255, position: 189, current: 0 },
      ],
      [
        '09 04 06 F9 00 00 00 0D 00 17 AA',
        { ...well, contact: Contact.arrived, echo: 0, position: 13, current: 0 },
      ],
    ];
    for (const [reply, status] of replies) {
      const way = bytes(reply)[1] as 3 | 4;
      const expected = readReply(statusRequest(SLAVE, way));
      const whole = found(bytes(reply), expected)!;
      assert.equal(hex(whole), reply);
      assert.ok(plausible(whole, 3));
      assert.deepEqual(statusOf(whole, 3), status);
      const other = way === 3 ? 4 : 3;
      assert.equal(found(bytes(reply), readReply(statusRequest(SLAVE, other))), null, 'another function');
      assert.equal(found(bytes(reply), readReply(statusRequest(8, way))), null, 'another slave');
      const short = readReply(readRequest(SLAVE, way, INPUT_ADDRESS, 1));
      assert.equal(found(bytes(reply), short), null, 'another length');
    }
  });

  it('that cannot be true are not believed, whatever their checksum', () => {
    for (const data of [
      '3D 00 00 FF 0E 0A', // a reserved bit of the status
      '39 01 00 FF 0E 0A', // the reserved byte
      '29 00 00 FF 0E 0A', // activation 2, which there is not
      '38 00 00 FF 0E 0A', // active without having been told to be
    ]) {
      assert.ok(!plausible(bytes(data), 0), data);
    }
    assert.ok(plausible(bytes('00 00 00 00 00 00'), 0), 'just switched on');
    assert.ok(plausible(bytes('09 00 0B 00 80 00'), 0), 'releasing by itself');
  });

  it('are found behind noise, cut frames and more than the window keeps', () => {
    const request = statusRequest(SLAVE);
    const expected = readReply(request);
    const reply = bytes('09 03 06 39 00 00 FF 0E 0A F7 8B');
    for (let cut = 0; cut <= reply.length - 1; cut++) {
      const stream = [...request, ...reply.slice(0, cut), ...reply];
      assert.equal(hex(found(Uint8Array.from(stream), expected)!), hex(reply), `after ${cut} bytes of one`);
    }
    const noise = Array.from({ length: 5000 }, (_, i) => (37 * i + (i >> 3)) & 0xff);
    assert.equal(hex(found(Uint8Array.from([...noise, ...reply]), expected)!), hex(reply));
    const damaged = reply.slice();
    damaged[4]! ^= 0x40;
    const next = found(Uint8Array.from([...damaged, ...reply]), expected);
    assert.equal(hex(next!), hex(reply), 'the packet after a damaged one');
  });
});

describe('units of the gripper', () => {
  it('are turned by the manual: 20 to 150 mm/s and 20 to 235 N in 255 steps', () => {
    assert.deepEqual([countOf(SPEED, 0.02), countOf(SPEED, 0.15), countOf(SPEED, 1)], [0, 255, 255]);
    assert.deepEqual([countOf(FORCE, 20), countOf(FORCE, 235), countOf(FORCE, 0)], [0, 255, 0]);
    for (let count = 0; count <= 255; count++) {
      assert.equal(countOf(SPEED, fromCount(SPEED, count)), count);
      assert.equal(countOf(FORCE, fromCount(FORCE, count)), count);
    }
  });
});
