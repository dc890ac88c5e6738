/** Made-up episodes: ticks, frames and poses with values that can be told apart, without a rig. */
import { loadRobot } from '../../src/config.ts';
import {
  type EpisodeSetup,
  type EpisodeStart,
  EpisodeWriter,
  runningVersions,
  sentOffsets,
} from '../../src/record/episode-writer.ts';
import type { Sink } from '../../src/record/sink.ts';
import { frameLayout, posesLayout } from '../../src/robot/frame.ts';
import { Layout } from '../../src/robot/layout.ts';
import type { SceneDescription } from '../../src/robot/scene.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import {
  Mode,
  RequestKind,
  requestLayout,
  Source,
  sentLayout,
  tickRecordLayout,
} from '../../src/robot/tick.ts';

export function pandaSpec(): RobotSpec {
  return loadRobot('robots/panda-sim.yaml');
}

export const memoryLayout = Layout.of('memory', [{ name: 'guard', length: 12, unit: '1' }]);

export const scene: SceneDescription = {
  bodies: [
    { name: 'world', parent: 0 },
    { name: 'link0', parent: 0 },
    { name: 'cube', parent: 0 },
  ],
  geoms: [],
  meshes: [
    { vertices: new Float32Array([0, 0, 0, 1, 0, 0, 0, 1, 0]), triangles: new Uint32Array([0, 1, 2]) },
  ],
  lights: [],
  objects: ['cube'],
  skyTop: [0, 0, 0],
  skyBottom: [1, 1, 1],
};

export function makeSetup(spec: RobotSpec, compression: 'zstd' | 'none' = 'zstd'): EpisodeSetup {
  const versions = runningVersions('0.0.0-test');
  return { spec, memory: memoryLayout, scene, modelText: '<mujoco/>', versions, compression };
}

export const T0 = 1234.5;
export const WALL_OFFSET = 1_700_000_000_123_456_789n;

export function makeStart(id: string): EpisodeStart {
  return {
    id,
    task: 'put the cube in the bin – now',
    operator: 'Zoë',
    seed: 7,
    wallOffsetNs: WALL_OFFSET,
    physics: [{ device: 'sim', time: T0, state: Float64Array.from([1, 2, Math.PI]) }],
    notes: {},
  };
}

/** Fills records of a rig that moves all the time; tick k at T0 + k / rate. */
export class Fake {
  readonly spec: RobotSpec;
  readonly tickLayout: Layout;
  readonly block: Float64Array;
  readonly memory = Float64Array.from({ length: memoryLayout.size }, (_, i) => i + 0.25);

  constructor(spec: RobotSpec) {
    this.spec = spec;
    this.tickLayout = tickRecordLayout(spec);
    this.block = new Float64Array(this.tickLayout.size);
  }

  time(k: number): number {
    return T0 + k / this.spec.loop.rateHz;
  }

  /** The same array each time. Fields that nothing looks at get numbers of their own. */
  tick(k: number, change: Readonly<Record<string, number>> = {}): Float64Array {
    const b = this.block;
    for (let i = 0; i < b.length; i++) b[i] = k + i / 1024;
    const l = this.tickLayout;
    const time = this.time(k);
    const fields: Record<string, number> = {
      'in.tick': k,
      'in.time': time,
      'in.dt': 1 / this.spec.loop.rateHz,
      'in.missed': 0,
      'out.mode': Mode.active,
      'out.source': Source.human,
      'out.fault': 0,
      'stamp.written': time + 0.0002,
      ...change,
    };
    for (const [name, value] of Object.entries(fields)) b[l.at(name)] = value;
    return b;
  }

  sent(k: number): Float64Array {
    const l = sentLayout(this.spec.devices[0]!.axes.length);
    const b = new Float64Array(l.size).fill(k + 0.5);
    b[l.at('tick')] = k;
    b[l.at('written')] = this.time(k) + 0.0003;
    b[l.at('acknowledged')] = Number.NaN;
    b[l.at('measuredTime')] = this.time(k) + 0.001;
    return b;
  }

  request(seq: number, k: number): Float64Array {
    const b = new Float64Array(requestLayout.size);
    b[requestLayout.at('seq')] = seq;
    b[requestLayout.at('time')] = this.time(k);
    b[requestLayout.at('kind')] = RequestKind.activate;
    return b;
  }

  frame(seq: number, k: number, byteLength: number): Float64Array {
    const b = new Float64Array(frameLayout.size);
    b[frameLayout.at('seq')] = seq;
    b[frameLayout.at('time')] = this.time(k);
    b[frameLayout.at('rendered')] = this.time(k) + 0.002;
    b[frameLayout.at('encoded')] = this.time(k) + 0.004;
    b[frameLayout.at('byteLength')] = byteLength;
    return b;
  }

  poses(k: number): Float64Array {
    const l = posesLayout(scene.bodies.length);
    const b = new Float64Array(l.size).map((_, i) => k + i / 64);
    b[l.at('time')] = this.time(k);
    b.set([0, 0, 0, 0, 0, 0, 1], l.at('poses'));
    return b;
  }
}

/** Bytes that begin and end like a JPEG and do not compress. */
export function fakeJpeg(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let x = seed * 2654435761 + 1;
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    bytes[i] = x >>> 24;
  }
  bytes.set([0xff, 0xd8]);
  bytes.set([0xff, 0xd9], length - 2);
  return bytes;
}

/**
 * Writes `ticks` ticks with all topics beside them, a chunk per 250 of them, and leaves the file without an end.
 * Cameras deliver at their rate, poses at 50 Hz.
 */
export async function writeFake(
  sink: Sink,
  id: string,
  ticks: number,
  compression: 'zstd' | 'none' = 'zstd',
  spec: RobotSpec = pandaSpec(),
): Promise<EpisodeWriter> {
  const fake = new Fake(spec);
  const first = { time: fake.time(0), memory: fake.memory };
  const writer = await EpisodeWriter.open(sink, makeSetup(spec, compression), makeStart(id), first);
  const offsets = sentOffsets(spec.devices[0]!.axes.length);
  const every = Math.round(spec.loop.rateHz / (spec.cameras[0]?.fps ?? 1));
  let seq = 0;
  for (let k = 0; k < ticks; k++) {
    writer.tick(fake.tick(k));
    writer.sent(0, fake.sent(k), offsets);
    if (k === 3) writer.request(fake.request(5, k));
    if (k % 20 === 0) writer.poses(fake.poses(k));
    if (k % every === 0) {
      for (let c = 0; c < spec.cameras.length; c++) {
        const jpeg = fakeJpeg(seq * 8 + c, 3000 + 17 * seq);
        writer.frame(c, fake.frame(seq, k, jpeg.byteLength), jpeg);
      }
      seq++;
    }
    if (k % 250 === 249) writer.closeChunk();
  }
  return writer;
}
