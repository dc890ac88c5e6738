/**
 * What shading needs of a triangle, worked out when its first pixel is shaded. Anything that is linear on the surface
 * is, times d, linear on the image: value × d = c0 + c1 hx + c2 hy, with image coordinates in half samples. A flat
 * triangle under directional lights has its whole lighting here, but for shadow and highlight.
 */
import { type Arena, SUBPIXEL } from './arena.ts';
import { Checker, LIGHT, type Look } from './look.ts';
import type { ShadowMap } from './shadow.ts';
import type { View } from './view.ts';

/** Values per triangle, and where each of them starts. */
export const STRIDE = 48;
export const NORMAL = 3;
export const CHECKER = 12;
/** Image coordinates on the shadow map and the depth there. */
export const SHADOW = 21;
/** Slopes of the receiver on the shadow map, per texel. */
export const SLOPE = 30;
/** Light without that of the shadow map's light; then how much of that one falls on the triangle. */
export const BASE = 32;
export const KEY = 35;
/** Per light the direction in which it is mirrored; 0 when it lights the back. */
export const MIRROR = 36;
const MOST_LIGHTS = (STRIDE - MIRROR) / 3;

/** Ambient light from straight above and straight below, as factors. */
const AMBIENT_UP = 1;
const AMBIENT_DOWN = 0.5;

/** Factor of the ambient light for a normal with that z. */
export const ambientFactor = (nz: number): number =>
  AMBIENT_DOWN + (AMBIENT_UP - AMBIENT_DOWN) * 0.5 * (1 + nz);

export class Surfaces {
  planes = new Float64Array(0);
  #stamp = new Int32Array(0);
  #frame = 0;
  readonly #look: Look;
  readonly #world: Float64Array;
  readonly #shadow: ShadowMap | null;
  /** Whether flat triangles have their light here. */
  readonly #litHere: boolean;
  /** The view of the running image. */
  readonly matrix = new Float64Array(12);
  readonly origin = new Float64Array(3);
  halfX = 0;
  halfY = 0;
  perHalf = 0;
  /** Row of coefficients for #linear: a · P + c. */
  readonly #row = new Float64Array(4);

  constructor(look: Look, world: Float64Array, shadow: ShadowMap | null) {
    this.#look = look;
    this.#world = world;
    this.#shadow = shadow;
    this.#litHere =
      look.allDirectional && look.lightCount <= MOST_LIGHTS && (shadow === null || shadow.parallel);
  }

  begin(arena: Arena, view: View): void {
    if (this.#stamp.length < arena.triangles) {
      this.planes = new Float64Array(STRIDE * arena.a.length);
      this.#stamp = new Int32Array(arena.a.length);
    }
    this.#frame++;
    this.matrix.set(view.matrix);
    this.origin.set(view.origin);
    this.halfX = 2 * view.cx;
    this.halfY = 2 * view.cy;
    this.perHalf = 0.5 / view.focal;
  }

  /** Makes the values of triangle t if they are not there yet. Returns 1 when its light is among them. */
  ready(arena: Arena, t: number): number {
    const lit = this.#litHere && arena.flat[t] === 1 ? 1 : 0;
    if (this.#stamp[t] === this.#frame) return lit;
    this.#stamp[t] = this.#frame;
    this.#geometry(arena, t);
    if (this.#look.checker[arena.geom[t]!] !== Checker.none) this.#checker(arena, t);
    if (lit === 1) this.#light(t);
    return lit;
  }

  /** Depth and normal. */
  #geometry(arena: Arena, t: number): void {
    const a = arena.a[t]!;
    const b = arena.b[t]!;
    const c = arena.c[t]!;
    const s = 2 / SUBPIXEL;
    const x0 = arena.sx[a]! * s;
    const y0 = arena.sy[a]! * s;
    const x1 = arena.sx[b]! * s - x0;
    const y1 = arena.sy[b]! * s - y0;
    const x2 = arena.sx[c]! * s - x0;
    const y2 = arena.sy[c]! * s - y0;
    const inverse = 1 / (x1 * y2 - x2 * y1);
    const planes = this.planes;
    const p = STRIDE * t;
    const da = arena.d[a]!;
    const db = arena.d[b]!;
    const dc = arena.d[c]!;
    const d1 = db - da;
    const d2 = dc - da;
    const gx = (d1 * y2 - d2 * y1) * inverse;
    const gy = (d2 * x1 - d1 * x2) * inverse;
    planes[p] = da - gx * x0 - gy * y0;
    planes[p + 1] = gx;
    planes[p + 2] = gy;
    if (arena.flat[t] === 1) {
      planes[p + NORMAL] = arena.nx[a]!;
      planes[p + NORMAL + 1] = arena.ny[a]!;
      planes[p + NORMAL + 2] = arena.nz[a]!;
      return;
    }
    for (let k = 0; k < 3; k++) {
      const column = k === 0 ? arena.nx : k === 1 ? arena.ny : arena.nz;
      const v0 = column[a]! * da;
      const v1 = column[b]! * db - v0;
      const v2 = column[c]! * dc - v0;
      const hx = (v1 * y2 - v2 * y1) * inverse;
      const hy = (v2 * x1 - v1 * x2) * inverse;
      const q = p + NORMAL + 3 * k;
      planes[q] = v0 - hx * x0 - hy * y0;
      planes[q + 1] = hx;
      planes[q + 2] = hy;
    }
  }

  /** Squares along each geom axis; axes that do not count are 0. */
  #checker(arena: Arena, t: number): void {
    const g = arena.geom[t]!;
    const p = STRIDE * t;
    const w = this.#world;
    const at = 12 * g;
    const mode = this.#look.checker[g]!;
    const skipped = mode === Checker.face ? this.#faceAxis(p, at) : mode === Checker.plane ? 2 : -1;
    const scale = this.#look.perMetre[g]!;
    const row = this.#row;
    for (let k = 0; k < 3; k++) {
      // Column k of the rotation is axis k of the geom in the world.
      const s = k === skipped ? 0 : scale;
      row[0] = s * w[at + k]!;
      row[1] = s * w[at + 3 + k]!;
      row[2] = s * w[at + 6 + k]!;
      row[3] = -(row[0]! * w[at + 9]! + row[1]! * w[at + 10]! + row[2]! * w[at + 11]!);
      this.#linear(p, p + CHECKER + 3 * k);
    }
  }

