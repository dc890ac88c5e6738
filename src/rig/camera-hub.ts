/**
 * The cameras of a rig, whatever makes their pictures: those that are rendered share a thread, those that deliver by
 * themselves are hosted here. Channels for the recorder and policies, newest frames for the stream, in the robot file's
 * order.
 */
import { ArmloopError } from '../errors.ts';
import { type ChannelBuffer, LatestView } from '../loop/channel.ts';
import type { DeviceThread } from '../loop/device-thread.ts';
import type { Now } from '../robot/device.ts';
import { frameLayout } from '../robot/frame.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { CameraEntry, RobotSpec } from '../robot/spec.ts';
import type { CameraChannels, CameraStats } from './camera-channels.ts';
import { CameraThread } from './camera-thread.ts';
import { loadCamera, rendererUrl } from './kinds.ts';
import { PictureCamera } from './picture-camera.ts';

export class CameraHub implements AsyncDisposable {
  readonly #thread: CameraThread | null;
  readonly #pictures: readonly PictureCamera[];
  readonly #names: readonly string[];
  readonly #channels: readonly CameraChannels[];
  readonly #streams: readonly LatestView[];
  onFailure: ((error: ArmloopError) => void) | null = null;
  onNote: ((camera: string, message: string) => void) | null = null;

  private constructor(
    cameras: readonly CameraEntry[],
    thread: CameraThread | null,
    pictures: readonly PictureCamera[],
  ) {
    this.#thread = thread;
    this.#pictures = pictures;
    const found = [
      ...(thread?.entries.map((entry, i) => ({ entry, channels: thread.channels[i]! })) ?? []),
      ...pictures,
    ];
    this.#names = cameras.map((c) => c.name);
    this.#channels = this.#names.map((name) => found.find((f) => f.entry.name === name)!.channels);
    this.#streams = this.#channels.map((c) => new LatestView(c.stream));
    if (thread !== null) thread.onFailure = (error) => this.onFailure?.(error);
    for (const camera of pictures) camera.onNote = (message) => this.onNote?.(camera.entry.name, message);
  }

  /**
   * `stage`: the simulation that rendered pictures show. Rejects with CONFIG_UNKNOWN_KIND, CONFIG_INVALID, CAMERA_* and
   * what the kinds say.
   */
  static async open(spec: RobotSpec, stage: DeviceThread | null, now: Now): Promise<CameraHub> {
    const rendered = spec.cameras.filter((c) => rendererUrl(c.kind) !== null);
    const delivering = spec.cameras.filter((c) => rendererUrl(c.kind) === null);
    const pictures = await Promise.all(
      delivering.map(async (entry) => {
        const create = await loadCamera(spec, entry);
        return new PictureCamera(entry, create({ robot: spec, entry, now }), now);
      }),
    );
    const thread = rendered.length === 0 ? null : await openThread(spec, rendered, stage);
    const hub = new CameraHub(spec.cameras, thread, pictures);
    try {
      await Promise.all(pictures.map((camera) => camera.open()));
    } catch (error) {
      await hub[Symbol.asyncDispose]();
      throw error;
    }
    return hub;
  }

  /** One per camera of the robot file, for the recorder. */
  get recordChannels(): readonly ChannelBuffer[] {
    return this.#channels.map((c) => c.record);
  }

  /** One per camera of the robot file, for the policy thread. */
  get policyChannels(): readonly ChannelBuffer[] {
    return this.#channels.map((c) => c.policy);
  }

  /** One per camera of the robot file. */
  stats(): CameraStats[] {
    const all = [...(this.#thread?.stats() ?? []), ...this.#pictures.map((c) => c.stats())];
    return this.#names.map((name) => all.find((s) => s.name === name)!);
  }

  restyle(scene: SceneDescription): void {
    this.#thread?.restyle(scene);
  }

  /** Visits each camera's newest frame (frameLayout, JPEG) that was not visited before. */
  each(visit: (camera: number, block: Float64Array, jpeg: Uint8Array) => void): void {
    for (let i = 0; i < this.#streams.length; i++) {
      const stream = this.#streams[i]!;
      if (stream.take()) visit(i, stream.block, stream.bytes.subarray(0, stream.block[BYTES]!));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [...this.#pictures, ...(this.#thread === null ? [] : [this.#thread])].map((c) =>
        c[Symbol.asyncDispose](),
      ),
    );
  }
}

async function openThread(
  spec: RobotSpec,
  cameras: readonly CameraEntry[],
  stage: DeviceThread | null,
): Promise<CameraThread> {
  const poses = stage?.poses[1];
  const odd = cameras.find((c) => c.kind !== cameras[0]!.kind);
  if (stage === null || stage.scene === null || poses === undefined || odd !== undefined) {
    const { name, kind } = odd ?? cameras[0]!;
    throw new ArmloopError('CONFIG_UNKNOWN_KIND', {
      file: spec.source.file,
      path: `cameras.${name}.kind`,
      value: kind,
      known: 'sim, on a simulated rig',
      reason:
        odd === undefined ? 'this rig has no simulated scene' : 'rendered cameras of a rig share a renderer',
    });
  }
  return CameraThread.open({
    scene: stage.scene,
    cameras,
    poses,
    rendererUrl: rendererUrl(cameras[0]!.kind)!,
  });
}

const BYTES = frameLayout.at('byteLength');
