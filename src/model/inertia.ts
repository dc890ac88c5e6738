/** Rigid bodies put together: mass, centre of mass and inertia of lumps. Run once when a model is built. */
import { symmetricEigen } from '../math/linalg.ts';

/** Mass (kg), centre of mass (m), inertia about it: xx yy zz xy xz yz (kg·m²); all in one frame. */
export interface Lump {
  readonly mass: number;
  readonly com: readonly number[];
  readonly inertia: readonly number[];
}

export const NO_LUMP: Lump = { mass: 0, com: [0, 0, 0], inertia: [0, 0, 0, 0, 0, 0] };

/** Two lumps fixed to each other. The parallel-axis term is taken between the centres of mass: no cancellation. */
export function joinLumps(a: Lump, b: Lump): Lump {
  if (a === NO_LUMP) return b;
  const mass = a.mass + b.mass;
  const inertia = a.inertia.map((x, i) => x + b.inertia[i]!);
  if (mass === 0) return { mass, com: a.com, inertia };
  const com = a.com.map((x, i) => (a.mass * x + b.mass * b.com[i]!) / mass);
  const d = a.com.map((x, i) => b.com[i]! - x);
  const reduced = (a.mass * b.mass) / mass;
  return { mass, com, inertia: addPointMass(inertia, reduced, d) };
}

/** Inertia about a point plus that of a point mass (kg) at d (m) from it. */
export function addPointMass(
  inertia: readonly number[],
  mass: number,
  [x, y, z]: readonly number[],
): number[] {
  const [a, b, c] = [x! * x!, y! * y!, z! * z!];
  const more = [b + c, a + c, a + b, -x! * y!, -x! * z!, -y! * z!];
  return inertia.map((value, i) => value + mass * more[i]!);
}

/** A lump as seen from a frame in which its own frame stands at (rotation, position). */
export function moveLump(lump: Lump, rotation: readonly number[], position: readonly number[]): Lump {
  return {
    mass: lump.mass,
    com: rotatePoint(rotation, lump.com).map((x, i) => x + position[i]!),
    inertia: rotateInertia(rotation, lump.inertia),
  };
}

/** R I Rᵀ. */
export function rotateInertia(r: readonly number[], inertia: readonly number[]): number[] {
  const m = matMul(matMul(r, full(inertia)), transpose(r));
  return [m[0]!, m[4]!, m[8]!, (m[1]! + m[3]!) / 2, (m[2]! + m[6]!) / 2, (m[5]! + m[7]!) / 2];
}

/** Smallest principal moment below 0 by more than rounding: no body has such an inertia. */
export function isIndefinite(inertia: readonly number[]): boolean {
  const values = new Float64Array(3);
  symmetricEigen(Float64Array.from(full(inertia)), 3, values, null);
  return !(Math.min(...values) >= -1e-9 * Math.max(...values));
}

const full = ([xx, yy, zz, xy, xz, yz]: readonly number[]): number[] => [
  ...[xx!, xy!, xz!],
  ...[xy!, yy!, yz!],
  ...[xz!, yz!, zz!],
];

/** A B for 3 × 3 matrices, row-major. */
export function matMul(a: readonly number[], b: readonly number[]): number[] {
  const out: number[] = [];
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      out.push(a[3 * i]! * b[j]! + a[3 * i + 1]! * b[3 + j]! + a[3 * i + 2]! * b[6 + j]!);
    }
  }
  return out;
}

export const transpose = (m: readonly number[]): number[] => [0, 3, 6, 1, 4, 7, 2, 5, 8].map((i) => m[i]!);

/** R p. */
export const rotatePoint = (r: readonly number[], p: readonly number[]): number[] =>
  [0, 3, 6].map((i) => r[i]! * p[0]! + r[i + 1]! * p[1]! + r[i + 2]! * p[2]!);
