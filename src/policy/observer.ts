/**
 * The observation of a policy: values of all its inputs as of one moment, from ticks and frames by their own times. All
 * memory is made once; the feeds are the same arrays in every call.
 */
import { ArmloopError } from '../errors.ts';
import type { TensorData } from '../nn/tensor.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { tickLayout } from '../robot/tick.ts';
import { inputTensor } from './check.ts';
import { FeatureReader, normalise } from './features.ts';
import { FrameHistory, TickHistory } from './history.ts';
import type { ConditionInput, ImageInput, PolicyManifest, StateInput } from './manifest.ts';
import { conditionTasks, goalFeatures, type Request } from './request.ts';
import type { Feeds, PolicyRuntime } from './runtime.ts';

/** How far behind the newest tick an observation may have to lie until all its frames have come in, s, and slack. */
const SPARE_S = 1;

interface State {
  readonly input: StateInput;
  readonly reader: FeatureReader;
  readonly data: Float32Array;
}

interface Picture {
  readonly input: ImageInput;
  readonly frames: FrameHistory;
  readonly data: Uint8Array | Float32Array;
  /** uint8 value → float32 value per channel, 256 each; null when pixels go as they are. */
  readonly table: Float32Array | null;
}

export class Observer {
  readonly feeds: Feeds;
  /**
   * An observation of time t is complete this long after t, s: by then every frame captured before t has come in. The
   * largest declared latency of the cameras used.
   */
  readonly lag: number;
  /** Capture time of the newest picture of the newest observation, or of its state when it has no picture; rig clock, s. */
  captured = Number.NaN;
  readonly #ticks: TickHistory;
  readonly #states: readonly State[];
  readonly #pictures: readonly Picture[];
  readonly #steps: number;
  readonly #step: number;
  readonly #maxAge: number;
  readonly #at: { readonly time: number; readonly device: number; readonly devices: number };

