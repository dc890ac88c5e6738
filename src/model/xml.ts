/** XML to a small element tree that remembers files and lines, and typed access to attributes with errors in words. */
import { readFileSync } from 'node:fs';
import { SaxesParser } from 'saxes';
import { ArmloopError } from '../errors.ts';

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  readonly file: string;
  readonly line: number;
}

/** Reads and parses a file. Throws MODEL_UNREADABLE, MODEL_SYNTAX. */
export function readXml(file: string): Element {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ArmloopError('MODEL_UNREADABLE', { file, reason }, { cause });
  }
  return parseXml(text, file);
}

/** Parses text; `file` is for messages. Throws MODEL_SYNTAX. */
export function parseXml(text: string, file: string): Element {
  const parser = new SaxesParser({ position: true });
  const top: Element = { name: '', attributes: {}, children: [], file, line: 1 };
  const stack: Element[] = [top];
  parser.on('error', (error) => {
    throw new ArmloopError('MODEL_SYNTAX', { file, line: parser.line, reason: error.message });
  });
  parser.on('opentag', (tag) => {
    const attributes = tag.attributes as Record<string, string>;
    const element: Element = { name: tag.name, attributes, children: [], file, line: parser.line };
    stack.at(-1)!.children.push(element);
    stack.push(element);
  });
  parser.on('closetag', () => {
    stack.pop();
  });
  parser.write(text).close();
  const root = top.children[0];
  if (!root) throw new ArmloopError('MODEL_SYNTAX', { file, line: 1, reason: 'there is no element' });
  return root;
}

/** How an element is named in messages: `<joint name="elbow">`. */
export function label(e: Element): string {
  const name = e.attributes['name'];
  return name === undefined ? `<${e.name}>` : `<${e.name} name="${name}">`;
}

/** Throws MODEL_INVALID for the element. */
export function invalid(e: Element, rule: string): never {
  throw new ArmloopError('MODEL_INVALID', { file: e.file, line: e.line, element: label(e), rule });
}

/** Throws MODEL_UNSUPPORTED for the element. */
export function unsupported(e: Element, rule: string): never {
  throw new ArmloopError('MODEL_UNSUPPORTED', { file: e.file, line: e.line, element: label(e), rule });
}

/** The numbers of an attribute, or null when it is absent. `counts` are the allowed lengths. */
export function numbers(e: Element, attribute: string, ...counts: number[]): number[] | null {
  const text = e.attributes[attribute];
  if (text === undefined) return null;
  const values = text.trim().split(/\s+/).map(Number);
  if (values.some((v) => !Number.isFinite(v)) || text.trim() === '') {
    invalid(e, `${attribute}="${text}" must be numbers separated by spaces`);
  }
  if (counts.length > 0 && !counts.includes(values.length)) {
    invalid(e, `${attribute}="${text}" must have ${counts.join(' or ')} numbers, not ${values.length}`);
  }
  return values;
}

/** One number, or the fallback when the attribute is absent. */
export function number(e: Element, attribute: string, fallback: number): number {
  return numbers(e, attribute, 1)?.[0] ?? fallback;
}

/** An attribute that must be there. */
export function required(e: Element, attribute: string): string {
  const value = e.attributes[attribute];
  if (value === undefined || value === '') invalid(e, `the attribute ${attribute} must be given`);
  return value;
}

/** The first child of that name. */
export function child(e: Element, name: string): Element | undefined {
  return e.children.find((c) => c.name === name);
}
