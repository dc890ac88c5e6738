/** What the comparison of planners computes and draws from its curves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planningPlot, seconds, spread } from '../../bench/planning/plot.ts';
import { TASKS } from '../../bench/planning/problems.ts';
import { type Curve, leftAt, logGrid, references, summarise, timeTo } from '../../bench/planning/summary.ts';
import { VARIANTS } from '../../bench/planning/variants.ts';

const curve = (seed: number, times: number[], costs: number[]): Curve => ({
  seed,
  times,
  costs,
  status: 'running',
});
const fast = [curve(1, [0.1, 0.2, 0.4], [110, 60, 10]), curve(2, [0.1, 0.2, 0.4], [21, 6, 1])];
const slow = [curve(1, [0.1, 1], [110, 40]), curve(2, [0.1, 1], [21, 3])];
const runs = new Map([
  ['fast', fast],
  ['slow', slow],
]);

test('what is left is the share of the way from the common start to the best that any found', () => {
  const known = references(runs);
  assert.deepEqual(known.get(1), { start: 110, best: 10 });
  assert.deepEqual(known.get(2), { start: 21, best: 1 });
  const one = known.get(1)!;
  assert.equal(leftAt(fast[0]!, one, 0.05), 1);
  assert.equal(leftAt(fast[0]!, one, 0.2), 0.5);
  assert.equal(leftAt(fast[0]!, one, 9), 0);
  assert.equal(leftAt(slow[0]!, one, 0.99), 1);
  assert.ok(Math.abs(leftAt(slow[0]!, one, 1) - 0.3) < 1e-15);
  assert.equal(timeTo(fast[0]!, one, 0.5), 0.2);
  assert.equal(timeTo(slow[0]!, one, 0.1), Number.POSITIVE_INFINITY);
  assert.throws(() => references(new Map([...runs, ['odd', [curve(1, [0.1], [111])]]])), /different costs/);
});

test('rows: medians over the seeds, no time for what most do not reach, seconds of an iteration', () => {
  const [a, b] = summarise(runs, [0.2, 1]);
  assert.equal(a!.toTenth, 0.4);
  assert.equal(b!.toTenth, 1, 'one of two seeds reaches a tenth: half of them');
  assert.equal(b!.toHundredth, null);
  assert.deepEqual(a!.bands[0], { time: 0.2, low: 0.25, middle: 0.375, high: 0.5 });
  assert.deepEqual(a!.end, { time: 1, low: 0, middle: 0, high: 0 });
  assert.ok(Math.abs(b!.iterationSeconds - 0.9) < 1e-12);
  assert.deepEqual(
    [...logGrid(1e-3, 10, 5)].map((t) => Number(t.toPrecision(6))),
    [1e-3, 1e-2, 0.1, 1, 10],
  );
});

test('labels keep their distance, their order and their room', () => {
  assert.deepEqual(spread([10, 11, 50], 15, 0, 100), [10, 25, 50]);
  assert.deepEqual(spread([99, 98, 97], 10, 0, 100), [100, 90, 80]);
  assert.deepEqual(spread([-5, 40], 10, 0, 100), [0, 40]);
  assert.equal(seconds(3e-6), '3 µs');
  assert.equal(seconds(0.0204), '20 ms');
  assert.equal(seconds(1.5), '1.5 s');
});

test('the plot draws and names every planner once per panel, in colours for light and dark', () => {
  const inks = new Map(VARIANTS.map((v) => [v.name, v.ink]));
  const rows = VARIANTS.map((v, i) => {
    const [row] = summarise(new Map([[v.name, fast]]), logGrid(0.01, 1, 20));
    return { ...row!, name: v.name, end: { ...row!.end, middle: 10 ** -(i / 3) } };
  });
  const svg = planningPlot([{ title: 'a < b & c', about: '', rows, from: 0.01, to: 1 }], inks);
  for (const { name, ink } of VARIANTS) {
    assert.equal(svg.split(`>${name}</text>`).length, 2, name);
    assert.ok(svg.includes(ink.light) && svg.includes(ink.dark));
  }
  assert.equal(svg.split('<path class="line ').length - 1, VARIANTS.length);
  assert.ok(svg.includes('a &lt; b &amp; c') && svg.includes('prefers-color-scheme:dark'));
  assert.ok(!/NaN|undefined|Infinity/.test(svg));
});

test('tasks: an instance is the same each time, differs by seed, and starts inside its limits', () => {
  for (const task of TASKS) {
    const [a, again, b] = [task.instance(1), task.instance(1), task.instance(2)];
    assert.deepEqual([...a.problem.x0], [...again.problem.x0]);
    assert.notDeepEqual([...a.problem.x0], [...b.problem.x0]);
    const { nu, lower, upper } = a.problem;
    assert.ok(a.us.every((u, i) => u >= lower![i % nu]! && u <= upper![i % nu]!));
    const out = new Float64Array(a.problem.nx);
    a.problem.dynamics(a.problem.x0, a.us.slice(0, nu), 0, out);
    assert.ok(out.every(Number.isFinite));
  }
});
