/**
 * One episode as an MCAP file: topics, metadata and attachments. Synchronous and without a clock of its own: every
 * time comes with the data, so the same input gives the same bytes (lockstep relies on it). The recorder thread feeds
 * it in real time. File layout: docs/recording.md.
 */
import { createHash } from 'node:crypto';
import { frameLayout, posesLayout } from '../robot/frame.ts';
import { JointMap } from '../robot/joint-map.ts';
import type { Layout } from '../robot/layout.ts';
import { compressedImageSchema, jointStateSchema, type MessageSchema } from '../robot/ros-messages.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { Mode, Reason, requestLayout, sentLayout, tickRecordLayout } from '../robot/tick.ts';
import type { EpisodeLabel, EpisodeSummary } from '../server/protocol.ts';
import { blockEncoder, MessageEncoder } from './cdr.ts';
import { type Compression, McapWriter } from './mcap-writer.ts';
import { type Quality, QualityMeter } from './quality.ts';
import { LogLevel, layoutSchema, logSchema, OFFERED_QOS, rosTopicName, transformsSchema } from './schemas.ts';
import type { Sink } from './sink.ts';
import { wallNs } from './times.ts';

/** Facts that hold for every episode of a rig. */
export interface EpisodeSetup {
  readonly spec: RobotSpec;
  /** Layout of the cycle's memory, as in its snapshots. */
  readonly memory: Layout;
  /** Scene of the simulated device, stored for play-back; null when there is none. */
  readonly scene: SceneDescription | null;
  /** Text of the kinematic model file, stored so that the episode can be verified without it; '' when unknown. */
  readonly modelText: string;
  readonly versions: Versions;
  readonly compression: Compression;
}

export interface Versions {
  readonly armloop: string;
  readonly node: string;
  readonly v8: string;
  readonly arch: string;
  readonly platform: string;
}

export function runningVersions(armloop: string): Versions {
  const { node, v8 } = process.versions;
  return { armloop, node, v8, arch: process.arch, platform: process.platform };
}

/** Facts of one episode, known when it starts. */
export interface EpisodeStart {
  readonly id: string;
  readonly task: string;
  readonly operator: string;
  /** Seed of the scene. */
  readonly seed: number;
  /** Wall − monotonic clock, ns. */
  readonly wallOffsetNs: bigint;
  /** Whole physics state per simulated device, taken at `time`. */
  readonly physics: readonly {
    readonly device: string;
    readonly time: number;
    readonly state: Float64Array;
  }[];
  /** Anything more to keep, as text. */
  readonly notes: Readonly<Record<string, string>>;
}

export interface EpisodeEnd {
  readonly label: EpisodeLabel;
  readonly cause: string;
  /** Records refused by full rings, per topic. */
  readonly overflow: Readonly<Record<string, number>>;
}

export const EPISODE_FORMAT = '1';
export const PROFILE = 'ros2';
/** Names of metadata records and attachments. */
export const EpisodePart = {
  start: 'episode',
  end: 'episode_result',
  repair: 'episode_repair',
  tickNames: 'layout:/tick',
  robot: 'robot.yaml',
  spec: 'spec.json',
  model: 'model.xml',
  scene: 'scene.json',
  memory: 'memory.f64',
  physics: (device: string) => `physics-${device}.f64`,
} as const;

