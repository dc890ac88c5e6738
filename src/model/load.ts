/** From a robot file's model entry to the kinematics that controllers and guard use. */
import { ArmloopError } from '../errors.ts';
import type { AxisSpec, RobotSpec } from '../robot/spec.ts';
import type { KinematicModel } from './kinematics.ts';
import { readMjcf } from './mjcf.ts';
import type { KinematicTree } from './tree.ts';
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
