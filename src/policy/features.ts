/**
 * Feature vectors from a Tick block, as policy.json names them. Training and deployment read their observations with
 * this one piece of code, so a policy never sees a number that is built another way than those it was trained on.
 */
import { ArmloopError } from '../errors.ts';
import type { Layout } from '../robot/layout.ts';
import type { Feature, Normaliser } from './manifest.ts';

/** Values of pose9: p (3), then the first two columns of the rotation matrix (3 each). */
export const POSE9 = 9;

/** Where numbers of a policy live: float32 for tensors, float64 for everything else. */
export type Numbers = Float32Array | Float64Array;

/**
 * out[at..at+9) = (p, R e_x, R e_y) of the pose (p x y z, quaternion x y z w) at pose[pi..pi+7). Unlike a quaternion it
 * has one value per rotation and is continuous (Zhou et al. 2019, "On the Continuity of Rotation Representations in
 * Neural Networks").
 */
export function poseToPose9(out: Numbers, at: number, pose: Float64Array, pi: number): void {
  const x = pose[pi + 3]!;
  const y = pose[pi + 4]!;
  const z = pose[pi + 5]!;
  const w = pose[pi + 6]!;
  out[at] = pose[pi]!;
  out[at + 1] = pose[pi + 1]!;
  out[at + 2] = pose[pi + 2]!;
  out[at + 3] = 1 - 2 * (y * y + z * z);
  out[at + 4] = 2 * (x * y + z * w);
  out[at + 5] = 2 * (x * z - y * w);
  out[at + 6] = 2 * (x * y - z * w);
  out[at + 7] = 1 - 2 * (x * x + z * z);
  out[at + 8] = 2 * (y * z + x * w);
}

/** What is wrong with a feature of blocks of that layout, in words; null when nothing is. */
export function featureProblem(layout: Layout, feature: Feature): string | null {
  const { field: name, encode, axes, width } = feature;
  if (!layout.has(name)) return `the ${layout.name} has no field ${name}`;
  const { length } = layout.field(name);
  if (encode === 'pose9') {
    if (length !== 7) return `${name} has ${length} values, but pose9 takes a pose of 7`;
    if (axes !== undefined) return `${name}: pose9 takes the whole pose, so axes must be left out`;
    return width === POSE9 ? null : `${name}: width is ${width}, but pose9 gives ${POSE9} values`;
  }
  const beyond = axes?.find((a) => a >= length);
  if (beyond !== undefined) return `${name} has ${length} values, so there is no component ${beyond}`;
  const values = axes?.length ?? length;
  return width === values ? null : `${name}: width is ${width}, but ${values} values are taken`;
}

/** Sum of the widths. */
export function featureSize(features: readonly Feature[]): number {
  return features.reduce((sum, f) => sum + f.width, 0);
}

/** Reads the features of one input out of Tick blocks (or records that begin with a Tick). */
export class FeatureReader {
  /** Values per vector: D. */
  readonly size: number;
  /** Block offset of each value; −1 where a pose9 begins (its offset is in the next entry) and for its other values. */
  readonly #from: Int32Array;

  /** Throws POLICY_FEATURE. */
  constructor(layout: Layout, features: readonly Feature[]) {
    const from: number[] = [];
    for (const feature of features) {
      const problem = featureProblem(layout, feature);
      if (problem !== null) throw new ArmloopError('POLICY_FEATURE', { problem });
      const { offset, length } = layout.field(feature.field);
      if (feature.encode === 'pose9') {
        from.push(-1, offset, ...Array.from({ length: POSE9 - 2 }, () => -1));
      } else {
        const axes = feature.axes ?? Array.from({ length }, (_, i) => i);
        from.push(...axes.map((a) => offset + a));
      }
    }
    this.#from = Int32Array.from(from);
    this.size = from.length;
  }

  /** Writes the vector of this block to out[at..at+size), not normalised. Allocates nothing. */
  read(block: Float64Array, out: Numbers, at = 0): void {
    const from = this.#from;
    for (let i = 0; i < this.size; ) {
      const offset = from[i]!;
      if (offset >= 0) {
        out[at + i] = block[offset]!;
        i++;
      } else {
        poseToPose9(out, at + i, block, from[i + 1]!);
        i += POSE9;
      }
    }
  }
}

/**
 * values[at + i] ← (values[at + i] − offset) / scale for `count` values, the pattern repeating every offset.length:
 * one call normalises a whole history or chunk. In place; allocates nothing.
 */
export function normalise(n: Normaliser, values: Numbers, at: number, count: number): void {
  if (n.method === 'none') return;
  const size = n.offset.length;
  for (let i = 0; i < count; i++)
    values[at + i] = (values[at + i]! - n.offset[i % size]!) / n.scale[i % size]!;
}

/** The inverse: values[at + i] ← values[at + i] · scale + offset. */
export function denormalise(n: Normaliser, values: Numbers, at: number, count: number): void {
  if (n.method === 'none') return;
  const size = n.offset.length;
  for (let i = 0; i < count; i++) values[at + i] = values[at + i]! * n.scale[i % size]! + n.offset[i % size]!;
}
