// @limit 180
/** A gripper on a real port: what it does, what goes wrong, and what a person is told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openSerialWire } from '../../../drivers/bus/serial-wire.ts';
import { RobotiqChain } from '../../../drivers/robotiq/chain.ts';
import { jawOf } from '../../../drivers/robotiq/options.ts';
import { Contact } from '../../../drivers/robotiq/registers.ts';
import { entry, type GripperStand, gripperStand, holding, lead, now, robot, until } from './gripper-stand.ts';

/** m: one count of the gripper, and a bit. */
const COUNT = 0.0005;
/** m/s: how fast goals go in these tests; a gripper follows at up to 0.15. */
const SPEED = 0.06;
const OBJECT = 0.03;

/** An activation is ended by the next requests, a few ms each; more on a busy machine, s. Its strokes take 1.7 s. */
const STOPS = 0.8;

/** Closed on an object, with goals that go on closing. */
async function gripping(g: GripperStand): Promise<void> {
  await holding(g);
  await g.change('object', OBJECT);
  await lead(g, 0.01, SPEED, () => g.s.vector('tau')[0]! < 0 && g.s.wanted.q[0]! <= 0.0101);
}

describe('a gripper', () => {
  it('closed while it connects, it lets the port go once it has it', async () => {
    await using g = await gripperStand();
    const { port } = g.emulator;
    const jaw = jawOf({ robot, entry: { ...entry, options: { ...entry.options, port } } });
    let closes = 0;
    const chain: RobotiqChain = new RobotiqChain(jaw, {
      device: entry.name,
      now,
      openWire: async (request) => {
        const wire = await openSerialWire(request);
        const close = wire.close.bind(wire);
        wire.close = () => {
          closes++;
          return close();
        };
        await chain.close();
        return wire;
      },
    });
    await chain.revive();
    assert.equal(closes, 1);
  });

  it('goes where it is led in metres, and says where it is and how fast', async () => {
    await using g = await gripperStand();
    const { s } = g;
    await holding(g);
    let fastest = 0;
    await lead(g, 0.02, SPEED, () => {
      fastest = Math.max(fastest, Math.abs(s.vector('qd')[0]!));
      return Math.abs(s.vector('q')[0]! - 0.02) < COUNT && s.speed() === 0;
    });
    assert.ok(Math.abs((await g.gripper()).opening - 0.02) < COUNT);
    assert.ok(fastest > 0.5 * SPEED && fastest < 0.16, `${fastest} m/s`);
    assert.ok(s.vector('tau')[0] === 0, 'it touches nothing');
  });

  it('grips with the force of the robot file, tells what it touches, and keeps it while its goal is beyond', async () => {
    await using g = await gripperStand();
    const { s, notes } = g;
    await gripping(g);
    assert.ok(Math.abs(s.vector('tau')[0]! + 40) < 1e-9, 'N, closing, as the robot file sets it');
    assert.ok(Math.abs(s.vector('q')[0]! - OBJECT) < 3 * COUNT, 'it stands at the object');
    assert.equal((await g.gripper()).contact, Contact.closing);
    // Meeting it presses harder for a moment.
    await until('it presses with 40 N', async () => Math.abs((await g.gripper()).force - 40) < 5);
    assert.ok(
      notes.some((n) => /^gripper touches something at (29|30) mm$/.test(n)),
      notes.join('; '),
    );
    // Pulled out of its fingers: it goes on to its goal and says so.
    await g.change('object', 0);
    await s.drive(() => Math.abs(s.vector('q')[0]! - 0.01) < COUNT, 10);
    await s.drive(() => notes.includes('gripper no longer touches anything'), 10);
    assert.ok(s.vector('tau')[0] === 0);
    assert.deepEqual(g.faults, []);
  });

  it('knows what it meets while it opens', async () => {
    await using g = await gripperStand();
    await holding(g);
    await g.change('ring', 0.06);
    await lead(g, 0.08, SPEED, () => Math.abs(g.s.vector('tau')[0]! - 40) < 1e-9);
    assert.equal((await g.gripper()).contact, Contact.opening);
  });

  it('does not move at enable, whatever it was told before, and stays put when it is switched off', async () => {
    await using g = await gripperStand();
    const { s } = g;
    await s.open();
    await g.emulator.trace();
    await s.device.enable();
    await s.watch(() => s.has('enabled'), 10);
    await s.device.disable();
    await s.watch(() => !s.has('enabled'), 10);
    await s.device.enable();
    await s.watch(() => s.has('enabled'), 10);
    const openings = (await g.emulator.traced()).map((row) => row[1]!);
    assert.ok(openings.length > 20);
    const way = Math.max(...openings) - Math.min(...openings);
    assert.ok(way < COUNT, `it moved by ${way} m`);
    assert.ok((await g.gripper()).active, 'never deactivated on the way');
  });
});

