/**
 * policy.json: the whole contract of a policy bundle. Whoever trains writes it, whoever deploys or evaluates checks
 * the robot against it before the first motion. Inputs and outputs are the tensors of policy.onnx by name.
 *
 * Shapes: B is the batch (1 when deployed), S = observation.steps (oldest first), H = chunk.horizon,
 * D = the sum of the feature widths.
 */
import { type Static, Type } from 'typebox';

const Strict = { additionalProperties: false };
const Numbers = Type.Array(Type.Number());

/**
 * y = (x − offset) / scale per component; the inverse for actions. Mean/std, min/max and quantile normalisers are all
 * this once fitted; `method` says which it was. A constant component has scale 1.
 */
export const Normaliser = Type.Object(
  {
    method: Type.Union([
      Type.Literal('none'),
      Type.Literal('mean-std'),
      Type.Literal('min-max'),
      Type.Literal('quantile'),
    ]),
    offset: Numbers,
    scale: Numbers,
  },
  Strict,
);
export type Normaliser = Static<typeof Normaliser>;

/**
 * One piece of a feature vector: a field of the Tick by its layout name. `raw` takes the values as they are; `pose9`
 * turns a pose (p, quaternion x y z w) into p and the first two columns of its rotation matrix (9 numbers, no double
 * cover: Zhou et al. 2019). `axes` picks components of the field, all when left out.
 */
export const Feature = Type.Object(
  {
    field: Type.String(),
    encode: Type.Union([Type.Literal('raw'), Type.Literal('pose9')]),
    axes: Type.Optional(Type.Array(Type.Integer({ minimum: 0 }))),
    unit: Type.String(),
    width: Type.Integer({ minimum: 1 }),
  },
  Strict,
);
export type Feature = Static<typeof Feature>;

/** Tick fields over the observation history: float32 [B, S, D], normalised by the runner. */
export const StateInput = Type.Object(
  {
    kind: Type.Literal('state'),
    name: Type.String(),
    features: Type.Array(Feature, { minItems: 1 }),
    normaliser: Normaliser,
    /** Tensor without the S dimension, [B, D]: for external policies; needs observation.steps 1. */
    flat: Type.Optional(Type.Boolean()),
  },
  Strict,
);

/**
 * Camera frames over the history. The frame is centre-cropped to the aspect of width × height, resized by area, and
 * given as uint8 [B, S, height, width, 3] (`uint8-hwc`) or float32 [B, S, 3, height, width] of (x/255 − mean)/std
 * (`float32-chw`).
 */
export const ImageInput = Type.Object(
  {
    kind: Type.Literal('image'),
    name: Type.String(),
    camera: Type.String(),
    width: Type.Integer({ minimum: 1 }),
    height: Type.Integer({ minimum: 1 }),
    encoding: Type.Union([Type.Literal('uint8-hwc'), Type.Literal('float32-chw')]),
    mean: Type.Optional(Numbers),
    std: Type.Optional(Numbers),
    /** Tensor without the S dimension. */
    flat: Type.Optional(Type.Boolean()),
  },
  Strict,
);

/** Numbers drawn by the runner from (seed, call): float32 of this shape, B = 1 included. */
export const NoiseInput = Type.Object(
  {
    kind: Type.Literal('noise'),
    name: Type.String(),
    shape: Type.Array(Type.Integer({ minimum: 1 })),
    distribution: Type.Union([Type.Literal('normal'), Type.Literal('uniform'), Type.Literal('zero')]),
  },
  Strict,
);

/** What the operator asks for: a task number (int64 [B]) or a goal vector (float32 [B, D], normalised). */
export const ConditionInput = Type.Object(
  {
    kind: Type.Literal('condition'),
    name: Type.String(),
    tasks: Type.Optional(Type.Array(Type.String())),
    features: Type.Optional(Type.Array(Feature)),
    normaliser: Type.Optional(Normaliser),
  },
  Strict,
);

export const PolicyInput = Type.Union([StateInput, ImageInput, NoiseInput, ConditionInput]);
export type StateInput = Static<typeof StateInput>;
export type ImageInput = Static<typeof ImageInput>;
export type NoiseInput = Static<typeof NoiseInput>;
export type ConditionInput = Static<typeof ConditionInput>;
export type PolicyInput = Static<typeof PolicyInput>;

