/**
 * A small WebAssembly encoder: modules of functions over one imported memory, written instruction by instruction in
 * the words of the text format. Binary layout: WebAssembly core specification 2.0, chapter 5.
 *
 *     const module = new WasmModule();
 *     const f = module.func('axpy', ['i32', 'i32', 'f64', 'i32'], []); // x, y, a, count
 *     f.repeat(3, 1, (i) => { … });
 *     const { axpy } = instantiate(module.build(), arena.memory); // engine.ts
 *     axpy(x.byteOffset, y.byteOffset, 0.5, x.length);          // x, y of arena.alloc
 */
import { Bytes } from './bytes.ts';
import {
  ALIGNMENT,
  LANE_MEMORY_OPS,
  type LaneMemoryOp,
  MEMORY_OPS,
  type MemoryOp,
  OPS,
  type Op,
} from './opcodes.ts';

export type ValueType = 'i32' | 'i64' | 'f64' | 'v128';

const TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e, f64: 0x7c, v128: 0x7b };
const VOID = 0x40;
const SIMD = 0xfd;

interface Signature {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** Code of one function. Its parameters are locals 0, 1, …; every method appends an instruction. */
export class WasmFunction {
  /** Index for `call`. */
  readonly index: number;
  readonly signature: Signature;
  /** Name under which it is exported, or null. */
  readonly exported: string | null;
  readonly #code = new Bytes();
  readonly #locals: ValueType[] = [];

  constructor(index: number, signature: Signature, exported: string | null) {
    this.index = index;
    this.signature = signature;
    this.exported = exported;
  }

  /** A new local, zero at first; returns its index. */
  local(type: ValueType): number {
    this.#locals.push(type);
    return this.signature.params.length + this.#locals.length - 1;
  }

  op(...names: readonly Op[]): this {
    for (const name of names) this.#opcode(OPS[name]);
    return this;
  }

  get(local: number): this {
    return this.#indexed(0x20, local);
  }

  set(local: number): this {
    return this.#indexed(0x21, local);
  }

  /** Sets the local and leaves the value on the stack. */
  tee(local: number): this {
    return this.#indexed(0x22, local);
  }

  i32(value: number): this {
    this.#code.byte(0x41);
    this.#code.i32(value);
    return this;
  }

  i64(value: bigint): this {
    this.#code.byte(0x42);
    this.#code.i64(value);
    return this;
  }

  f64(value: number): this {
    this.#code.byte(0x44);
    this.#code.f64(value);
    return this;
  }

  /** Two f64 constants, lane 0 first. */
  f64x2(low: number, high: number): this {
    this.#opcode(0x10c);
    this.#code.f64(low);
    this.#code.f64(high);
    return this;
  }

  /** A load (address on the stack) or store (address, value on the stack) at address + offset bytes. */
  memory(name: MemoryOp, offset = 0): this {
    this.#opcode(MEMORY_OPS[name]);
    this.#code.u32(ALIGNMENT[name]);
    this.#code.u32(offset);
    return this;
  }

  /** Load or store of one f64 lane: address and vector on the stack. */
  laneMemory(name: LaneMemoryOp, lane: 0 | 1, offset = 0): this {
    this.#opcode(LANE_MEMORY_OPS[name]);
    this.#code.u32(3);
    this.#code.u32(offset);
    this.#code.byte(lane);
    return this;
  }

  extractLane(lane: 0 | 1): this {
    this.#opcode(0x121);
    this.#code.byte(lane);
    return this;
  }

  replaceLane(lane: 0 | 1): this {
    this.#opcode(0x122);
    this.#code.byte(lane);
    return this;
  }

  /** Picks two f64 lanes of the two vectors a, b on the stack: 0 and 1 are a's, 2 and 3 b's. */
  shuffle(low: 0 | 1 | 2 | 3, high: 0 | 1 | 2 | 3): this {
    this.#opcode(0x10d);
    for (let k = 0; k < 8; k++) this.#code.byte(8 * low + k);
    for (let k = 0; k < 8; k++) this.#code.byte(8 * high + k);
    return this;
  }

  call(target: WasmFunction | WasmImport): this {
    return this.#indexed(0x10, target.index);
  }

  /** Value of a global that the host gives. */
  global(index: number): this {
    return this.#indexed(0x23, index);
  }

  block(result: ValueType | null = null): this {
    return this.#open(0x02, result);
  }

  /** A loop: `br` to it starts the next turn. */
  loop(result: ValueType | null = null): this {
    return this.#open(0x03, result);
  }

  if(result: ValueType | null = null): this {
    return this.#open(0x04, result);
  }

  else(): this {
    this.#code.byte(0x05);
    return this;
  }

  end(): this {
    this.#code.byte(0x0b);
    return this;
  }

  /** To the end of the depth-th enclosing block or the start of that loop, 0 the innermost. */
  br(depth: number): this {
    return this.#indexed(0x0c, depth);
  }

  brIf(depth: number): this {
    return this.#indexed(0x0d, depth);
  }

