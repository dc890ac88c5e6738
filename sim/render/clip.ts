/**
 * Clips triangles that reach behind the near plane or out of the guard band (Sutherland–Hodgman in homogeneous view
 * coordinates). A cut is always computed from the vertex inside towards the one outside, so two triangles that share
 * an edge cut it at the same bits.
 */
import { type Arena, GUARD } from './arena.ts';
import { projectVertex } from './project.ts';
import { NEAR, type View } from './view.ts';

const COLUMNS = 7;
const MOST = 12;
/** Number of the near plane Z ≥ NEAR W; 0..3 are the sides of the guard band. */
const NEAR_PLANE = 4;

export class Clipper {
  #from = new Float64Array(COLUMNS * MOST);
  #to = new Float64Array(COLUMNS * MOST);
  readonly #inside = new Float64Array(MOST);
  #count = 0;
  readonly #planes = new Float64Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, -NEAR]);

  /**
   * Appends the clipped polygon's vertices to the arena, projected. Returns their number (0 or 3..8); the first is
   * arena.vertices before the call.
   */
  clip(arena: Arena, view: View, a: number, b: number, c: number): number {
    this.#load(arena, a, 0);
    this.#load(arena, b, 1);
    this.#load(arena, c, 2);
    this.#count = 3;
    const planes = this.#planes;
    // One sample inside the guard band, so that rounding stays in range.
    const guard = (GUARD - 1) / view.focal;
    const perspective = view.projection === 'perspective';
    for (let side = 0; side < 4; side++) {
      planes[4 * side] = side === 0 ? 1 : side === 1 ? -1 : 0;
      planes[4 * side + 1] = side === 2 ? 1 : side === 3 ? -1 : 0;
      planes[4 * side + 2] = perspective ? guard : 0;
      planes[4 * side + 3] = perspective ? 0 : guard;
    }
    if (perspective) this.#cut(NEAR_PLANE);
    for (let side = 0; side < 4; side++) this.#cut(side);
    for (let i = 0; i < this.#count; i++) this.#store(arena, view, i);
    return this.#count;
  }

  #load(arena: Arena, vertex: number, i: number): void {
    const f = this.#from;
    const at = i * COLUMNS;
    f[at] = arena.x[vertex]!;
    f[at + 1] = arena.y[vertex]!;
    f[at + 2] = arena.z[vertex]!;
    f[at + 3] = arena.w[vertex]!;
    f[at + 4] = arena.nx[vertex]!;
    f[at + 5] = arena.ny[vertex]!;
    f[at + 6] = arena.nz[vertex]!;
  }

  #store(arena: Arena, view: View, i: number): void {
    const f = this.#from;
    const at = i * COLUMNS;
    const v = arena.vertices++;
    arena.x[v] = f[at]!;
    arena.y[v] = f[at + 1]!;
    arena.z[v] = f[at + 2]!;
    arena.w[v] = f[at + 3]!;
    arena.nx[v] = f[at + 4]!;
    arena.ny[v] = f[at + 5]!;
    arena.nz[v] = f[at + 6]!;
    projectVertex(arena, view, v);
    arena.clipped[v] = 0;
  }

  /** Keeps the part with kx X + ky Y + kz Z + kw W ≥ 0, k being plane `p`. */
  #cut(p: number): void {
    const kx = this.#planes[4 * p]!;
    const ky = this.#planes[4 * p + 1]!;
    const kz = this.#planes[4 * p + 2]!;
    const kw = this.#planes[4 * p + 3]!;
    const from = this.#from;
    const to = this.#to;
    const inside = this.#inside;
    const count = this.#count;
    for (let i = 0; i < count; i++) {
      const at = i * COLUMNS;
      inside[i] = kx * from[at]! + ky * from[at + 1]! + kz * from[at + 2]! + kw * from[at + 3]!;
    }
    let out = 0;
    for (let i = 0; i < count; i++) {
      const j = i + 1 === count ? 0 : i + 1;
      const si = inside[i]!;
      const sj = inside[j]!;
      if (si >= 0) {
        for (let k = 0; k < COLUMNS; k++) to[out * COLUMNS + k] = from[i * COLUMNS + k]!;
        out++;
      }
      if (si >= 0 !== sj >= 0) {
        const kept = si >= 0 ? i : j;
        const lost = si >= 0 ? j : i;
        const t = inside[kept]! / (inside[kept]! - inside[lost]!);
        for (let k = 0; k < COLUMNS; k++) {
          const vp = from[kept * COLUMNS + k]!;
          to[out * COLUMNS + k] = vp + t * (from[lost * COLUMNS + k]! - vp);
        }
        out++;
      }
    }
    this.#count = out < 3 ? 0 : out;
    this.#from = to;
    this.#to = from;
  }
}
