/** The camera thread for real: poses go in through a Latest, JPEG frames come out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { createRenderer } from '../../sim/render/index.ts';
import { type ChannelBuffer, LatestEnd, LatestView, latest, RingView } from '../../src/loop/channel.ts';
import type { CameraStats } from '../../src/rig/camera-channels.ts';
import { CameraSet, renderLockstep } from '../../src/rig/camera-set.ts';
import { CameraThread } from '../../src/rig/camera-thread.ts';
import { frameLayout, posesLayout } from '../../src/robot/frame.ts';
import type { CameraEntry } from '../../src/robot/spec.ts';
import { deskFront, deskPoses, deskScene, deskWrist } from '../support/render-scene.ts';

const rendererUrl = new URL('../../sim/render/index.js', import.meta.url).href;
const scene = deskScene();
const layout = posesLayout(scene.bodies.length);
const front: CameraEntry = { ...deskFront, name: 'front', width: 96, height: 72, fps: 30 };
const wrist: CameraEntry = { ...deskWrist, name: 'wrist', width: 64, height: 48, fps: 20 };
const at = (name: string): number => frameLayout.at(name);

/** Publishes poses until disposed, as a simulation does: capture time counts up in steps of 5 ms from 100. */
class Poses implements Disposable {
  readonly channel: ChannelBuffer = latest(layout.size);
  readonly #end = new LatestEnd(this.channel);
  readonly #timer: NodeJS.Timeout;
  time = 100;
  epoch = 3;

  constructor() {
    this.publish();
    this.#timer = setInterval(() => this.publish(), 5);
  }

  publish(): void {
    this.time += 0.005;
    const block = this.#end.block;
    block[layout.at('time')] = this.time;
    block[layout.at('epoch')] = this.epoch;
    layout.view(block, 'poses').set(posesAt(this.time));
    this.#end.publish();
  }

