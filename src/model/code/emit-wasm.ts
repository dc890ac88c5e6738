/**
 * A program as straight-line WebAssembly: every step once, values in locals, no branches. Either f64 (one evaluation) or
 * f64x2, where each lane is an evaluation of its own.
 */
import { OP } from './expression.ts';
import type { Op } from './opcodes.ts';
import type { Program } from './program.ts';
import type { ValueType, WasmFunction, WasmImport } from './wasm.ts';
import { emitSinCos, type TrigLocals, trigLocals } from './wasm-trig.ts';

export type Lanes = 1 | 2;

/** Functions of the host: f64 → f64. */
export type HostFunctions = Readonly<Record<'exp' | 'log' | 'tanh', WasmImport>>;

/** How a body reaches memory and the host. */
export interface Surroundings {
  /** Pushes the value of an input. */
  readonly load: (input: number) => void;
  /** Stores the value that `push` pushes as an output. */
  readonly store: (output: number, push: () => void) => void;
  readonly host: HostFunctions;
}

const BINARY: Readonly<Partial<Record<number, [Op, Op]>>> = {
  [OP.add]: ['f64.add', 'f64x2.add'],
  [OP.sub]: ['f64.sub', 'f64x2.sub'],
  [OP.mul]: ['f64.mul', 'f64x2.mul'],
  [OP.div]: ['f64.div', 'f64x2.div'],
  [OP.min]: ['f64.min', 'f64x2.min'],
  [OP.max]: ['f64.max', 'f64x2.max'],
};
const UNARY: Readonly<Partial<Record<number, [Op, Op]>>> = {
  [OP.neg]: ['f64.neg', 'f64x2.neg'],
  [OP.sqrt]: ['f64.sqrt', 'f64x2.sqrt'],
  [OP.abs]: ['f64.abs', 'f64x2.abs'],
};
const HOST: Readonly<Partial<Record<number, keyof HostFunctions>>> = {
  [OP.exp]: 'exp',
  [OP.log]: 'log',
  [OP.tanh]: 'tanh',
};

export function emitProgram(f: WasmFunction, program: Program, lanes: Lanes, around: Surroundings): void {
  new Emitter(f, program, lanes, around).run();
}

class Emitter {
  readonly #f: WasmFunction;
  readonly #p: Program;
  readonly #lanes: Lanes;
  readonly #around: Surroundings;
  readonly #type: ValueType;
  /** Local of each step that is in one, else -1. */
  readonly #local: Int32Array;
  /** Last step that reads each step; outputs are stored at once. */
  readonly #last: Int32Array;
  readonly #free: number[] = [];
  /** Outputs per step. */
  readonly #stores: Map<number, number[]>;
  #trig: TrigLocals | null = null;
  /** Sine and cosine steps by their argument. */
  readonly #angles = new Map<number, { sin: number; cos: number }>();

  constructor(f: WasmFunction, program: Program, lanes: Lanes, around: Surroundings) {
    this.#f = f;
    this.#p = program;
    this.#lanes = lanes;
    this.#around = around;
    this.#type = lanes === 1 ? 'f64' : 'v128';
    const n = program.ops.length;
    this.#local = new Int32Array(n).fill(-1);
    this.#last = new Int32Array(n).fill(-1);
    this.#stores = new Map();
    for (let i = 0; i < n; i++) {
      for (const e of [program.a[i]!, program.b[i]!, program.c[i]!]) if (e >= 0) this.#last[e] = i;
      const op = program.ops[i];
      if (op !== OP.sin && op !== OP.cos) continue;
      const angle = this.#angles.get(program.a[i]!) ?? { sin: -1, cos: -1 };
      angle[op === OP.sin ? 'sin' : 'cos'] = i;
      this.#angles.set(program.a[i]!, angle);
    }
    program.outputs.forEach((step, k) => {
      if (step < 0) return;
      const list = this.#stores.get(step);
      if (list === undefined) this.#stores.set(step, [k]);
      else list.push(k);
    });
  }

