/** Modules of straight-line functions that take pointers to their arrays. */
import { emitProgram, type HostFunctions, type Surroundings } from './emit-wasm.ts';
import { type FunctionSpec, programOf } from './program.ts';
import { type WasmFunction, WasmModule } from './wasm.ts';

/** What modules of `assembleWasm` import. */
export const HOST: Readonly<Record<keyof HostFunctions, (x: number) => number>> = {
  exp: Math.exp,
  log: Math.log,
  tanh: Math.tanh,
};

/**
 * `NAME(input pointers …, output pointers …)` for each function; of those over many evaluations
 * `NAME(count, input pointers …, output pointers …)`.
 */
export function assembleWasm(functions: readonly FunctionSpec[]): Uint8Array {
  const module = new WasmModule();
  const of = (name: string) => module.import(name, ['f64'], ['f64']);
  const host = { exp: of('exp'), log: of('log'), tanh: of('tanh') };
  for (const spec of functions) {
    const pointers = [...spec.inputs, ...spec.outputs].map(() => 'i32' as const);
    if (spec.each === undefined) single(module.func(spec.name, pointers, []), spec, host);
    else many(module.func(spec.name, ['i32', ...pointers], []), spec, host);
  }
  return module.build();
}

/** Element k of all arrays of a side → which array, and which of its elements. */
function places(arrays: readonly { readonly elements: readonly unknown[] }[]): [number, number][] {
  return arrays.flatMap(({ elements }, array) => elements.map((_, i): [number, number] => [array, i]));
}

/** Access to arrays at the pointers in the locals `first`, `first` + 1, … */
function scalarAccess(f: WasmFunction, spec: FunctionSpec, first: number, host: HostFunctions): Surroundings {
  const inputs = places(spec.inputs);
  const outputs = places(spec.outputs);
  return {
    host,
    load: (k) => {
      const [array, i] = inputs[k]!;
      f.get(first + array).memory('f64.load', 8 * i);
    },
    store: (k, push) => {
      const [array, i] = outputs[k]!;
      f.get(first + spec.inputs.length + array);
      push();
      f.memory('f64.store', 8 * i);
    },
  };
}

function single(f: WasmFunction, spec: FunctionSpec, host: HostFunctions): void {
  emitProgram(f, programOf(spec), 1, scalarAccess(f, spec, 0, host));
}

/**
 * The loop over evaluations: in pairs, one per lane, where they are independent. Of an odd count the last one is done in
 * both lanes, which write the same.
 */
function many(f: WasmFunction, spec: FunctionSpec, host: HostFunctions): void {
  const arrays = [...spec.inputs, ...spec.outputs];
  const paired = spec.each === 'independent';
  const count = 0;
  const first = 1;
  const second = arrays.map(() => (paired ? f.local('i32') : -1));
  const strides = arrays.map((a) => ('shared' in a && a.shared === true ? 0 : 8 * a.elements.length));
  f.repeat(count, paired ? 2 : 1, (i) => {
    if (paired) {
      // All ones where there is a second evaluation.
      const mask = f.local('i32');
      f.i32(0).get(i).i32(1).op('i32.add').get(count).op('i32.lt_s', 'i32.sub').set(mask);
      arrays.forEach((_, k) => {
        f.get(first + k)
          .get(mask)
          .i32(strides[k]!)
          .op('i32.and', 'i32.add')
          .set(second[k]!);
      });
      emitProgram(f, programOf(spec), 2, pairAccess(f, spec, first, second, host));
    } else emitProgram(f, programOf(spec), 1, scalarAccess(f, spec, first, host));
    arrays.forEach((_, k) => {
      if (strides[k] === 0) return;
      f.get(first + k)
        .i32((paired ? 2 : 1) * strides[k]!)
        .op('i32.add')
        .set(first + k);
    });
  });
}

function pairAccess(
  f: WasmFunction,
  spec: FunctionSpec,
  first: number,
  second: readonly number[],
  host: HostFunctions,
): Surroundings {
  const inputs = places(spec.inputs);
  const outputs = places(spec.outputs);
  return {
    host,
    load: (k) => {
      const [array, i] = inputs[k]!;
      if (spec.inputs[array]!.shared === true) {
        f.get(first + array).memory('v128.load64_splat', 8 * i);
        return;
      }
      f.get(second[array]!)
        .get(first + array)
        .memory('v128.load64_zero', 8 * i);
      f.laneMemory('v128.load64_lane', 1, 8 * i);
    },
    store: (k, push) => {
      const [output, i] = outputs[k]!;
      const array = spec.inputs.length + output;
      f.get(first + array);
      push();
      f.laneMemory('v128.store64_lane', 0, 8 * i);
      f.get(second[array]!);
      push();
      f.laneMemory('v128.store64_lane', 1, 8 * i);
    },
  };
}
