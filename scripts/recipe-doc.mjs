/** Writes the tables of docs/train.md from the recipe schemas; with --check only says whether they are up to date. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, root } from './lib.mjs';

/** The page with the text between each pair of `<!-- NAME -->` and `<!-- /NAME -->` replaced by the table of that name. */
export function recipePage(page, schemas) {
  let text = page;
  for (const [name, schema] of Object.entries(schemas)) {
    const pattern = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`);
    if (!pattern.test(text)) throw new Error(`docs/train.md has no place for ${name}`);
    text = text.replace(pattern, (_, begin, end) => `${begin}\n${table(schema)}\n\n${end}`);
  }
  return text;
}

function table(schema) {
  const rows = entries(schema, '').map(
    ({ path, value, text }) => `| \`${path}\` | ${value} | ${text.replaceAll('|', '\\|')} |`,
  );
  return ['| entry | default | what it is |', '|---|---|---|', ...rows].join('\n');
}

/** Every entry that holds a value; sections are walked into, list elements are written `[]`. */
function entries(schema, path) {
  const found = [];
  for (const [key, inner] of Object.entries(schema.properties)) {
    const at = path === '' ? key : `${path}.${key}`;
    const required = (schema.required ?? []).includes(key);
    const item = inner.type === 'array' ? inner.items : null;
    if (inner.type === 'object') found.push(...entries(inner, at));
    else {
      found.push({ path: at, value: shown(inner, required), text: describe(inner) });
      if (item?.type === 'object') found.push(...entries(item, `${at}[]`));
    }
  }
  return found;
}

function shown(schema, required) {
  if ('const' in schema) return `\`${schema.const}\``;
  if (schema.default === undefined) return required ? 'required' : '–';
  return `\`${typeof schema.default === 'string' ? schema.default || '""' : JSON.stringify(schema.default)}\``;
}

function describe(schema) {
  const choices =
    schema.enum === undefined ? '' : `One of ${schema.enum.map((v) => `\`${v}\``).join(', ')}. `;
  return `${choices}${schema.description ?? ''}`.trim();
}

/** The tables of the page by name, from the built schemas. */
export async function recipeSchemas() {
  const load = (path) => import(pathToFileURL(join(root, 'dist', 'src', ...path)).href);
  const { recipeSchema } = await load(['learn', 'recipe-schema.js']);
  const { encoderConfig, HEADS } = await load(['nn', 'networks', 'config.js']);
  const heads = Object.entries(HEADS).map(([kind, schema]) => [`head ${kind}`, schema]);
  return { recipe: recipeSchema, encoder: encoderConfig, ...Object.fromEntries(heads) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!(await build({ page: false, quiet: true }))) process.exit(1);
  const target = join(root, 'docs', 'train.md');
  const page = readFileSync(target, 'utf8');
  const text = recipePage(page, await recipeSchemas());
  if (process.argv.includes('--check')) {
    if (page !== text) {
      process.stderr.write('docs/train.md is out of date: node scripts/recipe-doc.mjs\n');
      process.exit(1);
    }
  } else writeFileSync(target, text);
}
