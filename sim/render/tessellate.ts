/**
 * Triangles for the geom types. Round shapes are inscribed polyhedra: with n segments around, a chord lies at most
 * r (1 − cos(π/n)) inside the true surface. Vertices that two surfaces share are computed by the same expressions,
 * so that both land on the same bits and no crack can open between them.
 */
import type { SceneGeom } from '../../src/robot/scene.ts';
import { type Shape, ShapeBuilder } from './shape.ts';

/** Segments around for each level of detail, coarse to fine. Multiples of 4, so that the axes are hit exactly. */
export const SEGMENTS = [8, 12, 16, 24, 32, 48, 64, 96] as const;

/** Level of detail at which a circle of `radiusPx` pixels is off by at most a quarter of a pixel. */
export function detailFor(radiusPx: number): number {
  // r (1 − cos(π/n)) ≈ r π²/(2 n²) ≤ 1/4  ⇒  n ≥ π √(2 r)
  const wanted = Math.PI * Math.sqrt(2 * Math.max(0, radiusPx));
  for (let i = 0; i < SEGMENTS.length - 1; i++) if (SEGMENTS[i]! >= wanted) return i;
  return SEGMENTS.length - 1;
}

/** True for types whose tessellation depends on the level of detail. */
export function isRound(type: SceneGeom['type']): boolean {
  return type === 'sphere' || type === 'capsule' || type === 'cylinder' || type === 'ellipsoid';
}

/** The shape of a geom other than a mesh or an endless plane at `segments` around. */
export function tessellate(geom: SceneGeom, segments: number): Shape {
  const [a, b, c] = geom.size;
  switch (geom.type) {
    case 'plane':
      return plane(a, b);
    case 'box':
      return box(a, b, c);
    case 'sphere':
      return ellipsoid(a, a, a, segments);
    case 'ellipsoid':
      return ellipsoid(a, b, c, segments);
    case 'capsule':
      return capsule(a, b, segments);
    case 'cylinder':
      return cylinder(a, b, segments);
    case 'mesh':
      throw new RangeError('a mesh brings its own triangles');
  }
}

function plane(x: number, y: number): Shape {
  const s = new ShapeBuilder();
  s.begin('flat');
  const corner = (sx: number, sy: number): number => s.vertex(sx * x, sy * y, 0, 0, 0, 1);
  s.quad(corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1));
  return s.build();
}

function box(x: number, y: number, z: number): Shape {
  const s = new ShapeBuilder();
  const half = [x, y, z];
  for (let axis = 0; axis < 3; axis++) {
    const u = (axis + 1) % 3;
    const v = (axis + 2) % 3;
    for (const side of [-1, 1]) {
      s.begin('flat');
      const corner = (su: number, sv: number): number => {
        const p = [0, 0, 0];
        const n = [0, 0, 0];
        p[axis] = side * half[axis]!;
        p[u] = su * side * half[u]!;
        p[v] = sv * half[v]!;
        n[axis] = side;
        return s.vertex(p[0]!, p[1]!, p[2]!, n[0]!, n[1]!, n[2]!);
      };
      s.quad(corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1));
    }
  }
  return s.build();
}

/** cos and sin of 2π i/n, exact on the axes. */
function circle(n: number): { cos: Float64Array; sin: Float64Array } {
  const cos = new Float64Array(n + 1);
  const sin = new Float64Array(n + 1);
  for (let i = 0; i <= n; i++) {
    const k = i % n;
    const quarter = (4 * k) % n === 0 ? (4 * k) / n : -1;
    cos[i] = quarter >= 0 ? [1, 0, -1, 0][quarter]! : Math.cos((2 * Math.PI * k) / n);
    sin[i] = quarter >= 0 ? [0, 1, 0, -1][quarter]! : Math.sin((2 * Math.PI * k) / n);
  }
  return { cos, sin };
}

/** One ring of vertices at height z, with radii rx and ry. */
interface Ring {
  readonly rx: number;
  readonly ry: number;
  readonly z: number;
  /** Normal = (nx cos, ny sin, nz). */
  readonly nx: number;
  readonly ny: number;
  readonly nz: number;
}

/** Rings from bottom (−z) to top; a ring of radius 0 is a pole. */
function lathe(s: ShapeBuilder, rings: readonly Ring[], n: number): void {
  const { cos, sin } = circle(n);
  const index = rings.map((r) => {
    const pole = r.rx === 0;
    const count = pole ? 1 : n;
    const first = s.vertex(r.rx, 0, r.z, pole ? 0 : r.nx, 0, r.nz);
    for (let i = 1; i < count; i++) {
      s.vertex(r.rx * cos[i]!, r.ry * sin[i]!, r.z, r.nx * cos[i]!, r.ny * sin[i]!, r.nz);
    }
    return (i: number): number => first + (pole ? 0 : i % n);
  });
  for (let k = 0; k + 1 < rings.length; k++) {
    const low = index[k]!;
    const high = index[k + 1]!;
    for (let i = 0; i < n; i++) {
      if (rings[k]!.rx !== 0) s.triangle(low(i), low(i + 1), high(i + 1));
      if (rings[k + 1]!.rx !== 0) s.triangle(low(i), high(i + 1), high(i));
    }
  }
}

function ellipsoid(a: number, b: number, c: number, n: number): Shape {
  const s = new ShapeBuilder();
  s.begin('smooth');
  const { cos, sin } = circle(n);
  const rings: Ring[] = [];
  for (let k = -n / 4; k <= n / 4; k++) {
    const pole = Math.abs(k) === n / 4;
    const cosLat = pole ? 0 : cos[Math.abs(k)]!;
    const sinLat = k < 0 ? -sin[-k]! : sin[k]!;
    // The normal of x²/a² + y²/b² + z²/c² = 1 points along (x/a², y/b², z/c²).
    rings.push({
      rx: a * cosLat,
      ry: b * cosLat,
      z: c * sinLat,
      nx: cosLat / a,
      ny: cosLat / b,
      nz: sinLat / c,
    });
  }
  lathe(s, rings, n);
  return s.build();
}

function capsule(r: number, half: number, n: number): Shape {
  const s = new ShapeBuilder();
  s.begin('smooth');
  const { cos, sin } = circle(n);
  const rings: Ring[] = [];
  for (const side of [-1, 1]) {
    for (let k = 0; k <= n / 4; k++) {
      const lat = side < 0 ? n / 4 - k : k;
      const c = lat === n / 4 ? 0 : cos[lat]!;
      rings.push({
        rx: r * c,
        ry: r * c,
        z: side * (half + r * sin[lat]!),
        nx: c,
        ny: c,
        nz: side * sin[lat]!,
      });
    }
  }
  lathe(s, rings, n);
  return s.build();
}

function cylinder(r: number, half: number, n: number): Shape {
  const s = new ShapeBuilder();
  s.begin('smooth');
  lathe(
    s,
    [-1, 1].map((side) => ({ rx: r, ry: r, z: side * half, nx: 1, ny: 1, nz: 0 })),
    n,
  );
  const { cos, sin } = circle(n);
  for (const side of [-1, 1]) {
    s.begin('flat');
    const ring = Array.from({ length: n }, (_, i) =>
      s.vertex(r * cos[i]!, r * sin[i]!, side * half, 0, 0, side),
    );
    for (let i = 1; i + 1 < n; i++) {
      if (side > 0) s.triangle(ring[0]!, ring[i]!, ring[i + 1]!);
      else s.triangle(ring[0]!, ring[i + 1]!, ring[i]!);
    }
  }
  return s.build();
}
