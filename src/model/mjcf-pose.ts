/** Poses of MJCF elements: pos and one of the five ways to say an orientation. */
import { quatAxisAngle, quatFromMatrix, quatMul, quatNormalize } from '../math/quat.ts';
import { cross3, norm3, normalize3 } from '../math/vec.ts';
import { type Element, invalid, label, numbers } from './xml.ts';

/** What the compiler element says about angles. */
export interface Angles {
  /** Radians per unit of an angle in the file. MJCF counts in degrees unless the compiler says radian. */
  angle: number;
  eulerSequence: string;
}

export const identity = (): Float64Array => new Float64Array([0, 0, 0, 0, 0, 0, 1]);

const ORIENTATIONS = ['quat', 'axisangle', 'euler', 'xyaxes', 'zaxis'] as const;

/** Pose of an element from pos and one of the five ways to say an orientation. */
export function poseOf(r: Angles, e: Element): Float64Array {
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
export function fromZAxis(e: Element, q: Float64Array, v: Float64Array): void {
  if (!normalize3(v)) invalid(e, 'zaxis must not be zero');
  const axis = new Float64Array(3);
  cross3(axis, 0, new Float64Array([0, 0, 1]), 0, v, 0);
  const s = norm3(axis);
  if (s < 1e-10) axis.set([1, 0, 0]);
  else normalize3(axis);
  quatAxisAngle(q, 0, axis, 0, Math.atan2(s, v[2]!));
}
