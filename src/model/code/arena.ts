/**
 * Memory that generated kernels and the arrays of a solver share: one WebAssembly memory of fixed size, so that views
 * of it stay valid for good. An array of it is handed to a kernel as its byte offset.
 */
import { ArmloopError } from '../../errors.ts';
import { type WasmMemory, wasm } from './engine.ts';

const PAGE = 65536;
/** v128 accesses are fastest on 16 bytes. */
const ALIGN = 16;

export class Arena {
  readonly memory: WasmMemory;
  /** All of it as f64: an array at pointer p starts at index p / 8. */
  readonly f64: Float64Array;
  readonly #pointers = new Map<Float64Array, number>();
  #used = ALIGN; // Pointer 0 is left out, so that it can mean "none".

  /** `bytes` is rounded up to whole pages of 64 KiB; never grows. */
  constructor(bytes: number) {
    const pages = Math.max(1, Math.ceil((bytes + ALIGN) / PAGE));
    this.memory = new wasm.Memory({ initial: pages, maximum: pages });
    this.f64 = new Float64Array(this.memory.buffer);
  }

  /** Bytes that are still free. */
  get free(): number {
    return this.memory.buffer.byteLength - this.#used;
  }

  /** `count` zeros on a 16-byte boundary. Its `byteOffset` is its pointer. Throws MODEL_ARENA_FULL. */
  alloc(count: number): Float64Array {
    const at = this.reserve(8 * count);
    const made = new Float64Array(this.memory.buffer, at, count);
    this.#pointers.set(made, at);
    return made;
  }

  allocInt32(count: number): Int32Array {
    return new Int32Array(this.memory.buffer, this.reserve(4 * count), count);
  }

  /** Pointer of `bytes` bytes on a 16-byte boundary. */
  reserve(bytes: number): number {
    const at = this.#used;
    const end = Math.ceil((at + bytes) / ALIGN) * ALIGN;
    if (end > this.memory.buffer.byteLength) {
      throw new ArmloopError('MODEL_ARENA_FULL', { wanted: bytes, free: this.free });
    }
    this.#used = end;
    return at;
  }

  /**
   * Pointer of an array that `alloc` made, else -1. Cheap and free of allocation, unlike a look at `array.buffer`,
   * which makes a buffer for small arrays.
   */
  pointer(array: Float64Array): number {
    return this.#pointers.get(array) ?? -1;
  }

  /** A view of `count` values of an array of this arena from `start` on, known to `pointer` as well. */
  slice(array: Float64Array, start: number, count: number): Float64Array {
    const base = this.pointer(array);
    if (base < 0) throw new Error('the array is not of this arena');
    if (!(start >= 0 && count >= 0 && start + count <= array.length))
      throw new RangeError('slice out of range');
    const made = new Float64Array(this.memory.buffer, base + 8 * start, count);
    this.#pointers.set(made, made.byteOffset);
    return made;
  }
}
