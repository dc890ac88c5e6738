/**
 * Warm start of a receding horizon: the plan before, as it looks `shift` stages later. Controls hold over a stage, so a
 * new stage has the mean of what it covers; states between knots lie on the straight line; what lies behind the old end
 * is its last control and gain, and its last state.
 */

export interface Trajectory {
  /** (T + 1) × nx. */
  readonly xs: Float64Array;
  /** T × nu. */
  readonly us: Float64Array;
  /** T × nu × ndx. */
  readonly gains: Float64Array;
}

export interface Sizes {
  readonly nx: number;
  readonly ndx: number;
  readonly nu: number;
  readonly horizon: number;
  /** For states with quaternions, as in Problem: without them states are taken linearly. */
  difference?(a: Float64Array, b: Float64Array, out: Float64Array): void;
  integrate?(x: Float64Array, dx: Float64Array, out: Float64Array): void;
}

/** `shift` in stages, 0 or more. `out` is another trajectory than `from`. Allocates views where states have quaternions. */
export function shiftTrajectory(sizes: Sizes, from: Trajectory, shift: number, out: Trajectory): void {
  const { nx, ndx, nu, horizon } = sizes;
  const whole = Math.min(horizon, Math.floor(shift));
  const part = whole === horizon ? 0 : shift - whole;
  for (let k = 0; k < horizon; k++) {
    const a = Math.min(horizon - 1, k + whole);
    const b = Math.min(horizon - 1, k + whole + 1);
    blend(from.us, nu * a, nu * b, part, nu, out.us, nu * k);
    blend(from.gains, nu * ndx * a, nu * ndx * b, part, nu * ndx, out.gains, nu * ndx * k);
  }
  for (let k = 0; k <= horizon; k++) {
    const a = Math.min(horizon, k + whole);
    const b = Math.min(horizon, k + whole + 1);
    if (sizes.difference === undefined || sizes.integrate === undefined) {
      blend(from.xs, nx * a, nx * b, part, nx, out.xs, nx * k);
      continue;
    }
    const xa = from.xs.subarray(nx * a, nx * (a + 1));
    const way = new Float64Array(ndx);
    sizes.difference(xa, from.xs.subarray(nx * b, nx * (b + 1)), way);
    for (let i = 0; i < ndx; i++) way[i]! *= part;
    sizes.integrate(xa, way, out.xs.subarray(nx * k, nx * (k + 1)));
  }
}

function blend(
  from: Float64Array,
  a: number,
  b: number,
  part: number,
  count: number,
  out: Float64Array,
  at: number,
): void {
  for (let i = 0; i < count; i++) out[at + i] = from[a + i]! + part * (from[b + i]! - from[a + i]!);
}

export function trajectory({ nx, ndx, nu, horizon }: Sizes): Trajectory {
  return {
    xs: new Float64Array((horizon + 1) * nx),
    us: new Float64Array(horizon * nu),
    gains: new Float64Array(horizon * nu * ndx),
  };
}

export function copyTrajectory(from: Trajectory, to: Trajectory): void {
  to.xs.set(from.xs);
  to.us.set(from.us);
  to.gains.set(from.gains);
}
