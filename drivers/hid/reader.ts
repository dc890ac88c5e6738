/** From reports to readings: what each kind of input means for an arm. Pure but for the time that is handed in. */
import type { InputReading, InputSpec } from '../../src/robot/input.ts';
import { beyond, padGripper, padHeld, padTwist } from '../../src/robot/pad.ts';
import { GAMEPADS, newPad, type PadModel } from './gamepads.ts';
import { SPACEMICE, SpaceMouseDecoder } from './spacemouse.ts';

export interface ReaderOptions {
  readonly deadZone: number;
  readonly deadman?: number;
  readonly close?: number;
  readonly open?: number;
}

/** What one kind of hardware is read by. */
export interface ReportReader {
  readonly reading: InputReading;
  readonly buttons: InputSpec['buttons'];
  /** Usage page × 65,536 + usage of the interface that reports (HID Usage Tables 1.5, 4.1): other interfaces are none. */
  readonly usages: readonly number[];
  /** What a device is called, by vendor × 65,536 + product; undefined where it is no such device. */
  model(id: number): string | undefined;
  /** Another device reports from now on. */
  begin(id: number): void;
  /** Whether its silence means something. */
  readonly steady: boolean;
  /** True when the reading is a new one. */
  take(report: Uint8Array): boolean;
  /** The reading of one that nobody touches. */
  release(): void;
}

const reading = (): InputReading => ({
  time: 0,
  twist: new Float64Array(6),
  gripper: 0,
  enable: 0,
  buttons: 0,
});

/** Generic Desktop page: multi-axis controller, joystick, game pad. */
const MULTI_AXIS = 0x1_0008;
const JOYSTICK = 0x1_0004;
const GAME_PAD = 0x1_0005;

/** Buttons 1 to 4 of the models that have them. */
const SPACEMOUSE_BUTTONS: InputSpec['buttons'] = [
  { button: 12, does: 'record' },
  { button: 13, does: 'success' },
  { button: 14, does: 'failure' },
  { button: 15, does: 'intervene' },
];

export class SpaceMouseReader implements ReportReader {
  readonly reading = reading();
  readonly buttons = SPACEMOUSE_BUTTONS;
  readonly usages = [MULTI_AXIS];
  readonly steady = true;
  readonly #decoder = new SpaceMouseDecoder();
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  model(id: number): string | undefined {
    return SPACEMICE.get(id);
  }

  begin(): void {
    this.release();
  }

  take(report: Uint8Array): boolean {
    if (!this.#decoder.take(report)) return false;
    this.#map();
    return true;
  }

  release(): void {
    this.#decoder.reset();
    this.#map();
  }

  /** Its x right, y near, z down are turned half way about the diagonal of x and y: forward, left, up; rotations too. */
  #map(): void {
    const { deadZone, deadman = -1, close = -1, open = -1 } = this.#options;
    const { axes, buttons } = this.#decoder;
    const r = this.reading;
    let pressed = false;
    for (let half = 0; half < 6; half += 3) {
      r.twist[half] = 0 - beyond(deadZone, axes[half + 1]!);
      r.twist[half + 1] = 0 - beyond(deadZone, axes[half]!);
      r.twist[half + 2] = 0 - beyond(deadZone, axes[half + 2]!);
    }
    for (let i = 0; i < 6; i++) pressed ||= r.twist[i] !== 0;
    const held = (button: number): number => (button < 0 ? 0 : (buttons >>> button) & 1);
    r.gripper = held(open) - held(close);
    r.buttons = buttons;
    r.enable = (deadman < 0 ? pressed || r.gripper !== 0 : held(deadman) === 1) ? 1 : 0;
  }
}

const GAMEPAD_BUTTONS: InputSpec['buttons'] = [
  { button: 9, does: 'record' },
  { button: 3, does: 'success' },
  { button: 1, does: 'failure' },
  { button: 8, does: 'intervene' },
];

export class GamepadReader implements ReportReader {
  readonly reading = reading();
  readonly buttons = GAMEPAD_BUTTONS;
  readonly usages = [GAME_PAD, JOYSTICK];
  readonly #pad = newPad();
  readonly #deadZone: number;
  #model: PadModel | null = null;

  constructor({ deadZone }: ReaderOptions) {
    this.#deadZone = deadZone;
  }

  get steady(): boolean {
    return this.#model?.pace === 'steady';
  }

  model(id: number): string | undefined {
    return GAMEPADS.get(id)?.name;
  }

  begin(id: number): void {
    this.#model = GAMEPADS.get(id) ?? null;
    this.release();
  }

  take(report: Uint8Array): boolean {
    if (this.#model?.read(report, this.#pad) !== true) return false;
    this.#map();
    return true;
  }

  release(): void {
    this.#pad.axes.fill(0);
    this.#pad.buttons.fill(0);
    this.#map();
  }

  #map(): void {
    const { axes, buttons } = this.#pad;
    const r = this.reading;
    padTwist(axes, buttons, r.twist, this.#deadZone);
    r.gripper = padGripper(buttons);
    r.enable = padHeld(buttons) ? 1 : 0;
    let bits = 0;
    for (let i = 0; i < buttons.length; i++) if (buttons[i]! >= 0.5) bits |= 1 << i;
    r.buttons = bits;
  }
}
