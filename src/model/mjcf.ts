/**
 * Kinematic tree from MJCF (MuJoCo XML reference, mujoco.readthedocs.io): bodies, hinge and slide joints, sites,
 * inertials, frames, default classes, compiler angles and includes. What does not move anything (geoms, cameras,
 * lights, actuators, contacts) is left to the simulation.
 */
import { dirname, resolve } from 'node:path';
import { quatAxisAngle, quatFromMatrix, quatMul, quatNormalize } from '../math/quat.ts';
import { poseMul } from '../math/se3.ts';
import { cross3, norm3, normalize3 } from '../math/vec.ts';
import type { Inertial, KinematicTree, TreeBody, TreeJoint, TreeSite } from './tree.ts';
import { type Element, invalid, label, number, numbers, readXml, required, unsupported } from './xml.ts';

/** Defaults of one class: per element name the attributes, those of the parent class included. */
type Defaults = Map<string, Record<string, string>>;

interface Reader {
  readonly file: string;
  /** Radians per unit of an angle in the file. MJCF counts in degrees unless the compiler says radian. */
  angle: number;
  eulerSequence: string;
  autoLimits: string;
  readonly classes: Map<string, Defaults>;
  readonly bodies: TreeBody[];
  readonly sites: TreeSite[];
  readonly names: Set<string>;
}

/** Reads an MJCF file and what it includes. Throws MODEL_* errors naming file, line, element and rule. */
export function readMjcf(file: string): KinematicTree {
  const path = resolve(file);
  const root = readXml(path);
  if (root.name !== 'mujoco') invalid(root, 'an MJCF file starts with <mujoco>');
  const sections = included(root, path, new Set([path]));
  const reader: Reader = {
    file: path,
    angle: Math.PI / 180,
    eulerSequence: 'xyz',
    autoLimits: 'true',
    classes: new Map([['main', new Map()]]),
    bodies: [],
    sites: [],
    names: new Set(),
  };
  // MuJoCo reads compiler and defaults before the bodies, wherever in the file they stand.
  for (const section of sections) if (section.name === 'compiler') compiler(reader, section);
  for (const section of sections) if (section.name === 'default') readDefaults(reader, section, null);
  reader.bodies.push({
    name: 'world',
    parent: -1,
    position: [0, 0, 0],
    orientation: [0, 0, 0, 1],
    joints: [],
    inertial: null,
  });
  reader.names.add('body world');
  for (const section of sections) {
    if (section.name === 'worldbody') contents(reader, section, 0, 'main', identity());
  }
  return { file: path, bodies: reader.bodies, sites: reader.sites };
}

/** The children of an element with every <include> replaced by what the file holds. Paths start at the main file. */
function included(e: Element, main: string, seen: Set<string>): Element[] {
  return e.children.flatMap((c) => {
    if (c.name !== 'include') {
      const inner = included(c, main, seen);
      c.children.splice(0, c.children.length, ...inner);
      return [c];
    }
    const path = resolve(dirname(main), required(c, 'file'));
    if (seen.has(path)) invalid(c, `${path} is included twice, which MuJoCo forbids`);
    seen.add(path);
    return included(readXml(path), main, seen);
  });
}

function compiler(r: Reader, e: Element): void {
  const angle = e.attributes['angle'];
  if (angle === 'radian') r.angle = 1;
  else if (angle === 'degree') r.angle = Math.PI / 180;
  else if (angle !== undefined) invalid(e, 'angle must be radian or degree');
  const sequence = e.attributes['eulerseq'];
  if (sequence !== undefined) {
    if (!/^[xyzXYZ]{3}$/.test(sequence)) invalid(e, 'eulerseq must be three letters of xyzXYZ');
    r.eulerSequence = sequence;
  }
  if (e.attributes['coordinate'] === 'global') unsupported(e, 'coordinate="global" was removed from MuJoCo');
  r.autoLimits = e.attributes['autolimits'] ?? r.autoLimits;
}

function readDefaults(r: Reader, e: Element, parent: string | null): void {
  const name =
    e.attributes['class'] ?? (parent === null ? 'main' : invalid(e, 'a nested default needs a class'));
  const own: Defaults = new Map(parent === null ? r.classes.get(name) : r.classes.get(parent));
  if (parent !== null && r.classes.has(name)) invalid(e, `the class ${name} is defined twice`);
  for (const c of e.children) {
    if (c.name !== 'default') own.set(c.name, { ...own.get(c.name), ...c.attributes });
  }
  r.classes.set(name, own);
  if (parent === null) r.classes.set('main', own);
  for (const c of e.children) if (c.name === 'default') readDefaults(r, c, name);
}

