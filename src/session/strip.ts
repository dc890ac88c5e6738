/** Picture strips: frames of one episode side by side, first to last, as one JPEG. */
import sharp from 'sharp';
import { STRIP } from './evaluation.ts';

export interface StripFrame {
  /** s, on any clock. */
  readonly time: number;
  readonly jpeg: Uint8Array;
}

export interface Strip {
  readonly jpeg: Uint8Array;
  /** Seconds after the first frame, one per picture from left to right. */
  readonly times: readonly number[];
}

/** Pixels between two pictures. */
const GAP = 4;

/** So many of the frames, evenly spread, the first and the last among them. */
export function spread<T>(frames: readonly T[], count: number): T[] {
  if (frames.length <= count) return [...frames];
  return Array.from(
    { length: count },
    (_, i) => frames[Math.round((i * (frames.length - 1)) / (count - 1))]!,
  );
}

/** At most `count` (≥ 2) frames, each `height` pixels high; null when there is no frame. */
export async function pictureStrip(
  frames: readonly StripFrame[],
  count: number = STRIP.count,
  height: number = STRIP.height,
): Promise<Strip | null> {
  const chosen = spread(frames, count);
  const first = chosen[0];
  if (first === undefined) return null;
  const size = await sharp(first.jpeg).metadata();
  const width = Math.round((height * size.width) / size.height);
  const tiles = await Promise.all(
    chosen.map((f) => sharp(f.jpeg).resize(width, height, { fit: 'fill' }).toBuffer()),
  );
  const canvas = {
    width: chosen.length * (width + GAP) - GAP,
    height,
    channels: 3 as const,
    background: { r: 128, g: 128, b: 128 },
  };
  const jpeg = await sharp({ create: canvas })
    .composite(tiles.map((input, i) => ({ input, left: i * (width + GAP), top: 0 })))
    .jpeg({ quality: 80, mozjpeg: true })
    .toBuffer();
  return { jpeg, times: chosen.map((f) => f.time - first.time) };
}
