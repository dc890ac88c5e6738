/**
 * Behaviour cloning: learns to do what was demonstrated.
 *
 *   max over θ of E_{(o, a*) ~ D} [ log π_θ(a* | o) ]
 *
 * o: what was observed, S steps of states and images. a*: the chunk of the H actions that followed, as the guard let
 * them through, [H, A]. D: the training episodes. π_θ: a network that gives a distribution over chunks; what its
 * log-likelihood is, or the bound on it or the surrogate for it that is maximised, is told by its head
 * (src/nn/heads, docs/methods/heads.md).
 *
 * Arguments are the recipe's: `training` (length, batch, looks), `optimiser`, `augmentation`. Logged, see metrics.ts:
 *   loss            −log π or what stands for it, mean over the steps since the last line; gradNorm before clipping
 *   validation      the same on held-out episodes, and the mean error of the chunk that the policy would have given,
 *                   in the units of the axes; both with the averaged weights θ̄ ← d θ̄ + (1 − d) θ, which are deployed
 *   waitedMs        per step, for the next batch: above some ms the data path holds up the training
 */
import type { Graph } from '../nn/graph.ts';
import { buildPolicyNet } from '../nn/networks/policy.ts';
import type { OptimizerOptions } from '../nn/optimizers.ts';
import { type Objective, TrainStep } from '../nn/train-step.ts';
import type { Checkpoint, TrainState } from './checkpoint.ts';
import type { BatchSource, LoaderOptions, TrainingData } from './data/batch.ts';
import { FRESH, look, shouldStop } from './early-stopping.ts';
import { buildLoss } from './graphs.ts';
import type { MetricsLine } from './metrics.ts';
import { policyShapes } from './policy-shapes.ts';
import type { Recipe } from './recipe.ts';
import { learningRate } from './schedule.ts';
import { Validator } from './validator.ts';
import { Window } from './window.ts';

export interface Cloning {
  readonly recipe: Recipe;
  readonly data: TrainingData;
  readonly openLoader: (options: LoaderOptions) => Promise<BatchSource>;
  /** Where to go on; null begins. */
  readonly from: Checkpoint | null;
  /** Asked before each step: why to stop now, null to go on. A stopped training can go on later. */
  readonly stop: () => string | null;
  readonly log: (line: MetricsLine) => void;
  /** Called every checkpointEvery steps, when a look was the best, and at the end. */
  readonly save: (checkpoint: Checkpoint) => void;
  /** Monotonic, s. */
  readonly clock: () => number;
}

export interface Cloned {
  readonly ended: 'finished' | 'stopped';
  /** Why, in words. */
  readonly reason: string;
  readonly state: TrainState;
}

/** Trains until the recipe or `stop` ends it. Same recipe, data and threads: same weights, however often it stopped. */
export async function cloneBehaviour(o: Cloning): Promise<Cloned> {
  const { recipe, data } = o;
  const { training, optimiser } = recipe;
  const { batch, seed, threads, provider } = training;

  // Begin, or go on where a checkpoint stood: vectors and counts from it, all else is a function of (seed, step).
  const fresh = { step: 0, elapsed: 0, stopping: FRESH };
  let state: TrainState = { ...(o.from?.state ?? fresh), seed, threads, provider };
  const budget = (training.minutes ?? Number.POSITIVE_INFINITY) * 60;

  // The network, its loss, the gradient and the step of the optimiser: one graph.
  const net = buildPolicyNet(recipe.model, policyShapes(data));
  const ranks = new Map<string, number>();
  const build = (g: Graph): Objective => {
    const objective = buildLoss(g, net, batch);
    for (const [name, { tensor }] of g.parameters) ranks.set(name, tensor.shape.length);
    return objective;
  };
  await using step = await TrainStep.open(build, {
    seed,
    threads,
    provider,
    optimizer: method(recipe),
    rate: (k) => learningRate(recipe, k, state.elapsed / budget),
    noise: net.noise(batch),
    // Biases and the scales of norms do not decay.
    decayScale: (name) => (ranks.get(name)! >= 2 ? 1 : 0),
    ...(optimiser.clip === 0 ? {} : { clipNorm: optimiser.clip }),
    // The decay grows to its value, or early averages would be of the drawn weights (num_updates of TensorFlow's
    // ExponentialMovingAverage).
    ...(optimiser.ema === 0 ? {} : { average: (k: number) => Math.min(optimiser.ema, (1 + k) / (10 + k)) }),
  });
  const weights = optimiser.ema === 0 ? 'parameters' : 'average';
  if (o.from !== null) step.restore(o.from.engine);
  const checkpoint = (): Checkpoint => ({ state, engine: step.state() });

  await using batches = await o.openLoader({
    set: 'train',
    batch,
    seed,
    start: state.step,
    workers: training.workers,
    augmentation: recipe.augmentation,
  });
  await using validator = await Validator.open(net, o);

  const began = o.clock() - state.elapsed;
  const window = new Window(o.clock);
  let saved = state.step;
  for (;;) {
    const k = state.step;
    const over = ending(recipe, state, budget);
    const stopped = over === null ? o.stop() : null;
    const reason = over ?? stopped;
    if (reason !== null) {
      if (window.steps > 0) o.log({ step: k, time: state.elapsed, ...window.take(batch) });
      if (k > saved) o.save(checkpoint());
      return { ended: stopped === null ? 'finished' : 'stopped', reason, state };
    }

    // One step of the optimiser on the next batch.
    const asked = o.clock();
    const { feeds } = await batches.next();
    const waited = o.clock() - asked;
    const lr = learningRate(recipe, k, state.elapsed / budget);
    const made = await step.run(feeds);
    state = { ...state, step: k + 1, elapsed: o.clock() - began };
    window.add({ ...made, lr, waited });

    // Now and then: a line of the curves, a look at the held-out episodes, a checkpoint.
    const done = state.step;
    if (done % training.logEvery === 0) o.log({ step: done, time: state.elapsed, ...window.take(batch) });
    if (
      validator !== null &&
      (done % training.validateEvery === 0 || ending(recipe, state, budget) !== null)
    ) {
      const looked = o.clock();
      const validation = await validator.look(step, weights);
      window.pause(o.clock() - looked);
      state = { ...state, stopping: look(state.stopping, done, validation.loss), elapsed: o.clock() - began };
      o.log({ step: done, time: state.elapsed, validation });
    }
    const improved = state.stopping.best?.step === done;
    if (improved || done % training.checkpointEvery === 0) {
      o.save(checkpoint());
      saved = done;
    }
  }
}

/** Why the recipe says that the training is over; null when it is not. */
function ending(
  { training }: Recipe,
  { step, elapsed, stopping }: TrainState,
  budget: number,
): string | null {
  if (step >= training.steps) return `all ${training.steps} steps are done`;
  if (elapsed >= budget) return `the ${training.minutes} minutes are over`;
  if (shouldStop(stopping, training.patience))
    return `${stopping.without} looks in a row were not better than that of step ${stopping.best?.step ?? 0}`;
  return null;
}

function method({ optimiser }: Recipe): OptimizerOptions {
  const { kind, beta1, beta2, epsilon, momentum, weightDecay } = optimiser;
  return kind === 'adamw' ? { kind, beta1, beta2, epsilon, weightDecay } : { kind, momentum, weightDecay };
}
