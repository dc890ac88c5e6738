/** Where things are on the screen, in the first view of the console's 3D view. */
import { firstView } from '../../src/console/lib/first-view.ts';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Pixel of a point of the base. `box`: the canvas. */
export function project(point: ArrayLike<number>, box: Box): [number, number] {
  const { eye, lookAt, fovy } = firstView;
  const minus = (a: ArrayLike<number>, b: ArrayLike<number>): number[] => [0, 1, 2].map((i) => a[i]! - b[i]!);
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, v, i) => sum + v * b[i]!, 0);
  const cross = ([a, b, c]: number[], [d, e, f]: number[]): number[] => [
    b! * f! - c! * e!,
    c! * d! - a! * f!,
    a! * e! - b! * d!,
  ];
  const unit = (a: number[]): number[] => a.map((v) => v / Math.hypot(...a));
  const forward = unit(minus(lookAt, eye));
  const right = unit(cross(forward, [0, 0, 1]));
  const up = cross(right, forward);
  const d = minus(point, eye);
  const scale = box.height / 2 / Math.tan((fovy * Math.PI) / 360) / dot(d, forward);
  return [box.x + box.width / 2 + dot(d, right) * scale, box.y + box.height / 2 - dot(d, up) * scale];
}
