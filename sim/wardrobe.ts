/**
 * How the scene looks now: the description of the compiled model with what a reset painted over it. Physics knows
 * nothing of it, so a look never changes what happens.
 */
import { ArmloopError } from '../src/errors.ts';
import type { Rng } from '../src/math/rng.ts';
import type { SceneDescription, SceneGeom, SceneLight } from '../src/robot/scene.ts';
import type { SceneLook, Surface } from '../src/robot/task.ts';

type Rgb = readonly [number, number, number];

export class Wardrobe implements SceneLook {
  readonly #plain: SceneDescription;
  /** Material of each geom and name of each light, as in the description. */
  readonly #materials: readonly string[];
  readonly #lightNames: readonly string[];
  #geoms: SceneGeom[] | null = null;
  #lights: SceneLight[] | null = null;
  #sky: { readonly skyTop: Rgb; readonly skyBottom: Rgb } | null = null;
  #variation: Record<string, number> | null = null;
  #scene: SceneDescription;

  constructor(plain: SceneDescription, materials: readonly string[], lights: readonly string[]) {
    this.#plain = plain;
    this.#materials = materials;
    this.#lightNames = lights;
    this.#scene = plain;
  }

  /** The scene as it looks since the last `wear`; the same object while the look is the same. */
  get scene(): SceneDescription {
    return this.#scene;
  }

  /** Back to how the model has it: what is painted next is painted on that. */
  undress(): void {
    this.#geoms = null;
    this.#lights = null;
    this.#sky = null;
    this.#variation = null;
  }

  /** Takes what was painted since `undress` as the look from now on. */
  wear(): void {
    const changed = this.#geoms ?? this.#lights ?? this.#sky ?? this.#variation;
    this.#scene =
      changed === null
        ? this.#plain
        : {
            ...this.#plain,
            ...(this.#geoms === null ? {} : { geoms: this.#geoms }),
            ...(this.#lights === null ? {} : { lights: this.#lights }),
            ...this.#sky,
            ...(this.#variation === null ? {} : { variation: this.#variation }),
          };
  }

  paint(material: string, { rgb, checker }: Surface): void {
    this.#geoms ??= [...this.#plain.geoms];
    let found = false;
    this.#materials.forEach((name, g) => {
      if (name !== material) return;
      found = true;
      const geom = this.#plain.geoms[g]!;
      this.#geoms![g] = { ...geom, rgba: [...rgb, geom.rgba[3]], checker: checker ?? null };
    });
    if (!found) throw new ArmloopError('SIM_UNKNOWN_NAME', { kind: 'material', name: material });
  }

  light(name: string, change: Partial<Pick<SceneLight, 'direction' | 'diffuse' | 'ambient'>>): void {
    const i = this.#lightNames.indexOf(name);
    if (i < 0) throw new ArmloopError('SIM_UNKNOWN_NAME', { kind: 'light', name });
    this.#lights ??= [...this.#plain.lights];
    this.#lights[i] = { ...this.#lights[i]!, ...change };
  }

  sky(top: Rgb, bottom: Rgb): void {
    this.#sky = { skyTop: top, skyBottom: bottom };
  }

  draw(name: string, rng: Rng, low: number, high: number): number {
    const value = rng.uniform(low, high);
    this.#variation ??= {};
    this.#variation[name] = value;
    return value;
  }
}
