/**
 * Feedback plans of a planner (x̂, û, K by time) as they travel from its thread to the loop, and what of them stands in
 * the Tick: the row in effect, never the whole plan.
 *
 * A plan is for the n joints of the arm; x = (q, qd), 2n values. Stage k holds from `from` + k dt for dt seconds:
 * u = û_k + K_k (x − x̂(t)), x̂ between two knots with constant acceleration.
 */
import { type FieldSpec, Layout } from './layout.ts';

/** Most stages of a plan. */
export const PLAN_STAGES = 100;

/** Terms whose costs, and points of the planned way of the tool, that people are shown. */
export const MOST_TERMS = 16;
export const PATH_POINTS = 16;

/** What is wrong with the newest attempt of the planner; numbers as in plan.problem. Append, never renumber. */
export const PlanProblem = {
  none: 0,
  /** The model or a cost gave NaN or infinity. */
  notFinite: 1,
  /** No step lowered the cost. */
  noDescent: 2,
  /** Horizon, limits or sizes make no sense. */
  invalid: 3,
  /** The target cannot be told: its body is not in the scene. */
  noTarget: 4,
  /** Anything else. */
  other: 9,
} as const;
export type PlanProblem = (typeof PlanProblem)[keyof typeof PlanProblem];

/** The fields that plan and Tick share. */
const head: readonly FieldSpec[] = [
  { name: 'seq', unit: '1', doc: 'counts up by one per plan of one activation; 0: no plan yet' },
  { name: 'start', unit: 's', doc: 'in.time of the activation that it is made for' },
  {
    name: 'mode',
    unit: '1',
    doc: 'CommandMode: torque, u is effort; position, u is acceleration of the command',
  },
  {
    name: 'captured',
    unit: 's',
    doc: 'time of the state from which it was planned: its age counts from here',
  },
  { name: 'from', unit: 's', doc: 'in.time of its first knot' },
  { name: 'until', unit: 's', doc: 'in.time of its last knot' },
  { name: 'problem', unit: '1', doc: 'PlanProblem of the newest attempt, which left this plan in force' },
  { name: 'grip', unit: 'm', doc: 'wanted opening of the gripper; NaN: as it is' },
  { name: 'last', unit: '1', doc: '1: the task is done, hold where the plan leads' },
];

/** in.plan.*: the row in effect at in.time, for an arm of n joints. */
export function planFields(n: number): FieldSpec[] {
  return [
    ...head,
    { name: 'x', length: 2 * n, unit: 'axis|axis/s', doc: 'x̂ = (q, qd) at in.time' },
    { name: 'u', length: n, unit: 'N·m|rad/s²', doc: 'û' },
    { name: 'K', length: 2 * n * n, unit: 'mixed', doc: 'u per x, n × 2n row-major' },
  ];
}

/** A whole plan, in its Latest. */
export function planLayout(n: number): Layout {
  return Layout.of('plan', [
    ...head,
    { name: 'dt', unit: 's', doc: 'length of a stage' },
    { name: 'stages', unit: '1', doc: 'T ≤ PLAN_STAGES; what lies behind is of no meaning' },
    { name: 'xs', length: (PLAN_STAGES + 1) * 2 * n, unit: 'axis|axis/s', doc: 'T + 1 states' },
    { name: 'us', length: PLAN_STAGES * n, unit: 'N·m|rad/s²' },
    { name: 'gains', length: PLAN_STAGES * 2 * n * n, unit: 'mixed' },
  ]);
}
