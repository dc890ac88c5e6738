/**
 * Reports of gamepads, as pads of the standard layout (src/robot/pad.ts). Wired Xbox pads are no HID devices; Xbox pads here
 * are those on Bluetooth.
 *
 * Sources of numbers and layouts: SDL, SDL_hidapi_ps4.c, SDL_hidapi_ps5.c, SDL_hidapi_xboxone.c (zlib licence).
 */

/** axes: 4, -1..1; buttons: 17, 0..1. */
export interface Pad {
  readonly axes: Float64Array;
  readonly buttons: Float64Array;
}

export const newPad = (): Pad => ({ axes: new Float64Array(4), buttons: new Float64Array(17) });

export interface PadModel {
  readonly name: string;
  /** It reports all the time, so that its silence says that it is gone. */
  readonly pace: 'steady' | 'changes';
  /** Takes a report. False, and nothing taken, for one that is not understood. */
  read(report: Uint8Array, pad: Pad): boolean;
}

const SONY = 0x054c;
const MICROSOFT = 0x045e;

const dualShock: PadModel = { name: 'DualShock 4', pace: 'steady', read: readDualShock };
const dualSense: PadModel = { name: 'DualSense', pace: 'steady', read: readDualSense };
const xbox: PadModel = { name: 'Xbox Wireless Controller', pace: 'changes', read: readXbox };

/** Vendor × 65,536 + product → its model. */
export const GAMEPADS: ReadonlyMap<number, PadModel> = new Map(
  (
    [
      [SONY, 0x05c4, dualShock],
      [SONY, 0x09cc, dualShock],
      [SONY, 0x0ba0, dualShock],
      [SONY, 0x0ce6, dualSense],
      [SONY, 0x0df2, { ...dualSense, name: 'DualSense Edge' }],
      [MICROSOFT, 0x02e0, xbox],
      [MICROSOFT, 0x02fd, xbox],
      [MICROSOFT, 0x0b05, { ...xbox, name: 'Xbox Elite Series 2' }],
      [MICROSOFT, 0x0b13, xbox],
      [MICROSOFT, 0x0b20, xbox],
      [MICROSOFT, 0x0b22, { ...xbox, name: 'Xbox Elite Series 2' }],
    ] as const
  ).map(([vendor, product, model]) => [vendor * 0x1_0000 + product, model]),
);

/** USB: report 1. Bluetooth: report 1 of ten bytes, or 0x11 with two bytes before the same. */
function readDualShock(report: Uint8Array, pad: Pad): boolean {
  const at =
    report[0] === 0x01 && report.length >= 10 ? 1 : report[0] === 0x11 && report.length >= 12 ? 3 : -1;
  if (at < 0) return false;
  sticks8(report, at, pad);
  sonyButtons(report, at + 4, pad);
  triggers8(report, at + 7, pad);
  return true;
}

/** USB: report 1 of 64 bytes. Bluetooth: report 1 of ten bytes, laid out as a DualShock's, or 0x31 with one byte before. */
function readDualSense(report: Uint8Array, pad: Pad): boolean {
  if (report[0] === 0x01 && report.length === 10) return readDualShock(report, pad);
  const at =
    report[0] === 0x01 && report.length >= 12 ? 1 : report[0] === 0x31 && report.length >= 13 ? 2 : -1;
  if (at < 0) return false;
  sticks8(report, at, pad);
  triggers8(report, at + 4, pad);
  sonyButtons(report, at + 7, pad);
  return true;
}

/** Bluetooth, report 1: sticks and triggers of 16 bits; buttons in two orders, told apart by the length. */
function readXbox(report: Uint8Array, pad: Pad): boolean {
  if (report[0] !== 0x01 || report.length < 16) return false;
  const word = (at: number): number => report[at]! | (report[at + 1]! << 8);
  for (let i = 0; i < 4; i++) pad.axes[i] = Math.max(-1, (word(1 + 2 * i) - 0x8000) / 0x7fff);
  const b = pad.buttons;
  b[6] = word(9) / 1023;
  b[7] = word(11) / 1023;
  // 1 is up, then clockwise; 0 is none.
  hat(report[13]! - 1, pad);
  const [first, second] = [report[14]!, report[15]!];
  if (report.length === 16) {
    bits(first, [0, 1, 2, 3, 4, 5, 8, 9], pad);
    bits(second, [10, 11], pad);
  } else {
    bits(first, [0, 1, -1, 2, 3, -1, 4, 5], pad);
    bits(second, [-1, -1, 8, 9, 16, 10, 11], pad);
  }
  return true;
}

/** Left x, y, right x, y: 0..255, 128 at rest. */
function sticks8(report: Uint8Array, at: number, { axes }: Pad): void {
  for (let i = 0; i < 4; i++) axes[i] = Math.max(-1, (report[at + i]! - 128) / 127);
}

function triggers8(report: Uint8Array, at: number, { buttons }: Pad): void {
  buttons[6] = report[at]! / 255;
  buttons[7] = report[at + 1]! / 255;
}

/** Hat and square, cross, circle, triangle; L1, R1, L2, R2 (read as triggers), share, options, L3, R3; PS. */
function sonyButtons(report: Uint8Array, at: number, pad: Pad): void {
  hat(report[at]! & 0x0f, pad);
  bits(report[at]! >> 4, [2, 0, 1, 3], pad);
  bits(report[at + 1]!, [4, 5, -1, -1, 8, 9, 10, 11], pad);
  bits(report[at + 2]!, [16], pad);
}

/** Bit i of `byte` is that button; -1: none. */
function bits(byte: number, buttons: readonly number[], pad: Pad): void {
  for (let i = 0; i < buttons.length; i++) {
    if (buttons[i]! >= 0) pad.buttons[buttons[i]!] = (byte >> i) & 1;
  }
}

/** 0 is up, then clockwise in steps of 45°; anything else is none. */
function hat(direction: number, { buttons }: Pad): void {
  const is = (a: number, b: number, c: number): number =>
    direction === a || direction === b || direction === c ? 1 : 0;
  buttons[12] = is(7, 0, 1);
  buttons[15] = is(1, 2, 3);
  buttons[13] = is(3, 4, 5);
  buttons[14] = is(5, 6, 7);
}
