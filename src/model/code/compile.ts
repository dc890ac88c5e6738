/** From function specifications to functions that can be called, in either form, by way of the cache. */
import type { Arena } from './arena.ts';
import { assembleWasm, HOST } from './assemble.ts';
import { cached } from './cache.ts';
import { emitJs } from './emit-js.ts';
import { instantiate, type WasmExport } from './engine.ts';
import type { FunctionSpec } from './program.ts';

export type CodeForm = 'js' | 'wasm';

export interface CodeSource {
  /** Everything that the functions follow from, as text: equal keys mean equal functions. */
  readonly key: string;
  /** Traces the functions; not called when the cache has their code. */
  readonly functions: () => readonly FunctionSpec[];
}

/**
 * A function over arrays: `f(inputs …, outputs …)`; over many evaluations `f(count, array, start, array, start, …)`, start
 * being the index of the first evaluation's element 0.
 */
export type JsKernel = (...args: (number | Float64Array)[]) => void;

/** Compiled as JavaScript. `folder`: cache, null for none. */
export function compileJs(source: CodeSource, folder: string | null): Readonly<Record<string, JsKernel>> {
  const code = cached(folder, `js\n${source.key}`, () =>
    new TextEncoder().encode(emitJs(source.functions())),
  );
  const make = new Function(`return ${new TextDecoder().decode(code)}`) as () => Record<string, JsKernel>;
  return make();
}

/**
 * Compiled as WebAssembly on an arena's memory: functions of pointers into it (`array.byteOffset`, of arrays that
 * `arena.alloc` made): `f(inputs …, outputs …)`, over many evaluations `f(count, inputs …, outputs …)`. Long functions take
 * some KiB of the arena for themselves.
 */
export function compileWasm(
  source: CodeSource,
  folder: string | null,
  arena: Arena,
): Readonly<Record<string, WasmExport>> {
  // What is kept: the size of the scratch memory, as decimal digits and a new line, then the module.
  const code = cached(folder, `wasm\n${source.key}`, () => {
    const { bytes, scratch } = assembleWasm(source.functions());
    return Buffer.concat([Buffer.from(`${scratch}\n`), bytes]);
  });
  const end = code.indexOf(NEW_LINE);
  const size = Number(new TextDecoder().decode(code.subarray(0, end)));
  const scratch = size === 0 ? 0 : arena.reserve(size);
  return instantiate(code.subarray(end + 1), arena.memory, { ...HOST, scratch });
}

const NEW_LINE = 10;
