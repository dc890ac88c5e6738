/** The log of a solve: a row of numbers per iteration, in memory of fixed size. */
import type { IterationLog } from './solver.ts';

export class Log<C extends string> implements IterationLog {
  readonly columns: readonly C[];
  readonly data: Float64Array;
  rows = 0;
  readonly #capacity: number;

  /** Room for `capacity` rows; later ones overwrite the last. */
  constructor(columns: readonly C[], capacity: number) {
    this.columns = columns;
    this.#capacity = capacity;
    this.data = new Float64Array(columns.length * capacity);
  }

  clear(): void {
    this.rows = 0;
  }

  /** Starts a row of NaN; returns where it starts in `data`. */
  begin(): number {
    if (this.rows < this.#capacity) this.rows++;
    const at = (this.rows - 1) * this.columns.length;
    this.data.fill(Number.NaN, at, at + this.columns.length);
    return at;
  }
}

/** One value of a log. Throws RangeError for a column or row that it does not have. */
export function logValue(log: IterationLog, row: number, column: string): number {
  const c = log.columns.indexOf(column);
  if (c < 0 || !(row >= 0 && row < log.rows)) throw new RangeError(`the log has no ${column} of row ${row}`);
  return log.data[row * log.columns.length + c]!;
}

/** The log as a table for people. */
export function logTable(log: IterationLog): string {
  const rows = [log.columns.map((c) => c.padStart(14)).join('')];
  for (let r = 0; r < log.rows; r++) {
    const cells = log.columns.map((_, c) => log.data[r * log.columns.length + c]!);
    rows.push(cells.map((v) => (Number.isInteger(v) ? String(v) : v.toPrecision(6)).padStart(14)).join(''));
  }
  return rows.join('\n');
}
