/**
 * Turns triangle numbers per sample into colours. Each pixel is shaded once for every surface that its samples see
 * (usually one): Lambert diffuse, Phong highlight, ambient light a little brighter from above, one shadow map,
 * checkers integrated over the pixel's footprint. All in linear light; samples are averaged before sRGB.
 */
import type { SceneDescription } from '../../src/robot/scene.ts';
import type { Arena } from './arena.ts';
import { SUBPIXEL } from './arena.ts';
import { SRGB, SRGB_STEPS, toLinear } from './color.ts';
import { isEndless } from './geometry.ts';
import type { Raster } from './raster.ts';
import type { ShadowMap } from './shadow.ts';
import type { View } from './view.ts';

/** Numbers per triangle in #planes: d, three of the normal or the flat normal, three of the checker coordinates. */
const PLANES = 21;
const CHECKER = 12;
const LIGHT = 8;
const HIGHLIGHT = 0.4;
/** Ambient light from straight above and straight below, as factors. */
const AMBIENT_UP = 1;
const AMBIENT_DOWN = 0.5;
/** An endless plane fades into the sky over this distance, m. */
const HAZE = 14;
/** Checker modes: no checker, along x and y of the geom, along the two axes of the face, along all three. */
const Checker = { none: 0, plane: 1, face: 2, solid: 3 } as const;

export class Shader {
  readonly #geomColor: Float64Array;
  readonly #geomColor2: Float64Array;
  readonly #specular: Float64Array;
  readonly #checker: Uint8Array;
  readonly #perMetre: Float64Array;
  readonly #endless: Uint8Array;
  readonly #world: Float64Array;
  /** Per light: directional 1 / point 0, direction to the light or its position, diffuse, has the shadow map. */
  readonly #lights: Float64Array;
  readonly #lightCount: number;
  readonly #ambient = new Float64Array(3);
  readonly #skyTop: Float64Array;
  readonly #skyBottom: Float64Array;
  readonly #shadow: ShadowMap | null;
  /**
   * Per triangle, made when its first pixel is shaded. Anything that is linear on the surface is, times d, linear on
   * the image: value × d = c0 + c1 hx + c2 hy.
   */
  #planes = new Float64Array(0);
  #stamp = new Int32Array(0);
  #frame = 0;
  /** The view of the running image; image coordinates in half samples. */
  readonly #matrix = new Float64Array(12);
  readonly #origin = new Float64Array(3);
  #halfX = 0;
  #halfY = 0;
  #perHalf = 0;
  #halvesPerPixel = 2;
  readonly #color = new Float64Array(3);
  readonly #mix = new Float64Array(1);

