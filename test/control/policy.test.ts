import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepCode } from '../../src/control/controller.ts';
import { UNDERRUN_LIMIT } from '../../src/control/policy.ts';
import { ControllerId, Reason } from '../../src/robot/tick.ts';
import { Bench, HOME, PERIOD, spec } from '../support/bench-arm.ts';
import { allClose } from '../support/close.ts';

const PIECE = 0.05;
/** Remainder of the Taylor polynomial over one piece: 0.2 (2.8 · 0.05)⁶ / 6! = 2e-9. */
const ROUNDING = 5e-9;
const SECOND = Math.round(1 / PERIOD);

/** Derivatives 0..5 of axis k's wanted motion at t: q = HOME + off + 0.2 sin(ωt), every derivative known. */
function derivatives(k: number, t: number, off: number): number[] {
  const w = 1 + 0.3 * k;
  const size = k < 7 ? 0.2 : 0;
  const d = Array.from({ length: 6 }, (_, n) => size * w ** n * Math.sin(w * t + (n * Math.PI) / 2));
  d[0]! += HOME[k]! + (k < 7 ? off : 0);
  return d;
}

/** Feeds pieces as a row source does, each the Taylor polynomial of the motion at its start. */
class Feed {
  readonly bench = new Bench(ControllerId.policy);
  readonly start: number;
  readonly #off: number;
  /** No piece is delivered from this time on while set. */
  blockedFrom = Number.POSITIVE_INFINITY;
  last = Number.POSITIVE_INFINITY;
  piece = -1;

  constructor(off: number, args: number[] = []) {
    this.#off = off;
    this.start = this.bench.time;
    this.bench.set('in.row.seq', 0);
    this.bench.set('in.row.start', this.start);
    assert.equal(this.bench.reset(args), StepCode.ok);
  }

  get time(): number {
    return this.bench.time - this.start;
  }