export class EpisodeWriter {
  readonly #setup: EpisodeSetup;
  readonly #start: EpisodeStart;
  readonly #sink: Sink;
  readonly #mcap: McapWriter;
  readonly #meter: QualityMeter;
  readonly #encode = new MessageEncoder();
  readonly #joints: JointMap;
  readonly #tick: (block: Float64Array) => Uint8Array;
  readonly #request = blockEncoder(requestLayout.size);
  readonly #sent: readonly ((block: Float64Array) => Uint8Array)[];
  readonly #ids: {
    readonly tick: number;
    readonly request: number;
    readonly joints: number;
    readonly events: number;
    readonly scene: number;
    readonly sent: readonly number[];
    readonly cameras: readonly number[];
  };
  readonly #at: Record<'tick' | 'time' | 'written' | 'q' | 'qd' | 'tau' | 'mode' | 'fault', number>;
  readonly #bodies: readonly string[];
  readonly #poses: { readonly time: number; readonly poses: number };
  #jointsDue = Number.NEGATIVE_INFINITY;
  #sceneDue = Number.NEGATIVE_INFINITY;
  #mode = -1;

  private constructor(setup: EpisodeSetup, start: EpisodeStart, sink: Sink, mcap: McapWriter) {
    const { spec } = setup;
    this.#setup = setup;
    this.#start = start;
    this.#sink = sink;
    this.#mcap = mcap;
    this.#meter = new QualityMeter(spec);
    this.#joints = new JointMap(spec);
    const layout = tickRecordLayout(spec);
    this.#tick = blockEncoder(layout.size);
    this.#at = {
      tick: layout.at('in.tick'),
      time: layout.at('in.time'),
      written: layout.at('stamp.written'),
      q: layout.at('in.q'),
      qd: layout.at('in.qd'),
      tau: layout.at('in.tau'),
      mode: layout.at('out.mode'),
      fault: layout.at('out.fault'),
    };
    this.#bodies = setup.scene?.bodies.map((b) => b.name) ?? [];
    const poses = posesLayout(this.#bodies.length);
    this.#poses = { time: poses.at('time'), poses: poses.at('poses') };
    const sent = spec.devices.map((device) => sentLayout(device.axes.length));
    this.#sent = sent.map((l) => blockEncoder(l.size));

    const known = new Map<string, number>();
    const channel = (topic: string, schema: MessageSchema): number => {
      let schemaId = known.get(schema.name);
      if (schemaId === undefined) {
        const data = new TextEncoder().encode(schema.definition);
        schemaId = mcap.schema({ name: schema.name, encoding: 'ros2msg', data });
        known.set(schema.name, schemaId);
      }
      const metadata = new Map([['offered_qos_profiles', OFFERED_QOS]]);
      return mcap.channel({ schemaId, topic, messageEncoding: 'cdr', metadata });
    };
    this.#ids = {
      tick: channel('/tick', layoutSchema('Tick', layout).schema),
      request: channel('/request', layoutSchema('Request', requestLayout).schema),
      joints: channel('/joint_states', jointStateSchema),
      events: channel('/events', logSchema),
      scene: setup.scene === null ? -1 : channel('/scene', transformsSchema),
      sent: spec.devices.map((device, i) => {
        const type = `Sent${device.axes.length}`;
        return channel(sentTopic(device.name), layoutSchema(type, sent[i]!).schema);
      }),
      cameras: spec.cameras.map((camera) => channel(cameraTopic(camera.name), compressedImageSchema)),
    };
  }

  /** Writes header, metadata and attachments. `memory`: the cycle's memory before the first tick. */
  static async open(
    sink: Sink,
    setup: EpisodeSetup,
    start: EpisodeStart,
    first: { readonly time: number; readonly memory: Float64Array },
  ): Promise<EpisodeWriter> {
    const library = `armloop ${setup.versions.armloop}`;
    const mcap = await McapWriter.open(sink, { profile: PROFILE, library, compression: setup.compression });
    const writer = new EpisodeWriter(setup, start, sink, mcap);
    writer.#preamble(first.time, first.memory);
    return writer;
  }

  get id(): string {
    return this.#start.id;
  }

  get duration(): number {
    return this.#meter.duration;
  }

  get ticks(): number {
    return this.#meter.ticks;
  }

  get bytes(): number {
    return this.#sink.position;
  }

  /** Messages not yet handed to the sink. */
  get pending(): number {
    return this.#mcap.pending;
  }

  /** A record of tickRecordLayout. Writes joint states at their own rate and events when the mode changes. */
  tick(block: Float64Array): void {
    this.#meter.tick(block);
    const time = block[this.#at.time]!;
    const written = block[this.#at.written]!;
    const log = this.#ns(Number.isFinite(written) && written > 0 ? written : time);
    const capture = this.#ns(time);
    this.#mcap.message(this.#ids.tick, log, capture, this.#tick(block), block[this.#at.tick]!);
    const period = 1 / this.#setup.spec.recording.jointStateHz;
    if (time >= this.#jointsDue - GRACE) {
      this.#jointsDue = nextDue(this.#jointsDue, time, period);
      const { names, position, velocity, effort } = this.#joints;
      this.#joints.from(block, this.#at.q, this.#at.qd, this.#at.tau);
      const data = this.#encode.jointState(capture, names, position, velocity, effort);
      this.#mcap.message(this.#ids.joints, log, capture, data);
    }
    const mode = block[this.#at.mode]!;
    if (mode !== this.#mode) this.#modeEvent(time, mode, block[this.#at.fault]!);
  }

  /** A record of sentLayout from the device of that index. Received when its last stamp was made. */
  sent(device: number, block: Float64Array, times: SentOffsets): void {
    const written = block[times.written]!;
    let received = written;
    for (const stamp of [block[times.acknowledged]!, block[times.measuredTime]!]) {
      if (stamp > received) received = stamp;
    }
    const data = this.#sent[device]!(block);
    this.#mcap.message(
      this.#ids.sent[device]!,
      this.#ns(received),
      this.#ns(written),
      data,
      block[times.tick]!,
    );
  }

  request(block: Float64Array): void {
    const time = this.#ns(block[REQUEST.time]!);
    this.#mcap.message(this.#ids.request, time, time, this.#request(block), block[REQUEST.seq]!);
  }

  /** A record of frameLayout and its payload. */
  frame(camera: number, block: Float64Array, payload: Uint8Array): void {
    const time = block[FRAME.time]!;
    this.#meter.frame(camera, time, block[FRAME.seq]!);
    const capture = this.#ns(time);
    const jpeg = payload.subarray(0, block[FRAME.byteLength]!);
    const name = this.#setup.spec.cameras[camera]!.name;
    const data = this.#encode.compressedImage(capture, name, jpeg);
    const received = this.#ns(Math.max(time, block[FRAME.encoded]!));
    this.#mcap.message(this.#ids.cameras[camera]!, received, capture, data, block[FRAME.seq]!);
  }

  /** A record of posesLayout. Written at sceneHz at most; the rest is left out. */
  poses(block: Float64Array): void {
    const time = block[this.#poses.time]!;
    if (time < this.#sceneDue - GRACE || this.#ids.scene < 0) return;
    this.#sceneDue = nextDue(this.#sceneDue, time, 1 / this.#setup.spec.recording.sceneHz);
    const ns = this.#ns(time);
    const data = this.#encode.transforms(ns, this.#bodies, block.subarray(this.#poses.poses));
    this.#mcap.message(this.#ids.scene, ns, ns, data);
  }

  event(time: number, level: LogLevel, name: string, text: string): void {
    const ns = this.#ns(time);
    this.#mcap.message(this.#ids.events, ns, ns, this.#encode.log(ns, LogLevel[level], name, text));
  }

  /** Hands the open chunk to the sink. */
  closeChunk(): void {
    this.#mcap.closeChunk();
  }

  /** Writes what was measured, the label, the summary section and the footer. */
  finish(end: EpisodeEnd): { summary: EpisodeSummary; quality: Quality } {
    this.#mcap.closeChunk();
    const quality = this.#meter.result(end.overflow);
    const summary = summarise(this.#setup.spec, this.#start, this.#meter, quality, {
      label: end.label,
      cause: end.cause,
      repaired: false,
    });
    this.#mcap.metadata(EpisodePart.end, resultMetadata(summary, quality));
    this.#mcap.end();
    return { summary: { ...summary, bytes: this.#sink.position }, quality };
  }

  #preamble(time: number, memory: Float64Array): void {
    const { spec, versions } = this.#setup;
    const start = this.#start;
    const wall = this.#ns(time);
    const layout = tickRecordLayout(spec);
    this.#mcap.metadata(EpisodePart.start, {
      format: EPISODE_FORMAT,
      id: start.id,
      rig: spec.id,
      task: start.task,
      operator: start.operator,
      started: new Date(Number(wall / 1_000_000n)).toISOString(),
      wall_offset_ns: String(start.wallOffsetNs),
      seed: String(start.seed),
      memory_time: String(time),
      rate_hz: String(spec.loop.rateHz),
      armloop: versions.armloop,
      node: versions.node,
      v8: versions.v8,
      arch: versions.arch,
      platform: versions.platform,
      robot_file: spec.source.file,
      robot_sha256: spec.source.sha256,
      model_sha256: sha256(this.#setup.modelText),
      calibration_sha256: 'none',
      tick_layout: JSON.stringify(layout.toJSON()),
      memory_layout: JSON.stringify(this.#setup.memory.toJSON()),
      ...Object.fromEntries(start.physics.map((p) => [`physics_time_${p.device}`, String(p.time)])),
      ...variationNote(this.#setup.scene),
      ...start.notes,
    });
    const names = layoutSchema('Tick', layout).names;
    this.#mcap.metadata(EpisodePart.tickNames, Object.fromEntries(names));
    const attach = (name: string, mediaType: string, data: Uint8Array): void =>
      this.#mcap.attachment({ name, mediaType, logTime: wall, createTime: wall, data });
    attach(EpisodePart.robot, 'application/yaml', utf8(spec.source.text));
    attach(EpisodePart.spec, 'application/json', utf8(JSON.stringify(spec)));
    if (this.#setup.modelText !== '')
      attach(EpisodePart.model, 'application/xml', utf8(this.#setup.modelText));
    if (this.#setup.scene !== null) {
      attach(EpisodePart.scene, 'application/json', utf8(sceneJson(this.#setup.scene)));
    }
    attach(EpisodePart.memory, 'application/octet-stream', raw(memory));
    for (const p of start.physics)
      attach(EpisodePart.physics(p.device), 'application/octet-stream', raw(p.state));
  }

  #modeEvent(time: number, mode: number, fault: number): void {
    const name = nameOf(Mode, mode);
    const first = this.#mode < 0;
    this.#mode = mode;
    if (fault !== 0) this.event(time, 'error', 'fault', `${name}: ${reasonNames(fault).join(', ')}`);
    else this.event(time, 'info', 'mode', first ? `starts ${name}` : name);
  }

  #ns(seconds: number): bigint {
    return wallNs(seconds, this.#start.wallOffsetNs);
  }
}

const REQUEST = { seq: requestLayout.at('seq'), time: requestLayout.at('time') };
const FRAME = {
  seq: frameLayout.at('seq'),
  time: frameLayout.at('time'),
  encoded: frameLayout.at('encoded'),
  byteLength: frameLayout.at('byteLength'),
};

export interface SentOffsets {
  readonly tick: number;
  readonly written: number;
  readonly acknowledged: number;
  readonly measuredTime: number;
}

/** Offsets of the stamps in a sent record: look up once per device. */
export function sentOffsets(axes: number): SentOffsets {
  const l = sentLayout(axes);
  return {
    tick: l.at('tick'),
    written: l.at('written'),
    acknowledged: l.at('acknowledged'),
    measuredTime: l.at('measuredTime'),
  };
}

export const sentTopic = (device: string): string => `/sent/${rosTopicName(device)}`;
export const cameraTopic = (camera: string): string => `/camera/${rosTopicName(camera)}/compressed`;

export function reasonNames(bits: number): string[] {
  return Object.entries(Reason)
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name);
}

/** What is known of an episode besides what was measured. Also used for repaired files. */
export interface SummaryFacts {
  readonly label: EpisodeLabel;
  readonly cause: string;
  readonly repaired: boolean;
}

export function summarise(
  spec: RobotSpec,
  start: Pick<EpisodeStart, 'id' | 'task' | 'operator' | 'seed' | 'wallOffsetNs'>,
  meter: QualityMeter,
  quality: Quality,
  facts: SummaryFacts,
): EpisodeSummary {
  return {
    id: start.id,
    rig: spec.id,
    task: start.task,
    operator: start.operator,
    label: facts.label,
    cause: facts.cause,
    startedAt: Number(wallNs(meter.firstTime, start.wallOffsetNs)) / 1e9,
    duration: meter.duration,
    ticks: meter.ticks,
    rateHz: quality.rateHz,
    missed: quality.missed,
    bytes: 0,
    seed: start.seed,
    sources: meter.sources,
    flags: quality.flags,
    repaired: facts.repaired,
    trashed: false,
    cameras: quality.cameras.map(({ name, frames, fps, maxGap }) => ({ name, frames, fps, maxGap })),
  };
}

/** The closing metadata: single values for people and other tools, and the whole as JSON for ourselves. */
export function resultMetadata(summary: EpisodeSummary, quality: Quality): Record<string, string> {
  return {
    label: summary.label,
    cause: summary.cause,
    duration: String(summary.duration),
    ticks: String(summary.ticks),
    rate_hz: String(summary.rateHz),
    missed: String(summary.missed),
    lost_ticks: String(quality.lostTicks),
    sources: summary.sources.join(' '),
    flags: quality.flags.join('; '),
    repaired: String(summary.repaired),
    summary: JSON.stringify(summary),
    quality: JSON.stringify(quality),
  };
}

/** s: a sample this much early is on time, so that a grid of exact periods is not missed by rounding. */
const GRACE = 1e-6;

/** When the next sample of a slower topic is due: on its grid, without drift, skipping what was missed. */
function nextDue(due: number, time: number, period: number): number {
  const next = due === Number.NEGATIVE_INFINITY ? time + period : due + period;
  return next > time ? next : time + period;
}

function nameOf(table: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(table).find(([, v]) => v === value)?.[0] ?? String(value);
}

const encoder = new TextEncoder();
const utf8 = (text: string): Uint8Array => encoder.encode(text);
const raw = (values: Float64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** What was drawn for the scene, where it is found without reading the scene. */
function variationNote(scene: SceneDescription | null): { readonly variation?: string } {
  return scene?.variation === undefined ? {} : { variation: JSON.stringify(scene.variation) };
}

function sceneJson(scene: SceneDescription): string {
  const meshes = scene.meshes.map((m) => ({ vertices: [...m.vertices], triangles: [...m.triangles] }));
  return JSON.stringify({ ...scene, meshes });
}
