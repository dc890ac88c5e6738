/** The scene's geoms: their shapes at every level of detail, their poses in this frame, and how they are drawn. */
import type { SceneDescription, SceneGeom } from '../../src/robot/scene.ts';
import type { Arena } from './arena.ts';
import { Clipper } from './clip.ts';
import { meshShape } from './mesh.ts';
import { composeMatrix, matrixOf, poseToMatrix } from './pose.ts';
import { transformVertices } from './project.ts';
import type { Raster } from './raster.ts';
import type { Shape } from './shape.ts';
import { detailFor, isRound, SEGMENTS, tessellate } from './tessellate.ts';
import { NEAR, type View } from './view.ts';

/** Which samples of a 2 × 2 block a see-through geom covers, by quarters of alpha. */
const COVERAGE = [0b0000, 0b0001, 0b1001, 0b0111, 0b1111] as const;

/** What to draw: `image` honours alpha, `solid` draws every visible geom whole, `casters` those that throw shadows. */
export type DrawSet = 'image' | 'solid' | 'casters';

export class Geometry {
  readonly #scene: SceneDescription;
  readonly #local: Float64Array;
  /** Geom → world, 12 numbers each, for the poses of the last `update`. */
  readonly world: Float64Array;
  readonly #body = new Float64Array(12);
  readonly #view = new Float64Array(12);
  readonly #clipper = new Clipper();
  /** Shapes by geom and level of detail; made when first needed. */
  readonly #shapes: (Shape | null)[];
  readonly #meshes: Shape[];
  /** Order of drawing: large flat things last, so that most of what they would cover is already nearer. */
  readonly #order: Int32Array;
  readonly #mask: Uint8Array;
  readonly #casts: Uint8Array;
  readonly #surfaceBase: Int32Array;
  /** Bounding radius about the geom origin, m. */
  readonly radius: Float64Array;
  readonly #round: Float64Array;