  /** The light on a flat triangle, and where it lies on the shadow map. */
  #light(t: number): void {
    const p = STRIDE * t;
    const planes = this.planes;
    const look = this.#look;
    const lights = look.lights;
    const nx = planes[p + NORMAL]!;
    const ny = planes[p + NORMAL + 1]!;
    const nz = planes[p + NORMAL + 2]!;
    const up = ambientFactor(nz);
    for (let k = 0; k < 3; k++) planes[p + BASE + k] = up * look.ambient[k]!;
    planes[p + KEY] = 0;
    for (let i = 0; i < look.lightCount; i++) {
      const l = LIGHT * i;
      const m = p + MIRROR + 3 * i;
      const lx = lights[l + 1]!;
      const ly = lights[l + 2]!;
      const lz = lights[l + 3]!;
      const cos = nx * lx + ny * ly + nz * lz;
      const front = cos > 0 ? 1 : 0;
      planes[m] = front * (2 * cos * nx - lx);
      planes[m + 1] = front * (2 * cos * ny - ly);
      planes[m + 2] = front * (2 * cos * nz - lz);
      if (front === 0) continue;
      if (i === look.shadowLight) planes[p + KEY] = cos;
      else for (let k = 0; k < 3; k++) planes[p + BASE + k]! += cos * lights[l + 4 + k]!;
    }
    const shadow = this.#shadow;
    if (shadow === null || planes[p + KEY] === 0) return;
    shadow.at[3] = nx;
    shadow.at[4] = ny;
    shadow.at[5] = nz;
    shadow.receiver();
    planes[p + SLOPE] = shadow.tap[3]!;
    planes[p + SLOPE + 1] = shadow.tap[4]!;
    for (let k = 0; k < 3; k++) {
      shadow.coordinate(k, this.#row);
      this.#linear(p, p + SHADOW + 3 * k);
    }
  }

  /**
   * Plane of (a · P + c) d, [a, c] = #row. With P = o + z ray it is (a · o + c) d + a · ray, and
   * ray = forward + u right + v down is linear on the image itself.
   */
  #linear(p: number, q: number): void {
    const m = this.matrix;
    const o = this.origin;
    const planes = this.planes;
    const ax = this.#row[0]!;
    const ay = this.#row[1]!;
    const az = this.#row[2]!;
    const start = ax * o[0]! + ay * o[1]! + az * o[2]! + this.#row[3]!;
    const right = (ax * m[0]! + ay * m[1]! + az * m[2]!) * this.perHalf;
    const down = (ax * m[3]! + ay * m[4]! + az * m[5]!) * this.perHalf;
    const forward = ax * m[6]! + ay * m[7]! + az * m[8]!;
    planes[q] = start * planes[p]! + forward - right * this.halfX - down * this.halfY;
    planes[q + 1] = start * planes[p + 1]! + right;
    planes[q + 2] = start * planes[p + 2]! + down;
  }

  /** The geom axis that a flat face looks along. */
  #faceAxis(p: number, at: number): number {
    const w = this.#world;
    const n = p + NORMAL;
    let best = 0;
    let axis = 0;
    for (let k = 0; k < 3; k++) {
      const c = Math.abs(
        this.planes[n]! * w[at + k]! +
          this.planes[n + 1]! * w[at + 3 + k]! +
          this.planes[n + 2]! * w[at + 6 + k]!,
      );
      if (c > best) {
        best = c;
        axis = k;
      }
    }
    return axis;
  }
}
