/**
 * What a planner can be asked to do, as data: terms with weights, a horizon, and where the target comes from. Weights are
 * tuned for arms of a metre and a few kilograms; each may be changed while it runs.
 */
import type { Task } from '../../robot/task.ts';
import type { TargetSpec } from './target.ts';
import type { TermSpec } from './terms.ts';

/** Which command the plan is for: torque, or the position command of an arm with servos of its own. */
export const DRIVES = ['position', 'torque'] as const;
export type Drive = (typeof DRIVES)[number];

export interface MpcTask {
  readonly name: string;
  /** One sentence for people. */
  readonly text: string;
  /** The kinds of targets that it takes; `phases`: those of the scene's task; `scene`: the scene's own model and target. */
  readonly targets: readonly (TargetSpec['kind'] | 'phases' | 'scene')[];
  readonly drive: Drive;
  /** Stages, and the length of each, s. */
  readonly horizon: number;
  readonly dt: number;
  readonly terms: readonly TermSpec[];
  /** Declared time from state to plan, ms: in lockstep plans come exactly this late. */
  readonly latencyMs: number;
}

/** What every task wants besides its target: calm, small controls, and distance from limits. */
const manners: readonly TermSpec[] = [
  { name: 'speed', kind: 'speed', weight: 0.2, final: 1 },
  { name: 'effort', kind: 'effort', weight: 0.02, final: 0 },
  { name: 'range', kind: 'range', weight: 40, final: 40, margin: 0.15 },
  { name: 'speed limit', kind: 'speed-limit', weight: 60, final: 60, margin: 0.3 },
];

const tool = (position: number, orientation: number, smooth: number): readonly TermSpec[] => [
  { name: 'position', kind: 'tool-position', weight: position, final: position, smooth },
  { name: 'orientation', kind: 'tool-orientation', weight: orientation, final: orientation, smooth: 0.3 },
];

export const MPC_TASKS: readonly MpcTask[] = [
  {
    name: 'reach',
    text: 'Bring the tool to a pose and keep it there',
    targets: ['pose'],
    drive: 'position',
    horizon: 50,
    dt: 0.02,
    terms: [...tool(60, 6, 0.1), ...manners],
    latencyMs: 5,
  },
  {
    name: 'track',
    text: 'Follow a pose that moves',
    targets: ['path', 'pose'],
    drive: 'position',
    horizon: 40,
    dt: 0.02,
    terms: [
      ...tool(2000, 60, 0.1),
      ...manners.map((t) => (t.name === 'speed' ? { ...t, weight: 0.02, final: 0.02 } : t)),
    ],
    latencyMs: 5,
  },
  {
    name: 'joints',
    text: 'Follow joint angles',
    targets: ['joints', 'joint-path'],
    drive: 'position',
    horizon: 30,
    dt: 0.02,
    terms: [
      { name: 'joints', kind: 'joints', weight: 60, final: 20, smooth: 0.3 },
      ...manners.map((t) => (t.name === 'speed' ? { ...t, weight: 1, final: 1 } : t)),
    ],
    latencyMs: 5,
  },
  {
    name: 'phases',
    text: 'Do the task of the scene by its phases: pick, carry, place',
    targets: ['phases'],
    drive: 'position',
    horizon: 40,
    dt: 0.02,
    terms: [...tool(100, 10, 0.08), ...manners],
    latencyMs: 10,
  },
  {
    name: 'push',
    text: 'Push what the scene has to its mark, through contact',
    targets: ['scene'],
    drive: 'position',
    horizon: 20,
    dt: 0.04,
    terms: manners.map((t) => (t.name === 'speed' ? { ...t, weight: 2, final: 2 } : t)),
    latencyMs: 50,
  },
];

/** Name of the planning task that does a simulated task by itself: by its phases, or with the scene's own model where it has none. */
export function taskForScene({ phases }: Task): string {
  const wanted = phases === undefined ? 'scene' : 'phases';
  return MPC_TASKS.find((t) => t.targets.includes(wanted))!.name;
}
