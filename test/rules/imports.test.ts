import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { packageRoot } from '../../src/root.ts';
import { type Import, importsOf, sources } from '../support/sources.ts';

const CODE = ['src', 'drivers', 'sim', 'policies', 'bench'];
const all: Import[] = sources(CODE, ['.ts', '.svelte', '.svelte.ts']).flatMap((s) =>
  importsOf(s.path.endsWith('.svelte') ? { ...s, text: scripts(s.text) } : s),
);

/** The script parts of a Svelte component, without their indentation. */
function scripts(text: string): string {
  const parts = [...text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)];
  return parts.map((m) => m[1]!.replace(/^[ \t]+/gm, '')).join('\n');
}

const under = (path: string, ...places: readonly string[]): boolean =>
  places.some((p) => path === p || path.startsWith(`${p}/`));

/** Fails with one line per wrong arrow. */
function none(wrong: readonly Import[], why: string): void {
  assert.deepEqual(
    wrong.map((i) => `${i.from} → ${i.to}`),
    [],
    why,
  );
}

/** What everything may build on. */
const NOUNS = ['src/errors.ts', 'src/math', 'src/robot'];
const SITE = ['drivers', 'sim', 'policies'];
/** The composition root: the one place that loads what a robot file names. */
const ROOT = 'src/rig/kinds.ts';

