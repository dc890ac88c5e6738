/**
 * An append-only file of facts, one JSON object a line. A crash can only tear the last line, which readers pass over
 * and the next writer cuts off. Lines are on disk when `append` returns.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { ArmloopError } from '../errors.ts';

export class Ledger<T extends object> implements Disposable {
  readonly path: string;
  #file: number;

  private constructor(path: string, file: number) {
    this.path = path;
    this.#file = file;
  }

  /** Opens for appending, made when missing. One writer at a time. */
  static open<T extends object>(path: string): Ledger<T> {
    mkdirSync(dirname(path), { recursive: true });
    const whole = existsSync(path) ? wholeLines(readFileSync(path)) : 0;
    const file = openSync(path, 'a');
    ftruncateSync(file, whole);
    return new Ledger(path, file);
  }

  append(fact: T): void {
    writeSync(this.#file, `${JSON.stringify(fact)}\n`);
    fdatasyncSync(this.#file);
  }

  [Symbol.dispose](): void {
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
  }
}

/** Every whole line; none when there is no file. Throws LEDGER_DAMAGED when a line that ends is no JSON object. */
export function readLedger<T extends object>(path: string): T[] {
  if (!existsSync(path)) return [];
  const bytes = readFileSync(path);
  const lines = bytes.toString('utf8', 0, wholeLines(bytes)).split('\n').slice(0, -1);
  return lines.map((line, i) => {
    try {
      const fact: unknown = JSON.parse(line);
      if (typeof fact === 'object' && fact !== null) return fact as T;
    } catch {
      // Told below, as is a line that holds something else.
    }
    throw new ArmloopError('LEDGER_DAMAGED', { file: path, line: i + 1, text: line.slice(0, 60) });
  });
}

/** Length of the part that ends with a newline. */
const wholeLines = (bytes: Uint8Array): number => bytes.lastIndexOf(10) + 1;
