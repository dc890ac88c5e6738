/**
 * Turns triangle numbers per sample into colours. Each pixel is shaded once for every surface that its samples see
 * (usually one): Lambert diffuse, Phong highlight, ambient light a little brighter from above, one shadow map,
 * checkers integrated over the pixel's footprint. All in linear light; samples are averaged before sRGB.
 */
import type { Arena } from './arena.ts';
import { SRGB, SRGB_STEPS } from './color.ts';
import { Checker, LIGHT, type Look } from './look.ts';
import type { Raster } from './raster.ts';
import type { ShadowMap } from './shadow.ts';
import {
  ambientFactor,
  BASE,
  CHECKER,
  KEY,
  MIRROR,
  NORMAL,
  SHADOW,
  SLOPE,
  STRIDE,
  Surfaces,
} from './surfaces.ts';
import type { View } from './view.ts';

/** An endless plane fades into the sky over this distance, m. */
const HAZE = 14;

export class Shader {
  readonly #look: Look;
  readonly #surfaces: Surfaces;
  readonly #shadow: ShadowMap | null;
  #halvesPerPixel = 2;
  /** Of the pixel in hand: sight ray with 1 along the optical axis, and depth. */
  readonly #ray = new Float64Array(4);
  readonly #color = new Float64Array(3);
  /** Light on the pixel's surface: diffuse r g b, highlight. */
  readonly #light = new Float64Array(4);
  readonly #mix = new Float64Array(1);

  constructor(look: Look, world: Float64Array, shadow: ShadowMap | null) {
    this.#look = look;
    this.#shadow = shadow;
    this.#surfaces = new Surfaces(look, world, shadow);
  }

  /** Shades a whole image. `samples` is 1 or 2: the raster is so many times as wide and high as the image. */
  resolve(arena: Arena, raster: Raster, view: View, samples: number, out: Uint8Array): void {
    this.#surfaces.begin(arena, view);
    this.#halvesPerPixel = 2 * samples;
    if (samples === 1) this.#resolve1(arena, raster, out);
    else this.#resolve2(arena, raster, out);
  }

