/** What the scene is made of, as columns for the shader: colours (linear), checkers, lights, sky. Fixed at the start. */
import type { SceneDescription } from '../../src/robot/scene.ts';
import { toLinear } from './color.ts';
import { isEndless } from './geometry.ts';

/** Strength of the highlight of a geom with specular 1 under a light of 1. */
const HIGHLIGHT = 0.4;

/** How a checker lies: none, along x and y of the geom, along the two axes of the face, along all three. */
export const Checker = { none: 0, plane: 1, face: 2, solid: 3 } as const;

/** Values per light in `lights`. */
export const LIGHT = 8;

export class Look {
  /** Per geom, linear light. */
  readonly color: Float64Array;
  readonly color2: Float64Array;
  readonly specular: Float64Array;
  readonly checker: Uint8Array;
  readonly perMetre: Float64Array;
  readonly endless: Uint8Array;
  /** Per light: 1 directional or 0 point; unit direction to it, or its position; diffuse; 1 when it has the shadow map. */
  readonly lights: Float64Array;
  readonly lightCount: number;
  readonly allDirectional: boolean;
  /** Index of the light with the shadow map, or -1. */
  readonly shadowLight: number;
  readonly ambient = new Float64Array(3);
  readonly skyTop: Float64Array;
  readonly skyBottom: Float64Array;

  constructor(scene: SceneDescription, shadowLight: number) {
    const n = scene.geoms.length;
    this.color = new Float64Array(3 * n);
    this.color2 = new Float64Array(3 * n);
    this.specular = new Float64Array(n);
    this.checker = new Uint8Array(n);
    this.perMetre = new Float64Array(n);
    this.endless = new Uint8Array(n);
    scene.geoms.forEach((geom, g) => {
      this.color.set(linear(geom.rgba), 3 * g);
      this.specular[g] = HIGHLIGHT * geom.specular;
      this.endless[g] = isEndless(geom) ? 1 : 0;
      if (geom.checker === null) return;
      this.color2.set(linear(geom.checker.rgb2), 3 * g);
      this.perMetre[g] = geom.checker.perMetre;
      this.checker[g] =
        geom.type === 'plane' ? Checker.plane : geom.type === 'box' ? Checker.face : Checker.solid;
    });
    this.shadowLight = shadowLight;
    this.lightCount = Math.max(1, scene.lights.length);
    this.allDirectional = scene.lights.every((light) => light.directional);
    this.lights = new Float64Array(LIGHT * this.lightCount);
    scene.lights.forEach((light, i) => {
      const [x, y, z] = light.direction;
      const length = Math.hypot(x, y, z) || 1;
      this.lights.set(
        light.directional ? [1, -x / length, -y / length, -z / length] : [0, ...light.position],
        LIGHT * i,
      );
      this.lights.set(light.diffuse, LIGHT * i + 4);
      this.lights[LIGHT * i + 7] = i === shadowLight ? 1 : 0;
      for (let k = 0; k < 3; k++) this.ambient[k]! += light.ambient[k]!;
    });
    if (scene.lights.length === 0) {
      // A scene without lights is lit from above, so that it can be seen.
      this.lights.set([1, 0.3, 0.2, 0.93, 0.7, 0.7, 0.7, 0]);
      this.ambient.fill(0.3);
    }
    this.skyTop = Float64Array.from(linear(scene.skyTop));
    this.skyBottom = Float64Array.from(linear(scene.skyBottom));
  }
}

const linear = (rgb: readonly number[]): number[] => rgb.slice(0, 3).map(toLinear);