/** The element with the defaults of its class (its own, else the childclass around it) filled in. */
function withDefaults(r: Reader, e: Element, childClass: string): Element {
  const name = e.attributes['class'] ?? childClass;
  const defaults = r.classes.get(name);
  if (!defaults) invalid(e, `the default class ${name} is not defined`);
  return { ...e, attributes: { ...defaults.get(e.name), ...e.attributes } };
}

const identity = (): Float64Array => new Float64Array([0, 0, 0, 0, 0, 0, 1]);

/** Walks what stands inside a body or a frame; `offset` is the pose of the frame in the body. */
function contents(r: Reader, e: Element, body: number, childClass: string, offset: Float64Array): void {
  for (const c of e.children) {
    switch (c.name) {
      case 'body':
        readBody(r, c, body, childClass, offset);
        break;
      case 'frame': {
        const pose = identity();
        poseMul(pose, 0, offset, 0, poseOf(r, c), 0);
        contents(r, c, body, classOf(r, c, childClass), pose);
        break;
      }
      case 'site': {
        const site = withDefaults(r, c, childClass);
        const pose = identity();
        poseMul(pose, 0, offset, 0, poseOf(r, site), 0);
        const name = site.attributes['name'];
        if (name === undefined) break;
        claim(r, c, 'site', name);
        r.sites.push({ name, body, position: [...pose.subarray(0, 3)], orientation: [...pose.subarray(3)] });
        break;
      }
      case 'replicate':
      case 'attach':
      case 'composite':
      case 'flexcomp':
        unsupported(c, 'a kinematic model must write its bodies out');
        break;
      default:
        if ((c.name === 'joint' || c.name === 'freejoint') && body === 0)
          invalid(c, 'the world cannot have a joint');
    }
  }
}

function classOf(r: Reader, e: Element, fallback: string): string {
  const name = e.attributes['childclass'];
  if (name === undefined) return fallback;
  if (!r.classes.has(name)) invalid(e, `the default class ${name} is not defined`);
  return name;
}

function claim(r: Reader, e: Element, kind: string, name: string): void {
  if (r.names.has(`${kind} ${name}`)) invalid(e, `the name is used by another ${kind}`);
  r.names.add(`${kind} ${name}`);
}

function readBody(r: Reader, e: Element, parent: number, outerClass: string, offset: Float64Array): void {
  const childClass = classOf(r, e, outerClass);
  const pose = identity();
  poseMul(pose, 0, offset, 0, poseOf(r, e), 0);
  if (e.attributes['mocap'] === 'true') unsupported(e, 'a mocap body has no place in the model of an arm');
  const index = r.bodies.length;
  const name = e.attributes['name'] ?? `body${index}`;
  claim(r, e, 'body', name);
  const joints: TreeJoint[] = [];
  let inertial: Inertial | null = null;
  for (const c of e.children) {
    if (c.name === 'joint') joints.push(readJoint(r, withDefaults(r, c, childClass), name));
    if (c.name === 'freejoint') unsupported(c, 'a free body has no place in the model of an arm');
    if (c.name === 'inertial') inertial = readInertial(r, c);
  }
  r.bodies.push({
    name,
    parent,
    position: [...pose.subarray(0, 3)],
    orientation: [...pose.subarray(3)],
    joints,
    inertial,
  });
  contents(r, e, index, childClass, identity());
}

function readJoint(r: Reader, e: Element, body: string): TreeJoint {
  const type = e.attributes['type'] ?? 'hinge';
  if (type !== 'hinge' && type !== 'slide')
    unsupported(e, `type is ${type}, but only hinge and slide are read`);
  const axis = new Float64Array(numbers(e, 'axis', 3) ?? [0, 0, 1]);
  if (!normalize3(axis)) invalid(e, 'axis must not be zero');
  const unit = type === 'hinge' ? r.angle : 1;
  const range = numbers(e, 'range', 2);
  const limited = e.attributes['limited'] ?? 'auto';
  const isLimited = limited === 'true' || (limited === 'auto' && r.autoLimits !== 'false' && range !== null);
  if (isLimited && range === null) invalid(e, 'limited="true" needs a range');
  if (isLimited && !(range![0]! < range![1]!)) invalid(e, 'the range must be low, then high');
  const name = e.attributes['name'] ?? `${body}.joint`;
  claim(r, e, 'joint', name);
  return {
    name,
    type: type === 'hinge' ? 'revolute' : 'prismatic',
    axis: [...axis],
    position: numbers(e, 'pos', 3) ?? [0, 0, 0],
    ref: number(e, 'ref', 0) * unit,
    range: isLimited ? [range![0]! * unit, range![1]! * unit] : null,
    armature: number(e, 'armature', 0),
    damping: number(e, 'damping', 0),
    frictionloss: number(e, 'frictionloss', 0),
    mimic: null,
  };
}

