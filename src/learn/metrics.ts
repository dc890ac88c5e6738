/**
 * metrics.jsonl of a run: one JSON object a line, appended while it trains. A last line that a kill cut off is ignored,
 * and a resumed run drops the lines of steps that it does again.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { writeAtomically } from '../record/files.ts';

/** Means over the steps since the last such line. */
export interface TrainLine {
  /** Optimiser steps done. */
  readonly step: number;
  /** s of training so far. */
  readonly time: number;
  readonly loss: number;
  /** What the head measures beside its loss, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Global norm of the gradient before clipping. */
  readonly gradNorm: number;
  readonly lr: number;
  readonly samplesPerS: number;
  /** Time a step waited for its batch, ms. */
  readonly waitedMs: number;
}

/** How the averaged weights do on the held-out episodes. */
export interface Validation {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Mean absolute error of the actions by unit: `rad`, `m`, `1` (columns of rotation matrices). */
  readonly error: Readonly<Record<string, number>>;
  /** Samples it was measured on. */
  readonly samples: number;
}

export interface ValidationLine {
  readonly step: number;
  readonly time: number;
  readonly validation: Validation;
}

export type MetricsLine = TrainLine | ValidationLine;

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
