/** Writes docs/errors.md from the error table; with --check only says whether it is up to date. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, root } from './lib.mjs';

/** The page for a table and its source, whose `// --- title` comments part it into sections. */
export function errorsDoc(table, source) {
  const lines = [
    '# Errors',
    '',
    'Every error that armloop raises on purpose: its code, its text (values stand in braces) and what to do.',
    'Written by `node scripts/errors-doc.mjs` from `src/errors.ts`; a test keeps the two equal.',
  ];
  const pattern = /^ {2}(?:\/\/ --- (?<title>.+)|(?<code>[A-Z][A-Z0-9_]+): \{)/gm;
  for (const { groups } of source.matchAll(pattern)) {
    if (groups.title !== undefined) {
      lines.push('', `## ${groups.title[0].toUpperCase()}${groups.title.slice(1)}`);
      continue;
    }
    const entry = table[groups.code];
    lines.push('', `### ${groups.code}`, '', `> ${entry.text}`, '', entry.todo);
  }
  return `${lines.join('\n')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!(await build({ page: false, quiet: true }))) process.exit(1);
  const { ERRORS } = await import(pathToFileURL(join(root, 'dist', 'src', 'errors.js')).href);
  const text = errorsDoc(ERRORS, readFileSync(join(root, 'src', 'errors.ts'), 'utf8'));
  const target = join(root, 'docs', 'errors.md');
  if (process.argv.includes('--check')) {
    if (readFileSync(target, 'utf8') !== text) {
      process.stderr.write('docs/errors.md is out of date: node scripts/errors-doc.mjs\n');
      process.exit(1);
    }
  } else writeFileSync(target, text);
}