  #resolve1(arena: Arena, raster: Raster, out: Uint8Array): void {
    const { width, height, id } = raster;
    const color = this.#color;
    let at = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at += 3) {
        this.#shade(arena, id[y * width + x]!, 2 * x + 1, 2 * y + 1);
        out[at] = SRGB[byteIndex(color[0]!)]!;
        out[at + 1] = SRGB[byteIndex(color[1]!)]!;
        out[at + 2] = SRGB[byteIndex(color[2]!)]!;
      }
    }
  }

  #resolve2(arena: Arena, raster: Raster, out: Uint8Array): void {
    const stride = raster.width;
    const width = stride >> 1;
    const height = raster.height >> 1;
    const id = raster.id;
    const color = this.#color;
    const surface = arena.surface;
    let at = 0;
    for (let y = 0; y < height; y++) {
      let i = 2 * y * stride;
      for (let x = 0; x < width; x++, at += 3, i += 2) {
        const a = id[i]!;
        const b = id[i + 1]!;
        const c = id[i + stride]!;
        const d = id[i + stride + 1]!;
        let r: number;
        let g: number;
        let bl: number;
        const sa = surface[a]!;
        const sb = b === a ? sa : surface[b]!;
        const sc = c === a ? sa : surface[c]!;
        const sd = d === a ? sa : surface[d]!;
        if (sa === sb && sa === sc && sa === sd) {
          this.#shade(arena, a, 4 * x + 2, 4 * y + 2);
          r = color[0]!;
          g = color[1]!;
          bl = color[2]!;
        } else {
          // Up to four surfaces, each shaded once at its first sample and weighed by how many samples see it.
          const na = 1 + (sb === sa ? 1 : 0) + (sc === sa ? 1 : 0) + (sd === sa ? 1 : 0);
          this.#shade(arena, a, 4 * x + 1, 4 * y + 1);
          r = na * color[0]!;
          g = na * color[1]!;
          bl = na * color[2]!;
          if (sb !== sa) {
            const nb = 1 + (sc === sb ? 1 : 0) + (sd === sb ? 1 : 0);
            this.#shade(arena, b, 4 * x + 3, 4 * y + 1);
            r += nb * color[0]!;
            g += nb * color[1]!;
            bl += nb * color[2]!;
          }
          if (sc !== sa && sc !== sb) {
            const nc = 1 + (sd === sc ? 1 : 0);
            this.#shade(arena, c, 4 * x + 1, 4 * y + 3);
            r += nc * color[0]!;
            g += nc * color[1]!;
            bl += nc * color[2]!;
          }
          if (sd !== sa && sd !== sb && sd !== sc) {
            this.#shade(arena, d, 4 * x + 3, 4 * y + 3);
            r += color[0]!;
            g += color[1]!;
            bl += color[2]!;
          }
          r *= 0.25;
          g *= 0.25;
          bl *= 0.25;
        }
        out[at] = SRGB[byteIndex(r)]!;
        out[at + 1] = SRGB[byteIndex(g)]!;
        out[at + 2] = SRGB[byteIndex(bl)]!;
      }
    }
  }

  /** Colour of triangle `t` at (hx, hy), in half samples, into #color. */
  #shade(arena: Arena, t: number, hx: number, hy: number): void {
    const color = this.#color;
    const look = this.#look;
    const surfaces = this.#surfaces;
    const m = surfaces.matrix;
    const u = (hx - surfaces.halfX) * surfaces.perHalf;
    const v = (hy - surfaces.halfY) * surfaces.perHalf;
    const dx = m[6]! + u * m[0]! + v * m[3]!;
    const dy = m[7]! + u * m[1]! + v * m[4]!;
    const dz = m[8]! + u * m[2]! + v * m[5]!;
    if (t === 0) {
      // Bottom colour at and below the horizon, quickly towards the top colour above it.
      const rise = dz > 0 ? Math.sqrt(dz / Math.sqrt(dx * dx + dy * dy + dz * dz)) : 0;
      for (let i = 0; i < 3; i++) {
        const bottom = look.skyBottom[i]!;
        color[i] = bottom + rise * (look.skyTop[i]! - bottom);
      }
      return;
    }
    const litHere = surfaces.ready(arena, t);
    const planes = surfaces.planes;
    const p = STRIDE * t;
    let d = planes[p]! + planes[p + 1]! * hx + planes[p + 2]! * hy;
    if (d < 1e-6) d = 1e-6;
    const z = 1 / d;
    const g = arena.geom[t]!;
    const ray = this.#ray;
    ray[0] = dx;
    ray[1] = dy;
    ray[2] = dz;
    ray[3] = z;
    if (litHere === 1) this.#lightFlat(p, g, hx, hy);
    else this.#lightAny(p, g, hx, hy, arena.flat[t]!);

    let r = look.color[3 * g]!;
    let gr = look.color[3 * g + 1]!;
    let b = look.color[3 * g + 2]!;
    if (look.checker[g] !== Checker.none) {
      this.#check(p, hx, hy);
      const k = this.#mix[0]!;
      r += k * (look.color2[3 * g]! - r);
      gr += k * (look.color2[3 * g + 1]! - gr);
      b += k * (look.color2[3 * g + 2]! - b);
    }
    const light = this.#light;
    const shine = light[3]!;
    r = r * light[0]! + shine;
    gr = gr * light[1]! + shine;
    b = b * light[2]! + shine;
    if (look.endless[g] === 1) {
      const fade = z / HAZE;
      const k = 1 / (1 + fade * fade);
      const bottom = look.skyBottom;
      r = bottom[0]! + k * (r - bottom[0]!);
      gr = bottom[1]! + k * (gr - bottom[1]!);
      b = bottom[2]! + k * (b - bottom[2]!);
    }
    color[0] = r;
    color[1] = gr;
    color[2] = b;
  }

  /** A flat triangle under directional lights: only shadow and highlight are left to do. */
  #lightFlat(p: number, g: number, hx: number, hy: number): void {
    const planes = this.#surfaces.planes;
    const look = this.#look;
    const lights = look.lights;
    const light = this.#light;
    const ray = this.#ray;
    let r = planes[p + BASE]!;
    let gr = planes[p + BASE + 1]!;
    let b = planes[p + BASE + 2]!;
    let lit = 1;
    const key = planes[p + KEY]!;
    if (key > 0) {
      const shadow = this.#shadow!;
      const tap = shadow.tap;
      const z = ray[3]!;
      const q = p + SHADOW;
      tap[0] = z * (planes[q]! + planes[q + 1]! * hx + planes[q + 2]! * hy);
      tap[1] = z * (planes[q + 3]! + planes[q + 4]! * hx + planes[q + 5]! * hy);
      tap[2] = z * (planes[q + 6]! + planes[q + 7]! * hx + planes[q + 8]! * hy);
      tap[3] = planes[p + SLOPE]!;
      tap[4] = planes[p + SLOPE + 1]!;
      shadow.filter();
      lit = shadow.lit[0]!;
      const k = key * lit;
      const l = LIGHT * look.shadowLight;
      r += k * lights[l + 4]!;
      gr += k * lights[l + 5]!;
      b += k * lights[l + 6]!;
    }
    let shine = 0;
    const specular = look.specular[g]!;
    if (specular > 0) {
      const dx = ray[0]!;
      const dy = ray[1]!;
      const dz = ray[2]!;
      for (let i = 0, k = p + MIRROR; i < look.lightCount; i++, k += 3) {
        const c = -(planes[k]! * dx + planes[k + 1]! * dy + planes[k + 2]! * dz);
        if (c <= 0) continue;
        const rr = dx * dx + dy * dy + dz * dz;
        if (c * c <= 0.4 * rr) continue;
        let s = (c * c) / rr;
        s *= s;
        s *= s;
        s *= s;
        shine += s * specular * lights[LIGHT * i + 5]! * (i === look.shadowLight ? lit : 1);
      }
    }
    light[0] = r;
    light[1] = gr;
    light[2] = b;
    light[3] = shine;
  }

  /** Any triangle under any lights. */
  #lightAny(p: number, g: number, hx: number, hy: number, flat: number): void {
    const planes = this.#surfaces.planes;
    const look = this.#look;
    const ray = this.#ray;
    let nx = planes[p + NORMAL]!;
    let ny = planes[p + NORMAL + 1]!;
    let nz = planes[p + NORMAL + 2]!;
    if (flat === 0) {
      // Normal × d is linear on the image; the length does not matter.
      nx += planes[p + 4]! * hx + planes[p + 5]! * hy;
      ny = planes[p + 6]! + planes[p + 7]! * hx + planes[p + 8]! * hy;
      nz = planes[p + 9]! + planes[p + 10]! * hx + planes[p + 11]! * hy;
      const n = 1 / Math.sqrt(nx * nx + ny * ny + nz * nz);
      nx *= n;
      ny *= n;
      nz *= n;
    }
    const dx = ray[0]!;
    const dy = ray[1]!;
    const dz = ray[2]!;
    const z = ray[3]!;
    const o = this.#surfaces.origin;
    const px = o[0]! + z * dx;
    const py = o[1]! + z * dy;
    const pz = o[2]! + z * dz;
    const up = ambientFactor(nz);
    let r = up * look.ambient[0]!;
    let gr = up * look.ambient[1]!;
    let b = up * look.ambient[2]!;
    let shine = 0;
    const facing = nx * dx + ny * dy + nz * dz;
    const specular = look.specular[g]!;
    const lights = look.lights;
    for (let i = 0, l = 0; i < look.lightCount; i++, l += LIGHT) {
      let lx = lights[l + 1]!;
      let ly = lights[l + 2]!;
      let lz = lights[l + 3]!;
      if (lights[l] === 0) {
        lx -= px;
        ly -= py;
        lz -= pz;
        const n = 1 / Math.sqrt(lx * lx + ly * ly + lz * lz);
        lx *= n;
        ly *= n;
        lz *= n;
      }
      const cos = nx * lx + ny * ly + nz * lz;
      if (cos <= 0) continue;
      let lit = 1;
      if (lights[l + 7] === 1) {
        const shadow = this.#shadow!;
        const at = shadow.at;
        at[0] = px;
        at[1] = py;
        at[2] = pz;
        at[3] = nx;
        at[4] = ny;
        at[5] = nz;
        shadow.sample();
        lit = shadow.lit[0]!;
        if (lit === 0) continue;
      }
      const k = cos * lit;
      r += k * lights[l + 4]!;
      gr += k * lights[l + 5]!;
      b += k * lights[l + 6]!;
      if (specular > 0) {
        // Mirrored light 2 (n·l) n − l against the direction to the eye, −ray.
        const c = lx * dx + ly * dy + lz * dz - 2 * cos * facing;
        if (c <= 0) continue;
        const rr = dx * dx + dy * dy + dz * dz;
        if (c * c <= 0.4 * rr) continue;
        let s = (c * c) / rr;
        s *= s;
        s *= s;
        s *= s;
        shine += s * specular * lit * lights[l + 5]!;
      }
    }
    const light = this.#light;
    light[0] = r;
    light[1] = gr;
    light[2] = b;
    light[3] = shine;
  }

  /** How much of the second colour the pixel shows (0..1), into #mix: the checker averaged over its footprint. */
  #check(p: number, hx: number, hy: number): void {
    const planes = this.#surfaces.planes;
    const gx = planes[p + 1]!;
    const gy = planes[p + 2]!;
    const z = this.#ray[3]!;
    const pixel = 0.5 * z * this.#halvesPerPixel;
    let product = 1;
    let area = 1;
    for (let k = p + CHECKER; k < p + CHECKER + 9; k += 3) {
      const c0 = planes[k]!;
      const c1 = planes[k + 1]!;
      const c2 = planes[k + 2]!;
      if (c0 === 0 && c1 === 0 && c2 === 0) continue;
      const x = z * (c0 + c1 * hx + c2 * hy);
      // Quotient rule, per pixel.
      const sx = c1 - x * gx;
      const sy = c2 - x * gy;
      const half = pixel * ((sx < 0 ? -sx : sx) + (sy < 0 ? -sy : sy));
      const low = Math.floor(x - half);
      if (x + half < low + 1) {
        // The footprint lies in one square: even ones count +1, odd ones −1.
        if ((low & 1) !== 0) product = -product;
        continue;
      }
      // The integral of the square wave is a triangle wave, 1 − |x mod 2 − 1|; its rise over the footprint is the mean.
      const width = half < 5e-5 ? 5e-5 : half;
      const from = x - width - 2 * Math.floor((x - width) * 0.5) - 1;
      const to = x + width - 2 * Math.floor((x + width) * 0.5) - 1;
      product *= (from < 0 ? -from : from) - (to < 0 ? -to : to);
      area *= 2 * width;
    }
    this.#mix[0] = 0.5 - (0.5 * product) / area;
  }
}

/** Index into SRGB. */
function byteIndex(c: number): number {
  const i = (c * SRGB_STEPS + 0.5) | 0;
  return i < 0 ? 0 : i > SRGB_STEPS ? SRGB_STEPS : i;
}
