/**
 * The recorder as the rig holds it: a thread that drains the rig's rings into one MCAP per episode.
 *
 *   await using recorder = await Recorder.open({ spec, memory, channels, workspace, ... });
 *   await recorder.start({ id, task, operator, seed, physics, notes }, () => session.request('snapshot'));
 *   await recorder.stop();                      // all on the disk, file still open
 *   await recorder.label('success', '');        // or discard()
 *
 * Opening first repairs what an earlier run left unfinished.
 */
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { ArmloopError, ERRORS, type ErrorCode } from '../errors.ts';
import type { Layout } from '../robot/layout.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { EpisodeLabel, EpisodeSummary } from '../server/protocol.ts';
import { type EpisodeStart, runningVersions } from './episode-writer.ts';
import type { Compression } from './mcap-writer.ts';
import type { RecorderChannels, RecorderProgress } from './recorder-core.ts';
import type {
  FromRecorder,
  RecorderCommand,
  RecorderThreadData,
  ThreadError,
  ToRecorder,
} from './recorder-thread.ts'; // prettier-ignore
import type { RepairReport } from './repair.ts';
import type { LogLevel } from './schemas.ts';

export type { RecorderChannels, RecorderProgress, RecorderState } from './recorder-core.ts';

export interface RecorderOptions {
  readonly spec: RobotSpec;
  /** Layout of the cycle's memory. */
  readonly memory: Layout;
  readonly channels: RecorderChannels;
  readonly workspace: string;
  readonly scene: SceneDescription | null;
  /** Version of armloop, for the file. */
  readonly version: string;
  /** Default zstd. `none` costs more disk and less time, and lets repair look into a cut chunk. */
  readonly compression?: Compression;
  /** Called while unfinished files are being repaired, before `open` resolves. */
  readonly onRepair?: (done: number, of: number, id: string) => void;
}

export type StartOptions = Omit<EpisodeStart, 'wallOffsetNs'>;

interface Call {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  ready: (() => void) | null;
}

const IDLE: RecorderProgress = {
  state: 'idle',
  id: null,
  duration: 0,
  ticks: 0,
  bytes: 0,
  dropped: 0,
  bytesPerSecond: 0,
  backlog: 0,
};

export class Recorder implements AsyncDisposable {
  /** What was mended on opening. */
  readonly repaired: readonly RepairReport[];
  readonly #worker: Worker;
  readonly #calls = new Map<number, Call>();
  #call = 0;
  #progress = IDLE;
  #gone: Error | null = null;
  #closing = false;
  /** About four times a second, and after each command. */
  onProgress: ((progress: RecorderProgress) => void) | null = null;
  /** The recording broke off (disk full, thread dead); the file is repaired at the next start. */
  onFailure: ((error: Error) => void) | null = null;

  private constructor(worker: Worker, repaired: readonly RepairReport[]) {
    this.#worker = worker;
    this.repaired = repaired;
    worker.on('message', (message: FromRecorder) => this.#receive(message));
    worker.on('error', (error) => this.#lost(error));
    worker.on('exit', () => this.#lost(new Error('the recorder thread ended')));
  }

  static async open(options: RecorderOptions): Promise<Recorder> {
    const { spec, workspace, channels, scene } = options;
    const data: RecorderThreadData = {
      setup: {
        spec,
        memory: options.memory.toJSON(),
        scene,
        modelText: readText(spec.model.file),
        versions: runningVersions(options.version),
        compression: options.compression ?? 'zstd',
      },
      channels,
      workspace,
    };
    const worker = new Worker(new URL('./recorder-thread.js', import.meta.url), {
      workerData: data,
      name: 'recorder',
    });
    return new Promise((resolve, reject) => {
      worker.once('error', reject);
      const opened = (message: FromRecorder): void => {
        if (message.type === 'repairing') options.onRepair?.(message.done, message.of, message.id);
        if (message.type !== 'open') return;
        worker.off('message', opened);
        worker.off('error', reject);
        resolve(new Recorder(worker, message.repaired));
      };
      worker.on('message', opened);
    });
  }

  get progress(): RecorderProgress {
    return this.#progress;
  }

  /**
   * Starts an episode. `requestSnapshot` is called when the recorder is ready for the loop's memory snapshot
   * (RequestKind.snapshot); the file begins with the tick of that snapshot. Rejects with RECORD_NO_SNAPSHOT,
   * RECORD_STATE, EPISODE_EXISTS, EPISODE_BAD_ID.
   */
  async start(start: StartOptions, requestSnapshot: () => void): Promise<{ readonly firstTick: number }> {
    return (await this.#ask({ type: 'start', start }, requestSnapshot)) as { firstTick: number };
  }

  /** Ends the episode; the file stays open for its label. Rejects with RECORD_STATE. */
  async stop(): Promise<RecorderProgress> {
    return (await this.#ask({ type: 'stop' })) as RecorderProgress;
  }

  /** Closes the file. Rejects with RECORD_STATE. */
  async label(label: EpisodeLabel, cause: string): Promise<EpisodeSummary> {
    return (await this.#ask({ type: 'label', label, cause })) as EpisodeSummary;
  }

  /** Closes the file and moves it to the trash. Rejects with RECORD_STATE. */
  async discard(): Promise<EpisodeSummary> {
    return (await this.#ask({ type: 'discard' })) as EpisodeSummary;
  }

  /** Puts a line on /events; without a running episode nothing happens. `time`: monotonic seconds, default now. */
  event(level: LogLevel, name: string, text: string, time?: number): void {
    this.#post({ type: 'event', level, name, text, time });
  }

  /** The scene has a new look: the next episodes keep it. */
  restyle(scene: SceneDescription): void {
    this.#post({ type: 'restyle', scene });
  }

  /** Closes what is open (a running episode is kept, unlabelled) and ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#gone === null) await this.#ask({ type: 'shutdown' }).catch(() => {});
    await this.#worker.terminate();
  }

  #ask(command: RecorderCommand, ready: (() => void) | null = null): Promise<unknown> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    const call = ++this.#call;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject, ready });
      this.#post({ ...command, call });
    });
  }

  #post(message: ToRecorder): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromRecorder): void {
    switch (message.type) {
      case 'ready':
        this.#calls.get(message.call)?.ready?.();
        return;
      case 'done':
        this.#calls.get(message.call)?.resolve(message.value);
        this.#calls.delete(message.call);
        return;
      case 'error':
        this.#calls.get(message.call)?.reject(revive(message.error));
        this.#calls.delete(message.call);
        return;
      case 'failed':
        this.onFailure?.(revive(message.error));
        return;
      case 'progress':
        this.#progress = message.progress;
        this.onProgress?.(message.progress);
        return;
      case 'open':
      case 'repairing':
        return;
      default:
        message satisfies never;
    }
  }

  #lost(error: Error): void {
    if (this.#gone !== null) return;
    this.#gone = new ArmloopError('RECORD_FAILED', { reason: error.message }, { cause: error });
    for (const call of this.#calls.values()) call.reject(this.#gone);
    this.#calls.clear();
    if (!this.#closing) this.onFailure?.(this.#gone);
  }
}

function revive(error: ThreadError): Error {
  if (!(error.code in ERRORS)) return new Error(error.message);
  return new ArmloopError(error.code as ErrorCode, error.details as never);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
