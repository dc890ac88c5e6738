/**
 * The control table of the X series: what is where, as data (ROBOTIS e-Manual, page of each model, for instance
 * emanual.robotis.com/docs/en/dxl/x/xm430-w350/; `section` is the heading's anchor there). Addresses below 64 are EEPROM:
 * they last, and can only be written with torque off.
 */
export interface Item {
  readonly address: number;
  readonly size: 1 | 2 | 4;
  readonly signed: boolean;
  readonly access: 'r' | 'rw';
  /** Value after a factory reset (EEPROM) or at power-on (RAM); null where it depends on model or state. */
  readonly initial: number | null;
  readonly section: string;
}

const item = (
  address: number,
  size: 1 | 2 | 4,
  access: 'r' | 'rw',
  initial: number | null,
  section: string,
  signed = false,
): Item => ({ address, size, signed, access, initial, section });

/** Settings that last begin here and end before `RAM_START`. */
export const RAM_START = 64;

export const X = {
  modelNumber: item(0, 2, 'r', null, 'model-number'),
  modelInformation: item(2, 4, 'r', 0, 'model-information'),
  firmware: item(6, 1, 'r', null, 'firmware-version'),
  id: item(7, 1, 'rw', 1, 'id'),
  baud: item(8, 1, 'rw', 1, 'baud-rate'),
  returnDelay: item(9, 1, 'rw', 250, 'return-delay-time'),
  driveMode: item(10, 1, 'rw', 0, 'drive-mode'),
  operatingMode: item(11, 1, 'rw', 3, 'operating-mode'),
  secondaryId: item(12, 1, 'rw', 255, 'secondary-shadow-id'),
  homingOffset: item(20, 4, 'rw', 0, 'homing-offset', true),
  movingThreshold: item(24, 4, 'rw', 10, 'moving-threshold'),
  temperatureLimit: item(31, 1, 'rw', null, 'temperature-limit'),
  maxVoltageLimit: item(32, 2, 'rw', null, 'min-max-voltage-limit'),
  minVoltageLimit: item(34, 2, 'rw', null, 'min-max-voltage-limit'),
  pwmLimit: item(36, 2, 'rw', 885, 'pwm-limit'),
  currentLimit: item(38, 2, 'rw', null, 'current-limit'),
  velocityLimit: item(44, 4, 'rw', null, 'velocity-limit'),
  maxPositionLimit: item(48, 4, 'rw', 4095, 'min-max-position-limit'),
  minPositionLimit: item(52, 4, 'rw', 0, 'min-max-position-limit'),
  shutdown: item(63, 1, 'rw', 52, 'shutdown'),
  torqueEnable: item(64, 1, 'rw', 0, 'torque-enable'),
  led: item(65, 1, 'rw', 0, 'led'),
  statusReturnLevel: item(68, 1, 'rw', 2, 'status-return-level'),
  registered: item(69, 1, 'r', 0, 'registered-instruction'),
  hardwareError: item(70, 1, 'r', 0, 'hardware-error-status'),
  velocityI: item(76, 2, 'rw', 1920, 'velocity-pi-gain'),
  velocityP: item(78, 2, 'rw', 100, 'velocity-pi-gain'),
  positionD: item(80, 2, 'rw', 0, 'position-pid-gain'),
  positionI: item(82, 2, 'rw', 0, 'position-pid-gain'),
  positionP: item(84, 2, 'rw', 800, 'position-pid-gain'),
  feedforward2: item(88, 2, 'rw', 0, 'feedforward-1st2nd-gains'),
  feedforward1: item(90, 2, 'rw', 0, 'feedforward-1st2nd-gains'),
  busWatchdog: item(98, 1, 'rw', 0, 'bus-watchdog', true),
  goalPwm: item(100, 2, 'rw', 885, 'goal-pwm', true),
  goalCurrent: item(102, 2, 'rw', null, 'goal-current', true),
  goalVelocity: item(104, 4, 'rw', 0, 'goal-velocity', true),
  profileAcceleration: item(108, 4, 'rw', 0, 'profile-acceleration'),
  profileVelocity: item(112, 4, 'rw', 0, 'profile-velocity'),
  goalPosition: item(116, 4, 'rw', null, 'goal-position', true),
  tick: item(120, 2, 'r', null, 'realtime-tick'),
  moving: item(122, 1, 'r', 0, 'moving'),
  movingStatus: item(123, 1, 'r', 0, 'moving-status'),
  presentPwm: item(124, 2, 'r', 0, 'present-pwm', true),
  /** Current, or on models without current sensing the load in 0.1 % ("Present Load"). */
  presentCurrent: item(126, 2, 'r', 0, 'present-current', true),
  presentVelocity: item(128, 4, 'r', 0, 'present-velocity', true),
  presentPosition: item(132, 4, 'r', null, 'present-position', true),
  velocityTrajectory: item(136, 4, 'r', 0, 'velocity-trajectory', true),
  positionTrajectory: item(140, 4, 'r', null, 'position-trajectory', true),
  presentVoltage: item(144, 2, 'r', null, 'present-input-voltage'),
  presentTemperature: item(146, 1, 'r', null, 'present-temperature'),
} as const satisfies Record<string, Item>;
export type ItemName = keyof typeof X;

