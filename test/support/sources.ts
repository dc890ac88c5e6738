/** The sources of the repository, for the tests that keep its rules. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { packageRoot } from '../../src/root.ts';

export interface Source {
  /** From the repository root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

const IGNORED = new Set(['node_modules', 'dist', 'workspace', '.git', '.cache', '.venv']);

/** All files of the repository below the folders whose names end in one of the endings, sorted by path. */
export function sources(folders: readonly string[], endings: readonly string[]): Source[] {
  const root = packageRoot();
  const found: Source[] = [];
  const visit = (path: string): void => {
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) if (!IGNORED.has(name)) visit(join(path, name));
    } else if (endings.some((e) => path.endsWith(e))) {
      found.push({ path: relative(root, path).split(sep).join('/'), text: readFileSync(path, 'utf8') });
    }
  };
  for (const folder of folders) {
    const path = join(root, folder);
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) visit(path);
  }
  return found;
}

export interface Import {
  readonly from: string;
  /** Repository path for a relative import, else the package's name. */
  readonly to: string;
  readonly package: boolean;
  /** `import type`: erased, so nothing is loaded. */
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

const STATIC = /^(?:import|export)\s(?<kind>type\s)?(?:[^'";]*?\sfrom\s)?['"](?<name>[^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"](?<name>[^'"]+)['"]\s*,?\s*\)/g;
const WORKER = /\bnew URL\(\s*['"](?<name>\.[^'"]+)['"],\s*import\.meta\.url/g;

/** What a source imports: statically, by `import('…')`, or as the file of a worker (`new URL('./x.js', …)`). */
export function importsOf(source: Source): Import[] {
  const code = source.text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const found: Import[] = [];
  for (const [pattern, dynamic] of [
    [STATIC, false],
    [DYNAMIC, true],
    [WORKER, true],
  ] as const) {
    for (const { groups } of code.matchAll(pattern)) {
      const name = groups!['name']!;
      const local = name.startsWith('.');
      const typeOnly = groups!['kind'] !== undefined;
      found.push({
        from: source.path,
        to: local ? target(source.path, name) : packageName(name),
        package: !local,
        typeOnly,
        dynamic,
      });
    }
  }
  return found;
}

function target(from: string, name: string): string {
  return posix.join(dirname(from), name).replace(/\.js$/, '.ts');
}

function packageName(name: string): string {
  if (name.startsWith('node:')) return name;
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}