  /** The manifest fits the robot. Throws POLICY_ASKED when what is asked for is not what the policy takes. */
  constructor(m: PolicyManifest, spec: RobotSpec, speaks: PolicyRuntime['speaks'], request: Request = {}) {
    const { layout } = tickLayout(spec);
    const { steps, maxAgeMs } = m.observation;
    this.#steps = steps;
    this.#step = 1 / m.rateHz;
    this.#maxAge = maxAgeMs / 1000;
    this.#at = {
      time: layout.at('in.time'),
      device: layout.at('in.device.time'),
      devices: spec.devices.length,
    };
    const reason = uncalledFor(m, request);
    if (reason !== '') throw new ArmloopError('POLICY_ASKED', { policy: m.name, reason });
    const feeds: Record<string, TensorData | string> = {};
    const states: State[] = [];
    const pictures: Picture[] = [];
    for (const input of m.inputs) {
      const { shape } = inputTensor(input, steps);
      const told = speaks === 'observations' ? shape.slice(1) : shape;
      const size = shape.reduce((n, d) => n * d, 1);
      switch (input.kind) {
        case 'state': {
          const data = new Float32Array(size);
          feeds[input.name] = { data, shape: told };
          states.push({ input, reader: new FeatureReader(layout, input.features), data });
          break;
        }
        case 'image': {
          const data = input.encoding === 'uint8-hwc' ? new Uint8Array(size) : new Float32Array(size);
          feeds[input.name] = { data, shape: told };
          pictures.push({ input, data, frames: framesOf(input, m, spec), table: scales(input) });
          break;
        }
        case 'noise':
          feeds[input.name] = { data: new Float32Array(size), shape: input.shape };
          break;
        case 'condition':
          feeds[input.name] = condition(input, m, speaks, request, told);
          break;
        default:
          input satisfies never;
      }
    }
    this.feeds = feeds;
    this.#states = states;
    this.#pictures = pictures;
    const cameras = spec.cameras.filter((c) => pictures.some((p) => p.input.camera === c.name));
    this.lag = Math.max(0, ...cameras.map((c) => c.latencyMs / 1000));
    this.#ticks = new TickHistory(spec, steps / m.rateHz + this.lag + this.#maxAge + SPARE_S);
  }

  /** A tick or tick record. */
  tick(record: Float64Array): void {
    this.#ticks.push(record);
  }

  /** A camera frame with its capture time. The bytes must stay as they are. */
  frame(camera: string, time: number, jpeg: Uint8Array): void {
    for (const { frames } of this.#pictures) if (frames.camera === camera) frames.push(time, jpeg);
  }

  /** Names of the cameras that it needs. */
  get cameras(): readonly string[] {
    return [...new Set(this.#pictures.map((p) => p.frames.camera))];
  }

  /** A new scene began at that time. */
  newScene(time: number): void {
    this.#ticks.clear();
    for (const { frames } of this.#pictures) frames.forgetBefore(time);
  }

  /** Resolves when every frame given so far can be observed. */
  async settled(): Promise<void> {
    for (const { frames } of this.#pictures) await frames.settled();
  }

  /** The tick in force at that time, or null. */
  tickAt(time: number): Float64Array | null {
    return this.#ticks.at(time);
  }

  get newest(): Float64Array | null {
    return this.#ticks.newest;
  }

  /**
   * Fills the feeds with the observation of `time` (rig clock, s). History before `since` repeats what was known then.
   * Returns '' or, in words, why there is no such observation.
   */
  observe(time: number, since: number): string {
    for (let k = 0; k < this.#steps; k++) {
      const at = Math.max(since, time - (this.#steps - 1 - k) * this.#step);
      const problem = this.#observeStep(k, at);
      if (problem !== '') return problem;
    }
    for (const { input, reader, data } of this.#states) {
      normalise(input.normaliser, data, 0, this.#steps * reader.size);
    }
    return '';
  }

  #observeStep(k: number, time: number): string {
    const tick = this.#ticks.at(time);
    if (tick === null) return 'no tick of that time is kept';
    let measured = tick[this.#at.time]!;
    for (let d = 0; d < this.#at.devices; d++) measured = Math.min(measured, tick[this.#at.device + d]!);
    if (time - measured > this.#maxAge) return this.#stale('the measured state', time - measured);
    this.captured = measured;
    let pictured = Number.NEGATIVE_INFINITY;
    for (const { reader, data } of this.#states) reader.read(tick, data, k * reader.size);
    for (const picture of this.#pictures) {
      const frame = picture.frames.at(time);
      if (frame === null) return `camera ${picture.frames.camera} has no frame of this scene yet`;
      if (time - frame.time > this.#maxAge) {
        return this.#stale(`the frame of camera ${picture.frames.camera}`, time - frame.time);
      }
      put(picture, k, frame.pixels);
      pictured = Math.max(pictured, frame.time);
    }
    if (pictured > Number.NEGATIVE_INFINITY) this.captured = pictured;
    return '';
  }

  #stale(what: string, age: number): string {
    return `${what} was ${Math.round(1000 * age)} ms old, more than ${Math.round(1000 * this.#maxAge)} ms`;
  }
}

/** Writes picture k of the history. */
function put({ data, table, input }: Picture, k: number, pixels: Uint8Array): void {
  const at = k * pixels.length;
  if (table === null) {
    data.set(pixels, at);
    return;
  }
  const plane = input.width * input.height;
  for (let i = 0, p = 0; i < plane; i++, p += 3) {
    data[at + i] = table[pixels[p]!]!;
    data[at + plane + i] = table[256 + pixels[p + 1]!]!;
    data[at + 2 * plane + i] = table[512 + pixels[p + 2]!]!;
  }
}

function scales({ encoding, mean, std }: ImageInput): Float32Array | null {
  if (encoding === 'uint8-hwc') return null;
  return Float32Array.from({ length: 768 }, (_, i) => {
    const channel = i >> 8;
    return ((i & 255) / 255 - (mean?.[channel] ?? 0)) / (std?.[channel] ?? 1);
  });
}

function framesOf(
  { camera: name, width, height }: ImageInput,
  m: PolicyManifest,
  spec: RobotSpec,
): FrameHistory {
  const camera = spec.cameras.find((c) => c.name === name)!;
  const seconds =
    m.observation.steps / m.rateHz + m.observation.maxAgeMs / 1000 + camera.latencyMs / 1000 + SPARE_S;
  return new FrameHistory(name, width, height, Math.ceil(seconds * camera.fps) + 2);
}

/** What is asked of a policy that takes no such thing; '' when it is asked for nothing that it would pass over. */
function uncalledFor(m: PolicyManifest, { task, goal }: Request): string {
  if (task !== undefined && conditionTasks(m).length === 0)
    return `it is not told what to do, but '${task}' was asked for`;
  return goal !== undefined && goalFeatures(m) === null ? 'it takes no goal, but one was given' : '';
}

function condition(
  input: ConditionInput,
  m: PolicyManifest,
  speaks: PolicyRuntime['speaks'],
  request: Request,
  shape: readonly number[],
): TensorData | string {
  const refuse = (reason: string): never => {
    throw new ArmloopError('POLICY_ASKED', { policy: m.name, reason });
  };
  if (input.tasks !== undefined) {
    const { tasks } = input;
    const task = request.task ?? (tasks.length === 1 ? tasks[0]! : '');
    const index = tasks.indexOf(task);
    if (index < 0) {
      const asked = task === '' ? 'none was named' : `'${task}' was asked for`;
      refuse(`it does one of ${tasks.map((t) => `'${t}'`).join(', ')}, but ${asked}`);
    }
    return speaks === 'observations' ? task : { data: BigInt64Array.of(BigInt(index)), shape };
  }
  const goal = Float32Array.from(request.goal ?? []);
  const want = (input.features ?? []).reduce((n, f) => n + f.width, 0);
  if (goal.length !== want || !goal.every(Number.isFinite)) {
    refuse(`its goal ${input.name} has ${want} finite values, and ${goal.length} were given`);
  }
  if (input.normaliser !== undefined) normalise(input.normaliser, goal, 0, want);
  return { data: goal, shape };
}
