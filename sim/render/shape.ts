/** What a geom is drawn from: triangles in the geom frame, sizes included. */

export interface Shape {
  /** x y z per vertex, m, geom frame. */
  readonly positions: Float64Array;
  /** Unit outward normal per vertex. Vertices are split where a surface has an edge. */
  readonly normals: Float64Array;
  /** Three vertex indices per triangle, counter-clockwise seen from outside. */
  readonly triangles: Uint32Array;
  /**
   * Per triangle the number of the smooth surface that it belongs to, 0..surfaces. A pixel whose samples all lie on
   * one surface is shaded once.
   */
  readonly surface: Uint16Array;
  readonly surfaces: number;
  /** Per surface: 1 when all its normals are the same. */
  readonly flat: Uint8Array;
  /** Largest distance of a vertex from the geom origin, m. */
  readonly radius: number;
}

/** Collects vertices and triangles into a Shape. */
export class ShapeBuilder {
  readonly #positions: number[] = [];
  readonly #normals: number[] = [];
  readonly #triangles: number[] = [];
  readonly #surface: number[] = [];
  readonly #flat: number[] = [];

  /** Starts a new surface; triangles added from here on belong to it. */
  begin(kind: 'flat' | 'smooth'): void {
    this.#flat.push(kind === 'flat' ? 1 : 0);
  }

  vertex(x: number, y: number, z: number, nx: number, ny: number, nz: number): number {
    const length = Math.hypot(nx, ny, nz) || 1;
    this.#positions.push(x, y, z);
    this.#normals.push(nx / length, ny / length, nz / length);
    return this.#positions.length / 3 - 1;
  }

  triangle(a: number, b: number, c: number): void {
    this.#triangles.push(a, b, c);
    this.#surface.push(this.#flat.length - 1);
  }

  quad(a: number, b: number, c: number, d: number): void {
    this.triangle(a, b, c);
    this.triangle(a, c, d);
  }

  build(): Shape {
    let radius = 0;
    for (let i = 0; i < this.#positions.length; i += 3) {
      const p = this.#positions;
      radius = Math.max(radius, Math.hypot(p[i]!, p[i + 1]!, p[i + 2]!));
    }
    return {
      positions: Float64Array.from(this.#positions),
      normals: Float64Array.from(this.#normals),
      triangles: Uint32Array.from(this.#triangles),
      surface: Uint16Array.from(this.#surface),
      surfaces: this.#flat.length,
      flat: Uint8Array.from(this.#flat),
      radius,
    };
  }
}
