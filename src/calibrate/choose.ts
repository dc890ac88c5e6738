/** From what people name to what a procedure does: which axes, which plan. */
import { ArmloopError } from '../errors.ts';
import { gripperPlan } from './gripper.ts';
import { jointPlan } from './joints.ts';
import type { Plan, Subject } from './procedure.ts';

/** Type of the axes that a procedure is about; null: all. */
export const AXIS_TYPES = { ids: null, joints: 'revolute', gripper: 'prismatic' } as const;

export interface PlanChoice {
  readonly what: 'joints' | 'gripper';
  /** Names; all that there are for it when left out. */
  readonly axes?: readonly string[] | undefined;
  /** Default zero: see JointOptions. */
  readonly pose?: 'zero' | 'home' | undefined;
  /** How often a place is taken; default 2. */
  readonly repeats?: number | undefined;
  /** Opening of the gripper when wide open, m; default: its largest. */
  readonly opening?: number | undefined;
}

const REPEATS = 2;

/** Axes of the device that a procedure is about, or those of them that are named. Throws CALIBRATION_NONE. */
export function chooseAxes(
  { robot, parts, entry }: Subject,
  what: keyof typeof AXIS_TYPES,
  named?: readonly string[],
): readonly string[] {
  const type = AXIS_TYPES[what];
  const possible = parts
    .map((p) => p.name)
    .filter((name) => type === null || robot.axes.find((a) => a.name === name)!.type === type);
  const wrong = named?.find((name) => !possible.includes(name));
  if (wrong !== undefined || possible.length === 0) {
    const reason =
      possible.length === 0
        ? `device ${entry.name} has no axes for it`
        : `axes of device ${entry.name} for it: ${possible.join(', ')}`;
    throw new ArmloopError('CALIBRATION_NONE', { what: wrong ?? what, reason });
  }
  return named === undefined ? possible : possible.filter((name) => named.includes(name));
}

/** Throws CALIBRATION_NONE. */
export function choosePlan(subject: Subject, choice: PlanChoice): Plan {
  const { what, pose = 'zero', repeats = REPEATS, opening = null } = choice;
  const axes = chooseAxes(subject, what, choice.axes);
  if (what === 'joints') return jointPlan(subject, { axes, pose, repeats });
  const axis = subject.robot.axes.find((a) => a.name === axes[0])!;
  return gripperPlan(subject, axis, { repeats, opening });
}
