/**
 * The wire between the host and the mock device: frames over the child's stdin and stdout.
 * A frame is 8 bytes of header (0x41 0x4d, type, 0, payload length as u32) and the payload, little-endian: float64
 * numbers, or JSON for `hello` and `refuse`.
 */
export const FrameType = {
  /** Host → device, first: JSON of MockSetup. */
  hello: 1,
  /** Device → host: ready; no payload. */
  ready: 2,
  /** Device → host instead of `ready`: JSON text with the reason. */
  refuse: 3,
  /** Host → device: [seq, host time]. */
  ping: 4,
  /** Device → host: [seq, host time of the ping, device time]. */
  pong: 5,
  /** Host → device: [tick, mode, q…, qd…]. */
  command: 6,
  /** Device → host: [device time, status, command tick, q…, qd…, tau…]. */
  state: 7,
  /** Host → device: [seq]; answered by `done` [seq]. */
  enable: 8,
  disable: 9,
  done: 10,
  /** Host → device: end at once. */
  bye: 11,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** Everything the device is told at the start. Positions in rad and m, in the device's axis order. */
export interface MockSetup {
  readonly axes: readonly {
    readonly min: number;
    readonly max: number;
    readonly velocity: number;
    readonly acceleration: number;
    readonly effort: number;
    readonly home: number;
  }[];
  readonly watchdogMs: number;
  readonly rateHz: number;
  readonly clockOffset: number;
  readonly clockDriftPpm: number;
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly loss: number;
  readonly seed: number;
  readonly timeConstant: number;
  readonly lingerS: number;
  readonly log: string | null;
}

const HEADER = 8;
const LONGEST = 1 << 20;

export function frame(type: FrameType, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER + payload.byteLength);
  bytes[0] = 0x41;
  bytes[1] = 0x4d;
  bytes[2] = type;
  bytes[3] = 0;
  bytes.writeUInt32LE(payload.byteLength, 4);
  bytes.set(payload, HEADER);
  return bytes;
}

export function numbersFrame(type: FrameType, numbers: Float64Array): Buffer {
  return frame(type, new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
}

export function jsonFrame(type: FrameType, value: unknown): Buffer {
  return frame(type, Buffer.from(JSON.stringify(value)));
}

/** Reads a payload of float64 into `out` and returns how many there were. */
export function readNumbers(payload: Buffer, out: Float64Array): number {
  const n = Math.min(out.length, payload.byteLength >> 3);
  for (let i = 0; i < n; i++) out[i] = payload.readDoubleLE(8 * i);
  return n;
}

/** Cuts a byte stream into frames, however it was split on the way. */
export class FrameReader {
  readonly #onFrame: (type: number, payload: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onFrame: (type: number, payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  /** Throws a plain Error when the bytes are no frames: the stream cannot be followed from there. */
  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= HEADER) {
      const length = bytes.readUInt32LE(at + 4);
      if (bytes[at] !== 0x41 || bytes[at + 1] !== 0x4d || length > LONGEST)
        throw new Error('bytes that are no frame');
      if (bytes.length - at < HEADER + length) break;
      this.#onFrame(bytes[at + 2]!, bytes.subarray(at + HEADER, at + HEADER + length));
      at += HEADER + length;
    }
    this.#rest = bytes.subarray(at);
  }
}
