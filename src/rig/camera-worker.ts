/**
 * The camera thread: renders every simulated camera on its own raster from the newest poses, encodes each frame once
 * and hands it to recorder, stream and policies. It never waits for a reader and never makes physics wait; when it
 * cannot keep up, frames are skipped and counted.
 *
 * Rendering runs here, JPEG in libvips' pool: while one camera's frame is encoded the next camera is rendered. At most
 * one frame per camera is in the encoder; its pixels must not change meanwhile.
 */
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { type ChannelBuffer, LatestEnd, LatestView } from '../loop/channel.ts';
import { monotonicClock } from '../loop/clock.ts';
import { frameLayout, posesLayout, stampEncoded, stampFrame } from '../robot/frame.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { CameraEntry } from '../robot/spec.ts';
import { type CameraChannels, type CameraStats, writeStats } from './camera-channels.ts';
import { CameraSchedule, RateMeter } from './camera-schedule.ts';
import { CameraSet } from './camera-set.ts';
import { FrameOut } from './frame-out.ts';

export interface CameraWorkerData {
  readonly scene: SceneDescription;
  readonly cameras: readonly CameraEntry[];
  /** posesLayout(scene.bodies.length). */
  readonly poses: ChannelBuffer;
  readonly channels: readonly CameraChannels[];
  /** Latest of cameraStatsLayout. */
  readonly stats: ChannelBuffer;
  readonly rendererUrl: string;
}

export type ToCameraWorker =
  | { readonly type: 'start' | 'stop'; readonly camera: number }
  | { readonly type: 'fps'; readonly camera: number; readonly fps: number }
  | { readonly type: 'restyle'; readonly scene: SceneDescription }
  | { readonly type: 'shutdown' };

export type FromCameraWorker = { readonly type: 'open' };

/** Longest sleep: so often statistics are refreshed. */
const REFRESH = 0.5;

class Camera {
  readonly schedule: CameraSchedule;
  readonly rate = new RateMeter();
  readonly out: FrameOut;
  /** The record of the frame in the encoder. */
  readonly block = new Float64Array(frameLayout.size);
  encoding: Promise<void> | null = null;
  /** Time of the poses last shown. */
  shown = Number.NaN;
  frames = 0;
  renderTime = Number.NaN;
  encodeTime = Number.NaN;

  constructor(entry: CameraEntry, channels: CameraChannels, now: number) {
    this.schedule = new CameraSchedule(entry.fps, now);
    this.out = new FrameOut(channels);
  }
}

class CameraLoop {
  readonly #now = monotonicClock();
  readonly #set: CameraSet;
  readonly #cameras: readonly Camera[];
  readonly #poses: LatestView;
  readonly #stats: LatestEnd;
  readonly #at;
  #havePoses = false;
  #running = true;
  #wake: (() => void) | null = null;

  constructor(data: CameraWorkerData, set: CameraSet) {
    this.#set = set;
    const now = this.#now();
    // Turns spread over the period, so that the cameras do not all want the processor at once.
    this.#cameras = data.cameras.map(
      (entry, i) => new Camera(entry, data.channels[i]!, now + i / (entry.fps * data.cameras.length)),
    );
    this.#poses = new LatestView(data.poses);
    this.#stats = new LatestEnd(data.stats);
    const layout = posesLayout(data.scene.bodies.length);
    this.#at = { time: layout.at('time'), epoch: layout.at('epoch'), poses: layout.at('poses') };
  }

  handle(message: ToCameraWorker): void {
    const now = this.#now();
    switch (message.type) {
      case 'start':
        this.#cameras[message.camera]!.schedule.start(now);
        break;
      case 'stop':
        this.#cameras[message.camera]!.schedule.stop();
        break;
      case 'fps':
        this.#cameras[message.camera]!.schedule.setFps(message.fps, now);
        break;
      case 'restyle':
        this.#set.restyle(message.scene);
        break;
      case 'shutdown':
        this.#running = false;
        break;
      default:
        message satisfies never;
    }
    this.#wake?.();
  }

  async run(): Promise<void> {
    while (this.#running) {
      for (let i = 0; i < this.#cameras.length; i++) this.#turn(i);
      this.#publishStats();
      let next = this.#now() + REFRESH;
      for (const camera of this.#cameras) next = Math.min(next, camera.schedule.next);
      await this.#sleep(next - this.#now());
    }
    // What is in the encoder still comes out.
    await Promise.allSettled(this.#cameras.map((camera) => camera.encoding));
    this.#publishStats();
  }

  #turn(index: number): void {
    const camera = this.#cameras[index]!;
    if (!camera.schedule.take(this.#now())) return;
    if (camera.encoding !== null) {
      camera.schedule.drop();
      return;
    }
    if (this.#poses.take()) this.#havePoses = true;
    const block = this.#poses.block;
    const time = block[this.#at.time]!;
    if (!this.#havePoses || time === camera.shown) {
      // The scene stands still (or is not there yet): no new frame, and none lost.
      camera.schedule.forget();
      return;
    }
    const begin = this.#now();
    this.#set.render(index, block.subarray(this.#at.poses));
    const rendered = this.#now();
    camera.shown = time;
    camera.renderTime = rendered - begin;
    const entry = this.#set.entry(index);
    stampFrame(camera.block, entry, camera.schedule.seq, time, block[this.#at.epoch]!, rendered);
    camera.encoding = this.#encode(index, camera, rendered);
  }

  async #encode(index: number, camera: Camera, begin: number): Promise<void> {
    try {
      const jpeg = await this.#set.encode(index);
      const encoded = this.#now();
      camera.encodeTime = encoded - begin;
      stampEncoded(camera.block, encoded, jpeg.byteLength);
      camera.out.deliver(camera.block, jpeg);
      camera.frames++;
      camera.rate.add(encoded);
    } finally {
      camera.encoding = null;
    }
  }

  #publishStats(): void {
    const now = this.#now();
    this.#cameras.forEach((camera, i) => {
      const stats: CameraStats = {
        name: '',
        fps: camera.schedule.fps,
        measuredFps: camera.rate.rate(now),
        frames: camera.frames,
        dropped: camera.schedule.dropped,
        refused: camera.out.refused,
        time: camera.shown,
        renderTime: camera.renderTime,
        encodeTime: camera.encodeTime,
      };
      writeStats(this.#stats.block, i, stats);
    });
    this.#stats.publish();
  }

  /** Until then, or until a message comes in. Encoders go on meanwhile. */
  #sleep(seconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, seconds * 1000));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Pictures come after control: on Linux this one thread steps behind the others. Elsewhere the default must do. */
function stepBack(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(
      Number(readlinkSync('/proc/thread-self').split('/').at(-1)),
      constants.priority.PRIORITY_BELOW_NORMAL,
    );
  } catch {
    // A sandbox without /proc: nothing lost but the courtesy.
  }
}

const port = parentPort!;
const data = workerData as CameraWorkerData;
stepBack();
const loop = new CameraLoop(data, await CameraSet.open(data.scene, data.cameras, data.rendererUrl));
port.on('message', (message: ToCameraWorker) => loop.handle(message));
port.postMessage({ type: 'open' } satisfies FromCameraWorker);
await loop.run();
port.close();
