import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { it } from 'node:test';
import { buildProgram } from '../../src/cli/program.ts';
import { packageRoot } from '../../src/root.ts';
import { sources } from '../support/sources.ts';

const pages = sources(['.'], ['.md']).filter((s) => !s.path.startsWith('test/golden/'));

it('every link of the documentation leads somewhere', () => {
  const broken: string[] = [];
  let links = 0;
  for (const page of pages) {
    for (const [, link] of page.text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(link!)) continue;
      links++;
      if (!existsSync(join(packageRoot(), dirname(page.path), link!))) broken.push(`${page.path}: ${link}`);
    }
  }
  assert.ok(links > 5);
  assert.deepEqual(broken, []);
});

it('every page of docs is linked from another', () => {
  const lost = pages.filter((p) => {
    const name = p.path.split('/').at(-1)!;
    return (
      /^docs\/[^/]+\.md$/.test(p.path) &&
      !pages.some((o) => o !== p && new RegExp(`\\]\\([^)]*\\b${name}`).test(o.text))
    );
  });
  assert.deepEqual(
    lost.map((p) => p.path),
    [],
  );
});

it('the README lists the commands that there are', () => {
  const readme = pages.find((p) => p.path === 'README.md')!.text;
  const listed = readme
    .split('\n')
    .filter((l) => l.startsWith('| `'))
    .join('\n');
  for (const command of buildProgram().commands)
    assert.ok(listed.includes(`\`${command.name()}`), command.name());
});
