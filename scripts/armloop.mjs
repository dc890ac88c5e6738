/** npm run --silent armloop -- ARGS: the command from the checkout, built when sources changed. stdout stays its own. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './lib.mjs';

const args = process.argv.slice(2);
await prepare({ quiet: true, page: args[0] === 'up' || args[0] === 'server' });
const main = join(root, 'dist', 'src', 'main.js');
process.argv = [process.argv[0], main, ...args];
await import(pathToFileURL(main).href);
