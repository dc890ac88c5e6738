/**
 * The protocol between a rig and its servers, over a local socket: frames of u32 length (little-endian, of what
 * follows it), u8 type, payload. Both ends send a heartbeat; the one that hears nothing for DEAD_MS hangs up.
 *
 * rig → server: hello (JSON, first, and again when the scene has a new look), session (JSON, on change), live (float64 block of liveLayout), frame (camera),
 * notice (JSON for one client), reply (JSON). server → rig: hello (JSON, first), request (JSON), operator (binary).
 */
import { ArmloopError } from '../errors.ts';

export const WIRE_PROTOCOL = 1;
export const HEARTBEAT_MS = 200;
/** Silence after which the other end counts as gone. */
export const DEAD_MS = 2000;
/** Longest frame that is accepted; a scene with meshes is the largest that is sent. */
export const MAX_FRAME = 64 * 2 ** 20;

export const Wire = {
  hello: 1,
  heartbeat: 2,
  request: 3,
  reply: 4,
  session: 5,
  live: 6,
  operator: 7,
  frame: 8,
  notice: 9,
} as const;
export type Wire = (typeof Wire)[keyof typeof Wire];

const HEADER = 5;

/** One frame, ready to write. `parts` are copied behind each other. */
export function encode(type: Wire, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const p of parts) length += p.byteLength;
  const frame = Buffer.allocUnsafe(HEADER + length);
  frame.writeUInt32LE(1 + length, 0);
  frame[4] = type;
  let at = HEADER;
  for (const p of parts) {
    frame.set(p, at);
    at += p.byteLength;
  }
  return frame;
}

export function encodeJson(type: Wire, value: unknown): Buffer {
  return encode(type, Buffer.from(JSON.stringify(value), 'utf8'));
}

/** Bytes of a block, without a copy. */
export function bytesOf(block: Float64Array): Uint8Array {
  return new Uint8Array(block.buffer, block.byteOffset, block.byteLength);
}

/** Float64 values of a payload from `at` on, copied so that they are aligned. */
export function blockOf(payload: Uint8Array, at = 0): Float64Array {
  const count = Math.floor((payload.byteLength - at) / 8);
  const out = new Float64Array(count);
  bytesOf(out).set(payload.subarray(at, at + count * 8));
  return out;
}

export function jsonOf(payload: Uint8Array): unknown {
  return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'));
}

/** Turns a byte stream into frames. The payload passed on is valid during the call only. */
export class FrameParser {
  readonly #onFrame: (type: number, payload: Uint8Array) => void;
  #chunks: Buffer[] = [];
  #waiting = 0;

  constructor(onFrame: (type: number, payload: Uint8Array) => void) {
    this.#onFrame = onFrame;
  }

  /** Throws WIRE_PROTOCOL when the stream cannot be one of ours; hang up then. */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
    for (;;) {
      if (this.#waiting < HEADER) return;
      let head = this.#chunks[0]!;
      if (head.length < HEADER) head = this.#join();
      const length = head.readUInt32LE(0);
      if (length < 1 || length > MAX_FRAME) {
        throw new ArmloopError('WIRE_PROTOCOL', { reason: `a frame of ${length} bytes was announced` });
      }
      if (this.#waiting < 4 + length) return;
      if (head.length < 4 + length) head = this.#join();
      const rest = head.subarray(4 + length);
      if (rest.length > 0) this.#chunks[0] = rest;
      else this.#chunks.shift();
      this.#waiting -= 4 + length;
      this.#onFrame(head[4]!, head.subarray(HEADER, 4 + length));
    }
  }

  #join(): Buffer {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}

/** Camera frame payload: u32 index of the camera in the robot file, 4 bytes of nothing, seq, capture time, JPEG. */
export function encodeFrame(camera: number, seq: number, time: number, jpeg: Uint8Array): Buffer {
  const head = Buffer.allocUnsafe(24);
  head.writeUInt32LE(camera, 0);
  head.writeUInt32LE(0, 4);
  head.writeDoubleLE(seq, 8);
  head.writeDoubleLE(time, 16);
  return encode(Wire.frame, head, jpeg);
}

/** Operator payload: u32 number of the client in its server, 4 bytes of nothing, block of operatorLayout. */
export function encodeOperator(client: number, block: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(client, 0);
  return encode(Wire.operator, head, block);
}

/** What the two ends say to each other as JSON. */
export interface ServerGreeting {
  readonly protocol: number;
  readonly role: 'server';
}
export interface WireRequest {
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
}
export type WireReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: WireError };
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly todo: string;
}
/** For one operator client of one server. */
export interface WireNotice {
  readonly client: number;
  readonly message: unknown;
}
