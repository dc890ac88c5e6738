/**
 * From the tree of a model file to the tree that dynamics is computed on: one link per joint that moves, its axis on z;
 * whatever is fixed to a link, or held by a locked joint, is lumped into it.
 */
import { ArmloopError } from '../errors.ts';
import { quatToMatrix } from '../math/quat.ts';
import { checkInertia, checkMoves, checkOptions, checkPayload } from './dynamic-check.ts';
import { coordinates, type JointValue, jointOfDof } from './dynamic-joints.ts';
import type { DynamicFrame, DynamicLink, DynamicsOptions, DynamicTree } from './dynamics.ts';
import { joinLumps, type Lump, matMul, moveLump, NO_LUMP, rotatePoint, transpose } from './inertia.ts';
import type { Inertial, KinematicTree, TreeJoint } from './tree.ts';

/** A frame fixed to a link (-1: to the base). */
interface Place {
  readonly link: number;
  readonly rotation: readonly number[];
  readonly position: readonly number[];
}

type LinkPart = Omit<DynamicLink, 'mass' | 'com' | 'inertia'>;

/**
 * Throws MODEL_NO_DYNAMICS (the file says too little about a body that moves), MODEL_NO_MASS, MODEL_MIMIC_LOOP,
 * MODEL_NO_JOINT, MODEL_UNKNOWN_JOINT, MODEL_UNKNOWN_FRAME and MODEL_OPTION (an option out of its range).
 */
export function dynamicTree(tree: KinematicTree, options: DynamicsOptions = {}): DynamicTree {
  checkOptions(options);
  const values = coordinates(tree, options);
  const links: LinkPart[] = [];
  const lumps: Lump[] = [];
  const places: Place[] = [];
  for (const body of tree.bodies) {
    const parent = places[body.parent] ?? BASE;
    let place = within(parent, body.position, matrixOf(body.orientation));
    for (const joint of body.joints) {
      const value = values.get(joint.name)!;
      if (value.dof < 0) {
        place = held(place, joint, value.offset - joint.ref);
        continue;
      }
      links.push(linkOf(joint === body.joints.at(-1) ? body.name : joint.name, joint, value, place));
      lumps.push(NO_LUMP);
      // The body in the new link's frame: the axis stood at `axes` and `position` in the body.
      const back = transpose(axesAlong(joint.axis));
      const anchor = rotatePoint(back, joint.position).map((x) => -x);
      place = { link: links.length - 1, rotation: tidy(back), position: anchor };
    }
    places.push(place);
    if (place.link < 0) continue;
    checkInertia(tree, body);
    if (body.inertial === null) continue;
    lumps[place.link] = joinLumps(lumps[place.link]!, lumpAt(place, body.inertial));
  }
  const frames = framesOf(tree, places);
  addPayload(tree, frames, lumps, options);
  const result: DynamicTree = {
    file: tree.file,
    joints: jointOfDof(tree, options, values),
    links: links.map((link, i) => ({ ...link, ...lumps[i]! })),
    frames,
    gravity: options.gravity ?? [0, 0, -9.81],
    frictionEps: options.frictionEps ?? null,
  };
  checkMoves(result);
  return result;
}

const BASE: Place = { link: -1, rotation: [1, 0, 0, 0, 1, 0, 0, 0, 1], position: [0, 0, 0] };

function matrixOf(orientation: readonly number[]): number[] {
  const m = new Float64Array(9);
  quatToMatrix(m, 0, Float64Array.from(orientation), 0);
  return [...m];
}

/** The place of a frame that stands at (rotation, position) in a frame that is placed. */
function within(place: Place, position: readonly number[], rotation: readonly number[]): Place {
  return {
    link: place.link,
    rotation: tidy(matMul(place.rotation, rotation)),
    position: rotatePoint(place.rotation, position).map((x, i) => x + place.position[i]!),
  };
}

