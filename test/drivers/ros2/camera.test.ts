/** Pictures of a played ROS 2 graph up to the frames that recorder, stream and policies get. Real CDR, real JPEG and PNG. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { Ros2Camera } from '../../../drivers/ros2/camera.ts';
import type { RosPublisher } from '../../../drivers/ros2/graph.ts';
import * as m from '../../../drivers/ros2/messages.ts';
import { ArmloopError } from '../../../src/errors.ts';
import { LatestView, RingView } from '../../../src/loop/channel.ts';
import { PictureCamera } from '../../../src/rig/picture-camera.ts';
import { jpegOf, rgbOf } from '../../../src/rig/picture-jpeg.ts';
import { frameLayout } from '../../../src/robot/frame.ts';
import type { CameraEntry, RobotSpec } from '../../../src/robot/spec.ts';
import { now } from '../../conformance/devices.ts';
import { camera } from '../../support/render-scene.ts';
import { PlayedGraph } from '../../support/ros-graph.ts';
import { pandaRos2 } from '../../support/ros-stand.ts';
import { until } from '../../support/sockets.ts';

const WIDTH = 32;
const HEIGHT = 24;
const OFFSET = 1_764_000_000;

/** Red on the left, blue on the right, as R, G, B. */
function pixels(): Uint8Array {
  const out = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let i = 0; i < WIDTH * HEIGHT; i++)
    out.set(i % WIDTH < WIDTH / 2 ? [200, 30, 10] : [20, 40, 220], 3 * i);
  return out;
}

/** The same picture in another encoding, with `pad` bytes behind each row. */
function encoded(encoding: string, pad = 0): { step: number; data: Uint8Array } {
  const rgb = pixels();
  const order: Record<string, readonly number[]> = {
    rgb8: [0, 1, 2],
    bgr8: [2, 1, 0],
    rgba8: [0, 1, 2, -1],
    bgra8: [2, 1, 0, -1],
    mono8: [1],
  };
  const channels = order[encoding]!;
  const step = WIDTH * channels.length + pad;
  const data = new Uint8Array(step * HEIGHT).fill(77);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      channels.forEach((c, k) => {
        data[y * step + x * channels.length + k] = c < 0 ? 255 : rgb[3 * (y * WIDTH + x) + c]!;
      });
    }
  }
  return { step, data };
}

class Bench implements AsyncDisposable {
  readonly graph = new PlayedGraph(() => m.timeOf(now() + OFFSET));
  readonly member = this.graph.join();
  readonly notes: string[] = [];
  readonly camera: PictureCamera;
  readonly stream: LatestView;
  readonly record: RingView;
  readonly entry: CameraEntry;

  constructor(options: Readonly<Record<string, unknown>> = {}, more: Partial<CameraEntry> = {}) {
    this.entry = camera([1, 0, 1], [0, 0, 0], {
      kind: 'ros2',
      width: WIDTH,
      height: HEIGHT,
      fps: 60,
      options,
      ...more,
    });
    const robot: RobotSpec = { ...pandaRos2, cameras: [this.entry] };
    const source = new Ros2Camera({ robot, entry: this.entry, now }, async () => this.graph.join());
    this.camera = new PictureCamera(this.entry, source, now);
    this.camera.onNote = (message) => this.notes.push(message);
    this.stream = new LatestView(this.camera.channels.stream);
    this.record = new RingView(this.camera.channels.record);
  }

  publisher(message: { readonly name: string }, topic: string): RosPublisher {
    return this.member.publisher(message.name, topic, {
      reliability: 'bestEffort',
      durability: 'volatile',
      depth: 5,
    });
  }

  /** Publishes at 50 Hz until it is told to stop; `make` makes the next message from its stamp. */
  play(make: (stamp: m.Time) => void): () => void {
    const timer = setInterval(() => make(m.timeOf(now() + OFFSET)), 20);
    return () => clearInterval(timer);
  }

