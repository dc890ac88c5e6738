/**
 * metrics.jsonl of a run: one JSON object a line, appended while it trains. A last line that a kill cut off is ignored,
 * and a resumed run drops the lines of steps that it does again.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { writeAtomically } from '../record/files.ts';
import type { MetricsLine } from '../server/learning-protocol.ts';

export type { MetricsLine, TrainLine, Validation, ValidationLine } from '../server/learning-protocol.ts';

export class MetricsFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  append(line: MetricsLine): void {
    appendFileSync(this.path, `${JSON.stringify(line)}\n`);
  }

  /** Every whole line, oldest first. */
  read(): MetricsLine[] {
    if (!existsSync(this.path)) return [];
    const lines = readFileSync(this.path, 'utf8').split('\n');
    // What follows the last line break is no whole line.
    lines.pop();
    return lines.map((line) => JSON.parse(line) as MetricsLine);
  }

  /** Keeps the lines up to that step. In one step, so that a kill leaves the old or the new file. */
  rewind(step: number): void {
    const kept = this.read().filter((line) => line.step <= step);
    writeAtomically(this.path, kept.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
}
