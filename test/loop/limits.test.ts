import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AxisLimits as Axis, X } from '../../src/loop/limits.ts';
import { Rng } from '../../src/math/rng.ts';
import type { AxisSpec } from '../../src/robot/spec.ts';
import { Reason } from '../../src/robot/tick.ts';

const axis = (min: number, max: number, velocity: number, acceleration: number, jerk: number): AxisSpec => ({
  name: 'x',
  device: 'd',
  type: 'revolute',
  min,
  max,
  velocity,
  acceleration,
  jerk,
  effort: 1,
  home: 0,
  joints: [],
  kp: 0,
  kd: 0,
});

/** The same with plain arguments and results. */
class AxisLimits {
  readonly axis: Axis;
  constructor(spec: AxisSpec, dt: number) {
    this.axis = new Axis(spec, dt);
  }
  get low(): number {
    return this.axis.x[X.low]!;
  }
  get high(): number {
    return this.axis.x[X.high]!;
  }
  get highReason(): number {
    return this.axis.highReason;
  }
  get acceleration(): number {
    return this.axis.x[X.acceleration]!;
  }
  get step(): number {
    return this.axis.x[X.step]!;
  }
  interval(p: number, v: number, a: number, lo: number, hi: number): void {
    this.axis.x.set([p, v, a, lo, hi], X.p);
    this.axis.interval();
  }
  towards(v: number, target: number): number {
    this.axis.x[X.v] = v;
    this.axis.x[X.target] = target;
    this.axis.towards();
    return this.axis.x[X.next]!;
  }
  stopTime(v: number, a: number): number {
    this.axis.x.set([0, v, a], X.p);
    this.axis.stopTime();
    return this.axis.x[X.time]!;
  }
  stopPosition(p: number, v: number, a: number, t: number): number {
    this.axis.x.set([p, v, a], X.p);
    this.axis.x[X.time] = t;
    this.axis.stopPosition();
    return this.axis.x[X.position]!;
  }
}

const cases: readonly [string, AxisSpec, number][] = [
  ['panda joint 2', axis(-1.7628, 1.7628, 2.175, 7.5, 3750), 1e-3],
  ['panda joint 6', axis(-0.0175, 3.7525, 2.61, 20, 10000), 1e-3],
  ['slow jerk', axis(-1, 1.5, 2, 5, 100), 1e-3],
  ['gripper', axis(0, 0.08, 0.2, 4, 200), 1e-3],
  ['slow jerk, slow loop', axis(-1, 1.5, 2, 5, 100), 1e-2],
  ['acceleration too strong for its speed', axis(-0.1, 0.1, 0.05, 20, 60), 1e-3],
  ['acceleration too strong for its range', axis(-0.001, 0.001, 2, 5, 100), 1e-3],
  ['one period of jerk is all acceleration', axis(-1, 1, 1, 3, 30000), 1e-3],
];

/** Ways to push as hard as one can against the limits: the pick of the acceleration inside the interval. */
type Push = (low: number, high: number, rng: Rng, tick: number) => number;
const pushes: readonly [string, Push][] = [
  ['always up', (_, high) => high],
  ['always down', (low) => low],
  ['random', (low, high, rng) => rng.uniform(low, high)],
  ['random edge', (low, high, rng) => (rng.below(2) === 0 ? low : high)],
  ['slow edges', (low, high, rng, tick) => ((tick >> (4 + rng.below(2))) % 2 === 0 ? low : high)],
  ['long edges', (low, high, _, tick) => (tick % 3000 < 1500 ? low : high)],
  ['up, then mostly edges', (low, high, rng) => (rng.below(9) > 0 ? high : low)],
  ['half way', (low, high) => (low + high) / 2],
];

for (const [name, spec, dt] of cases) {
  test(`limits are never left and the interval is never empty: ${name}`, () => {
    for (const [how, push] of pushes) {
      for (let seed = 1; seed <= 6; seed++) {
        const rng = new Rng(seed);
        const limits = new AxisLimits(spec, dt);
        let [p, v, a] = [rng.uniform(spec.min, spec.max), 0, 0];
        let reached = 0;
        for (let tick = 0; tick < 6000; tick++) {
          limits.interval(p, v, a, spec.min, spec.max);
          const at = `${how}, seed ${seed}, tick ${tick}: p ${p} v ${v} a ${a} [${limits.low}, ${limits.high}]`;
          assert.ok(limits.low <= limits.high + 1e-9, `empty interval: ${at}`);
          const next = Math.min(limits.high, Math.max(limits.low, push(limits.low, limits.high, rng, tick)));
          assert.ok(Math.abs(next - a) <= spec.jerk * dt * (1 + 1e-9), `jerk: ${at}`);
          assert.ok(Math.abs(next) <= spec.acceleration * (1 + 1e-9), `acceleration: ${at}`);
          a = next;
          v += a * dt;
          p += v * dt;
          assert.ok(Math.abs(v) <= spec.velocity + 1e-9, `velocity ${v}: ${at}`);
          assert.ok(p <= spec.max + 1e-9 && p >= spec.min - 1e-9, `position ${p}: ${at}`);
          if (p > spec.max - 1e-6 || p < spec.min + 1e-6) reached++;
        }
        if (how === 'always up' || how === 'always down')
          assert.ok(reached > 0, `${how} never got to the limit`);
      }
    }
  });
}

