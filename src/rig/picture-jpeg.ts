/** From a picture as a camera delivers it to the JPEG that is recorded and streamed. */
import sharp, { type Sharp } from 'sharp';
import { PIXEL_BYTES, type Picture, type PixelPicture } from '../robot/camera.ts';
import type { CameraEntry } from '../robot/spec.ts';

/** A picture that cannot be used: says why. */
export class UnusablePicture extends Error {}

/**
 * A JPEG of the size in the robot file. A colour JPEG of that size goes through as it is; a larger or smaller picture of
 * the same shape is resized, which keeps the field of view. Rejects with UnusablePicture.
 */
export async function jpegOf(picture: Picture, entry: CameraEntry): Promise<Uint8Array> {
  if ('stride' in picture) {
    const { width, height } = picture;
    fits(width, height, entry);
    const raw = { width, height, channels: 3 } as const;
    return encode(sharp(rgbOf(picture), { raw }), width, entry);
  }
  const file = sharp(picture.data, { failOn: 'error' });
  try {
    const { width, height, channels, format } = await file.metadata();
    fits(width, height, entry);
    if (format === 'jpeg' && channels === 3 && width === entry.width) return picture.data;
    return await encode(file.removeAlpha().toColourspace('srgb'), width, entry);
  } catch (error) {
    if (error instanceof UnusablePicture) throw error;
    throw new UnusablePicture(`a ${picture.format} that cannot be read: ${(error as Error).message}`);
  }
}

function encode(image: Sharp, width: number, entry: CameraEntry): Promise<Buffer> {
  const sized = width === entry.width ? image : image.resize(entry.width, entry.height, { fit: 'fill' });
  return sized.jpeg({ quality: entry.quality }).toBuffer();
}

function fits(width: number, height: number, entry: CameraEntry): void {
  if (width * entry.height === height * entry.width) return;
  const want = `${entry.width} × ${entry.height}`;
  throw new UnusablePicture(`pictures are ${width} × ${height}, which is no multiple of the ${want} wanted`);
}

/**
 * Rows of R, G, B without gaps. A picture that has them already is not copied; another is, at about 1 ms of the rig's main
 * thread for 640 × 480. Throws UnusablePicture when there are fewer bytes than the picture says.
 */
export function rgbOf({ format, width, height, stride, data }: PixelPicture): Uint8Array {
  const bytes = PIXEL_BYTES[format];
  const row = width * bytes;
  if (stride < row || data.byteLength < stride * (height - 1) + row) {
    throw new UnusablePicture(
      `${width} × ${height} pixels of ${format} need rows of at least ${row} bytes; there are ${data.byteLength} bytes in rows of ${stride}`,
    );
  }
  if (format === 'rgb' && stride === row) return data.subarray(0, row * height);
  const out = new Uint8Array(width * height * 3);
  const red = format === 'bgr' || format === 'bgra' ? 2 : 0;
  const green = format === 'gray' ? 0 : 1;
  const blue = format === 'gray' ? 0 : 2 - red;
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0, from = y * stride; x < width; x++, from += bytes) {
      out[to++] = data[from + red]!;
      out[to++] = data[from + green]!;
      out[to++] = data[from + blue]!;
    }
  }
  return out;
}
