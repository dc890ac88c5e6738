/** Tessellation: closed, outward, on the true surface within the stated chord; normals of meshes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRenderer } from '../../../sim/render/index.ts';
import { meshShape } from '../../../sim/render/mesh.ts';
import type { Shape } from '../../../sim/render/shape.ts';
import { detailFor, SEGMENTS, tessellate } from '../../../sim/render/tessellate.ts';
import type { GeomType } from '../../../src/robot/scene.ts';
import { deskFront, deskPoses, deskScene, geom, identityPoses, scene } from '../../support/render-scene.ts';

const corner = (s: Shape, t: number, k: number): number[] => {
  const v = 3 * s.triangles[3 * t + k]!;
  return [s.positions[v]!, s.positions[v + 1]!, s.positions[v + 2]!];
};

/** Signed volume of the closed surface: positive when the triangles face outward. */
function volume(s: Shape): number {
  let sum = 0;
  for (let t = 0; t < s.surface.length; t++) {
    const [a, b, c] = [corner(s, t, 0), corner(s, t, 1), corner(s, t, 2)] as [number[], number[], number[]];
    sum +=
      a[0]! * (b[1]! * c[2]! - b[2]! * c[1]!) +
      a[1]! * (b[2]! * c[0]! - b[0]! * c[2]!) +
      a[2]! * (b[0]! * c[1]! - b[1]! * c[0]!);
  }
  return sum / 6;
}

/** Edges, by the bits of their ends, that are not matched by exactly one edge the other way. */
function openEdges(s: Shape): number {
  const edges = new Map<string, number>();
  for (let t = 0; t < s.surface.length; t++) {
    for (let k = 0; k < 3; k++) {
      const from = corner(s, t, k).join();
      const to = corner(s, t, (k + 1) % 3).join();
      const [key, way] = from < to ? [`${from}|${to}`, 1] : [`${to}|${from}`, -1];
      edges.set(key, (edges.get(key) ?? 0) + way);
    }
  }
  return [...edges.values()].filter((n) => n !== 0).length;
}

const SOLIDS: readonly { type: GeomType; size: [number, number, number]; volume: number }[] = [
  { type: 'box', size: [0.1, 0.2, 0.3], volume: 8 * 0.1 * 0.2 * 0.3 },
  { type: 'sphere', size: [0.2, 0, 0], volume: (4 / 3) * Math.PI * 0.2 ** 3 },
  { type: 'ellipsoid', size: [0.1, 0.2, 0.3], volume: (4 / 3) * Math.PI * 0.1 * 0.2 * 0.3 },
  { type: 'capsule', size: [0.1, 0.3, 0], volume: Math.PI * 0.1 ** 2 * 0.6 + (4 / 3) * Math.PI * 0.1 ** 3 },
  { type: 'cylinder', size: [0.1, 0.3, 0], volume: Math.PI * 0.1 ** 2 * 0.6 },
];

for (const solid of SOLIDS) {
  test(`${solid.type}: closed, outward, and of the right volume at every level of detail`, () => {
    let before = 0;
    for (const n of SEGMENTS) {
      const s = tessellate(geom(solid.type, solid.size), n);
      assert.equal(openEdges(s), 0, `${n} segments: open edges`);
      const v = volume(s);
      assert.ok(v >= before - 1e-12 && v <= solid.volume + 1e-12, `${n} segments: volume ${v}`);
      before = v;
    }
    assert.ok(Math.abs(before - solid.volume) < 0.005 * solid.volume);
  });
}

test('the level of detail keeps chords within a quarter of a pixel', () => {
  for (const radius of [0.5, 2, 7, 30, 120, 400]) {
    const n = SEGMENTS[detailFor(radius)]!;
    const chord = radius * (1 - Math.cos(Math.PI / n));
    assert.ok(chord <= 0.25 || n === SEGMENTS.at(-1), `${radius} px: ${n} segments are ${chord} px off`);
  }
  assert.ok(SEGMENTS[detailFor(3)]! < SEGMENTS[detailFor(100)]!);
});

test('a mesh cube has six flat faces, a mesh ball one smooth surface', () => {
  const cube = tessellate(geom('box', [1, 1, 1]), 8);
  // Give the mesh only eight shared corners: the creases must come back.
  const places = new Map<string, number>();
  const vertices: number[] = [];
  const triangles = Uint32Array.from(cube.triangles, (v) => {
    const p = cube.positions.subarray(3 * v, 3 * v + 3);
    const key = p.join();
    if (!places.has(key)) {
      places.set(key, vertices.length / 3);
      vertices.push(...p);
    }
    return places.get(key)!;
  });
  assert.equal(vertices.length, 24);
  const split = meshShape({ vertices: Float32Array.from(vertices), triangles });
  assert.deepEqual([split.surfaces, split.positions.length / 3], [6, 24]);
  assert.ok(split.flat.every((f) => f === 1));

  const ball = tessellate(geom('sphere', [1, 0, 0]), 32);
  const smooth = meshShape({ vertices: Float32Array.from(ball.positions), triangles: ball.triangles });
  assert.deepEqual([smooth.surfaces, smooth.flat[0]], [1, 0]);
  for (let i = 0; i < smooth.normals.length; i += 3) {
    const along =
      smooth.normals[i]! * smooth.positions[i]! +
      smooth.normals[i + 1]! * smooth.positions[i + 1]! +
      smooth.normals[i + 2]! * smooth.positions[i + 2]!;
    assert.ok(along > 0.99, `normal ${i / 3} leans by ${Math.acos(along)}`);
  }
});

test('an empty scene is sky; poses that are not numbers hide a body and harm nothing else', () => {
  const out = new Uint8Array(160 * 120 * 3);
  const empty = scene([], { lights: [] });
  createRenderer(empty, deskFront).rgb(identityPoses(empty), out);
  assert.ok(out.every((v) => v > 0));

  const poses = deskPoses();
  poses.fill(Number.NaN, 7);
  const segments = new Int32Array(160 * 120);
  const renderer = createRenderer(deskScene(), deskFront);
  renderer.segmentation(poses, segments);
  renderer.rgb(poses, out);
  const hand = deskScene().geoms.findIndex((g) => g.name === 'hand');
  assert.ok(!segments.includes(hand));
  assert.ok(segments.includes(deskScene().geoms.findIndex((g) => g.name === 'cube')));
});
