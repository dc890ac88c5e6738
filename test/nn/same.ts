/** Whether two executors gave the same. */
import assert from 'node:assert/strict';
import type { TensorData } from '../../src/nn/tensor.ts';

/** Both compute in float32 in another order: errors of a few dozen roundings of the largest value are allowed. */
export function same(a: Record<string, TensorData>, b: Record<string, TensorData>): void {
  assert.deepEqual(Object.keys(a).sort(), Object.keys(b).sort());
  for (const [name, { data, shape }] of Object.entries(a)) {
    const other = b[name]!;
    assert.deepEqual([...shape], [...other.shape], name);
    assert.equal(other.data.constructor, data.constructor, name);
    const [x, y] = [data, other.data].map((d) => Array.from(d as Float32Array, Number)) as [
      number[],
      number[],
    ];
    const scale = x.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
    x.forEach((v, i) => {
      assert.ok(Math.abs(v - y[i]!) <= 64 * 2 ** -24 * scale, `${name}[${i}]: ${v} and ${y[i]}`);
    });
  }
}
