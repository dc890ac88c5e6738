/** An episode's trace as the server sends it: a JSON header, then rows of float64. No DOM here. */
import { Layout } from '../../robot/layout.ts';
import type { TraceHeader } from '../../server/protocol.ts';

export class Trace {
  readonly header: TraceHeader;
  readonly layout: Layout;
  readonly rows: Float64Array;
  readonly count: number;

  private constructor(header: TraceHeader, layout: Layout, rows: Float64Array) {
    this.header = header;
    this.layout = layout;
    this.rows = rows;
    this.count = layout.size === 0 ? 0 : Math.floor(rows.length / layout.size);
  }

  /** Throws when the bytes are not a trace. */
  static parse(data: ArrayBuffer): Trace {
    const length = data.byteLength < 4 ? -1 : new DataView(data).getUint32(0, true);
    const start = 8 * Math.ceil((4 + length) / 8);
    if (length < 2 || 4 + length > data.byteLength) {
      throw new Error(`the trace is cut short: ${data.byteLength} bytes, header of ${length}`);
    }
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length))) as TraceHeader;
    const layout = Layout.fromJSON(header.layout);
    const wanted = header.rows * layout.size;
    const got = Math.floor((data.byteLength - start) / 8);
    if (got < wanted) throw new Error(`the trace is cut short: ${got} of ${wanted} values`);
    return new Trace(header, layout, new Float64Array(data, start, wanted));
  }

  get duration(): number {
    return this.count === 0 ? 0 : this.time(this.count - 1);
  }

  time(row: number): number {
    return this.rows[row * this.layout.size + this.layout.at('time')] ?? 0;
  }

  /** Newest row at or before a time, by bisection; the first row for times before it. */
  rowAt(time: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (this.time(mid) <= time) low = mid;
      else high = mid - 1;
    }
    return low;
  }

  /** Index into `rows` of a field of a row; −1 when the layout has no such field. */
  at(row: number, name: string): number {
    return this.layout.has(name) ? row * this.layout.size + this.layout.at(name) : -1;
  }

  /** One value over all rows. */
  column(name: string, index = 0): number[] {
    const from = this.at(0, name);
    if (from < 0) return [];
    return Array.from({ length: this.count }, (_, row) => this.rows[from + row * this.layout.size + index]!);
  }
}
