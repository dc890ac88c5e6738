/** The cameras of a rig, whatever makes their pictures: channels for the recorder, newest frames for the stream. */
import { ArmloopError } from '../errors.ts';
import { type ChannelBuffer, LatestView } from '../loop/channel.ts';
import type { DeviceThread } from '../loop/device-thread.ts';
import { frameLayout } from '../robot/frame.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { CameraStats } from './camera-channels.ts';
import { CameraThread } from './camera-thread.ts';
import { rendererUrl } from './kinds.ts';

export class CameraHub implements AsyncDisposable {
  readonly #thread: CameraThread | null;
  readonly #streams: readonly LatestView[];
  onFailure: ((error: ArmloopError) => void) | null = null;

  private constructor(thread: CameraThread | null) {
    this.#thread = thread;
    this.#streams = thread?.channels.map((c) => new LatestView(c.stream)) ?? [];
    if (thread !== null) thread.onFailure = (error) => this.onFailure?.(error);
  }

  /** `stage`: the simulation that the pictures are rendered from. Rejects with CONFIG_UNKNOWN_KIND, CAMERA_*. */
  static async open(spec: RobotSpec, stage: DeviceThread | null): Promise<CameraHub> {
    const first = spec.cameras[0];
    if (first === undefined) return new CameraHub(null);
    const url = rendererUrl(first.kind);
    const odd = spec.cameras.find((c) => c.kind !== first.kind) ?? first;
    const poses = stage?.poses[1];
    if (
      url === null ||
      odd.kind !== first.kind ||
      stage === null ||
      stage.scene === null ||
      poses === undefined
    ) {
      throw new ArmloopError('CONFIG_UNKNOWN_KIND', {
        file: spec.source.file,
        path: `cameras.${odd.name}.kind`,
        value: odd.kind,
        known: 'sim, on a simulated rig',
        reason: 'cameras of devices are not supported yet',
      });
    }
    return new CameraHub(
      await CameraThread.open({ scene: stage.scene, cameras: spec.cameras, poses, rendererUrl: url }),
    );
  }

  /** One per camera of the robot file, for the recorder. */
  get recordChannels(): readonly ChannelBuffer[] {
    return this.#thread?.channels.map((c) => c.record) ?? [];
  }

  /** One per camera of the robot file, for the policy thread. */
  get policyChannels(): readonly ChannelBuffer[] {
    return this.#thread?.channels.map((c) => c.policy) ?? [];
  }

  stats(): CameraStats[] {
    return this.#thread?.stats() ?? [];
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
    await this.#thread?.[Symbol.asyncDispose]();
  }
}

const BYTES = frameLayout.at('byteLength');
