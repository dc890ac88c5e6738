/**
 * How teleoperated speeds change: an acceleration limit, then a first-order low-pass that rounds its corners (jerk at
 * most acceleration / SMOOTHING). Stateless functions on a memory block: values at [at, at + n) are the
 * acceleration-limited speed, at [at + n, at + 2n) the smoothed one, which is what moves the arm.
 */
import { norm3 } from '../math/vec.ts';

/** Time constant of the low-pass, s. */
export const SMOOTHING = 0.02;
/** Time from rest to full-scale speed, s: full speed of 0.25 m/s stops within about 20 mm. */
export const LINEAR_RISE = 0.125;
export const ANGULAR_RISE = 0.2;
export const JOINT_RISE = 0.2;
export const GRIPPER_RISE = 0.1;
/** Smoothed speeds below this share of full scale, with nothing wanted, are rest. */
const REST = 1e-5;

/** Weight of the low-pass for one period. */
export const smoothing = (period: number): number => 1 - Math.exp(-period / SMOOTHING);

/** One scalar speed: moves memory[at] and memory[at + 1] towards `target`. Returns the smoothed speed. */
export function approachSpeed(
  memory: Float64Array,
  at: number,
  target: number,
  full: number,
  step: number,
  weight: number,
): number {
  const change = target - memory[at]!;
  const limited = memory[at]! + Math.max(-step, Math.min(step, change));
  memory[at] = limited;
  let smooth = memory[at + 1]! + weight * (limited - memory[at + 1]!);
  if (limited === 0 && Math.abs(smooth) < REST * full) smooth = 0;
  memory[at + 1] = smooth;
  return smooth;
}

/**
 * A speed vector of 3, changed along the straight line to its target so that a motion begins and ends in its own
 * direction: limited values at [at, at + 3), smoothed at [at + stride, at + stride + 3).
 */
export function approachVelocity(
  memory: Float64Array,
  at: number,
  stride: number,
  target: Float64Array,
  ti: number,
  full: number,
  step: number,
  weight: number,
): void {
  const x = target[ti]! - memory[at]!;
  const y = target[ti + 1]! - memory[at + 1]!;
  const z = target[ti + 2]! - memory[at + 2]!;
  const size = Math.sqrt(x * x + y * y + z * z);
  if (size <= step) {
    for (let i = 0; i < 3; i++) memory[at + i] = target[ti + i]!;
  } else {
    const k = step / size;
    memory[at]! += k * x;
    memory[at + 1]! += k * y;
    memory[at + 2]! += k * z;
  }
  for (let i = 0; i < 3; i++) {
    memory[at + stride + i]! += weight * (memory[at + i]! - memory[at + stride + i]!);
  }
  if (norm3(memory, at) === 0 && norm3(memory, at + stride) < REST * full) {
    for (let i = 0; i < 3; i++) memory[at + stride + i] = 0;
  }
}

/** Fastest speed from which a stop within `distance` is easy at `acceleration`; linear near the end, never negative. */
export function brakingSpeed(distance: number, acceleration: number, gain: number): number {
  if (!(distance > 0)) return 0;
  // The two meet with one slope where distance = a / gain², half of it spent on the linear part.
  const knee = acceleration / (gain * gain);
  if (distance <= knee) return gain * distance;
  return Math.sqrt(2 * acceleration * (distance - knee / 2));
}
