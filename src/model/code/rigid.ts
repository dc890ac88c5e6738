/** Rigid transforms and second moments as plain numbers, for what is folded before any code is made. */

/** Rotation (9, row-major) and position: x_parent = rotation · x + position. */
export interface Rigid {
  readonly rotation: readonly number[];
  readonly position: readonly number[];
}

export const IDENTITY: Rigid = { rotation: [1, 0, 0, 0, 1, 0, 0, 0, 1], position: [0, 0, 0] };

export function apply(r: readonly number[], v: readonly number[]): number[] {
  return [0, 3, 6].map((i) => r[i]! * v[0]! + r[i + 1]! * v[1]! + r[i + 2]! * v[2]!);
}

export function transpose(r: readonly number[]): number[] {
  return [0, 3, 6, 1, 4, 7, 2, 5, 8].map((i) => r[i]!);
}

/** A · B of 3 × 3 matrices. */
export function product(a: readonly number[], b: readonly number[]): number[] {
  const columns = transpose(b);
  return [0, 3, 6].flatMap((i) =>
    [0, 3, 6].map((j) => a[i]! * columns[j]! + a[i + 1]! * columns[j + 1]! + a[i + 2]! * columns[j + 2]!),
  );
}

export function compose(a: Rigid, b: Rigid): Rigid {
  const p = apply(a.rotation, b.position);
  return { rotation: product(a.rotation, b.rotation), position: p.map((x, i) => x + a.position[i]!) };
}

export function invert(a: Rigid): Rigid {
  const rotation = transpose(a.rotation);
  return { rotation, position: apply(rotation, a.position).map((x) => -x) };
}

/** Translation by `d` along and rotation by the angle of (cos, sin) about the z axis. */
export function screwZ(d: number, cos: number, sin: number): Rigid {
  return { rotation: [cos, -sin, 0, sin, cos, 0, 0, 0, 1], position: [0, 0, d] };
}

/** The same along and about x. */
export function screwX(a: number, cos: number, sin: number): Rigid {
  return { rotation: [1, 0, 0, 0, cos, -sin, 0, sin, cos], position: [a, 0, 0] };
}

/** Unit quaternion x y z w of a rotation: the largest component from its square root, the others by it. */
export function quaternionOf(r: readonly number[]): number[] {
  const m = (i: number, j: number): number => r[3 * i + j]!;
  const trace = m(0, 0) + m(1, 1) + m(2, 2);
  const squares = [0, 1, 2].map((i) => 1 + 2 * m(i, i) - trace);
  squares.push(1 + trace);
  const largest = squares.indexOf(Math.max(...squares));
  const four = 2 * Math.sqrt(squares[largest]!);
  const vector = [m(2, 1) - m(1, 2), m(0, 2) - m(2, 0), m(1, 0) - m(0, 1)];
  const q =
    largest === 3
      ? [...vector, squares[3]!]
      : [0, 1, 2].map((i) => (i === largest ? squares[i]! : m(i, largest) + m(largest, i)));
  if (largest < 3) q.push(vector[largest]!);
  return q.map((x) => x / four);
}

/**
 * Mass distribution by its moments about the origin of a frame: mass m (kg), first moments h = ∫ρ dm (kg·m) and second
 * moments s = ∫ρρᵀ dm (kg·m²; 9, row-major). Rotational inertia is tr(s) 1 − s. Linear in the distribution, so that
 * parts add up, and parts may be negative.
 */
export interface Moments {
  readonly m: number;
  readonly h: readonly number[];
  readonly s: readonly number[];
}

export const NO_MASS: Moments = { m: 0, h: [0, 0, 0], s: [0, 0, 0, 0, 0, 0, 0, 0, 0] };

/** From mass, centre of mass and inertia xx yy zz xy xz yz about it. */
export function momentsOf(m: number, com: readonly number[], inertia: readonly number[]): Moments {
  const [xx, yy, zz, xy, xz, yz] = inertia as [number, number, number, number, number, number];
  const half = (xx + yy + zz) / 2;
  const central = [half - xx, -xy, -xz, -xy, half - yy, -yz, -xz, -yz, half - zz];
  return {
    m,
    h: com.map((x) => m * x),
    s: central.map((x, i) => x + m * com[Math.floor(i / 3)]! * com[i % 3]!),
  };
}

export function addMoments(a: Moments, b: Moments): Moments {
  return {
    m: a.m + b.m,
    h: a.h.map((x, i) => x + b.h[i]!),
    s: a.s.map((x, i) => x + b.s[i]!),
  };
}

/** The same distribution seen from the frame in which `at` places its own. */
export function moveMoments(at: Rigid, { m, h, s }: Moments): Moments {
  const p = at.position;
  const turned = apply(at.rotation, h);
  const second = product(product(at.rotation, s), transpose(at.rotation));
  return {
    m,
    h: turned.map((x, i) => x + m * p[i]!),
    s: second.map((x, i) => {
      const [r, c] = [Math.floor(i / 3), i % 3];
      return x + turned[r]! * p[c]! + p[r]! * turned[c]! + m * p[r]! * p[c]!;
    }),
  };
}
