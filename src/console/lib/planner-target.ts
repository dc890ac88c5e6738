/** What a planner aims at, as the page edits it: targets, ways of the tool, weights on a slider. No DOM here. */
import { quatFromRpy } from '../../math/quat.ts';
import type { PlannerTask, SessionState } from '../../server/protocol.ts';

export type TargetSpec = NonNullable<NonNullable<SessionState['planner']>['target']>;

/** Kinds that the page can make; the others come from elsewhere and are shown in words. */
export const KINDS = ['pose', 'path', 'joints'] as const;
export type Kind = (typeof KINDS)[number];

export const KIND_WORDS: Readonly<Record<Kind, string>> = {
  pose: 'Pose',
  path: 'Figure',
  joints: 'Joints',
};

/** Ways of the tool about a pose, for a size of 1 m: in the plane of the table, one round a period. */
const FIGURES = {
  circle: { amplitude: [1, 1, 0], multiple: [1, 1, 0], phase: [Math.PI / 2, 0, 0] },
  eight: { amplitude: [0.5, 1, 0], multiple: [2, 1, 0], phase: [0, 0, 0] },
  line: { amplitude: [0, 1, 0], multiple: [0, 1, 0], phase: [0, 0, 0] },
} as const;
export type Figure = keyof typeof FIGURES;
export const figures = Object.keys(FIGURES) as readonly Figure[];

/** What a new figure is: m, s. */
const SIZE = 0.1;
const PERIOD = 4;

/** Kinds of a task that the page can make, the task's own first. */
export function kindsOf(task: Pick<PlannerTask, 'targets'>): readonly Kind[] {
  return task.targets.filter((t): t is Kind => (KINDS as readonly string[]).includes(t));
}

/** Whether a task has something to aim at in a scene that offers `planning` (SessionState.task.planning). */
export function possible(task: Pick<PlannerTask, 'targets'>, planning: readonly string[]): boolean {
  return task.targets.some((t) => (t !== 'phases' && t !== 'scene') || planning.includes(t));
}

/** A target that leaves the arm where it is (a figure: about where it is). `tool`: 7 values, `q`: the arm's joints. */
export function targetHere(kind: Kind, tool: ArrayLike<number>, q: ArrayLike<number>): TargetSpec {
  const pose = Array.from({ length: 7 }, (_, i) => tool[i] ?? 0);
  if (kind === 'joints') return { kind, q: Array.from(q) };
  if (kind === 'pose') return { kind, pose };
  return withFigure({ kind, pose, amplitude: [], multiple: [], phase: [], period: PERIOD }, 'circle', SIZE);
}

type Path = TargetSpec & { kind: 'path' };

export function withFigure(target: Path, figure: Figure, size: number): TargetSpec {
  const { amplitude, multiple, phase } = FIGURES[figure];
  return { ...target, amplitude: amplitude.map((a) => a * size), multiple: [...multiple], phase: [...phase] };
}

/** Which of the figures a way is, and its size, m; null for another. */
export function figureOf(target: Path): { figure: Figure; size: number } | null {
  for (const figure of figures) {
    const { amplitude, multiple, phase } = FIGURES[figure];
    const size = Math.max(...target.amplitude.map(Math.abs));
    const same = (a: readonly number[], b: readonly number[], scale = 1): boolean =>
      a.every((v, i) => Math.abs(v * scale - (b[i] ?? Number.NaN)) < 1e-6);
    if (
      same(amplitude, target.amplitude, size) &&
      same(multiple, target.multiple) &&
      same(phase, target.phase)
    )
      return { figure, size };
  }
  return null;
}

/** Pose, or middle of the way, in the base; null for targets of joints. */
export function poseOf(target: TargetSpec | null): readonly number[] | null {
  return target !== null && 'pose' in target ? target.pose : null;
}

export function withPose(target: TargetSpec, pose: ArrayLike<number>): TargetSpec {
  return 'pose' in target ? { ...target, pose: Array.from(pose) } : target;
}

const DEG = Math.PI / 180;

/** Quaternion x y z w of rotations about fixed x, y, z in this order, degrees: the inverse of rollPitchYaw. */
export function fromRollPitchYaw(roll: number, pitch: number, yaw: number): Float64Array {
  const q = new Float64Array(4);
  quatFromRpy(q, 0, roll * DEG, pitch * DEG, yaw * DEG);
  return q;
}

/** Ends of a slider of weights, powers of ten; its lower end means 0. */
export const SLIDER = { min: -3, max: 5, step: 0.05 } as const;

export function sliderOf(weight: number): number {
  if (!(weight > 0)) return SLIDER.min;
  return Math.min(SLIDER.max, Math.max(SLIDER.min, Math.log10(weight)));
}

/** Two digits, so that the number beside the slider is one that people would write. */
export function weightAt(slider: number): number {
  return slider <= SLIDER.min ? 0 : Number((10 ** slider).toPrecision(2));
}

export interface Weight {
  readonly weight: number;
  readonly final: number;
}

/** Another running weight; the final one goes with it, as the task has them. */
export function scaled(weight: number, task: Weight | undefined, now: Weight): Weight {
  if (task === undefined || task.weight === 0) return { weight, final: now.final };
  return { weight, final: Number(((weight * task.final) / task.weight).toPrecision(6)) };
}