test('the interval is exact: a hair above its upper end a stop is no longer possible', () => {
  // Against brute force: from the state after a', every period the lowest acceleration that jerk and A allow.
  const spec = cases[2]![1];
  const dt = 1e-3;
  const rng = new Rng(5);
  const limits = new AxisLimits(spec, dt);
  let bound = 0;
  let [p, v, a] = [0, 0, 0];
  for (let tick = 0; tick < 40_000; tick++) {
    limits.interval(p, v, a, spec.min, spec.max);
    const push = rng.below(20) > 0 ? limits.high : rng.uniform(limits.low, limits.high);
    const [p0, v0, high] = [p, v, limits.high];
    a = push;
    v += a * dt;
    p += v * dt;
    if (limits.highReason !== Reason.position || high <= limits.low + 1e-6) continue;
    const inside = (first: number): boolean => {
      let [x, w, b] = [p0, v0, first];
      w += b * dt;
      x += w * dt;
      let fastest = w;
      let k = b;
      for (let peak = w; k > 0; ) {
        k = Math.max(0, k - spec.jerk * dt);
        peak += k * dt;
        fastest = peak;
      }
      if (fastest > spec.velocity + 1e-9) return false;
      while (w > 0 || b > 0) {
        if (x > spec.max + 5e-12) return false;
        b = Math.max(-spec.acceleration, b - spec.jerk * dt);
        w += b * dt;
        x += w * dt;
      }
      return x <= spec.max + 5e-12;
    };
    bound++;
    assert.ok(inside(limits.high), `high itself fails at ${p0} ${v0}`);
    assert.ok(!inside(limits.high + 1e-4), `high is not the highest at ${p0} ${v0}`);
  }
  assert.ok(bound > 20, `only ${bound} states were bound`);
});

test('clamping one limit after the other does overshoot, so the property above can fail', () => {
  const spec = cases[2]![1];
  const dt = 1e-3;
  let [p, v, a] = [0, 0, 0];
  let worst = 0;
  for (let tick = 0; tick < 6000; tick++) {
    const wantV = Math.min(spec.velocity, (spec.max - p) / dt);
    const wantA = Math.min(spec.acceleration, Math.max(-spec.acceleration, (wantV - v) / dt));
    a = Math.min(a + spec.jerk * dt, Math.max(a - spec.jerk * dt, wantA));
    v += a * dt;
    p += v * dt;
    worst = Math.max(worst, p - spec.max);
  }
  assert.ok(worst > 0.1, `overshoot ${worst}`);
});

test('a velocity is reached exactly and without ringing', () => {
  for (const [, spec, dt] of cases) {
    const limits = new AxisLimits(spec, dt);
    const rng = new Rng(3);
    let [v, a] = [0, 0];
    for (let run = 0; run < 20; run++) {
      const target = rng.uniform(-spec.velocity, spec.velocity);
      const from = v;
      for (let tick = 0; tick < 4000; tick++) {
        const want = limits.towards(v, target);
        const next = Math.max(
          -limits.acceleration,
          a - limits.step,
          Math.min(limits.acceleration, a + limits.step, want),
        );
        a = next;
        v += a * dt;
        if (from < target) assert.ok(v <= target + 1e-9);
        else assert.ok(v >= target - 1e-9);
      }
      assert.ok(Math.abs(v - target) < 1e-9 && Math.abs(a) < 1e-6);
    }
  }
});

test('the predicted stop agrees with the stop that is driven', () => {
  for (const [name, spec, dt] of cases.slice(0, 5)) {
    const limits = new AxisLimits(spec, dt);
    const rng = new Rng(9);
    for (let run = 0; run < 50; run++) {
      const v0 = rng.uniform(-spec.velocity, spec.velocity);
      const a0 = rng.uniform(-limits.acceleration, limits.acceleration);
      let [p, v, a, ticks] = [0, v0, a0, 0];
      for (; ticks < 20000 && (Math.abs(v) > 1e-9 || Math.abs(a) > 1e-6); ticks++) {
        const want = limits.towards(v, 0);
        a = Math.max(
          -limits.acceleration,
          a - limits.step,
          Math.min(limits.acceleration, a + limits.step, want),
        );
        v += a * dt;
        p += v * dt;
      }
      const time = limits.stopTime(v0, a0);
      // Too long is harmless: the continuous stop spends a last hair of velocity on a pulse of its own.
      assert.ok(time >= (ticks - 4) * dt, `${name}: ${time} s, driven in ${ticks * dt} s`);
      const predicted = limits.stopPosition(0, v0, a0, time);
      const slack = 2 * dt * spec.velocity + 1e-6;
      assert.ok(
        Math.abs(predicted - p) < slack,
        `${name}: predicted ${predicted}, driven ${p} (v ${v0}, a ${a0})`,
      );
    }
  }
});
