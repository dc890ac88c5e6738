/**
 * How teleoperated speeds change: an acceleration limit, then a first-order low-pass that rounds its corners (jerk at
 * most acceleration / SMOOTHING). Stateless functions on a memory block: values at [at, at + n) are the
 * acceleration-limited speed, at [at + n, at + 2n) the smoothed one, which is what moves the arm.
 */
/** Time constant of the low-pass, s. */
export const SMOOTHING = 0.02;
/** Time from rest to full-scale speed, s: full speed of 0.25 m/s stops within about 20 mm. */
export const LINEAR_RISE = 0.125;
export const ANGULAR_RISE = 0.2;
export const JOINT_RISE = 0.2;
export const GRIPPER_RISE = 0.1;
/** Smoothed speeds below this share of full scale, with nothing wanted, are rest. */
const REST = 1e-5;

/**
 * The constants of one profile, in an array: full-scale speed, its largest change in a period, weight of the low-pass,
 * period.
 * (Numbers travel in arrays here: one handed to a function that V8 does not inline costs an allocation.)
 */
export function profileOf(full: number, acceleration: number, period: number): Float64Array {
  return Float64Array.of(full, acceleration * period, 1 - Math.exp(-period / SMOOTHING), period);
}

/**
 * Starts a scalar profile at speed from[speed] and acceleration from[acceleration], as if it had been running: the
 * limited speed leads the smoothed one by what the low-pass lags behind.
 */
export function startSpeed(
  memory: Float64Array,
  at: number,
  from: Float64Array,
  speed: number,
  acceleration: number,
  profile: Float64Array,
): void {
  memory[at + 1] = from[speed]!;
  memory[at] = from[speed]! + (from[acceleration]! * profile[3]!) / profile[2]!;
}

/**
 * One scalar speed: moves memory[at] (limited) and memory[at + 1] (smoothed) towards wanted[wi].
 */
export function approachSpeed(
  memory: Float64Array,
  at: number,
  wanted: Float64Array,
  wi: number,
  profile: Float64Array,
): void {
  const step = profile[1]!;
  const limited = memory[at]! + Math.max(-step, Math.min(step, wanted[wi]! - memory[at]!));
  const smooth = memory[at + 1]! + profile[2]! * (limited - memory[at + 1]!);
  memory[at] = limited;
  memory[at + 1] = limited === 0 && Math.abs(smooth) < REST * profile[0]! ? 0 : smooth;
}

/**
 * A speed vector of 3, changed along the straight line to its target so that a motion begins and ends in its own
 * direction: limited values at [at, at + 3), smoothed at [at + stride, at + stride + 3).
 */
export function approachVelocity(
  memory: Float64Array,
  at: number,
  stride: number,
  wanted: Float64Array,
  wi: number,
  profile: Float64Array,
): void {
  const x = wanted[wi]! - memory[at]!;
  const y = wanted[wi + 1]! - memory[at + 1]!;
  const z = wanted[wi + 2]! - memory[at + 2]!;
  const size = Math.sqrt(x * x + y * y + z * z);
  const k = size > profile[1]! ? profile[1]! / size : 1;
  const smooth = at + stride;
  let limited = 0;
  let moving = 0;
  for (let i = 0; i < 3; i++) {
    // Arriving takes the target itself: a rounding error would never come to rest.
    const v = k === 1 ? wanted[wi + i]! : memory[at + i]! + k * (wanted[wi + i]! - memory[at + i]!);
    memory[at + i] = v;
    memory[smooth + i]! += profile[2]! * (v - memory[smooth + i]!);
    limited += v * v;
    moving += memory[smooth + i]! * memory[smooth + i]!;
  }
  const rest = REST * profile[0]!;
  if (limited === 0 && moving < rest * rest) for (let i = 0; i < 3; i++) memory[smooth + i] = 0;
}

/** Fastest speed from which a stop within `distance` is easy at `acceleration`; linear near the end, never negative. */
export function brakingSpeed(distance: number, acceleration: number, gain: number): number {
  if (!(distance > 0)) return 0;
  // The two meet with one slope where distance = a / gain², half of it spent on the linear part.
  const knee = acceleration / (gain * gain);
  if (distance <= knee) return gain * distance;
  return Math.sqrt(2 * acceleration * (distance - knee / 2));
}

/**
 * Turns the distance vector at v[at..at+3) into the velocity that covers it: at most `speed`, braking in time. All in
 * `cap`: speed, braking acceleration, gain near the end, distance that counts as covered. True when it is covered.
 */
export function coverDistance(v: Float64Array, at: number, cap: Float64Array): boolean {
  const distance = Math.sqrt(v[at]! * v[at]! + v[at + 1]! * v[at + 1]! + v[at + 2]! * v[at + 2]!);
  // As brakingSpeed.
  const knee = cap[1]! / (cap[2]! * cap[2]!);
  const linear = cap[2]! * distance;
  const braking = distance > knee ? Math.sqrt(2 * cap[1]! * (distance - knee / 2)) : linear;
  const k = distance > 0 ? Math.min(cap[0]!, braking) / distance : 0;
  v[at]! *= k;
  v[at + 1]! *= k;
  v[at + 2]! *= k;
  return distance < cap[3]!;
}
