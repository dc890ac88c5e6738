/** From a robot file's model entry to the kinematics that controllers and guard use, and to the arm's dynamics. */
import { ArmloopError } from '../errors.ts';
import type { AxisSpec, RobotSpec } from '../robot/spec.ts';
import { dynamicTree } from './dynamic-tree.ts';
import type { DynamicsModel, DynamicsOptions } from './dynamics.ts';
import type { KinematicModel } from './kinematics.ts';
import { readMjcf } from './mjcf.ts';
import type { KinematicTree } from './tree.ts';
import { TreeDynamics } from './tree-dynamics.ts';
import { TreeKinematics } from './tree-kinematics.ts';
import { readUrdf } from './urdf.ts';
import { readXml } from './xml.ts';

/** Reads the tree of an MJCF or URDF file, told apart by its first element. Throws MODEL_* errors. */
export function readTree(file: string): KinematicTree {
  const root = readXml(file);
  if (root.name === 'mujoco') return readMjcf(file);
  if (root.name === 'robot') return readUrdf(file);
  throw new ArmloopError('MODEL_INVALID', {
    file,
    line: root.line,
    element: `<${root.name}>`,
    rule: 'a model file starts with <mujoco> (MJCF) or <robot> (URDF)',
  });
}

/** Kinematics of the rig in a robot file, in plain loops. Reads the model file; throws MODEL_* errors. */
export function loadKinematics(spec: Pick<RobotSpec, 'model' | 'axes'>): KinematicModel {
  return buildKinematics(readTree(spec.model.file), spec.axes, spec.model.tool);
}

/** The same from a tree already read. */
export function buildKinematics(
  tree: KinematicTree,
  axes: readonly Pick<AxisSpec, 'name' | 'joints'>[],
  tool: string,
): KinematicModel {
  return new TreeKinematics(tree, axes, tool);
}

/** Dynamics in plain loops. Throws what `dynamicTree` throws. */
export function buildDynamics(tree: KinematicTree, options: DynamicsOptions = {}): DynamicsModel {
  return new TreeDynamics(dynamicTree(tree, options));
}

/**
 * The arm of a robot file for its dynamics: the arm's axes are the degrees of freedom; the gripper is held at `opening`
 * (its axis' unit; the home value unless given) and lumped into the link that carries it.
 */
export function armOptions(
  spec: Pick<RobotSpec, 'axes' | 'gripperAxis'>,
  opening: number | null = null,
): Required<Pick<DynamicsOptions, 'axes' | 'locked'>> {
  const gripper = spec.axes[spec.gripperAxis];
  return {
    axes: spec.axes.filter((axis) => axis !== gripper).map(({ name, joints }) => ({ name, joints })),
    locked: Object.fromEntries(
      (gripper?.joints ?? []).map((j) => [j.name, j.ratio * (opening ?? gripper!.home)]),
    ),
  };
}
