import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepCode } from '../../src/control/controller.ts';
import { approachTime, UNDERRUN_LIMIT } from '../../src/control/replay.ts';
import { ControllerId, Reason } from '../../src/robot/tick.ts';
import { Bench, HOME, PERIOD, spec } from '../support/bench-arm.ts';
import { allClose } from '../support/close.ts';

const SECOND = Math.round(1 / PERIOD);

/** A smooth recorded motion of n rows, one per tick, that starts `off` from home. */
function motion(n: number, off: number): { q: Float64Array; qd: Float64Array }[] {
  return Array.from({ length: n }, (_, i) => {
    const t = i * PERIOD;
    const q = HOME.map((x, k) => (k < 7 ? x + off + 0.2 * (1 - Math.cos(t + k * t)) : x));
    const qd = HOME.map((_, k) => (k < 7 ? 0.2 * (1 + k) * Math.sin(t + k * t) : 0));
    return { q, qd };
  });
}

/** Feeds rows as a row source does: the newest whose time has come, half a period of tolerance. */
class Feed {
  readonly bench = new Bench(ControllerId.replay);
  readonly #start: number;
  readonly #rows: ReturnType<typeof motion>;
  readonly #times: number[];
  /** Row index that is not delivered (and none after it) while set. */
  blockedFrom = Number.POSITIVE_INFINITY;
  index = -1;

  constructor(rows: ReturnType<typeof motion>, lead: number, args: number[] = [lead], every = 1) {
    this.#rows = rows;
    this.#times = rows.map((_, i) => (i === 0 ? 0 : lead + i * every * PERIOD));
    this.#start = this.bench.time;
    this.bench.set('in.row.seq', 0);
    assert.equal(this.bench.reset(args), StepCode.ok);
  }

