/** What the windows of convolutions see: places of a signal, and taps of a kernel. */
import type { WindowAttributes } from '../op-set.ts';
import type { OnnxBuilder } from './builder.ts';

export const range = (size: number): number[] => Array.from({ length: size }, (_, i) => i);

/** One of each list, in all ways, the last changing fastest. */
export const product = <T>(lists: readonly (readonly T[])[]): T[][] =>
  lists.reduce<T[][]>((all, list) => all.flatMap((before) => list.map((v) => [...before, v])), [[]]);

/** All places of a space, or all offsets of a window, row by row. */
export const placesOf = (space: readonly number[]): number[][] => product(space.map(range));

/** Where the window of each place of a result begins in the signal. */
export const startsOf = (result: readonly number[], { strides, padding }: WindowAttributes): number[][] =>
  placesOf(result).map((p) => p.map((o, i) => o * strides[i]! - padding[i]!));

/** Index of a place, counted row by row; the number of places for one outside. */
export function placeIn(
  space: readonly number[],
  start: readonly number[],
  offset: readonly number[],
): number {
  let place = 0;
  for (let i = 0; i < space.length; i++) {
    const at = start[i]! + offset[i]!;
    if (at < 0 || at >= space[i]!) return space.reduce((n, d) => n * d, 1);
    place = place * space[i]! + at;
  }
  return place;
}

/** Rows of a value [n, size, c], of each n those listed; `size` stands for a row of zeros. */
export function picked(
  to: OnnxBuilder,
  name: string,
  [n, size, c]: readonly [n: number, size: number, c: number],
  list: readonly number[],
): string {
  let from = to.inner('Reshape', [name, to.ints([n, size, c])]);
  // A row behind the last one, for all that lies outside.
  if (list.includes(size)) from = to.inner('Concat', [from, to.zeros([n, 1, c])], { axis: 1 });
  return to.inner('Gather', [from, to.int32s(list)], { axis: 1 });
}

/** A value whose axes from `first` on are so long, cut to a space that may be shorter. */
export function cutTo(
  to: OnnxBuilder,
  name: string,
  long: readonly number[],
  space: readonly number[],
  first: number,
): string {
  const cut = range(space.length).filter((i) => long[i] !== space[i]);
  if (cut.length === 0) return name;
  const ends = to.ints(cut.map((i) => space[i]!));
  return to.inner('Slice', [name, to.ints(cut.map(() => 0)), ends, to.ints(cut.map((i) => i + first))]);
}

/** Remainders of one axis that are computed together, the places of the result that they see, and by which taps. */
export interface Taps {
  /** Added to the index over the stride. */
  readonly offsets: readonly number[];
  /** By offset and remainder, -1 for none. */
  readonly taps: readonly (readonly number[])[];
}

/** Signal place s u + r saw the result's place u + o by the tap r + padding − s o. */
export function tapsOf(remainders: readonly number[], kernel: number, stride: number, padding: number): Taps {
  const tap = (r: number, o: number): number => {
    const a = r + padding - stride * o;
    return a >= 0 && a < kernel ? a : -1;
  };
  const first = Math.floor((padding - kernel) / stride);
  const reach = Math.ceil((stride + padding) / stride);
  const offsets = range(reach - first + 1)
    .map((i) => first + i)
    .filter((o) => remainders.some((r) => tap(r, o) >= 0));
  return { offsets, taps: offsets.map((o) => remainders.map((r) => tap(r, o))) };
}

/** Smallest divisor of n that fits. */
export function divisorOf(n: number, fits: (m: number) => boolean): number | undefined {
  for (let m = 1; m <= n; m++) if (n % m === 0 && fits(m)) return m;
  return undefined;
}
