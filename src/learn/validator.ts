/** Looks at the held-out episodes: loss, and how far the chunks that the policy gives are from the demonstrated ones. */
import { openStepExecutor, type Provider, type StepExecutor } from '../nn/executors/open.ts';
import type { Graph } from '../nn/graph.ts';
import type { PolicyNet } from '../nn/networks/policy.ts';
import { drawNoise, type NoiseSpec } from '../nn/noise.ts';
import type { TensorData } from '../nn/tensor.ts';
import type { TrainStep } from '../nn/train-step.ts';
import type { ActionOutput } from '../policy/manifest.ts';
import type { BatchSource, LoaderOptions, TrainingData } from './data/batch.ts';
import { ACTION, actGraph } from './graphs.ts';
import type { Validation } from './metrics.ts';
import type { Recipe } from './recipe.ts';

export interface Looking {
  readonly recipe: Recipe;
  readonly data: TrainingData;
  readonly openLoader: (options: LoaderOptions) => Promise<BatchSource>;
}

export class Validator implements AsyncDisposable {
  readonly #action: ActionOutput;
  readonly #seed: number;
  readonly #source: BatchSource;
  readonly #actor: Actor;

  private constructor(action: ActionOutput, seed: number, source: BatchSource, actor: Actor) {
    this.#action = action;
    this.#seed = seed;
    this.#source = source;
    this.#actor = actor;
  }

  /** Null when no episodes are held out. */
  static async open(net: PolicyNet, { recipe, data, openLoader }: Looking): Promise<Validator | null> {
    if (data.validation.samples === 0) return null;
    const { batch, seed, validationBatches, threads, provider } = recipe.training;
    const actor = await Actor.open(net, batch, { threads, provider });
    const source = await openLoader({ set: 'validation', batch, seed, limit: validationBatches });
    return new Validator(data.action, seed, source, actor);
  }

  /**
   * One pass over the held-out samples, or over the batches of the limit. Batch i draws its noise with the number i at
   * every look, so that looks compare weights, not draws.
   */
  async look(step: TrainStep, weights: 'parameters' | 'average'): Promise<Validation> {
    const total = new Totals(this.#action);
    const parameters = weights === 'average' ? step.ema() : step.parameters();
    for (let i = 0; i < this.#source.perPass; i++) {
      const { feeds, count } = await this.#source.next();
      const { action, actionMask, ...obs } = feeds;
      const { loss, metrics } = await step.evaluate(feeds, weights, i);
      const given = await this.#actor.act(obs, { seed: this.#seed, draw: i }, parameters);
      total.add(count, { loss, ...metrics }, { given, wanted: action!, mask: actionMask! });
    }
    return total.means();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]();
    await this.#actor[Symbol.asyncDispose]();
  }
}

/** The policy as it acts, with parameters that each run is given. */
export class Actor implements AsyncDisposable {
  readonly #executor: StepExecutor;
  readonly #parameters: Graph['parameters'];
  readonly #noise: readonly NoiseSpec[];

  private constructor(executor: StepExecutor, parameters: Graph['parameters'], noise: readonly NoiseSpec[]) {
    this.#executor = executor;
    this.#parameters = parameters;
    this.#noise = noise;
  }

  static async open(
    net: PolicyNet,
    batch: number,
    options: { readonly threads: number; readonly provider: Provider },
  ): Promise<Actor> {
    const graph = actGraph(net, batch);
    const executor = await openStepExecutor(graph, options);
    // Those that acting does not need are no inputs.
    const inputs = new Set(executor.inputs.map((i) => i.name));
    const needed = new Map([...graph.parameters].filter(([name]) => inputs.has(name)));
    return new Actor(executor, needed, net.actNoise(batch));
  }

  /** [B, H, A], normalised, from observations [B, …]. */
  async act(
    obs: Readonly<Record<string, TensorData>>,
    { seed, draw }: { readonly seed: number; readonly draw: number },
    parameters: ReadonlyMap<string, Float32Array>,
  ): Promise<TensorData> {
    const feeds: Record<string, TensorData> = { ...obs };
    for (const spec of this.#noise) feeds[spec.name] = drawNoise(spec, seed, draw);
    for (const [name, { tensor }] of this.#parameters)
      feeds[name] = { data: parameters.get(name)!, shape: tensor.shape };
    return (await this.#executor.run(feeds))[ACTION]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#executor[Symbol.asyncDispose]();
  }
}

/** [B, H, A], [B, H, A], [B, H]. */
interface Chunks {
  readonly given: TensorData;
  readonly wanted: TensorData;
  readonly mask: TensorData;
}

/** Sums over batches. A batch counts as much as it has real actions, so that the last, shorter one does not count more. */
export class Totals {
  readonly #action: ActionOutput;
  readonly #sums = new Map<string, number>();
  /** Σ |error| in units of the axes, per component. */
  readonly #errors: Float64Array;
  #samples = 0;
  #actions = 0;

  constructor(action: ActionOutput) {
    this.#action = action;
    this.#errors = new Float64Array(action.size);
  }

  /** `values` are the loss and the metrics of the batch. */
  add(samples: number, values: Readonly<Record<string, number>>, chunks: Chunks): void {
    const [given, wanted, mask] = [chunks.given.data, chunks.wanted.data, chunks.mask.data];
    const { size, normaliser } = this.#action;
    let actions = 0;
    for (let step = 0; step < mask.length; step++) {
      if (mask[step] === 0) continue;
      actions++;
      for (let a = 0; a < size; a++) {
        const scale = normaliser.method === 'none' ? 1 : normaliser.scale[a]!;
        const difference = Number(given[step * size + a]) - Number(wanted[step * size + a]);
        this.#errors[a]! += Math.abs(difference) * scale;
      }
    }
    this.#samples += samples;
    this.#actions += actions;
    for (const [name, value] of Object.entries(values))
      this.#sums.set(name, (this.#sums.get(name) ?? 0) + value * actions);
  }

  means(): Validation {
    const means = Object.fromEntries([...this.#sums].map(([name, sum]) => [name, sum / this.#actions]));
    const { loss = Number.NaN, ...metrics } = means;
    return { loss, metrics, error: this.#error(), samples: this.#samples };
  }

  /** Mean over the components of each unit. */
  #error(): Record<string, number> {
    const { units } = this.#action;
    const error: Record<string, number> = {};
    for (const unit of new Set(units)) {
      const of = units.flatMap((u, a) => (u === unit ? [this.#errors[a]! / this.#actions] : []));
      error[unit] = of.reduce((sum, e) => sum + e, 0) / of.length;
    }
    return error;
  }
}
