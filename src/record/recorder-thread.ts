/**
 * The recorder's own thread. Commands come by message and are answered by number; data comes through the rings only.
 * Started by Recorder (recorder.ts) with RecorderThreadData.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ArmloopError } from '../errors.ts';
import { monotonicClock } from '../loop/clock.ts';
import { Layout } from '../robot/layout.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { EpisodeLabel } from '../server/protocol.ts';
import type { EpisodeSetup, EpisodeStart } from './episode-writer.ts';
import { EpisodeFiles } from './files.ts';
import { DRAIN_MS, type RecorderChannels, RecorderCore, type RecorderProgress } from './recorder-core.ts';
import { type RepairReport, repairAll } from './repair.ts';
import type { LogLevel } from './schemas.ts';
import { measureWallOffset } from './times.ts';
import { loadZstd } from './zstd.ts';

export interface RecorderThreadData {
  /** `memory` as its JSON: class instances do not cross threads. */
  readonly setup: Omit<EpisodeSetup, 'memory'> & { readonly memory: ReturnType<Layout['toJSON']> };
  readonly channels: RecorderChannels;
  readonly workspace: string;
}

export type RecorderCommand =
  | { readonly type: 'start'; readonly start: Omit<EpisodeStart, 'wallOffsetNs'> }
  | { readonly type: 'stop' }
  | { readonly type: 'label'; readonly label: EpisodeLabel; readonly cause: string }
  | { readonly type: 'discard' }
  | { readonly type: 'shutdown' };

export type ToRecorder =
  | (RecorderCommand & { readonly call: number })
  | { readonly type: 'restyle'; readonly scene: SceneDescription }
  | {
      readonly type: 'event';
      readonly level: LogLevel;
      readonly name: string;
      readonly text: string;
      readonly time: number | undefined;
    };

export type FromRecorder =
  | { readonly type: 'open'; readonly repaired: readonly RepairReport[] }
  | { readonly type: 'repairing'; readonly done: number; readonly of: number; readonly id: string }
  /** The recorder waits for the snapshot: it may be asked of the loop now. */
  | { readonly type: 'ready'; readonly call: number }
  | { readonly type: 'done'; readonly call: number; readonly value: unknown }
  | { readonly type: 'error'; readonly call: number; readonly error: ThreadError }
  | { readonly type: 'failed'; readonly error: ThreadError }
  | { readonly type: 'progress'; readonly progress: RecorderProgress };

/** An error as it crosses the threads. */
export interface ThreadError {
  readonly code: string;
  readonly details: Readonly<Record<string, string | number>>;
  readonly message: string;
}

const PROGRESS_S = 0.25;

function threadError(error: unknown): ThreadError {
  if (error instanceof ArmloopError)
    return { code: error.code, details: error.details, message: error.message };
  return { code: '', details: {}, message: error instanceof Error ? error.message : String(error) };
}

async function run(port: MessagePort, data: RecorderThreadData): Promise<void> {
  const post = (message: FromRecorder): void => port.postMessage(message);
  const now = monotonicClock();
  await loadZstd();
  const { versions } = data.setup;
  const repaired = await repairAll(
    new EpisodeFiles(data.workspace),
    'quick',
    `armloop ${versions.armloop}`,
    (done, of, id) => post({ type: 'repairing', done, of, id }),
  );
  const setup = { ...data.setup, memory: Layout.fromJSON(data.setup.memory) };
  const core = new RecorderCore(setup, data.channels, data.workspace, now);
  core.onFailure = (error) => post({ type: 'failed', error: threadError(error) });

  const execute = async (command: RecorderCommand & { readonly call: number }): Promise<unknown> => {
    switch (command.type) {
      case 'start': {
        const { started } = core.start({ ...command.start, wallOffsetNs: measureWallOffset() });
        post({ type: 'ready', call: command.call });
        return started;
      }
      case 'stop':
        return core.stop();
      case 'label':
        return core.label(command.label, command.cause);
      case 'discard':
        return core.discard();
      case 'shutdown':
        return core.shutdown();
      default:
        return command satisfies never;
    }
  };
  port.on('message', (message: ToRecorder) => {
    if (message.type === 'event') {
      core.event(message.level, message.name, message.text, message.time);
      return;
    }
    if (message.type === 'restyle') {
      core.restyle(message.scene);
      return;
    }
    const { call } = message;
    execute(message).then(
      (value) => {
        post({ type: 'done', call, value });
        post({ type: 'progress', progress: core.progress() });
        if (message.type === 'shutdown') port.close();
      },
      (error: unknown) => post({ type: 'error', call, error: threadError(error) }),
    );
  });
  let closed = false;
  port.once('close', () => {
    closed = true;
  });
  post({ type: 'open', repaired });
  let reported = 0;
  // A timer, not a wait on the rings: one wake-up per batch costs a twentieth of one per tick, and rings hold seconds.
  while (!closed) {
    await core.drain();
    if (now() - reported > PROGRESS_S) {
      reported = now();
      post({ type: 'progress', progress: core.progress() });
    }
    await new Promise((resolve) => (core.behind ? setImmediate(resolve) : setTimeout(resolve, DRAIN_MS)));
  }
}

if (parentPort !== null) await run(parentPort, workerData as RecorderThreadData);
