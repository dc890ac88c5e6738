/**
 * Proof that an episode is what its controllers and guard computed: both are built anew from the robot file kept in
 * the episode, start from the recorded memory, are fed the recorded inputs, and must give every recorded output bit
 * for bit. Floating-point results depend on the engine, so this holds on the same Node, V8, architecture and armloop.
 */
import { createControllers } from '../control/index.ts';
import { ArmloopError } from '../errors.ts';
import { Cycle } from '../loop/cycle.ts';
import { type Difference, verifyTicks } from '../loop/verify.ts';
import { loadKinematics } from '../model/load.ts';
import { runningVersions, type Versions } from '../record/episode-writer.ts';
import type { Layout } from '../robot/layout.ts';
import { requestLayout } from '../robot/tick.ts';
import { packageVersion } from '../root.ts';
import type { Episode } from './episode.ts';
import { rebuildSpec } from './rebuild.ts';

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
  const model = loadKinematics(spec);
  const { tick, memoryLayout } = new Cycle({ spec, model, controllers: createControllers(spec) });
  checkLayout(episode, 'tick', tick.layout, episode.tickLayout, tick.layout.size);
  checkLayout(episode, 'memory', memoryLayout, episode.memory.layout, memoryLayout.size);

  const requests = new Map<number, Float64Array>();
  const seq = requestLayout.at('seq');
  for (const request of await episode.requests()) requests.set(request[seq]!, request);
  const of = episode.tickCount;
  const { ok, ticks, difference } = await verifyTicks({
    spec,
    model,
    controllers: createControllers(spec),
    memory: episode.memory.values,
    ticks: wholeTicks(episode),
    request: (wanted) => {
      const request = requests.get(wanted);
      if (request === undefined) throw refused(episode, `request ${wanted}, which a tick took, is missing`);
      return request;
    },
    onProgress: (done) => options.progress?.(done, of),
  });
  if (ticks === 0) throw refused(episode, 'it holds no ticks');
  return { id: episode.id, equal: ok, ticks, difference, text: describe(episode, ticks, difference) };
}

/** The ticks, or VERIFY_REFUSED when some are missing: what lies behind a hole cannot be judged. */
async function* wholeTicks(episode: Episode): AsyncGenerator<Float64Array, void, void> {
  const tick = episode.tickLayout.at('in.tick');
  const time = episode.tickLayout.at('in.time');
  let next = -1;
  for await (const block of episode.eachTick()) {
    const number = block[tick]!;
    if (next < 0 && block[time] !== episode.memoryTime) {
      throw refused(episode, 'its first ticks are missing: it does not begin where the memory was copied');
    }
    if (next >= 0 && number !== next) {
      throw refused(episode, `the ticks from ${next} to ${number - 1} are missing`);
    }
    next = number + 1;
    yield block;
  }
}

function describe({ id }: Episode, ticks: number, d: Difference | null): string {
  if (d === null) return `${id}: ${ticks} ticks computed again, every output equal to the last bit`;
  return `${id}: NOT equal at tick ${d.tick}: ${d.field} is ${d.recorded} in the episode and ${d.computed} now\n${d.why}`;
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