function readInertial(r: Reader, e: Element): Inertial {
  const pose = poseOf(r, e);
  const diagonal = numbers(e, 'diaginertia', 3);
  const full = numbers(e, 'fullinertia', 6);
  if ((diagonal === null) === (full === null)) invalid(e, 'one of diaginertia and fullinertia must be given');
  required(e, 'mass');
  return {
    mass: number(e, 'mass', 0),
    position: [...pose.subarray(0, 3)],
    orientation: [...pose.subarray(3)],
    inertia: full ?? [...diagonal!, 0, 0, 0],
  };
}

const ORIENTATIONS = ['quat', 'axisangle', 'euler', 'xyaxes', 'zaxis'] as const;

/** Pose of an element from pos and one of the five ways to say an orientation. */
function poseOf(r: Reader, e: Element): Float64Array {
  const pose = identity();
  pose.set(numbers(e, 'pos', 3) ?? [0, 0, 0]);
  const given = ORIENTATIONS.filter((o) => e.attributes[o] !== undefined);
  if (given.length > 1) invalid(e, `only one of ${given.join(', ')} may be given`);
  const q = pose.subarray(3);
  switch (given[0]) {
    case undefined:
      break;
    case 'quat': {
      const [w, x, y, z] = numbers(e, 'quat', 4)!; // MuJoCo's order is w x y z
      q.set([x!, y!, z!, w!]);
      if (!quatNormalize(q)) invalid(e, 'quat must not be zero');
      break;
    }
    case 'axisangle': {
      const values = new Float64Array(numbers(e, 'axisangle', 4)!);
      if (!normalize3(values)) invalid(e, 'the axis of axisangle must not be zero');
      quatAxisAngle(q, 0, values, 0, values[3]! * r.angle);
      break;
    }
    case 'euler':
      euler(q, numbers(e, 'euler', 3)!, r.angle, r.eulerSequence);
      break;
    case 'xyaxes':
      fromXyAxes(e, q, new Float64Array(numbers(e, 'xyaxes', 6)!));
      break;
    case 'zaxis':
      fromZAxis(e, q, new Float64Array(numbers(e, 'zaxis', 3)!));
      break;
    default:
      throw new Error(`orientation of ${label(e)}` satisfies string);
  }
  return pose;
}

/** Lower-case letters turn about the moving axes (post-multiply), upper-case about the fixed ones (pre-multiply). */
function euler(q: Float64Array, angles: number[], unit: number, sequence: string): void {
  const step = new Float64Array(4);
  const axis = new Float64Array(3);
  for (let i = 0; i < 3; i++) {
    const letter = sequence[i]!;
    axis.fill(0);
    axis['xyz'.indexOf(letter.toLowerCase())] = 1;
    quatAxisAngle(step, 0, axis, 0, angles[i]! * unit);
    if (letter === letter.toLowerCase()) quatMul(q, 0, q, 0, step, 0);
    else quatMul(q, 0, step, 0, q, 0);
  }
}

function fromXyAxes(e: Element, q: Float64Array, v: Float64Array): void {
  if (!normalize3(v)) invalid(e, 'the x axis of xyaxes must not be zero');
  const along = v[0]! * v[3]! + v[1]! * v[4]! + v[2]! * v[5]!;
  for (let i = 0; i < 3; i++) v[3 + i]! -= along * v[i]!;
  if (!normalize3(v, 3)) invalid(e, 'the y axis of xyaxes must not lie along x');
  const z = new Float64Array(3);
  cross3(z, 0, v, 0, v, 3);
  const m = new Float64Array([v[0]!, v[3]!, z[0]!, v[1]!, v[4]!, z[1]!, v[2]!, v[5]!, z[2]!]);
  quatFromMatrix(q, 0, m, 0);
}

/** The smallest turn that takes z to the given direction, as MuJoCo's mju_quatZ2Vec. */
function fromZAxis(e: Element, q: Float64Array, v: Float64Array): void {
  if (!normalize3(v)) invalid(e, 'zaxis must not be zero');
  const axis = new Float64Array(3);
  cross3(axis, 0, new Float64Array([0, 0, 1]), 0, v, 0);
  const s = norm3(axis);
  if (s < 1e-10) axis.set([1, 0, 0]);
  else normalize3(axis);
  quatAxisAngle(q, 0, axis, 0, Math.atan2(s, v[2]!));
}
