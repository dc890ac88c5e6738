// @limit 400
/** The device contract (src/robot/device.ts), over everything registered in devices.ts. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { ArmloopError } from '../../src/errors.ts';
import { CommandMode } from '../../src/robot/tick.ts';
import { type Candidate, candidates, now } from './devices.ts';
import { Stand } from './stand.ts';

/** At rest: below this part of the largest speed. */
const REST = 0.002;
/** Arrived, as part of the range of an axis. A servo without integral part sags a little under load. */
const ARRIVED = 0.005;

for (const candidate of candidates) {
  describe(`device ${candidate.name}`, { skip: candidate.skip }, () => suite(candidate));
}

function suite(candidate: Candidate): void {
  let stand: Stand | null = null;
  afterEach(async () => {
    await stand?.device[Symbol.asyncDispose]();
    stand = null;
  });

  async function opened(): Promise<Stand> {
    stand = new Stand(await candidate.create());
    await stand.open();
    return stand;
  }

  async function enabled(): Promise<Stand> {
    const s = await opened();
    await s.device.enable();
    await s.watch(() => s.has('enabled'), 5);
    s.wantHere();
    return s;
  }

  /**
   * Moves the first axis at a good speed and returns while it moves: in velocity mode where there is one, for then
   * nothing but a brake ends the motion.
   */
  async function moving(s: Stand): Promise<void> {
    const axis = s.device.spec.axes[0]!;
    const start = s.vector('q')[0]!;
    const speed = 0.3 * axis.velocity;
    if (s.device.spec.modes.includes(CommandMode.velocity)) s.wanted.mode = CommandMode.velocity;
    await s.drive(
      // Where this test had to wait for its turn the device may have stopped meanwhile.
      (time) => time > 0.5 && Math.abs(s.vector('qd')[0]!) > 0.15 * axis.velocity && !s.has('watchdog'),
      10,
      (time) => {
        s.wanted.q[0] = start + speed * time;
        s.wanted.qd[0] = speed;
      },
    );
  }

  it('has a spec that can be read before it is opened', async () => {
    const device = await candidate.create();
    const { spec } = device;
    const entry = candidate.robot.devices.find((d) => d.name === spec.name)!;
    assert.deepEqual(
      spec.axes.map((a) => a.name),
      entry.axes,
    );
    assert.equal(spec.kind, entry.kind);
    assert.ok(spec.modes.includes(CommandMode.position));
    assert.ok(spec.honours.q);
    assert.ok(spec.rateHz >= 1 && spec.rateHz <= 10_000);
    if (!spec.simulated)
      assert.ok(!spec.modes.includes(CommandMode.torque), 'torque mode is for simulations');
    await device[Symbol.asyncDispose]();
  });

  it('publishes states with honest capture times: monotone, never in the future, of a stated rate', async () => {
    const s = await opened();
    let { time, device, seq } = { time: s.get('time'), device: s.get('deviceTime'), seq: s.get('seq') };
    const first = { time, device, seq };
    for (let i = 0; i < 300; i++) {
      await s.next();
      assert.ok(s.get('time') <= now(), 'captured in the future');
      assert.ok(s.get('time') >= time, 'capture time went back');
      assert.ok(s.get('deviceTime') > device, 'two states of one instant');
      assert.ok(s.get('seq') > seq, 'states count up');
      assert.ok(s.has('online') && !s.has('fault'));
      ({ time, device, seq } = { time: s.get('time'), device: s.get('deviceTime'), seq: s.get('seq') });
    }
    // Rates by the device's own stamps, so that a busy machine does not matter; states may be lost, not invented.
    const rate = (seq - first.seq) / (device - first.device);
    assert.ok(rate <= 1.02 * s.device.spec.rateHz, `${rate} states a second`);
    assert.ok(rate >= 0.7 * s.device.spec.rateHz, `${rate} states a second`);
    // The map of its clock neither stretches nor shifts: both clocks saw the same time pass. A simulation that was not
    // given the time to compute falls behind, and says so by its own stamps.
    const behind = time - first.time - (device - first.device);
    assert.ok(behind > -0.06, `its clock is ${-behind} s ahead`);
    if (!s.device.spec.simulated) assert.ok(behind < 0.06, `its clock is ${behind} s behind`);
  });

  it('does not move before it is enabled, whatever is sent', async () => {
    const s = await opened();
    const start = s.vector('q');
    s.wanted.q.set(start.map((q) => q + 0.3));
    await s.drive((time) => time > 0.3, 5);
    near(s.vector('q'), start, 2e-3, 'it moved while disabled');
    assert.ok(!s.has('enabled'));
  });

  it('does not jump when it is enabled: it holds until the first command', async () => {
    const s = await opened();
    const start = s.vector('q');
    // An old command that waits in the channel is not for this run.
    s.wanted.q.set(start.map((q) => q + 0.5));
    s.send();
    await s.device.enable();
    await s.watch(() => s.has('enabled'), 5);
    for (let i = 0; i < 100; i++) {
      await s.next();
      near(s.vector('q'), start, 2e-3, 'it moved without a command');
    }
  });

  it('reaches a commanded position within its limits', async () => {
    const s = await enabled();
    const { axes } = s.device.spec;
    const start = s.vector('q');
    const goal = axes.map((a, i) => {
      const step = 0.1 * (a.max - a.min);
      return start[i]! + step < a.max ? start[i]! + step : start[i]! - step;
    });
    const duration = 2;
    let fastest = 0;
    let part = 0;
    let before = 0;
    await s.drive(
      () => {
        fastest = Math.max(fastest, s.speed());
        const q = s.vector('q');
        axes.forEach((a, i) => {
          const slack = 0.01 * (a.max - a.min);
          assert.ok(q[i]! >= a.min - slack && q[i]! <= a.max + slack, `${a.name} left its limits`);
        });
        return part === 1 && s.error() < ARRIVED && s.speed() < REST;
      },
      30,
      (time) => {
        // A test that had to wait for its turn goes on from where it was: a loop would not make a jump of it either.
        part = Math.min(1, part + Math.min(time - before, 0.005) / duration);
        before = time;
        const smooth = part * part * (3 - 2 * part);
        const rate = part < 1 ? (6 * part * (1 - part)) / duration : 0;
        for (let i = 0; i < goal.length; i++) {
          s.wanted.q[i] = start[i]! + smooth * (goal[i]! - start[i]!);
          s.wanted.qd[i] = rate * (goal[i]! - start[i]!);
        }
      },
    );
    assert.ok(fastest > 0.02, 'it moved');
    // After a gap on a bad line goals may run a quarter ahead of the speed limit: so much is taken for jitter.
    assert.ok(fastest < 1.35, `${fastest} of the largest speed`);
  });

  it('says for each command, by tick number, what was really sent and when', async () => {
    const s = await enabled();
    const start = s.vector('q')[0]!;
    const { min, max, velocity } = s.device.spec.axes[0]!;
    // At three quarters of the largest speed at most: what is faster may be held back.
    const amplitude = Math.min(0.1, 0.1 * (max - min), 0.25 * velocity);
    const from = now();
    let phase = 0;
    let before = 0;
    await s.drive(
      (time) => time > 1 && s.get('commandTick') > 50,
      10,
      (time) => {
        // No jump where this test had to wait for its turn: a loop would not make one either.
        phase += 3 * Math.min(time - before, 0.002);
        before = time;
        s.wanted.q[0] = start + amplitude * Math.sin(phase);
      },
    );
    const until = now();
    await s.watch(() => now() > until + 0.4, 5);
    const records = s.records();
    assert.ok(records.length > 20, `${records.length} records`);
    const at = (name: string): number => s.sent.at(name);
    let previous = 0;
    let written = from;
    let answered = 0;
    for (const r of records) {
      const tick = r[at('tick')]!;
      assert.ok(tick > previous, 'in order and once');
      assert.ok(tick <= s.tick);
      previous = tick;
      assert.ok(r[at('written')]! >= written && r[at('written')]! <= now(), 'written after it was asked for');
      written = r[at('written')]!;
      assert.equal(r[at('mode')], CommandMode.position);
      near(s.sent.view(r, 'q'), s.history.get(tick)!, 1e-3, `tick ${tick}: sent is not what was wanted`);
      const acknowledged = r[at('acknowledged')]!;
      if (Number.isNaN(acknowledged)) continue;
      answered++;
      assert.ok(acknowledged >= written, 'acknowledged after it was written');
      const measured = r[at('measuredTime')]!;
      if (Number.isNaN(measured)) continue;
      assert.ok(measured > from && measured <= now());
      assert.ok(Number.isFinite(r[at('measuredQ')]!));
    }
    if (candidate.unanswered === true) assert.equal(answered, 0, 'nobody can have acknowledged it');
    else assert.ok(answered > 0.5 * records.length, `${answered} of ${records.length} were acknowledged`);
  });

  it('clamps or refuses what it cannot do, and reports that as sent', async () => {
    const s = await enabled();
    const { axes } = s.device.spec;
    const last = axes.length - 1;
    const { max, min } = axes[last]!;
    await s.drive((time) => time > 0.1, 5);
    const first = s.tick + 1;
    s.wanted.q[last] = max + 0.25 * (max - min);
    await s.drive((time) => time > 0.2 && s.get('commandTick') >= first + 10, 5);
    const until = s.tick;
    await s.drive((time) => time > 0.2 && s.get('commandTick') > until, 5);
    const { tick, q } = { tick: s.sent.at('tick'), q: s.sent.at('q') + last };
    const beyond = s.records().filter((r) => r[tick]! >= first && r[tick]! <= until);
    assert.ok(beyond.length > 0, 'none was recorded');
    for (const r of beyond) assert.ok(r[q]! <= max + 1e-9, `sent ${r[q]} beyond the limit ${max}`);
  });

  it('does not follow a mode that it does not know', async () => {
    const s = await enabled();
    await s.drive((time) => time > 0.1, 5);
    const start = s.vector('q');
    s.records();
    s.wanted.q.set(start.map((q) => q + 0.2));
    s.wanted.mode = 77;
    await s.drive((time) => time > 0.3, 5);
    near(s.vector('q'), start, 5e-3, 'it moved');
    const mode = s.sent.at('mode');
    for (const r of s.records())
      assert.notEqual(r[mode], 77, 'reported as sent in a mode that does not exist');
  });

  it('follows a velocity, where it knows that mode', async (t) => {
    const s = await enabled();
    if (!s.device.spec.modes.includes(CommandMode.velocity)) {
      t.diagnostic('no velocity mode');
      return;
    }
    const speed = 0.1 * s.device.spec.axes[0]!.velocity;
    s.wanted.mode = CommandMode.velocity;
    s.wanted.qd.fill(0);
    s.wanted.qd[0] = speed;
    await s.drive((time) => time > 0.5 && Math.abs(s.vector('qd')[0]! / speed - 1) < 0.1, 10);
  });

  it('holds by itself when commands stop, says so, and goes on when they come back', async () => {
    const s = await enabled();
    await moving(s);
    assert.ok(!s.has('watchdog'));
    await s.watch(() => s.has('watchdog'), 5);
    const from = s.vector('q')[0]!;
    await s.watch(() => s.speed() < REST, 5);
    const rest = s.vector('q');
    const { velocity, acceleration } = s.device.spec.axes[0]!;
    const way = (0.3 * velocity) ** 2 / (2 * acceleration);
    assert.ok(Math.abs(rest[0]! - from) < 2 * way + 0.02, `it took ${rest[0]! - from} to brake`);
    for (let i = 0; i < 50; i++) await s.next();
    near(s.vector('q'), rest, 2e-3, 'it crept');
    assert.ok(s.has('watchdog'));
    s.wantHere();
    await s.drive(() => !s.has('watchdog'), 5);
  });

  it('halt stops it without the loop, whatever the loop goes on sending', async () => {
    const s = await enabled();
    await moving(s);
    await s.device.halt();
    await s.drive(() => s.speed() < REST, 5);
    assert.ok(!s.has('enabled') || s.has('watchdog'), 'it says that it does not follow commands');
    const rest = s.vector('q');
    await s.drive((time) => time > 0.2, 5);
    near(s.vector('q'), rest, 2e-3, 'it went on');
  });

  it('ends enabling when it is halted meanwhile, or holds; enabled again it follows', async () => {
    const s = await opened();
    const ended = s.device.enable().then(
      () => 'enabled',
      (error: Error & { code?: string }) => error.code ?? error.message,
    );
    await s.device.halt();
    assert.ok(['enabled', 'DEVICE_HALTED'].includes(await ended), await ended);
    s.wantHere();
    const start = s.vector('q');
    const axis = s.device.spec.axes[0]!;
    const way = 0.1 * (axis.max - axis.min) * (start[0]! > (axis.max + axis.min) / 2 ? -1 : 1);
    const onward = (): void => {
      s.wanted.q[0] = start[0]! + way;
    };
    await s.drive((time) => time > 0.4, 5, onward);
    near(s.vector('q'), start, 0.2 * Math.abs(way), 'it follows though it was halted');
    assert.ok(!s.has('enabled') || s.has('watchdog'), 'it says that it does not follow commands');
    await s.device.enable();
    await s.drive(() => Math.abs(s.vector('q')[0]! - start[0]!) > 0.5 * Math.abs(way), 20, onward);
  });

  it('goes through disable and enable as often as asked', async () => {
    const s = await opened();
    for (let i = 0; i < 3; i++) {
      await s.device.enable();
      await s.watch(() => s.has('enabled'), 5);
      s.wantHere();
      await s.drive((time) => time > 0.1 && s.get('commandTick') > 0, 5);
      await s.device.disable();
      await s.watch(() => !s.has('enabled'), 5);
      const seq = s.get('seq');
      await s.watch(() => s.get('seq') > seq + 5, 5);
    }
  });

  it('refuses to be opened twice', async () => {
    const s = await opened();
    await assert.rejects(s.openAgain(), ArmloopError);
    await s.next();
  });

  it('is silent after it was closed, and may be closed twice or unopened', async () => {
    const s = await opened();
    await s.device[Symbol.asyncDispose]();
    while (s.take());
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(!s.take(), 'a state after the end');
    await s.device[Symbol.asyncDispose]();
    await (await candidate.create())[Symbol.asyncDispose]();
  });

  it('resets, and continues from a snapshot, when it is simulated', async (t) => {
    const s = await enabled();
    const { device } = s;
    if (!device.spec.simulated) {
      assert.equal(device.reset, undefined, 'only simulations can be reset');
      t.diagnostic('not simulated');
      return;
    }
    const epoch = s.get('epoch');
    await device.reset!(5);
    await s.watch(() => s.get('epoch') > epoch, 5);
    assert.equal(s.get('seed'), 5);
    const kept = await device.snapshot!();
    await s.next();
    const q = s.vector('q');
    s.wantHere();
    await moving(s);
    await device.restore!(kept);
    await s.watch(() => Math.abs(s.vector('q')[0]! - q[0]!) < 0.02, 5);
    assert.ok(device.scene !== null && device.scene.bodies.length > 0);
  });
}

function near(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(got.length, want.length);
  for (let i = 0; i < want.length; i++) {
    assert.ok(Math.abs(got[i]! - want[i]!) <= tolerance, `${what}: value ${i} is ${got[i]}, not ${want[i]}`);
  }
}