  pause(): void {
    clearInterval(this.#timer);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

function posesAt(time: number): Float64Array {
  const poses = deskPoses();
  poses[7] = poses[7]! + 0.05 * Math.sin(3 * time);
  return poses;
}

/** Waits for the next value of a Latest. */
async function next(view: LatestView): Promise<void> {
  for (let tries = 0; !view.take(); tries++) {
    assert.ok(tries < 400, 'no frame came');
    await view.waitAsync(view.version(), 100);
  }
}

/** Takes frames out of a ring up to that of this number; null when it is not there. */
function lookFor(ring: RingView, seq: number): { block: Float64Array; jpeg: Buffer } | null {
  for (let slot = ring.peek(); slot !== null; slot = ring.peek()) {
    const block = Float64Array.from(slot.block);
    const jpeg = Buffer.from(slot.bytes.subarray(0, block[at('byteLength')]!));
    ring.release();
    if (block[at('seq')] === seq) return { block, jpeg };
  }
  return null;
}

/** Waits until the statistics of camera 0 satisfy the condition. */
async function until(
  thread: CameraThread,
  what: string,
  condition: (stats: CameraStats) => boolean,
): Promise<CameraStats> {
  for (let tries = 0; tries < 2000; tries++) {
    const stats = thread.stats()[0]!;
    if (condition(stats)) return stats;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return assert.fail(`${what} did not come: ${JSON.stringify(thread.stats()[0])}`);
}

test('frames show the poses of their capture time, encoded once for recorder, stream and policies', async () => {
  using poses = new Poses();
  await using thread = await CameraThread.open({
    scene,
    cameras: [front, wrist],
    poses: poses.channel,
    rendererUrl,
  });
  for (const [i, entry] of [front, wrist].entries()) {
    const stream = new LatestView(thread.channels[i]!.stream);
    const record = new RingView(thread.channels[i]!.record);
    const policy = new RingView(thread.channels[i]!.policy);
    // The same frame lies in the rings of the recorder and of the policy thread, byte for byte. A ring that was full by the
    // time of a frame has it not: they are emptied by looking, and the next frame is looked for.
    const { block, jpeg, kept } = await (async () => {
      for (let tries = 0; ; tries++) {
        await next(stream);
        const block = Float64Array.from(stream.block);
        const jpeg = Buffer.from(stream.bytes.subarray(0, block[at('byteLength')]!));
        const kept = [record, policy].map((ring) => lookFor(ring, block[at('seq')]!));
        if (!kept.includes(null)) return { block, jpeg, kept };
        assert.ok(tries < 100, 'no frame lies in both rings');
      }
    })();
    for (const frame of kept) assert.deepEqual(frame, { block, jpeg });

    const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
    assert.deepEqual([info.width, info.height, info.channels], [entry.width, entry.height, 3]);
    assert.deepEqual(
      [block[at('width')], block[at('height')], block[at('epoch')]],
      [entry.width, entry.height, 3],
    );
    assert.ok(block[at('encoded')]! >= block[at('rendered')]!);

    // What the frame shows is what the renderer draws at the poses of its stamp; JPEG loses a little.
    const want = new Uint8Array(entry.width * entry.height * 3);
    createRenderer(scene, entry).rgb(posesAt(block[at('time')]!), want);
    const error = want.reduce((sum, v, k) => sum + Math.abs(v - data[k]!), 0) / want.length;
    assert.ok(error < 6, `mean difference ${error}`);
  }
});

test('sequence numbers and capture times go up, and the rate is near the wanted one when there is time', async () => {
  using poses = new Poses();
  const slow = { ...front, fps: 10 };
  await using thread = await CameraThread.open({ scene, cameras: [slow], poses: poses.channel, rendererUrl });
  const record = new RingView(thread.channels[0]!.record);
  let seq = 0;
  let time = 0;
  for (let frames = 0; frames < 12; frames++) {
    for (let tries = 0; record.peek() === null; tries++) {
      assert.ok(tries < 400, 'no frame came');
      await record.waitAsync(100);
    }
    const block = record.peek()!.block;
    assert.ok(block[at('seq')]! > seq);
    assert.ok(block[at('time')]! > time);
    seq = block[at('seq')]!;
    time = block[at('time')]!;
    record.release();
  }
  const stats = await until(thread, 'the twelfth frame', (s) => s.frames >= 12);
  // Every frame that was due was delivered or counted as dropped.
  assert.ok(seq <= stats.frames + stats.dropped + 1, `${seq} > ${stats.frames} + ${stats.dropped}`);
  assert.ok(stats.measuredFps > 0 && stats.measuredFps < 15, `${stats.measuredFps} fps`);
  assert.ok(stats.renderTime > 0 && stats.encodeTime > 0);
});

test('a reader that never reads loses frames; the thread goes on and counts them', async () => {
  using poses = new Poses();
  // The ring is made for a slow camera, which then runs faster.
  const slow = { ...front, fps: 2, width: 32, height: 24 };
  await using thread = await CameraThread.open({ scene, cameras: [slow], poses: poses.channel, rendererUrl });
  thread.setFps(0, 100);
  const record = new RingView(thread.channels[0]!.record);
  const slots = thread.channels[0]!.record.slots;
  const stats = await until(thread, 'a refused frame', (s) => s.refused >= 5);
  assert.equal(record.length, slots, 'the ring is full with the oldest frames');
  assert.ok(record.peek()!.block[at('seq')]! < record.peekAt(1)!.block[at('seq')]!);
  assert.ok(stats.frames >= slots + 5);
  // The stream, which keeps the newest, is beyond what the ring has.
  const stream = new LatestView(thread.channels[0]!.stream);
  await next(stream);
  assert.ok(stream.block[at('seq')]! > record.peekAt(slots - 1)!.block[at('seq')]!);
});

test('under load frames are skipped and counted, never queued', async () => {
  using poses = new Poses();
  const heavy = { ...front, fps: 1000, width: 320, height: 240 };
  await using thread = await CameraThread.open({
    scene,
    cameras: [heavy],
    poses: poses.channel,
    rendererUrl,
  });
  const stats = await until(thread, 'a dropped frame', (s) => s.frames >= 10 && s.dropped >= 10);
  assert.ok(stats.measuredFps < 1000);
  const stream = new LatestView(thread.channels[0]!.stream);
  await next(stream);
  // Frames stay fresh: the newest shows poses that are at most a few frames of work old.
  assert.ok(poses.time - stream.block[at('time')]! < 1, 'the newest frame is not from a queue');
});

test('start, stop and rate changes are obeyed without a stop of the others', async () => {
  using poses = new Poses();
  await using thread = await CameraThread.open({
    scene,
    cameras: [front, wrist],
    poses: poses.channel,
    rendererUrl,
  });
  await until(thread, 'a frame', (s) => s.frames > 0);
  thread.stop(0);
  const other = (): number => thread.stats()[1]!.frames;
  // Two frames of the other camera later, camera 0 has not moved since it saw the message.
  const wait = async (n: number): Promise<void> => {
    const from = other();
    await until(thread, `${n} frames of the other camera`, () => other() >= from + n);
  };
  await wait(2);
  const stopped = thread.stats()[0]!.frames;
  await wait(4);
  assert.equal(thread.stats()[0]!.frames, stopped);
  thread.setFps(0, 50);
  thread.start(0);
  const stats = await until(thread, 'a frame after the start', (s) => s.frames > stopped);
  assert.equal(Math.round(stats.fps), 50);
});

test('a scene that stands still makes no frames and drops none', async () => {
  using poses = new Poses();
  await using thread = await CameraThread.open({
    scene,
    cameras: [front],
    poses: poses.channel,
    rendererUrl,
  });
  await until(thread, 'a frame', (s) => s.frames > 0);
  poses.pause();
  await until(thread, 'the last frame', (s) => Math.abs(s.time - poses.time) < 1e-9);
  const stream = new LatestView(thread.channels[0]!.stream);
  while (stream.take() || (await stream.waitAsync(stream.version(), 300)));
  const before = thread.stats()[0]!;
  await new Promise((resolve) => setTimeout(resolve, 200));
  const after = thread.stats()[0]!;
  assert.equal(after.frames, before.frames);
  poses.publish();
  await until(thread, 'a new frame', (s) => s.frames === before.frames + 1);
});

test('a wrong renderer, frame or channel is refused in words', async () => {
  const channel = latest(layout.size);
  const open = (over: object): Promise<CameraThread> =>
    CameraThread.open({ scene, cameras: [front], poses: channel, rendererUrl, ...over });
  await assert.rejects(open({ rendererUrl: new URL('./nothing.js', import.meta.url).href }), {
    code: 'CAMERA_NO_RENDERER',
  });
  await assert.rejects(open({ cameras: [{ ...front, frame: 'elbow' }] }), { code: 'RENDER_UNKNOWN_FRAME' });
  await assert.rejects(open({ poses: latest(3) }), { code: 'LENGTH_MISMATCH' });
});

test('lockstep: the same poses give the same JPEG bytes and stamps without a clock', async () => {
  const shoot = async (): Promise<{ block: Float64Array; jpeg: Buffer }[]> => {
    const set = await CameraSet.open(scene, [front, wrist], rendererUrl);
    const frames = await renderLockstep(set, [0, 1], { poses: posesAt(1), time: 1.25, epoch: 2, seq: 7 });
    return frames.map((f) => ({ block: f.block, jpeg: Buffer.from(f.jpeg) }));
  };
  const [one, two] = [await shoot(), await shoot()];
  assert.deepEqual(one, two);
  assert.equal(one.length, 2);
  const block = one[1]!.block;
  for (const [name, value] of Object.entries({
    seq: 7,
    time: 1.25,
    rendered: 1.25,
    encoded: 1.25,
    width: 64,
    epoch: 2,
  })) {
    assert.equal(block[at(name)], value, name);
  }
});
