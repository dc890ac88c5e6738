/**
 * Training as one ONNX graph: forward pass, gradients, clipping, optimiser and moving average. Each run is one step. Parameters and
 * moments lie in two sets of memory that take turns: a step reads one and writes the other, so nothing is copied, and a step that
 * diverges leaves the last good state.
 */
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import { ArmloopError } from '../errors.ts';
import { channelBlock } from './executors/channel-block.ts';
import { openStepExecutor, type Provider, type StepExecutor } from './executors/open.ts';
import { ortTensor } from './executors/ort.ts';
import { gradients } from './gradients.ts';
import { Graph } from './graph.ts';
import { initialValues } from './init.ts';
import { drawNoise, type NoiseSpec } from './noise.ts';
import { TRAINING_LOWERINGS } from './onnx/training.ts';
import { concat, reshape } from './ops.ts';
import {
  clipByNorm,
  globalNorm,
  movingAverage,
  type Optimizer,
  type OptimizerOptions,
  optimizer,
  type VectorScales,
} from './optimizers.ts';
import type { Schedule } from './schedules.ts';
import { sizeOf, type Tensor, type TensorData } from './tensor.ts';
import type { TrainState } from './train-state.ts';
import { valuesOf } from './values.ts';

export interface TrainOptions {
  /** Draws the first parameters, and the noise of each step. */
  readonly seed: number;
  /** Threads of one operation; resuming is bit-identical only with the same number. */
  readonly threads: number;
  readonly optimizer: OptimizerOptions;
  /** Learning rate by step. */
  readonly rate: Schedule;
  /** Longest gradient over all parameters; none unless given. */
  readonly clipNorm?: number;
  /** Keeps a moving average of the parameters, with this decay. */
  readonly average?: Schedule;
  /** Inputs that are drawn from (seed, step) instead of fed. */
  readonly noise?: readonly NoiseSpec[];
  /** First values of parameters, instead of their initialisers. */
  readonly parameters?: ReadonlyMap<string, Float32Array>;
  /** Factor of the learning rate by parameter; 1 unless given. */
  readonly rateScale?: (name: string) => number;
  /** Factor of the weight decay by parameter; 1 unless given. */
  readonly decayScale?: (name: string) => number;
  /** Default `cpu`. TensorFlow.js sums in another order: its steps equal those of ONNX Runtime to rounding. */
  readonly provider?: Provider;
  /** Writes ONNX Runtime's profile to files that start so. */
  readonly profile?: string;
}

/** What a network is to training: a loss of one value, and other values of one number worth watching. */
export interface Objective {
  readonly loss: Tensor;
  readonly metrics?: Readonly<Record<string, Tensor>>;
}

export interface StepResult {
  readonly loss: number;
  /** Length of the gradient over all parameters, before clipping. */
  readonly gradNorm: number;
  readonly metrics: Readonly<Record<string, number>>;
}

type Feeds = Readonly<Record<string, TensorData>>;

/** One of the two sets of memory: the vectors, and ONNX Runtime's tensors over them. */
interface Memory {
  readonly vectors: Readonly<Record<string, Float32Array>>;
  readonly feeds: Readonly<Record<string, OrtTensor>>;
  readonly fetches: Readonly<Record<string, OrtTensor>>;
}

const PREFIX = 'optimizer/';

export class TrainStep implements AsyncDisposable {
  readonly #build: (g: Graph) => Objective;
  readonly #options: TrainOptions;
  readonly #graph: Graph;
  readonly #executor: StepExecutor;
  readonly #optimizer: Optimizer;
  readonly #metrics: readonly string[];
  readonly #results: Readonly<Record<string, Float32Array>>;
  readonly #resultTensors: Readonly<Record<string, OrtTensor>>;
  readonly #scalars: readonly Float32Array[];
  readonly #scalarTensors: Readonly<Record<string, OrtTensor>>;
  #now: Memory;
  #next: Memory;
  #step = 0;
  #evaluator: Promise<StepExecutor> | null = null;

