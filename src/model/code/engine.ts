/** The part of the WebAssembly JavaScript API in use here; the types of Node 20 leave it out. */

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

/** A compiled module; may be posted to worker threads. */
export type CompiledModule = object;

export type WasmExport = (...args: number[]) => number;

interface Api {
  readonly Memory: new (limits: { initial: number; maximum: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => CompiledModule;
  readonly Instance: new (
    module: CompiledModule,
    imports: { readonly env: Readonly<Record<string, unknown>> },
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  readonly validate: (bytes: Uint8Array) => boolean;
}

export const wasm = (globalThis as unknown as { readonly WebAssembly: Api }).WebAssembly;

/** Compiles the bytes of `WasmModule.build` and joins them to a memory, and functions and i32 globals of the host. */
export function instantiate(
  bytes: Uint8Array,
  memory: WasmMemory,
  imports: Readonly<Record<string, ((...args: number[]) => number) | number>> = {},
): Readonly<Record<string, WasmExport>> {
  const instance = new wasm.Instance(new wasm.Module(bytes), { env: { memory, ...imports } });
  return instance.exports as Readonly<Record<string, WasmExport>>;
}
