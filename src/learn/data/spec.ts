/**
 * What a sample is: which observations a policy sees, and which chunk of actions is its label. Rules of time and
 * padding are in src/episode (align, spans, idle, samples); docs/data.md tells them in one place.
 */
import { ArmloopError } from '../../errors.ts';
import { featureProblem, POSE9 } from '../../policy/features.ts';
import type { ActionOutput, Feature, Normaliser } from '../../policy/manifest.ts';
import type { Layout } from '../../robot/layout.ts';
import { Source } from '../../robot/tick.ts';

export type NormaliserMethod = Normaliser['method'];

/** A piece of a feature vector as a person names it; unit and width follow from the Tick layout. */
export interface FeatureRequest {
  /** Field of the Tick by its layout name. */
  readonly field: string;
  readonly encode: Feature['encode'];
  /** Components of the field; all when left out. */
  readonly axes?: readonly number[] | undefined;
}

/** float32 [B, S, D], D = the sum of the widths of its features; normalised. */
export interface StateSpec {
  readonly name: string;
  readonly features: readonly FeatureRequest[];
  /** Default mean-std. */
  readonly normaliser?: NormaliserMethod | undefined;
}

/** uint8 [B, S, height, width, 3]: frames of a camera, centre-cropped to this aspect and resized by area. */
export interface ImageSpec {
  readonly name: string;
  /** Name of the camera in the robot file. */
  readonly camera: string;
  readonly width: number;
  readonly height: number;
}

/** float32 [B, H, A] as `action`, with float32 [B, H] `actionMask`: 1 where the label is real, 0 where it is repeated. */
export interface ActionSpec {
  readonly space: ActionOutput['space'];
  readonly reference: ActionOutput['reference'];
  /** Default min-max. */
  readonly normaliser?: NormaliserMethod | undefined;
}

/**
 * What is asked of the policy. `tasks`: int64 [B], the place of the episode's task text in the list. `goal`: float32
 * [B, D], features at the end of the span that the sample lies in, normalised (mean-std).
 */
export type ConditionSpec =
  | { readonly kind: 'tasks'; readonly name: string; readonly tasks: readonly string[] }
  | { readonly kind: 'goal'; readonly name: string; readonly features: readonly FeatureRequest[] };

export type DrivingSource = Exclude<keyof typeof Source, 'none' | 'safety' | 'reset'>;

export interface SampleSpec {
  /** Spacing of the observation history and of the action steps, Hz. */
  readonly rateHz: number;
  /** S: observations, oldest first; before the start of a span its first is repeated. */
  readonly observationSteps: number;
  /** H: steps of a chunk; after the end of a span its last is repeated and masked out. */
  readonly horizon: number;
  /** Step 0 of the chunk lies this many steps after the observation. */
  readonly first: number;
  readonly states: readonly StateSpec[];
  readonly images: readonly ImageSpec[];
  readonly action: ActionSpec;
  readonly condition?: ConditionSpec | undefined;
  /** `drop`: no sample is observed within an idle span. Labels that reach into one stay as they are. */
  readonly idle: 'keep' | 'drop';
  /** Who drove; default human and script. */
  readonly sources?: readonly DrivingSource[] | undefined;
  /** Sample times per step of rateHz: more samples between the steps, same spacing within each. Default 1. */
  readonly phases?: number | undefined;
  /** A sample whose newest frame or measured state is older than this at any observation is left out, ms. Default 300. */
  readonly maxAgeMs?: number | undefined;
  /** Commands that stay within `rad` (revolute) and `m` (prismatic) for `seconds` are idle. Default 0.002, 0.0005, 0.5. */
  readonly idleRule?: { readonly seconds: number; readonly rad: number; readonly m: number } | undefined;
}

/** The spec with every default filled in: part of the cache key and of dataSha256. */
export interface ResolvedSpec extends SampleSpec {
  readonly states: readonly (StateSpec & { readonly normaliser: NormaliserMethod })[];
  readonly action: ActionSpec & { readonly normaliser: NormaliserMethod };
  readonly sources: readonly DrivingSource[];
  readonly phases: number;
  readonly maxAgeMs: number;
  readonly idleRule: { readonly seconds: number; readonly rad: number; readonly m: number };
}

/** Fills in the defaults. Throws DATASET_SPEC. */
export function resolveSpec(spec: SampleSpec): ResolvedSpec {
  const resolved: ResolvedSpec = {
    ...spec,
    states: spec.states.map((s) => ({ ...s, normaliser: s.normaliser ?? 'mean-std' })),
    action: { ...spec.action, normaliser: spec.action.normaliser ?? 'min-max' },
    sources: [...(spec.sources ?? ['human', 'script'])].sort(),
    phases: spec.phases ?? 1,
    maxAgeMs: spec.maxAgeMs ?? 300,
    idleRule: spec.idleRule ?? { seconds: 0.5, rad: 0.002, m: 0.0005 },
  };
  check(resolved);
  return resolved;
}

function check(spec: ResolvedSpec): void {
  const refuse = (what: string, value: unknown, rule: string): never => {
    throw new ArmloopError('DATASET_SPEC', { what, value: String(value), rule });
  };
  const whole = (what: string, value: number, least: number): void => {
    if (!Number.isInteger(value) || value < least)
      refuse(what, value, `must be a whole number from ${least}`);
  };
  const positive = (what: string, value: number): void => {
    if (!(value > 0 && Number.isFinite(value))) refuse(what, value, 'must be above 0');
  };
  positive('rateHz', spec.rateHz);
  whole('observationSteps', spec.observationSteps, 1);
  whole('horizon', spec.horizon, 1);
  whole('first', spec.first, 0);
  whole('phases', spec.phases, 1);
  positive('maxAgeMs', spec.maxAgeMs);
  positive('idleRule.seconds', spec.idleRule.seconds);
  positive('idleRule.rad', spec.idleRule.rad);
  positive('idleRule.m', spec.idleRule.m);
  for (const image of spec.images) {
    whole(`width of ${image.name}`, image.width, 1);
    whole(`height of ${image.name}`, image.height, 1);
  }
  for (const state of spec.states) {
    if (state.features.length === 0) refuse(`features of ${state.name}`, 'empty', 'must name at least one');
  }
  for (const source of spec.sources) if (!(source in Source)) refuse('sources', source, 'is no source');
  if (spec.sources.length === 0) refuse('sources', 'empty', 'must name at least one');
  const inputs = [...spec.states, ...spec.images, ...(spec.condition === undefined ? [] : [spec.condition])];
  const seen = new Set(['action', 'actionMask']);
  for (const { name } of inputs) {
    if (seen.has(name)) refuse('the name of an input', name, 'is taken: names of inputs differ');
    seen.add(name);
  }
  if (inputs.length === 0) refuse('inputs', 'empty', 'must hold a state, an image or a condition');
}

/** Features with unit and width, as policy.json has them. Throws POLICY_FEATURE. */
export function resolveFeatures(layout: Layout, requests: readonly FeatureRequest[]): Feature[] {
  return requests.map(({ field, encode, axes }) => {
    const { length, unit } = layout.has(field) ? layout.field(field) : { length: 1, unit: '1' };
    const width = encode === 'pose9' ? POSE9 : (axes?.length ?? length);
    const feature = { field, encode, ...(axes === undefined ? {} : { axes: [...axes] }), unit, width };
    const problem = featureProblem(layout, feature);
    if (problem !== null) throw new ArmloopError('POLICY_FEATURE', { problem });
    return feature;
  });
}
