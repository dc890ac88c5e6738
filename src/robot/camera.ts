/**
 * A camera that delivers pictures by itself (a topic, a device file), as the rig's main thread hosts it. It says when
 * each picture was taken and hands over its bytes; turning them into the JPEG that is recorded and streamed, thinning
 * them out to the wanted rate and counting what is lost is the host's work (src/rig/picture-camera.ts).
 */
import type { Now } from './device.ts';
import type { CameraEntry, RobotSpec } from './spec.ts';

/** Bytes per pixel of the uncompressed formats, in the order of their letters, 8 bits each; `gray` is brightness. */
export const PIXEL_BYTES = { rgb: 3, bgr: 3, rgba: 4, bgra: 4, gray: 1 } as const;
export type PixelFormat = keyof typeof PIXEL_BYTES;

interface Taken {
  /** Capture time on the rig's clock, s: as early as is known, never in the future. */
  readonly time: number;
  /** The host may read it until its frame is out: nobody may change it any more. */
  readonly data: Uint8Array;
}

export interface PixelPicture extends Taken {
  readonly format: PixelFormat;
  readonly width: number;
  readonly height: number;
  /** Bytes from the start of a row to the next one, rows from the top. */
  readonly stride: number;
}

/** A whole file, which says its size itself. */
export interface FilePicture extends Taken {
  readonly format: 'jpeg' | 'png';
}

export type Picture = PixelPicture | FilePicture;

export interface CameraSink {
  picture(picture: Picture): void;
  /** What a person should know; the pictures go on. */
  note(message: string): void;
}

export interface CameraSource extends AsyncDisposable {
  /** Connects; pictures come from then on. Rejects when that is not possible. */
  open(sink: CameraSink): Promise<void>;
}

export interface CameraContext {
  readonly robot: RobotSpec;
  readonly entry: CameraEntry;
  readonly now: Now;
}

/** What a driver's folder may export as `createCamera`. Throws CONFIG_INVALID for bad options; touches nothing yet. */
export type CameraFactory = (context: CameraContext) => CameraSource;
