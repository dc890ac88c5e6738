/**
 * A headless RGB renderer of a SceneDescription: deterministic, in plain typed arrays, nothing allocated per frame once
 * every level of detail has been seen. Same poses, same bytes.
 */
import { ArmloopError } from '../../src/errors.ts';
import type { CameraRenderer, SceneDescription } from '../../src/robot/scene.ts';
import type { CameraEntry } from '../../src/robot/spec.ts';
import { Arena } from './arena.ts';
import { Geometry } from './geometry.ts';
import { Look } from './look.ts';
import { composeMatrix, matrixOf, poseToMatrix } from './pose.ts';
import { Raster } from './raster.ts';
import { Shader } from './shade.ts';
import { ShadowMap } from './shadow.ts';
import { View } from './view.ts';

export interface RenderOptions {
  /** Samples per pixel side, 1 or 2: 2 smooths edges with 4 samples per pixel and costs about half as much again. Default 2. */
  readonly samples?: 1 | 2;
  /** Side of the shadow map in texels; 0 draws no shadows. Default: the power of two above 1.5 times the larger image side, 256..1024. */
  readonly shadowSize?: number;
}

/** Makes the renderer of one camera. Throws RENDER_UNKNOWN_FRAME when its frame is no body. */
export function createRenderer(
  scene: SceneDescription,
  camera: CameraEntry,
  options: RenderOptions = {},
): CameraRenderer {
  return new SoftwareRenderer(scene, camera, options);
}

class SoftwareRenderer implements CameraRenderer {
  readonly width: number;
  readonly height: number;
  readonly #samples: number;
  readonly #focal: number;
  readonly #body: number;
  readonly #mount: Float64Array;
  readonly #carrier = new Float64Array(12);
  readonly #pose = new Float64Array(12);
  readonly #view = new View();
  readonly #arena = new Arena(8192, 8192);
  readonly #raster: Raster;
  readonly #geometry: Geometry;
  readonly #shadowSize: number;
  #shader!: Shader;
  #shadow!: ShadowMap | null;

  constructor(scene: SceneDescription, camera: CameraEntry, options: RenderOptions) {
    this.width = camera.width;
    this.height = camera.height;
    this.#samples = options.samples ?? 2;
    this.#focal = camera.height / 2 / Math.tan((camera.fovyDeg * Math.PI) / 360);
    this.#body = camera.frame === 'world' ? 0 : scene.bodies.findIndex((b) => b.name === camera.frame);
    if (this.#body < 0) {
      const known = scene.bodies.map((b) => b.name).join(', ');
      throw new ArmloopError('RENDER_UNKNOWN_FRAME', { camera: camera.name, frame: camera.frame, known });
    }
    this.#mount = matrixOf(camera.position, camera.orientation);
    this.#raster = new Raster(camera.width * camera.height * this.#samples ** 2);
    this.#geometry = new Geometry(scene);
    const larger = 1.5 * Math.max(camera.width, camera.height);
    this.#shadowSize = options.shadowSize ?? Math.min(1024, Math.max(256, 2 ** Math.ceil(Math.log2(larger))));
    this.restyle(scene);
  }

  restyle(scene: SceneDescription): void {
    const light = scene.lights.findIndex((l) => l.castsShadow);
    const cast = light >= 0 && this.#shadowSize > 0;
    this.#shadow = cast ? new ShadowMap(scene.lights[light]!, this.#shadowSize) : null;
    this.#shader = new Shader(new Look(scene, cast ? light : -1), this.#geometry.world, this.#shadow);
  }

  rgb(poses: Float64Array, out: Uint8Array): void {
    check('the image', out.length, this.width * this.height * 3);
    this.#draw(poses, 'image', this.#samples);
    this.#shadow?.update(this.#geometry);
    this.#shader.resolve(this.#arena, this.#raster, this.#view, this.#samples, out);
  }

  depth(poses: Float64Array, out: Float32Array): void {
    check('the depth image', out.length, this.width * this.height);
    this.#draw(poses, 'solid', 1);
    const depth = this.#raster.depth;
    for (let i = 0; i < out.length; i++) out[i] = 1 / depth[i]!;
  }

  segmentation(poses: Float64Array, out: Int32Array): void {
    check('the segmentation image', out.length, this.width * this.height);
    this.#draw(poses, 'solid', 1);
    const id = this.#raster.id;
    const geom = this.#arena.geom;
    for (let i = 0; i < out.length; i++) out[i] = geom[id[i]!]!;
  }

  #draw(poses: Float64Array, set: 'image' | 'solid', samples: number): void {
    const view = this.#view;
    poseToMatrix(poses, 7 * this.#body, this.#carrier, 0);
    composeMatrix(this.#carrier, 0, this.#mount, 0, this.#pose, 0);
    view.place(this.#pose);
    view.size(this.width * samples, this.height * samples);
    view.focal = this.#focal * samples;
    this.#geometry.update(poses);
    this.#arena.clear();
    this.#raster.begin(view.width, view.height);
    this.#geometry.draw(view, this.#arena, this.#raster, set, 1 / samples);
  }
}

function check(what: string, got: number, want: number): void {
  if (got !== want) throw new ArmloopError('LENGTH_MISMATCH', { what, got, want });
}