describe('activation', () => {
  it('is a person’s: without it the rig does not arm, and nothing moves', async () => {
    await using g = await gripperStand({}, {}, { active: false });
    const { s } = g;
    await s.open();
    assert.ok(s.has('online') && !s.has('enabled'));
    await assert.rejects(s.device.enable(), { code: 'DEVICE_NOT_ACTIVATED' });
    const { orders, opening } = await g.gripper();
    assert.deepEqual([orders, opening], [0, 0.05]);
  });

  it('is done when the robot file says so: the fingers go all the way, then it holds', async () => {
    await using g = await gripperStand({ activate: 'when-armed' }, {}, { active: false });
    const { s } = g;
    await s.open();
    await g.emulator.trace();
    await s.device.enable();
    await s.watch(() => s.has('enabled'), 10);
    const openings = (await g.emulator.traced()).map((row) => row[1]!);
    assert.ok(Math.min(...openings) < COUNT && Math.max(...openings) > 0.085 - COUNT);
    assert.ok(g.notes.some((n) => n.includes('open and close all the way')));
    assert.ok(Math.abs(s.vector('q')[0]! - 0.085) < COUNT);
    s.wantHere();
    await lead(g, 0.07, SPEED, () => Math.abs(s.vector('q')[0]! - 0.07) < COUNT);
    assert.deepEqual(g.faults, []);
  });

  it('is ended by a halt, and by switching it off: the fingers stop where they are, and it is activated anew', async () => {
    await using g = await gripperStand({ activate: 'when-armed' }, {}, { active: false });
    const { s, emulator } = g;
    await s.open();
    for (const end of ['halt', 'disable'] as const) {
      await emulator.trace();
      const enabling = assert.rejects(s.device.enable(), { code: 'DEVICE_HALTED' });
      await until('the fingers move', async () => (await g.gripper()).speed !== 0);
      const at = now();
      await s.device[end]();
      await enabling;
      await until('at rest', async () => (await g.gripper()).speed === 0);
      await s.watch(() => s.has('online') && !s.has('enabled'), 10);
      const after = (await emulator.traced()).filter((row) => row[0]! >= at);
      const seconds = (after[after.findLastIndex((row) => row[2] !== 0) + 1] ?? after.at(-1)!)[0]! - at;
      assert.ok(seconds < STOPS, `they stopped after ${seconds} s`);
      assert.ok(!(await g.gripper()).active);
    }
    await s.device.enable();
    await s.watch(() => s.has('enabled'), 10);
    assert.ok(Math.abs(s.vector('q')[0]! - 0.085) < COUNT, 'both strokes were made');
  });

  it('that something is in the way of fails in words', async () => {
    await using g = await gripperStand({ activate: 'when-armed' }, {}, { active: false });
    await g.s.open();
    await g.change('object', 0.04);
    await assert.rejects(g.s.device.enable(), /its activation failed: something is between its fingers/);
  });
});

