import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { packageRoot } from '../../src/root.ts';

const read = (file: string): string => readFileSync(join(packageRoot(), file), 'utf8');

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly engines?: { readonly node?: string };
  readonly resolved?: string;
  readonly integrity?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
const lock = JSON.parse(read('package-lock.json')) as {
  lockfileVersion: number;
  packages: Record<string, Locked>;
};
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
const manifest = JSON.parse(read('package.json')) as {
  engines: { node: string };
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};
const nameOf = (path: string): string =>
  path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** Licences that ask for no more than the notice. BlueOak and Python-2.0 are of that kind too. */
const PERMISSIVE = new Set(
  'MIT MIT-0 ISC Apache-2.0 BSD-2-Clause BSD-3-Clause 0BSD BlueOak-1.0.0 Unlicense CC0-1.0 Python-2.0 Zlib'.split(
    ' ',
  ),
);
/** sharp's prebuilt libvips is a separate shared library, used unchanged (LGPL-3.0-or-later, sharp's own README). */
const SHARED_LIBRARIES = /^@img\/sharp-(libvips-|win32-|wasm32)/;

describe('the lock file', () => {
  it('names no registry host', () => {
    assert.equal(lock.lockfileVersion, 3);
    assert.deepEqual(
      packages.filter(([, p]) => p.resolved !== undefined).map(([path]) => path),
      [],
    );
    assert.doesNotMatch(read('package-lock.json'), /registry\.|:\/\/[^"]*\.tgz/);
  });

  it('is written and installed with the settings of .npmrc', () => {
    const settings = read('.npmrc').trim().split('\n').sort();
    for (const line of ['ignore-scripts=true', 'omit-lockfile-registry-resolved=true']) {
      assert.ok(settings.includes(line), `.npmrc lacks ${line}`);
    }
    assert.doesNotMatch(read('.npmrc'), /registry=|_auth/);
  });

  it('lists linux, darwin and win32 binaries of every native package that runs', () => {
    const families = new Map<string, Set<string>>();
    for (const [path, p] of packages) {
      if (p.os === undefined || p.dev === true) continue;
      const family = nameOf(path).replace(
        /-(linux|linuxmusl|darwin|win32|freebsd|android|openbsd|netbsd|aix|sunos).*$/,
        '',
      );
      const systems = families.get(family) ?? new Set();
      for (const os of p.os) systems.add(`${os}`);
      families.set(family, systems);
    }
    assert.ok(families.has('@img/sharp'), 'sharp is native, so it must be seen here');
    for (const [family, systems] of families) {
      // libvips of Windows is inside sharp's own Windows package.
      const needed = family === '@img/sharp-libvips' ? ['linux', 'darwin'] : ['linux', 'darwin', 'win32'];
      for (const os of needed) assert.ok(systems.has(os), `${family} has no package for ${os}`);
    }
  });

  it('has every package of every system, or npm ci refuses it elsewhere', () => {
    const names = new Set(packages.map(([path]) => nameOf(path)));
    for (const [path, p] of packages) {
      assert.ok(p.version !== undefined && p.integrity !== undefined, path);
      for (const name of Object.keys(p.optionalDependencies ?? {}))
        assert.ok(names.has(name), `${path}: ${name}`);
    }
  });

  it('holds only permissive licences', () => {
    const bad = packages.filter(([path, p]) => {
      if (SHARED_LIBRARIES.test(nameOf(path))) return false;
      const terms = (p.license ?? 'none').replace(/[()]/g, '').split(/ OR /);
      return !terms.some((t) => t.split(/ AND /).every((l) => PERMISSIVE.has(l.trim())));
    });
    assert.deepEqual(
      bad.map(([path, p]) => `${nameOf(path)}: ${p.license}`),
      [],
    );
  });

  it('holds only packages that run on the oldest Node that armloop supports', () => {
    const oldest = [20, 19, 0] as const;
    assert.equal(manifest.engines.node, `>=${oldest.join('.')}`);
    const bad = packages.filter(([, p]) => p.engines?.node !== undefined && !accepts(p.engines.node, oldest));
    assert.deepEqual(
      bad.map(([path, p]) => `${nameOf(path)} ${p.engines?.node}`),
      [],
    );
  });

  it('package.json asks for exact versions, which the lock has', () => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      assert.match(version, /^\d+\.\d+\.\d+([-+][\w.]+)?$/, `${name} ${version}`);
      assert.equal(lock.packages[`node_modules/${name}`]?.version, version, name);
    }
  });
});

it('the reader of version ranges', () => {
  const v = [20, 19, 0] as const;
  for (const yes of [
    '*',
    '>=18',
    '>= 14.0.0',
    '^20.9.0 || >=21.1',
    '20 || >=22',
    '^20.19.0 || >=22.12.0',
    '18.x || 20.x',
    '>=12 <23',
    '^18.17.0 || ^20.3.0 || >=21.0.0',
    '20.19.0',
    '~20.19.0',
    'node >=6',
  ]) {
    assert.ok(accepts(yes.replace('node ', ''), v), yes);
  }
  for (const no of ['>=22', '^18', '>=20.19.1', '^22.12.0 || >=24', '<20', '~20.18.0', '>20.19.0'])
    assert.ok(!accepts(no, v), no);
});

type Version = readonly [number, number, number];

/** Whether a range of the forms that package.json files use accepts a version. */
function accepts(range: string, version: Version): boolean {
  return range.split('||').some((part) => {
    const terms = part
      .trim()
      .replace(/([<>=^~]+)\s+/g, '$1')
      .split(/\s+/)
      .filter((t) => t !== '');
    return terms.every((term) => acceptsTerm(term, version));
  });
}

function acceptsTerm(term: string, version: Version): boolean {
  const match = /^(?<op>[<>=^~]*)v?(?<major>\d+|[x*])(?:\.(?<minor>\d+|[x*]))?(?:\.(?<patch>\d+|[x*]))?/.exec(
    term,
  );
  if (match === null) return false;
  const { op, major, minor, patch } = match.groups as Record<string, string | undefined>;
  if (!/\d/.test(major!)) return true;
  const parts = [major, minor, patch].map((p) => (p !== undefined && /\d/.test(p) ? Number(p) : null));
  const low = parts.map((p) => p ?? 0) as unknown as Version;
  const order = compare(version, low);
  if (op === '>=') return order >= 0;
  if (op === '>') return parts[1] === null ? version[0] > low[0] : order > 0;
  if (op === '<') return order < 0;
  if (op === '<=') return parts[1] === null ? version[0] <= low[0] : order <= 0;
  if (op === '^') return order >= 0 && version[0] === low[0];
  if (op === '~') return order >= 0 && version[0] === low[0] && (parts[1] === null || version[1] === low[1]);
  return parts.every((p, i) => p === null || p === version[i]);
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
