/**
 * Schema of a training recipe, with the default of every optional value: what it says of one value alone. Rules that
 * relate values are in recipe.ts. docs/train.md lists it; a test keeps the two equal.
 */
import Type, { type TSchema } from 'typebox';

/** Unknown keys are refused, with a did-you-mean. */
const closed = { additionalProperties: false } as const;
const section = (description: string) => ({ additionalProperties: false, default: {}, description }) as const;

const positive = (value: number, description: string) =>
  Type.Number({ exclusiveMinimum: 0, default: value, description });
const notNegative = (value: number, description: string) =>
  Type.Number({ minimum: 0, default: value, description });
const share = (value: number, description: string) =>
  Type.Number({ minimum: 0, exclusiveMaximum: 1, default: value, description });
const count = (value: number, description: string) =>
  Type.Integer({ minimum: 1, default: value, description });
const countOrNone = (value: number, description: string) =>
  Type.Integer({ minimum: 0, default: value, description });
/** Names become tensor names and file names. */
const name = (description: string) => Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$', description });

const normaliser = (value: string, description: string) =>
  Type.Enum(['none', 'mean-std', 'min-max', 'quantile'], { default: value, description });

const feature = Type.Object(
  {
    field: Type.String({ description: 'A field of the Tick by its layout name, such as in.q.' }),
    encode: Type.Enum(['raw', 'pose9'], {
      default: 'raw',
      description:
        'raw: the values as they are. pose9: a pose as position and the first two columns of its rotation matrix.',
    }),
    axes: Type.Optional(
      Type.Array(Type.Integer({ minimum: 0 }), {
        minItems: 1,
        description: 'Components of the field that are used; all when left out.',
      }),
    ),
  },
  closed,
);

const data = Type.Object(
  {
    episodes: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description: 'Ids of the episodes. Left out: every episode that fits the entries below.',
      }),
    ),
    task: Type.String({ default: '', description: 'Only episodes whose task text contains these words.' }),
    label: Type.Enum(['success', 'failure', 'unlabelled', 'any'], {
      default: 'success',
      description: 'Only episodes with this label.',
    }),
    clean: Type.Boolean({ default: false, description: 'Only episodes that passed the quality gate.' }),
    robot: Type.Optional(
      Type.String({
        description: 'Only episodes of the rig with this id. Several rigs in one run are refused.',
      }),
    ),
    operator: Type.Optional(Type.String({ description: 'Only episodes of this operator.' })),
    limit: Type.Optional(
      Type.Integer({ minimum: 2, description: 'The first so many of them, oldest first.' }),
    ),
    sources: Type.Array(Type.Enum(['human', 'policy', 'mpc', 'replay', 'script']), {
      minItems: 1,
      default: ['human', 'script'],
      description: 'Only spans that one of these drove.',
    }),
    idle: Type.Enum(['keep', 'drop'], {
      default: 'keep',
      description: 'drop: no sample is observed in a span where the command does not move.',
    }),
    phases: count(1, 'Sample times per step of observation.rateHz: more samples, same spacing within each.'),
    validation: share(0.1, 'Share of the episodes that is held out; 0 trains on all and measures nothing.'),
    splitSeed: Type.Integer({ minimum: 0, default: 0, description: 'Draws which episodes are held out.' }),
  },
  section('What is learnt from.'),
);

const observation = Type.Object(
  {
    rateHz: positive(10, 'Spacing of the observation history and of the action steps, Hz.'),
    steps: count(1, 'Observations that the policy sees, oldest first.'),
    states: Type.Array(
      Type.Object(
        {
          name: name('Name of the input.'),
          features: Type.Array(feature, { minItems: 1, description: 'What it holds, in order.' }),
          normaliser: normaliser('mean-std', 'Fitted on the training episodes only.'),
        },
        closed,
      ),
      { default: [], description: 'Inputs of numbers.' },
    ),
    images: Type.Array(
      Type.Object(
        {
          name: name('Name of the input.'),
          camera: Type.String({ minLength: 1, description: 'Name of the camera in the robot file.' }),
          width: count(96, 'Pixels, after the crop to this aspect.'),
          height: count(96, 'Pixels, after the crop to this aspect.'),
        },
        closed,
      ),
      { default: [], description: 'Inputs of camera frames.' },
    ),
    condition: Type.Optional(
      Type.Object(
        {
          kind: Type.Enum(['tasks', 'goal'], {
            description: 'tasks: which of a list of task texts. goal: features at the end of the span.',
          }),
          name: name('Name of the input.'),
          tasks: Type.Optional(Type.Array(Type.String(), { minItems: 1, description: 'Of kind tasks.' })),
          features: Type.Optional(Type.Array(feature, { minItems: 1, description: 'Of kind goal.' })),
        },
        { ...closed, description: 'What is asked of the policy, when it can do several things.' },
      ),
    ),
    maxAgeMs: positive(
      300,
      'An input older than this at the observation is refused, in training and on the arm, ms.',
    ),
  },
  section('What the policy sees.'),
);

const action = Type.Object(
  {
    space: Type.Enum(['joint', 'tool'], {
      default: 'joint',
      description: 'joint: positions of all axes. tool: pose of the tool and opening of the gripper.',
    }),
    reference: Type.Enum(['absolute', 'observed', 'level'], {
      default: 'absolute',
      description:
        'observed: relative to the measured joints or tool pose of the observation. level: for the tool, relative to its place and heading, with z up: a lean does not add up.',
    }),
    horizon: count(16, 'Steps of an action chunk.'),
    first: countOrNone(1, 'Step 0 is wanted this many steps after the observation.'),
    normaliser: normaliser('min-max', 'Fitted on the training episodes only.'),
  },
  section('What the policy gives.'),
);

