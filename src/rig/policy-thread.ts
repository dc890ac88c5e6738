/**
 * Policies as the rig holds them: a thread that is started with the first policy, one policy at a time in it, and what
 * the session and the live stream want to know of it.
 */
import { Worker } from 'node:worker_threads';
import { ArmloopError, ERRORS, type ErrorCode } from '../errors.ts';
import { type ChannelBuffer, LatestView, latest } from '../loop/channel.ts';
import { type BundleSummary, findBundle, listBundles, loadBundle } from '../policy/bundle.ts';
import { fitProblems } from '../policy/check.ts';
import type { Request } from '../policy/observer.ts';
import { underrunLimit } from '../policy/pilot.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { PolicyListing } from '../server/protocol.ts';
import type { LoadedPolicy } from '../session/host.ts';
import {
  type FromPolicyWorker,
  type PolicyWorkerData,
  policyStatusLayout,
  type ToPolicyWorker,
} from './policy-messages.ts';

export interface PolicyThreadOptions {
  readonly spec: RobotSpec;
  /** Folders of bundles, in order. */
  readonly places: readonly string[];
  readonly ticks: ChannelBuffer;
  readonly chunks: ChannelBuffer;
  readonly frames: readonly ChannelBuffer[];
  /** Threads of one inference. */
  readonly threads?: number;
}

/** How the policy does, numbers as in policyStatusLayout. */
export interface PolicyNumbers {
  readonly chunks: number;
  readonly refused: number;
  readonly underruns: number;
  readonly inferenceMs: number;
  readonly observedAt: number;
}

/** A message to the thread, but for its number. */
type Order =
  | { readonly type: 'load'; readonly folder: string; readonly request: Request }
  | { readonly type: 'unload' };

const PATIENCE_MS = 3000;
const NOTHING: PolicyNumbers = {
  chunks: 0,
  refused: 0,
  underruns: 0,
  inferenceMs: Number.NaN,
  observedAt: Number.NaN,
};

export class PolicyThread implements AsyncDisposable {
  readonly #options: PolicyThreadOptions;
  readonly #status = latest(policyStatusLayout.size);
  readonly #view = new LatestView(this.#status);
  readonly #pending = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  #worker: Worker | null = null;
  #opening: Promise<Worker> | null = null;
  #closing = false;
  #id = 0;
  #loaded: LoadedPolicy | null = null;
  #fresh = false;
  /** Why there is no chunk, when that changes. */
  onProblem: ((text: string) => void) | null = null;
  /** The thread is lost; the loop stops for want of rows, and the rig goes on without policies until the next load. */
  onFailure: ((error: ArmloopError) => void) | null = null;

  constructor(options: PolicyThreadOptions) {
    this.#options = options;
  }

  get loaded(): LoadedPolicy | null {
    return this.#loaded;
  }

  get numbers(): PolicyNumbers {
    if (this.#view.take()) this.#fresh = true;
    if (this.#loaded === null || !this.#fresh) return NOTHING;
    const [chunks, refused, underruns, inferenceMs, observedAt] = this.#view.block;
    return {
      chunks: chunks!,
      refused: refused!,
      underruns: underruns!,
      inferenceMs: inferenceMs!,
      observedAt: observedAt!,
    };
  }

  list(): PolicyListing[] {
    return listBundles(this.#options.places).map((b) => this.#listing(b));
  }

  /** Loads a policy by name instead of the one before: checked, opened, warmed up. Rejects with POLICY_*. */
  async load(name: string, request: Request): Promise<LoadedPolicy> {
    this.#loaded = null;
    this.#fresh = false;
    const folder = findBundle(name, this.#options.places);
    const { manifest, sha256 } = loadBundle(folder);
    await this.#ask({ type: 'load', folder, request });
    this.#loaded = { name, sha256, task: request.task ?? '', limitS: underrunLimit(manifest) };
    return this.#loaded;
  }

  /** Lets go of the policy. */
  async unload(): Promise<void> {
    this.#loaded = null;
    this.#fresh = false;
    if (this.#worker !== null) await this.#ask({ type: 'unload' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    const worker = this.#worker;
    if (worker === null) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ type: 'shutdown' } satisfies ToPolicyWorker);
    const timer = setTimeout(() => void worker.terminate(), PATIENCE_MS);
    await ended;
    clearTimeout(timer);
  }

  #listing({ name, manifest, problem }: BundleSummary): PolicyListing {
    const problems = manifest === null ? [problem] : fitProblems(manifest, this.#options.spec);
    return {
      name,
      description: manifest?.description ?? '',
      tasks: manifest?.tasks ?? [],
      conditions:
        manifest?.inputs.flatMap((i) => (i.kind === 'condition' && i.tasks !== undefined ? i.tasks : [])) ??
        [],
      execution: manifest?.chunk.execution ?? '',
      rateHz: manifest?.rateHz ?? 0,
      evaluation: manifest?.evaluation ?? null,
      problems,
    };
  }

  async #ask(order: Order): Promise<void> {
    const worker = await this.#open();
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      const threads = this.#options.threads ?? 1;
      worker.postMessage({ ...order, id, threads } satisfies ToPolicyWorker & { threads: number });
    });
  }

  #open(): Promise<Worker> {
    if (this.#worker !== null) return Promise.resolve(this.#worker);
    this.#opening ??= this.#start().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  #start(): Promise<Worker> {
    const { spec, ticks, chunks, frames } = this.#options;
    const data: PolicyWorkerData = { spec, ticks, chunks, frames, status: this.#status };
    const worker = new Worker(new URL('./policy-worker.js', import.meta.url), {
      workerData: data,
      name: 'policy',
    });
    return new Promise((resolve, reject) => {
      const lost = (reason: string): void => {
        const error = new ArmloopError('RIG_THREAD_DIED', { thread: 'policy', reason });
        reject(error);
        this.#lost(worker, error);
      };
      worker.on('message', (message: FromPolicyWorker) => {
        if (message.type === 'open') {
          this.#worker = worker;
          resolve(worker);
        } else this.#told(message);
      });
      worker.on('error', (error) => lost(error.message));
      worker.on('exit', (code) => lost(`it ended with code ${code}`));
    });
  }

  #told(message: Exclude<FromPolicyWorker, { type: 'open' }>): void {
    if (message.type === 'problem') {
      this.onProblem?.(message.text);
      return;
    }
    const waiting = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.type === 'done') waiting?.resolve();
    else waiting?.reject(revive(message.code, message.details));
  }

  #lost(worker: Worker, error: ArmloopError): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#loaded = null;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    if (!this.#closing) this.onFailure?.(error);
  }
}

/** An error that crossed from the thread, by its code and details. */
function revive(code: string, details: unknown): Error {
  if (!(code in ERRORS)) return new Error(code);
  return new ArmloopError(code as ErrorCode, details as never);
}
