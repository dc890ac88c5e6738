/**
 * CDR (little-endian XCDR1, as ROS 2 writes it) for the messages that an episode holds. Blocks of float64 are laid
 * out by hand: after the 4-byte encapsulation 00 01 00 00 every value sits on an 8-byte boundary of the body, so the
 * message is the block's own bytes. Tests read all of it back with @foxglove/rosmsg2-serialization.
 */
import { endianness } from 'node:os';
import { ArmloopError } from '../errors.ts';

const ENCAPSULATION = 4;
const NS_PER_S = 1_000_000_000n;

if (endianness() !== 'LE') {
  throw new ArmloopError('INTERNAL', { what: 'recording needs a little-endian machine' });
}

/** Messages that are plain blocks of `size` float64. The returned array is reused by the next call. */
export function blockEncoder(size: number): (block: Float64Array) => Uint8Array {
  const out = new Uint8Array(ENCAPSULATION + size * 8);
  out[1] = 1;
  return (block) => {
    if (block.length < size) {
      throw new ArmloopError('LENGTH_MISMATCH', { what: 'block', got: block.length, want: size });
    }
    out.set(new Uint8Array(block.buffer, block.byteOffset, size * 8), ENCAPSULATION);
    return out;
  };
}

/** The float64 values of a message made by `blockEncoder`. */
export function decodeBlock(data: Uint8Array, out: Float64Array): Float64Array {
  const bytes = data.subarray(ENCAPSULATION, ENCAPSULATION + out.length * 8);
  if (bytes.byteLength !== out.length * 8) {
    const got = Math.floor((data.byteLength - ENCAPSULATION) / 8);
    throw new ArmloopError('LENGTH_MISMATCH', { what: 'block message', got, want: out.length });
  }
  new Uint8Array(out.buffer, out.byteOffset, out.length * 8).set(bytes);
  return out;
}

const text = new TextEncoder();

/** Grows as needed and is reused from message to message; offsets count from the start of the body. */
class Body {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  start(): this {
    this.#bytes.fill(0, 0, ENCAPSULATION);
    this.#bytes[1] = 1;
    this.#at = ENCAPSULATION;
    return this;
  }

  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  u8(value: number): this {
    this.#room(1, 1);
    this.#bytes[this.#at++] = value;
    return this;
  }

  u32(value: number): this {
    this.#room(4, 4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
    return this;
  }

  f64(value: number): this {
    this.#room(8, 8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
    return this;
  }

  /** Length with the closing zero, the bytes, the zero. */
  string(value: string): this {
    const bytes = text.encode(value);
    this.u32(bytes.length + 1).raw(bytes);
    return this.u8(0);
  }

  raw(bytes: Uint8Array): this {
    this.#room(1, bytes.byteLength);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.byteLength;
    return this;
  }

  /** builtin_interfaces/Time: int32 seconds, uint32 nanoseconds. */
  stamp(ns: bigint): this {
    return this.u32(Number(ns / NS_PER_S)).u32(Number(ns % NS_PER_S));
  }

  header(ns: bigint, frame: string): this {
    return this.stamp(ns).string(frame);
  }

  #room(align: number, bytes: number): void {
    const pad = (align - ((this.#at - ENCAPSULATION) % align)) % align;
    if (this.#at + pad + bytes > this.#bytes.length) {
      const bigger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + pad + bytes));
      bigger.set(this.#bytes.subarray(0, this.#at));
      this.#bytes = bigger;
      this.#view = new DataView(bigger.buffer);
    }
    this.#bytes.fill(0, this.#at, this.#at + pad);
    this.#at += pad;
  }
}

/** The encoders of one episode; each returned array is valid until the next call of any of them. */
export class MessageEncoder {
  readonly #body = new Body();

  /** sensor_msgs/msg/CompressedImage. */
  compressedImage(ns: bigint, frame: string, jpeg: Uint8Array): Uint8Array {
    return this.#body.start().header(ns, frame).string('jpeg').u32(jpeg.byteLength).raw(jpeg).done();
  }

  /** rcl_interfaces/msg/Log. */
  log(ns: bigint, level: number, name: string, message: string): Uint8Array {
    const b = this.#body.start().stamp(ns).u8(level).string(name).string(message);
    return b.string('').string('').u32(0).done();
  }

  /** sensor_msgs/msg/JointState of the model's joints. Vectors have joints.length values. */
  jointState(
    ns: bigint,
    names: readonly string[],
    position: Float64Array,
    velocity: Float64Array,
    effort: Float64Array,
  ): Uint8Array {
    const b = this.#body.start().header(ns, '').u32(names.length);
    for (const name of names) b.string(name);
    for (const vector of [position, velocity, effort]) {
      b.u32(vector.length);
      for (const value of vector) b.f64(value);
    }
    return b.done();
  }

  /**
   * tf2_msgs/msg/TFMessage: bodies in the world, from bodies × (p x y z, quaternion x y z w). Body 0 is the world
   * itself and is left out: a frame may not be its own child.
   */
  transforms(ns: bigint, bodies: readonly string[], poses: Float64Array): Uint8Array {
    const b = this.#body.start().u32(bodies.length - 1);
    for (let i = 1; i < bodies.length; i++) {
      b.header(ns, 'world').string(bodies[i]!);
      for (let k = 0; k < 7; k++) b.f64(poses[7 * i + k]!);
    }
    return b.done();
  }
}
