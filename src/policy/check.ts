/**
 * Whether a policy fits a robot: everything that does not, in words, all at once. It is asked when a policy is loaded,
 * so that a mismatch is never found at the first motion.
 */
import type { Layout } from '../robot/layout.ts';
import type { AxisSpec, RobotSpec } from '../robot/spec.ts';
import { CHUNK_ROWS, tickLayout } from '../robot/tick.ts';
import { actionUnits } from './action-space.ts';
import { featureProblem, featureSize } from './features.ts';
import type { Feature, ImageInput, Normaliser, PolicyInput, PolicyManifest } from './manifest.ts';

/** Pieces of a chunk besides its steps: what goes on until the first, the cuts of blends, the hold at its end. */
export const EXTRA_ROWS = 8;
/** Longest chunk. */
export const MAX_HORIZON = CHUNK_ROWS - EXTRA_ROWS;
/** Most observations of a history. */
const MAX_STEPS = 256;

export type TensorType = 'float32' | 'float64' | 'uint8' | 'int32' | 'int64' | 'bool' | 'string';

/** A tensor as the manifest wants it. */
export interface WantedTensor {
  readonly name: string;
  readonly type: TensorType;
  /** With B = 1. */
  readonly shape: readonly number[];
}

/** A tensor as a model declares it; null or a name for a dimension that is free, null for what it does not tell. */
export interface ModelTensor {
  readonly name: string;
  readonly type: string | null;
  readonly shape: readonly (number | string | null)[] | null;
}

/** What the model of a manifest takes, by input. */
export function inputTensors(m: PolicyManifest): WantedTensor[] {
  return m.inputs.map((input) => inputTensor(input, m.observation.steps));
}

export function inputTensor(input: PolicyInput, steps: number): WantedTensor {
  const { name } = input;
  const history = 'flat' in input && input.flat === true ? [1] : [1, steps];
  switch (input.kind) {
    case 'state':
      return { name, type: 'float32', shape: [...history, featureSize(input.features)] };
    case 'image': {
      const { width, height } = input;
      return input.encoding === 'uint8-hwc'
        ? { name, type: 'uint8', shape: [...history, height, width, 3] }
        : { name, type: 'float32', shape: [...history, 3, height, width] };
    }
    case 'noise':
      return { name, type: 'float32', shape: input.shape };
    case 'condition':
      return input.tasks === undefined
        ? { name, type: 'float32', shape: [1, featureSize(input.features ?? [])] }
        : { name, type: 'int64', shape: [1] };
    default:
      return input satisfies never;
  }
}

/** Everything that keeps the policy from driving this robot; empty when nothing does. */
export function fitProblems(m: PolicyManifest, spec: RobotSpec): string[] {
  const { layout } = tickLayout(spec);
  return [
    ...robotProblems(m, spec),
    ...m.inputs.flatMap((input) => inputProblems(input, m, spec, layout)),
    ...duplicates(m.inputs.map((i) => i.name)).map((name) => `two inputs are named ${name}`),
    ...actionProblems(m, spec),
    ...timeProblems(m, spec),
  ];
}

function robotProblems(m: PolicyManifest, spec: RobotSpec): string[] {
  const problems: string[] = [];
  const { ids, axes } = m.robot;
  if (ids.length > 0 && !ids.includes(spec.id)) {
    problems.push(`it is made for ${ids.join(', ')}, and this rig is ${spec.id}`);
  }
  const words = (list: readonly { name: string; unit: string }[]): string =>
    list.map((a) => `${a.name} (${a.unit})`).join(', ');
  const want = spec.axes.map((a) => ({ name: a.name, unit: axisUnit(a) }));
  if (words(axes) !== words(want)) {
    problems.push(`it drives the axes ${words(axes)}, and this rig has ${words(want)}`);
  }
  return problems;
}

const axisUnit = (axis: AxisSpec): string => (axis.type === 'revolute' ? 'rad' : 'm');