  step(): StepCode {
    const t = this.bench.time - this.#start + PERIOD / 2;
    while (
      this.index + 1 < this.#rows.length &&
      this.index + 1 < this.blockedFrom &&
      this.#times[this.index + 1]! <= t
    ) {
      this.index++;
    }
    if (this.index >= 0) {
      const row = this.#rows[this.index]!;
      this.bench.set('in.row.seq', this.index + 1);
      this.bench.set('in.row.time', this.#times[this.index]!);
      this.bench.set('in.row.last', this.index === this.#rows.length - 1 ? 1 : 0);
      this.bench.set('in.row.q', ...row.q);
      this.bench.set('in.row.qd', ...row.qd);
      this.bench.set('in.row.tau', ...row.q.map(() => Number.NaN));
    }
    return this.bench.step();
  }
}

test('approaches the first row within the lead, then requests every row exactly, and is done with the last', () => {
  const rows = motion(1500, 0.4);
  const lead = approachTime(spec.axes, HOME, rows[0]!.q);
  assert.ok(lead > 0.3 && lead < 3, `lead ${lead}`);
  const feed = new Feed(rows, lead);
  const seen = new Set<number>();
  let code: StepCode = StepCode.ok;
  for (let i = 0; i < 5 * SECOND && code === StepCode.ok; i++) {
    code = feed.step();
    assert.equal(feed.bench.get('out.reasonAll'), 0);
    if (feed.index > 0) {
      allClose(feed.bench.view('out.requested.q'), rows[feed.index]!.q, { what: `row ${feed.index}` });
      allClose(feed.bench.view('out.requested.qd'), rows[feed.index]!.qd, {});
      seen.add(feed.index);
    }
    spec.axes.forEach((a, k) => {
      assert.ok(Math.abs(feed.bench.view('out.qd')[k]!) <= a.velocity, `${a.name} in tick ${i}`);
    });
  }
  assert.equal(code, StepCode.done);
  assert.equal(seen.size, rows.length - 1);
  for (let i = 0; i < 20; i++) assert.equal(feed.step(), StepCode.done);
  allClose(feed.bench.view('out.q'), rows.at(-1)!.q, {});
});

test('a loop that misses every third period still finishes the approach within the lead', () => {
  const rows = motion(300, 0.5);
  const lead = approachTime(spec.axes, HOME, rows[0]!.q);
  const feed = new Feed(rows, lead);
  let code: StepCode = StepCode.ok;
  for (let i = 0; i < 5 * SECOND && code === StepCode.ok; i++) {
    const missed = i % 2 === 1 ? 1 : 0;
    feed.bench.time += missed * PERIOD;
    feed.bench.set('in.missed', missed);
    code = feed.step();
  }
  assert.equal(code, StepCode.done);
  allClose(feed.bench.view('out.q'), rows.at(-1)!.q, {});
});

test('sparse rows are carried on by their velocity', () => {
  const dense = motion(1000, 0);
  const feed = new Feed(
    dense.filter((_, i) => i % 10 === 0),
    0.2,
    [0.2],
    10,
  );
  let worst = 0;
  for (let i = 0; i < 900; i++) {
    assert.equal(feed.step(), StepCode.ok);
    if (i < 300) continue;
    const at = i - 200;
    if (!dense[at]) break;
    dense[at].q.forEach((q, k) => {
      worst = Math.max(worst, Math.abs(q - feed.bench.view('out.q')[k]!));
    });
  }
  // Taylor remainder over 10 ms: ½·a·t² = ½·0.2·49·1e-4 rad.
  assert.ok(worst < 5e-4, `off by ${worst}`);
});

test('underrun: flags, brakes and holds; goes on when rows come in time; faults when they do not', () => {
  const feed = new Feed(motion(3000, 0), 0.2);
  for (let i = 0; i < 700; i++) assert.equal(feed.step(), StepCode.ok);
  feed.blockedFrom = feed.index + 1;
  for (let i = 0; i < 45; i++) feed.step();
  assert.equal(feed.bench.get('out.reasonAll') & Reason.underrun, 0, 'not late yet');
  for (let i = 0; i < 15; i++) feed.step();
  assert.equal(feed.bench.get('out.reasonAll') & Reason.underrun, Reason.underrun);
  // The next row goes on from where the arm stands.
  for (let i = 0; i < 300; i++) assert.equal(feed.step(), StepCode.ok);
  allClose(feed.bench.view('out.qd'), new Float64Array(8), { atol: 1e-12, what: 'holds' });
  let code: StepCode = StepCode.ok;
  let ticks = 360;
  while (code === StepCode.ok && ticks < 2 * SECOND) {
    code = feed.step();
    ticks++;
  }
  assert.equal(code, StepCode.fault);
  assert.ok(Math.abs(ticks * PERIOD - UNDERRUN_LIMIT) < 0.01, `after ${ticks} ticks`);
});

test('underrun: a short gap in a slow passage is bridged', () => {
  const rows = motion(1200, 0).map(({ q }) => ({
    q: HOME.map((x, k) => x + 0.01 * (q[k]! - x)),
    qd: new Float64Array(8),
  }));
  const feed = new Feed(rows, 0.2);
  for (let i = 0; i < 600; i++) feed.step();
  feed.blockedFrom = feed.index + 1;
  for (let i = 0; i < 100; i++) assert.equal(feed.step(), StepCode.ok);
  feed.blockedFrom = Number.POSITIVE_INFINITY;
  feed.step();
  allClose(feed.bench.view('out.requested.q'), rows[feed.index]!.q, {});
});

test('no row at all, rows before the approach is over, rows out of range, bad arguments: faults', () => {
  const never = new Feed([], 0);
  let code: StepCode = StepCode.ok;
  for (let i = 0; i < SECOND && code === StepCode.ok; i++) code = never.step();
  assert.equal(code, StepCode.fault);
  assert.ok(never.bench.get('out.reasonAll') & Reason.underrun);

  const hasty = new Feed(motion(100, 0.5), 0.01);
  code = StepCode.ok;
  for (let i = 0; i < 50 && code === StepCode.ok; i++) code = hasty.step();
  assert.equal(code, StepCode.fault);

  const wild = new Feed([{ q: HOME.map(() => 9), qd: HOME }], 0);
  assert.equal(wild.step(), StepCode.fault);
  for (const bad of [[-1], [Number.NaN], [1, 2]]) {
    assert.equal(new Bench(ControllerId.replay).reset(bad), StepCode.fault, String(bad));
  }
});

test('a plan of one row is approached and done', () => {
  const feed = new Feed(motion(1, 0.3), 0);
  let code: StepCode = StepCode.ok;
  for (let i = 0; i < 5 * SECOND && code === StepCode.ok; i++) code = feed.step();
  assert.equal(code, StepCode.done);
  allClose(feed.bench.view('out.q'), motion(1, 0.3)[0]!.q, { atol: 1e-15 });
});
