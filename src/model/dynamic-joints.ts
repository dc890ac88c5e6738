/** Which degree of freedom moves each joint of a model, and what the joints of one degree of freedom sum up to. */
import { ArmloopError } from '../errors.ts';
import type { DynamicsJoint, DynamicsOptions } from './dynamics.ts';
import type { KinematicTree, TreeJoint } from './tree.ts';

/** Joint value = scale · q[dof] + offset; dof -1: it stands at offset. */
export interface JointValue {
  readonly dof: number;
  readonly scale: number;
  readonly offset: number;
}

/** By joint name. Throws MODEL_UNKNOWN_JOINT, MODEL_OPTION, MODEL_NO_JOINT, MODEL_MIMIC_LOOP. */
export function coordinates(tree: KinematicTree, options: DynamicsOptions): Map<string, JointValue> {
  const joints = tree.bodies.flatMap((b) => b.joints);
  const names = new Set(joints.map((j) => j.name));
  const known = joints.map((j) => j.name).join(', ');
  const values = new Map<string, JointValue>();
  for (const [name, offset] of Object.entries(options.locked ?? {})) {
    if (!names.has(name)) {
      const rule = `${tree.file} has no such joint; it has ${known}`;
      throw new ArmloopError('MODEL_OPTION', { option: 'locked', value: name, rule });
    }
    values.set(name, { dof: -1, scale: 0, offset });
  }
  options.axes?.forEach((axis, dof) => {
    for (const { name, ratio } of axis.joints) {
      if (!names.has(name)) {
        throw new ArmloopError('MODEL_UNKNOWN_JOINT', {
          axis: axis.name,
          joint: name,
          file: tree.file,
          known,
        });
      }
      if (values.has(name)) {
        const rule = 'a joint is locked, or driven by one axis';
        throw new ArmloopError('MODEL_OPTION', { option: 'axes', value: name, rule });
      }
      values.set(name, { dof, scale: ratio, offset: 0 });
    }
  });
  let dofs = options.axes?.length ?? 0;
  for (const joint of joints) {
    if (values.has(joint.name) || joint.mimic !== null) continue;
    if (options.axes) values.set(joint.name, { dof: -1, scale: 0, offset: joint.ref });
    else values.set(joint.name, { dof: dofs++, scale: 1, offset: 0 });
  }
  mimics(tree, joints, values);
  if (dofs === 0) throw new ArmloopError('MODEL_NO_JOINT', { file: tree.file });
  return values;
}

/** Joints that follow others, in as many rounds as they follow each other deep. */
function mimics(tree: KinematicTree, joints: readonly TreeJoint[], values: Map<string, JointValue>): void {
  let open = joints.filter((j) => !values.has(j.name));
  while (open.length > 0) {
    for (const { name, mimic } of open) {
      const driver = values.get(mimic!.joint);
      if (driver === undefined) continue;
      values.set(name, {
        dof: driver.dof,
        scale: mimic!.multiplier * driver.scale,
        offset: mimic!.multiplier * driver.offset + mimic!.offset,
      });
    }
    const rest = open.filter((j) => !values.has(j.name));
    if (rest.length === open.length) {
      throw new ArmloopError('MODEL_MIMIC_LOOP', {
        file: tree.file,
        joints: rest.map((j) => j.name).join(', '),
      });
    }
    open = rest;
  }
}

/**
 * Facts of each degree of freedom. A joint at scale s adds s² times its armature and damping, |s| times its friction
 * and effort; limits are the tightest of all joints, in terms of q.
 */
export function jointOfDof(
  tree: KinematicTree,
  options: DynamicsOptions,
  values: ReadonlyMap<string, JointValue>,
): DynamicsJoint[] {
  const joints = tree.bodies.flatMap((b) => b.joints);
  const dofs = 1 + Math.max(...[...values.values()].map((v) => v.dof));
  return Array.from({ length: Math.max(dofs, options.axes?.length ?? 0) }, (_, dof) => {
    const own = joints.filter((j) => values.get(j.name)!.dof === dof && values.get(j.name)!.scale !== 0);
    const name = options.axes?.[dof]?.name ?? own.find((j) => j.mimic === null)?.name;
    if (own.length === 0 || name === undefined) {
      const rule = 'an axis drives at least one joint, at a ratio that is not 0';
      throw new ArmloopError('MODEL_OPTION', { option: 'axes', value: name ?? '', rule });
    }
    const scaleOf = (j: TreeJoint): number => values.get(j.name)!.scale;
    const sum = (f: (j: TreeJoint) => number): number => own.reduce((total, j) => total + f(j), 0);
    return {
      name,
      type: own[0]!.type,
      range: tightest(own.map((j) => ofDof(j.range, values.get(j.name)!))),
      effort: summed(own.map((j) => ofEffort(j.effort, scaleOf(j)))),
      velocity: own.reduce<number | null>((least, j) => {
        if (j.velocity === null) return least;
        return Math.min(least ?? Number.POSITIVE_INFINITY, j.velocity / Math.abs(scaleOf(j)));
      }, null),
      armature: sum((j) => scaleOf(j) ** 2 * j.armature),
      damping: sum((j) => scaleOf(j) ** 2 * j.damping),
      frictionloss: sum((j) => Math.abs(scaleOf(j)) * j.frictionloss),
    };
  });
}

type Range = readonly [number, number] | null;

/** The range of q that keeps a joint in its own. */
function ofDof(range: Range, { scale, offset }: JointValue): Range {
  if (range === null) return null;
  const ends = range.map((x) => (x - offset) / scale);
  return [Math.min(...ends), Math.max(...ends)];
}

function ofEffort(effort: Range, scale: number): Range {
  if (effort === null) return null;
  const ends = effort.map((x) => x * scale);
  return [Math.min(...ends), Math.max(...ends)];
}

function tightest(ranges: readonly Range[]): Range {
  const given = ranges.filter((r) => r !== null);
  if (given.length === 0) return null;
  return [Math.max(...given.map((r) => r[0])), Math.min(...given.map((r) => r[1]))];
}

/** Null as soon as one joint has no limit. */
function summed(ranges: readonly Range[]): Range {
  return ranges.reduce((a, b) => (a === null || b === null ? null : [a[0] + b[0], a[1] + b[1]]));
}
