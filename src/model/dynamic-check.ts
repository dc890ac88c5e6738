/** What a model and its options must give before there can be dynamics; each refusal says the body or the option. */
import { ArmloopError } from '../errors.ts';
import type { DynamicsOptions, DynamicTree, Payload } from './dynamics.ts';
import { isIndefinite } from './inertia.ts';
import type { KinematicTree, TreeBody } from './tree.ts';

function option(name: string, value: unknown, rule: string): never {
  throw new ArmloopError('MODEL_OPTION', { option: name, value: String(value), rule });
}

const areFinite = (values: readonly number[], count: number): boolean =>
  values.length === count && values.every(Number.isFinite);

/** Throws MODEL_OPTION. */
export function checkOptions({ gravity, locked, frictionEps }: DynamicsOptions): void {
  if (gravity !== undefined && !areFinite(gravity, 3)) option('gravity', gravity, 'it must be 3 numbers');
  for (const [name, value] of Object.entries(locked ?? {})) {
    if (!Number.isFinite(value)) option(`locked.${name}`, value, 'it must be a number, rad or m');
  }
  if (frictionEps !== undefined && !(frictionEps > 0 && frictionEps < Number.POSITIVE_INFINITY)) {
    option('frictionEps', frictionEps, 'it must be a speed above 0');
  }
}

/** Throws MODEL_OPTION. */
export function checkPayload({ mass, position, inertia }: Payload): void {
  if (!(mass >= 0 && mass < Number.POSITIVE_INFINITY))
    option('payload.mass', mass, 'it must be 0 kg or more');
  if (!areFinite(position, 3)) option('payload.position', position, 'it must be 3 numbers');
  if (inertia === undefined) return;
  if (!areFinite(inertia, 6) || isIndefinite(inertia)) {
    option('payload.inertia', inertia, 'it must be xx yy zz xy xz yz of a positive semidefinite matrix');
  }
}

/** Throws MODEL_NO_DYNAMICS for a moving body whose mass or forces the file does not say in a way that is read. */
export function checkInertia(tree: KinematicTree, body: TreeBody): void {
  const refuse = (reason: string): never => {
    throw new ArmloopError('MODEL_NO_DYNAMICS', { file: tree.file, body: body.name, reason });
  };
  if (body.problem !== null) refuse(body.problem);
  if (body.inertial === null) return;
  const { inertia } = body.inertial;
  if (isIndefinite(inertia)) {
    refuse(`its inertia ${inertia.join(' ')} (xx yy zz xy xz yz) has a negative principal moment`);
  }
}

/**
 * Throws MODEL_NO_MASS when a joint moves nothing that has inertia: M would be singular everywhere. Special postures
 * can still make it so (a point mass on its axis); then `forward` gives what is not finite.
 */
export function checkMoves(tree: DynamicTree): void {
  const resists = new Float64Array(tree.joints.length);
  tree.joints.forEach((joint, dof) => {
    resists[dof] = joint.armature;
  });
  const moves = tree.links.map((l) => l.mass + l.inertia[0]! + l.inertia[1]! + l.inertia[2]!);
  for (let i = tree.links.length - 1; i >= 0; i--) {
    const { parent, dof } = tree.links[i]!;
    if (parent >= 0) moves[parent]! += moves[i]!;
    resists[dof]! += moves[i]!;
  }
  tree.joints.forEach((joint, dof) => {
    if (resists[dof]! > 0) return;
    throw new ArmloopError('MODEL_NO_MASS', { file: tree.file, joint: joint.name });
  });
}
