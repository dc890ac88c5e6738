/** Recipes: read, fill in defaults, check. Every error names file, path, value and rule. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import Value from 'typebox/value';
import { ArmloopError } from '../errors.ts';
import { type ModelConfig, parseModel } from '../nn/networks/config.ts';
import { type SchemaProblem, schemaProblem, showValue } from '../robot/schema-problem.ts';
import { parseYaml } from '../yaml.ts';
import type { ConditionSpec, SampleSpec } from './data/spec.ts';
import { type RecipeFile, recipeSchema } from './recipe-schema.ts';

/** Every value set: what is stored in the run folder and what a run is reproduced from. */
export interface Recipe extends Omit<RecipeFile, 'model' | 'training' | 'deployment'> {
  readonly model: ModelConfig;
  readonly training: RecipeFile['training'] & { readonly threads: number };
  readonly deployment: RecipeFile['deployment'] & { readonly every: number };
}

/** What a sample of this recipe is, for the data set. */
export function sampleSpec({ observation, action, data }: Recipe): SampleSpec {
  const { condition } = observation;
  return {
    rateHz: observation.rateHz,
    observationSteps: observation.steps,
    horizon: action.horizon,
    first: action.first,
    states: observation.states,
    images: observation.images,
    action: { space: action.space, reference: action.reference, normaliser: action.normaliser },
    ...(condition === undefined ? {} : { condition: conditionSpec(condition) }),
    idle: data.idle,
    sources: data.sources,
    phases: data.phases,
    maxAgeMs: observation.maxAgeMs,
  };
}

export interface RecipeSource {
  /** Where it was read. */
  readonly file: string;
  /** As it stands there. */
  readonly text: string;
  readonly sha256: string;
}

/** Values that take the place of those in the file: for the command line. */
export interface Overrides {
  readonly name?: string | undefined;
  readonly seed?: number | undefined;
  readonly steps?: number | undefined;
  readonly minutes?: number | undefined;
  readonly threads?: number | undefined;
}

/** Reads a recipe. Throws RECIPE_UNREADABLE, RECIPE_SYNTAX, RECIPE_INVALID. */
export function loadRecipe(
  file: string,
  overrides: Overrides = {},
): { readonly recipe: Recipe; readonly source: RecipeSource } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ArmloopError('RECIPE_UNREADABLE', { file, reason }, { cause });
  }
  return { recipe: recipeFromText(text, file, overrides), source: recipeSource(text, file) };
}

export function recipeSource(text: string, file: string): RecipeSource {
  return { file, text, sha256: createHash('sha256').update(text).digest('hex') };
}

/** The same from text; `file` is for errors. Throws RECIPE_SYNTAX, RECIPE_INVALID. */
export function recipeFromText(text: string, file: string, overrides: Overrides = {}): Recipe {
  const parsed = parseYaml(text);
  if ('reason' in parsed) {
    const { line, reason, cause } = parsed;
    throw new ArmloopError('RECIPE_SYNTAX', { file, line, reason }, { cause });
  }
  return resolveRecipe(overridden(parsed.value, overrides), file);
}

/** A value that is no recipe at all stays as it is: the schema says what is wrong with it. */
function overridden(value: unknown, { name, ...training }: Overrides): unknown {
  if (!isSection(value)) return value;
  const given = Object.entries(training).filter(([, v]) => v !== undefined);
  const inner = value['training'] ?? {};
  return {
    ...value,
    ...(name === undefined ? {} : { name }),
    ...(given.length === 0 || !isSection(inner)
      ? {}
      : { training: { ...inner, ...Object.fromEntries(given) } }),
  };
}

