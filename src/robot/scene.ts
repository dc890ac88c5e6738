/** What a scene looks like: for the camera renderer and for the console's 3D view. Poses come separately. */

import type { CameraEntry } from './spec.ts';

export type GeomType = 'plane' | 'box' | 'sphere' | 'capsule' | 'cylinder' | 'ellipsoid' | 'mesh';

export interface SceneGeom {
  readonly name: string;
  /** Index into bodies. */
  readonly body: number;
  readonly type: GeomType;
  /** MuJoCo sizes: half extents; capsule and cylinder: radius, half length along z; plane: half x, half y (0: endless). */
  readonly size: readonly [number, number, number];
  /** Pose in the body: p x y z, quaternion x y z w. */
  readonly position: readonly [number, number, number];
  readonly orientation: readonly [number, number, number, number];
  /** Colour as on a screen (sRGB), 0..1, and opacity. */
  readonly rgba: readonly [number, number, number, number];
  /** Index into meshes for type mesh, else -1. */
  readonly mesh: number;
  /** Second colour (sRGB) and squares per metre for a checker; null for plain. */
  readonly checker: { readonly rgb2: readonly [number, number, number]; readonly perMetre: number } | null;
  /** 0 matte .. 1 shiny. */
  readonly specular: number;
  readonly castsShadow: boolean;
}

export interface SceneMesh {
  /** x y z per vertex, in the geom frame. */
  readonly vertices: Float32Array;
  /** Three vertex indices per triangle, counter-clockwise seen from outside. */
  readonly triangles: Uint32Array;
}

export interface SceneLight {
  readonly directional: boolean;
  /** In the world. */
  readonly position: readonly [number, number, number];
  readonly direction: readonly [number, number, number];
  readonly diffuse: readonly [number, number, number];
  readonly ambient: readonly [number, number, number];
  readonly castsShadow: boolean;
}

export interface SceneDescription {
  /** World first. Poses travel as bodies.length × 7: p x y z, quaternion x y z w, in the world. */
  readonly bodies: readonly {
    readonly name: string;
    readonly parent: number;
    /** It cannot be moved: joined to the world, or set by the scene. */
    readonly fixed?: boolean;
  }[];
  readonly geoms: readonly SceneGeom[];
  readonly meshes: readonly SceneMesh[];
  readonly lights: readonly SceneLight[];
  /** Names of bodies that a person may grasp or push, for lists and plots. */
  readonly objects: readonly string[];
  /** sRGB. */
  readonly skyTop: readonly [number, number, number];
  readonly skyBottom: readonly [number, number, number];
  /** What was drawn for this scene's look and start, by name; absent when nothing was. */
  readonly variation?: Readonly<Record<string, number>>;
}

/** Renders one camera of a scene. Deterministic: same poses, same bytes. */
export interface CameraRenderer {
  readonly width: number;
  readonly height: number;
  /** `poses` as in SceneDescription.bodies. Writes width × height × 3 bytes, row by row from the top. */
  rgb(poses: Float64Array, out: Uint8Array): void;
  /** Distance along the optical axis, m; Infinity where nothing is hit. */
  depth(poses: Float64Array, out: Float32Array): void;
  /** Takes a new look of the same scene: colours, checkers, lights and sky may differ, bodies and shapes do not. */
  restyle(scene: SceneDescription): void;
  /** Index of the geom, -1 where nothing is hit. */
  segmentation(poses: Float64Array, out: Int32Array): void;
}

/** What a module that draws scenes exports: named by address at the composition root. */
export interface RendererModule {
  /** Makes the renderer of one camera. Throws RENDER_UNKNOWN_FRAME when its frame is no body of the scene. */
  createRenderer(scene: SceneDescription, camera: CameraEntry): CameraRenderer;
}
