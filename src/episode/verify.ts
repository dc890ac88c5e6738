/**
 * Proof that an episode is what its controllers and guard computed: both are built anew from the robot file kept in
 * the episode, start from the recorded memory, are fed the recorded inputs, and must give every recorded output bit
 * for bit. Floating-point results depend on the engine, so this holds on the same Node, V8, architecture and armloop.
 */
import { createControllers } from '../control/index.ts';
import { ArmloopError } from '../errors.ts';
import { Cycle } from '../loop/cycle.ts';
import { loadKinematics } from '../model/load.ts';
import { runningVersions, type Versions } from '../record/episode-writer.ts';
import type { Field, Layout } from '../robot/layout.ts';
import { requestLayout } from '../robot/tick.ts';
import { packageVersion } from '../root.ts';
import type { Episode } from './episode.ts';
import { rebuildSpec } from './rebuild.ts';

export interface Difference {
  /** in.tick of the first tick that differs. */
  readonly tick: number;
  /** Seconds since the first tick. */
  readonly at: number;
  readonly field: string;
  /** Place within the field. */
  readonly index: number;
  readonly recorded: number;
  readonly computed: number;
  /** How many values of that tick differ. */
  readonly values: number;
  /** The hash over the inputs differs: not the computation changed, but what it was given. */
  readonly inputChanged: boolean;
}

export interface VerifyResult {
  readonly id: string;
  readonly equal: boolean;
  /** Ticks computed again, the differing one included. */
  readonly ticks: number;
  readonly difference: Difference | null;
  /** The same in words. */
  readonly text: string;
}

export interface VerifyOptions {
  /** `any` tries it on another engine too; a difference then proves nothing. */
  readonly versions: 'same' | 'any';
  readonly progress?: (done: number, of: number) => void;
}

/** Throws VERIFY_REFUSED when it cannot be judged, EPISODE_DAMAGED, CONFIG_* and MODEL_*. */
export async function verifyEpisode(episode: Episode, options: VerifyOptions): Promise<VerifyResult> {
  if (options.versions === 'same') checkVersions(episode);
  using rebuilt = rebuildSpec(episode);
  const { spec } = rebuilt;
  const cycle = new Cycle({ spec, model: loadKinematics(spec), controllers: createControllers(spec) });
  checkLayout(episode, 'tick', cycle.tick.layout, episode.tickLayout, cycle.tick.layout.size);
  checkLayout(episode, 'memory', cycle.memoryLayout, episode.memory.layout, cycle.memoryLayout.size);
  cycle.memory.set(episode.memory.values);

  const requests = new Map<number, Float64Array>();
  const seq = requestLayout.at('seq');
  for (const request of await episode.requests()) requests.set(request[seq]!, request);

  const compare = new Comparison(episode, cycle, requests);
  const of = episode.tickCount;
  await episode.ticks((block) => {
    if (compare.difference !== null) return;
    compare.tick(block);
    if (compare.ticks % 1000 === 0) options.progress?.(compare.ticks, of);
  });
  options.progress?.(of, of);
  if (compare.ticks === 0) throw refused(episode, 'it holds no ticks');
  const { ticks, difference } = compare;
  const result = { id: episode.id, equal: difference === null, ticks, difference };
  return { ...result, text: describe(result) };
}

class Comparison {
  ticks = 0;
  difference: Difference | null = null;
  readonly #episode: Episode;
  readonly #cycle: Cycle;
  readonly #requests: ReadonlyMap<number, Float64Array>;
  readonly #block: Float64Array;
  readonly #computed: Uint32Array;
  readonly #at: Record<'tick' | 'time' | 'request' | 'hash', number>;
  #next = -1;
  #first = 0;

