/** Modules of straight-line functions that take pointers to their arrays. */
import { emitProgram, type HostFunctions, type Lanes, type Surroundings } from './emit-wasm.ts';
import { cutProgram } from './parts.ts';
import { type FunctionSpec, type Program, programOf } from './program.ts';
import { type WasmFunction, WasmModule } from './wasm.ts';

/** Functions of the host that modules of `assembleWasm` import, besides the i32 `scratch`. */
export const HOST: Readonly<Record<keyof HostFunctions, (x: number) => number>> = {
  exp: Math.exp,
  log: Math.log,
  tanh: Math.tanh,
};

/** Operations of one part: by measurement, of 200 to 3000. */
const PART = 900;

export interface Assembled {
  readonly bytes: Uint8Array;
  /** Bytes of memory that functions keep values in while they run, at the pointer `env.scratch`. */
  readonly scratch: number;
}

/**
 * `NAME(input pointers …, output pointers …)` for each function; of those over many evaluations
 * `NAME(count, input pointers …, output pointers …)`.
 */
export function assembleWasm(functions: readonly FunctionSpec[]): Assembled {
  const module = new WasmModule();
  const of = (name: string) => module.import(name, ['f64'], ['f64']);
  const assembler = new Assembler(module, { exp: of('exp'), log: of('log'), tanh: of('tanh') });
  for (const spec of functions) assembler.add(spec);
  return { bytes: module.build(), scratch: assembler.scratch };
}

/** Where a body finds the arrays: locals that hold their pointers, of one evaluation or of two. */
interface Pointers {
  readonly first: number;
  readonly second: number | null;
}

class Assembler {
  readonly #module: WasmModule;
  readonly #host: HostFunctions;
  readonly #scratch: number;
  scratch = 0;

  constructor(module: WasmModule, host: HostFunctions) {
    this.#module = module;
    this.#host = host;
    this.#scratch = module.importGlobal('scratch');
  }

  add(spec: FunctionSpec): void {
    const pointers = [...spec.inputs, ...spec.outputs].map(() => 'i32' as const);
    if (spec.each === undefined) {
      const body = this.#body(spec, 1);
      body(this.#module.func(spec.name, pointers, []), { first: 0, second: null });
      return;
    }
    const lanes = spec.each === 'independent' ? 2 : 1;
    const body = this.#body(spec, lanes);
    this.#loop(this.#module.func(spec.name, ['i32', ...pointers], []), spec, lanes, body);
  }

  /** What runs one evaluation, or two: code in place if it is short, else calls of its parts. */
  #body(spec: FunctionSpec, lanes: Lanes): (f: WasmFunction, at: Pointers) => void {
    const inputs = spec.inputs.reduce((n, { elements }) => n + elements.length, 0);
    const { programs, kept } = cutProgram(programOf(spec), inputs, PART);
    this.scratch = Math.max(this.scratch, 8 * lanes * kept);
    if (programs.length === 1) return (f, at) => this.#emit(f, spec, programs[0]!, lanes, at);
    const arrays = spec.inputs.length + spec.outputs.length;
    const params = Array.from({ length: lanes * arrays }, () => 'i32' as const);
    const parts = programs.map((program) => {
      const part = this.#module.inner(params, []);
      this.#emit(part, spec, program, lanes, { first: 0, second: lanes === 2 ? arrays : null });
      return part;
    });
    return (f, { first, second }) => {
      for (const part of parts) {
        for (let k = 0; k < arrays; k++) f.get(first + k);
        if (second !== null) for (let k = 0; k < arrays; k++) f.get(second + k);
        f.call(part);
      }
    };
  }

  /**
   * The loop over evaluations: in pairs, one per lane, where they are independent. Of an odd count the last one is done in
   * both lanes, which write the same.
   */
  #loop(
    f: WasmFunction,
    spec: FunctionSpec,
    lanes: Lanes,
    body: (f: WasmFunction, at: Pointers) => void,
  ): void {
    const arrays = [...spec.inputs, ...spec.outputs];
    const count = 0;
    const first = 1;
    const seconds = arrays.map(() => (lanes === 2 ? f.local('i32') : -1));
    const second = lanes === 2 ? seconds[0]! : null;
    const strides = arrays.map((a) => ('shared' in a && a.shared === true ? 0 : 8 * a.elements.length));
    const mask = f.local('i32');
    f.repeat(count, lanes, (i) => {
      if (second !== null) {
        // All ones where there is a second evaluation.
        f.i32(0).get(i).i32(1).op('i32.add').get(count).op('i32.lt_s', 'i32.sub').set(mask);
        arrays.forEach((_, k) => {
          f.get(first + k)
            .get(mask)
            .i32(strides[k]!)
            .op('i32.and', 'i32.add')
            .set(second + k);
        });
      }
      body(f, { first, second });
      arrays.forEach((_, k) => {
        if (strides[k] === 0) return;
        f.get(first + k)
          .i32(lanes * strides[k]!)
          .op('i32.add')
          .set(first + k);
      });
    });
  }

  #emit(f: WasmFunction, spec: FunctionSpec, program: Program, lanes: Lanes, at: Pointers): void {
    emitProgram(f, program, lanes, lanes === 1 ? this.#scalars(f, spec, at) : this.#pairs(f, spec, at));
  }

  #scalars(f: WasmFunction, spec: FunctionSpec, { first }: Pointers): Surroundings {
    const inputs = places(spec.inputs);
    const outputs = places(spec.outputs);
    return {
      host: this.#host,
      load: (k) => {
        const [array, i] = inputs[k] ?? [-1, k - inputs.length];
        if (array < 0) f.global(this.#scratch);
        else f.get(first + array);
        f.memory('f64.load', 8 * i);
      },
      store: (k, push) => {
        const [array, i] = outputs[k] ?? [-1, k - outputs.length];
        if (array < 0) f.global(this.#scratch);
        else f.get(first + spec.inputs.length + array);
        push();
        f.memory('f64.store', 8 * i);
      },
    };
  }

  #pairs(f: WasmFunction, spec: FunctionSpec, at: Pointers): Surroundings {
    const inputs = places(spec.inputs);
    const outputs = places(spec.outputs);
    const { first } = at;
    const second = at.second!;
    return {
      host: this.#host,
      load: (k) => {
        const [array, i] = inputs[k] ?? [-1, k - inputs.length];
        if (array < 0) f.global(this.#scratch).memory('v128.load', 16 * i);
        else if (spec.inputs[array]!.shared === true) f.get(first + array).memory('v128.load64_splat', 8 * i);
        else {
          f.get(second + array)
            .get(first + array)
            .memory('v128.load64_zero', 8 * i);
          f.laneMemory('v128.load64_lane', 1, 8 * i);
        }
      },
      store: (k, push) => {
        const [output, i] = outputs[k] ?? [-1, k - outputs.length];
        if (output < 0) {
          f.global(this.#scratch);
          push();
          f.memory('v128.store', 16 * i);
          return;
        }
        const array = spec.inputs.length + output;
        f.get(first + array);
        push();
        f.laneMemory('v128.store64_lane', 0, 8 * i);
        f.get(second + array);
        push();
        f.laneMemory('v128.store64_lane', 1, 8 * i);
      },
    };
  }
}

/** Element k of all arrays of a side → which array, and which of its elements. */
function places(arrays: readonly { readonly elements: readonly unknown[] }[]): [number, number][] {
  return arrays.flatMap(({ elements }, array) => elements.map((_, i): [number, number] => [array, i]));
}
