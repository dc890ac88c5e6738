/** zstd for MCAP chunks, from a WebAssembly build; loaded once per thread. */
import { createRequire } from 'node:module';
import type { McapTypes } from '@mcap/core';

type Zstd = typeof import('@foxglove/wasm-zstd');
export type DecompressHandlers = McapTypes.DecompressHandlers;

let loaded: Promise<Zstd> | undefined;

export function loadZstd(): Promise<Zstd> {
  // The package is CommonJS and exports a namespace of functions, which `import` of it would wrap in `default`.
  loaded ??= (async () => {
    const zstd = createRequire(import.meta.url)('@foxglove/wasm-zstd') as Zstd;
    await zstd.isLoaded;
    return zstd;
  })();
  return loaded;
}

/** What @mcap/core's readers need to open compressed chunks. */
export async function decompressHandlers(): Promise<DecompressHandlers> {
  const zstd = await loadZstd();
  return { zstd: (bytes, size) => zstd.decompress(bytes, Number(size)) };
}

/** Level 1: ticks shrink to about a third at some hundred MB/s, and JPEG does not shrink at any level. */
export const ZSTD_LEVEL = 1;
