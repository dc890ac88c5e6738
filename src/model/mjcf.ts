/**
 * Kinematic tree from MJCF (MuJoCo XML reference, mujoco.readthedocs.io): bodies, hinge and slide joints, sites,
 * inertials, frames, default classes, compiler angles and includes; of geoms their mass, for bodies without an inertial.
 * What does not move anything (cameras, lights, actuators, contacts) is left to the simulation.
 */
import { dirname, resolve } from 'node:path';
import { poseMul } from '../math/se3.ts';
import { normalize3 } from '../math/vec.ts';
import { joinLumps, type Lump } from './inertia.ts';
import { type GeomRules, geomLump, geomPose } from './mjcf-geom.ts';
import { type Angles, identity, poseOf } from './mjcf-pose.ts';
import type { Inertial, KinematicTree, TreeBody, TreeJoint, TreeSite } from './tree.ts';
import { type Element, invalid, label, number, numbers, readXml, required, unsupported } from './xml.ts';

/** Defaults of one class: per element name the attributes, those of the parent class included. */
type Defaults = Map<string, Record<string, string>>;

interface Reader extends Angles, GeomRules {
  readonly file: string;
  autoLimits: string;
  /** Why no body's dynamics are as its elements say, or null. */
  problem: string | null;
  readonly classes: Map<string, Defaults>;
  readonly bodies: TreeBody[];
  /** What the geoms of each body weigh, and why that is not known (null: it is). */
  readonly geoms: { lump: Lump | null; problem: string | null }[];
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
    inertiaFromGeom: 'auto',
    groups: [0, 5],
    problem: null,
    classes: new Map([['main', new Map()]]),
    bodies: [],
    geoms: [{ lump: null, problem: null }],
    sites: [],
    names: new Set(),
  };
  // MuJoCo reads compiler and defaults before the bodies, wherever in the file they stand.
  for (const section of sections) if (section.name === 'compiler') compiler(reader, section);
  for (const section of sections) if (section.name === 'option') fluid(reader, section);
  for (const section of sections) if (section.name === 'default') readDefaults(reader, section, null);
  reader.bodies.push({
    name: 'world',
    parent: -1,
    position: [0, 0, 0],
    orientation: [0, 0, 0, 1],
    joints: [],
    inertial: null,
    problem: null,
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
  r.inertiaFromGeom = e.attributes['inertiafromgeom'] ?? r.inertiaFromGeom;
  r.groups = numbers(e, 'inertiagrouprange', 2) ?? r.groups;
  for (const name of ['settotalmass', 'boundmass', 'boundinertia']) {
    if (number(e, name, 0) > 0) r.problem = `<compiler ${name}> changes masses in a way that is not read`;
  }
  if (e.attributes['balanceinertia'] === 'true') {
    r.problem = '<compiler balanceinertia> changes inertias in a way that is not read';
  }
}

function fluid(r: Reader, e: Element): void {
  for (const name of ['density', 'viscosity']) {
    if (number(e, name, 0) > 0) r.problem = `<option ${name}> makes fluid forces, which are not read`;
  }
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
      case 'geom': {
        const geom = withDefaults(r, c, childClass);
        const pose = identity();
        poseMul(pose, 0, offset, 0, geomPose(r, geom), 0);
        const found = geomLump(r, geom, pose);
        const sum = r.geoms[body]!;
        if (typeof found === 'string') sum.problem ??= found;
        else if (found !== null) sum.lump = sum.lump === null ? found : joinLumps(sum.lump, found);
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
  let problem = r.problem;
  for (const c of e.children) {
    if (c.name === 'joint') {
      const joint = withDefaults(r, c, childClass);
      joints.push(readJoint(r, joint, name));
      if (number(joint, 'stiffness', 0) !== 0) {
        problem ??= `${label(joint)} has a stiffness, and springs are not read`;
      }
    }
    if (c.name === 'freejoint') unsupported(c, 'a free body has no place in the model of an arm');
    if (c.name === 'inertial') inertial = readInertial(r, c);
  }
  const body = {
    name,
    parent,
    position: [...pose.subarray(0, 3)],
    orientation: [...pose.subarray(3)],
    joints,
    inertial,
    problem,
  };
  r.bodies.push(body);
  const geoms = { lump: null as Lump | null, problem: null as string | null };
  r.geoms.push(geoms);
  contents(r, e, index, childClass, identity());
  // As MuJoCo's inertiafromgeom: `auto` asks the geoms when there is no <inertial>, `true` always, `false` never.
  if (r.inertiaFromGeom === 'false' || (r.inertiaFromGeom !== 'true' && inertial !== null)) return;
  body.problem ??= geoms.problem;
  body.inertial = geoms.lump && {
    mass: geoms.lump.mass,
    position: geoms.lump.com,
    orientation: [0, 0, 0, 1],
    inertia: geoms.lump.inertia,
  };
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
    effort: readEffort(r, e),
    velocity: null,
    mimic: null,
  };
}

function readEffort(r: Reader, e: Element): [number, number] | null {
  const range = numbers(e, 'actuatorfrcrange', 2);
  const limited = e.attributes['actuatorfrclimited'] ?? 'auto';
  if (range === null || limited === 'false' || (limited === 'auto' && r.autoLimits === 'false')) return null;
  if (!(range[0]! < range[1]!)) invalid(e, 'the actuatorfrcrange must be low, then high');
  return [range[0]!, range[1]!];
}

function readInertial(r: Reader, e: Element): Inertial {
  const pose = poseOf(r, e);
  const diagonal = numbers(e, 'diaginertia', 3);
  const full = numbers(e, 'fullinertia', 6);
  if ((diagonal === null) === (full === null)) invalid(e, 'one of diaginertia and fullinertia must be given');
  required(e, 'mass');
  if (!(number(e, 'mass', 0) >= 0)) invalid(e, 'mass must be 0 or more');
  return {
    mass: number(e, 'mass', 0),
    position: [...pose.subarray(0, 3)],
    orientation: [...pose.subarray(3)],
    inertia: full ?? [...diagonal!, 0, 0, 0],
  };
}