describe('import arrows', () => {
  it('the reader of imports sees what there is', () => {
    assert.ok(all.length > 50);
    const text = [
      "import { a } from './a.ts';",
      "import type { B } from '../b.ts';",
      "export { c } from 'pkg/sub';",
      'import {\n  d,\n  e,\n} from "@scope/x/y";',
      "import './side.ts';",
      "const f = await import('./f.ts');",
      "new Worker(new URL('./w.js', import.meta.url));",
      "// import { no } from './no.ts';",
    ].join('\n');
    const seen = importsOf({ path: 'src/x/y.ts', text }).map((i) => i.to);
    const want = ['src/x/a.ts', 'src/b.ts', 'pkg', '@scope/x', 'src/x/side.ts', 'src/x/f.ts', 'src/x/w.ts'];
    assert.deepEqual(seen, want);
  });

  it('compiled code loads compiled code: TypeScript leaves import() as it is in a function that has `using`', () => {
    const dist = join(packageRoot(), 'dist');
    const left = readdirSync(dist, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.js') && !name.startsWith('console'))
      .filter((name) => name !== join('test', 'rules', 'imports.test.js'))
      .filter((name) => /\bimport\(\s*['"][^'"]+\.ts['"]/.test(readFileSync(join(dist, name), 'utf8')));
    assert.deepEqual(left, [], 'load it in a function of its own, or at the top of the file');
  });

  it('src/math and src/robot build on nothing above them, nor on Node: browsers use them too', () => {
    const math = all.filter((i) => under(i.from, 'src/math') && !under(i.to, 'src/math', 'src/errors.ts'));
    none(math, 'src/math imports itself and src/errors.ts only');
    none(
      all.filter((i) => under(i.from, 'src/robot') && !under(i.to, ...NOUNS, 'typebox')),
      'src/robot imports src/math, src/errors.ts and typebox only',
    );
  });

  it('site folders see only the nouns of the engine, and not each other', () => {
    for (const site of SITE) {
      none(
        all.filter((i) => under(i.from, site) && !i.package && !under(i.to, site, ...NOUNS)),
        `${site} may import src/robot, src/math and src/errors.ts`,
      );
    }
    // drivers/bus is no driver: it is what the drivers of serial buses share.
    const drivers = all.filter((i) => under(i.from, 'drivers') && under(i.to, 'drivers'));
    none(
      drivers.filter((i) => i.from.split('/')[1] !== i.to.split('/')[1] && !under(i.to, 'drivers/bus')),
      'one driver does not use another',
    );
  });

  it('the engine names no site folder: kinds are found by name when the rig is put together', () => {
    none(
      all.filter(
        (i) => under(i.from, 'src') && under(i.to, ...SITE, 'test') && !(i.from === ROOT && i.dynamic),
      ),
      'src never imports drivers, sim or policies; the composition root does, when it is asked for them',
    );
    const named = sources(['src'], ['.ts']).filter((s) =>
      /['"`/](?:drivers|sim|policies)\//.test(strip(s.text)),
    );
    const allowed = [ROOT, 'src/config-schema.ts'];
    assert.deepEqual(
      named.map((s) => s.path).filter((p) => !allowed.includes(p) && !p.startsWith('src/cli/')),
      [],
      'only the composition root (src/rig/kinds.ts) knows where site folders are',
    );
  });

  it('the loop, the controllers and the model know no process, file format, server or command', () => {
    const high = ['rig', 'session', 'server', 'cli', 'console', 'record', 'episode', 'main.ts', 'config.ts'];
    none(
      all.filter(
        (i) =>
          under(i.from, 'src/loop', 'src/control', 'src/model') &&
          under(i.to, ...high.map((h) => `src/${h}`)),
      ),
      'the loop is below them',
    );
    none(
      all.filter((i) => under(i.from, 'src/loop', 'src/control') && i.package && !i.to.startsWith('node:')),
      'the loop thread loads no package',
    );
  });

  it('the page loads only what a browser can run', () => {
    const open = [
      ...NOUNS,
      'src/console',
      'src/server/protocol.ts',
      'src/server/learning-protocol.ts',
      'src/server/calibration-protocol.ts',
      'src/model',
    ];
    none(
      all.filter(
        (i) => under(i.from, 'src/console') && !i.package && i.to.startsWith('src/') && !under(i.to, ...open),
      ),
      'src/console imports the nouns, the protocols and the model',
    );
    none(
      all.filter(
        (i) => under(i.from, 'src/console') && i.to.startsWith('node:') && !i.from.endsWith('vite.config.ts'),
      ),
      'no Node modules in the page',
    );
  });

  it('only drivers talk to hardware, and only sim to the physics engine', () => {
    const hardware = ['serialport', 'rclnodejs', 'node-hid'];
    none(
      all.filter((i) => i.package && hardware.includes(i.to) && !under(i.from, 'drivers')),
      'buses belong to drivers',
    );
    none(
      all.filter((i) => i.to === '@mujoco/mujoco' && !under(i.from, 'sim', 'bench')),
      'the loop thread never calls MuJoCo',
    );
  });

  it('every package that runs is a dependency', () => {
    const json = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const run = all.filter(
      (i) => i.package && !i.to.startsWith('node:') && !under(i.from, 'src/console') && !i.typeOnly,
    );
    none(
      run.filter((i) => json.dependencies[i.to] === undefined),
      'not in dependencies of package.json',
    );
  });

  it('folders of src do not depend on each other in a circle', () => {
    const graph = new Map<string, Set<string>>();
    for (const i of all) {
      // A process that starts another names the bin, which it does not import.
      if (!under(i.from, 'src') || i.package || i.typeOnly || i.to === 'src/main.ts') continue;
      const [a, b] = [folder(i.from), folder(i.to)];
      if (a !== b) graph.set(a, (graph.get(a) ?? new Set()).add(b));
    }
    assert.equal(circle(graph), null);
    const ring = new Map([
      ['a', new Set(['b'])],
      ['b', new Set(['c'])],
      ['c', new Set(['a'])],
    ]);
    assert.match(circle(ring)!, /→/, 'a circle is seen');
  });
});

/** Code without comments. */
const strip = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');

/** What counts as one part. The protocol is a contract between the server and those on its two sides. */
const folder = (path: string): string =>
  path === 'src/server/protocol.ts' ? path : path.split('/').slice(0, 2).join('/');

/** One circle of the graph as text, or null. */
function circle(graph: ReadonlyMap<string, ReadonlySet<string>>): string | null {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): string | null => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node].join(' → ');
    if (done.has(node)) return null;
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      const found = visit(next);
      if (found !== null) return found;
    }
    path.pop();
    done.add(node);
    return null;
  };
  for (const node of graph.keys()) {
    const found = visit(node);
    if (found !== null) return found;
  }
  return null;
}
