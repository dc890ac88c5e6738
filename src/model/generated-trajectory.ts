/** Steps, rollouts and derivatives of x = (q, v), u = τ over whole trajectories, one call for all stages. */
import { ArmloopError } from '../errors.ts';
import type { Arena } from './code/arena.ts';
import type { Canonical, CanonicalFrame } from './code/canonical.ts';
import { compileJs, compileWasm } from './code/compile.ts';
import { frameOverSource, type Integration, trajectorySource } from './code/functions.ts';

export type { Integration } from './code/functions.ts';

/**
 * Arrays of `count` stages that follow each other: states x 2n (q, then v), controls u n, row-major derivatives fx 2n × 2n and
 * fu 2n × n per stage. h is the step in s. In the WebAssembly form arrays must be of the model's arena
 * (MODEL_NOT_IN_ARENA); stages are independent there and go two at a time, so that an odd count costs as the next even one.
 * Nothing is allocated.
 */
export interface TrajectoryFunctions {
  readonly integration: Integration;
  /** next[t] = f(xs[t], us[t]). */
  steps(count: number, xs: Float64Array, us: Float64Array, h: number, next: Float64Array): void;
  /** xs[t + 1] = f(xs[t], us[t]) from xs[0] on: xs has count + 1 states, us count controls. */
  rollout(count: number, xs: Float64Array, us: Float64Array, h: number): void;
  /** fx[t] = ∂f/∂x, fu[t] = ∂f/∂u at (xs[t], us[t]). */
  derivatives(
    count: number,
    xs: Float64Array,
    us: Float64Array,
    h: number,
    fx: Float64Array,
    fu: Float64Array,
  ): void;
}

/**
 * Poses (count × 7) and Jacobians (count × 6 × n) of one frame, as `pose` and `jacobian` of DynamicsModel give them, at
 * states x = (q, v) that follow each other (count × 2n). Arrays as in TrajectoryFunctions.
 */
export type FrameOverStates = (
  count: number,
  xs: Float64Array,
  poses: Float64Array,
  jacobians: Float64Array,
) => void;

export function jsFrameOver(model: Canonical, frame: CanonicalFrame, cache: string | null): FrameOverStates {
  const frames = compileJs(frameOverSource(model, frame), cache)['frames']!;
  return (count, xs, poses, jacobians) => frames(count, xs, 0, poses, 0, jacobians, 0);
}

export function wasmFrameOver(
  model: Canonical,
  frame: CanonicalFrame,
  cache: string | null,
  arena: Arena,
): FrameOverStates {
  const frames = compileWasm(frameOverSource(model, frame), cache, arena)['frames']!;
  return (count, xs, poses, jacobians) => {
    const x = pointerIn(arena, xs, 'xs');
    frames(count, x, pointerIn(arena, poses, 'poses'), pointerIn(arena, jacobians, 'jacobians'));
  };
}

function pointerIn(arena: Arena, array: Float64Array, name: string): number {
  const p = arena.pointer(array);
  if (p < 0) throw new ArmloopError('MODEL_NOT_IN_ARENA', { name });
  return p;
}

export function jsTrajectories(
  model: Canonical,
  integration: Integration,
  cache: string | null,
): TrajectoryFunctions {
  const made = compileJs(trajectorySource(model, integration), cache);
  const [steps, rollout, derivatives] = [made['steps']!, made['rollout']!, made['derivatives']!];
  const state = 2 * model.n;
  const step = new Float64Array(1);
  return {
    integration,
    steps: (count, xs, us, h, next) => {
      step[0] = h;
      steps(count, xs, 0, us, 0, step, 0, next, 0);
    },
    rollout: (count, xs, us, h) => {
      step[0] = h;
      rollout(count, xs, 0, us, 0, step, 0, xs, state);
    },
    derivatives: (count, xs, us, h, fx, fu) => {
      step[0] = h;
      derivatives(count, xs, 0, us, 0, step, 0, fx, 0, fu, 0);
    },
  };
}

export function wasmTrajectories(
  model: Canonical,
  integration: Integration,
  cache: string | null,
  arena: Arena,
): TrajectoryFunctions {
  const made = compileWasm(trajectorySource(model, integration), cache, arena);
  const [steps, rollout, derivatives] = [made['steps']!, made['rollout']!, made['derivatives']!];
  const state = 8 * 2 * model.n;
  const step = arena.alloc(1);
  const at = step.byteOffset;
  const pointer = (array: Float64Array, name: string): number => pointerIn(arena, array, name);
  return {
    integration,
    steps: (count, xs, us, h, next) => {
      step[0] = h;
      steps(count, pointer(xs, 'xs'), pointer(us, 'us'), at, pointer(next, 'next'));
    },
    rollout: (count, xs, us, h) => {
      step[0] = h;
      const x = pointer(xs, 'xs');
      rollout(count, x, pointer(us, 'us'), at, x + state);
    },
    derivatives: (count, xs, us, h, fx, fu) => {
      step[0] = h;
      derivatives(count, pointer(xs, 'xs'), pointer(us, 'us'), at, pointer(fx, 'fx'), pointer(fu, 'fu'));
    },
  };
}
