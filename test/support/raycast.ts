/**
 * The renderer's oracle: one ray against every geom, in closed form, meshes by brute force. Shares no code with the
 * rasteriser. Fronts only, as the renderer draws them: a ray that starts inside a geom does not see its inner side.
 */
import type { SceneDescription, SceneGeom, SceneMesh } from '../../src/robot/scene.ts';
import type { CameraEntry } from '../../src/robot/spec.ts';

type V = [number, number, number];

const dot = (a: V, b: V): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const sub = (a: V, b: V): V => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const add = (a: V, b: V, s = 1): V => [a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]];
const cross = (a: V, b: V): V => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** v rotated by the quaternion q (x y z w): v + 2 u × (u × v + w v). */
export function rotate(q: ArrayLike<number>, v: V): V {
  const u: V = [q[0]!, q[1]!, q[2]!];
  return add(v, cross(u, add(cross(u, v), v, q[3]!)), 2);
}

const conjugate = (q: ArrayLike<number>): number[] => [-q[0]!, -q[1]!, -q[2]!, q[3]!];

export interface Hit {
  /** Distance in multiples of the ray direction; Infinity for a miss. */
  t: number;
  geom: number;
}

/** First front of the scene along origin + t direction, t > 0. */
export function castRay(scene: SceneDescription, poses: Float64Array, origin: V, direction: V): Hit {
  const best: Hit = { t: Number.POSITIVE_INFINITY, geom: -1 };
  scene.geoms.forEach((geom, g) => {
    if (geom.rgba[3] <= 0) return;
    const at = 7 * geom.body;
    const qb = conjugate(poses.subarray(at + 3, at + 7));
    const pb: V = [poses[at]!, poses[at + 1]!, poses[at + 2]!];
    const qg = conjugate(geom.orientation);
    const o = rotate(qg, sub(rotate(qb, sub(origin, pb)), [...geom.position]));
    const d = rotate(qg, rotate(qb, direction));
    const t = castGeom(scene, geom, o, d);
    if (t > 0 && t < best.t) {
      best.t = t;
      best.geom = g;
    }
  });
  return best;
}

function castGeom(scene: SceneDescription, geom: SceneGeom, o: V, d: V): number {
  const [a, b, c] = geom.size;
  switch (geom.type) {
    case 'plane': {
      if (o[2] <= 0 || d[2] >= 0) return Number.POSITIVE_INFINITY;
      const t = -o[2] / d[2];
      const p = add(o, d, t);
      const endless = a <= 0 || b <= 0;
      return endless || (Math.abs(p[0]) <= a && Math.abs(p[1]) <= b) ? t : Number.POSITIVE_INFINITY;
    }
    case 'box':
      return castBox(o, d, [a, b, c]);
    case 'sphere':
      return castEllipsoid(o, d, [a, a, a]);
    case 'ellipsoid':
      return castEllipsoid(o, d, [a, b, c]);
    case 'capsule':
      return Math.min(
        castTube(o, d, a, b),
        castCap(sub(o, [0, 0, b]), d, a, 1),
        castCap(add(o, [0, 0, b]), d, a, -1),
      );
    case 'cylinder':
      return Math.min(castTube(o, d, a, b), castDisc(o, d, a, b), castDisc(o, d, a, -b));
    case 'mesh':
      return castMesh(scene.meshes[geom.mesh]!, o, d);
  }
}

function castBox(o: V, d: V, half: V): number {
  let enter = Number.NEGATIVE_INFINITY;
  let leave = Number.POSITIVE_INFINITY;
  for (let k = 0; k < 3; k++) {
    const t0 = (-half[k]! - o[k]!) / d[k]!;
    const t1 = (half[k]! - o[k]!) / d[k]!;
    enter = Math.max(enter, Math.min(t0, t1));
    leave = Math.min(leave, Math.max(t0, t1));
  }
  return enter <= leave && enter > 0 ? enter : Number.POSITIVE_INFINITY;
}