  private constructor(
    build: (g: Graph) => Objective,
    options: TrainOptions,
    graph: Graph,
    executor: StepExecutor,
    metrics: readonly string[],
  ) {
    this.#build = build;
    this.#options = options;
    this.#graph = graph;
    this.#executor = executor;
    this.#optimizer = optimizer(options.optimizer);
    this.#metrics = metrics;
    const names = vectorNames(this.#optimizer, options);
    this.#now = memory(graph, names);
    this.#next = memory(graph, names);
    const results = ['loss', 'gradNorm', ...metrics.map((m) => `metric/${m}`)];
    this.#results = Object.fromEntries(results.map((name) => [name, new Float32Array(1)]));
    this.#resultTensors = tensors(this.#results, []);
    const scalars = scalarNames(this.#optimizer, options).map((name) => [name, new Float32Array(1)] as const);
    this.#scalars = scalars.map(([, v]) => v);
    this.#scalarTensors = tensors(Object.fromEntries(scalars), []);
    const first = this.#now.vectors['parameters']!;
    for (const { name, tensor, offset } of layout(graph)) {
      const { init } = graph.parameters.get(name)!;
      const given = options.parameters?.has(name) ? valuesOf(options.parameters, tensor) : null;
      first.set(given ?? initialValues(name, tensor.shape, init, options.seed), offset);
    }
    this.#now.vectors['average']?.set(first);
  }

  /**
   * @param build makes the network in a new graph, inputs and loss included. It is called again for `evaluate`.
   * @throws NN_NO_GRADIENT when the loss does not depend on one of the parameters.
   */
  static async open(build: (g: Graph) => Objective, options: TrainOptions): Promise<TrainStep> {
    const graph = new Graph();
    const { loss, metrics = {} } = build(graph);
    addStep(graph, loss, metrics, options);
    const executor = await openStepExecutor(graph, {
      threads: options.threads,
      lowerings: TRAINING_LOWERINGS,
      channelBlock: (options.provider ?? 'cpu') === 'cpu' ? await channelBlock() : 0,
      results: 'into',
      ...(options.provider === undefined ? {} : { provider: options.provider }),
      ...(options.profile === undefined ? {} : { profile: options.profile }),
    });
    return new TrainStep(build, options, graph, executor, Object.keys(metrics));
  }

  /** Steps done. */
  get step(): number {
    return this.#step;
  }

  /** Number of trained values. */
  get size(): number {
    return this.#now.vectors['parameters']!.length;
  }

  /**
   * One step on a batch.
   * @throws NN_DIVERGED when the loss or the gradient is not finite; the state is then that before the step.
   */
  async run(feeds: Feeds): Promise<StepResult> {
    const step = this.#step;
    const rate = this.#options.rate(step);
    const values = [...this.#optimizer.scalars(step, rate)];
    if (this.#options.average !== undefined) values.push(1 - this.#options.average(step));
    values.forEach((v, i) => {
      this.#scalars[i]![0] = v;
    });
    const all = { ...this.#batch(this.#executor, feeds, step), ...this.#scalarTensors, ...this.#now.feeds };
    await this.#executor.runInto(all, { ...this.#resultTensors, ...this.#next.fetches });
    const loss = this.#results['loss']![0]!;
    const gradNorm = this.#results['gradNorm']![0]!;
    for (const [what, value] of [
      ['loss', loss],
      ['length of the gradient', gradNorm],
    ] as const) {
      if (!Number.isFinite(value)) throw new ArmloopError('NN_DIVERGED', { what, step, value });
    }
    [this.#now, this.#next] = [this.#next, this.#now];
    this.#step++;
    const metrics = this.#metrics.map((m) => [m, this.#results[`metric/${m}`]![0]!] as const);
    return { loss, gradNorm, metrics: Object.fromEntries(metrics) };
  }

  /**
   * Loss and metrics of a batch, without learning from it.
   * @param weights of the last step, or their moving average.
   * @param draw number that the noise is drawn with in place of the step: a fixed one makes evaluations comparable.
   */
  async evaluate(
    feeds: Feeds,
    weights: 'parameters' | 'average',
    draw: number,
  ): Promise<Omit<StepResult, 'gradNorm'>> {
    const vector = this.#now.vectors[weights];
    if (vector === undefined) throw new ArmloopError('NN_STATE', { reason: 'no moving average is kept' });
    this.#evaluator ??= this.#openEvaluator();
    const executor = await this.#evaluator;
    const parameters = layout(this.#graph).map(({ name, tensor, offset, size }) => {
      return [name, { data: vector.subarray(offset, offset + size), shape: tensor.shape }] as const;
    });
    const noise = (this.#options.noise ?? []).map(
      (n) => [n.name, drawNoise(n, this.#options.seed, draw)] as const,
    );
    const results = await executor.run({
      ...feeds,
      ...Object.fromEntries(noise),
      ...Object.fromEntries(parameters),
    });
    const value = (name: string): number => (results[name]!.data as Float32Array)[0]!;
    const metrics = this.#metrics.map((m) => [m, value(`metric/${m}`)] as const);
    return { loss: value('loss'), metrics: Object.fromEntries(metrics) };
  }

  /** Copies of the parameters by name. */
  parameters(): Map<string, Float32Array> {
    return this.#named(this.#now.vectors['parameters']!);
  }

  /** Copies of the moving average by name. */
  ema(): Map<string, Float32Array> {
    const average = this.#now.vectors['average'];
    if (average === undefined) throw new ArmloopError('NN_STATE', { reason: 'no moving average is kept' });
    return this.#named(average);
  }

  /** A copy of all that the next steps depend on. */
  state(): TrainState {
    const vectors = Object.entries(this.#now.vectors).map(([name, v]) => [name, v.slice()] as const);
    const list = layout(this.#graph).map(({ name, tensor }) => ({ name, shape: tensor.shape }));
    return { step: this.#step, layout: list, vectors: Object.fromEntries(vectors) };
  }

  /** Goes on from a state: the steps that follow are bit-identical to those that followed it, on one machine. */
  restore(state: TrainState): void {
    const text = (list: TrainState['layout']): string => JSON.stringify(list.map((p) => [p.name, p.shape]));
    const own = this.state();
    if (text(state.layout) !== text(own.layout)) {
      throw new ArmloopError('NN_STATE', { reason: 'it holds other parameters' });
    }
    for (const name of new Set([...Object.keys(own.vectors), ...Object.keys(state.vectors)])) {
      const [from, to] = [state.vectors[name], this.#now.vectors[name]];
      if (from === undefined || to === undefined || from.length !== to.length) {
        throw new ArmloopError('NN_STATE', {
          reason: `its vector ${name} is missing here or there, or of another length`,
        });
      }
    }
    for (const [name, v] of Object.entries(state.vectors)) this.#now.vectors[name]!.set(v);
    this.#step = state.step;
  }

  /** Ends a profile that was asked for. */
  endProfile(): void {
    this.#executor.endProfile();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#executor[Symbol.asyncDispose]();
    if (this.#evaluator !== null) await (await this.#evaluator)[Symbol.asyncDispose]();
  }

  /** The fed inputs and the noise of a step, checked. */
  #batch(executor: StepExecutor, feeds: Feeds, step: number): Record<string, OrtTensor> {
    const out: Record<string, OrtTensor> = {};
    const noise = new Map((this.#options.noise ?? []).map((n) => [n.name, n]));
    const own = new Set([...Object.keys(this.#now.feeds), ...Object.keys(this.#scalarTensors)]);
    for (const [name, value] of Object.entries(feeds)) out[name] = executor.fed(name, value);
    for (const { name } of executor.inputs) {
      if (own.has(name) || out[name] !== undefined) continue;
      const spec = noise.get(name);
      out[name] = executor.fed(
        name,
        spec === undefined ? undefined : drawNoise(spec, this.#options.seed, step),
      );
    }
    return out;
  }

  #openEvaluator(): Promise<StepExecutor> {
    const graph = new Graph();
    const { loss, metrics = {} } = this.#build(graph);
    addResults(graph, loss, metrics);
    const { threads, provider } = this.#options;
    return openStepExecutor(graph, {
      threads,
      ...(provider === undefined ? {} : { provider }),
    });
  }

  #named(vector: Float32Array): Map<string, Float32Array> {
    return new Map(layout(this.#graph).map((p) => [p.name, vector.slice(p.offset, p.offset + p.size)]));
  }
}

function addResults(graph: Graph, loss: Tensor, metrics: Readonly<Record<string, Tensor>>): void {
  graph.output('loss', reshape(loss, []));
  for (const [name, t] of Object.entries(metrics)) graph.output(`metric/${name}`, reshape(t, []));
}

/** Gradients, clipping, optimiser and moving average behind a loss. */
function addStep(
  graph: Graph,
  loss: Tensor,
  metrics: Readonly<Record<string, Tensor>>,
  options: TrainOptions,
): void {
  const method = optimizer(options.optimizer);
  const list = layout(graph);
  const size = list.reduce((n, p) => n + p.size, 0);
  const found = gradients(
    loss,
    list.map((p) => p.tensor),
  );
  addResults(graph, loss, metrics);
  graph.scope('optimizer', () => {
    const flat = found.map((g) => reshape(g, [sizeOf(g.shape)]));
    let gradient = concat(flat, 0);
    const norm = globalNorm(gradient);
    if (options.clipNorm !== undefined) gradient = clipByNorm(gradient, norm, options.clipNorm);
    const vectors = new Map(vectorNames(method, options).map((n) => [n, graph.input(PREFIX + n, [size])]));
    const scalars = scalarNames(method, options).map((n) => graph.input(n, []));
    const p = vectors.get('parameters')!;
    const scales: VectorScales = {
      rate: scaleVector(list, size, options.rateScale),
      decay: scaleVector(list, size, options.decayScale),
    };
    const moments = method.moments.map((n) => vectors.get(n)!);
    const next = method.update(p, gradient, moments, scalars.slice(0, method.scalarNames.length), scales);
    graph.output('gradNorm', norm);
    graph.output(`${PREFIX}parameters'`, next.parameters);
    method.moments.forEach((n, i) => {
      graph.output(`${PREFIX}${n}'`, next.moments[i]!);
    });
    const average = vectors.get('average');
    if (average !== undefined) {
      graph.output(`${PREFIX}average'`, movingAverage(average, next.parameters, scalars.at(-1)!));
    }
  });
}

interface Place {
  readonly name: string;
  readonly tensor: Tensor;
  readonly offset: number;
  readonly size: number;
}

/** Where each parameter lies in the vectors. */
function layout(graph: Graph): Place[] {
  let offset = 0;
  return [...graph.parameters].map(([name, { tensor }]) => {
    const place = { name, tensor, offset, size: sizeOf(tensor.shape) };
    offset += place.size;
    return place;
  });
}

const vectorNames = (method: Optimizer, options: TrainOptions): string[] => [
  'parameters',
  ...method.moments,
  ...(options.average === undefined ? [] : ['average']),
];

const scalarNames = (method: Optimizer, options: TrainOptions): string[] =>
  [...method.scalarNames, ...(options.average === undefined ? [] : ['share'])].map((n) => PREFIX + n);

function scaleVector(
  list: readonly Place[],
  size: number,
  scale: ((name: string) => number) | undefined,
): Float32Array | null {
  if (scale === undefined) return null;
  const out = new Float32Array(size);
  for (const p of list) out.fill(scale(p.name), p.offset, p.offset + p.size);
  return out.every((v) => v === 1) ? null : out;
}

function memory(graph: Graph, names: readonly string[]): Memory {
  const places = layout(graph);
  const size = places.reduce((n, p) => n + p.size, 0);
  const vectors = Object.fromEntries(names.map((name) => [name, new Float32Array(size)]));
  const whole = tensors(vectors, [size]);
  const named = (mark: string): Record<string, OrtTensor> =>
    Object.fromEntries(Object.entries(whole).map(([name, t]) => [`${PREFIX}${name}${mark}`, t]));
  const parameters = places.map((p) => {
    const part = vectors['parameters']!.subarray(p.offset, p.offset + p.size);
    return [p.name, ortTensor('float32', part, p.tensor.shape)] as const;
  });
  return { vectors, feeds: { ...named(''), ...Object.fromEntries(parameters) }, fetches: named("'") };
}

const tensors = (
  data: Readonly<Record<string, Float32Array>>,
  shape: readonly number[],
): Record<string, OrtTensor> =>
  Object.fromEntries(Object.entries(data).map(([name, v]) => [name, ortTensor('float32', v, shape)]));
