/**
 * The simulated cameras as the rig holds them: one thread for all of them, fed with scene poses.
 *
 *   await using cameras = await CameraThread.open({ scene, cameras: robot.cameras, poses, rendererUrl });
 *   recorder.frames = cameras.channels.map((c) => c.record);
 *   const stream = new LatestView(cameras.channels[0].stream);
 *
 * Nothing here blocks: control goes as messages, statistics come through shared memory.
 */
import { Worker } from 'node:worker_threads';
import { ArmloopError, ERRORS, type ErrorCode } from '../errors.ts';
import { type ChannelBuffer, LatestView, latest } from '../loop/channel.ts';
import { posesLayout } from '../robot/frame.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { CameraEntry } from '../robot/spec.ts';
import {
  type CameraChannels,
  type CameraStats,
  cameraChannels,
  cameraStatsLayout,
  readStats,
} from './camera-channels.ts';
import type { CameraWorkerData, FromCameraWorker, ToCameraWorker } from './camera-worker.ts';

export interface CameraThreadOptions {
  readonly scene: SceneDescription;
  /** The cameras of kind sim, in the robot file's order. */
  readonly cameras: readonly CameraEntry[];
  /** Latest of posesLayout that the simulation publishes and that nobody else reads. */
  readonly poses: ChannelBuffer;
  /** Address of the module with createRenderer (kinds.ts knows it). */
  readonly rendererUrl: string;
}

/** How long a shutdown may take before the thread is ended by force, ms. */
const PATIENCE_MS = 3000;

export class CameraThread implements AsyncDisposable {
  readonly entries: readonly CameraEntry[];
  /** Same order as `entries`. One reader each. */
  readonly channels: readonly CameraChannels[];
  readonly #worker: Worker;
  readonly #stats: LatestView;
  #gone: ArmloopError | null = null;
  #closing = false;
  /** Called when the thread is lost; the rig goes on without pictures. */
  onFailure: ((error: ArmloopError) => void) | null = null;

  private constructor(worker: Worker, entries: readonly CameraEntry[], data: CameraWorkerData) {
    this.#worker = worker;
    this.entries = entries;
    this.channels = data.channels;
    this.#stats = new LatestView(data.stats);
    worker.on('error', (error) => this.#lost(error));
    worker.on('exit', () => this.#lost(new Error('it stopped by itself')));
  }

  /** Resolves when the cameras run. Rejects with CAMERA_NO_RENDERER, RENDER_UNKNOWN_FRAME, LENGTH_MISMATCH. */
  static async open(options: CameraThreadOptions): Promise<CameraThread> {
    const { scene, cameras, poses, rendererUrl } = options;
    const want = posesLayout(scene.bodies.length).size;
    if (poses.size !== want) {
      throw new ArmloopError('LENGTH_MISMATCH', {
        what: 'the channel of scene poses',
        got: poses.size,
        want,
      });
    }
    const data: CameraWorkerData = {
      scene,
      cameras,
      poses,
      channels: cameras.map(cameraChannels),
      stats: latest(cameraStatsLayout(cameras.length).size),
      rendererUrl,
    };
    const worker = new Worker(new URL('./camera-worker.js', import.meta.url), {
      workerData: data,
      name: 'cameras',
    });
    await new Promise<void>((resolve, reject) => {
      worker.once('error', (error) => reject(revive(error)));
      worker.once('exit', () =>
        reject(new ArmloopError('CAMERA_THREAD', { reason: 'it stopped at its start' })),
      );
      worker.once('message', (message: FromCameraWorker) => {
        if (message.type === 'open') resolve();
      });
    }).finally(() => worker.removeAllListeners());
    return new CameraThread(worker, cameras, data);
  }

  /** One entry per camera; the newest that the thread has written. */
  stats(): CameraStats[] {
    this.#stats.take();
    return this.entries.map((entry, i) => readStats(this.#stats.block, i, entry.name));
  }

  get failed(): ArmloopError | null {
    return this.#gone;
  }

  /** Goes on with a stopped camera. */
  start(camera: number): void {
    this.#post({ type: 'start', camera });
  }

  /** Makes no more frames of that camera until `start`. */
  stop(camera: number): void {
    this.#post({ type: 'stop', camera });
  }

  setFps(camera: number, fps: number): void {
    this.#post({ type: 'fps', camera, fps });
  }

  /** The scene has a new look: frames from the next one on show it. */
  restyle(scene: SceneDescription): void {
    this.#post({ type: 'restyle', scene });
  }

  /** Frames in the encoder still come out; then the thread ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#gone !== null) return;
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    this.#post({ type: 'shutdown' });
    const timer = setTimeout(() => void this.#worker.terminate(), PATIENCE_MS);
    await ended;
    clearTimeout(timer);
  }

  #post(message: ToCameraWorker): void {
    this.#worker.postMessage(message);
  }

  #lost(error: Error): void {
    if (this.#closing || this.#gone !== null) return;
    this.#gone = new ArmloopError('CAMERA_THREAD', { reason: error.message }, { cause: error });
    this.onFailure?.(this.#gone);
  }
}

/** An error that crossed from the thread has lost its class but not its fields. */
function revive(error: Error & { code?: unknown; details?: unknown }): Error {
  if (typeof error.code !== 'string' || !(error.code in ERRORS)) return error;
  return new ArmloopError(error.code as ErrorCode, error.details as never, { cause: error });
}