/** Smaller root of |o/s + t d/s|² = 1. */
function castEllipsoid(o: V, d: V, s: V): number {
  const p: V = [o[0] / s[0], o[1] / s[1], o[2] / s[2]];
  const q: V = [d[0] / s[0], d[1] / s[1], d[2] / s[2]];
  const h = dot(p, q) ** 2 - dot(q, q) * (dot(p, p) - 1);
  if (h < 0) return Number.POSITIVE_INFINITY;
  const t = (-dot(p, q) - Math.sqrt(h)) / dot(q, q);
  return t > 0 ? t : Number.POSITIVE_INFINITY;
}

/** The half of a sphere on that side of z = 0. */
function castCap(o: V, d: V, r: number, side: number): number {
  const t = castEllipsoid(o, d, [r, r, r]);
  return side * (o[2] + t * d[2]) >= 0 ? t : Number.POSITIVE_INFINITY;
}

/** Outside of the tube x² + y² = r², |z| ≤ half. */
function castTube(o: V, d: V, r: number, half: number): number {
  const qq = d[0] ** 2 + d[1] ** 2;
  const pq = o[0] * d[0] + o[1] * d[1];
  const h = pq ** 2 - qq * (o[0] ** 2 + o[1] ** 2 - r * r);
  if (qq === 0 || h < 0) return Number.POSITIVE_INFINITY;
  const t = (-pq - Math.sqrt(h)) / qq;
  return t > 0 && Math.abs(o[2] + t * d[2]) <= half ? t : Number.POSITIVE_INFINITY;
}

/** Disc at height z, seen from its outer side. */
function castDisc(o: V, d: V, r: number, z: number): number {
  if (Math.sign(d[2]) !== -Math.sign(z)) return Number.POSITIVE_INFINITY;
  const t = (z - o[2]) / d[2];
  const p = add(o, d, t);
  return t > 0 && p[0] ** 2 + p[1] ** 2 <= r * r ? t : Number.POSITIVE_INFINITY;
}

/** Möller–Trumbore, fronts only. */
function castMesh(mesh: SceneMesh, o: V, d: V): number {
  let best = Number.POSITIVE_INFINITY;
  const vertex = (i: number): V => [
    mesh.vertices[3 * i]!,
    mesh.vertices[3 * i + 1]!,
    mesh.vertices[3 * i + 2]!,
  ];
  for (let k = 0; k < mesh.triangles.length; k += 3) {
    const p = vertex(mesh.triangles[k]!);
    const e1 = sub(vertex(mesh.triangles[k + 1]!), p);
    const e2 = sub(vertex(mesh.triangles[k + 2]!), p);
    const h = cross(d, e2);
    const det = dot(e1, h);
    if (det <= 0) continue;
    const s = sub(o, p);
    const u = dot(s, h) / det;
    const q = cross(s, e1);
    const v = dot(d, q) / det;
    const t = dot(e2, q) / det;
    if (u >= 0 && v >= 0 && u + v <= 1 && t > 0 && t < best) best = t;
  }
  return best;
}

/** The ray through the middle of pixel (x, y): origin and a direction whose t is depth along the optical axis. */
export function pixelRay(
  scene: SceneDescription,
  poses: Float64Array,
  camera: CameraEntry,
  x: number,
  y: number,
): { origin: V; direction: V } {
  const body = camera.frame === 'world' ? 0 : scene.bodies.findIndex((b) => b.name === camera.frame);
  const at = 7 * body;
  const qb = poses.subarray(at + 3, at + 7);
  const origin = add([poses[at]!, poses[at + 1]!, poses[at + 2]!], rotate(qb, [...camera.position]));
  const f = camera.height / 2 / Math.tan((camera.fovyDeg * Math.PI) / 360);
  const local: V = [(x + 0.5 - camera.width / 2) / f, -(y + 0.5 - camera.height / 2) / f, -1];
  return { origin, direction: rotate(qb, rotate(camera.orientation, local)) };
}