  constructor(scene: SceneDescription, world: Float64Array, shadow: ShadowMap | null, shadowLight: number) {
    const n = scene.geoms.length;
    this.#world = world;
    this.#shadow = shadow;
    this.#geomColor = new Float64Array(3 * n);
    this.#geomColor2 = new Float64Array(3 * n);
    this.#specular = new Float64Array(n);
    this.#checker = new Uint8Array(n);
    this.#perMetre = new Float64Array(n);
    this.#endless = new Uint8Array(n);
    scene.geoms.forEach((geom, g) => {
      this.#geomColor.set(linear(geom.rgba), 3 * g);
      this.#specular[g] = HIGHLIGHT * geom.specular;
      this.#endless[g] = isEndless(geom) ? 1 : 0;
      if (geom.checker === null) return;
      this.#geomColor2.set(linear(geom.checker.rgb2), 3 * g);
      this.#perMetre[g] = geom.checker.perMetre;
      this.#checker[g] =
        geom.type === 'plane' ? Checker.plane : geom.type === 'box' ? Checker.face : Checker.solid;
    });
    this.#lightCount = Math.max(1, scene.lights.length);
    this.#lights = new Float64Array(LIGHT * this.#lightCount);
    scene.lights.forEach((light, i) => {
      const [x, y, z] = light.direction;
      const length = Math.hypot(x, y, z) || 1;
      this.#lights.set(
        light.directional ? [1, -x / length, -y / length, -z / length] : [0, ...light.position],
        LIGHT * i,
      );
      this.#lights.set(light.diffuse, LIGHT * i + 4);
      this.#lights[LIGHT * i + 7] = i === shadowLight ? 1 : 0;
      for (let k = 0; k < 3; k++) this.#ambient[k]! += light.ambient[k]!;
    });
    if (scene.lights.length === 0) {
      // A scene without lights is lit from above, so that it can be seen.
      this.#lights.set([1, 0.3, 0.2, 0.93, 0.7, 0.7, 0.7, 0]);
      this.#ambient.fill(0.3);
    }
    this.#skyTop = Float64Array.from(linear(scene.skyTop));
    this.#skyBottom = Float64Array.from(linear(scene.skyBottom));
  }

  /** Shades a whole image. `samples` is 1 or 2: the raster is so many times as wide and high as the image. */
  resolve(arena: Arena, raster: Raster, view: View, samples: number, out: Uint8Array): void {
    if (this.#stamp.length < arena.triangles) {
      this.#planes = new Float64Array(PLANES * arena.a.length);
      this.#stamp = new Int32Array(arena.a.length);
    }
    this.#frame++;
    this.#matrix.set(view.matrix);
    this.#origin.set(view.origin);
    this.#halfX = 2 * view.cx;
    this.#halfY = 2 * view.cy;
    this.#perHalf = 0.5 / view.focal;
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
        const sb = surface[b]!;
        const sc = surface[c]!;
        const sd = surface[d]!;
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
    const m = this.#matrix;
    // Sight ray, with 1 along the optical axis.
    const u = (hx - this.#halfX) * this.#perHalf;
    const v = (hy - this.#halfY) * this.#perHalf;
    const dx = m[6]! + u * m[0]! + v * m[3]!;
    const dy = m[7]! + u * m[1]! + v * m[4]!;
    const dz = m[8]! + u * m[2]! + v * m[5]!;
    if (t === 0) {
      // Bottom colour at and below the horizon, quickly towards the top colour above it.
      const rise = dz > 0 ? Math.sqrt(dz / Math.sqrt(dx * dx + dy * dy + dz * dz)) : 0;
      for (let i = 0; i < 3; i++) {
        const bottom = this.#skyBottom[i]!;
        color[i] = bottom + rise * (this.#skyTop[i]! - bottom);
      }
      return;
    }
    if (this.#stamp[t] !== this.#frame) this.#setup(arena, t);
    const planes = this.#planes;
    const p = PLANES * t;
    let d = planes[p]! + planes[p + 1]! * hx + planes[p + 2]! * hy;
    if (d < 1e-6) d = 1e-6;
    const z = 1 / d;
    let nx: number;
    let ny: number;
    let nz: number;
    if (arena.flat[t] === 1) {
      nx = planes[p + 3]!;
      ny = planes[p + 4]!;
      nz = planes[p + 5]!;
    } else {
      // Normal × d is linear on the image; the length does not matter.
      nx = planes[p + 3]! + planes[p + 4]! * hx + planes[p + 5]! * hy;
      ny = planes[p + 6]! + planes[p + 7]! * hx + planes[p + 8]! * hy;
      nz = planes[p + 9]! + planes[p + 10]! * hx + planes[p + 11]! * hy;
      const n = 1 / Math.sqrt(nx * nx + ny * ny + nz * nz);
      nx *= n;
      ny *= n;
      nz *= n;
    }
    const g = arena.geom[t]!;
    let r = this.#geomColor[3 * g]!;
    let gr = this.#geomColor[3 * g + 1]!;
    let b = this.#geomColor[3 * g + 2]!;
    if (this.#checker[g] !== Checker.none) {
      this.#check(p, hx, hy);
      const k = this.#mix[0]!;
      r += k * (this.#geomColor2[3 * g]! - r);
      gr += k * (this.#geomColor2[3 * g + 1]! - gr);
      b += k * (this.#geomColor2[3 * g + 2]! - b);
    }

    const o = this.#origin;
    const px = o[0]! + z * dx;
    const py = o[1]! + z * dy;
    const pz = o[2]! + z * dz;
    const up = AMBIENT_DOWN + (AMBIENT_UP - AMBIENT_DOWN) * 0.5 * (1 + nz);
    const ambient = this.#ambient;
    let lr = up * ambient[0]!;
    let lg = up * ambient[1]!;
    let lb = up * ambient[2]!;
    let shine = 0;
    const facing = nx * dx + ny * dy + nz * dz;
    const specular = this.#specular[g]!;
    const lights = this.#lights;
    for (let i = 0, l = 0; i < this.#lightCount; i++, l += LIGHT) {
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
      let k = cos;
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
        k *= lit;
      }
      lr += k * lights[l + 4]!;
      lg += k * lights[l + 5]!;
      lb += k * lights[l + 6]!;
      if (specular > 0) {
        // Mirrored light r = 2 (n·l) n − l against the direction to the eye −ray: cos = r·(−ray) / |ray|.
        const c = lx * dx + ly * dy + lz * dz - 2 * cos * facing;
        if (c > 0) {
          let s = (c * c) / (dx * dx + dy * dy + dz * dz);
          if (s > 0.4) {
            s *= s;
            s *= s;
            s *= s;
            shine += s * specular * lit * lights[l + 5]!;
          }
        }
      }
    }
    r = r * lr + shine;
    gr = gr * lg + shine;
    b = b * lb + shine;
    if (this.#endless[g] === 1) {
      const fade = z / HAZE;
      const k = 1 / (1 + fade * fade);
      const bottom = this.#skyBottom;
      color[0] = bottom[0]! + k * (r - bottom[0]!);
      color[1] = bottom[1]! + k * (gr - bottom[1]!);
      color[2] = bottom[2]! + k * (b - bottom[2]!);
    } else {
      color[0] = r;
      color[1] = gr;
      color[2] = b;
    }
  }

  #setup(arena: Arena, t: number): void {
    const a = arena.a[t]!;
    const b = arena.b[t]!;
    const c = arena.c[t]!;
    // Image coordinates in half samples.
    const s = 2 / SUBPIXEL;
    const x0 = arena.sx[a]! * s;
    const y0 = arena.sy[a]! * s;
    const x1 = arena.sx[b]! * s - x0;
    const y1 = arena.sy[b]! * s - y0;
    const x2 = arena.sx[c]! * s - x0;
    const y2 = arena.sy[c]! * s - y0;
    const inverse = 1 / (x1 * y2 - x2 * y1);
    const planes = this.#planes;
    const p = PLANES * t;
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
      planes[p + 3] = arena.nx[a]!;
      planes[p + 4] = arena.ny[a]!;
      planes[p + 5] = arena.nz[a]!;
    } else {
      for (let k = 0; k < 3; k++) {
        const column = k === 0 ? arena.nx : k === 1 ? arena.ny : arena.nz;
        const v0 = column[a]! * da;
        const v1 = column[b]! * db - v0;
        const v2 = column[c]! * dc - v0;
        const hx = (v1 * y2 - v2 * y1) * inverse;
        const hy = (v2 * x1 - v1 * x2) * inverse;
        planes[p + 3 + 3 * k] = v0 - hx * x0 - hy * y0;
        planes[p + 4 + 3 * k] = hx;
        planes[p + 5 + 3 * k] = hy;
      }
    }
    if (this.#checker[arena.geom[t]!] !== Checker.none) this.#setupChecker(arena, t, p);
    this.#stamp[t] = this.#frame;
  }

  /** Planes of the checker coordinates (squares along each geom axis) of triangle t; axes that do not count are 0. */
  #setupChecker(arena: Arena, t: number, p: number): void {
    const planes = this.#planes;
    const w = this.#world;
    const m = this.#matrix;
    const o = this.#origin;
    const g = arena.geom[t]!;
    const mode = this.#checker[g]!;
    const scale = this.#perMetre[g]!;
    const at = 12 * g;
    const face = mode === Checker.face ? this.#faceAxis(planes, p, at) : mode === Checker.plane ? 2 : -1;
    for (let k = 0; k < 3; k++) {
      const q = p + CHECKER + 3 * k;
      if (k === face) {
        planes[q] = planes[q + 1] = planes[q + 2] = 0;
        continue;
      }
      // Column k of the rotation: axis k of the geom in the world. With P = o + z ray, the coordinate times d is
      // (a · (o − t)) d + a · ray, and ray = forward + u right + v down is linear in hx and hy itself.
      const ax = scale * w[at + k]!;
      const ay = scale * w[at + 3 + k]!;
      const az = scale * w[at + 6 + k]!;
      const start = ax * (o[0]! - w[at + 9]!) + ay * (o[1]! - w[at + 10]!) + az * (o[2]! - w[at + 11]!);
      const right = (ax * m[0]! + ay * m[1]! + az * m[2]!) * this.#perHalf;
      const down = (ax * m[3]! + ay * m[4]! + az * m[5]!) * this.#perHalf;
      const forward = ax * m[6]! + ay * m[7]! + az * m[8]!;
      planes[q] = start * planes[p]! + forward - right * this.#halfX - down * this.#halfY;
      planes[q + 1] = start * planes[p + 1]! + right;
      planes[q + 2] = start * planes[p + 2]! + down;
    }
  }

  /** How much of the second colour the pixel shows (0..1), into #mix: the checker averaged over its footprint. */
  #check(p: number, hx: number, hy: number): void {
    const planes = this.#planes;
    const gx = planes[p + 1]!;
    const gy = planes[p + 2]!;
    const z = 1 / (planes[p]! + gx * hx + gy * hy);
    const pixel = z * this.#halvesPerPixel;
    let product = 1;
    for (let k = p + CHECKER; k < p + CHECKER + 9; k += 3) {
      const c0 = planes[k]!;
      const c1 = planes[k + 1]!;
      const c2 = planes[k + 2]!;
      if (c0 === 0 && c1 === 0 && c2 === 0) continue;
      const x = z * (c0 + c1 * hx + c2 * hy);
      // Quotient rule, per pixel.
      const sx = c1 - x * gx;
      const sy = c2 - x * gy;
      let width = pixel * ((sx < 0 ? -sx : sx) + (sy < 0 ? -sy : sy));
      if (width < 1e-4) width = 1e-4;
      // The integral of the square wave (+1 on [0, 1), −1 on [1, 2)) is a triangle wave: 1 − |x mod 2 − 1|.
      const h = x - width * 0.5;
      const i = x + width * 0.5;
      const low = h - 2 * Math.floor(h * 0.5) - 1;
      const high = i - 2 * Math.floor(i * 0.5) - 1;
      product *= ((low < 0 ? -low : low) - (high < 0 ? -high : high)) / width;
    }
    this.#mix[0] = 0.5 - 0.5 * product;
  }

  /** The geom axis that a flat face looks along. */
  #faceAxis(planes: Float64Array, p: number, at: number): number {
    const w = this.#world;
    let best = 0;
    let axis = 0;
    for (let k = 0; k < 3; k++) {
      const c = Math.abs(
        planes[p + 3]! * w[at + k]! + planes[p + 4]! * w[at + 3 + k]! + planes[p + 5]! * w[at + 6 + k]!,
      );
      if (c > best) {
        best = c;
        axis = k;
      }
    }
    return axis;
  }
}

const linear = (rgb: readonly number[]): number[] => rgb.slice(0, 3).map(toLinear);

/** Index into SRGB. */
function byteIndex(c: number): number {
  const i = (c * SRGB_STEPS + 0.5) | 0;
  return i < 0 ? 0 : i > SRGB_STEPS ? SRGB_STEPS : i;
}