/** Turns of 90 degrees out of quaternions and angles leave dust of some 1e-16, which would cost generated code. */
function tidy(rotation: readonly number[]): number[] {
  return rotation.map((x) => {
    const whole = Math.round(x);
    return Math.abs(x - whole) < 1e-14 ? whole + 0 : x;
  });
}

/** Where a body stands whose joint is held `by` rad or m from where the file places it. */
function held(place: Place, joint: TreeJoint, by: number): Place {
  const along = joint.axis.map((x) => x * by);
  if (joint.type === 'prismatic') return within(place, along, BASE.rotation);
  const half = Math.sin(by / 2);
  const turn = matrixOf([...joint.axis.map((x) => x * half), Math.cos(by / 2)]);
  const moved = rotatePoint(turn, joint.position);
  return within(
    place,
    joint.position.map((x, i) => x - moved[i]!),
    turn,
  );
}

function linkOf(name: string, joint: TreeJoint, value: JointValue, place: Place): LinkPart {
  const at = within(place, joint.position, axesAlong(joint.axis));
  return {
    name,
    parent: at.link,
    type: joint.type,
    dof: value.dof,
    scale: value.scale,
    offset: value.offset - joint.ref,
    rotation: at.rotation,
    position: at.position,
  };
}

/**
 * Rotation whose z axis is the given unit vector. For an axis along x, y or z it is a permutation with signs, so that
 * placements stay sparse: x is the next coordinate axis after the vector's largest component, made square to it.
 */
function axesAlong(axis: readonly number[]): number[] {
  const z = axis.map((x) => x);
  const largest = [0, 1, 2].reduce((best, i) => (Math.abs(z[i]!) > Math.abs(z[best]!) ? i : best), 0);
  const next = (largest + 1) % 3;
  const x = z.map((value, i) => (i === next ? 1 : 0) - z[next]! * value);
  const length = Math.hypot(...x);
  for (let i = 0; i < 3; i++) x[i]! /= length;
  const y = [z[1]! * x[2]! - z[2]! * x[1]!, z[2]! * x[0]! - z[0]! * x[2]!, z[0]! * x[1]! - z[1]! * x[0]!];
  return tidy([x[0]!, y[0]!, z[0]!, x[1]!, y[1]!, z[1]!, x[2]!, y[2]!, z[2]!]);
}

/** A body's inertial in the frame of the link that carries it. */
function lumpAt(place: Place, inertial: Inertial): Lump {
  const own: Lump = { mass: inertial.mass, com: [0, 0, 0], inertia: inertial.inertia };
  const inBody = moveLump(own, matrixOf(inertial.orientation), inertial.position);
  return moveLump(inBody, place.rotation, place.position);
}

/** Bodies, then sites whose name no body has. */
function framesOf(tree: KinematicTree, places: readonly Place[]): DynamicFrame[] {
  const frames = tree.bodies.map((body, i) => ({ name: body.name, ...places[i]! }));
  const names = new Set(frames.map((f) => f.name));
  for (const site of tree.sites) {
    if (names.has(site.name)) continue;
    frames.push({
      name: site.name,
      ...within(places[site.body]!, site.position, matrixOf(site.orientation)),
    });
  }
  return frames;
}

function addPayload(
  tree: KinematicTree,
  frames: readonly DynamicFrame[],
  lumps: Lump[],
  { payload }: DynamicsOptions,
): void {
  if (payload === undefined) return;
  checkPayload(payload);
  const frame = frames.find((f) => f.name === payload.frame);
  if (!frame) {
    const known = frames.map((f) => f.name).join(', ');
    throw new ArmloopError('MODEL_UNKNOWN_FRAME', { frame: payload.frame, file: tree.file, known });
  }
  if (frame.link < 0) return; // The base carries it.
  const own: Lump = {
    mass: payload.mass,
    com: payload.position,
    inertia: payload.inertia ?? NO_LUMP.inertia,
  };
  lumps[frame.link] = joinLumps(lumps[frame.link]!, moveLump(own, frame.rotation, frame.position));
}
