/** Where the frames of one camera go: recorder, live stream and policies. Each frame is encoded once and copied to each. */
import { LatestEnd, RingEnd } from '../loop/channel.ts';
import type { CameraChannels } from './camera-channels.ts';

export class FrameOut {
  readonly #record: RingEnd;
  readonly #stream: LatestEnd;
  readonly #policy: RingEnd;

  constructor(channels: CameraChannels) {
    this.#record = new RingEnd(channels.record);
    this.#stream = new LatestEnd(channels.stream);
    this.#policy = new RingEnd(channels.policy);
  }

  /** Frames that the recorder had no room for. */
  get refused(): number {
    return this.#record.overflow;
  }

  /** `block` is of frameLayout. Waits for nobody. */
  deliver(block: Float64Array, jpeg: Uint8Array): void {
    const slot = this.#record.slot();
    if (slot === null || jpeg.byteLength > slot.bytes.byteLength) this.#record.refuse();
    else {
      slot.block.set(block);
      slot.bytes.set(jpeg);
      this.#record.commit();
    }
    const seen = this.#policy.slot();
    if (seen !== null && jpeg.byteLength <= seen.bytes.byteLength) {
      seen.block.set(block);
      seen.bytes.set(jpeg);
      this.#policy.commit();
    }
    if (jpeg.byteLength <= this.#stream.bytes.byteLength) {
      this.#stream.block.set(block);
      this.#stream.bytes.set(jpeg);
      this.#stream.publish();
    }
  }
}
