/** Builds the console to dist/console: `npx vite build -c src/console/vite.config.ts`. */
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));

export default defineConfig({
  root: here,
  // Relative, so that the page works under any prefix of a proxy.
  base: './',
  plugins: [svelte({ configFile: false, compilerOptions: { runes: true } })],
  worker: { format: 'es' },
  build: {
    outDir: fileURLToPath(new URL('../../dist/console', import.meta.url)),
    emptyOutDir: true,
    target: 'es2022',
    // three alone is above the default warning limit.
    chunkSizeWarningLimit: 1200,
    // Everything from the server's own origin, nothing inlined: a strict content security policy can hold.
    assetsInlineLimit: 0,
  },
  server: {
    // `npx vite -c src/console/vite.config.ts` beside a running `armloop up`.
    proxy: { '/api': { target: 'http://127.0.0.1:7411', ws: true, changeOrigin: true } },
  },
});
