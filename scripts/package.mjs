/**
 * npm run package [-- FOLDER]: builds everything and packs it, into FOLDER or here. The last line of stdout is the
 * path of the tarball.
 */
import { join, resolve } from 'node:path';
import { npm, prepare, root, say } from './lib.mjs';

const folder = resolve(process.argv[2] ?? root);
await prepare({ quiet: true });
say('packing …');
const args = ['pack', '--ignore-scripts', '--json', '--loglevel=error', '--pack-destination', folder];
const { code, output } = await npm(args, { capture: true });
if (code !== 0) {
  process.stderr.write(output);
  process.exit(1);
}
// npm may print warnings around the JSON.
const [pack] = JSON.parse(output.slice(output.indexOf('[\n'), output.lastIndexOf(']') + 1));
const file = join(folder, pack.filename);
say(
  `${pack.entryCount} files, ${(pack.unpackedSize / 2 ** 20).toFixed(1)} MiB unpacked; install it elsewhere with:`,
);
say(`npm i --ignore-scripts ${file}`);
process.stdout.write(`${file}\n`);
