/** What happens to a training sample, drawn from (seed, step, slot) and nothing else. */
import { ArmloopError } from '../../errors.ts';
import { mixSeeds, Rng } from '../../math/rng.ts';
import { shift, stretch } from './augment-kernels.ts';
import type { Augmentation } from './batch.ts';
import { Canvas, type ColourMap, LARGEST_BLUR, NOISE_BYTES, NOISE_STEP } from './canvas.ts';

/** Weaker blurs than this change no byte by more than rounding does. */
const LEAST_BLUR = 0.2;

/** Numbers of one image input of one sample: every picture of its history gets the same, but noise of its own. */
interface Draw {
  readonly dx: number;
  readonly dy: number;
  /** Side of the window as a share, and where it lies in the room that is left, 0..1. */
  readonly zoom: number;
  readonly left: number;
  readonly top: number;
  readonly colours: ColourMap | null;
  readonly blur: number;
  /** In steps of NOISE_STEP. */
  readonly noise: number;
}

/** Luma weights (ITU-R BT.601). */
const GREY = [0.299, 0.587, 0.114] as const;

export class Augmenter {
  readonly #options: Augmentation;
  readonly #seed: number;
  /** One per size of picture. */
  readonly #canvases = new Map<string, Canvas>();

  constructor(options: Augmentation, seed: number) {
    this.#options = options;
    this.#seed = seed;
  }

  /**
   * The pictures of one image input of one sample: `count` of width × height × 3 from `source` to out[at..]. `input`
   * separates the inputs of a sample. `source` is not changed.
   */
  images(
    place: { readonly step: number; readonly slot: number; readonly input: number },
    source: Uint8Array,
    width: number,
    height: number,
    count: number,
    out: Uint8Array,
    at: number,
  ): void {
    const rng = new Rng(mixSeeds(this.#seed, place.step), place.slot * 64 + 1 + place.input);
    const draw = this.#draw(rng);
    const bytes = width * height * 3;
    const canvas = this.#canvas(width, height);
    for (let k = 0; k < count; k++) {
      const from = source.subarray(k * bytes, (k + 1) * bytes);
      if (draw.zoom < 1) {
        const w = width * draw.zoom;
        const h = height * draw.zoom;
        const x = (width - w) * draw.left + draw.dx;
        const y = (height - h) * draw.top + draw.dy;
        stretch(from, width, height, { x, y, width: w, height: h }, canvas.pixels, 0);
      } else shift(from, width, height, draw.dx, draw.dy, canvas.pixels, 0);
      if (draw.blur >= LEAST_BLUR) canvas.blur(draw.blur);
      if (draw.colours !== null) canvas.colour(draw.colours);
      if (draw.noise > 0) canvas.noise(draw.noise, rng.below(NOISE_BYTES / 16));
      out.set(canvas.pixels, at + k * bytes);
    }
  }

  /** Adds noise to the normalised states of one sample: one draw per component, the same over its history. */
  states(
    place: { readonly step: number; readonly slot: number; readonly input: number },
    values: Float32Array,
    at: number,
    steps: number,
    size: number,
  ): void {
    const sigma = this.#options.stateNoise ?? 0;
    if (sigma === 0) return;
    const rng = new Rng(mixSeeds(this.#seed, place.step), place.slot * 64 + 33 + place.input);
    for (let c = 0; c < size; c++) {
      const noise = rng.normal(sigma);
      for (let k = 0; k < steps; k++) values[at + k * size + c] = values[at + k * size + c]! + noise;
    }
  }

  #canvas(width: number, height: number): Canvas {
    const key = `${width}×${height}`;
    const found = this.#canvases.get(key) ?? new Canvas(width, height);
    this.#canvases.set(key, found);
    return found;
  }

  /** Draws every number, wanted or not, so that one option does not change what another draws. */
  #draw(rng: Rng): Draw {
    const o = this.#options;
    const within = (limit: number | undefined): number => rng.uniform(-1, 1) * (limit ?? 0);
    const reach = Math.floor(o.shift ?? 0);
    const dx = rng.below(2 * reach + 1) - reach;
    const dy = rng.below(2 * reach + 1) - reach;
    const zoom = 1 - rng.uniform() * (o.crop ?? 0);
    const left = rng.uniform();
    const top = rng.uniform();
    const gain = [1 + within(o.gain), 1 + within(o.gain), 1 + within(o.gain)];
    const brightness = 1 + within(o.brightness);
    const contrast = 1 + within(o.contrast);
    const saturation = 1 + within(o.saturation);
    const hue = (within(o.hueDeg) * Math.PI) / 180;
    const blurred = rng.uniform() * (o.blur ?? 0);
    const noise = Math.round((rng.uniform() * (o.noise ?? 0)) / NOISE_STEP);
    const plain = [...gain, brightness, contrast, saturation].every((x) => x === 1) && hue === 0;
    const colours = plain ? null : colourMap({ gain, brightness, contrast, saturation, hue });
    return { dx, dy, zoom, left, top, colours, blur: blurred, noise };
  }
}

/**
 * Gain per channel, then brightness, contrast about mid-grey, saturation about the pixel's grey, and a turn of the hue
 * about the grey axis, as one affine map. The turn is a rotation of RGB space about (1, 1, 1) (Rodrigues).
 */
export function colourMap(o: {
  readonly gain: readonly number[];
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  readonly hue: number;
}): ColourMap {
  const scale = o.gain.map((g) => g * o.brightness * o.contrast);
  const lift = 128 * (1 - o.contrast);
  const [cos, sin] = [Math.cos(o.hue), Math.sin(o.hue) / Math.sqrt(3)];
  const third = (1 - cos) / 3;
  const turn = (i: number, j: number): number => (i === j ? cos : (j - i + 3) % 3 === 1 ? -sin : sin) + third;
  const saturate = (i: number, j: number): number =>
    (1 - o.saturation) * GREY[j]! + (i === j ? o.saturation : 0);
  const matrix: number[] = [];
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++) {
      let sum = 0;
      for (let k = 0; k < 3; k++) sum += turn(i, k) * saturate(k, j);
      // Saturation and turn leave greys alone, so the lift goes through unchanged.
      matrix.push(o.hue === 0 && o.saturation === 1 ? (i === j ? scale[j]! : 0) : sum * scale[j]!);
    }
  return { matrix, offset: [lift, lift, lift] };
}

/** Throws DATASET_SPEC for a strength that makes no sense. */
export function checkAugmentation(options: Augmentation): void {
  const most: Readonly<Record<keyof Augmentation, number>> = {
    shift: 1024,
    crop: 0.9,
    brightness: 1,
    contrast: 1,
    saturation: 1,
    hueDeg: 180,
    gain: 1,
    blur: LARGEST_BLUR,
    noise: 63,
    stateNoise: Number.POSITIVE_INFINITY,
  };
  for (const [name, limit] of Object.entries(most)) {
    const value = options[name as keyof Augmentation] ?? 0;
    if (value >= 0 && value <= limit) continue;
    const rule = `must lie within 0 and ${limit}`;
    throw new ArmloopError('DATASET_SPEC', { what: `augmentation ${name}`, value, rule });
  }
}
