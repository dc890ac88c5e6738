/** Scenes for the renderer's tests and bench: built by hand, so that they need no simulation. */
import type { SceneDescription, SceneGeom, SceneLight } from '../../src/robot/scene.ts';
import type { CameraEntry } from '../../src/robot/spec.ts';

export type Vec3 = readonly [number, number, number];
export type Quat = readonly [number, number, number, number];

export function geom(type: SceneGeom['type'], size: Vec3, more: Partial<SceneGeom> = {}): SceneGeom {
  return {
    name: type,
    body: 0,
    type,
    size,
    position: [0, 0, 0],
    orientation: [0, 0, 0, 1],
    rgba: [0.5, 0.5, 0.5, 1],
    mesh: -1,
    checker: null,
    specular: 0,
    castsShadow: true,
    ...more,
  };
}

export const SUN: SceneLight = {
  directional: true,
  position: [0, 0, 3],
  direction: [-0.4, 0.25, -1],
  diffuse: [0.75, 0.73, 0.7],
  ambient: [0.28, 0.3, 0.33],
  castsShadow: true,
};

export function scene(geoms: readonly SceneGeom[], more: Partial<SceneDescription> = {}): SceneDescription {
  const bodies = Math.max(0, ...geoms.map((g) => g.body)) + 1;
  return {
    bodies: Array.from({ length: bodies }, (_, i) => ({
      name: i === 0 ? 'world' : `body${i}`,
      parent: i - 1,
    })),
    geoms,
    meshes: [],
    lights: [SUN],
    objects: [],
    skyTop: [0.5, 0.68, 0.88],
    skyBottom: [0.86, 0.9, 0.94],
    ...more,
  };
}

/** All bodies at the world's origin. */
export function identityPoses(description: SceneDescription): Float64Array {
  const poses = new Float64Array(7 * description.bodies.length);
  for (let i = 6; i < poses.length; i += 7) poses[i] = 1;
  return poses;
}

/** Orientation of a camera at `from` that looks at `to`, with `up` upwards on its image. */
export function lookAt(from: Vec3, to: Vec3, up: Vec3 = [0, 0, 1]): Quat {
  const unit = (v: number[]): number[] => v.map((x) => x / Math.hypot(...v));
  const cross = (p: readonly number[], q: readonly number[]): number[] => [
    p[1]! * q[2]! - p[2]! * q[1]!,
    p[2]! * q[0]! - p[0]! * q[2]!,
    p[0]! * q[1]! - p[1]! * q[0]!,
  ];
  const z = unit([from[0] - to[0], from[1] - to[1], from[2] - to[2]]);
  const x = unit(cross(up, z));
  const y = cross(z, x);
  return fromAxes(x, y, z);
}

const norm = (v: readonly number[]): number => Math.hypot(...v);

/** Quaternion x y z w of the rotation whose columns are x, y, z. */
function fromAxes(x: readonly number[], y: readonly number[], z: readonly number[]): Quat {
  const [m00, m10, m20] = [x[0]!, x[1]!, x[2]!];
  const [m01, m11, m21] = [y[0]!, y[1]!, y[2]!];
  const [m02, m12, m22] = [z[0]!, z[1]!, z[2]!];
  const q = [
    [m21 - m12, m02 - m20, m10 - m01, 1 + m00 + m11 + m22],
    [1 + m00 - m11 - m22, m01 + m10, m02 + m20, m21 - m12],
    [m01 + m10, 1 - m00 + m11 - m22, m12 + m21, m02 - m20],
    [m02 + m20, m12 + m21, 1 - m00 - m11 + m22, m10 - m01],
  ].sort((p, r) => norm(r) - norm(p))[0]!;
  const n = norm(q);
  return [q[0]! / n, q[1]! / n, q[2]! / n, q[3]! / n];
}

export function camera(from: Vec3, to: Vec3, more: Partial<CameraEntry> = {}, up?: Vec3): CameraEntry {
  return {
    name: 'test',
    kind: 'sim',
    width: 160,
    height: 120,
    fps: 15,
    quality: 85,
    fovyDeg: 45,
    latencyMs: 20,
    frame: 'world',
    position: from,
    orientation: lookAt(from, to, up),
    options: {},
    ...more,
  };
}

const WHITE: SceneGeom['rgba'] = [0.88, 0.88, 0.86, 1];
const DARK: SceneGeom['rgba'] = [0.15, 0.15, 0.17, 1];

