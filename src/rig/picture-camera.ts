/**
 * One camera that delivers pictures by itself, hosted on the rig's main thread: pictures are thinned out to the wanted rate,
 * made JPEG in libvips' pool and given to recorder, stream and policies. One picture at a time is encoded; what comes
 * meanwhile is dropped and counted. A camera that falls silent is told of, and the rig goes on without its pictures.
 */
import { ArmloopError, explain } from '../errors.ts';
import type { CameraSource, Picture } from '../robot/camera.ts';
import type { Now } from '../robot/device.ts';
import { frameLayout, stampEncoded, stampFrame } from '../robot/frame.ts';
import type { CameraEntry } from '../robot/spec.ts';
import { type CameraChannels, type CameraStats, cameraChannels } from './camera-channels.ts';
import { RateMeter } from './camera-schedule.ts';
import { FrameOut } from './frame-out.ts';
import { jpegOf } from './picture-jpeg.ts';

/** The first picture may take this long, s. */
const FIRST_S = 5;
/** Without a picture for this long a camera counts as silent, s. */
const SILENT_S = 2;
/** A picture may come this part of a period early and still be the next one. */
const EARLY = 0.25;

export class PictureCamera implements AsyncDisposable {
  readonly entry: CameraEntry;
  readonly channels: CameraChannels;
  onNote: ((message: string) => void) | null = null;
  readonly #source: CameraSource;
  readonly #now: Now;
  readonly #out: FrameOut;
  readonly #rate = new RateMeter();
  readonly #block = new Float64Array(frameLayout.size);
  #watch: NodeJS.Timeout | null = null;
  #encoding: Promise<void> | null = null;
  #first: (() => void) | null = null;
  #closed = false;
  #silent = false;
  /** Arrival of the newest picture, rig clock. */
  #heard = Number.NaN;
  #due = Number.NEGATIVE_INFINITY;
  #seq = 0;
  #frames = 0;
  #dropped = 0;
  #time = Number.NaN;
  #encodeTime = Number.NaN;
  /** The last complaint, which is not repeated. */
  #said = '';

  constructor(entry: CameraEntry, source: CameraSource, now: Now) {
    this.entry = entry;
    this.channels = cameraChannels(entry);
    this.#source = source;
    this.#now = now;
    this.#out = new FrameOut(this.channels);
  }

  /** Resolves when the first frame is out. Rejects with CAMERA_SILENT and what the camera says. */
  async open(): Promise<void> {
    const first = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), FIRST_S * 1000);
      this.#first = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
    try {
      await this.#source.open({
        picture: (picture) => this.#take(picture),
        note: (message) => {
          this.#said = message;
          this.onNote?.(message);
        },
      });
      const came = await first;
      if (this.#closed) return;
      if (!came) {
        const camera = this.entry.name;
        throw new ArmloopError('CAMERA_SILENT', {
          camera,
          seconds: FIRST_S,
          reason: this.#said || 'nothing came',
        });
      }
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
    this.#watch = setInterval(() => this.#look(), 500);
  }

  stats(): CameraStats {
    return {
      name: this.entry.name,
      fps: this.entry.fps,
      measuredFps: this.#rate.rate(this.#now()),
      frames: this.#frames,
      dropped: this.#dropped,
      refused: this.#out.refused,
      time: this.#time,
      renderTime: 0,
      encodeTime: this.#encodeTime,
    };
  }

  /** What is in the encoder still comes out. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#first?.();
    if (this.#watch !== null) clearInterval(this.#watch);
    await this.#source[Symbol.asyncDispose]();
    await this.#encoding;
  }

  #take(picture: Picture): void {
    if (this.#closed) return;
    const now = this.#now();
    this.#heard = now;
    if (this.#silent) {
      this.#silent = false;
      this.onNote?.('pictures come again');
    }
    const { time } = picture;
    if (!(time <= now) || time <= this.#time) {
      this.#seq++;
      this.#dropped++;
      return;
    }
    const period = 1 / this.entry.fps;
    if (time < this.#due - EARLY * period) return;
    this.#due = Math.max(this.#due + period, time);
    this.#seq++;
    if (this.#encoding !== null) {
      this.#dropped++;
      return;
    }
    this.#time = time;
    this.#encoding = this.#encode(picture, this.#seq, now);
  }

  async #encode(picture: Picture, seq: number, taken: number): Promise<void> {
    try {
      const jpeg = await jpegOf(picture, this.entry);
      const encoded = this.#now();
      this.#encodeTime = encoded - taken;
      stampFrame(this.#block, this.entry, seq, picture.time, 0, taken);
      stampEncoded(this.#block, encoded, jpeg.byteLength);
      this.#out.deliver(this.#block, jpeg);
      this.#frames++;
      this.#rate.add(encoded);
      this.#said = '';
      this.#first?.();
      this.#first = null;
    } catch (error) {
      this.#dropped++;
      const message = error instanceof ArmloopError ? explain(error) : (error as Error).message;
      if (message !== this.#said) this.onNote?.(`no frame: ${message}`);
      this.#said = message;
    } finally {
      this.#encoding = null;
    }
  }

  #look(): void {
    const silence = this.#now() - this.#heard;
    if (this.#silent || silence < Math.max(SILENT_S, 3 / this.entry.fps)) return;
    this.#silent = true;
    this.onNote?.(`no picture for ${silence.toFixed(1)} s; the rig goes on without`);
  }
}
