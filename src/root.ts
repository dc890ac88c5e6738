/** Where armloop is installed: robots, models and the built console are read from here. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ArmloopError } from './errors.ts';

let found = '';
let version = '';

/** Folder of the package.json named armloop, found by walking up from this file. Throws INTERNAL. */
export function packageRoot(): string {
  if (found !== '') return found;
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = join(folder, 'package.json');
    if (existsSync(file)) {
      const json = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
      if (json.name === 'armloop') {
        found = folder;
        version = json.version ?? '';
        return found;
      }
    }
    const parent = dirname(folder);
    if (parent === folder) {
      throw new ArmloopError('INTERNAL', { what: `no package.json named armloop above ${import.meta.url}` });
    }
    folder = parent;
  }
}

/** Version of the running armloop, as in its package.json. */
export function packageVersion(): string {
  packageRoot();
  return version;
}
