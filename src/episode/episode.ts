/** One episode opened for reading: what it says of itself, its ticks, requests, frames and scene poses. */
import { ArmloopError } from '../errors.ts';
import { decodeBlock } from '../record/cdr.ts';
import { cameraTopic, EpisodePart, sentTopic, type Versions } from '../record/episode-writer.ts';
import { parseSpec } from '../record/facts.ts';
import type { EpisodeFiles } from '../record/files.ts';
import { float64s, McapFile } from '../record/reader.ts';
import { type RawMessage, walkChunk } from '../record/scan.ts';
import { monotonicSeconds, wallNs } from '../record/times.ts';
import { Layout } from '../robot/layout.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { requestLayout, sentLayout } from '../robot/tick.ts';
import type { JsonScene } from '../server/protocol.ts';

export interface PhysicsSnapshot {
  readonly device: string;
  /** Monotonic seconds; NaN when unknown. */
  readonly time: number;
  readonly state: Float64Array;
}

export class Episode implements AsyncDisposable {
  readonly id: string;
  /** As resolved when it was recorded. */
  readonly spec: RobotSpec;
  /** Text of the robot file as it was then. */
  readonly robotText: string;
  /** Text of the kinematic model as it was then; '' when it was not kept. */
  readonly modelText: string;
  readonly versions: Versions;
  /** What a block of /tick holds. */
  readonly tickLayout: Layout;
  /** The cycle's memory before the first tick. */
  readonly memory: { readonly layout: Layout; readonly values: Float64Array };
  /** in.time of the tick before which the memory was copied. */
  readonly memoryTime: number;
  readonly physics: readonly PhysicsSnapshot[];
  readonly scene: JsonScene | null;
  readonly seed: number;
  readonly wallOffsetNs: bigint;
  readonly #file: McapFile;

  private constructor(id: string, file: McapFile, parts: Parts) {
    this.id = id;
    this.#file = file;
    this.spec = parts.spec;
    this.robotText = parts.robotText;
    this.modelText = parts.modelText;
    this.versions = parts.versions;
    this.tickLayout = parts.tickLayout;
    this.memory = parts.memory;
    this.memoryTime = parts.memoryTime;
    this.physics = parts.physics;
    this.scene = parts.scene;
    this.seed = parts.seed;
    this.wallOffsetNs = parts.wallOffsetNs;
  }

  /** From either shelf. Throws EPISODE_UNKNOWN, EPISODE_BAD_ID, EPISODE_DAMAGED. */
  static async open(files: EpisodeFiles, id: string): Promise<Episode> {
    const path = files.mcap(id, files.shelfOf(id));
    let file: McapFile | undefined;
    try {
      file = await McapFile.open(path);
      return new Episode(id, file, await readParts(file));
    } catch (cause) {
      await file?.[Symbol.asyncDispose]();
      throw new ArmloopError('EPISODE_DAMAGED', { id, reason: (cause as Error).message }, { cause });
    }
  }

  get tickCount(): number {
    return this.#file.count('/tick');
  }

  /** Calls `visit` with each tick in order. The block is reused. */
  async ticks(visit: (block: Float64Array) => void): Promise<void> {
    const block = new Float64Array(this.tickLayout.size);
    await this.messages({ '/tick': (m) => visit(decodeBlock(m.data, block)) });
  }

  /** The same for loops that await: each tick in order, in a block that is reused. Throws EPISODE_DAMAGED. */
  async *eachTick(): AsyncGenerator<Float64Array, void, void> {
    const id = this.#file.channel('/tick')?.id;
    const block = new Float64Array(this.tickLayout.size);
    const waiting: Uint8Array[] = [];
    const visitor = {
      message: (m: RawMessage): void => {
        if (m.channelId === id) waiting.push(m.data);
      },
    };
    for await (const content of this.#chunks()) {
      walkChunk(content, visitor);
      for (const data of waiting.splice(0)) yield decodeBlock(data, block);
    }
  }

  /** All requests (requestLayout) in order. */
  async requests(): Promise<Float64Array[]> {
    const found: Float64Array[] = [];
    await this.messages({
      '/request': (m) => found.push(decodeBlock(m.data, new Float64Array(requestLayout.size))),
    });
    return found;
  }

  /** All sent records (sentLayout) of a device in order; none for a device that is not there. */
  async sent(device: string): Promise<Float64Array[]> {
    const { size } = sentLayout(this.spec.devices.find((d) => d.name === device)?.axes.length ?? 0);
    const found: Float64Array[] = [];
    await this.messages({
      [sentTopic(device)]: (m) => found.push(decodeBlock(m.data, new Float64Array(size))),
    });
    return found;
  }

  /** Visits the messages of some topics in file order. Messages and their data are reused. Throws EPISODE_DAMAGED. */
  async messages(topics: Readonly<Record<string, (message: RawMessage) => void>>): Promise<void> {
    const visit = new Map<number, (message: RawMessage) => void>();
    for (const channel of this.#file.mcap.channelsById.values()) {
      const visitor = topics[channel.topic];
      if (visitor !== undefined) visit.set(channel.id, visitor);
    }
    for await (const content of this.#chunks()) {
      walkChunk(content, { message: (m) => visit.get(m.channelId)?.(m) });
    }
  }