  constructor(scene: SceneDescription) {
    this.#scene = scene;
    const n = scene.geoms.length;
    this.#local = new Float64Array(12 * n);
    this.world = new Float64Array(12 * n);
    this.#shapes = new Array<Shape | null>(n * SEGMENTS.length).fill(null);
    this.#meshes = scene.meshes.map(meshShape);
    this.#mask = new Uint8Array(n);
    this.#casts = new Uint8Array(n);
    this.#surfaceBase = new Int32Array(n);
    this.radius = new Float64Array(n);
    this.#round = new Float64Array(n);
    let surfaces = 0;
    scene.geoms.forEach((geom, g) => {
      this.#local.set(matrixOf(geom.position, geom.orientation), 12 * g);
      const alpha = geom.rgba[3];
      this.#mask[g] = alpha <= 0 ? 0 : COVERAGE[Math.max(1, Math.min(4, Math.round(alpha * 4)))]!;
      this.#casts[g] = geom.castsShadow && alpha >= 0.5 && !isEndless(geom) ? 1 : 0;
      this.#round[g] = isRound(geom.type) ? roundness(geom) : 0;
      this.#surfaceBase[g] = surfaces;
      const shape = this.#shape(g, 0);
      surfaces += shape.surfaces;
      this.radius[g] = isEndless(geom) ? Number.POSITIVE_INFINITY : boundingRadius(geom, shape);
    });
    const flatness = (g: number): number =>
      (scene.geoms[g]!.type === 'plane' ? 1e9 : 0) + bulk(scene.geoms[g]!);
    this.#order = Int32Array.from(
      Array.from({ length: n }, (_, g) => g).sort((p, q) => flatness(p) - flatness(q) || p - q),
    );
  }

  casts(g: number): boolean {
    return this.#casts[g] === 1;
  }

  get count(): number {
    return this.#mask.length;
  }

  /** Takes the poses of the bodies: 7 numbers each. */
  update(poses: Float64Array): void {
    const geoms = this.#scene.geoms;
    for (let g = 0; g < geoms.length; g++) {
      poseToMatrix(poses, 7 * geoms[g]!.body, this.#body, 0);
      composeMatrix(this.#body, 0, this.#local, 12 * g, this.world, 12 * g);
    }
  }

  /** Draws into `raster` (begun) and appends to `arena`. `pixelsPerSample` scales the level of detail. */
  draw(view: View, arena: Arena, raster: Raster, set: DrawSet, pixelsPerSample: number): void {
    for (let k = 0; k < this.#order.length; k++) {
      const g = this.#order[k]!;
      const mask = this.#mask[g]!;
      if (mask === 0 || (set === 'casters' && this.#casts[g] === 0)) continue;
      composeMatrix(view.matrix, 0, this.world, 12 * g, this.#view, 0);
      if (this.#outside(view, g)) continue;
      raster.mask = set === 'image' ? mask : 15;
      const geom = this.#scene.geoms[g]!;
      if (isEndless(geom)) this.#drawEndless(g, view, arena, raster);
      else this.#drawShape(g, this.#shape(g, this.#detail(g, view, pixelsPerSample)), view, arena, raster);
    }
  }

  /** Whether the bounding sphere of geom g lies wholly out of sight. */
  #outside(view: View, g: number): boolean {
    const radius = this.radius[g]!;
    const x = Math.abs(this.#view[9]!);
    const y = Math.abs(this.#view[10]!);
    const z = this.#view[11]!;
    const f = view.focal;
    if (view.projection === 'parallel') return f * (x - radius) > view.cx || f * (y - radius) > view.cy;
    if (z + radius < NEAR) return true;
    if (f * x - view.cx * z > radius * Math.sqrt(f * f + view.cx * view.cx)) return true;
    return f * y - view.cy * z > radius * Math.sqrt(f * f + view.cy * view.cy);
  }

  #detail(g: number, view: View, pixelsPerSample: number): number {
    const r = this.#round[g]!;
    if (r === 0) return 0;
    let scale = view.focal * pixelsPerSample;
    if (view.projection === 'perspective') {
      const nearest = this.#view[11]! - this.radius[g]!;
      scale /= nearest > NEAR ? nearest : NEAR;
    }
    return detailFor(r * scale);
  }

  #shape(g: number, level: number): Shape {
    const geom = this.#scene.geoms[g]!;
    if (geom.type === 'mesh') return this.#meshes[geom.mesh]!;
    const at = g * SEGMENTS.length + level;
    let shape = this.#shapes[at]!;
    if (shape === null) {
      shape = tessellate(geom, SEGMENTS[level]!);
      this.#shapes[at] = shape;
    }
    return shape;
  }

  #drawShape(g: number, shape: Shape, view: View, arena: Arena, raster: Raster): void {
    arena.reserve(shape.positions.length / 3, shape.surface.length);
    const base = arena.vertices;
    const marked = transformVertices(
      arena,
      view,
      shape.positions,
      shape.normals,
      this.#view,
      this.world,
      12 * g,
    );
    const triangles = shape.triangles;
    const surfaceBase = this.#surfaceBase[g]!;
    const count = shape.surface.length;
    for (let t = 0; t < count; t++) {
      const a = base + triangles[3 * t]!;
      const b = base + triangles[3 * t + 1]!;
      const c = base + triangles[3 * t + 2]!;
      const surface = shape.surface[t]!;
      if (marked === 1 && (arena.clipped[a]! | arena.clipped[b]! | arena.clipped[c]!) !== 0) {
        this.#drawClipped(a, b, c, g, surfaceBase + surface, shape.flat[surface]!, view, arena, raster);
        continue;
      }
      const number = arena.triangles;
      if (raster.triangle(arena, a, b, c, number) === 1) {
        arena.a[number] = a;
        arena.b[number] = b;
        arena.c[number] = c;
        arena.geom[number] = g;
        arena.surface[number] = surfaceBase + surface;
        arena.flat[number] = shape.flat[surface]!;
        arena.triangles = number + 1;
      }
    }
  }

  #drawClipped(
    a: number,
    b: number,
    c: number,
    g: number,
    surface: number,
    flat: number,
    view: View,
    arena: Arena,
    raster: Raster,
  ): void {
    arena.reserve(12, 12);
    const first = arena.vertices;
    const count = this.#clipper.clip(arena, view, a, b, c);
    for (let i = 1; i + 1 < count; i++) {
      const number = arena.triangles;
      if (raster.triangle(arena, first, first + i, first + i + 1, number) === 1) {
        arena.a[number] = first;
        arena.b[number] = first + i;
        arena.c[number] = first + i + 1;
        arena.geom[number] = g;
        arena.surface[number] = surface;
        arena.flat[number] = flat;
        arena.triangles = number + 1;
      }
    }
  }

  /** An endless plane: four triangles from its origin to points at infinity (W = 0), so that it ends at the horizon. */
  #drawEndless(g: number, view: View, arena: Arena, raster: Raster): void {
    arena.reserve(5, 0);
    const m = this.#view;
    const w = this.world;
    const base = arena.vertices;
    for (let i = 0; i < 5; i++) {
      const v = base + i;
      const u = i === 0 ? 0 : i === 1 || i === 4 ? 1 : -1;
      const s = i === 0 ? 0 : i <= 2 ? 1 : -1;
      const at = i === 0 ? 1 : 0;
      arena.x[v] = m[0]! * u + m[1]! * s + m[9]! * at;
      arena.y[v] = m[3]! * u + m[4]! * s + m[10]! * at;
      arena.z[v] = m[6]! * u + m[7]! * s + m[11]! * at;
      arena.w[v] = at;
      arena.nx[v] = w[12 * g + 2]!;
      arena.ny[v] = w[12 * g + 5]!;
      arena.nz[v] = w[12 * g + 8]!;
      arena.clipped[v] = 1;
    }
    arena.vertices = base + 5;
    const surface = this.#surfaceBase[g]!;
    for (let i = 1; i <= 4; i++) {
      this.#drawClipped(base, base + i, base + (i % 4) + 1, g, surface, 1, view, arena, raster);
    }
  }
}

export function isEndless(geom: SceneGeom): boolean {
  return geom.type === 'plane' && (geom.size[0] <= 0 || geom.size[1] <= 0);
}

/** Largest radius of curvature that tessellation has to follow, m. */
function roundness(geom: SceneGeom): number {
  return geom.type === 'ellipsoid' ? Math.max(...geom.size) : geom.size[0];
}

function bulk(geom: SceneGeom): number {
  return geom.type === 'mesh' ? 0 : geom.size[0] + geom.size[1] + (geom.type === 'box' ? geom.size[2] : 0);
}

function boundingRadius(geom: SceneGeom, shape: Shape): number {
  const [a, b] = geom.size;
  if (geom.type === 'cylinder') return Math.hypot(a, b);
  if (geom.type === 'capsule') return a + b;
  return isRound(geom.type) ? roundness(geom) : shape.radius;
}