describe('a gripper when', () => {
  it('its cable is pulled in motion: it stops at its last goal; replugged, it holds and follows again', async () => {
    await using g = await gripperStand();
    const { s, faults, notes, emulator } = g;
    await holding(g);
    await lead(g, 0.01, SPEED, () => s.vector('qd')[0]! < -0.5 * SPEED);
    await emulator.trace();
    const at = await emulator.unplug();
    await until('told', () => faults.length > 0);
    await until('at rest', async () => (await g.gripper()).speed === 0);
    const after = (await emulator.traced()).filter((row) => row[0]! >= at).map((row) => row[1]!);
    const way = Math.abs(after.at(-1)! - after[0]!);
    // Goals are at most two cycles of 20 ms ahead, and rounded to counts.
    assert.ok(way < 2 * 0.02 * 1.25 * 0.15 + 2 * COUNT, `it went on by ${way} m`);
    assert.match(faults[0]!, /the port .* is gone\. The gripper goes to the last goal that it has heard/);
    s.take();
    assert.ok(!s.has('online'));
    const where = (await g.gripper()).opening;
    await emulator.plug();
    await until('back', () => notes.some((n) => n.includes('answers again: it holds')));
    await s.watch(() => s.has('online') && s.has('enabled'), 10);
    assert.ok(Math.abs((await g.gripper()).opening - where) < COUNT, 'it did not jump');
    s.wantHere();
    await lead(g, 0.06, SPEED, () => Math.abs(s.vector('q')[0]! - 0.06) < COUNT);
  });

  it('its host dies with something in its fingers: it holds it, for it has no watchdog', async () => {
    await using g = await gripperStand();
    await gripping(g);
    await g.s.device[Symbol.asyncDispose]();
    const from = now();
    // Longer than it takes to notice the silence by itself (1 s).
    await until('the silence', async () => (await g.gripper()).fault === 0x09);
    assert.ok(now() - from > 0.5);
    const { force, contact, following } = await g.gripper();
    assert.ok(Math.abs(force - 40) < 5 && contact === Contact.closing && following, `${force} N`);
  });

  it('its supply breaks down: it says so, the loop is told to stop, and only an activation helps', async () => {
    await using g = await gripperStand();
    const { s, faults } = g;
    await holding(g);
    await g.change('voltage', 20);
    await s.drive(() => s.has('fault'), 10);
    assert.match(faults[0]!, /^gripper: its supply voltage is too low/);
    assert.ok(!s.has('enabled'));
    await g.change('voltage', 24);
    await assert.rejects(s.device.enable(), { code: 'DEVICE_GRIPPER_FAULT' });
  });

  it('it loses its power for a moment: it is told that it must be activated anew', async () => {
    await using g = await gripperStand();
    const { s, faults, notes } = g;
    await holding(g);
    await g.change('restart');
    await until('told', () => faults.length > 0);
    await until(
      'back',
      () => notes.some((n) => /answers again/.test(n)) || faults.some((f) => /activated anew/.test(f)),
    );
    await s.watch(() => s.has('online') && !s.has('enabled'), 10);
    await assert.rejects(s.device.enable(), { code: 'DEVICE_NOT_ACTIVATED' });
  });

  it('it starts anew between two answers, no goal makes it open and close: that is a person’s', async () => {
    // So patient that it is not taken for lost before it answers again.
    await using g = await gripperStand({ misses: 900, patienceMs: 5 });
    const { s, faults } = g;
    await holding(g);
    await g.emulator.trace();
    await g.change('restart');
    await s.drive(() => faults.length > 0, 20);
    assert.match(faults[0]!, /^gripper does not follow any more: .*it must be activated anew/);
    await s.drive((time) => time > 0.3, 10);
    const openings = (await g.emulator.traced()).map((row) => row[1]!);
    assert.ok(Math.max(...openings) - Math.min(...openings) < COUNT, 'it moved');
    await s.device.disable();
    const { active, speed } = await g.gripper();
    assert.ok(!active && speed === 0, 'and switching it off does not make it either');
  });

  it('it gets too hot, or takes too much current', async () => {
    await using g = await gripperStand();
    const { s, faults, notes } = g;
    await holding(g);
    await g.change('temperature', 90);
    await s.drive(() => s.has('fault'), 10);
    assert.match(faults[0]!, /^gripper: it is too hot and must cool down\. It does not move until/);
    await g.change('temperature', 60);
    await s.drive(() => !s.has('fault'), 10);
    assert.ok(notes.includes('gripper is well again'));
    await g.change('overload');
    await s.drive(() => s.has('fault'), 10);
    assert.match(faults[1]!, /its current was too high; it must be activated anew/);
  });

  it('the line is bad: tries are bounded, then it is lost; noise moves nothing', async () => {
    await using g = await gripperStand({ patienceMs: 15, misses: 30 });
    const { s, faults } = g;
    await holding(g);
    await g.emulator.trace();
    await g.emulator.faults({ flip: 0.02, drop: 0.01 });
    await s.drive((time) => time > 1.5, 10);
    const openings = (await g.emulator.traced()).map((row) => row[1]!);
    assert.ok(Math.max(...openings) - Math.min(...openings) < 3 * COUNT, 'no damaged frame moved it');
    await g.emulator.faults({ flip: 0, drop: 0 });
    await s.drive(() => s.has('online') && s.has('enabled'), 10);
    const before = faults.length;
    await g.change('silent', true);
    await until('told', () => faults.length > before);
    assert.match(faults.at(-1)!, /nothing came from slave 9 on .*power, cable/);
    s.take();
    assert.ok(!s.has('online'));
  });
});