  constructor(episode: Episode, cycle: Cycle, requests: ReadonlyMap<number, Float64Array>) {
    this.#episode = episode;
    this.#cycle = cycle;
    this.#requests = requests;
    this.#block = new Float64Array(episode.tickLayout.size);
    this.#computed = new Uint32Array(this.#block.buffer);
    const { layout } = cycle.tick;
    this.#at = {
      tick: layout.at('in.tick'),
      time: layout.at('in.time'),
      request: layout.at('in.request.seq'),
      hash: layout.at('out.inputHash'),
    };
  }

  tick(recorded: Float64Array): void {
    const { tick, time, request } = this.#at;
    const number = recorded[tick]!;
    if (this.#next < 0) this.#begin(recorded[time]!);
    else if (number !== this.#next) {
      throw refused(this.#episode, `the ticks from ${this.#next} to ${number - 1} are missing`);
    }
    this.#next = number + 1;
    const { inputSize } = this.#cycle.tick;
    this.#block.set(recorded.subarray(0, inputSize));
    // Outputs that the cycle fails to write must not look right by themselves.
    this.#block.fill(Number.NaN, inputSize);
    this.#cycle.step(this.#block, this.#request(recorded[request]!, number));
    this.ticks++;
    this.#compare(recorded, number, recorded[time]! - this.#first);
  }

  #begin(time: number): void {
    this.#first = time;
    const { memoryTime } = this.#episode;
    if (memoryTime === time) return;
    throw refused(
      this.#episode,
      'its first ticks are missing: it does not begin where the memory snapshot was taken',
    );
  }

  #request(seq: number, tick: number): Float64Array | null {
    if (seq === 0) return null;
    const request = this.#requests.get(seq);
    if (request !== undefined) return request;
    throw refused(this.#episode, `request ${seq}, which tick ${tick} took, is missing`);
  }

  /** By bits: NaN equals itself, and 0 is not -0. */
  #compare(recorded: Float64Array, tick: number, at: number): void {
    const { layout, inputSize } = this.#cycle.tick;
    const theirs = new Uint32Array(recorded.buffer, recorded.byteOffset, recorded.length * 2);
    const ours = this.#computed;
    let first = -1;
    let values = 0;
    for (let i = inputSize; i < layout.size; i++) {
      if (theirs[2 * i] === ours[2 * i] && theirs[2 * i + 1] === ours[2 * i + 1]) continue;
      if (first < 0) first = i;
      values++;
    }
    if (first < 0) return;
    const { name, offset } = fieldAt(layout, first);
    this.difference = {
      tick,
      at,
      field: name,
      index: first - offset,
      recorded: recorded[first]!,
      computed: this.#block[first]!,
      values,
      inputChanged: recorded[this.#at.hash] !== this.#block[this.#at.hash],
    };
  }
}

function fieldAt(layout: Layout, index: number): Field {
  return layout.fields.find((f) => index >= f.offset && index < f.offset + f.length)!;
}

function describe({ id, ticks, difference: d }: Omit<VerifyResult, 'text'>): string {
  if (d === null) return `${id}: ${ticks} ticks computed again, every output equal to the last bit`;
  const place = `tick ${d.tick} (${d.at.toFixed(3)} s), ${d.field}[${d.index}]`;
  const many = d.values > 1 ? `, and ${d.values - 1} more values of that tick` : '';
  const input = d.inputChanged
    ? '\nthe hash over its inputs differs: an input of this tick, or its request, was changed after it was recorded'
    : '';
  return `${id}: NOT equal: ${place} is ${d.recorded} in the episode and ${d.computed} now${many}${input}`;
}

function checkVersions(episode: Episode): void {
  const here = runningVersions(packageVersion());
  const keys: readonly (keyof Versions)[] = ['armloop', 'node', 'v8', 'arch'];
  const other = keys.filter((k) => here[k] !== episode.versions[k]);
  if (other.length === 0) return;
  const what = other.map((k) => `${k} ${episode.versions[k]} (here ${here[k]})`).join(', ');
  throw refused(episode, `it was recorded with ${what}; --any-version tries all the same`);
}

function checkLayout(episode: Episode, what: string, ours: Layout, theirs: Layout, size: number): void {
  const names = (l: Layout): string =>
    JSON.stringify(l.fields.filter((f) => f.offset < size).map((f) => [f.name, f.offset, f.length]));
  if (names(ours) !== names(theirs)) throw refused(episode, `its ${what} has another layout than here`);
}

function refused(episode: Episode, reason: string): ArmloopError {
  return new ArmloopError('VERIFY_REFUSED', { id: episode.id, reason });
}
