/**
 * The model part of a recipe: encoder, history, condition and head, each with defaults that train in minutes on two
 * cores. `parseModel` reads it and names the field, its value and what is allowed.
 */
import Type, { type Static, type TSchema } from 'typebox';
import Value from 'typebox/value';
import { ArmloopError } from '../../errors.ts';
import { type SchemaProblem, schemaProblem, showValue } from '../../robot/schema-problem.ts';

const closed = { additionalProperties: false } as const;
const section = { additionalProperties: false, default: {} } as const;

const whole = (value: number, description: string, minimum = 1) =>
  Type.Integer({ minimum, default: value, description });
const share = (description: string) =>
  Type.Number({ minimum: 0, exclusiveMaximum: 1, default: 0, description });
const positive = (value: number, description: string) =>
  Type.Number({ exclusiveMinimum: 0, default: value, description });
const atLeastZero = (value: number, description: string) =>
  Type.Number({ minimum: 0, default: value, description });
const list = (value: readonly number[], minItems: number, description: string) =>
  Type.Array(Type.Integer({ minimum: 1 }), { minItems, default: [...value], description });

const hidden = list([256, 256], 0, 'Widths of the hidden layers.');
const dropout = share('Share of hidden values dropped while training.');
const range = positive(
  4,
  'Normalised actions beyond ± this are clipped. 1 fits a min-max normaliser, 4 mean and deviation.',
);

const imageConfig = Type.Object(
  {
    network: Type.Enum(['cnn', 'resnet'], {
      default: 'cnn',
      description: 'cnn: convolutions with group norm. resnet: residual blocks with group norm.',
    }),
    patch: whole(
      4,
      'The first layer reads squares of this many pixels, side by side; divides width and height.',
    ),
    channels: list([32, 32, 32], 1, 'Channels of the first layer and of each block after it.'),
    strides: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: 4 }), {
        description: 'Stride of each block; default 1 each.',
      }),
    ),
    groups: whole(8, 'Groups of the group norm; 0: no norm (cnn only).', 0),
    pool: Type.Enum(['spatial-softmax', 'average', 'flatten'], {
      default: 'spatial-softmax',
      description:
        'spatial-softmax: where features are. average: whether they are there. flatten: everything.',
    }),
    keypoints: whole(32, 'Feature maps that the spatial softmax locates.'),
  },
  section,
);

export const encoderConfig = Type.Object(
  {
    image: imageConfig,
    shareImages: Type.Boolean({
      default: false,
      description: 'One image network for all cameras instead of one each.',
    }),
    state: Type.Object(
      { widths: list([64], 0, 'Layers for all state inputs together; empty: as they are.') },
      section,
    ),
    condition: Type.Object(
      {
        use: Type.Enum(['concat', 'film'], {
          default: 'concat',
          description:
            'concat: beside the features. film: scales and shifts image features and the joint feature vector.',
        }),
        width: whole(32, 'Width of the embedding of a task or goal.'),
      },
      section,
    ),
    history: Type.Object(
      {
        network: Type.Enum(['stack', 'gru', 'attention'], {
          default: 'stack',
          description:
            'How observation steps become one vector: side by side, recurrent, or by self-attention.',
        }),
        width: whole(128, 'Width of gru or attention.'),
        heads: whole(4, 'Attention heads; divides the width.'),
        layers: whole(1, 'Attention layers.'),
      },
      section,
    ),
  },
  section,
);

const denoiserConfig = Type.Object(
  {
    network: Type.Enum(['unet', 'mlp'], {
      default: 'unet',
      description: 'unet: along time. mlp: the chunk as one vector.',
    }),
    timeWidth: Type.Integer({
      minimum: 2,
      multipleOf: 2,
      default: 32,
      description: 'Width of the time code; even.',
    }),
    channels: list([64, 128], 1, 'unet: channels of each level; each but the last halves the steps.'),
    kernel: Type.Enum([3, 5, 7], { default: 5, description: 'unet: steps that one convolution sees.' }),
    groups: whole(8, 'unet: groups of the group norm.'),
    widths: list([256, 256], 1, 'mlp: widths of the hidden layers.'),
    dropout,
  },
  section,
);

