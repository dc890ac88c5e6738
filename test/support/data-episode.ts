/**
 * Episodes to learn from, made up: ticks that come late or not at all, cameras with jitter and lost frames, a person who
 * begins late, rests, hands over to a policy and takes back, and a new scene in between. Real JPEGs, real files.
 */
import sharp from 'sharp';
import { Rng } from '../../src/math/rng.ts';
import { EpisodeWriter } from '../../src/record/episode-writer.ts';
import type { EpisodeFiles } from '../../src/record/files.ts';
import { FileSink } from '../../src/record/sink.ts';
import type { CameraEntry, RobotSpec } from '../../src/robot/spec.ts';
import { ControllerId, Mode, Source } from '../../src/robot/tick.ts';
import type { EpisodeLabel } from '../../src/server/protocol.ts';
import { Fake, makeSetup, makeStart, pandaSpec } from './episode.ts';

/** The shipped robot at 200 Hz with two small cameras of odd sizes. */
export function dataRobot(change: Partial<RobotSpec> = {}): RobotSpec {
  const spec = pandaSpec();
  const camera = (name: string, width: number, height: number, fps: number): CameraEntry => {
    return { ...spec.cameras[0]!, name, width, height, fps };
  };
  const cameras = [camera('front', 40, 30, 10), camera('wrist', 32, 32, 7)];
  return { ...spec, cameras, loop: { ...spec.loop, rateHz: 200 }, ...change };
}

export interface MadeEpisode {
  readonly seed: number;
  readonly spec?: RobotSpec;
  readonly seconds?: number;
  readonly task?: string;
  readonly label?: EpisodeLabel;
  /** Who drives in the driven parts. */
  readonly source?: number;
  /** Replaces every so manieth picture by bytes that are none. */
  readonly spoil?: number;
  readonly frames?: 'all' | 'none';
}

/** Writes one and closes it. Same seed, same file. */
export async function writeDataEpisode(files: EpisodeFiles, id: string, made: MadeEpisode): Promise<void> {
  const spec = made.spec ?? dataRobot();
  const rng = new Rng(made.seed);
  const fake = new Fake(spec);
  const start = { ...makeStart(id), task: made.task ?? 'pick' };
  const sink = new FileSink(files.mcap(id));
  const first = { time: fake.time(0), memory: fake.memory };
  const writer = await EpisodeWriter.open(sink, makeSetup(spec), start, first);
  const seconds = made.seconds ?? 6;
  const pictures = made.frames === 'none' ? [] : await film(spec, seconds, made.spoil ?? 0, rng);
  let shown = 0;
  const q = Float64Array.from(spec.axes, (a) => a.home);
  const driver = made.source ?? Source.human;
  const n = Math.round(seconds * spec.loop.rateHz);
  for (let k = 0; k < n; k++) {
    const at = k / n;
    // Every tick is late by up to a quarter of a period; some are lost, once a whole tenth of a second and more.
    const lost = rng.uniform() < 0.02 || (at > 0.7 && at < 0.7 + 0.15 / seconds);
    const late = rng.uniform() * 0.25;
    const resting = at > 0.3 && at < 0.45;
    for (let a = 0; a < q.length; a++) q[a] = q[a]! + (resting ? 0 : rng.normal(0.004));
    if (lost) continue;
    const time = fake.time(k + late);
    const policy = at > 0.55 && at < 0.6;
    const block = fake.tick(k, {
      'in.time': time,
      'in.task.epoch': at > 0.8 ? 2 : 1,
      'out.mode': at < 0.08 || at > 0.97 ? Mode.holding : Mode.active,
      'out.source': policy ? Source.policy : at > 0.8 && at < 0.84 ? Source.reset : driver,
      'out.controller': at > 0.9 && at < 0.92 ? ControllerId.home : ControllerId.twist,
      'stamp.written': time + 0.0002,
    });
    const set = (name: string, values: ArrayLike<number>): void =>
      block.set(values, fake.tickLayout.at(name));
    set(
      'in.device.time',
      spec.devices.map((_, d) => time - 0.0004 * (1 + d)),
    );
    set('out.q', q);
    set(
      'in.q',
      q.map((x) => x - 0.003 + rng.normal(0.001)),
    );
    set('out.toolCmd', pose(q, 0));
    set('out.tool', pose(q, 0.01));
    writer.tick(block);
    for (; shown < pictures.length && pictures[shown]!.written <= time; shown++) {
      const { camera, record, jpeg } = pictures[shown]!;
      writer.frame(camera, record, jpeg);
    }
    if (k % 50 === 49) writer.closeChunk();
  }
  writer.finish({ label: made.label ?? 'success', cause: '', overflow: {} });
  sink.close();
}

interface Picture {
  readonly camera: number;
  readonly record: Float64Array;
  readonly jpeg: Uint8Array;
  /** When it gets into the file: encoding may let a later one overtake. */
  readonly written: number;
}

async function film(spec: RobotSpec, seconds: number, spoil: number, rng: Rng): Promise<Picture[]> {
  const fake = new Fake(spec);
  const pictures: Picture[] = [];
  for (const [c, { width, height, fps }] of spec.cameras.entries()) {
    let seq = 0;
    for (let t = 0.02 + 0.3 * rng.uniform(); t < seconds; t += (1 + rng.normal(0.05)) / fps) {
      const delay = 0.004 + 0.08 * rng.uniform();
      if (rng.uniform() < 0.1) continue;
      const pixels = Uint8Array.from({ length: width * height * 3 }, () => rng.below(256));
      const raw = { width, height, channels: 3 } as const;
      const whole = new Uint8Array(await sharp(pixels, { raw }).jpeg({ quality: 80 }).toBuffer());
      const jpeg = spoil > 0 && seq % spoil === spoil - 1 ? whole.slice(0, 100).fill(7) : whole;
      const record = fake.frame(seq++, t * spec.loop.rateHz, jpeg.byteLength);
      pictures.push({ camera: c, record, jpeg, written: fake.time(0) + t + delay });
    }
  }
  return pictures.sort((a, b) => a.written - b.written);
}

/** Some pose that follows the axes. */
function pose(q: Float64Array, off: number): number[] {
  const [x, y, z, w] = [Math.sin(q[3]!), Math.cos(q[4]!), 0.3 * Math.sin(q[5]!) + off, 0.2];
  const n = Math.hypot(x, y, z, w);
  return [0.4 + 0.1 * q[0]! + off, 0.1 * q[1]!, 0.3 + 0.05 * q[2]!, x / n, y / n, z / n, w / n];
}