const isSection = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A recipe as a value, perhaps already complete. Throws RECIPE_INVALID. */
export function resolveRecipe(value: unknown, file: string): Recipe {
  const filled = Value.Default(recipeSchema, value);
  const problem = schemaProblem(recipeSchema, filled);
  if (problem !== null) throw invalid(file, problem);
  const recipe = filled as RecipeFile;
  checkRelations(recipe, (path, value, rule) => {
    throw invalid(file, { path, value: showValue(value), rule });
  });
  const { training, deployment, action } = recipe;
  return {
    ...recipe,
    model: readModel(recipe.model, file),
    training: {
      ...training,
      threads: training.threads ?? availableParallelism(),
    },
    deployment: { ...deployment, every: deployment.every ?? Math.max(1, action.horizon >> 1) },
  };
}

function readModel(value: unknown, file: string): ModelConfig {
  try {
    return parseModel(value);
  } catch (error) {
    if (!(error instanceof ArmloopError) || error.code !== 'MODEL_CONFIG_INVALID') throw error;
    const { path, value, rule } = error.details as SchemaProblem & typeof error.details;
    throw invalid(file, { path, value, rule });
  }
}

function invalid(file: string, problem: SchemaProblem): ArmloopError {
  return new ArmloopError('RECIPE_INVALID', { file, ...problem });
}

function conditionSpec({
  kind,
  name,
  tasks = [],
  features = [],
}: NonNullable<RecipeFile['observation']['condition']>): ConditionSpec {
  return kind === 'tasks' ? { kind, name, tasks } : { kind, name, features };
}

type Refuse = (path: string, value: unknown, rule: string) => never;

function checkRelations(recipe: RecipeFile, refuse: Refuse): void {
  const { data, observation, action, optimiser, training, deployment } = recipe;
  const names = new Map<string, string>();
  const take = (name: string, path: string): void => {
    const first = names.get(name);
    if (first !== undefined) refuse(path, name, `${first} already has that name`);
    if (name === 'action' || name === 'actionMask')
      refuse(path, name, 'that name belongs to the label of a sample');
    names.set(name, path);
  };
  for (const [i, input] of observation.states.entries()) take(input.name, `observation.states[${i}].name`);
  for (const [i, input] of observation.images.entries()) take(input.name, `observation.images[${i}].name`);
  if (names.size === 0) refuse('observation', {}, 'a policy must see something: add states, images or both');
  const { condition } = observation;
  if (condition !== undefined) {
    take(condition.name, 'observation.condition.name');
    const [wanted, other] =
      condition.kind === 'tasks' ? (['tasks', 'features'] as const) : (['features', 'tasks'] as const);
    const path = `observation.condition.${wanted}`;
    if (condition[wanted] === undefined) refuse(path, undefined, `kind ${condition.kind} needs it`);
    if (condition[other] !== undefined)
      refuse(`observation.condition.${other}`, condition[other], `kind ${condition.kind} has none`);
  }
  observation.states.forEach((state, i) => {
    state.features.forEach(({ field, encode, axes }, k) => {
      if (encode === 'pose9' && axes !== undefined)
        refuse(`observation.states[${i}].features[${k}].axes`, axes, `${field} is taken whole as pose9`);
    });
  });
  if (data.episodes !== undefined) {
    const twice = data.episodes.findIndex((id, i, all) => all.indexOf(id) !== i);
    if (twice >= 0) refuse(`data.episodes[${twice}]`, data.episodes[twice], 'it is listed twice');
  }
  if (optimiser.warmupSteps >= training.steps)
    refuse(
      'optimiser.warmupSteps',
      optimiser.warmupSteps,
      `it must be below training.steps = ${training.steps}`,
    );
  for (const [path, value] of [
    ['training.patience', training.patience > 0 && data.validation === 0 ? training.patience : null],
    ['training.weights', training.weights === 'best' && data.validation === 0 ? training.weights : null],
  ] as const)
    if (value !== null) refuse(path, value, 'it needs held-out episodes, and data.validation is 0');
  if (action.space === 'joint' && action.reference === 'level')
    refuse('action.reference', 'level', 'joints have no level frame: use observed, or action.space tool');
  if (deployment.every !== undefined && deployment.every > action.horizon)
    refuse('deployment.every', deployment.every, `it must be ≤ action.horizon = ${action.horizon}`);
}