/**
 * float32 [B, H, A] (or [B, A] with H = 1), normalised. Step k is wanted at observation time + (k + first) × step,
 * with step = 1 / rateHz.
 * `joint`: positions of all rig axes in order, A = axes. `tool`: pose9 of the tool, then the gripper opening (A = 10),
 * or A = 9 for a rig without gripper. `reference` `absolute`: joint angles, or the tool pose in the base; `observed`:
 * joint differences to the measured joints at the observation, or T_obs⁻¹ T for the tool; `level` (tool only): L⁻¹ T with
 * L the tool's place and heading at the observation, z up. Openings are always absolute.
 */
export const ActionOutput = Type.Object(
  {
    name: Type.String(),
    space: Type.Union([Type.Literal('joint'), Type.Literal('tool')]),
    reference: Type.Union([Type.Literal('absolute'), Type.Literal('observed'), Type.Literal('level')]),
    size: Type.Integer({ minimum: 1 }),
    units: Type.Array(Type.String()),
    normaliser: Normaliser,
  },
  Strict,
);
export type ActionOutput = Static<typeof ActionOutput>;

export const PolicyManifest = Type.Object(
  {
    format: Type.Literal('armloop-policy/1'),
    name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$' }),
    description: Type.String(),
    /** What runs it: a file of the bundle, or an address. */
    model: Type.Union([
      Type.Object({ runtime: Type.Literal('onnx'), file: Type.String(), sha256: Type.String() }, Strict),
      Type.Object(
        {
          runtime: Type.Union([
            Type.Literal('tfjs-layers'),
            Type.Literal('tfjs-graph'),
            Type.Literal('tf-saved-model'),
          ]),
          file: Type.String(),
        },
        Strict,
      ),
      Type.Object({ runtime: Type.Literal('remote'), url: Type.String() }, Strict),
    ]),
    robot: Type.Object(
      {
        /** Rig ids it was made for; empty for any with the same axes. */
        ids: Type.Array(Type.String()),
        axes: Type.Array(Type.Object({ name: Type.String(), unit: Type.String() }, Strict)),
      },
      Strict,
    ),
    tasks: Type.Array(Type.String()),
    /** Spacing of the observation history and of the action steps. */
    rateHz: Type.Number({ exclusiveMinimum: 0 }),
    observation: Type.Object(
      {
        steps: Type.Integer({ minimum: 1 }),
        /** An input older than this at the observation time is refused: the chunk is not made. */
        maxAgeMs: Type.Number({ exclusiveMinimum: 0 }),
      },
      Strict,
    ),
    inputs: Type.Array(PolicyInput, { minItems: 1 }),
    action: ActionOutput,
    chunk: Type.Object(
      {
        horizon: Type.Integer({ minimum: 1 }),
        /** Step 0 is wanted this many steps after the observation (0: at it, 1: one step later). */
        first: Type.Integer({ minimum: 0 }),
        /** A new observation is taken every so many steps. */
        every: Type.Integer({ minimum: 1 }),
        /**
         * `synchronous`: the arm waits for each chunk and then follows it. `asynchronous`: the next chunk is computed
         * while this one runs. `ensemble`: every chunk counts, weighted exp(−m·i), i = 0 for the oldest (ACT).
         */
        execution: Type.Union([
          Type.Literal('synchronous'),
          Type.Literal('asynchronous'),
          Type.Literal('ensemble'),
        ]),
        /** Time over which the arm goes from the old chunk to the new one, C2; 0 switches at once. */
        blendMs: Type.Number({ minimum: 0 }),
        /** m of the ensemble. */
        ensembleDecay: Type.Number({ minimum: 0 }),
      },
      Strict,
    ),
    /** Declared time from observation to chunk. Lockstep runs deliver exactly this late. */
    latencyMs: Type.Number({ minimum: 0 }),
    training: Type.Union([
      Type.Null(),
      Type.Object(
        {
          run: Type.String(),
          recipeSha256: Type.String(),
          dataSha256: Type.String(),
          episodes: Type.Integer(),
          seed: Type.Integer(),
          step: Type.Integer(),
          opset: Type.Integer(),
          versions: Type.Record(Type.String(), Type.String()),
        },
        Strict,
      ),
    ]),
    evaluation: Type.Union([
      Type.Null(),
      Type.Object(
        {
          task: Type.String(),
          episodes: Type.Integer(),
          successes: Type.Integer(),
          low: Type.Number(),
          high: Type.Number(),
          date: Type.String(),
        },
        Strict,
      ),
    ]),
  },
  Strict,
);
export type PolicyManifest = Static<typeof PolicyManifest>;
