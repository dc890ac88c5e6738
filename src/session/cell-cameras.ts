/** A simulated camera of a lockstep cell: renders on its raster, and its frame comes in by the declared latency later. */
import type { Producer } from '../loop/lockstep.ts';
import type { LockstepDevice } from '../robot/device.ts';
import { frameLayout, stampEncoded, stampFrame } from '../robot/frame.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { tickRecordLayout } from '../robot/tick.ts';
import type { CellCameras } from './cell.ts';
import type { CellFrame } from './driver.ts';

interface Shot {
  readonly frame: CellFrame;
  /** frameLayout. */
  readonly block: Float64Array;
}

export class CameraProducer implements Producer {
  readonly everyTicks: number;
  readonly latencyTicks: number;
  onFrame: ((frame: CellFrame, block: Float64Array) => void) | null = null;
  readonly #spec: RobotSpec;
  readonly #camera: number;
  readonly #cameras: CellCameras;
  readonly #stage: LockstepDevice;
  readonly #now: () => number;
  readonly #epoch: number;
  #seq = 0;
  /** The pixels of a camera must not be drawn anew while they are being encoded. */
  #busy: Promise<unknown> = Promise.resolve();

  /** `now`: virtual time of the next tick, which is that of the poses that the stage has when it is asked. */
  constructor(
    spec: RobotSpec,
    camera: number,
    cameras: CellCameras,
    stage: LockstepDevice,
    now: () => number,
  ) {
    const entry = spec.cameras[camera]!;
    this.everyTicks = Math.max(1, Math.round(spec.loop.rateHz / entry.fps));
    this.latencyTicks = Math.max(1, Math.round((entry.latencyMs / 1000) * spec.loop.rateHz));
    this.#spec = spec;
    this.#camera = camera;
    this.#cameras = cameras;
    this.#stage = stage;
    this.#now = now;
    this.#epoch = tickRecordLayout(spec).at('in.task.epoch');
  }

  request(record: Float64Array): Promise<Shot> {
    const poses = new Float64Array(this.#stage.scene!.bodies.length * 7);
    this.#stage.poses(poses);
    const shot = this.#shoot(poses, this.#now(), record[this.#epoch]!, ++this.#seq, this.#busy);
    this.#busy = shot.catch(() => undefined);
    return shot;
  }

  deliver(answer: unknown): void {
    const { frame, block } = answer as Shot;
    this.onFrame?.(frame, block);
  }

  /** Resolves when nothing is being encoded any more. */
  async settle(): Promise<void> {
    await this.#busy;
  }

  async #shoot(
    poses: Float64Array,
    time: number,
    epoch: number,
    seq: number,
    before: Promise<unknown>,
  ): Promise<Shot> {
    const entry = this.#spec.cameras[this.#camera]!;
    await before;
    this.#cameras.render(this.#camera, poses);
    const jpeg = await this.#cameras.encode(this.#camera);
    const block = new Float64Array(frameLayout.size);
    const received = time + this.latencyTicks / this.#spec.loop.rateHz;
    stampFrame(block, entry, seq, time, epoch, received);
    stampEncoded(block, received, jpeg.byteLength);
    return { frame: { camera: this.#camera, name: entry.name, time, jpeg }, block };
  }
}