function inputProblems(input: PolicyInput, m: PolicyManifest, spec: RobotSpec, layout: Layout): string[] {
  const says = (problem: string): string => `input ${input.name}: ${problem}`;
  const problems: string[] = [];
  if ('flat' in input && input.flat === true && m.observation.steps !== 1) {
    problems.push(says(`flat needs observation.steps 1, but it is ${m.observation.steps}`));
  }
  switch (input.kind) {
    case 'state':
      problems.push(...features(input.features, layout, spec).map(says));
      problems.push(...normaliserProblems(input.normaliser, featureSize(input.features)).map(says));
      break;
    case 'image':
      problems.push(...imageProblems(input, m, spec).map(says));
      break;
    case 'condition': {
      if ((input.tasks === undefined) === (input.features === undefined)) {
        problems.push(says('a condition has either tasks or features'));
      }
      if (input.tasks?.length === 0) problems.push(says('its list of tasks is empty'));
      problems.push(...features(input.features ?? [], layout, spec).map(says));
      if (input.normaliser !== undefined) {
        problems.push(...normaliserProblems(input.normaliser, featureSize(input.features ?? [])).map(says));
      }
      break;
    }
    case 'noise':
      break;
    default:
      input satisfies never;
  }
  return problems;
}

function features(list: readonly Feature[], layout: Layout, spec: RobotSpec): string[] {
  return list.flatMap((feature) => {
    const problem = featureProblem(layout, feature);
    if (problem !== null) return [problem];
    const known = featureUnits(feature, layout, spec);
    if (known.includes(feature.unit)) return [];
    return [`${feature.field} is given in ${feature.unit}, but it is ${known.join(' or ')} here`];
  });
}

/** Units by which a feature may be named. Fields over all axes mix rad and m; picked axes of one kind have its unit. */
function featureUnits({ field: name, axes }: Feature, layout: Layout, spec: RobotSpec): string[] {
  const { unit, length } = layout.field(name);
  if (!unit.startsWith('axis') || length !== spec.axes.length) return [unit];
  const picked = new Set((axes ?? spec.axes.map((_, i) => i)).map((a) => axisUnit(spec.axes[a]!)));
  const named = [...picked].map((u) => unit.replace('axis', u));
  return [unit, named.join('|')];
}

function imageProblems(input: ImageInput, m: PolicyManifest, spec: RobotSpec): string[] {
  const { camera: name, width, height } = input;
  const camera = spec.cameras.find((c) => c.name === name);
  if (camera === undefined) {
    const known = spec.cameras.map((c) => c.name).join(', ') || 'none';
    return [`there is no camera ${name}; this rig has ${known}`];
  }
  const problems: string[] = [];
  if (camera.width < width || camera.height < height) {
    const frame = `${camera.width} × ${camera.height}`;
    problems.push(`the frames of ${name} are ${frame}, smaller than the wanted ${width} × ${height}`);
  }
  if (m.observation.maxAgeMs < 1000 / camera.fps) {
    const age = Math.round(1000 / camera.fps);
    problems.push(
      `maxAgeMs is ${m.observation.maxAgeMs}, but at ${camera.fps} frames a second those of ${name} get ${age} ms old`,
    );
  }
  if (input.encoding === 'uint8-hwc' && (input.mean !== undefined || input.std !== undefined)) {
    problems.push('mean and std belong to float32-chw; uint8-hwc is given as it is');
  }
  for (const key of ['mean', 'std'] as const) {
    const values = input[key];
    if (values !== undefined && values.length !== 3) {
      problems.push(`${key} has ${values.length} values, but pictures have 3 channels`);
    }
  }
  if (input.std?.some((s) => !(s > 0)))
    problems.push(`std is ${input.std.join(', ')}, but it must be above 0`);
  return problems;
}

function normaliserProblems(n: Normaliser, size: number): string[] {
  if (n.method === 'none') return [];
  const problems: string[] = [];
  for (const key of ['offset', 'scale'] as const) {
    if (n[key].length !== size) {
      problems.push(`normaliser.${key} has ${n[key].length} values, but there are ${size} to normalise`);
    }
  }
  const bad = n.scale.findIndex((s) => !(Math.abs(s) > 0 && Number.isFinite(s)));
  if (bad >= 0) problems.push(`normaliser.scale[${bad}] is ${n.scale[bad]}, but it must not be 0`);
  return problems;
}

function actionProblems(m: PolicyManifest, spec: RobotSpec): string[] {
  const { action } = m;
  const says = (problem: string): string => `action: ${problem}`;
  const units = actionUnits(spec, action.space);
  const problems: string[] = [];
  if (action.size !== units.length) {
    problems.push(
      `size is ${action.size}, but ${action.space} actions of this rig have ${units.length} values`,
    );
  } else if (action.units.join(' ') !== units.join(' ')) {
    problems.push(`units are ${action.units.join(' ')}, but those of this rig are ${units.join(' ')}`);
  }
  problems.push(...normaliserProblems(action.normaliser, action.size));
  return problems.map(says);
}

