/**
 * The shadow map of one light: depth of the nearest caster per texel, seen from the light. A point is compared with
 * 3 × 3 texels under a tent filter, each against the receiver's own plane at that texel (receiver-plane bias), so
 * that flat surfaces do not shadow themselves and shadows stay attached to what throws them.
 */
import type { SceneLight } from '../../src/robot/scene.ts';
import { Arena } from './arena.ts';
import type { Geometry } from './geometry.ts';
import { Raster } from './raster.ts';
import { View } from './view.ts';

/** The map's field is rounded up to this, m, so that it does not breathe with every motion. */
const QUANTUM = 0.1;
/** Behind the farthest caster receivers may still lie this deep, m. */
const BEHIND = 20;
/** Steepest receiver plane that is followed, as a slope. */
const STEEPEST = 4;
/**
 * Allowance in texels, for round things whose triangles differ from their normals: a constant part, and one for every
 * unit of slope against the light, where that difference weighs more.
 */
const ALLOWANCE = 0.8;
const ALLOWANCE_SLOPE = 0.6;

export class ShadowMap {
  readonly #size: number;
  readonly #light: SceneLight;
  readonly #view = new View();
  readonly #arena = new Arena(4096, 4096);
  readonly #raster: Raster;
  /** In: world position and unit normal of the receiver. */
  readonly at = new Float64Array(6);
  /** What `filter` reads: image coordinates, depth with its allowance, slopes per texel. */
  readonly tap = new Float64Array(5);
  /** Out: 0 in full shadow .. 1 lit. */
  readonly lit = new Float64Array(1);
  #empty = true;
  #allowance = 0;

  constructor(light: SceneLight, size: number) {
    this.#light = light;
    this.#size = size;
    this.#raster = new Raster(size * size);
  }

