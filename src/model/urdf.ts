/**
 * Kinematic tree from URDF (wiki.ros.org/urdf/XML): links, revolute, continuous, prismatic and fixed joints, mimic,
 * inertials. A body `world` stands before the root link, so that both model languages start alike.
 */
import { resolve } from 'node:path';
import { quatFromRpy } from '../math/quat.ts';
import { normalize3 } from '../math/vec.ts';
import type { Inertial, KinematicTree, TreeBody, TreeJoint } from './tree.ts';
import { child, type Element, invalid, number, numbers, readXml, required, unsupported } from './xml.ts';

/** Reads a URDF file. Throws MODEL_* errors naming file, line, element and rule. */
export function readUrdf(file: string): KinematicTree {
  const path = resolve(file);
  const robot = readXml(path);
  if (robot.name !== 'robot') invalid(robot, 'a URDF file starts with <robot>');
  const links = new Map<string, Element>();
  const byParent = new Map<string, Element[]>();
  const parented = new Set<string>();
  const jointNames = new Set<string>();
  for (const e of robot.children) {
    if (e.name === 'link') {
      const name = required(e, 'name');
      if (links.has(name)) invalid(e, 'the name is used by another link');
      links.set(name, e);
    }
  }
  for (const e of robot.children) {
    if (e.name !== 'joint') continue;
    const name = required(e, 'name');
    if (jointNames.has(name)) invalid(e, 'the name is used by another joint');
    jointNames.add(name);
    const parent = linkOf(e, 'parent', links);
    const to = linkOf(e, 'child', links);
    if (parented.has(to)) invalid(e, `the link ${to} has two parents; a tree is needed`);
    parented.add(to);
    byParent.set(parent, [...(byParent.get(parent) ?? []), e]);
  }
  const roots = [...links.keys()].filter((l) => !parented.has(l));
  if (roots.length !== 1) {
    invalid(
      robot,
      `exactly one link must be without a parent joint, not ${roots.length} (${roots.join(', ')})`,
    );
  }
  const bodies: TreeBody[] = [fixed('world', -1, null)];
  const walk = (link: string, index: number): void => {
    for (const joint of byParent.get(link) ?? []) {
      const to = linkOf(joint, 'child', links);
      bodies.push(readLink(links.get(to)!, joint, index, jointNames));
      walk(to, bodies.length - 1);
    }
  };
  bodies.push(fixed(roots[0]!, 0, readInertial(links.get(roots[0]!)!)));
  walk(roots[0]!, 1);
  return { file: path, bodies, sites: [] };
}

const fixed = (name: string, parent: number, inertial: Inertial | null): TreeBody => ({
  name,
  parent,
  position: [0, 0, 0],
  orientation: [0, 0, 0, 1],
  joints: [],
  inertial,
  problem: null,
});

function linkOf(joint: Element, role: 'parent' | 'child', links: ReadonlyMap<string, Element>): string {
  const e = child(joint, role) ?? invalid(joint, `<${role} link="…"> must be given`);
  const link = required(e, 'link');
  if (!links.has(link)) invalid(joint, `its ${role} link ${link} does not exist`);
  return link;
}

/** `origin` of an element: xyz in m, rpy in rad. */
function origin(e: Element): { position: number[]; orientation: number[] } {
  const o = child(e, 'origin');
  const q = new Float64Array([0, 0, 0, 1]);
  const rpy = o ? numbers(o, 'rpy', 3) : null;
  if (rpy) quatFromRpy(q, 0, rpy[0]!, rpy[1]!, rpy[2]!);
  return { position: (o ? numbers(o, 'xyz', 3) : null) ?? [0, 0, 0], orientation: [...q] };
}

function readLink(link: Element, joint: Element, parent: number, names: ReadonlySet<string>): TreeBody {
  const type = required(joint, 'type');
  const pose = origin(joint);
  const body = {
    name: link.attributes['name']!,
    parent,
    ...pose,
    inertial: readInertial(link),
    problem: null,
  };
  if (type === 'fixed') return { ...body, joints: [] };
  if (type !== 'revolute' && type !== 'continuous' && type !== 'prismatic') {
    unsupported(joint, `type is ${type}, but only revolute, continuous, prismatic and fixed are read`);
  }
  const axisElement = child(joint, 'axis');
  const axis = new Float64Array((axisElement && numbers(axisElement, 'xyz', 3)) ?? [1, 0, 0]);
  if (!normalize3(axis)) invalid(joint, 'axis must not be zero');
  const limit = child(joint, 'limit');
  if (!limit && type !== 'continuous') invalid(joint, `a ${type} joint needs <limit>`);
  const dynamics = child(joint, 'dynamics');
  // Files without figures write 0.
  const effort = limit ? number(limit, 'effort', 0) : 0;
  const velocity = limit ? number(limit, 'velocity', 0) : 0;
  const treeJoint: TreeJoint = {
    name: joint.attributes['name']!,
    type: type === 'prismatic' ? 'prismatic' : 'revolute',
    axis: [...axis],
    position: [0, 0, 0],
    ref: 0,
    range: type === 'continuous' || !limit ? null : [number(limit, 'lower', 0), number(limit, 'upper', 0)],
    armature: 0,
    damping: dynamics ? number(dynamics, 'damping', 0) : 0,
    frictionloss: dynamics ? number(dynamics, 'friction', 0) : 0,
    effort: effort > 0 ? [-effort, effort] : null,
    velocity: velocity > 0 ? velocity : null,
    mimic: readMimic(joint, names),
  };
  return { ...body, joints: [treeJoint] };
}

function readMimic(joint: Element, names: ReadonlySet<string>): TreeJoint['mimic'] {
  const e = child(joint, 'mimic');
  if (!e) return null;
  const other = required(e, 'joint');
  if (!names.has(other)) invalid(joint, `it mimics the joint ${other}, which does not exist`);
  if (other === joint.attributes['name']) invalid(joint, 'a joint cannot mimic itself');
  return { joint: other, multiplier: number(e, 'multiplier', 1), offset: number(e, 'offset', 0) };
}

function readInertial(link: Element): Inertial | null {
  const e = child(link, 'inertial');
  if (!e) return null;
  const mass = child(e, 'mass') ?? invalid(link, '<inertial> needs <mass>');
  const inertia = child(e, 'inertia') ?? invalid(link, '<inertial> needs <inertia>');
  if (!(number(mass, 'value', 0) >= 0)) invalid(mass, 'value must be 0 or more');
  return {
    mass: number(mass, 'value', 0),
    ...origin(e),
    inertia: ['ixx', 'iyy', 'izz', 'ixy', 'ixz', 'iyz'].map((k) => number(inertia, k, 0)),
  };
}
