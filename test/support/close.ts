import assert from 'node:assert/strict';

/**
 * Asserts |got - want| ≤ atol + rtol·|want| for every element and names the worst one. NaN is close to nothing.
 * Lengths must be equal, so an empty result cannot pass by accident.
 */
export function allClose(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { rtol = 0, atol = 0, what = 'values' }: { rtol?: number; atol?: number; what?: string },
): void {
  assert.equal(got.length, want.length, `${what}: lengths differ`);
  let worst = -1;
  let excess = 0;
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs(got[i]! - want[i]!);
    const over = error <= atol + rtol * Math.abs(want[i]!) ? 0 : error;
    if (over > excess || Number.isNaN(error)) {
      worst = i;
      excess = Number.isNaN(error) ? Number.POSITIVE_INFINITY : over;
    }
  }
  if (worst >= 0) {
    assert.fail(
      `${what}[${worst}] is ${got[worst]}, wanted ${want[worst]}: off by ${Math.abs(got[worst]! - want[worst]!)}, allowed ${atol + rtol * Math.abs(want[worst]!)} (of ${want.length})`,
    );
  }
}
