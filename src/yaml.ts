/** YAML as people write it into robot files and recipes: one value, or the line and the reason why there is none. */
import { parseDocument } from 'yaml';

export type YamlResult =
  | { readonly value: unknown }
  | { readonly line: number; readonly reason: string; readonly cause: unknown };

/** Aliases are followed at most 100 times, so that a small file cannot become a huge value. */
export function parseYaml(text: string): YamlResult {
  const document = parseDocument(text, { prettyErrors: true });
  const bad = document.errors[0] ?? document.warnings[0];
  if (bad !== undefined) {
    const reason = bad.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '');
    return { line: bad.linePos?.[0].line ?? 1, reason, cause: bad };
  }
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) };
  } catch (cause) {
    return { line: 1, reason: cause instanceof Error ? cause.message : String(cause), cause };
  }
}
