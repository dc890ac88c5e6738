/**
 * Mass and inertia of MJCF geoms, for bodies without <inertial> (MuJoCo XML reference, body/geom and compiler:
 * mass, else density × volume; primitive shapes). Homogeneous solids; formulas of MuJoCo's user_objects.cc.
 */
import { quatToMatrix } from '../math/quat.ts';
import { type Lump, moveLump } from './inertia.ts';
import { type Angles, fromZAxis, identity, poseOf } from './mjcf-pose.ts';
import { type Element, invalid, label, number, numbers } from './xml.ts';

/** What the compiler element says about the masses of geoms. */
export interface GeomRules {
  inertiaFromGeom: string;
  /** Lowest and highest geom group that counts. */
  groups: readonly number[];
}

/** Pose of a geom in its body; `fromto` puts the z axis on the line from its second point to its first. */
export function geomPose(r: Angles, e: Element): Float64Array {
  const ends = numbers(e, 'fromto', 6);
  if (ends === null) return poseOf(r, e);
  const pose = identity();
  const along = new Float64Array(3);
  for (let i = 0; i < 3; i++) {
    pose[i] = (ends[i]! + ends[3 + i]!) / 2;
    along[i] = ends[i]! - ends[3 + i]!;
  }
  fromZAxis(e, pose.subarray(3), along);
  return pose;
}

/** What a geom at `pose` weighs, in its body's frame; null: nothing; text: why it cannot be said. */
export function geomLump(r: GeomRules, e: Element, pose: Float64Array): Lump | string | null {
  const group = number(e, 'group', 0);
  if (group < r.groups[0]! || group > r.groups[1]!) return null;
  const mass = e.attributes['mass'] === undefined ? null : number(e, 'mass', 0);
  const density = number(e, 'density', 1000);
  if (mass === 0 || (mass === null && density === 0)) return null;
  const type = e.attributes['type'] ?? 'sphere';
  if (type === 'plane' || type === 'hfield') return null;
  if (e.attributes['mesh'] !== undefined || !(type in SHAPES)) {
    return `${label(e)} is a ${e.attributes['mesh'] === undefined ? type : 'mesh'}, whose mass is not computed`;
  }
  if (e.attributes['shellinertia'] === 'true') return `${label(e)} has shellinertia, which is not read`;
  const { volume, unit } = SHAPES[type as keyof typeof SHAPES](sizeOf(e, type));
  const weight = mass ?? density * volume;
  const rotation = new Float64Array(9);
  quatToMatrix(rotation, 0, pose, 3);
  const own = { mass: weight, com: [0, 0, 0], inertia: [...unit.map((x) => x * weight), 0, 0, 0] };
  return moveLump(own, [...rotation], [...pose.subarray(0, 3)]);
}

/** Sizes as the shape needs them: those of the file, with the length of `fromto` in the place where it belongs. */
function sizeOf(e: Element, type: string): number[] {
  const size = numbers(e, 'size') ?? [];
  const ends = numbers(e, 'fromto', 6);
  const half = ends && Math.hypot(ends[0]! - ends[3]!, ends[1]! - ends[4]!, ends[2]! - ends[5]!) / 2;
  const round = type === 'capsule' || type === 'cylinder';
  const all = half === null ? size : round ? [size[0]!, half] : [size[0]!, size[0]!, half];
  const count = type === 'sphere' ? 1 : round ? 2 : 3;
  if (!(all.length >= count && all.slice(0, count).every((x) => x > 0))) {
    invalid(e, `a ${type} needs ${count} sizes above 0`);
  }
  return all;
}

interface Shape {
  /** m³. */
  readonly volume: number;
  /** Principal moments per kg about the centre, m². */
  readonly unit: readonly [number, number, number];
}

const SHAPES = {
  sphere: ([r]) => ellipsoid(r!, r!, r!),
  ellipsoid: ([a, b, c]) => ellipsoid(a!, b!, c!),
  box: ([a, b, c]) => ({
    volume: 8 * a! * b! * c!,
    unit: [(b! * b! + c! * c!) / 3, (a! * a! + c! * c!) / 3, (a! * a! + b! * b!) / 3],
  }),
  cylinder: ([r, h]) => {
    const across = (r! * r!) / 4 + (h! * h!) / 3;
    return { volume: 2 * Math.PI * r! * r! * h!, unit: [across, across, (r! * r!) / 2] };
  },
  capsule: ([r, h]) => {
    const tube = 2 * Math.PI * r! * r! * h!;
    const caps = (4 / 3) * Math.PI * r! ** 3;
    const share = tube / (tube + caps);
    const ends = (2 / 5) * r! * r! + h! * h! + (3 / 4) * h! * r!;
    const across = share * ((r! * r!) / 4 + (h! * h!) / 3) + (1 - share) * ends;
    const along = share * ((r! * r!) / 2) + (1 - share) * (2 / 5) * r! * r!;
    return { volume: tube + caps, unit: [across, across, along] };
  },
} satisfies Record<string, (size: number[]) => Shape>;

function ellipsoid(a: number, b: number, c: number): Shape {
  return {
    volume: (4 / 3) * Math.PI * a * b * c,
    unit: [(b * b + c * c) / 5, (a * a + c * c) / 5, (a * a + b * b) / 5],
  };
}
