/**
 * The simulated cameras of a rig without clock or thread: poses → pixels → JPEG. The camera worker and the lockstep
 * runner both stand on it. The renderer comes from a module outside src, by address.
 */
import sharp from 'sharp';
import { ArmloopError } from '../errors.ts';
import { frameLayout, stampEncoded, stampFrame } from '../robot/frame.ts';
import type { CameraRenderer, RendererModule, SceneDescription } from '../robot/scene.ts';
import type { CameraEntry } from '../robot/spec.ts';

interface Slot {
  readonly entry: CameraEntry;
  readonly renderer: CameraRenderer;
  readonly pixels: Uint8Array;
}

export class CameraSet {
  readonly #slots: readonly Slot[];

  private constructor(slots: readonly Slot[]) {
    this.#slots = slots;
  }

  /** Loads the renderer and makes one for each camera. Rejects with CAMERA_NO_RENDERER, RENDER_UNKNOWN_FRAME. */
  static async open(
    scene: SceneDescription,
    cameras: readonly CameraEntry[],
    rendererUrl: string,
  ): Promise<CameraSet> {
    const module = await load(rendererUrl);
    // The rig has few cores and a loop to keep: JPEG of one frame never takes more than one thread.
    sharp.concurrency(1);
    sharp.cache(false);
    return new CameraSet(
      cameras.map((entry) => ({
        entry,
        renderer: module.createRenderer(scene, entry),
        pixels: new Uint8Array(entry.width * entry.height * 3),
      })),
    );
  }

  get size(): number {
    return this.#slots.length;
  }

  entry(camera: number): CameraEntry {
    return this.#slots[camera]!.entry;
  }

  /** The scene has a new look: colours, checkers, lights, sky. Geometry and bodies stay. */
  restyle(scene: SceneDescription): void {
    for (const { renderer } of this.#slots) renderer.restyle(scene);
  }

  /** Draws one camera; the pixels (RGB, from the top) stay valid until its next `render`. */
  render(camera: number, poses: Float64Array): Uint8Array {
    const slot = this.#slots[camera]!;
    slot.renderer.rgb(poses, slot.pixels);
    return slot.pixels;
  }

  /** JPEG of the pixels last rendered. They must not be rendered anew before this resolves. */
  encode(camera: number): Promise<Buffer> {
    const { entry, pixels } = this.#slots[camera]!;
    const raw = { width: entry.width, height: entry.height, channels: 3 } as const;
    return sharp(pixels, { raw }).jpeg({ quality: entry.quality }).toBuffer();
  }
}

async function load(url: string): Promise<RendererModule> {
  let reason = 'it exports no createRenderer';
  try {
    const module = (await import(url)) as Partial<RendererModule>;
    if (typeof module.createRenderer === 'function') return module as RendererModule;
  } catch (error) {
    reason = error instanceof Error ? error.message.split('\n')[0]! : String(error);
  }
  throw new ArmloopError('CAMERA_NO_RENDERER', { url, reason });
}

/** One frame as the lockstep runner gets it. */
export interface LockstepFrame {
  /** Index of the camera in the set. */
  readonly camera: number;
  /** frameLayout. */
  readonly block: Float64Array;
  readonly jpeg: Uint8Array;
  /** RGB rows from the top; valid until the camera renders again. */
  readonly pixels: Uint8Array;
}

/**
 * Renders the given cameras at the poses, one after the other, as of virtual time `time` (s). Nothing here depends on a
 * clock: the stamps `rendered` and `encoded` are `time`, and same poses give the same bytes.
 */
export async function renderLockstep(
  cameras: CameraSet,
  which: readonly number[],
  at: { readonly poses: Float64Array; readonly time: number; readonly epoch: number; readonly seq: number },
): Promise<LockstepFrame[]> {
  const frames: LockstepFrame[] = [];
  for (const camera of which) {
    const pixels = cameras.render(camera, at.poses);
    const jpeg = await cameras.encode(camera);
    const block = new Float64Array(frameLayout.size);
    stampFrame(block, cameras.entry(camera), at.seq, at.time, at.epoch, at.time);
    stampEncoded(block, at.time, jpeg.byteLength);
    frames.push({ camera, block, jpeg, pixels });
  }
  return frames;
}
