import { type Arena, GUARD, SUBPIXEL } from './arena.ts';
import { NEAR, type View } from './view.ts';

/** Sets sx, sy and d of an arena vertex from its view coordinates. The vertex must lie in front and in the guard band. */
export function projectVertex(arena: Arena, view: View, v: number): void {
  const f = view.focal * SUBPIXEL;
  if (view.projection === 'perspective') {
    const inverse = 1 / arena.z[v]!;
    arena.sx[v] = Math.round(view.cx * SUBPIXEL + f * arena.x[v]! * inverse);
    arena.sy[v] = Math.round(view.cy * SUBPIXEL + f * arena.y[v]! * inverse);
    arena.d[v] = arena.w[v]! * inverse;
  } else {
    arena.sx[v] = Math.round(view.cx * SUBPIXEL + f * arena.x[v]!);
    arena.sy[v] = Math.round(view.cy * SUBPIXEL + f * arena.y[v]!);
    arena.d[v] = view.far - arena.z[v]!;
  }
}

/**
 * Transforms the vertices of a shape into the arena and projects them; those that need clipping are marked.
 * `m` at `at`: shape → view; `r` at `rt`: rotation shape → world for the normals.
 * Returns 1 when any vertex is marked.
 */
export function transformVertices(
  arena: Arena,
  view: View,
  positions: Float64Array,
  normals: Float64Array,
  m: Float64Array,
  r: Float64Array,
  rt: number,
): number {
  const m0 = m[0]!;
  const m1 = m[1]!;
  const m2 = m[2]!;
  const m3 = m[3]!;
  const m4 = m[4]!;
  const m5 = m[5]!;
  const m6 = m[6]!;
  const m7 = m[7]!;
  const m8 = m[8]!;
  const tx = m[9]!;
  const ty = m[10]!;
  const tz = m[11]!;
  const r0 = r[rt]!;
  const r1 = r[rt + 1]!;
  const r2 = r[rt + 2]!;
  const r3 = r[rt + 3]!;
  const r4 = r[rt + 4]!;
  const r5 = r[rt + 5]!;
  const r6 = r[rt + 6]!;
  const r7 = r[rt + 7]!;
  const r8 = r[rt + 8]!;
  const perspective = view.projection === 'perspective';
  const f = view.focal * SUBPIXEL;
  const cx = view.cx * SUBPIXEL;
  const cy = view.cy * SUBPIXEL;
  const far = view.far;
  const most = (GUARD - 1) * SUBPIXEL;
  const count = positions.length;
  let v = arena.vertices;
  let marked = 0;
  for (let i = 0; i < count; i += 3, v++) {
    const px = positions[i]!;
    const py = positions[i + 1]!;
    const pz = positions[i + 2]!;
    const x = m0 * px + m1 * py + m2 * pz + tx;
    const y = m3 * px + m4 * py + m5 * pz + ty;
    const z = m6 * px + m7 * py + m8 * pz + tz;
    arena.x[v] = x;
    arena.y[v] = y;
    arena.z[v] = z;
    arena.w[v] = 1;
    const qx = normals[i]!;
    const qy = normals[i + 1]!;
    const qz = normals[i + 2]!;
    arena.nx[v] = r0 * qx + r1 * qy + r2 * qz;
    arena.ny[v] = r3 * qx + r4 * qy + r5 * qz;
    arena.nz[v] = r6 * qx + r7 * qy + r8 * qz;
    const inverse = perspective ? 1 / z : 1;
    const ox = f * x * inverse;
    const oy = f * y * inverse;
    if ((perspective && z < NEAR) || ox > most || ox < -most || oy > most || oy < -most) {
      arena.clipped[v] = 1;
      marked = 1;
    } else {
      arena.clipped[v] = 0;
      arena.sx[v] = Math.round(cx + ox);
      arena.sy[v] = Math.round(cy + oy);
      arena.d[v] = perspective ? inverse : far - z;
    }
  }
  arena.vertices = v;
  return marked;
}