describe('a gripper does not open when', () => {
  it('nobody answers, another answers, or the baud rate is another one', async () => {
    await using g = await gripperStand({ baud: 57_600 }, { baud: 115_200, senseBaud: true });
    await assert.rejects(g.s.open(), /nothing came from slave 9 on .* at 57600 baud/);
    await using other = await gripperStand({}, {}, {});
    await other.change('silent', true);
    await assert.rejects(other.s.open(), { code: 'DEVICE_UNREACHABLE' });
  });
});

describe('settings', () => {
  const refused = (
    options: Record<string, unknown>,
    axis: Record<string, unknown>,
    pattern: RegExp,
  ): void => {
    const axes = robot.axes.map((a) => (a.name === 'gripper' ? { ...a, ...axis } : a));
    const changed = { ...entry, options: { ...entry.options, ...options } };
    assert.throws(() => jawOf({ robot: { ...robot, axes }, entry: changed }), pattern);
  };

  it('that a 2F-85 cannot have are refused with what they are and may be', () => {
    refused({ slave: 300 }, {}, /devices\[1\]\.options\.slave is 300/);
    refused({}, { velocity: 0.2 }, /axes\[7\]\.velocity is 0\.2, but its fingers go at 0\.15 m\/s at most/);
    refused({}, { max: 0.1 }, /axes\[7\]\.max is 0\.1, but the gripper opens by 0\.085 m/);
    refused({ force: 80 }, {}, /options\.force is 80, but the effort of gripper is 60 N/);
    refused({ open: 240 }, {}, /options\.closed is 230, but it must be above open/);
    refused({ nonsense: 1 }, {}, /nonsense/);
  });

  it('turn counts into metres: 3 is open, 230 is closed', () => {
    const { map } = jawOf({ robot, entry });
    assert.ok(Math.abs(map.position(3) - 0.085) < 1e-12);
    assert.equal(map.position(230), 0);
    assert.deepEqual([map.steps(0.085), map.steps(0), map.steps(1), map.steps(-1)], [3, 230, 3, 230]);
    assert.ok(Math.abs(map.velocity(100) + (100 * 0.085) / 227) < 1e-12, 'counts grow as it closes');
  });
});
