/**
 * Registers of the Robotiq 2F-85 (Instruction Manual 2F-85 & 2F-140, sections 4.2 to 4.4 and 4.7). Byte N of the manual is
 * byte N of the data of a frame. Facts only; source of the frames in the tests: the manual's own example.
 */

/** First register that is written (robot output) and read (robot input), three of each. */
export const OUTPUT_ADDRESS = 0x03e8;
export const INPUT_ADDRESS = 0x07d0;
export const REGISTERS = 3;
export const DATA_BYTES = 2 * REGISTERS;

/** Byte 0 of what is written: ACTION REQUEST. */
export const Action = {
  /** rACT: stays set while the gripper is to be active; clearing it resets gripper and faults. */
  activate: 0x01,
  /** rGTO: go to the position in byte 3. */
  goTo: 0x08,
  /** rATR: slow automatic release for emergencies. It overrides all but rACT, ends in a fault, and takes a new activation. */
  release: 0x10,
  /** rARD: the release closes instead of opens. */
  releaseCloses: 0x20,
} as const;

/** Bytes of what is written and of what is read. */
export const Output = { action: 0, position: 3, speed: 4, force: 5 } as const;
export const Input = { status: 0, fault: 2, echo: 3, position: 4, current: 5 } as const;

/** gSTA, bits 4 and 5 of byte 0. 2 is not used. */
export const Activation = { reset: 0, activating: 1, active: 3 } as const;
/** gOBJ, bits 6 and 7 of byte 0. */
export const Contact = { moving: 0, opening: 1, closing: 2, arrived: 3 } as const;

/** What a reply to a read of the three input registers says. */
export interface GripperStatus {
  /** gACT and gGTO: echoes of rACT and rGTO. */
  readonly activated: boolean;
  readonly following: boolean;
  readonly activation: number;
  readonly contact: number;
  /** gFLT, low half of byte 2. */
  readonly fault: number;
  /** gPR: echo of the position that was asked for, and gPO: the one it has, counts. */
  readonly echo: number;
  readonly position: number;
  /** gCU, A: the manual's 10 mA a count, "approximate". */
  readonly current: number;
}

export const CURRENT_UNIT = 0.01;

/** Reads bytes[at..at + 6). */
export function statusOf(bytes: Uint8Array, at: number): GripperStatus {
  const first = bytes[at + Input.status]!;
  return {
    activated: (first & 0x01) !== 0,
    following: (first & 0x08) !== 0,
    activation: (first >> 4) & 3,
    contact: first >> 6,
    fault: bytes[at + Input.fault]! & 0x0f,
    echo: bytes[at + Input.echo]!,
    position: bytes[at + Input.position]!,
    current: bytes[at + Input.current]! * CURRENT_UNIT,
  };
}

/**
 * Whether those bytes can be what the gripper says: bits and bytes that the manual reserves are 0, there is no activation
 * state 2, it is active only when it was told to be, and it goes nowhere and touches nothing while it is not. A checksum
 * lets one damaged frame in 65,536 through.
 */
export function plausible(bytes: Uint8Array, at: number): boolean {
  const first = bytes[at + Input.status]!;
  if ((first & 0x06) !== 0 || bytes[at + 1] !== 0) return false;
  const activation = (first >> 4) & 3;
  if (activation === 2) return false;
  const activated = (first & 0x01) !== 0;
  return activated || activation === Activation.reset;
}

export const Fault = {
  delayed: 0x05,
  notActivated: 0x07,
  hot: 0x08,
  silence: 0x09,
  undervoltage: 0x0a,
  releasing: 0x0b,
  internal: 0x0c,
  activation: 0x0d,
  overcurrent: 0x0e,
  released: 0x0f,
} as const;

/** gFLT in words (section 4.4, FAULT STATUS). */
const FAULT_WORDS: Readonly<Record<number, string>> = {
  [Fault.delayed]: 'it was told to move before its activation was complete',
  [Fault.notActivated]: 'it was told to move without being activated',
  [Fault.hot]: 'it is too hot and must cool down',
  [Fault.silence]: 'it heard nothing for more than a second',
  [Fault.undervoltage]: 'its supply voltage is too low; it must be activated anew',
  [Fault.releasing]: 'its automatic release is under way',
  [Fault.internal]: 'it has an internal fault: its maker must see it',
  [Fault.activation]:
    'its activation failed: something is between its fingers or holds them; activate it anew',
  [Fault.overcurrent]: 'its current was too high; it must be activated anew',
  [Fault.released]: 'its automatic release is complete; it must be activated anew',
};

export function faultWords(fault: number): string {
  return FAULT_WORDS[fault] ?? `it reports the fault 0x${fault.toString(16).padStart(2, '0')}`;
}

/**
 * Faults that are none of its own: the first two end with the activation, and the silence is told of once, by the first
 * answer after it.
 */
export const passing = (fault: number): boolean =>
  fault === Fault.delayed || fault === Fault.notActivated || fault === Fault.silence;

/** From here on (0x0A) the gripper only goes on after rACT was cleared and set. */
export const major = (fault: number): boolean => fault >= Fault.undervoltage;

/** Opening, speed and force at the ends of their ranges: m, m/s, N (section 6.1); counts grow from the first to the second. */
export const STROKE = 0.085;
export const SPEED = [0.02, 0.15] as const;
export const FORCE = [20, 235] as const;
/** Counts that the fingers reach at all: open and closed (they stop the nut before the ends of its screw). */
export const OPEN = 3;
export const CLOSED = 230;

/** Count whose speed or force is nearest to `value`, 0..255. */
export function countOf([low, high]: readonly [number, number], value: number): number {
  return Math.min(255, Math.max(0, Math.round((255 * (value - low)) / (high - low))));
}

/** m/s or N of a count. */
export function fromCount([low, high]: readonly [number, number], count: number): number {
  return low + ((high - low) * count) / 255;
}
