/**
 * How fast the recorder writes: one minute of a 1 kHz rig with two cameras, through its rings into a file, as fast as
 * it goes; and whether it keeps up at 1 kHz with nothing dropped. Peer: @mcap/core's own McapWriter writing the
 * same messages (already encoded, without rings) to the same kind of file with the same zstd.
 * MB/s counts message bytes before compression.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { McapWriter as PeerWriter } from '@mcap/core';
import { robotFile } from '../src/cli/common.ts';
import { loadRobot } from '../src/config.ts';
import { type ChannelBuffer, RingEnd, ring } from '../src/loop/channel.ts';
import { monotonicClock } from '../src/loop/clock.ts';
import { blockEncoder, MessageEncoder } from '../src/record/cdr.ts';
import { runningVersions } from '../src/record/episode-writer.ts';
import { Recorder } from '../src/record/recorder.ts';
import { type RecorderChannels, RecorderCore } from '../src/record/recorder-core.ts';
import { loadZstd, ZSTD_LEVEL } from '../src/record/zstd.ts';
import { frameLayout, snapshotLayout } from '../src/robot/frame.ts';
import { Layout } from '../src/robot/layout.ts';
import type { RobotSpec } from '../src/robot/spec.ts';
import { Mode, requestLayout, sentLayout, tickRecordLayout } from '../src/robot/tick.ts';
import { type BenchContext, type BenchResult, combine, compare, type Measured } from './harness.ts';

/** Ticks per repeat: one minute. */
const TICKS = 60_000;
const JPEG_BYTES = 12_000;
/** Ticks whose values are computed once and used over and over: enough that zstd's window does not see repeats. */
const SHAPES = 2048;
const REALTIME_S = 3;
const memory = Layout.of('memory', [{ name: 'all', length: 200, unit: 'mixed' }]);