  run(): void {
    const { ops, values } = this.#p;
    ops.forEach((op, i) => {
      if (op !== OP.input) return;
      this.#around.load(values[i]!);
      this.#keep(i);
    });
    this.#earlyAngles();
    ops.forEach((op, i) => {
      const leaf = op === OP.constant || op === OP.input;
      if (!leaf) {
        if (this.#local[i] === -1) this.#step(i);
        this.#release(i);
      }
      this.#storeOutputs(i);
      if (leaf) return;
      if (this.#last[i] === -1) this.#free.push(this.#local[i]!);
    });
  }

  /** Angles that depend on no other sine or cosine, two by two. */
  #earlyAngles(): void {
    const { ops, a, b, c } = this.#p;
    const late = new Uint8Array(ops.length);
    ops.forEach((op, i) => {
      if (op === OP.sin || op === OP.cos) late[i] = 1;
      for (const e of [a[i]!, b[i]!, c[i]!]) if (e >= 0 && late[e] === 1) late[i] = 1;
    });
    const early = [...this.#angles.keys()].filter((e) => late[e] === 0);
    // What the angles are made of, in order.
    const needed = new Uint8Array(ops.length);
    for (const e of early) needed[e] = 1;
    for (let i = ops.length - 1; i >= 0; i--) {
      if (needed[i] === 0) continue;
      for (const e of [a[i]!, b[i]!, c[i]!]) if (e >= 0) needed[e] = 1;
    }
    ops.forEach((op, i) => {
      if (needed[i] === 1 && op !== OP.constant && op !== OP.input) this.#step(i);
    });
    const width = this.#lanes === 1 ? 2 : 1;
    for (let k = 0; k < early.length; k += width) this.#sinCos(early.slice(k, k + width));
  }

  /** Sine and cosine of one angle, or of two when there is one evaluation per function. */
  #sinCos(angles: readonly number[]): void {
    const f = this.#f;
    this.#trig ??= trigLocals(f);
    const trig = this.#trig;
    const [x, sin, cos] = [this.#scratch(0), this.#scratch(1), this.#scratch(2)];
    this.#push(angles[0]!);
    if (this.#lanes === 1) f.op('f64x2.splat');
    if (angles.length === 2) {
      this.#push(angles[1]!);
      f.replaceLane(1);
    }
    f.set(x);
    emitSinCos(f, trig, x, sin, cos);
    angles.forEach((angle, lane) => {
      const steps = this.#angles.get(angle)!;
      for (const [step, local] of [
        [steps.sin, sin],
        [steps.cos, cos],
      ] as const) {
        if (step < 0) continue;
        f.get(local);
        if (this.#lanes === 1) f.extractLane(lane as 0 | 1);
        this.#keep(step);
      }
    });
  }

  readonly #scratches: number[] = [];
  #scratch(i: number): number {
    this.#scratches[i] ??= this.#f.local('v128');
    return this.#scratches[i];
  }

  /** Computes a step into a local. */
  #step(i: number): void {
    const { ops, a, b, c } = this.#p;
    const f = this.#f;
    const op = ops[i]!;
    const wide = this.#lanes - 1;
    if (op === OP.sin || op === OP.cos) {
      this.#sinCos([a[i]!]);
      return;
    }
    if (BINARY[op] !== undefined) {
      this.#push(a[i]!);
      this.#push(b[i]!);
      f.op(BINARY[op][wide]!);
    } else if (UNARY[op] !== undefined) {
      this.#push(a[i]!);
      f.op(UNARY[op][wide]!);
    } else if (HOST[op] !== undefined) this.#host(HOST[op], a[i]!);
    else if (op === OP.copysign) this.#copysign(a[i]!, b[i]!);
    else if (op === OP.select) this.#select(a[i]!, b[i]!, c[i]!);
    else throw new Error(`operation ${op} cannot be emitted`);
    this.#keep(i);
  }

  #host(name: keyof HostFunctions, x: number): void {
    const f = this.#f;
    const target = this.#around.host[name];
    this.#push(x);
    if (this.#lanes === 1) {
      f.call(target);
      return;
    }
    f.extractLane(0).call(target).op('f64x2.splat');
    this.#push(x);
    f.extractLane(1).call(target).replaceLane(1);
  }

  #copysign(x: number, y: number): void {
    const f = this.#f;
    if (this.#lanes === 1) {
      this.#push(x);
      this.#push(y);
      f.op('f64.copysign');
      return;
    }
    this.#push(y);
    this.#push(x);
    f.f64x2(-0, -0).op('v128.bitselect');
  }

  #select(test: number, yes: number, no: number): void {
    const f = this.#f;
    this.#push(yes);
    this.#push(no);
    this.#push(test);
    if (this.#lanes === 1) f.f64(0).op('f64.gt', 'select');
    else f.f64x2(0, 0).op('f64x2.gt', 'v128.bitselect');
  }

  #push(step: number): void {
    if (this.#p.ops[step] === OP.constant) {
      const value = this.#p.values[step]!;
      if (this.#lanes === 1) this.#f.f64(value);
      else this.#f.f64x2(value, value);
      return;
    }
    this.#f.get(this.#local[step]!);
  }

  /** Puts the top of the stack into a local for a step. */
  #keep(step: number): void {
    const local = this.#free.pop() ?? this.#f.local(this.#type);
    this.#local[step] = local;
    this.#f.set(local);
  }

  /** Frees the locals of operands that step i was the last to read. */
  #release(i: number): void {
    const { a, b, c, ops } = this.#p;
    for (const e of new Set([a[i]!, b[i]!, c[i]!])) {
      if (e >= 0 && this.#last[e] === i && ops[e] !== OP.constant) this.#free.push(this.#local[e]!);
    }
  }

  #storeOutputs(step: number): void {
    for (const output of this.#stores.get(step) ?? []) this.#around.store(output, () => this.#push(step));
  }
}
