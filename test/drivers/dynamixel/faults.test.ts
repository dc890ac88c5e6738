// @limit 240
/** What goes wrong on a wire: what the arm did, within what time, and what the person was told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openSerialWire } from '../../../drivers/bus/serial-wire.ts';
import { course, holding, moving, now, until } from '../bus/arm-stand.ts';
import { armStand, robot } from './arm-stand.ts';

const SPEED = 0.6;
/** The servos' own watchdog (limits.watchdogMs of the robot file), and what a step of its clock adds, s. */
const WATCHDOG = 0.1 + 0.02;
/** A servo without brake comes to rest within this, s, at that speed. */
const SETTLE = 0.25;
/** rad/s: at rest. */
const REST = 0.01;

describe('a Dynamixel arm when', () => {
  it('the cable is pulled in motion: the servos stop by themselves; replugged, it holds and follows again', async () => {
    await using arm = await armStand();
    const { s, emulator, faults, notes } = arm;
    await holding(arm);
    await moving(arm, SPEED);
    await emulator.trace();
    const at = await emulator.unplug();
    await until('told', () => faults.length > 0);
    await until('at rest', async () =>
      (await arm.servos()).every((servo) => servo.watchdog === -1 && servo.speed === 0),
    );
    s.take();
    assert.ok(!s.has('online') && !s.has('enabled'), 'its state says that nothing is known');
    assert.equal(faults.length, 1);
    assert.match(faults[0]!, /the port .* at 1000000 baud is gone\. The servos hold by themselves/);
    const after = course(await emulator.traced(), 0, at);
    const rest = after.find((p) => Math.abs(p.speed) < REST)!;
    assert.ok(rest.time - at < WATCHDOG + SETTLE, `at rest after ${rest.time - at} s`);
    const way = Math.max(...after.map((p) => Math.abs(p.angle - after[0]!.angle)));
    assert.ok(way < SPEED * (WATCHDOG + SETTLE), `it went on by ${way} rad`);

    const where = (await arm.servos())[0]!.angle;
    await emulator.plug();
    await until('back', () => notes.some((n) => n.includes('answers again: it holds')));
    await s.watch(() => s.has('online') && s.has('enabled'), 10);
    assert.ok(Math.abs((await arm.servos())[0]!.angle - where) < 0.01, 'it did not jump');
    // What the loop wants by now is elsewhere: it goes there at its own speed.
    await emulator.trace();
    s.wanted.q[0] = where - 0.5;
    await s.drive(() => Math.abs(s.vector('q')[0]! - (where - 0.5)) < 0.02, 20);
    const fastest = Math.max(...course(await emulator.traced(), 0, 0).map((p) => Math.abs(p.speed)));
    assert.ok(fastest < 1.6 * s.device.spec.axes[0]!.velocity, `${fastest} rad/s`);
  });

  it('its host is gone, the servos stop by themselves', async () => {
    await using arm = await armStand();
    await holding(arm);
    await moving(arm, SPEED);
    await arm.emulator.trace();
    const at = now();
    await arm.s.device[Symbol.asyncDispose]();
    await until('at rest', async () =>
      (await arm.servos()).every((servo) => servo.watchdog === -1 && servo.speed === 0),
    );
    const after = course(await arm.emulator.traced(), 0, at);
    const rest = after.find((p) => Math.abs(p.speed) < REST)!;
    assert.ok(rest.time - at < 0.05 + WATCHDOG + SETTLE, `at rest after ${rest.time - at} s`);
    assert.ok(
      (await arm.servos()).every((servo) => servo.torque),
      'and hold',
    );
  });

  it('a joint is blocked: its servo shuts down, the others brake and hold, and it is told which', async () => {
    await using arm = await armStand();
    const { s, faults } = arm;
    await holding(arm);
    await arm.emulator.device({ what: 'blocked', id: 3, value: true });
    const q = s.vector('q');
    await s.drive(
      () => s.has('fault'),
      20,
      (time) => {
        s.wanted.q[2] = q[2]! + Math.min(0.6, 0.6 * time);
        s.wanted.q[0] = q[0]! + Math.min(0.4, 0.2 * time);
      },
    );
    assert.equal(faults.length, 1);
    assert.match(faults[0]!, /^joint3 \(id 3\): it was overloaded\. It may have let go; the others hold\./);
    assert.ok(!s.has('enabled'), 'a loop does not go on with seven of eight');
    await s.drive(() => s.speed() < 0.002, 10);
    const servos = await arm.servos();
    assert.deepEqual(
      servos.map((servo) => servo.torque),
      [true, true, false, true, true, true, true, true],
    );
    await assert.rejects(s.device.enable(), /id 3 refused to set address 64/, 'it must be rebooted first');
  });

  it('a servo is too hot, or the supply drops: said in words, and the arm stays up as far as it can', async () => {
    await using arm = await armStand();
    const { s, faults, notes } = arm;
    await holding(arm);
    await arm.emulator.device({ what: 'voltage', value: 9 });
    await s.drive(() => faults.length >= 8, 10);
    assert.match(faults[0]!, /^joint1 \(id 1\): its supply voltage is out of range/);
    assert.ok(
      (await arm.servos()).every((servo) => servo.torque),
      'this error alone switches nothing off',
    );
    await arm.emulator.device({ what: 'temperature', id: 6, value: 75 });
    await s.drive(() => notes.some((n) => /^joint6 \(id 6\) is at 7\d °C; it lets go at 80$/.test(n)), 20);
    await arm.emulator.device({ what: 'temperature', id: 6, value: 84 });
    await s.drive(() => faults.length >= 9, 10);
    assert.match(faults.at(-1)!, /^joint6 \(id 6\): .*it is too hot/);
    const torque = (await arm.servos()).map((servo) => servo.torque);
    assert.deepEqual(torque, [true, true, true, true, true, false, true, true]);
  });

  it('a servo starts anew because the voltage broke down: it is named, and set up again', async () => {
    await using arm = await armStand();
    const { s, faults, notes } = arm;
    await holding(arm);
    await arm.emulator.device({ what: 'brownOut', id: 2 });
    await until('told', () => faults.length > 0);
    assert.match(faults[0]!, /joint2 \(id 2\) (does not answer|started anew)/);
    await until('back', () => notes.some((n) => n.includes('answers again: its torque is off')), 15);
    await s.watch(() => s.has('online') && !s.has('enabled'), 10);
    const others = (await arm.servos()).filter((_, i) => i !== 1);
    assert.ok(
      others.every((servo) => servo.torque),
      'the others have held all the time',
    );
    await s.device.enable();
    await s.watch(() => s.has('enabled'), 10);
  });

  it('two servos have one id all of a sudden: it stops and holds, and is told which', async () => {
    await using arm = await armStand();
    const { s, emulator, faults } = arm;
    await holding(arm);
    await moving(arm, SPEED);
    await emulator.trace();
    const at = now();
    // As if a servo with that id, limp, had been plugged in where the gripper was.
    await emulator.device({ what: 'set', id: 8, value: { name: 'torqueEnable', to: 0 } });
    await emulator.device({ what: 'set', id: 8, value: { name: 'id', to: 3 } });
    await until('told', () => faults.length > 0);
    assert.match(
      faults[0]!,
      /gripper \(id 8\) does not answer.*what joint3 \(id 3\) answers arrives damaged/,
    );
    await until('at rest', async () => (await arm.servos()).every((servo) => Math.abs(servo.speed) < REST));
    const after = course(await emulator.traced(), 0, at);
    const rest = after[after.findLastIndex((p) => Math.abs(p.speed) >= REST) + 1] ?? after.at(-1)!;
    // Four cycles without an answer, each as patient as this test, then the brake or the servos' own watchdog.
    assert.ok(rest.time - at < 1.5 + WATCHDOG + SETTLE, `at rest after ${rest.time - at} s`);
    assert.ok(
      (await arm.servos()).slice(0, 7).every((servo) => servo.torque),
      'all hold',
    );
    assert.ok(s.take() && !s.has('online'));
  });

  it('the line is very bad for a while: it brakes and holds, then goes on without a jump', async () => {
    await using arm = await armStand({ misses: 400, patienceMs: 10 });
    const { s, emulator, faults, notes } = arm;
    await holding(arm);
    await moving(arm, SPEED);
    await emulator.trace();
    await emulator.faults({ flip: 0.05, drop: 0.03 });
    const from = now();
    let goal = s.wanted.q[0]!;
    let last = 0;
    // The loop goes on all the time.
    const onward = (time: number): void => {
      goal = Math.min(goal + SPEED * Math.min(time - last, 0.01), 2.5);
      last = time;
      s.wanted.q[0] = goal;
    };
    const end = now() + 1;
    while (now() < end) {
      onward(now() - from);
      s.send();
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    await emulator.faults({ flip: 0, drop: 0 });
    s.take();
    s.wanted.q[0] = Math.min(goal, 2.5);
    await s.drive(() => s.error() < 0.01 && s.speed() < 0.01, 20);
    assert.deepEqual(faults, []);
    assert.ok(notes.some((n) => n.includes('had stopped by themselves')));
    const { velocity } = s.device.spec.axes[0]!;
    const trace = await emulator.traced();
    const course1 = course(trace, 0, from);
    assert.ok(
      Math.max(...course1.map((p) => Math.abs(p.speed))) < 1.5 * velocity,
      'it caught up at its own speed',
    );
    const others = course(trace, 3, from);
    assert.ok(
      others.every((p) => Math.abs(p.speed) < 0.2),
      'no damaged frame moved another joint',
    );
  });
});

describe('a Dynamixel arm runs', () => {
  it('on servos whose firmware knows no fast read, and says so', async () => {
    await using arm = await armStand();
    await arm.emulator.device({ what: 'fast', value: false });
    await holding(arm);
    assert.ok(arm.notes.some((n) => n.includes('no fast read')));
    await moving(arm, SPEED);
  });

  it('on models whose tables differ, behind a gear, counting the other way, over many turns', async () => {
    const servos = robot.devices[0]!.options['servos'] as Record<string, unknown>[];
    const changed = servos.map((servo, i) => {
      if (i === 6) return { ...servo, model: 'xl330-m288' };
      // 3:1, so that the range of 5.6 rad takes 2.7 turns of the servo.
      return i === 0 ? { ...servo, direction: -1, ratio: 1 / 3, mode: 'extended' } : servo;
    });
    await using arm = await armStand({ servos: changed });
    const { s } = arm;
    await holding(arm);
    await moving(arm, -0.4);
    s.wanted.q[0] = 2.4;
    await s.drive(() => Math.abs(s.vector('q')[0]! - 2.4) < 0.02, 30);
    const { angle } = (await arm.servos())[0]!;
    assert.ok(Math.abs(angle + 3 * 2.4) < 0.1, `the servo is at ${angle} rad`);
  });
});

describe('a Dynamixel arm does not open when', () => {
  const refuses = async (
    arm: Awaited<ReturnType<typeof armStand>>,
    code: string,
    pattern: RegExp,
  ): Promise<void> => {
    await assert.rejects(arm.s.open(), (error: Error & { code?: string }) => {
      assert.equal(error.code, code, error.message);
      assert.match(error.message, pattern);
      return true;
    });
    assert.ok(
      (await arm.servos()).every((servo) => servo.speed === 0),
      'nothing moved',
    );
  };

  it('another program has the port', async () => {
    await using arm = await armStand();
    const other = await openSerialWire({ device: 'other', port: arm.emulator.port, baud: 57_600, now });
    await refuses(arm, 'DEVICE_PORT_TAKEN', /cannot open .*: another program has it open|process \d+/);
    await other.close();
  });

  it('the baud rate is another one, or nobody is there', async () => {
    await using arm = await armStand({ baud: 57_600 }, { baud: 1_000_000, senseBaud: true });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await refuses(arm, 'DEVICE_SILENT', /nothing on .* answers at 57600 baud \(not a byte came\)/);
  });

  it('a servo is missing, or two have one id', async () => {
    {
      await using arm = await armStand();
      await arm.emulator.device({ what: 'silent', id: 4, value: true });
      await refuses(
        arm,
        'DEVICE_SERVO_MISSING',
        /joint4 \(id 4\) does not answer on .*; ids that answer: 1, 2, 3, 5, 6, 7, 8/,
      );
    }
    await using arm = await armStand();
    await arm.emulator.device({ what: 'set', id: 4, value: { name: 'id', to: 3 } });
    await refuses(arm, 'DEVICE_BUS', /joint3 \(id 3\) answers, but .* two servos have this id/);
  });

  it('a servo is another model, has an error, or is locked by its torque', async () => {
    await using arm = await armStand();
    const set = (name: string, to: number): Promise<unknown> =>
      arm.emulator.device({ what: 'set', id: 5, value: { name, to } });
    await set('modelNumber', 1060);
    await refuses(arm, 'DEVICE_SERVO_WRONG', /joint5 \(id 5\) is xl430-w250, not xm430-w350/);
    await using hot = await armStand();
    await hot.emulator.device({ what: 'temperature', id: 7, value: 90 });
    await refuses(hot, 'DEVICE_SERVO_FAULT', /joint7 \(id 7\): it is too hot/);
    await using locked = await armStand();
    await locked.emulator.device({ what: 'set', id: 2, value: { name: 'goalPosition', to: 2309 } });
    await locked.emulator.device({ what: 'set', id: 2, value: { name: 'torqueEnable', to: 1 } });
    await refuses(
      locked,
      'DEVICE_SERVO_WRONG',
      /joint2 \(id 2\) has \w+ \d+ instead of \d+, which can only be changed with torque off/,
    );
  });
});