const kind = <K extends string>(name: K) => Type.Literal(name);

export const HEADS = {
  regression: Type.Object(
    {
      kind: kind('regression'),
      widths: hidden,
      dropout,
      loss: Type.Enum(['l1', 'l2'], {
        default: 'l1',
        description: 'l1 gives the median, l2 the mean of what was shown.',
      }),
    },
    closed,
  ),
  gaussian: Type.Object(
    {
      kind: kind('gaussian'),
      widths: hidden,
      dropout,
      deviation: Type.Enum(['constant', 'observed'], {
        default: 'constant',
        description: 'Learned standard deviation: the same everywhere, or a function of the observation.',
      }),
      minDeviation: positive(0.01, 'Smallest standard deviation, in normalised units.'),
    },
    closed,
  ),
  mixture: Type.Object(
    {
      kind: kind('mixture'),
      widths: hidden,
      dropout,
      components: whole(5, 'Gaussians in the mixture.'),
      minDeviation: positive(0.02, 'Smallest standard deviation, in normalised units.'),
      act: Type.Enum(['mode', 'sample'], {
        default: 'mode',
        description: 'mode: mean of the most likely component. sample: a draw.',
      }),
      temperature: atLeastZero(0, 'Scales the standard deviation of a draw within its component.'),
    },
    closed,
  ),
  autoregressive: Type.Object(
    {
      kind: kind('autoregressive'),
      width: whole(128, 'Width of the recurrent network.'),
      bins: Type.Integer({ minimum: 2, default: 128, description: 'Bins of each action number.' }),
      range,
      act: Type.Enum(['mode', 'sample'], {
        default: 'sample',
        description: 'mode: the most likely bin each time. sample: a draw at the temperature.',
      }),
      temperature: positive(0.5, 'Of a draw; below 1 keeps to what is likely.'),
    },
    closed,
  ),
  act: Type.Object(
    {
      kind: kind('act'),
      width: whole(128, 'Width of all tokens; a multiple of 4 and of the heads.'),
      heads: whole(4, 'Attention heads.'),
      feedforward: whole(256, 'Hidden width of the feed-forward parts.'),
      styleLayers: whole(2, 'Blocks of the encoder that reads the demonstrated chunk.'),
      encoderLayers: whole(2, 'Blocks over the observation tokens.'),
      decoderLayers: whole(2, 'Blocks over the chunk.'),
      latent: whole(16, 'Size of the style z.'),
      klWeight: atLeastZero(10, 'β of the KL divergence to the prior.'),
      act: Type.Enum(['zero', 'sample'], {
        default: 'zero',
        description: 'zero: z = 0, as published. sample: z from the prior.',
      }),
      dropout,
    },
    closed,
  ),
  diffusion: Type.Object(
    {
      kind: kind('diffusion'),
      denoiser: denoiserConfig,
      predicts: Type.Enum(['noise', 'chunk'], {
        default: 'noise',
        description: 'noise: as published. chunk: the clean chunk; sharper where few motions are right.',
      }),
      trainSteps: whole(100, 'Steps of the noising chain.', 2),
      actSteps: whole(10, 'DDIM steps when acting; at most trainSteps.'),
      range,
    },
    closed,
  ),
  flow: Type.Object(
    {
      kind: kind('flow'),
      denoiser: denoiserConfig,
      predicts: Type.Enum(['velocity', 'chunk'], {
        default: 'velocity',
        description: 'velocity: as published. chunk: the clean chunk; sharper where few motions are right.',
      }),
      actSteps: whole(10, 'Euler steps when acting.'),
    },
    closed,
  ),
} as const;