  /**
   * for (i = 0; i < count; i += step) body(i): `count` is an i32 local, i a new one that body may read. The test comes
   * first, so a count of 0 or less runs nothing. Inside, `br(1)` leaves the loop.
   */
  repeat(count: number, step: number, body: (i: number) => void): this {
    const i = this.local('i32');
    this.i32(0).set(i);
    this.block().loop();
    this.get(i).get(count).op('i32.ge_s').brIf(1);
    body(i);
    this.get(i).i32(step).op('i32.add').set(i).br(0);
    return this.end().end();
  }

  /** The function's body as the code section holds it. */
  encode(): Uint8Array {
    const body = new Bytes();
    // Locals of one type that follow each other are one group.
    const groups: { type: ValueType; count: number }[] = [];
    for (const type of this.#locals) {
      const last = groups.at(-1);
      if (last?.type === type) last.count++;
      else groups.push({ type, count: 1 });
    }
    body.u32(groups.length);
    for (const { type, count } of groups) {
      body.u32(count);
      body.byte(TYPES[type]);
    }
    body.raw(this.#code.view());
    body.byte(0x0b);
    return body.view();
  }

  #opcode(code: number): void {
    if (code < 0x100) {
      this.#code.byte(code);
      return;
    }
    this.#code.byte(SIMD);
    this.#code.u32(code - 0x100);
  }

  #indexed(opcode: number, index: number): this {
    this.#code.byte(opcode);
    this.#code.u32(index);
    return this;
  }

  #open(opcode: number, result: ValueType | null): this {
    this.#code.byte(opcode);
    this.#code.byte(result === null ? VOID : TYPES[result]);
    return this;
  }
}

/** A function that the host gives. */
export interface WasmImport {
  readonly index: number;
  readonly name: string;
  readonly signature: Signature;
}

export class WasmModule {
  readonly #imports: WasmImport[] = [];
  readonly #globals: string[] = [];
  readonly #functions: WasmFunction[] = [];

  /** A function of the host, as `env.NAME`. All imports come before the first `func`. */
  import(name: string, params: readonly ValueType[], results: readonly ValueType[]): WasmImport {
    if (this.#functions.length > 0) throw new Error(`import ${name} after a function`);
    const made = { index: this.#imports.length, name, signature: { params, results } };
    this.#imports.push(made);
    return made;
  }

  /** An i32 of the host that does not change, as `env.NAME`; returns its index for `global`. */
  importGlobal(name: string): number {
    this.#globals.push(name);
    return this.#globals.length - 1;
  }

  /** A new function, exported under its name. */
  func(name: string, params: readonly ValueType[], results: readonly ValueType[]): WasmFunction {
    return this.#add(params, results, name);
  }

  /** A new function for use inside the module. */
  inner(params: readonly ValueType[], results: readonly ValueType[]): WasmFunction {
    return this.#add(params, results, null);
  }

  #add(params: readonly ValueType[], results: readonly ValueType[], exported: string | null): WasmFunction {
    const made = new WasmFunction(
      this.#imports.length + this.#functions.length,
      { params, results },
      exported,
    );
    this.#functions.push(made);
    return made;
  }

  /** The module's bytes. It imports `env.memory` (any size) and what `import` and `importGlobal` named. */
  build(): Uint8Array<ArrayBuffer> {
    const out = new Bytes();
    out.raw(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const types = new Map<string, number>();
    const typeOf = ({ params, results }: Signature): number => {
      const key = `${params.join()}>${results.join()}`;
      if (!types.has(key)) types.set(key, types.size);
      return types.get(key)!;
    };
    const imports = this.#imports.map((i) => typeOf(i.signature));
    const functions = this.#functions.map((f) => typeOf(f.signature));

    section(out, 1, (s) => {
      s.u32(types.size);
      for (const key of types.keys()) {
        s.byte(0x60);
        for (const side of key.split('>')) {
          const list = side === '' ? [] : (side.split(',') as ValueType[]);
          s.u32(list.length);
          for (const type of list) s.byte(TYPES[type]);
        }
      }
    });
    section(out, 2, (s) => {
      s.u32(1 + imports.length + this.#globals.length);
      s.name('env');
      s.name('memory');
      s.byte(0x02);
      s.byte(0x00);
      s.u32(0);
      this.#imports.forEach(({ name }, i) => {
        s.name('env');
        s.name(name);
        s.byte(0x00);
        s.u32(imports[i]!);
      });
      for (const name of this.#globals) {
        s.name('env');
        s.name(name);
        s.byte(0x03);
        s.byte(TYPES.i32);
        s.byte(0x00);
      }
    });
    section(out, 3, (s) => {
      s.u32(functions.length);
      for (const type of functions) s.u32(type);
    });
    section(out, 7, (s) => {
      const exported = this.#functions.filter((f) => f.exported !== null);
      s.u32(exported.length);
      for (const f of exported) {
        s.name(f.exported!);
        s.byte(0x00);
        s.u32(f.index);
      }
    });
    section(out, 10, (s) => {
      s.u32(this.#functions.length);
      for (const f of this.#functions) s.sized(f.encode());
    });
    return out.view();
  }
}

function section(out: Bytes, id: number, write: (s: Bytes) => void): void {
  const body = new Bytes();
  write(body);
  out.byte(id);
  out.sized(body.view());
}