/** A desk with an arm of simple shapes, every geom type, on an endless checkered floor. */
export function deskScene(): SceneDescription {
  const tilted: Quat = [0, Math.SQRT1_2, 0, Math.SQRT1_2];
  return scene(
    [
      geom('plane', [0, 0, 0.1], {
        name: 'floor',
        position: [0, 0, -0.7],
        rgba: [0.48, 0.5, 0.53, 1],
        checker: { rgb2: [0.42, 0.44, 0.47], perMetre: 2 },
        castsShadow: false,
      }),
      geom('box', [0.55, 0.65, 0.02], {
        name: 'table',
        position: [0.4, 0, -0.02],
        rgba: [0.7, 0.6, 0.48, 1],
      }),
      geom('cylinder', [0.09, 0.07, 0], { position: [0, 0, 0.07], rgba: WHITE, specular: 0.5 }),
      geom('capsule', [0.06, 0.14, 0], { position: [0, 0, 0.3], rgba: WHITE, specular: 0.5 }),
      geom('sphere', [0.075, 0, 0], { position: [0, 0, 0.48], rgba: DARK, specular: 0.5 }),
      geom('capsule', [0.055, 0.16, 0], {
        position: [0.2, 0, 0.52],
        orientation: tilted,
        rgba: WHITE,
        specular: 0.5,
      }),
      geom('sphere', [0.065, 0, 0], { position: [0.4, 0, 0.52], rgba: DARK, specular: 0.5 }),
      geom('capsule', [0.05, 0.1, 0], { position: [0.42, 0, 0.38], rgba: WHITE, specular: 0.5 }),
      geom('box', [0.03, 0.1, 0.03], {
        name: 'hand',
        body: 1,
        position: [0, 0, 0],
        rgba: WHITE,
        specular: 0.3,
      }),
      geom('box', [0.01, 0.008, 0.03], { body: 1, position: [0, 0.04, -0.06], rgba: DARK }),
      geom('box', [0.01, 0.008, 0.03], { body: 1, position: [0, -0.04, -0.06], rgba: DARK }),
      geom('box', [0.02, 0.02, 0.02], {
        name: 'cube',
        position: [0.5, 0.12, 0.02],
        rgba: [0.82, 0.2, 0.15, 1],
      }),
      geom('ellipsoid', [0.035, 0.025, 0.05], {
        position: [0.6, 0.22, 0.05],
        rgba: [0.15, 0.3, 0.8, 1],
        specular: 0.8,
      }),
      geom('sphere', [0.03, 0, 0], {
        position: [0.62, -0.18, 0.03],
        rgba: [0.2, 0.7, 0.3, 1],
        specular: 0.6,
      }),
      geom('cylinder', [0.03, 0.04, 0], {
        position: [0.45, -0.25, 0.04],
        rgba: [0.8, 0.6, 0.1, 1],
        checker: { rgb2: [0.1, 0.1, 0.1], perMetre: 40 },
      }),
      geom('box', [0.04, 0.03, 0.03], {
        position: [0.7, 0.02, 0.03],
        orientation: [0, 0, Math.sin(0.3), Math.cos(0.3)],
        rgba: [0.85, 0.85, 0.8, 1],
        checker: { rgb2: [0.15, 0.15, 0.4], perMetre: 50 },
      }),
      geom('mesh', [0, 0, 0], {
        name: 'wedge',
        mesh: 0,
        position: [0.3, 0.35, 0],
        rgba: [0.3, 0.68, 0.68, 1],
      }),
      geom('box', [0.08, 0.08, 0.001], {
        name: 'mark',
        position: [0.25, -0.3, 0.001],
        rgba: [0.2, 0.75, 0.35, 0.5],
        castsShadow: false,
      }),
    ],
    {
      meshes: [wedge()],
      bodies: [
        { name: 'world', parent: -1 },
        { name: 'hand', parent: 0 },
      ],
    },
  );
}

/** A wedge with a crease along each edge. */
function wedge(): { vertices: Float32Array; triangles: Uint32Array } {
  const vertices = Float32Array.from([
    -0.06, -0.05, 0, 0.06, -0.05, 0, 0.06, 0.05, 0, -0.06, 0.05, 0, -0.06, -0.05, 0.08, -0.06, 0.05, 0.08,
  ]);
  const triangles = Uint32Array.from([
    0, 2, 1, 0, 3, 2, 1, 2, 5, 1, 5, 4, 0, 1, 4, 2, 3, 5, 0, 4, 5, 0, 5, 3,
  ]);
  return { vertices, triangles };
}

/** Poses of deskScene with its hand above the cube. */
export function deskPoses(): Float64Array {
  return Float64Array.from([0, 0, 0, 0, 0, 0, 1, 0.44, 0.02, 0.24, 0, 0, 0.1, 0.995]);
}

export const deskFront = camera([1.35, 0, 0.75], [0.45, 0, 0.1]);
export const deskWrist = camera([0.07, 0, 0.02], [0, 0, -0.14], { frame: 'hand', fovyDeg: 70 }, [1, 0, 0]);
