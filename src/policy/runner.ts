/**
 * Runs a policy: observation → model → actions. It knows neither clock nor thread nor arm; whoever holds it feeds it
 * ticks and frames and asks for the actions of a moment. The same in real time and in lockstep.
 */
import { ArmloopError } from '../errors.ts';
import { drawNoise, type NoiseSpec } from '../nn/noise.ts';
import type { TensorData } from '../nn/tensor.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { Bundle } from './bundle.ts';
import { fitProblems, tensorProblems } from './check.ts';
import { denormalise } from './features.ts';
import type { PolicyManifest } from './manifest.ts';
import { Observer } from './observer.ts';
import type { Request } from './request.ts';
import { openRuntime, type PolicyRuntime, type RuntimeOptions } from './runtime.ts';

export interface RunnerOptions extends RuntimeOptions {
  readonly spec: RobotSpec;
  /** Seed of the noise inputs. Default 0. */
  readonly seed?: number | undefined;
  readonly request?: Request | undefined;
}

/** Calls before the first that counts: the first ones compile, allocate and fill caches. */
const WARM_UPS = 3;

export class PolicyRunner implements AsyncDisposable {
  readonly bundle: Bundle;
  readonly manifest: PolicyManifest;
  readonly spec: RobotSpec;
  readonly observer: Observer;
  /** Denormalised actions of the newest call: horizon × size. */
  readonly actions: Float64Array;
  /** Median time of a call after the warm-up, ms; then the time of the newest call. */
  inferenceMs = Number.NaN;
  readonly #runtime: PolicyRuntime;
  readonly #noise: readonly (NoiseSpec & { readonly feed: Float32Array })[];
  #seed: number;
  #call = 0;

  private constructor(bundle: Bundle, runtime: PolicyRuntime, options: RunnerOptions) {
    const { manifest } = bundle;
    this.bundle = bundle;
    this.manifest = manifest;
    this.spec = options.spec;
    this.#runtime = runtime;
    this.#seed = options.seed ?? 0;
    this.observer = new Observer(manifest, options.spec, runtime.speaks, options.request);
    this.actions = new Float64Array(manifest.chunk.horizon * manifest.action.size);
    this.#noise = manifest.inputs.flatMap((input) => {
      if (input.kind !== 'noise' || input.distribution === 'zero') return [];
      const feed = (this.observer.feeds[input.name] as TensorData).data as Float32Array;
      return [{ name: input.name, shape: input.shape, distribution: input.distribution, feed }];
    });
  }

  /**
   * Checks the bundle against the robot, opens the model, checks that too, and warms it up. Rejects with
   * POLICY_MISMATCH (everything that does not fit), POLICY_ASKED, POLICY_OUTPUT, and what the runtime rejects with.
   */
  static async open(bundle: Bundle, options: RunnerOptions): Promise<PolicyRunner> {
    const { manifest } = bundle;
    const refuse = (problems: readonly string[]): void => {
      if (problems.length === 0) return;
      const details = { policy: manifest.name, robot: options.spec.id, problems: problems.join('; ') };
      throw new ArmloopError('POLICY_MISMATCH', details);
    };
    refuse(fitProblems(manifest, options.spec));
    const runtime = await openRuntime(bundle, options);
    try {
      if (runtime.declared !== null) refuse(tensorProblems(manifest, runtime.declared));
      const runner = new PolicyRunner(bundle, runtime, options);
      await runner.#warmUp();
      return runner;
    } catch (error) {
      await runtime[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A new run: noise is drawn for call 0, 1, … of that seed again. */
  begin(seed = this.#seed): void {
    this.#seed = seed;
    this.#call = 0;
  }

  /**
   * The actions for the observation of `time`; `since`: when the run began (both rig clock, s). Returns '' with
   * `actions` filled, or why there are none, in words. Rejects with POLICY_RUNTIME, POLICY_REMOTE, POLICY_OUTPUT.
   */
  async infer(time: number, since: number): Promise<string> {
    await this.observer.settled();
    const problem = this.observer.observe(time, since);
    if (problem !== '') return problem;
    await this.#run();
    return '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runtime[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    for (const noise of this.#noise) {
      noise.feed.set(drawNoise(noise, this.#seed, this.#call).data as Float32Array);
    }
    this.#call++;
    const begin = performance.now();
    const raw = await this.#runtime.run(this.observer.feeds);
    this.inferenceMs = performance.now() - begin;
    const { actions, manifest } = this;
    if (raw.length !== actions.length) {
      this.#refuse(`${raw.length} values, but horizon × size is ${actions.length}`);
    }
    for (let i = 0; i < actions.length; i++) {
      actions[i] = raw[i]!;
      if (!Number.isFinite(raw[i]!)) this.#refuse(`${raw[i]} as value ${i}`);
    }
    denormalise(manifest.action.normaliser, actions, 0, actions.length);
  }

  #refuse(what: string): never {
    throw new ArmloopError('POLICY_OUTPUT', { policy: this.manifest.name, what });
  }

  async #warmUp(): Promise<void> {
    const times: number[] = [];
    for (let i = 0; i < WARM_UPS; i++) {
      await this.#run();
      times.push(this.inferenceMs);
    }
    this.inferenceMs = times.sort((a, b) => a - b)[WARM_UPS >> 1]!;
    this.begin();
  }
}