  step(): StepCode {
    const piece = Math.floor((Math.min(this.time, this.blockedFrom - PIECE) + 1e-9) / PIECE);
    if (piece > this.piece) {
      this.piece = piece;
      const d = Array.from(HOME, (_, k) => derivatives(k, piece * PIECE, this.#off));
      const of = (n: number, factorial: number): number[] => d.map((x) => x[n]! / factorial);
      this.bench.set('in.row.seq', piece + 1);
      this.bench.set('in.row.time', piece * PIECE);
      this.bench.set('in.row.duration', PIECE);
      this.bench.set('in.row.last', piece >= this.last ? 1 : 0);
      this.bench.set('in.row.q', ...of(0, 1));
      this.bench.set('in.row.qd', ...of(1, 1));
      this.bench.set('in.row.qdd', ...of(2, 1));
      this.bench.set('in.row.c3', ...of(3, 6));
      this.bench.set('in.row.c4', ...of(4, 24));
      this.bench.set('in.row.c5', ...of(5, 120));
    }
    return this.bench.step();
  }

  /** The wanted motion at the tick just stepped. */
  want(n: number): number[] {
    return Array.from(HOME, (_, k) => derivatives(k, this.time - PERIOD, this.#off)[n]!);
  }
}

test('asks for the polynomial in effect, position and speed', () => {
  const feed = new Feed(0);
  for (let i = 0; i < 3 * SECOND; i++) {
    assert.equal(feed.step(), StepCode.ok);
    assert.equal(feed.bench.get('out.reasonAll'), 0);
    // The motion begins with a speed that the arm does not have: the difference is over within 1 s.
    if (i < SECOND) continue;
    allClose(feed.bench.view('out.requested.q'), feed.want(0), { atol: ROUNDING, what: `tick ${i}` });
    allClose(feed.bench.view('out.requested.qd'), feed.want(1), { atol: 1e-6 });
  }
});

test('a first row far away is approached without a jump and below half of full speed, while it moves on', () => {
  const feed = new Feed(0.5);
  let near = -1;
  const before = HOME.slice();
  for (let i = 0; i < 5 * SECOND; i++) {
    assert.equal(feed.step(), StepCode.ok);
    const q = feed.bench.view('out.requested.q');
    spec.axes.forEach((axis, k) => {
      const speed = (q[k]! - before[k]!) / PERIOD;
      // The row's own speed, now and when the difference began to fade with it.
      const own = Math.abs(feed.want(1)[k]!) + Math.abs(derivatives(k, 0, 0)[1]!);
      assert.ok(Math.abs(speed) <= 0.5 * axis.velocity + own, `${axis.name} at tick ${i}: ${speed}`);
      const acceleration = Math.abs(feed.bench.view('out.qdd')[k]!);
      assert.ok(acceleration <= axis.acceleration, `${axis.name} at tick ${i}: ${acceleration}`);
    });
    before.set(q);
    const off = Math.max(...feed.want(0).map((x, k) => Math.abs(x - q[k]!)));
    if (near < 0 && off < ROUNDING) near = i;
    if (near >= 0) assert.ok(off < ROUNDING, `left it again at tick ${i}`);
  }
  assert.ok(near > 0.3 * SECOND && near < 3 * SECOND, `came to it after ${near} ticks`);
});

test('an underrun brakes, holds and says so; the next rows are joined from where it stands', () => {
  const feed = new Feed(0);
  for (let i = 0; i < 1.5 * SECOND; i++) assert.equal(feed.step(), StepCode.ok);
  feed.blockedFrom = feed.time + PIECE;
  let flagged = 0;
  for (let i = 0; i < 0.6 * SECOND; i++) {
    assert.equal(feed.step(), StepCode.ok);
    if (feed.bench.get('out.reasonAll') === Reason.underrun) flagged++;
    else assert.equal(flagged, 0, 'once it says so it goes on saying so');
  }
  assert.ok(flagged > 0.45 * SECOND && flagged < 0.6 * SECOND, `${flagged}`);
  allClose(feed.bench.view('out.qd'), new Float64Array(8), { atol: 1e-9, what: 'it rests' });
  feed.blockedFrom = Number.POSITIVE_INFINITY;
  let before = feed.bench.view('out.q').slice();
  for (let i = 0; i < 2 * SECOND; i++) {
    assert.equal(feed.step(), StepCode.ok);
    assert.equal(feed.bench.get('out.reasonAll'), 0);
    const q = feed.bench.view('out.q');
    assert.ok(
      q.every((x, k) => Math.abs(x - before[k]!) <= spec.axes[k]!.velocity * PERIOD),
      `tick ${i}`,
    );
    before = q.slice();
  }
  allClose(feed.bench.view('out.requested.q'), feed.want(0), { atol: ROUNDING, what: 'caught up' });
});

test('rows that never come, and rows that never come back, are a fault after the limit', () => {
  for (const [args, limit] of [
    [[], UNDERRUN_LIMIT],
    [[0.3], 0.3],
  ] as const) {
    const never = new Feed(0, [...args]);
    never.blockedFrom = Number.NEGATIVE_INFINITY;
    let ticks = 0;
    while (never.step() === StepCode.ok) ticks++;
    assert.ok(Math.abs(ticks - limit * SECOND) <= 1, `${ticks} ticks`);
    assert.equal(never.bench.get('out.reasonAll'), Reason.underrun);

    const stops = new Feed(0, [...args]);
    stops.blockedFrom = 1;
    ticks = 0;
    while (stops.step() === StepCode.ok) ticks++;
    assert.ok(Math.abs(ticks - (1 + limit) * SECOND) <= 2, `${ticks} ticks`);
  }
});

test('refuses senseless arguments, and faults on a row that is not a number', () => {
  for (const args of [[0], [-1], [61], [Number.NaN], [1, 2]]) {
    assert.equal(new Bench(ControllerId.policy).reset(args), StepCode.fault, String(args));
  }
  for (const field of ['q', 'qd', 'qdd', 'c3', 'c4', 'c5']) {
    const feed = new Feed(0);
    feed.step();
    feed.bench.view(`in.row.${field}`)[3] = Number.NaN;
    assert.equal(feed.bench.step(), StepCode.fault, field);
    assert.ok(feed.bench.view('out.requested.q').every(Number.isFinite));
  }
});

test('the row marked last ends it at rest: done, and holding there', () => {
  const feed = new Feed(0);
  feed.last = 20;
  for (let i = 0; i < 21 * PIECE * SECOND; i++) assert.equal(feed.step(), StepCode.ok, `tick ${i}`);
  feed.blockedFrom = 0;
  for (let i = 0; i < SECOND; i++) feed.step();
  assert.equal(feed.step(), StepCode.done);
  allClose(feed.bench.view('out.qd'), new Float64Array(8), { atol: 1e-9 });
});
