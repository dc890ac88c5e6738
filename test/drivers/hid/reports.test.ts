/** Reports of SpaceMice and gamepads, byte by byte, and what they mean for an arm. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GAMEPADS, newPad, type Pad } from '../../../drivers/hid/gamepads.ts';
import { GamepadReader, SpaceMouseReader } from '../../../drivers/hid/reader.ts';
import { SPACEMICE, SpaceMouseDecoder } from '../../../drivers/hid/spacemouse.ts';

const bytes = (hex: string, length = 0): Uint8Array => {
  const given = hex.split(' ').map((b) => Number.parseInt(b, 16));
  return Uint8Array.from({ length: Math.max(length, given.length) }, (_, i) => given[i] ?? 0);
};
const id = (vendor: number, product: number): number => vendor * 0x1_0000 + product;

describe('a SpaceMouse', () => {
  it('reports translations, rotations and buttons apart, or all six axes at once', () => {
    const mouse = new SpaceMouseDecoder();
    // Pushed to the right and forward to the stop, half way up.
    assert.ok(mouse.take(bytes('01 5E 01 A2 FE 51 FF')));
    assert.deepEqual([...mouse.axes], [1, -1, -0.5, 0, 0, 0]);
    // The second axis of rotation, as a SpaceNavigator sent it (0xFFE2 is -30).
    assert.ok(mouse.take(bytes('02 00 00 E2 FF 00 00')));
    assert.deepEqual([...mouse.axes], [1, -1, -0.5, 0, -30 / 350, 0]);
    assert.ok(mouse.take(bytes('01 00 00 00 00 23 00 00 00 00 00 5E 01')));
    assert.deepEqual([...mouse.axes], [0, 0, 0.1, 0, 0, 1]);
    assert.ok(mouse.take(bytes('03 03 00')));
    assert.equal(mouse.buttons, 3);
    assert.ok(mouse.take(bytes('03 00 10 40 00')));
    assert.equal(mouse.buttons, (1 << 12) | (1 << 22));
  });

  it('is not moved by what is none of its reports', () => {
    const mouse = new SpaceMouseDecoder();
    for (const report of ['17 64', '01 5E 01', '02 00 00 E2 FF', '03', '04 01']) {
      assert.ok(!mouse.take(bytes(report)), report);
    }
    assert.ok(!mouse.take(new Uint8Array()));
    assert.deepEqual([...mouse.axes], [0, 0, 0, 0, 0, 0]);
    assert.ok(mouse.take(bytes('01 FF 7F 00 80 00 00')), 'more than full scale');
    assert.deepEqual([...mouse.axes].slice(0, 2), [1, -1]);
  });

  it('means forward, left and up, and rotations about those', () => {
    const reader = new SpaceMouseReader({ deadZone: 0, close: 0, open: 1 });
    // Away from the person, that is against its y: forward. Against its x: left. Lifted, against its z: up.
    reader.take(bytes('01 00 00 A2 FE 00 00'));
    assert.deepEqual([...reader.reading.twist], [1, 0, 0, 0, 0, 0]);
    reader.take(bytes('01 A2 FE 00 00 00 00'));
    assert.deepEqual([...reader.reading.twist], [0, 1, 0, 0, 0, 0]);
    reader.take(bytes('01 00 00 00 00 A2 FE'));
    assert.deepEqual([...reader.reading.twist], [0, 0, 1, 0, 0, 0]);
    // Turned to the left as seen from above is positive about up, so against its z.
    reader.take(bytes('01 00 00 00 00 00 00'));
    reader.take(bytes('02 00 00 00 00 A2 FE'));
    assert.deepEqual([...reader.reading.twist], [0, 0, 0, 0, 0, 1]);
  });

  it('drives while it is pressed beyond its dead zone, or while its deadman is held', () => {
    const cap = new SpaceMouseReader({ deadZone: 0.1, close: 0, open: 1 });
    cap.take(bytes('01 22 00 00 00 00 00'));
    assert.deepEqual([cap.reading.enable, cap.reading.twist[1]], [0, 0], 'the weight of a hand');
    cap.take(bytes('01 C0 00 00 00 00 00'));
    assert.equal(cap.reading.enable, 1);
    assert.ok(Math.abs(cap.reading.twist[1]! + (192 / 350 - 0.1) / 0.9) < 1e-12);
    cap.take(bytes('01 00 00 00 00 00 00'));
    assert.equal(cap.reading.enable, 0);
    cap.take(bytes('03 01'));
    assert.deepEqual([cap.reading.enable, cap.reading.gripper], [1, -1], 'its left button closes');
    cap.take(bytes('03 02'));
    assert.equal(cap.reading.gripper, 1);
    const held = new SpaceMouseReader({ deadZone: 0.1, deadman: 12 });
    held.take(bytes('01 5E 01 00 00 00 00'));
    assert.equal(held.reading.enable, 0);
    held.take(bytes('03 00 10'));
    assert.deepEqual([held.reading.enable, held.reading.twist[1], held.reading.buttons], [1, -1, 1 << 12]);
    held.release();
    assert.deepEqual([held.reading.enable, held.reading.twist[1], held.reading.buttons], [0, 0, 0]);
  });

  it('is known by its numbers', () => {
    assert.equal(SPACEMICE.get(id(0x256f, 0xc635)), 'SpaceMouse Compact');
    assert.equal(SPACEMICE.get(id(0x046d, 0xc626)), 'SpaceNavigator');
    assert.equal(SPACEMICE.get(id(0x046d, 0xc52b)), undefined, 'a receiver of ordinary mice');
  });
});

/** What a pad says, without zeros: axes by number, buttons by number. */
function said({ axes, buttons }: Pad): string {
  const some = (name: string, values: Float64Array): string[] =>
    [...values].flatMap((v, i) => (Math.abs(v) < 0.005 ? [] : [`${name}${i} ${Number(v.toFixed(2))}`]));
  return [...some('axis', axes), ...some('button', buttons)].join(', ');
}

