/**
 * Policies as the rig holds them: a thread that is started with the first policy, one policy at a time in it, and what
 * the session and the live stream want to know of it.
 */
import type { ArmloopError } from '../errors.ts';
import { type ChannelBuffer, LatestView, latest } from '../loop/channel.ts';
import { type BundleSummary, findBundle, listBundles, loadBundle } from '../policy/bundle.ts';
import { fitProblems } from '../policy/check.ts';
import { underrunLimit } from '../policy/pilot.ts';
import { conditionTasks, goalFeatures, type Request } from '../policy/request.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { PolicyListing } from '../server/protocol.ts';
import type { LoadedPolicy } from '../session/host.ts';
import { OrderThread } from './order-thread.ts';
import { type PolicyOrder, type PolicyWorkerData, policyStatusLayout } from './policy-messages.ts';

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
  readonly #thread: OrderThread<PolicyOrder, void, string>;
  #loaded: LoadedPolicy | null = null;
  #fresh = false;
  /** Why there is no chunk, when that changes. */
  onProblem: ((text: string) => void) | null = null;
  /** The thread is lost; the loop stops for want of rows, and the rig goes on without policies until the next load. */
  onFailure: ((error: ArmloopError) => void) | null = null;

  constructor(options: PolicyThreadOptions) {
    this.#options = options;
    const { spec, ticks, chunks, frames } = options;
    const data: PolicyWorkerData = { spec, ticks, chunks, frames, status: this.#status };
    this.#thread = new OrderThread({
      name: 'policy',
      module: new URL('./policy-worker.js', import.meta.url),
      workerData: data,
      said: (problem) => this.onProblem?.(problem),
      ended: (error) => {
        this.#loaded = null;
        if (!this.#thread.closing) this.onFailure?.(error);
      },
    });
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
    await this.#thread.ask({ type: 'load', folder, request, threads: this.#options.threads ?? 1 });
    this.#loaded = { name, sha256, task: request.task ?? '', limitS: underrunLimit(manifest) };
    return this.#loaded;
  }

  /** Lets go of the policy. */
  async unload(): Promise<void> {
    this.#loaded = null;
    this.#fresh = false;
    if (this.#thread.open) await this.#thread.ask({ type: 'unload' });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#thread[Symbol.asyncDispose]();
  }

  #listing({ name, manifest, problem }: BundleSummary): PolicyListing {
    const problems = manifest === null ? [problem] : fitProblems(manifest, this.#options.spec);
    return {
      name,
      description: manifest?.description ?? '',
      tasks: manifest?.tasks ?? [],
      conditions: manifest === null ? [] : conditionTasks(manifest),
      goal: manifest === null ? null : (goalFeatures(manifest)?.map((f) => f.field) ?? null),
      execution: manifest?.chunk.execution ?? '',
      rateHz: manifest?.rateHz ?? 0,
      evaluation: manifest?.evaluation ?? null,
      problems,
    };
  }
}