/** Operating Mode (11). */
export const OperatingMode = {
  current: 0,
  velocity: 1,
  position: 3,
  extendedPosition: 4,
  currentPosition: 5,
  pwm: 16,
} as const;
export type OperatingMode = (typeof OperatingMode)[keyof typeof OperatingMode];

/** Baud Rate (8): the index is the value in the table. */
export const BAUDS = [9600, 57_600, 115_200, 1_000_000, 2_000_000, 3_000_000, 4_000_000] as const;
/** Servos leave the factory at this rate. */
export const FACTORY_BAUD = 57_600;

/** Encoder steps of a turn, and which of them is 0 rad when direction is 1 and offset 0. */
export const STEPS = 4096;
export const ZERO_STEP = 2048;
/** rad per step. */
export const POSITION_UNIT = (2 * Math.PI) / STEPS;
/** rad/s per unit: 0.229 rev/min (as in the control tables of DynamixelSDK, Apache-2.0). */
export const VELOCITY_UNIT = 0.0239691227;
/** rad/s² per unit of Profile Acceleration: 214.577 rev/min². */
export const ACCELERATION_UNIT = (214.577 * 2 * Math.PI) / 3600;
/** s per unit of Return Delay Time and of Bus Watchdog. */
export const RETURN_DELAY_UNIT = 2e-6;
export const WATCHDOG_UNIT = 0.02;
/** V per unit of voltage. */
export const VOLTAGE_UNIT = 0.1;
/** Full voltage in units of PWM. */
export const FULL_PWM = 885;

/** Bits of Hardware Error Status (70) and of Shutdown (63). */
export const HardwareError = { voltage: 1, overheating: 4, encoder: 8, shock: 16, overload: 32 } as const;

const ERROR_WORDS: readonly (readonly [number, string])[] = [
  [HardwareError.voltage, 'its supply voltage is out of range'],
  [HardwareError.overheating, 'it is too hot'],
  [HardwareError.encoder, 'its encoder or motor fails'],
  [HardwareError.shock, 'its circuit had an electric shock or its motor gets too little current'],
  [HardwareError.overload, 'it was overloaded'],
];

/** What Hardware Error Status says, in words; empty when there is nothing. */
export function hardwareErrorWords(status: number): string {
  const known = ERROR_WORDS.filter(([bit]) => (status & bit) !== 0).map(([, words]) => words);
  const rest = status & ~ERROR_WORDS.reduce((sum, [bit]) => sum | bit, 0);
  if (rest !== 0) known.push(`unknown error bits ${rest}`);
  return known.join(', ');
}

/** A little-endian number of 1, 2 or 4 bytes. */
export function numberAt(bytes: Uint8Array, at: number, size: number, signed: boolean): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!;
  return signed && value >= 2 ** (8 * size - 1) ? value - 2 ** (8 * size) : value;
}

/** The bytes of a number for that item. */
export function bytesOf(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let rest = value < 0 ? value + 2 ** (8 * size) : value;
  for (let i = 0; i < size; i++) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}