function read(vendor: number, product: number, report: Uint8Array): string | null {
  const pad = newPad();
  return GAMEPADS.get(id(vendor, product))!.read(report, pad) ? said(pad) : null;
}

describe('a gamepad', () => {
  it('DualShock 4 says by cable and by radio what it is pressed to', () => {
    // Sticks; hat right and cross; L1 and options; counter; triggers.
    const state = 'FF 80 80 00 22 21 04 80 FF';
    const words = 'axis0 1, axis3 -1, button0 1, button4 1, button6 0.5, button7 1, button9 1, button15 1';
    assert.equal(read(0x054c, 0x09cc, bytes(`01 ${state}`, 64)), words);
    assert.equal(read(0x054c, 0x05c4, bytes(`11 C0 00 ${state}`, 78)), words);
    assert.equal(read(0x054c, 0x09cc, bytes(`01 ${state}`)), words, 'the short report of Bluetooth');
    assert.equal(read(0x054c, 0x09cc, bytes('01 80 80 80 80 08 00 00 00 00', 64)), '', 'at rest');
    assert.equal(read(0x054c, 0x09cc, bytes('05 FF 80 80 00 22 21 04 80 FF')), null);
    assert.equal(read(0x054c, 0x09cc, bytes('01 FF 80')), null);
  });

  it('DualSense has its triggers elsewhere, and its short report as a DualShock', () => {
    // Sticks, triggers, counter, hat up-left and triangle, R1 and share, PS.
    const state = '80 FF 01 80 33 CC 11 87 12 01';
    const words =
      'axis1 1, axis2 -1, button3 1, button5 1, button6 0.2, button7 0.8, button8 1, button12 1, button14 1, button16 1';
    assert.equal(read(0x054c, 0x0ce6, bytes(`01 ${state}`, 64)), words);
    assert.equal(read(0x054c, 0x0df2, bytes(`31 10 ${state}`, 78)), words);
    const short = bytes('01 FF 80 80 00 22 21 04 80 FF');
    assert.equal(read(0x054c, 0x0ce6, short), read(0x054c, 0x09cc, short));
  });

  it('Xbox pads say it in 16-bit sticks, with buttons in two orders', () => {
    // Left stick to the right and forward, right at rest; left trigger full; hat down.
    const state = 'FF FF 00 00 00 80 00 80 FF 03 00 00 05';
    assert.equal(
      read(0x045e, 0x0b13, bytes(`01 ${state} 00 00 00`, 17)),
      'axis0 1, axis1 -1, button6 1, button13 1',
    );
    assert.equal(
      read(0x045e, 0x0b13, bytes(`01 ${state} 91 0C 00`, 17)),
      'axis0 1, axis1 -1, button0 1, button3 1, button5 1, button6 1, button8 1, button9 1, button13 1',
    );
    assert.equal(
      read(0x045e, 0x02e0, bytes(`01 ${state} 89 01`)),
      'axis0 1, axis1 -1, button0 1, button3 1, button6 1, button9 1, button10 1, button13 1',
    );
    assert.equal(read(0x045e, 0x0b13, bytes('02 01')), null, 'the report of its big button');
  });

  it('drives while a trigger is held, with the mapping of the console', () => {
    const reader = new GamepadReader({ deadZone: 0.12 });
    reader.begin(id(0x054c, 0x0ce6));
    assert.ok(reader.steady);
    // Left stick forward, right stick to the left, R1, no trigger.
    reader.take(bytes('01 80 00 00 80 00 00 00 08 02 00', 64));
    assert.equal(reader.reading.enable, 0);
    reader.take(bytes('01 80 00 00 80 00 FF 00 08 02 00', 64));
    assert.deepEqual([...reader.reading.twist], [1, 0, 0, 0, 0, 1]);
    assert.deepEqual([reader.reading.enable, reader.reading.gripper], [1, 1]);
    assert.equal(reader.reading.buttons, (1 << 5) | (1 << 7));
    reader.begin(id(0x045e, 0x0b13));
    assert.ok(!reader.steady, 'an Xbox pad reports changes alone');
    assert.equal(reader.reading.enable, 0, 'another pad begins at rest');
  });
});
