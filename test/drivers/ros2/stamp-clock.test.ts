/** Stamps of another clock on the rig's: drift, jitter, what is refused, and clocks that are set. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StampClock } from '../../../drivers/ros2/stamp-clock.ts';
import { Rng } from '../../../src/math/rng.ts';

const OFFSET = 1_764_000_000;

/** A clock that runs `ppm` fast, heard through a delay; the rig's time is the truth. */
function play(ppm: number, delay: (i: number) => number, seconds: number, rateHz = 100) {
  const clock = new StampClock(0.1);
  const shows = (time: number): number => time * (1 + ppm * 1e-6) + OFFSET;
  const errors: number[] = [];
  for (let i = 1; i <= seconds * rateHz; i++) {
    const captured = i / rateHz;
    const verdict = clock.take(shows(captured), captured + delay(i));
    if (verdict === 'fresh') errors.push(clock.time - captured);
  }
  return { clock, errors, shows };
}

describe('stamps on the rig clock', () => {
  for (const ppm of [0, 80, -200, 500]) {
    it(`follows a clock that drifts by ${ppm} ppm through 0.5 to 8 ms of delay`, () => {
      const rng = new Rng(3);
      const { errors } = play(ppm, () => 0.0005 + 0.0075 * rng.uniform(), 60);
      const later = errors.slice(1000);
      const worst = Math.max(...later.map(Math.abs));
      // The least delay is 0.5 ms, which nothing can tell; the rest is how seldom a message comes without any other.
      assert.ok(worst < 0.0015, `off by ${1000 * worst} ms`);
    });
  }

  it('is never in the future and never goes back', () => {
    const rng = new Rng(4);
    const clock = new StampClock(0.5);
    let last = Number.NEGATIVE_INFINITY;
    let arrival = 0;
    for (let i = 1; i < 3000; i++) {
      arrival = Math.max(arrival, i / 100 + 0.03 * rng.uniform());
      if (clock.take(OFFSET + i / 100, arrival) !== 'fresh') continue;
      assert.ok(clock.time <= arrival);
      assert.ok(clock.time >= last);
      last = clock.time;
    }
    assert.ok(last > 29);
  });

  it('refuses what comes out of order, twice or late, and goes on', () => {
    const { clock, shows } = play(0, () => 0.001, 10);
    assert.equal(clock.take(shows(9.99), 10.005), 'old');
    assert.equal(clock.take(shows(10), 10.006), 'old', 'the same stamp again');
    assert.equal(clock.take(shows(10.01), 10.2), 'stale');
    assert.equal(clock.take(shows(10.21), 10.211), 'fresh');
    assert.deepEqual(clock.refused, { old: 2, stale: 1, ahead: 0 });
  });

  it('does not believe a single stamp from the future, nor lets it spoil what follows', () => {
    const { clock, shows } = play(0, () => 0.001, 10);
    assert.equal(clock.take(shows(1000), 10.011), 'ahead');
    assert.equal(clock.take(shows(10.02), 10.021), 'fresh');
    assert.ok(Math.abs(clock.time - 10.021) < 0.002);
  });

  it('a delay that stays is never taken for a clock that was set', () => {
    const { clock, shows } = play(0, () => 0.001, 10);
    for (let i = 1; i < 500; i++) {
      assert.equal(clock.take(shows(10 + i / 100), 10 + i / 100 + 0.3), 'stale');
    }
  });

  it('a heap of messages that were held up and come in any order is no clock that was set', () => {
    const rng = new Rng(7);
    const clock = new StampClock(0.1);
    let steps = 0;
    clock.onStep = () => {
      steps++;
    };
    let fresh = 0;
    for (let heap = 0; heap < 400; heap++) {
      const from = heap * 0.25;
      const stamps = Array.from({ length: 50 }, (_, i) => from + i / 200);
      const order = stamps.map((s) => [rng.uniform(), s] as const).sort((a, b) => a[0] - b[0]);
      order.forEach(([, s], i) => {
        if (clock.take(OFFSET + s, from + 0.25 + i * 1e-4) === 'fresh') fresh++;
      });
    }
    assert.equal(steps, 0);
    assert.ok(fresh > 400);
  });

  for (const step of [5, -5, -0.3]) {
    it(`follows a clock that was set by ${step} s after a few messages, and says so`, () => {
      const { clock, shows } = play(50, () => 0.001, 10);
      let told = Number.NaN;
      clock.onStep = (s) => {
        told = s;
      };
      const verdicts: string[] = [];
      for (let i = 1; i <= 20; i++) {
        const t = 10 + i / 100;
        verdicts.push(clock.take(shows(t) + step, t + 0.001));
      }
      assert.equal(verdicts.indexOf('fresh'), 9, verdicts.join());
      assert.ok(verdicts.slice(9).every((v) => v === 'fresh'));
      assert.ok(Math.abs(told - step) < 0.01, `told ${told}`);
      assert.ok(Math.abs(clock.time - 10.2) < 0.003, `${clock.time}`);
    });
  }

  it('believes nothing until one message has most likely come without delay', () => {
    const clock = new StampClock(0.1);
    // The first ones were held up while the program started.
    assert.equal(clock.take(OFFSET, 0.3), 'early');
    assert.equal(clock.take(OFFSET + 0.2, 0.3), 'early');
    assert.equal(clock.take(OFFSET + 0.4, 0.45), 'early');
    assert.equal(clock.take(OFFSET + 0.7, 0.7), 'early', 'it is still getting better');
    assert.equal(clock.take(OFFSET + 0.95, 0.95), 'early');
    assert.equal(clock.take(OFFSET + 1.01, 1.01), 'fresh');
    assert.ok(Math.abs(clock.time - 1.01) < 1e-6);
  });
});
