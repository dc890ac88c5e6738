/**
 * WebAssembly kernels as functions of any Float64Array: those of the kernels' arena are handed over by pointer, others by
 * way of a staging area in it.
 */
import type { Arena } from './code/arena.ts';
import { type CodeSource, compileWasm } from './code/compile.ts';
import type { WasmExport } from './code/engine.ts';

/** A function of arrays: inputs, then outputs. */
export type ArrayFunction = (...arrays: Float64Array[]) => void;

/** How many arrays each function reads and writes. */
const SHAPES: Readonly<Record<string, readonly [inputs: number, outputs: number]>> = {
  pose: [1, 1],
  jacobian: [1, 1],
  rnea: [3, 1],
  forward: [3, 1],
  massMatrix: [1, 1],
  gravity: [1, 1],
  coriolis: [2, 1],
  rneaDerivatives: [3, 2],
  forwardDerivatives: [3, 3],
  forwardHessian: [4, 1],
};

/** One argument's place: where its array lies, or where it is staged. The array seen last is remembered. */
class Slot {
  array: Float64Array | null = null;
  pointer = 0;
  staged = false;
  readonly staging: Float64Array;
  readonly #arena: Arena;

  constructor(arena: Arena, staging: Float64Array) {
    this.#arena = arena;
    this.staging = staging;
  }

  look(array: Float64Array): void {
    const pointer = this.#arena.pointer(array);
    this.array = array;
    this.staged = pointer < 0;
    this.pointer = this.staged ? this.staging.byteOffset : pointer;
  }
}

export class WasmKernels {
  readonly arena: Arena;
  readonly #cache: string | null;
  /** Four vectors to read, three places to write; kernels take turns in them. */
  readonly #inputs: readonly Float64Array[];
  readonly #outputs: readonly Float64Array[];

  constructor(arena: Arena, n: number, cache: string | null) {
    this.arena = arena;
    this.#cache = cache;
    this.#inputs = [0, 1, 2, 3].map(() => arena.alloc(n));
    this.#outputs = [9 * n * n, n * n, n * n].map((size) => arena.alloc(Math.max(size, 7, 6 * n)));
  }

  /** Bytes that a model of n joints needs of its arena at most: staging, and what long functions keep. */
  static room(n: number): number {
    return 8 * (4 * n + 11 * n * n + 3 * (7 + 6 * n)) + 8192 * Math.max(8, n) + 4096;
  }

  load(source: CodeSource): Readonly<Record<string, ArrayFunction>> {
    const made = compileWasm(source, this.#cache, this.arena);
    return Object.fromEntries(Object.entries(made).map(([name, f]) => [name, this.#wrap(name, f)]));
  }

  /**
   * The function around a kernel is made from text too, one for each kernel: closures of one place in the source would
   * share what the engine learns about their calls, and a call of a kernel is fast only where it always calls the same.
   */
  #wrap(name: string, kernel: WasmExport): ArrayFunction {
    const [reads, writes] = SHAPES[name]!;
    const slots = [
      ...this.#inputs.slice(0, reads).map((staging) => new Slot(this.arena, staging)),
      ...this.#outputs.slice(0, writes).map((staging) => new Slot(this.arena, staging)),
    ];
    const all = slots.map((_, k) => k);
    const arrays = all.map((k) => `a${k}`).join(', ');
    const copy = (k: number, to: string, from: string): string =>
      `if (s${k}.staged) for (let i = 0; i < a${k}.length; i++) ${to}[i] = ${from}[i];`;
    const lines = [
      ...all.map((k) => `if (a${k} !== s${k}.array) s${k}.look(a${k});`),
      ...all.slice(0, reads).map((k) => copy(k, `t${k}`, `a${k}`)),
      `kernel(${all.map((k) => `s${k}.pointer`).join(', ')});`,
      ...all.slice(reads).map((k) => copy(k, `a${k}`, `t${k}`)),
    ];
    const text = `const [${all.map((k) => `s${k}`).join(', ')}] = slots;
${all.map((k) => `const t${k} = s${k}.staging;`).join('\n')}
return (${arrays}) => {
${lines.join('\n')}
};`;
    const make = new Function('kernel', 'slots', text) as (
      f: WasmExport,
      s: readonly Slot[],
    ) => ArrayFunction;
    return make(kernel, slots);
  }
}
