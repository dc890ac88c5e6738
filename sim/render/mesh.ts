/**
 * Normals for a triangle mesh. Corners of one vertex are averaged (weighted by area) as long as their faces differ by
 * less than the crease angle; at sharper edges the vertex is split. Vertices at the same place count as one.
 */
import type { SceneMesh } from '../../src/robot/scene.ts';
import type { Shape } from './shape.ts';

const CREASE = Math.cos((40 * Math.PI) / 180);

export function meshShape(mesh: SceneMesh): Shape {
  const { vertices, triangles } = mesh;
  const count = triangles.length / 3;
  const place = weld(vertices);
  const face = faceNormals(vertices, triangles);
  const corners = cornersByPlace(triangles, place);

  const positions: number[] = [];
  const normals: number[] = [];
  const out = new Uint32Array(triangles.length);
  const made = new Map<string, number>();
  const n = [0, 0, 0];
  for (let c = 0; c < triangles.length; c++) {
    const vertex = triangles[c]!;
    smoothNormal(corners.get(place[vertex]!)!, Math.floor(c / 3), face, n);
    const key = `${place[vertex]!} ${n[0]!.toFixed(3)} ${n[1]!.toFixed(3)} ${n[2]!.toFixed(3)}`;
    let index = made.get(key);
    if (index === undefined) {
      index = positions.length / 3;
      made.set(key, index);
      const p = place[vertex]! * 3;
      positions.push(vertices[p]!, vertices[p + 1]!, vertices[p + 2]!);
      normals.push(n[0]!, n[1]!, n[2]!);
    }
    out[c] = index;
  }

  const groups = connected(out, positions.length / 3);
  const surface = new Uint16Array(count);
  for (let t = 0; t < count; t++) surface[t] = groups.of[out[3 * t]!]!;
  let radius = 0;
  for (let i = 0; i < positions.length; i += 3) {
    radius = Math.max(radius, Math.hypot(positions[i]!, positions[i + 1]!, positions[i + 2]!));
  }
  return {
    positions: Float64Array.from(positions),
    normals: Float64Array.from(normals),
    triangles: out,
    surface,
    surfaces: groups.count,
    flat: flatGroups(normals, groups),
    radius,
  };
}

/** For each vertex the first vertex at the same place. */
function weld(vertices: Float32Array): Uint32Array {
  const first = new Map<string, number>();
  return Uint32Array.from({ length: vertices.length / 3 }, (_, i) => {
    const key = `${vertices[3 * i]} ${vertices[3 * i + 1]} ${vertices[3 * i + 2]}`;
    const seen = first.get(key);
    if (seen === undefined) first.set(key, i);
    return seen ?? i;
  });
}

/** Per triangle: unit normal and area, four numbers. */
function faceNormals(v: Float32Array, triangles: Uint32Array): Float64Array {
  const out = new Float64Array((triangles.length / 3) * 4);
  for (let t = 0; t * 3 < triangles.length; t++) {
    const a = triangles[3 * t]! * 3;
    const b = triangles[3 * t + 1]! * 3;
    const c = triangles[3 * t + 2]! * 3;
    const ux = v[b]! - v[a]!;
    const uy = v[b + 1]! - v[a + 1]!;
    const uz = v[b + 2]! - v[a + 2]!;
    const wx = v[c]! - v[a]!;
    const wy = v[c + 1]! - v[a + 1]!;
    const wz = v[c + 2]! - v[a + 2]!;
    const x = uy * wz - uz * wy;
    const y = uz * wx - ux * wz;
    const z = ux * wy - uy * wx;
    const length = Math.hypot(x, y, z);
    const s = length > 0 ? 1 / length : 0;
    out.set([x * s, y * s, z * s, length / 2], 4 * t);
  }
  return out;
}

function cornersByPlace(triangles: Uint32Array, place: Uint32Array): Map<number, number[]> {
  const out = new Map<number, number[]>();
  for (let c = 0; c < triangles.length; c++) {
    const key = place[triangles[c]!]!;
    const list = out.get(key);
    if (list) list.push(Math.floor(c / 3));
    else out.set(key, [Math.floor(c / 3)]);
  }
  return out;
}

/** Area-weighted mean of the normals of `faces` that lie within the crease angle of face `own`. */
function smoothNormal(faces: readonly number[], own: number, face: Float64Array, out: number[]): void {
  const ox = face[4 * own]!;
  const oy = face[4 * own + 1]!;
  const oz = face[4 * own + 2]!;
  let x = 0;
  let y = 0;
  let z = 0;
  for (const f of faces) {
    const fx = face[4 * f]!;
    const fy = face[4 * f + 1]!;
    const fz = face[4 * f + 2]!;
    if (fx * ox + fy * oy + fz * oz < CREASE) continue;
    const area = face[4 * f + 3]!;
    x += fx * area;
    y += fy * area;
    z += fz * area;
  }
  const length = Math.hypot(x, y, z) || 1;
  out[0] = x / length;
  out[1] = y / length;
  out[2] = z / length;
}

interface Groups {
  readonly of: Uint16Array;
  readonly count: number;
}

/** Numbers the parts of the mesh that hang together over shared (unsplit) vertices. */
function connected(triangles: Uint32Array, vertices: number): Groups {
  const parent = Uint32Array.from({ length: vertices }, (_, i) => i);
  const root = (i: number): number => {
    let at = i;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!;
      at = parent[at]!;
    }
    return at;
  };
  for (let c = 0; c < triangles.length; c += 3) {
    parent[root(triangles[c + 1]!)] = root(triangles[c]!);
    parent[root(triangles[c + 2]!)] = root(triangles[c]!);
  }
  const number = new Map<number, number>();
  const of = new Uint16Array(vertices);
  for (let i = 0; i < vertices; i++) {
    const r = root(i);
    let group = number.get(r);
    if (group === undefined) {
      group = number.size;
      number.set(r, group);
    }
    of[i] = group;
  }
  return { of, count: number.size };
}

function flatGroups(normals: readonly number[], groups: Groups): Uint8Array {
  const flat = new Uint8Array(groups.count).fill(1);
  const first = new Int32Array(groups.count).fill(-1);
  for (let i = 0; i < groups.of.length; i++) {
    const g = groups.of[i]!;
    if (first[g] === -1) first[g] = i;
    const f = first[g]! * 3;
    const n = i * 3;
    const cos =
      normals[f]! * normals[n]! + normals[f + 1]! * normals[n + 1]! + normals[f + 2]! * normals[n + 2]!;
    if (cos < 1 - 1e-9) flat[g] = 0;
  }
  return flat;
}