export type HeadKind = keyof typeof HEADS;
export type ImageConfig = Static<typeof imageConfig>;
export type EncoderConfig = Static<typeof encoderConfig>;
export type DenoiserConfig = Static<typeof denoiserConfig>;
export type RegressionConfig = Static<(typeof HEADS)['regression']>;
export type GaussianConfig = Static<(typeof HEADS)['gaussian']>;
export type MixtureConfig = Static<(typeof HEADS)['mixture']>;
export type AutoregressiveConfig = Static<(typeof HEADS)['autoregressive']>;
export type ActConfig = Static<(typeof HEADS)['act']>;
export type DiffusionConfig = Static<(typeof HEADS)['diffusion']>;
export type FlowConfig = Static<(typeof HEADS)['flow']>;
export type HeadConfig =
  | RegressionConfig
  | GaussianConfig
  | MixtureConfig
  | AutoregressiveConfig
  | ActConfig
  | DiffusionConfig
  | FlowConfig;

/** What a network is: `encoder` from observations to features, `head` from features to a distribution over chunks. */
export interface ModelConfig {
  readonly encoder: EncoderConfig;
  readonly head: HeadConfig;
}

/**
 * Reads the model part of a recipe, filling in defaults. `where` is the place in the recipe that errors name.
 * Throws MODEL_CONFIG_INVALID.
 */
export function parseModel(value: unknown, where = 'model'): ModelConfig {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(where, {
      path: '',
      value: showValue(value),
      rule: 'it must be a section of keys and values',
    });
  }
  const known = ['encoder', 'head'];
  for (const [key, inner] of Object.entries(value)) {
    if (known.includes(key)) continue;
    const rule = `there is no such key; known keys: ${known.join(', ')}`;
    throw invalid(where, { path: key, value: showValue(inner), rule });
  }
  const { encoder = {}, head } = value as { encoder?: unknown; head?: unknown };
  const kind: unknown = typeof head === 'object' && head !== null && 'kind' in head ? head.kind : undefined;
  if (typeof kind !== 'string' || !Object.hasOwn(HEADS, kind)) {
    const rule = `it must be one of ${Object.keys(HEADS).join(', ')}`;
    throw invalid(where, { path: 'head.kind', value: showValue(kind), rule });
  }
  const config = {
    encoder: part(encoderConfig, encoder, `${where}.encoder`) as EncoderConfig,
    head: part(HEADS[kind as HeadKind], head, `${where}.head`) as HeadConfig,
  };
  related(config, (path, wrong, rule) => {
    throw invalid(where, { path, value: showValue(wrong), rule });
  });
  return config;
}

function part(schema: TSchema, value: unknown, where: string): unknown {
  const filled = Value.Default(schema, Value.Clone(value));
  const problem = schemaProblem(schema, filled);
  if (problem !== null) throw invalid(where, problem.path === '(top)' ? { ...problem, path: '' } : problem);
  return filled;
}

const invalid = (where: string, { path, value, rule }: SchemaProblem) =>
  new ArmloopError('MODEL_CONFIG_INVALID', { path: path === '' ? where : `${where}.${path}`, value, rule });

/** Rules between values. */
function related(
  { encoder, head }: ModelConfig,
  refuse: (path: string, value: unknown, rule: string) => void,
): void {
  const { image, history } = encoder;
  const blocks = image.channels.length - 1;
  if (image.strides !== undefined && image.strides.length !== blocks) {
    const rule = `it needs one stride for each of the ${blocks} blocks after the first layer`;
    refuse('encoder.image.strides', image.strides, rule);
  }
  if (image.network === 'resnet' && image.groups === 0) {
    refuse('encoder.image.groups', 0, 'a resnet needs at least 1 group');
  }
  if (history.network === 'attention' && history.width % history.heads !== 0) {
    refuse('encoder.history.heads', history.heads, `it must divide the width ${history.width}`);
  }
  if (head.kind === 'act') {
    if (head.width % 4 !== 0) refuse('head.width', head.width, 'it must be a multiple of 4');
    if (head.width % head.heads !== 0)
      refuse('head.heads', head.heads, `it must divide the width ${head.width}`);
  }
  if (head.kind === 'diffusion' && head.actSteps > head.trainSteps) {
    refuse('head.actSteps', head.actSteps, `it must be at most trainSteps = ${head.trainSteps}`);
  }
}
