/** Turns what a TypeBox schema finds wrong with a value into one problem a person can act on. */
import type { TSchema } from 'typebox';
import Value from 'typebox/value';

/** `path` as people write it (`axes[3].velocity`), `value` as text, `rule` to follow "is …, but …". */
export interface SchemaProblem {
  readonly path: string;
  readonly value: string;
  readonly rule: string;
}

interface Finding {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** The first thing wrong with the value, unknown keys before missing and wrong ones; null when it fits. */
export function schemaProblem(schema: TSchema, value: unknown): SchemaProblem | null {
  if (Value.Check(schema, value)) return null;
  const findings = Value.Errors(schema, value) as readonly Finding[];
  const unknown = findings.find(
    (f) => f.keyword === 'boolean' && f.schemaPath.endsWith('additionalProperties'),
  );
  if (unknown !== undefined) return unknownKey(schema, value, unknown);
  const missing = findings.find((f) => f.keyword === 'required');
  if (missing !== undefined) {
    const key = (missing.params['requiredProperties'] as string[])[0]!;
    return {
      path: showPath([...split(missing.instancePath), key]),
      value: 'missing',
      rule: `it is required${describe(schema, [...split(missing.instancePath), key])}`,
    };
  }
  const finding = findings[0];
  if (finding === undefined)
    return { path: '(top)', value: showValue(value), rule: 'it does not fit the schema' };
  const keys = split(finding.instancePath);
  return { path: showPath(keys), value: showValue(at(value, keys)), rule: ruleOf(finding) };
}

function unknownKey(schema: TSchema, value: unknown, finding: Finding): SchemaProblem {
  const keys = split(finding.instancePath);
  const key = keys.at(-1)!;
  const inside = schemaAt(schema, keys.slice(0, -1));
  const known = Object.keys((inside?.['properties'] as object | undefined) ?? {});
  const near = nearest(key, known);
  const hint = near === null ? `known keys: ${known.join(', ')}` : `did you mean ${near}?`;
  return { path: showPath(keys), value: showValue(at(value, keys)), rule: `there is no such key; ${hint}` };
}

function ruleOf(finding: Finding): string {
  const { keyword, params } = finding;
  switch (keyword) {
    case 'type': {
      const type = String(params['type']);
      const words: Record<string, string> = {
        number: 'a finite number',
        integer: 'a whole number',
        string: 'text (quote it if it looks like a number)',
        array: 'a list',
        object: 'a section of keys and values',
      };
      return `it must be ${words[type] ?? type}`;
    }
    case 'enum':
      return `it must be one of ${(params['allowedValues'] as unknown[]).join(', ')}`;
    case 'pattern':
      return `it must match ${params['pattern']}`;
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return `it must be ${String(params['comparison']).replace('>=', '≥').replace('<=', '≤')} ${params['limit']}`;
    case 'minItems':
      return `the list must have at least ${params['limit']} entries`;
    case 'maxItems':
      return `the list must have at most ${params['limit']} entries`;
    case 'boolean':
      return 'the list has fewer entries';
    case 'minLength':
      return 'it must not be empty';
    default:
      return `it ${finding.message}`;
  }
}

type AnySchema = Readonly<Record<string, unknown>>;

function schemaAt(schema: TSchema, keys: readonly string[]): AnySchema | null {
  let here: AnySchema | undefined = schema as unknown as AnySchema;
  for (const key of keys) {
    const items: unknown = here?.['items'];
    if (items !== undefined)
      here = (Array.isArray(items) ? items[Number(key)] : items) as AnySchema | undefined;
    else here = (here?.['properties'] as Record<string, AnySchema> | undefined)?.[key];
  }
  return here ?? null;
}

function describe(schema: TSchema, keys: readonly string[]): string {
  const text = schemaAt(schema, keys)?.['description'];
  return typeof text === 'string' ? ` (${text.replace(/\.$/, '')})` : '';
}

function split(pointer: string): string[] {
  if (pointer === '') return [];
  return pointer
    .slice(1)
    .split('/')
    .map((k) => k.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function showPath(keys: readonly string[]): string {
  let text = '';
  for (const key of keys) text += /^\d+$/.test(key) ? `[${key}]` : `${text === '' ? '' : '.'}${key}`;
  return text === '' ? '(top)' : text;
}

function at(value: unknown, keys: readonly string[]): unknown {
  let here = value;
  for (const key of keys) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined;
    here = (here as Record<string, unknown>)[key];
  }
  return here;
}

/** A value as short text for an error. */
export function showValue(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** The known name closest to `key`, if it is close enough to be meant. */
export function nearest(key: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let distance = Math.max(2, Math.floor(key.length / 3)) + 1;
  for (const name of known) {
    const d = editDistance(key.toLowerCase(), name.toLowerCase());
    if (d < distance) {
      best = name;
      distance = d;
    }
  }
  return best;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
