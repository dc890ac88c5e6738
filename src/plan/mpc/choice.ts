/** What was asked for: a task with its target and changes, checked against the robot. */
import Type, { type Static } from 'typebox';
import { ArmloopError } from '../../errors.ts';
import type { RobotSpec } from '../../robot/spec.ts';
import { invalid } from '../check.ts';
import type { TargetSpec } from './target.ts';
import { DRIVES, MPC_TASKS, type MpcTask } from './tasks.ts';

const closed = { additionalProperties: false } as const;
const vec = (n: number, description: string) =>
  Type.Array(Type.Number(), { minItems: n, maxItems: n, description });
const joints = (description: string) => Type.Array(Type.Number(), { minItems: 1, maxItems: 16, description });
const pose = vec(7, 'Tool in the base: p x y z (m), quaternion x y z w.');
const period = Type.Number({ exclusiveMinimum: 0, maximum: 3600, description: 's' });

export const targetSchema = Type.Union(
  [
    Type.Object({ kind: Type.Literal('pose'), pose }, closed),
    Type.Object(
      {
        kind: Type.Literal('path'),
        pose,
        amplitude: vec(3, 'm, per axis of the base'),
        multiple: vec(3, 'Turns of each axis per period.'),
        phase: vec(3, 'rad'),
        period,
      },
      closed,
    ),
    Type.Object({ kind: Type.Literal('joints'), q: joints('rad') }, closed),
    Type.Object(
      {
        kind: Type.Literal('joint-path'),
        q: joints('rad'),
        amplitude: joints('rad'),
        phase: joints('rad'),
        period,
      },
      closed,
    ),
  ],
  { description: 'What the task aims at.' },
);

const weight = Type.Number({ minimum: 0, maximum: 1e9 });
export const weightsSchema = Type.Record(
  Type.String({ maxLength: 100 }),
  Type.Object({ weight: Type.Optional(weight), final: Type.Optional(weight) }, closed),
  { description: 'Terms by name: weight per second, weight of the last state.' },
);

export const choiceSchema = Type.Object(
  {
    task: Type.String({ maxLength: 100, description: 'Name of a task, as listed.' }),
    drive: Type.Optional(
      Type.Enum([...DRIVES], {
        description: 'position: the command of an arm with servos; torque: simulated arms only.',
      }),
    ),
    target: Type.Optional(targetSchema),
    weights: Type.Optional(weightsSchema),
    horizon: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'Stages.' })),
    dt: Type.Optional(Type.Number({ minimum: 0.001, maximum: 0.2, description: 'Length of a stage, s.' })),
  },
  closed,
);
export type MpcChoice = Static<typeof choiceSchema>;
export type MpcWeights = Static<typeof weightsSchema>;

/** A choice with everything filled in. */
export interface MpcPlanSpec extends MpcTask {
  /** null: of the scene. */
  readonly target: TargetSpec | null;
}

/** Throws PLAN_UNKNOWN_TASK, PLAN_PROBLEM_INVALID. */
export function resolveChoice(choice: MpcChoice, spec: RobotSpec): MpcPlanSpec {
  const task = MPC_TASKS.find((t) => t.name === choice.task);
  if (task === undefined) {
    const known = MPC_TASKS.map((t) => t.name).join(', ');
    throw new ArmloopError('PLAN_UNKNOWN_TASK', { task: choice.task, known });
  }
  const drive = choice.drive ?? task.drive;
  if (drive === 'torque' && task.targets.includes('scene'))
    throw invalid('drive', drive, `the task ${task.name} moves the command`);
  if (drive === 'torque' && spec.sim === null) throw invalid('drive', drive, 'torque is for simulated arms');
  const target = choice.target ?? null;
  if (target === null && !task.targets.includes('phases') && !task.targets.includes('scene')) {
    throw invalid('target', 'missing', `the task ${task.name} takes one of ${task.targets.join(', ')}`);
  }
  if (target !== null) checkTarget(target, task, spec);
  // Terms of a scene are its own: those weights are checked when its plant is there.
  if (choice.weights !== undefined && !task.targets.includes('scene')) {
    checkWeights(choice.weights, task.terms);
  }
  return {
    ...task,
    drive,
    target,
    horizon: choice.horizon ?? task.horizon,
    dt: choice.dt ?? task.dt,
    terms: task.terms.map((t) => ({ ...t, ...weightsOf(t.name, choice.weights) })),
  };
}

/** Throws PLAN_PROBLEM_INVALID for a target that the task or the arm does not take. */
export function checkTarget(target: TargetSpec, task: MpcTask, { armAxes }: RobotSpec): void {
  if (!task.targets.includes(target.kind)) {
    throw invalid('target', target.kind, `the task ${task.name} takes one of ${task.targets.join(', ')}`);
  }
  if ('pose' in target) {
    const [x, y, z, w] = target.pose.slice(3);
    const length = Math.sqrt(x! * x! + y! * y! + z! * z! + w! * w!);
    if (Math.abs(length - 1) > 0.01) throw invalid("the target's quaternion", length, 'its length is 1');
    return;
  }
  for (const [what, values] of Object.entries(target)) {
    if (Array.isArray(values) && values.length !== armAxes) {
      throw invalid(`the length of the target's ${what}`, values.length, `the arm has ${armAxes} joints`);
    }
  }
}

/** Throws PLAN_PROBLEM_INVALID for a term that the task has not, and for a control's weight at the last state, which has none. */
export function checkWeights(
  weights: MpcWeights,
  terms: readonly { readonly name: string; readonly kind: string }[],
): void {
  for (const [name, { final = 0 }] of Object.entries(weights)) {
    const term = terms.find((t) => t.name === name);
    if (term === undefined)
      throw invalid('weights', name, `the terms are ${terms.map((t) => t.name).join(', ')}`);
    if (term.kind === 'effort' && final > 0)
      throw invalid(`the final weight of ${name}`, final, 'the last state has no control');
  }
}

function weightsOf(name: string, weights: MpcWeights | undefined): { weight?: number; final?: number } {
  return weights !== undefined && Object.hasOwn(weights, name) ? weights[name]! : {};
}
