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
  /** Out: 0 in full shadow .. 1 lit. */
  readonly lit = new Float64Array(1);
  #empty = true;

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

  /** Reads `at`, writes `lit`. */
  sample(): void {
    this.lit[0] = 1;
    if (this.#empty) return;
    const view = this.#view;
    const m = view.matrix;
    const at = this.at;
    const wx = at[0]!;
    const wy = at[1]!;
    const wz = at[2]!;
    const x = m[0]! * wx + m[1]! * wy + m[2]! * wz + m[9]!;
    const y = m[3]! * wx + m[4]! * wy + m[5]! * wz + m[10]!;
    const z = m[6]! * wx + m[7]! * wy + m[8]! * wz + m[11]!;
    const nx = m[0]! * at[3]! + m[1]! * at[4]! + m[2]! * at[5]!;
    const ny = m[3]! * at[3]! + m[4]! * at[4]! + m[5]! * at[5]!;
    let nz = m[6]! * at[3]! + m[7]! * at[4]! + m[8]! * at[5]!;
    const f = view.focal;
    let u: number;
    let v: number;
    let d: number;
    let gx: number;
    let gy: number;
    if (view.projection === 'parallel') {
      u = view.cx + f * x;
      v = view.cy + f * y;
      // The receiver's plane: far − z grows by nx/nz per metre along x.
      if (nz > -0.05) nz = -0.05;
      gx = nx / nz;
      gy = ny / nz;
      if (gx > STEEPEST) gx = STEEPEST;
      else if (gx < -STEEPEST) gx = -STEEPEST;
      if (gy > STEEPEST) gy = STEEPEST;
      else if (gy < -STEEPEST) gy = -STEEPEST;
      const slope = (gx < 0 ? -gx : gx) + (gy < 0 ? -gy : gy);
      gx /= f;
      gy /= f;
      d = view.far - z + (ALLOWANCE + ALLOWANCE_SLOPE * slope) / f;
    } else {
      if (z < 0.01) return;
      u = view.cx + (f * x) / z;
      v = view.cy + (f * y) / z;
      // On the plane n·P = c: 1/z = (nx u + ny v + nz) / c.
      let c = nx * x + ny * y + nz * z;
      if (c > -0.05 * z) c = -0.05 * z;
      const steepest = STEEPEST / (f * z);
      gx = nx / (c * f);
      gy = ny / (c * f);
      if (gx > steepest) gx = steepest;
      else if (gx < -steepest) gx = -steepest;
      if (gy > steepest) gy = steepest;
      else if (gy < -steepest) gy = -steepest;
      // A texel is z/f wide, and d(1/z) = dz/z².
      const slope = ((gx < 0 ? -gx : gx) + (gy < 0 ? -gy : gy)) / (steepest / STEEPEST);
      d = 1 / z + (ALLOWANCE + ALLOWANCE_SLOPE * slope) / (f * z);
    }
    const size = this.#size;
    u -= 0.5;
    v -= 0.5;
    if (!(u >= 1 && v >= 1 && u < size - 2 && v < size - 2)) return;
    // Tent over 3 × 3 texels around the nearest centre: weights (1/2 − s, 1, 1/2 + s) / 2 per axis.
    const iu = Math.floor(u + 0.5);
    const iv = Math.floor(v + 0.5);
    const su = u - iu;
    const sv = v - iv;
    const map = this.#raster.depth;
    let sum = 0;
    for (let j = -1; j <= 1; j++) {
      const row = (iv + j) * size + iu;
      const base = d + gy * (j - sv) - gx * su;
      let line = 0;
      if (base - gx >= map[row - 1]!) line += 0.5 - su;
      if (base >= map[row]!) line += 1;
      if (base + gx >= map[row + 1]!) line += 0.5 + su;
      sum += line * (j === 0 ? 1 : j < 0 ? 0.5 - sv : 0.5 + sv);
    }
    this.lit[0] = sum / 4;
  }
}
