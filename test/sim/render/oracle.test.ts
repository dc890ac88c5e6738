/** Random scenes against the analytic ray caster: which geom a pixel sees, and how far away it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRenderer } from '../../../sim/render/index.ts';
import { Rng } from '../../../src/math/rng.ts';
import type { GeomType, SceneDescription, SceneGeom, SceneMesh } from '../../../src/robot/scene.ts';
import type { CameraEntry } from '../../../src/robot/spec.ts';
import { castRay, pixelRay } from '../../support/raycast.ts';
import {
  camera,
  deskFront,
  deskPoses,
  deskScene,
  deskWrist,
  geom,
  scene,
} from '../../support/render-scene.ts';

const TYPES: readonly GeomType[] = ['plane', 'box', 'sphere', 'capsule', 'cylinder', 'ellipsoid', 'mesh'];

function quaternion(rng: Rng): [number, number, number, number] {
  const q = [rng.normal(), rng.normal(), rng.normal(), rng.normal()];
  const n = Math.hypot(...q);
  return [q[0]! / n, q[1]! / n, q[2]! / n, q[3]! / n];
}

/** A closed bumpy body: an icosahedron with its vertices pushed in and out. */
function bump(rng: Rng): SceneMesh {
  const g = (1 + Math.sqrt(5)) / 2;
  const corners = [
    [-1, g, 0],
    [1, g, 0],
    [-1, -g, 0],
    [1, -g, 0],
    [0, -1, g],
    [0, 1, g],
    [0, -1, -g],
    [0, 1, -g],
    [g, 0, -1],
    [g, 0, 1],
    [-g, 0, -1],
    [-g, 0, 1],
  ]; // prettier-ignore
  const faces = [
    0, 11, 5, 0, 5, 1, 0, 1, 7, 0, 7, 10, 0, 10, 11, 1, 5, 9, 5, 11, 4, 11, 10, 2, 10, 7, 6, 7, 1, 8, 3, 9, 4,
    3, 4, 2, 3, 2, 6, 3, 6, 8, 3, 8, 9, 4, 9, 5, 2, 4, 11, 6, 2, 10, 8, 6, 7, 9, 8, 1,
  ]; // prettier-ignore
  const vertices = corners.flatMap((p) => {
    const s = 0.1 * rng.uniform(0.7, 1.3);
    return p.map((c) => c * s);
  });
  return { vertices: Float32Array.from(vertices), triangles: Uint32Array.from(faces) };
}

function randomScene(seed: number): {
  description: SceneDescription;
  poses: Float64Array;
  view: CameraEntry;
} {
  const rng = new Rng(seed);
  const geoms: SceneGeom[] = [geom('plane', [0, 0, 0], { position: [0, 0, -0.6] })];
  const bodies = 4;
  for (let i = 0; i < 14; i++) {
    const s = (): number => rng.uniform(0.05, 0.25);
    geoms.push(
      geom(TYPES[i % TYPES.length]!, [s(), s(), s()], {
        body: rng.below(bodies),
        position: [rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5), rng.uniform(-0.4, 0.4)],
        orientation: quaternion(rng),
        mesh: 0,
      }),
    );
  }
  const description = scene([...geoms, geom('sphere', [0.01, 0, 0], { body: bodies - 1 })], {
    meshes: [bump(rng)],
  });
  const poses = new Float64Array(7 * bodies);
  for (let b = 0; b < bodies; b++) {
    poses.set(
      [rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.2), ...quaternion(rng)],
      7 * b,
    );
  }
  poses.set([0, 0, 0, 0, 0, 0, 1], 0);
  // Some of the cameras stand inside the heap, so that near-plane clipping takes part.
  const distance = seed % 3 === 0 ? 0.3 : 1.6;
  const from = [rng.normal(), rng.normal(), Math.abs(rng.normal()) + 0.1];
  const n = Math.hypot(...from) / distance;
  const view = camera([from[0]! / n, from[1]! / n, from[2]! / n], [0, 0, 0], {
    fovyDeg: rng.uniform(35, 90),
  });
  return { description, poses, view };
}

/** Compares every pixel; returns the share of wrong geoms and the worst depth error away from silhouettes. */
function compare(
  description: SceneDescription,
  poses: Float64Array,
  view: CameraEntry,
): { wrong: number; hits: number; depthError: number } {
  const { width, height } = view;
  const renderer = createRenderer(description, view);
  const depth = new Float32Array(width * height);
  const segments = new Int32Array(width * height);
  renderer.depth(poses, depth);
  renderer.segmentation(poses, segments);
  const truth = Array.from({ length: width * height }, (_, i) => {
    const ray = pixelRay(description, poses, view, i % width, Math.floor(i / width));
    return castRay(description, poses, ray.origin, ray.direction);
  });
  let wrong = 0;
  let hits = 0;
  let depthError = 0;
  for (let i = 0; i < truth.length; i++) {
    const { t, geom: g } = truth[i]!;
    if (g >= 0) hits++;
    if (segments[i] !== g) wrong++;
    const x = i % width;
    const inside = x > 0 && x < width - 1 && i >= width && i < truth.length - width;
    if (!inside || g < 0) continue;
    // On a silhouette, and where a surface falls away steeply, half a pixel changes the depth without bound.
    const near = [i - 1, i + 1, i - width, i + width].map((j) => truth[j]!);
    if (near.some((h) => h.geom !== g || Math.abs(h.t - t) > 0.02 * t)) continue;
    // Where two geoms pass through each other either may win, as long as the depth is right.
    depthError = Math.max(depthError, Math.abs(depth[i]! - t) / t);
  }
  return { wrong: wrong / truth.length, hits, depthError };
}

for (let seed = 1; seed <= 12; seed++) {
  test(`random scene ${seed}: geoms and depths agree with the ray caster`, () => {
    const { description, poses, view } = randomScene(seed);
    const { wrong, hits, depthError } = compare(description, poses, view);
    assert.ok(hits > 2000, `only ${hits} pixels see anything`);
    assert.ok(wrong <= 0.01, `${(100 * wrong).toFixed(2)} % of the pixels see another geom`);
    // A quarter of a pixel at the steepest slope that is compared (2 % of the depth per pixel), and the chord error.
    assert.ok(depthError < 0.01, `depth is off by ${(100 * depthError).toFixed(2)} %`);
  });
}

for (const view of [deskFront, deskWrist]) {
  test(`desk scene, ${view.frame} camera: geoms and depths agree with the ray caster`, () => {
    const { wrong, depthError } = compare(deskScene(), deskPoses(), { ...view, width: 200, height: 150 });
    assert.ok(wrong <= 0.005, `${(100 * wrong).toFixed(2)} % of the pixels see another geom`);
    assert.ok(depthError < 0.005, `depth is off by ${(100 * depthError).toFixed(2)} %`);
  });
}