  /** Draws the casters at the poses that `geometry` holds. */
  update(geometry: Geometry): void {
    this.#empty = !(this.#light.directional ? this.#fitParallel(geometry) : this.#fitPerspective(geometry));
    if (this.#empty) return;
    this.#arena.clear();
    this.#raster.begin(this.#size, this.#size);
    geometry.draw(this.#view, this.#arena, this.#raster, 'casters', 1);
  }

  #fitParallel(geometry: Geometry): boolean {
    const view = this.#view;
    const [dx, dy, dz] = this.#light.direction;
    view.projection = 'parallel';
    view.size(this.#size, this.#size);
    view.look(0, 0, 0, dx, dy, dz);
    const m = view.matrix;
    let x0 = Number.POSITIVE_INFINITY;
    let x1 = Number.NEGATIVE_INFINITY;
    let y0 = Number.POSITIVE_INFINITY;
    let y1 = Number.NEGATIVE_INFINITY;
    let z1 = Number.NEGATIVE_INFINITY;
    for (let g = 0; g < geometry.count; g++) {
      if (!geometry.casts(g)) continue;
      const w = geometry.world;
      const r = geometry.radius[g]!;
      const px = w[12 * g + 9]!;
      const py = w[12 * g + 10]!;
      const pz = w[12 * g + 11]!;
      const x = m[0]! * px + m[1]! * py + m[2]! * pz;
      const y = m[3]! * px + m[4]! * py + m[5]! * pz;
      const z = m[6]! * px + m[7]! * py + m[8]! * pz;
      if (x - r < x0) x0 = x - r;
      if (x + r > x1) x1 = x + r;
      if (y - r < y0) y0 = y - r;
      if (y + r > y1) y1 = y + r;
      if (z + r > z1) z1 = z + r;
    }
    if (!(x1 > x0)) return false;
    const extent = Math.ceil((Math.max(x1 - x0, y1 - y0) * 1.02) / QUANTUM) * QUANTUM;
    const texel = extent / this.#size;
    view.focal = 1 / texel;
    m[9] = -Math.round((x0 + x1) / 2 / texel) * texel;
    m[10] = -Math.round((y0 + y1) / 2 / texel) * texel;
    m[11] = 0;
    view.far = Math.ceil(z1 / QUANTUM) * QUANTUM + BEHIND;
    return true;
  }

  #fitPerspective(geometry: Geometry): boolean {
    const view = this.#view;
    const [px, py, pz] = this.#light.position;
    const [dx, dy, dz] = this.#light.direction;
    view.projection = 'perspective';
    view.size(this.#size, this.#size);
    view.look(px, py, pz, dx, dy, dz);
    const m = view.matrix;
    let widest = 0;
    for (let g = 0; g < geometry.count; g++) {
      if (!geometry.casts(g)) continue;
      const w = geometry.world;
      const r = geometry.radius[g]!;
      const gx = w[12 * g + 9]!;
      const gy = w[12 * g + 10]!;
      const gz = w[12 * g + 11]!;
      const x = Math.abs(m[0]! * gx + m[1]! * gy + m[2]! * gz + m[9]!);
      const y = Math.abs(m[3]! * gx + m[4]! * gy + m[5]! * gz + m[10]!);
      const z = m[6]! * gx + m[7]! * gy + m[8]! * gz + m[11]!;
      if (z + r < 0.05) continue;
      const slope = (Math.max(x, y) + r) / Math.max(z - r, 0.05);
      if (slope > widest) widest = slope;
    }
    if (widest === 0) return false;
    const slope = Math.min(2, Math.ceil(widest / QUANTUM) * QUANTUM);
    view.focal = this.#size / (2 * slope);
    return true;
  }

  get parallel(): boolean {
    return this.#light.directional;
  }

  /** Parallel lights. Row k (0, 1: image coordinates, 2: depth with its allowance) as a · P + c of a world point P. */
  coordinate(k: number, row: Float64Array): void {
    const view = this.#view;
    const m = view.matrix;
    const scale = k === 2 ? -1 : view.focal;
    for (let i = 0; i < 3; i++) row[i] = scale * m[3 * k + i]!;
    row[3] = scale * m[9 + k]! + (k === 0 ? view.cx : k === 1 ? view.cy : view.far + this.#allowance);
  }

  /** Parallel lights. Slopes of a receiver with the normal in `at`, into `tap`; sets the allowance of `coordinate`. */
  receiver(): void {
    const m = this.#view.matrix;
    const at = this.at;
    const f = this.#view.focal;
    let nz = m[6]! * at[3]! + m[7]! * at[4]! + m[8]! * at[5]!;
    if (nz > -0.05) nz = -0.05;
    // On the plane, far − z grows by nx/nz per metre along x.
    const gx = clampSlope((m[0]! * at[3]! + m[1]! * at[4]! + m[2]! * at[5]!) / nz);
    const gy = clampSlope((m[3]! * at[3]! + m[4]! * at[4]! + m[5]! * at[5]!) / nz);
    this.#allowance = (ALLOWANCE + ALLOWANCE_SLOPE * (Math.abs(gx) + Math.abs(gy))) / f;
    this.tap[3] = gx / f;
    this.tap[4] = gy / f;
  }

  /** Reads `at`, writes `lit`. */
  sample(): void {
    const view = this.#view;
    const m = view.matrix;
    const at = this.at;
    const tap = this.tap;
    const wx = at[0]!;
    const wy = at[1]!;
    const wz = at[2]!;
    const x = m[0]! * wx + m[1]! * wy + m[2]! * wz + m[9]!;
    const y = m[3]! * wx + m[4]! * wy + m[5]! * wz + m[10]!;
    const z = m[6]! * wx + m[7]! * wy + m[8]! * wz + m[11]!;
    const f = view.focal;
    if (view.projection === 'parallel') {
      this.receiver();
      tap[0] = view.cx + f * x;
      tap[1] = view.cy + f * y;
      tap[2] = view.far - z + this.#allowance;
    } else {
      this.lit[0] = 1;
      if (z < 0.01) return;
      const nx = m[0]! * at[3]! + m[1]! * at[4]! + m[2]! * at[5]!;
      const ny = m[3]! * at[3]! + m[4]! * at[4]! + m[5]! * at[5]!;
      const nz = m[6]! * at[3]! + m[7]! * at[4]! + m[8]! * at[5]!;
      // On the plane n·P = c: 1/z = (nx u + ny v + nz) / c. Slopes in units of one texel deep per texel.
      let c = nx * x + ny * y + nz * z;
      if (c > -0.05 * z) c = -0.05 * z;
      const gx = clampSlope((nx * z) / c);
      const gy = clampSlope((ny * z) / c);
      const texel = 1 / (f * z);
      tap[0] = view.cx + (f * x) / z;
      tap[1] = view.cy + (f * y) / z;
      // A texel is z/f wide, and d(1/z) = dz/z².
      tap[2] = 1 / z + (ALLOWANCE + ALLOWANCE_SLOPE * (Math.abs(gx) + Math.abs(gy))) * texel;
      tap[3] = gx * texel;
      tap[4] = gy * texel;
    }
    this.filter();
  }

  /** Reads `tap`, writes `lit`. */
  filter(): void {
    const lit = this.lit;
    lit[0] = 1;
    if (this.#empty) return;
    const size = this.#size;
    const tap = this.tap;
    const u = tap[0]! - 0.5;
    const v = tap[1]! - 0.5;
    if (!(u >= 1 && v >= 1 && u < size - 2 && v < size - 2)) return;
    // Tent over 3 × 3 texels around the nearest centre: weights (1/2 − s, 1, 1/2 + s) / 2 per axis.
    const iu = (u + 0.5) | 0;
    const iv = (v + 0.5) | 0;
    const su = u - iu;
    const sv = v - iv;
    const gx = tap[3]!;
    const gy = tap[4]!;
    const map = this.#raster.depth;
    const at = iv * size + iu;
    const d = tap[2]! - gx * su - gy * sv;
    const middle = d >= map[at]! ? 1 : 0;
    const a = d - gx - gy >= map[at - size - 1]! ? 1 : 0;
    const b = d + gx - gy >= map[at - size + 1]! ? 1 : 0;
    const c = d - gx + gy >= map[at + size - 1]! ? 1 : 0;
    const e = d + gx + gy >= map[at + size + 1]! ? 1 : 0;
    const corners = a + b + c + e;
    // Where middle and corners agree the rest does, but for shapes thinner than a texel.
    if (corners === 4 * middle) {
      lit[0] = middle;
      return;
    }
    const left = 0.5 - su;
    const right = 0.5 + su;
    const top = a * left + (d - gy >= map[at - size]! ? 1 : 0) + b * right;
    const row = (d - gx >= map[at - 1]! ? left : 0) + middle + (d + gx >= map[at + 1]! ? right : 0);
    const bottom = c * left + (d + gy >= map[at + size]! ? 1 : 0) + e * right;
    lit[0] = (top * (0.5 - sv) + row + bottom * (0.5 + sv)) / 4;
  }
}

function clampSlope(slope: number): number {
  return slope > STEEPEST ? STEEPEST : slope < -STEEPEST ? -STEEPEST : slope;
}
