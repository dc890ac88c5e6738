/** The `leader` of a robot file: defaults that follow from the axes, and rules that relate values. */
import { resolve } from 'node:path';
import type { Refuse } from './config.ts';
import type { LeaderFile } from './config-schema.ts';
import type { AxisSpec, LeaderEntry } from './robot/spec.ts';

interface Around {
  readonly axes: readonly AxisSpec[];
  /** Of the robot file. */
  readonly folder: string;
}

/** Calls `refuse`, which throws CONFIG_INVALID. */
export function resolveLeader(leader: LeaderFile, { axes, folder }: Around, refuse: Refuse): LeaderEntry {
  const gripper = axes.find((a) => a.type === 'prismatic');
  const arm = axes.filter((a) => a !== gripper).map((a) => a.name);
  const joints = leader.joints ?? arm.map((axis) => ({ axis, sign: 1 as const, scale: 1, offset: 0 }));
  joints.forEach(({ axis }, i) => {
    const path = `leader.joints[${i}].axis`;
    const first = joints.findIndex((j) => j.axis === axis);
    if (first !== i) refuse(path, axis, `leader.joints[${first}] drives that axis already`);
    if (leader.model === undefined && !arm.includes(axis))
      refuse(path, axis, `it must name one of the arm axes: ${arm.join(', ')}`);
  });
  if (leader.mapping === 'joint' && leader.model !== undefined)
    refuse('leader.model', leader.model.file, 'only the mapping pose has a model of its own');
  if (
    leader.mapping === 'pose' &&
    leader.model === undefined &&
    joints.length > 0 &&
    joints.length < arm.length
  )
    refuse('leader.joints', `${joints.length} joints`, `a copy of the arm has all of ${arm.join(', ')}`);
  leader.buttons.forEach(({ button, does }, i) => {
    const first = leader.buttons.findIndex((b) => b.button === button);
    if (first !== i)
      refuse(`leader.buttons[${i}].button`, button, `leader.buttons[${first}] is that one already`);
    if (does === 'clutch' && leader.mapping !== 'pose')
      refuse(`leader.buttons[${i}].does`, does, 'only the mapping pose has a clutch');
  });
  return {
    ...leader,
    joints,
    model:
      leader.model === undefined
        ? null
        : { file: resolve(folder, leader.model.file), tool: leader.model.tool },
    trigger: trigger(leader, gripper, refuse),
  };
}

function trigger(
  { trigger: given }: LeaderFile,
  gripper: AxisSpec | undefined,
  refuse: Refuse,
): LeaderEntry['trigger'] {
  if (given === undefined) return null;
  if (gripper === undefined) return refuse('leader.trigger', 'given', 'this rig has no gripper');
  const { released = gripper.max, squeezed = gripper.min, tolerance } = given;
  for (const [key, value] of Object.entries({ released, squeezed })) {
    if (value < gripper.min || value > gripper.max)
      refuse(`leader.trigger.${key}`, value, `it must lie within ${gripper.min} .. ${gripper.max} m`);
  }
  if (released === squeezed) refuse('leader.trigger.squeezed', squeezed, 'it must differ from released');
  return { released, squeezed, tolerance };
}