function timeProblems(m: PolicyManifest, spec: RobotSpec): string[] {
  const { chunk, rateHz, latencyMs } = m;
  const problems: string[] = [];
  if (rateHz > spec.loop.rateHz) {
    problems.push(`rateHz is ${rateHz}, but the loop of this rig runs at ${spec.loop.rateHz} Hz`);
  }
  if (m.observation.steps > MAX_STEPS) {
    problems.push(`observation.steps is ${m.observation.steps}, but at most ${MAX_STEPS} are kept`);
  }
  if (chunk.first + chunk.horizon > MAX_HORIZON) {
    const reach = chunk.first + chunk.horizon;
    problems.push(`chunk.first + chunk.horizon is ${reach}, but at most ${MAX_HORIZON} steps fit in a chunk`);
  }
  if (chunk.every > chunk.horizon) {
    problems.push(`chunk.every is ${chunk.every}, but a chunk has only ${chunk.horizon} steps`);
  }
  const lastsMs = (1000 * (chunk.first + chunk.horizon)) / rateHz;
  const nextMs = (1000 * chunk.every) / rateHz + latencyMs;
  if (chunk.execution !== 'synchronous' && lastsMs < nextMs) {
    problems.push(
      `a chunk lasts until ${round(lastsMs)} ms after its observation, but the next one comes after ${round(nextMs)} ms ` +
        '(chunk.every and latencyMs): the arm would run dry every time',
    );
  }
  return problems;
}

const round = (x: number): number => Math.round(10 * x) / 10;

/** What is wrong between the manifest and the tensors that a model declares; empty when nothing is. */
export function tensorProblems(
  m: PolicyManifest,
  model: { readonly inputs: readonly ModelTensor[]; readonly outputs: readonly ModelTensor[] },
): string[] {
  const { action, chunk } = m;
  const wanted = inputTensors(m);
  const problems: string[] = [];
  for (const want of wanted) {
    const has = model.inputs.find((t) => t.name === want.name);
    if (has === undefined) {
      problems.push(`the model has no input ${want.name}; it has ${names(model.inputs)}`);
    } else problems.push(...mismatch('input', has, want.type, [want.shape]));
  }
  for (const has of model.inputs) {
    if (!wanted.some((w) => w.name === has.name)) {
      problems.push(`the model wants an input ${has.name}, which policy.json does not give`);
    }
  }
  const output = model.outputs.find((t) => t.name === action.name);
  const flat = chunk.horizon === 1 ? [[1, action.size]] : [];
  if (output === undefined) {
    problems.push(`the model has no output ${action.name}; it has ${names(model.outputs)}`);
  } else problems.push(...mismatch('output', output, 'float32', [[1, chunk.horizon, action.size], ...flat]));
  return problems;
}

function mismatch(
  what: string,
  has: ModelTensor,
  type: TensorType,
  shapes: readonly (readonly number[])[],
): string[] {
  const problems: string[] = [];
  if (has.type !== null && has.type !== type) {
    problems.push(`the ${what} ${has.name} of the model is ${has.type}, but policy.json makes it ${type}`);
  }
  const shape = has.shape;
  if (shape !== null && !shapes.some((want) => fits(shape, want))) {
    const declared = `[${shape.map((d) => (isFree(d) ? (d ?? '?') : d)).join(', ')}]`;
    problems.push(
      `the ${what} ${has.name} of the model has the shape ${declared}, but policy.json makes it [${shapes[0]!.join(', ')}]`,
    );
  }
  return problems;
}

const isFree = (d: number | string | null): boolean => typeof d !== 'number' || d <= 0;
const fits = (has: readonly (number | string | null)[], want: readonly number[]): boolean =>
  has.length === want.length && has.every((d, i) => isFree(d) || d === want[i]);
const names = (tensors: readonly ModelTensor[]): string => tensors.map((t) => t.name).join(', ') || 'none';
const duplicates = (list: readonly string[]): string[] => [
  ...new Set(list.filter((name, i) => list.indexOf(name) !== i)),
];