  image(encoding: string, pad = 0, size: Partial<m.Image> = {}): (stamp: m.Time) => void {
    const publisher = this.publisher(m.image, '/camera/image_raw');
    const { step, data } = encoded(encoding, pad);
    return (stamp) =>
      publisher.publish(
        m.image.encode({
          header: { stamp, frame_id: 'camera' },
          width: WIDTH,
          height: HEIGHT,
          encoding,
          is_bigendian: 0,
          step,
          data,
          ...size,
        }),
      );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.camera[Symbol.asyncDispose]();
  }
}

async function colours(jpeg: Uint8Array): Promise<number[]> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height, info.channels], [WIDTH, HEIGHT, 3]);
  const at = (x: number): number[] => [...data.subarray(3 * (12 * WIDTH + x), 3 * (12 * WIDTH + x) + 3)];
  return [...at(4), ...at(27)];
}

function near(got: readonly number[], want: readonly number[]): void {
  for (const [i, v] of got.entries()) assert.ok(Math.abs(v - want[i]!) < 25, `${got} is not ${want}`);
}

describe('pictures of a ROS 2 graph', { concurrency: 4 }, () => {
  for (const encoding of ['rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8']) {
    it(`${encoding}, with and without gaps between the rows, comes out as the same bytes`, () => {
      const want = pixels();
      if (encoding === 'mono8')
        for (let i = 0; i < want.length; i++) want[i] = i % 3 === 1 ? want[i]! : want[i - (i % 3) + 1]!;
      const format = { rgb8: 'rgb', bgr8: 'bgr', rgba8: 'rgba', bgra8: 'bgra', mono8: 'gray' }[
        encoding
      ] as 'rgb';
      for (const pad of [0, 5]) {
        const { step, data } = encoded(encoding, pad);
        const got = rgbOf({ time: 0, format, width: WIDTH, height: HEIGHT, stride: step, data });
        assert.deepEqual(Buffer.from(got), Buffer.from(want));
      }
    });
  }

  it('become frames with capture times for the recorder, the stream and policies', async () => {
    await using bench = new Bench();
    const stop = bench.play(bench.image('bgr8', 4));
    try {
      await bench.camera.open();
      const before = now();
      await until('frames', () => bench.record.length > 10);
      let time = 0;
      for (let slot = bench.record.peek(); slot !== null; slot = bench.record.peek()) {
        const captured = slot.block[frameLayout.at('time')]!;
        assert.ok(captured > time && captured <= now(), 'each newer than the last');
        time = captured;
        bench.record.release();
      }
      assert.ok(time > before - 1, `captured ${before - time} s before it was looked at`);
      assert.ok(bench.stream.take());
      const bytes = bench.stream.block[frameLayout.at('byteLength')]!;
      near(await colours(bench.stream.bytes.subarray(0, bytes)), [200, 30, 10, 20, 40, 220]);
      const { frames, fps } = bench.camera.stats();
      assert.ok(frames > 10 && fps === 60);
      assert.deepEqual(bench.notes, []);
    } finally {
      stop();
    }
  });

  it('JPEG of the right size goes through byte for byte; PNG and other sizes are made JPEG', async () => {
    const raw = sharp(pixels(), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
    const jpeg = await raw.clone().jpeg().toBuffer();
    const png = await raw.clone().png().toBuffer();
    const big = await raw.clone().resize(64, 48).jpeg().toBuffer();
    const { entry } = new Bench({ compressed: true, topic: '/c' });
    assert.equal(await jpegOf({ time: 0, format: 'jpeg', data: jpeg }, entry), jpeg);
    near(
      await colours(await jpegOf({ time: 0, format: 'png', data: png }, entry)),
      [200, 30, 10, 20, 40, 220],
    );
    near(
      await colours(await jpegOf({ time: 0, format: 'jpeg', data: big }, entry)),
      [200, 30, 10, 20, 40, 220],
    );
    await using bench = new Bench({ compressed: true, topic: '/c' });
    const publisher = bench.publisher(m.compressedImage, '/c');
    const stop = bench.play((stamp) =>
      publisher.publish(
        m.compressedImage.encode({
          header: { stamp, frame_id: '' },
          format: 'rgb8; jpeg compressed bgr8',
          data: jpeg,
        }),
      ),
    );
    try {
      await bench.camera.open();
      assert.ok(bench.stream.take());
      assert.deepEqual(Buffer.from(bench.stream.bytes.subarray(0, jpeg.length)), jpeg);
    } finally {
      stop();
    }
  });

  const unusable: readonly [string, (bench: Bench) => (stamp: m.Time) => void, RegExp][] = [
    [
      'an encoding that is not understood',
      (b) => b.image('rgb8', 0, { encoding: '16UC1' }),
      /the encoding 16UC1 is not understood/,
    ],
    [
      'another shape',
      (b) => b.image('rgb8', 0, { width: 24, height: 32, step: 72 }),
      /24 × 32, which is no multiple of the 32 × 24/,
    ],
    [
      'fewer bytes than it says',
      (b) => b.image('rgb8', 0, { data: new Uint8Array(100) }),
      /there are 100 bytes/,
    ],
  ];
  it('that cannot be used are refused in words', async () => {
    await Promise.all(
      unusable.map(async ([what, make, words]) => {
        await using bench = new Bench();
        const stop = bench.play(make(bench));
        try {
          await assert.rejects(bench.camera.open(), (e: unknown) => {
            assert.ok(e instanceof ArmloopError && e.code === 'CAMERA_SILENT', what);
            assert.match(e.message, words);
            return true;
          });
          assert.equal(bench.camera.stats().frames, 0);
          assert.ok(bench.notes.length > 0, `${what} is told`);
        } finally {
          stop();
        }
      }),
    );
  });

  it('tells a person of a camera_info that says otherwise, and of silence', async () => {
    await using bench = new Bench({ info: '/camera/camera_info' }, { fovyDeg: 60 });
    const stop = bench.play(bench.image('rgb8'));
    await bench.camera.open();
    const fy = HEIGHT / (2 * Math.tan((45 * Math.PI) / 360));
    const info = {
      d: [],
      k: [fy, 0, 16, 0, fy, 12, 0, 0, 1],
      r: new Array(9).fill(0),
      p: new Array(12).fill(0),
    };
    const message = {
      ...info,
      header: m.NO_HEADER,
      width: WIDTH,
      height: HEIGHT,
      distortion_model: 'plumb_bob',
    };
    const rest = {
      binning_x: 0,
      binning_y: 0,
      roi: { x_offset: 0, y_offset: 0, height: 0, width: 0, do_rectify: false },
    };
    bench
      .publisher(m.cameraInfo, '/camera/camera_info')
      .publish(m.cameraInfo.encode({ ...message, ...rest }));
    await until('the note', () => bench.notes.length > 0);
    assert.match(bench.notes[0]!, /fovyDeg 45\.0; the robot file says 60/);
    stop();
    await until('silence', () => bench.notes.length > 1);
    assert.match(bench.notes[1]!, /no picture for 2\.\d s/);
    const again = bench.play(bench.image('rgb8'));
    await until('pictures', () => bench.notes.length > 2);
    again();
    assert.match(bench.notes[2]!, /pictures come again/);
  });

  it('are thinned out to the wanted rate', async () => {
    await using bench = new Bench({}, { fps: 10 });
    const stop = bench.play(bench.image('rgb8'));
    try {
      await bench.camera.open();
      const from = bench.camera.stats();
      await until('a second of frames', () => bench.camera.stats().time - from.time > 1.5);
      const to = bench.camera.stats();
      const rate = (to.frames - from.frames) / (to.time - from.time);
      assert.ok(rate > 4 && rate < 12, `${rate} frames/s by their own stamps`);
    } finally {
      stop();
    }
  });
});
