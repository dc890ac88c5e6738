/** Decoded frames of one camera of one episode at one size, as a cache file. */
import sharp from 'sharp';
import type { Episode, NumberedFrame } from '../../episode/episode.ts';
import { ArmloopError } from '../../errors.ts';
import { AreaResizer } from '../../math/area.ts';
import { type Pack, PackWriter, readSection } from './pack.ts';
import type { RowFacts } from './rows-pack.ts';
import type { ImageSpec } from './spec.ts';

/** Pictures that are decoded at once: libvips works in the thread pool. */
const AT_ONCE = 8;

interface Picture {
  readonly data: Uint8Array;
  readonly info: { readonly width: number; readonly height: number };
}

/**
 * Makes the files of the images that are missing, in one pass over the episode with a few pictures in memory at a time.
 * Throws EPISODE_DAMAGED when a frame is no picture.
 */
export async function buildFrames(
  episode: Episode,
  images: readonly ImageSpec[],
  paths: readonly string[],
  rows: Pack<RowFacts>,
  missing: readonly boolean[],
): Promise<void> {
  // Inputs that show the same camera at the same size share a file.
  const wanted = paths.flatMap((path, i) => (missing[i] && paths.indexOf(path) === i ? [{ path, i }] : []));
  const jobs = wanted.map(({ path, i }) => {
    const ordinals = new Int32Array(rows.facts.frames[i]!.count);
    readSection(rows, `ordinals${i}`, ordinals);
    return new FrameJob(images[i]!, ordinals, new PackWriter(path));
  });
  let waiting: { readonly job: FrameJob; readonly frame: NumberedFrame }[] = [];
  const flush = async (): Promise<void> => {
    const pictures = await Promise.all(waiting.map(({ frame }) => decode(episode.id, frame)));
    waiting.forEach(({ job }, i) => {
      job.keep(pictures[i]!);
    });
    waiting = [];
  };
  try {
    for await (const frame of episode.eachFrame([...new Set(jobs.map((j) => j.image.camera))])) {
      for (const job of jobs) if (job.wants(frame)) waiting.push({ job, frame });
      if (waiting.length >= AT_ONCE) await flush();
    }
    await flush();
    for (const job of jobs) job.writer.finish({});
  } finally {
    for (const job of jobs) job.writer.close();
  }
}

async function decode(id: string, { jpeg, camera, ordinal }: NumberedFrame): Promise<Picture> {
  try {
    const picture = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
    if (picture.info.channels !== 3) throw new Error(`it has ${picture.info.channels} channels, not 3`);
    return picture;
  } catch (cause) {
    const reason = `frame ${ordinal} of camera ${camera} is no picture: ${(cause as Error).message}`;
    throw new ArmloopError('EPISODE_DAMAGED', { id, reason }, { cause });
  }
}

class FrameJob {
  readonly image: ImageSpec;
  readonly writer: PackWriter;
  readonly #ordinals: Int32Array;
  readonly #out: Uint8Array;
  #resizer: AreaResizer | null = null;
  #source = '';
  #next = 0;

  constructor(image: ImageSpec, ordinals: Int32Array, writer: PackWriter) {
    this.image = image;
    this.#ordinals = ordinals;
    this.writer = writer;
    this.#out = new Uint8Array(image.width * image.height * 3);
    writer.begin('frames');
  }

  /** Each wanted frame once, in order. */
  wants({ camera, ordinal }: NumberedFrame): boolean {
    if (camera !== this.image.camera || this.#ordinals[this.#next] !== ordinal) return false;
    this.#next++;
    return true;
  }

  keep(picture: Picture): void {
    const { width, height } = picture.info;
    const size = `${width}×${height}`;
    if (this.#resizer === null || this.#source !== size) {
      this.#resizer = new AreaResizer(width, height, this.image.width, this.image.height);
      this.#source = size;
    }
    this.#resizer.resize(picture.data, this.#out);
    this.writer.append(this.#out);
  }
}