export async function run(context: BenchContext): Promise<BenchResult> {
  const spec = loadRobot(robotFile('panda-sim'));
  const folder = mkdtempSync(join(tmpdir(), 'armloop-bench-record-'));
  try {
    const data = new Data(spec);
    const fast = await compare(context, {
      bench: 'record',
      cases: [
        { name: 'zstd', unit: 'MB/s', better: 'higher', limit: { ratio: 1.5 } },
        { name: 'uncompressed', unit: 'MB/s', better: 'higher', limit: { ratio: 1.5 } },
        { name: 'dropped at full speed', unit: 'records', better: 'lower', limit: { max: 0 } },
      ],
      ours: async (repeat) => {
        const zstd = await ours(data, join(folder, `z${repeat + 1}`), 'zstd');
        const none = await ours(data, join(folder, `n${repeat + 1}`), 'none');
        return {
          zstd: zstd.rate,
          uncompressed: none.rate,
          'dropped at full speed': zstd.dropped + none.dropped,
        };
      },
      peer: {
        name: '@mcap/core McapWriter',
        run: async () => ({
          zstd: await peer(data, folder, 'zstd'),
          uncompressed: await peer(data, folder, 'none'),
        }),
      },
    });
    const steady = await compare(context, {
      bench: 'record',
      cases: [
        {
          name: `dropped in ${REALTIME_S} s at 1 kHz, own thread`,
          unit: 'records',
          better: 'lower',
          limit: { max: 0 },
        },
      ],
      ours: (repeat) => realTime(data, join(folder, `r${repeat + 1}`)),
      peer: null,
      warmup: 0,
    });
    return combine('record', [fast, steady]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Records with smooth values of full precision, as a moving arm gives. */
class Data {
  readonly spec: RobotSpec;
  readonly tick: Layout;
  readonly sent: Layout;
  readonly frame = new Float64Array(frameLayout.size);
  readonly jpeg: Uint8Array;
  readonly #ticks: readonly Float64Array[];
  readonly #sent: readonly Float64Array[];

  constructor(spec: RobotSpec) {
    this.spec = spec;
    this.tick = tickRecordLayout(spec);
    this.sent = sentLayout(spec.devices[0]!.axes.length);
    const shape = (layout: Layout) => (_: unknown, k: number) =>
      new Float64Array(layout.size).map((_v, i) => wave(layout, i, k));
    this.#ticks = Array.from({ length: SHAPES }, shape(this.tick));
    this.#sent = Array.from({ length: SHAPES }, shape(this.sent));
    // Incompressible, as JPEG is.
    this.jpeg = randomBytes(JPEG_BYTES);
  }

  tickAt(k: number, time: number): Float64Array {
    const b = this.#ticks[k % SHAPES]!;
    const l = this.tick;
    b[l.at('in.tick')] = k;
    b[l.at('in.time')] = time;
    b[l.at('in.missed')] = 0;
    b[l.at('out.mode')] = Mode.active;
    b[l.at('out.fault')] = 0;
    b[l.at('stamp.written')] = time + 0.0002;
    return b;
  }

  sentAt(k: number, time: number): Float64Array {
    const b = this.#sent[k % SHAPES]!;
    b[this.sent.at('tick')] = k;
    b[this.sent.at('written')] = time;
    b[this.sent.at('measuredTime')] = time + 0.001;
    return b;
  }

  frameAt(seq: number, time: number): Float64Array {
    this.frame[frameLayout.at('seq')] = seq;
    this.frame[frameLayout.at('time')] = time;
    this.frame[frameLayout.at('encoded')] = time + 0.004;
    this.frame[frameLayout.at('byteLength')] = JPEG_BYTES;
    return this.frame;
  }

  /** Ticks between two frames of a camera. */
  get every(): number {
    return Math.round(this.spec.loop.rateHz / this.spec.cameras[0]!.fps);
  }

  /** Message bytes of all topics that both sides write. */
  get bytes(): number {
    const frames = Math.ceil(TICKS / this.every) * this.spec.cameras.length;
    return TICKS * (this.tick.size + this.sent.size) * 8 + frames * JPEG_BYTES;
  }
}

/** About half of a tick moves; the rest stands still, as unused fields do. */
function wave(layout: Layout, i: number, k: number): number {
  const moves = layout.fields.some(
    (f) => f.length > 1 && i >= f.offset && i < f.offset + f.length && i % 2 === 0,
  );
  return moves ? Math.sin(k * 0.0007 * (1 + (i % 13)) + i) : i;
}

class Rig {
  readonly channels: RecorderChannels;
  readonly tick: RingEnd;
  readonly sent: RingEnd;
  readonly frames: readonly RingEnd[];
  readonly snapshot: RingEnd;
  readonly #data: Data;

  constructor(data: Data) {
    const { spec } = data;
    this.#data = data;
    const sent = spec.devices.map((d) => ring(sentLayout(d.axes.length).size, 4096));
    const frames = spec.cameras.map(() => ring(frameLayout.size, 64, 64 * 1024));
    this.channels = {
      tick: ring(data.tick.size, 4096),
      sent,
      request: ring(requestLayout.size, 16),
      snapshot: ring(snapshotLayout(memory.size).size, 2),
      frames,
      poses: null,
    };
    this.tick = new RingEnd(this.channels.tick);
    this.sent = new RingEnd(sent[0] as ChannelBuffer);
    this.frames = frames.map((f) => new RingEnd(f));
    this.snapshot = new RingEnd(this.channels.snapshot);
  }

  first(time: number): void {
    const block = new Float64Array(snapshotLayout(memory.size).size);
    block[1] = time;
    this.snapshot.write(block);
  }

  write(k: number, time: number): void {
    this.tick.write(this.#data.tickAt(k, time));
    this.sent.write(this.#data.sentAt(k, time));
    if (k % this.#data.every !== 0) return;
    for (const frames of this.frames) {
      const slot = frames.slot();
      if (slot === null) {
        frames.refuse();
        continue;
      }
      slot.block.set(this.#data.frameAt(k / this.#data.every, time));
      slot.bytes.set(this.#data.jpeg);
      frames.commit();
    }
  }

  get dropped(): number {
    return [this.tick, this.sent, ...this.frames].reduce((sum, r) => sum + r.overflow, 0);
  }
}

const start = (id: string) => ({ id, task: '', operator: '', seed: 0, physics: [], notes: {} });

/** The recorder without its thread, fed in batches: rings, encoding, chunks, compression, file. */
async function ours(
  data: Data,
  workspace: string,
  compression: 'zstd' | 'none',
): Promise<{ rate: number; dropped: number }> {
  const rig = new Rig(data);
  const { spec } = data;
  const setup = { spec, memory, scene: null, modelText: '', versions: runningVersions('bench'), compression };
  const now = monotonicClock();
  const core = new RecorderCore(setup, rig.channels, workspace, now);
  const { started } = core.start({ ...start('bench'), wallOffsetNs: 0n });
  const t0 = now() - 3600;
  rig.first(t0);
  await core.drain();
  await started;
  const begin = performance.now();
  for (let k = 0; k < TICKS; k++) {
    rig.write(k, t0 + k / spec.loop.rateHz);
    if (k % 250 === 249) await core.drain();
  }
  await core.drain();
  const seconds = (performance.now() - begin) / 1000;
  await core.shutdown();
  rmSync(workspace, { recursive: true, force: true });
  return { rate: data.bytes / 1e6 / seconds, dropped: rig.dropped };
}

async function peer(data: Data, folder: string, compression: 'zstd' | 'none'): Promise<number> {
  const zstd = await loadZstd();
  const path = join(folder, 'peer.mcap');
  const fd = openSync(path, 'w');
  let position = 0n;
  const writable = {
    position: () => position,
    write: async (bytes: Uint8Array) => {
      writeSync(fd, bytes);
      position += BigInt(bytes.byteLength);
    },
  };
  const compressChunk = (bytes: Uint8Array) => ({
    compression: 'zstd',
    compressedData: zstd.compress(bytes, ZSTD_LEVEL),
  });
  // A chunk of the same size as 250 ms give.
  const options = { writable, chunkSize: 600_000, ...(compression === 'zstd' ? { compressChunk } : {}) };
  const writer = new PeerWriter(options);
  await writer.start({ profile: 'ros2', library: 'peer' });
  const schemaId = await writer.registerSchema({
    name: 'x',
    encoding: 'ros2msg',
    data: new Uint8Array(10_000),
  });
  const channel = (topic: string) =>
    writer.registerChannel({ schemaId, topic, messageEncoding: 'cdr', metadata: new Map() });
  const tick = await channel('/tick');
  const sent = await channel('/sent');
  const cameras: number[] = [];
  for (const camera of data.spec.cameras) cameras.push(await channel(camera.name));
  const encodeTick = blockEncoder(data.tick.size);
  const encodeSent = blockEncoder(data.sent.size);
  const images = new MessageEncoder();
  const begin = performance.now();
  for (let k = 0; k < TICKS; k++) {
    const time = k / data.spec.loop.rateHz;
    const logTime = BigInt(Math.round(time * 1e9));
    const times = { sequence: k, logTime, publishTime: logTime };
    await writer.addMessage({ channelId: tick, ...times, data: encodeTick(data.tickAt(k, time)) });
    await writer.addMessage({ channelId: sent, ...times, data: encodeSent(data.sentAt(k, time)) });
    if (k % data.every !== 0) continue;
    for (const channelId of cameras) {
      await writer.addMessage({
        channelId,
        ...times,
        data: images.compressedImage(logTime, 'camera', data.jpeg),
      });
    }
  }
  const seconds = (performance.now() - begin) / 1000;
  await writer.end();
  closeSync(fd);
  rmSync(path);
  return data.bytes / 1e6 / seconds;
}

/** The recorder in its own thread at the rate of a rig; every tick must be in the file. */
async function realTime(data: Data, workspace: string): Promise<Measured> {
  const rig = new Rig(data);
  const { spec } = data;
  const now = monotonicClock();
  let count = 0;
  let flags: readonly string[] = [];
  let ticks = 0;
  {
    await using recorder = await Recorder.open({
      spec,
      memory,
      channels: rig.channels,
      workspace,
      scene: null,
      version: 'bench',
    });
    const t0 = now();
    await recorder.start(start('bench'), () => rig.first(t0));
    while (count < REALTIME_S * spec.loop.rateHz) {
      for (const due = Math.floor((now() - t0) * spec.loop.rateHz); count < due; count++) {
        rig.write(count, t0 + count / spec.loop.rateHz);
      }
      await sleep(2);
    }
    await recorder.stop();
    ({ ticks, flags } = await recorder.label('success', ''));
  }
  rmSync(workspace, { recursive: true, force: true });
  const lost = count - ticks + flags.filter((f) => f.includes('lost')).length;
  return { [`dropped in ${REALTIME_S} s at 1 kHz, own thread`]: rig.dropped + lost };
}
