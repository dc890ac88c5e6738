/**
 * Layouts: name → offset, length, unit in a block of float64. One map serves shared memory, the Tick, MCAP
 * messages, the live stream, datasets and policy inputs, so a value has one name everywhere.
 */
import { ArmloopError } from '../errors.ts';

export interface FieldSpec {
  readonly name: string;
  /** Number of float64 values; 1 when absent. */
  readonly length?: number;
  /** SI unit as text ('rad', 'm/s', 's', '1' for a pure number or code). Mixed-unit axis vectors say 'axis'. */
  readonly unit: string;
  /** One line for people: meaning and frame. */
  readonly doc?: string;
}

export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
  readonly unit: string;
  readonly doc: string;
}

export class Layout {
  readonly name: string;
  readonly fields: readonly Field[];
  /** Total number of float64 values. */
  readonly size: number;
  readonly #byName: ReadonlyMap<string, Field>;

  private constructor(name: string, fields: readonly Field[], size: number) {
    this.name = name;
    this.fields = fields;
    this.size = size;
    this.#byName = new Map(fields.map((f) => [f.name, f]));
  }

  /** Lays the fields out one after the other. Throws LAYOUT_DUPLICATE_FIELD. */
  static of(name: string, specs: readonly FieldSpec[]): Layout {
    const fields: Field[] = [];
    const seen = new Set<string>();
    let offset = 0;
    for (const s of specs) {
      if (seen.has(s.name)) throw new ArmloopError('LAYOUT_DUPLICATE_FIELD', { layout: name, field: s.name });
      seen.add(s.name);
      const length = s.length ?? 1;
      fields.push({ name: s.name, offset, length, unit: s.unit, doc: s.doc ?? '' });
      offset += length;
    }
    return new Layout(name, fields, offset);
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** The field of that name. Throws LAYOUT_UNKNOWN_FIELD. */
  field(name: string): Field {
    const f = this.#byName.get(name);
    if (!f) throw new ArmloopError('LAYOUT_UNKNOWN_FIELD', { layout: this.name, field: name });
    return f;
  }

  /** Offset of the field in float64 values: look up once at allocate time, index with it in the loop. */
  at(name: string): number {
    return this.field(name).offset;
  }

  /** A view of one field in a block of this layout. */
  view(block: Float64Array, name: string): Float64Array {
    const f = this.field(name);
    return block.subarray(f.offset, f.offset + f.length);
  }

  toJSON(): { name: string; size: number; fields: readonly Field[] } {
    return { name: this.name, size: this.size, fields: this.fields };
  }

  static fromJSON(json: { name: string; fields: readonly FieldSpec[] }): Layout {
    return Layout.of(json.name, json.fields);
  }
}