const optimiser = Type.Object(
  {
    kind: Type.Enum(['adamw', 'sgd'], {
      default: 'adamw',
      description: 'Loshchilov and Hutter 2019; or momentum.',
    }),
    learningRate: positive(1e-3, 'At the top of the schedule.'),
    schedule: Type.Enum(['constant', 'linear', 'cosine'], {
      default: 'cosine',
      description: 'How the learning rate falls from its top to its floor over the length of the training.',
    }),
    warmupSteps: countOrNone(100, 'Steps over which it rises from 0.'),
    floor: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0,
      description: 'Its end, as a share of the top.',
    }),
    beta1: share(0.9, 'adamw: decay of the mean of gradients.'),
    beta2: share(0.999, 'adamw: decay of the mean of their squares.'),
    epsilon: positive(1e-8, 'adamw: added to the root.'),
    momentum: share(0.9, 'sgd: share of the last step that goes on.'),
    weightDecay: notNegative(1e-4, 'Decoupled from the gradient; weights of rank 2 and more only.'),
    clip: notNegative(1, 'Largest global norm of the gradient; 0: any.'),
    ema: share(
      0.995,
      'Decay of the average of weights that is validated and deployed; 0: the weights themselves.',
    ),
  },
  section('How the weights move.'),
);

const augmentation = Type.Object(
  {
    shift: notNegative(0, 'Largest shift, pixels, borders repeated.'),
    crop: share(0, 'Random window of at least 1 − this of each side, scaled back up.'),
    brightness: share(0, 'Factor on all values within 1 ± this.'),
    contrast: share(0, 'Factor on the distance to mid-grey within 1 ± this.'),
    saturation: share(0, 'Factor on the distance to the grey of the pixel within 1 ± this.'),
    hueDeg: notNegative(0, 'Turn of the hue within ± this, degrees.'),
    gain: share(0, 'Factor per colour channel within 1 ± this: colour of the light.'),
    blur: notNegative(0, 'Largest standard deviation of a blur, pixels.'),
    noise: notNegative(0, 'Largest standard deviation of pixel noise, of 255.'),
    stateNoise: notNegative(0, 'Standard deviation of noise on normalised states.'),
  },
  section('Random changes of the training samples, drawn from seed, step and place in the batch; 0: none.'),
);

const training = Type.Object(
  {
    steps: count(20_000, 'Length in steps.'),
    minutes: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description:
          'Ends after this time too, and the schedule ends with it. Weights then depend on the speed of the machine.',
      }),
    ),
    batch: count(64, 'Samples of a step.'),
    validateEvery: count(500, 'Steps between looks at the held-out episodes.'),
    validationBatches: count(
      8,
      'Batches of a look, spread evenly over the held-out samples; fewer when there are fewer.',
    ),
    patience: countOrNone(0, 'Ends after so many looks in a row without a better error; 0: never.'),
    logEvery: count(10, 'Steps that one line of the curves averages.'),
    checkpointEvery: count(500, 'Steps between checkpoints.'),
    keep: count(3, 'Newest checkpoints that are kept, beside the best.'),
    weights: Type.Enum(['best', 'last'], {
      default: 'last',
      description: 'Which go into the bundle: of the smallest held-out error, or of the last step.',
    }),
    seed: Type.Integer({
      minimum: 0,
      default: 0,
      description: 'Draws weights, order, noise and augmentation.',
    }),
    threads: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Of the executor. Left out: one per core. Sums depend on it.',
      }),
    ),
    workers: count(1, 'Threads that make batches. Changes no result.'),
    provider: Type.Enum(['cpu', 'cuda', 'tfjs'], {
      default: 'cpu',
      description:
        'cpu and cuda: ONNX Runtime; cuda needs its CUDA build. tfjs: TensorFlow.js, on the fastest of its packages that is installed.',
    }),
  },
  section('Length, looks at the held-out episodes, checkpoints.'),
);

const deployment = Type.Object(
  {
    execution: Type.Enum(['synchronous', 'asynchronous', 'ensemble'], {
      default: 'asynchronous',
      description:
        'synchronous: each chunk is waited for. asynchronous: the next is computed while one runs. ensemble: all count, the oldest most.',
    }),
    every: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'A new observation every so many steps. Left out: half the horizon.',
      }),
    ),
    blendMs: notNegative(100, 'Time over which the arm goes from one chunk to the next, ms; 0: at once.'),
    ensembleDecay: notNegative(0.01, 'Weight of chunk i, counted from the oldest, is exp(−this · i).'),
    latencyMs: notNegative(
      50,
      'Declared time from observation to chunk, ms: simulated runs deliver exactly this late.',
    ),
  },
  section('How the policy drives: goes into policy.json.'),
);

export const recipeSchema = Type.Object(
  {
    name: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
      description: 'Name of the policy that comes out.',
    }),
    description: Type.String({ default: '', description: 'One line for people.' }),
    method: Type.Enum(['bc'], { default: 'bc', description: 'bc: behaviour cloning.' }),
    data,
    observation,
    action,
    model: Type.Unknown({
      default: { head: { kind: 'regression' } },
      description: 'The network, encoder and head: see below.',
    }),
    optimiser,
    augmentation,
    training,
    deployment,
  },
  closed,
) satisfies TSchema;

/** A recipe after its defaults were filled in. */
export type RecipeFile = Type.Static<typeof recipeSchema>;