  async *#chunks(): AsyncGenerator<Uint8Array, void, void> {
    try {
      yield* this.#file.chunks();
    } catch (cause) {
      throw new ArmloopError('EPISODE_DAMAGED', { id: this.id, reason: (cause as Error).message }, { cause });
    }
  }

  /**
   * Frames of some cameras in file order, each as its camera's `ordinal`th (from 0) in the file. Throws EPISODE_NO_CAMERA, EPISODE_DAMAGED.
   */
  async *eachFrame(cameras: readonly string[]): AsyncGenerator<NumberedFrame, void, void> {
    const counted = new Map<number, { readonly camera: string; next: number }>();
    for (const camera of cameras) {
      this.#checkCamera(camera);
      const channel = this.#file.channel(cameraTopic(camera));
      if (channel !== null) counted.set(channel.id, { camera, next: 0 });
    }
    const waiting: NumberedFrame[] = [];
    const visitor = {
      message: (m: RawMessage): void => {
        const of = counted.get(m.channelId);
        if (of === undefined) return;
        const time = this.captureTime(m);
        waiting.push({ camera: of.camera, ordinal: of.next++, time, jpeg: imageData(m.data) });
      },
    };
    for await (const content of this.#chunks()) {
      walkChunk(content, visitor);
      yield* waiting.splice(0);
    }
  }

  #checkCamera(camera: string): void {
    if (this.spec.cameras.some((c) => c.name === camera)) return;
    throw new ArmloopError('EPISODE_NO_CAMERA', { id: this.id, camera });
  }

  /** Monotonic time of the first tick; NaN when there is none. */
  async firstTime(): Promise<number> {
    for await (const block of this.eachTick()) return block[this.tickLayout.at('in.time')]!;
    return Number.NaN;
  }

  /** Capture time of a message in monotonic seconds. */
  captureTime(message: { readonly publishTime: bigint }): number {
    return monotonicSeconds(message.publishTime, this.wallOffsetNs);
  }

  /**
   * The newest frame captured at or before a monotonic time, or the first when there is none; null when the camera
   * delivered nothing. Throws EPISODE_NO_CAMERA.
   */
  async frameAt(camera: string, time: number): Promise<Frame | null> {
    this.#checkCamera(camera);
    const topics = [cameraTopic(camera)];
    const at = wallNs(time, this.wallOffsetNs);
    // A frame is received after its capture, so it is searched for somewhat later than it is asked for.
    const search = { topics, reverse: true, endTime: at + RECEIVED_WITHIN };
    for await (const m of this.#file.mcap.readMessages(search)) {
      if (m.publishTime <= at) return this.#frame(m);
    }
    for await (const m of this.#file.mcap.readMessages({ topics })) return this.#frame(m);
    return null;
  }

  #frame(message: { readonly publishTime: bigint; readonly data: Uint8Array }): Frame {
    return { time: this.captureTime(message), jpeg: imageData(message.data) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}

export interface Frame {
  /** Monotonic capture time. */
  readonly time: number;
  readonly jpeg: Uint8Array;
}

export interface NumberedFrame extends Frame {
  readonly camera: string;
  readonly ordinal: number;
}

/** ns: no frame takes longer from its capture into its ring. */
const RECEIVED_WITHIN = 2_000_000_000n;

/** The `data` of a CDR sensor_msgs/msg/CompressedImage: header {stamp, frame_id}, format, data. */
function imageData(message: Uint8Array): Uint8Array {
  const body = message.subarray(4);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let at = 8;
  for (let strings = 0; strings < 2; strings++) at = (at + 4 + view.getUint32(at, true) + 3) & ~3;
  return body.slice(at + 4, at + 4 + view.getUint32(at, true));
}

interface Parts {
  readonly spec: RobotSpec;
  readonly robotText: string;
  readonly modelText: string;
  readonly versions: Versions;
  readonly tickLayout: Layout;
  readonly memory: { readonly layout: Layout; readonly values: Float64Array };
  readonly memoryTime: number;
  readonly physics: readonly PhysicsSnapshot[];
  readonly scene: JsonScene | null;
  readonly seed: number;
  readonly wallOffsetNs: bigint;
}

/** Throws plain errors that say what is missing. */
async function readParts(file: McapFile): Promise<Parts> {
  const start = await file.metadata(EpisodePart.start);
  const entry = (key: string): string => {
    const value = start?.get(key);
    if (value === undefined) throw new Error(`its metadata has no ${key}`);
    return value;
  };
  const attachment = async (name: string): Promise<Uint8Array> => {
    const data = await file.attachment(name);
    if (data === null) throw new Error(`it has no ${name}`);
    return data;
  };
  const text = (data: Uint8Array | null): string => (data === null ? '' : new TextDecoder().decode(data));
  const spec = parseSpec(await attachment(EpisodePart.spec));
  if (spec === null) throw new Error('its robot description is damaged');
  const physics: PhysicsSnapshot[] = [];
  for (const device of spec.devices) {
    const state = await file.attachment(EpisodePart.physics(device.name));
    const time = Number(start?.get(`physics_time_${device.name}`) ?? Number.NaN);
    if (state !== null) physics.push({ device: device.name, time, state: float64s(state) });
  }
  const scene = await file.attachment(EpisodePart.scene);
  const layout = (key: string): Layout => Layout.fromJSON(JSON.parse(entry(key)));
  return {
    spec,
    robotText: text(await attachment(EpisodePart.robot)),
    modelText: text(await file.attachment(EpisodePart.model)),
    versions: {
      armloop: entry('armloop'),
      node: entry('node'),
      v8: entry('v8'),
      arch: entry('arch'),
      platform: entry('platform'),
    },
    tickLayout: layout('tick_layout'),
    memory: { layout: layout('memory_layout'), values: float64s(await attachment(EpisodePart.memory)) },
    memoryTime: Number(entry('memory_time')),
    physics,
    scene: scene === null ? null : (JSON.parse(text(scene)) as JsonScene),
    seed: Number(entry('seed')),
    wallOffsetNs: BigInt(entry('wall_offset_ns')),
  };
}
