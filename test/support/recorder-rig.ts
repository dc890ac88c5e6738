/** The rings of a rig, filled by hand: what loop, devices, cameras and simulation would write. */
import { type ChannelBuffer, RingEnd, ring } from '../../src/loop/channel.ts';
import { monotonicClock } from '../../src/loop/clock.ts';
import { Recorder, type RecorderChannels } from '../../src/record/recorder.ts';
import { frameLayout, posesLayout, snapshotLayout } from '../../src/robot/frame.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { requestLayout, sentLayout, tickRecordLayout } from '../../src/robot/tick.ts';
import { Fake, fakeJpeg, memoryLayout, scene } from './episode.ts';

const TICK_SLOTS = 4096;

export class Rings {
  readonly spec: RobotSpec;
  readonly channels: RecorderChannels;
  readonly #fake: Fake;
  readonly #tick: RingEnd;
  readonly #sent: RingEnd;
  readonly #frames: readonly RingEnd[];
  readonly #poses: RingEnd;
  readonly #snapshot: RingEnd;
  readonly #origin: number;
  readonly #jpeg = fakeJpeg(1, 5000);
  /** Number of the next tick. */
  next = 0;

  constructor(spec: RobotSpec) {
    this.spec = spec;
    this.#fake = new Fake(spec);
    const frames = spec.cameras.map(() => ring(frameLayout.size, 64, 64 * 1024));
    const poses = ring(posesLayout(scene.bodies.length).size, 1024);
    const sent = spec.devices.map((d) => ring(sentLayout(d.axes.length).size, TICK_SLOTS));
    this.channels = {
      tick: ring(tickRecordLayout(spec).size, TICK_SLOTS),
      sent,
      request: ring(requestLayout.size, 16),
      snapshot: ring(snapshotLayout(memoryLayout.size).size, 2),
      frames,
      poses,
    };
    this.#tick = new RingEnd(this.channels.tick);
    this.#sent = new RingEnd(sent[0] as ChannelBuffer);
    this.#frames = frames.map((f) => new RingEnd(f));
    this.#poses = new RingEnd(poses);
    this.#snapshot = new RingEnd(this.channels.snapshot);
    // Stamps lie in the past, so that no record looks as if it came after a stop.
    this.#origin = monotonicClock()() - 3600;
  }

  /** Memory as before the next tick. */
  snapshot(): void {
    const layout = snapshotLayout(memoryLayout.size);
    const block = new Float64Array(layout.size);
    block[layout.at('tick')] = this.next;
    block[layout.at('time')] = this.#time(this.next);
    block.set(this.#fake.memory, layout.at('memory'));
    this.#snapshot.write(block);
  }

  /** Runs that many ticks at once; cameras at their rate, poses at 50 Hz. False when a tick was refused. */
  run(ticks: number): boolean {
    let whole = true;
    for (const end = this.next + ticks; this.next < end; this.next++) {
      const k = this.next;
      const shift = this.#time(k) - this.#fake.time(k);
      whole =
        this.#tick.write(shifted(this.#fake.tick(k), this.#fake.tickLayout, shift, TICK_TIMES)) && whole;
      const sent = sentLayout(this.spec.devices[0]!.axes.length);
      this.#sent.write(shifted(this.#fake.sent(k), sent, shift, ['written', 'measuredTime']));
      if (k % 20 === 0)
        this.#poses.write(shifted(this.#fake.poses(k), posesLayout(scene.bodies.length), shift, ['time']));
      if (k % this.#every === 0) {
        for (const frames of this.#frames) {
          const block = this.#fake.frame(k / this.#every, k, this.#jpeg.byteLength);
          const slot = frames.slot();
          if (slot === null) {
            frames.refuse();
            continue;
          }
          slot.block.set(shifted(block, frameLayout, shift, ['time', 'rendered', 'encoded']));
          slot.bytes.set(this.#jpeg);
          frames.commit();
        }
      }
    }
    return whole;
  }

  /** Ticks that did not fit so far. */
  get refused(): number {
    return this.#tick.overflow;
  }

  framesIn(from: number, to: number): number {
    return Math.ceil(to / this.#every) - Math.ceil(from / this.#every);
  }

  get #every(): number {
    return Math.round(this.spec.loop.rateHz / this.spec.cameras[0]!.fps);
  }

  #time(k: number): number {
    return this.#origin + k / this.spec.loop.rateHz;
  }
}

const TICK_TIMES = ['in.time', 'stamp.written'];

function shifted(
  block: Float64Array,
  layout: { at(name: string): number },
  shift: number,
  names: readonly string[],
): Float64Array {
  for (const name of names) block[layout.at(name)]! += shift;
  return block;
}

export function openRecorder(rings: Rings, workspace: string): Promise<Recorder> {
  const { spec, channels } = rings;
  return Recorder.open({ spec, memory: memoryLayout, channels, workspace, scene, version: '0.0.0-test' });
}
