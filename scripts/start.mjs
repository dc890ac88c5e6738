/**
 * npm start: installs and builds what is missing, then becomes `armloop up`. It runs in this very process, so that
 * Ctrl-C reaches `up` once and nothing stands between the two.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './lib.mjs';

await prepare();
const main = join(root, 'dist', 'src', 'main.js');
process.argv = [process.argv[0], main, 'up', ...process.argv.slice(2)];
await import(pathToFileURL(main).href);
