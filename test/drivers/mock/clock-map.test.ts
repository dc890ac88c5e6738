import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { ClockMap } from '../../../drivers/mock/clock-map.ts';
import { Rng } from '../../../src/math/rng.ts';

it('maps a clock of any offset and drift to within half a round trip', () => {
  const property = fc.property(
    fc.integer({ min: 0, max: 1e6 }),
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.double({ min: -2e-4, max: 2e-4, noNaN: true }),
    fc.double({ min: 0, max: 0.02, noNaN: true }),
    (seed, offset, drift, jitter) => {
      const rng = new Rng(seed);
      const map = new ClockMap();
      const device = (host: number): number => offset + host * (1 + drift);
      let host = 100;
      for (let i = 0; i < 300; i++) {
        host += 0.1;
        const there = 0.001 + jitter * rng.uniform();
        const back = 0.001 + jitter * rng.uniform();
        map.add(host, device(host + there), host + there + back);
        const at = host + 0.05;
        const error = Math.abs(map.toHost(device(at)) - at);
        // One way may have taken nothing and the other everything; plus what drift does until the slope is known.
        assert.ok(error <= 0.001 + jitter / 2 + 4e-4, `${error} s off after ${i + 1} exchanges`);
      }
    },
  );
  fc.assert(property, { seed: 7, numRuns: 60 });
});

it('knows nothing before the first exchange', () => {
  const map = new ClockMap();
  assert.ok(Number.isNaN(map.toHost(1)));
  assert.equal(map.uncertainty, Number.POSITIVE_INFINITY);
  map.add(10, 500, 10.004);
  assert.ok(Math.abs(map.toHost(500) - 10.002) < 1e-9);
  assert.ok(Math.abs(map.uncertainty - 0.002) < 1e-9);
});
