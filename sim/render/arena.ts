/**
 * Vertices and triangles of one frame from one point of view, as columns of typed arrays that are filled from the
 * start for every frame.
 *
 * View axes: X right, Y down, Z forward (depth along the optical axis). A vertex is (X, Y, Z, W); W is 1, or 0 for a
 * point at infinity (the rim of an endless plane). `d` is what the depth buffer holds, larger is nearer and linear
 * across the image: W/Z for a perspective view, far − Z for a parallel one.
 */

/** Image coordinates are whole numbers of 1/256 sample, so that edge functions are exact in float64. */
export const SUBPIXEL = 256;
/** |x|, |y| of an unclipped vertex in samples: edge functions then stay below 2^53. */
export const GUARD = 2 ** 14;

export class Arena {
  x!: Float64Array;
  y!: Float64Array;
  z!: Float64Array;
  w!: Float64Array;
  /** Snapped image coordinates, 1/256 sample. */
  sx!: Float64Array;
  sy!: Float64Array;
  d!: Float64Array;
  /** Normal in the world. */
  nx!: Float64Array;
  ny!: Float64Array;
  nz!: Float64Array;
  /** 1: outside the guard band or behind the near plane; its sx, sy, d are not set. */
  clipped!: Uint8Array;
  vertices = 0;

  /** Triangles that left a sample in the image: vertices, geom, surface. Number 0 is the sky. */
  a!: Int32Array;
  b!: Int32Array;
  c!: Int32Array;
  geom!: Int32Array;
  surface!: Int32Array;
  /** 1: all normals of the triangle are the same. */
  flat!: Uint8Array;
  triangles = 1;

  constructor(vertices: number, triangles: number) {
    this.#growVertices(vertices);
    this.#growTriangles(triangles);
  }

  clear(): void {
    this.vertices = 0;
    this.triangles = 1;
    this.geom[0] = -1;
    this.surface[0] = -1;
  }

  /** Makes room for so many more. Allocates only when a frame needs more than any before it. */
  reserve(vertices: number, triangles: number): void {
    const v = this.vertices + vertices;
    if (v > this.x.length) this.#growVertices(v + (v >> 1));
    const t = this.triangles + triangles;
    if (t > this.a.length) this.#growTriangles(t + (t >> 1));
  }

  #growVertices(n: number): void {
    this.x = doubles(this.x, n);
    this.y = doubles(this.y, n);
    this.z = doubles(this.z, n);
    this.w = doubles(this.w, n);
    this.sx = doubles(this.sx, n);
    this.sy = doubles(this.sy, n);
    this.d = doubles(this.d, n);
    this.nx = doubles(this.nx, n);
    this.ny = doubles(this.ny, n);
    this.nz = doubles(this.nz, n);
    this.clipped = bytes(this.clipped, n);
  }

  #growTriangles(n: number): void {
    this.a = ints(this.a, n);
    this.b = ints(this.b, n);
    this.c = ints(this.c, n);
    this.geom = ints(this.geom, n);
    this.surface = ints(this.surface, n);
    this.flat = bytes(this.flat, n);
  }
}

function doubles(old: Float64Array | undefined, n: number): Float64Array {
  const out = new Float64Array(n);
  if (old) out.set(old);
  return out;
}

function ints(old: Int32Array | undefined, n: number): Int32Array {
  const out = new Int32Array(n);
  if (old) out.set(old);
  return out;
}

function bytes(old: Uint8Array | undefined, n: number): Uint8Array {
  const out = new Uint8Array(n);
  if (old) out.set(old);
  return out;
}
