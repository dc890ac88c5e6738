/** npm run package: builds everything and packs it. The last line of stdout is the path of the tarball. */
import { join } from 'node:path';
import { npm, prepare, root, say } from './lib.mjs';

await prepare({ quiet: true });
say('packing …');
const { code, output } = await npm(['pack', '--ignore-scripts', '--json', '--loglevel=error'], {
  capture: true,
});
if (code !== 0) {
  process.stderr.write(output);
  process.exit(1);
}
// npm may print warnings around the JSON.
const [pack] = JSON.parse(output.slice(output.indexOf('[\n'), output.lastIndexOf(']') + 1));
say(
  `${pack.entryCount} files, ${(pack.unpackedSize / 2 ** 20).toFixed(1)} MiB unpacked; install it elsewhere with:`,
);
say(`npm i --ignore-scripts ${join(root, pack.filename)}`);
process.stdout.write(`${join(root, pack.filename)}\n`);
