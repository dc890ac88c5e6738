/**
 * Warm start of a receding horizon: the plan before, as it looks `shift` stages later. Controls hold over a stage, so a
 * new stage has the mean of what it covers; states between knots lie on the straight line. Behind the old end the arm
 * rests where it ended, without control, under the feedback of the middle of the plan: the last stages are made for the
 * end of the horizon (they brake hard what the final cost weighs), and repeated they swing the arm up.
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
  /** n of an arm, whose states begin with q (n) and qd (n): it comes to rest behind the end. Default 0. */
  readonly joints?: number;
  /** For states with quaternions, as in Problem: without them states are taken linearly. */
  difference?(a: Float64Array, b: Float64Array, out: Float64Array): void;
  integrate?(x: Float64Array, dx: Float64Array, out: Float64Array): void;
}

/** `shift` in stages, 0 or more. `out` is another trajectory than `from`. Allocates where states have quaternions. */
export function shiftTrajectory(sizes: Sizes, from: Trajectory, shift: number, out: Trajectory): void {
  const { nx, ndx, nu, horizon, joints = 0 } = sizes;
  const whole = Math.min(horizon, Math.floor(shift));
  const part = whole === horizon ? 0 : shift - whole;
  const middle = horizon >> 1;
  for (let k = 0; k < horizon; k++) {
    const a = k + whole;
    const b = a + 1;
    const [ga, gb] = [a < horizon ? a : middle, b < horizon ? b : middle];
    blend(from.gains, nu * ndx * ga, nu * ndx * gb, part, nu * ndx, out.gains, nu * ndx * k);
    for (let i = 0; i < nu; i++) {
      const ua = a < horizon ? from.us[nu * a + i]! : 0;
      const ub = b < horizon ? from.us[nu * b + i]! : 0;
      out.us[nu * k + i] = ua + part * (ub - ua);
    }
  }
  for (let k = 0; k <= horizon; k++) {
    const a = Math.min(horizon, k + whole);
    const b = Math.min(horizon, k + whole + 1);
    states(sizes, from.xs, nx * a, nx * b, part, out.xs, nx * k);
    if (k + whole > horizon) for (let i = 0; i < joints; i++) out.xs[nx * k + joints + i] = 0;
  }
}

function states(
  { nx, ndx, difference, integrate }: Sizes,
  xs: Float64Array,
  a: number,
  b: number,
  part: number,
  out: Float64Array,
  at: number,
): void {
  if (difference === undefined || integrate === undefined) {
    blend(xs, a, b, part, nx, out, at);
    return;
  }
  const xa = xs.subarray(a, a + nx);
  const way = new Float64Array(ndx);
  difference(xa, xs.subarray(b, b + nx), way);
  for (let i = 0; i < ndx; i++) way[i]! *= part;
  integrate(xa, way, out.subarray(at, at + nx));
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
