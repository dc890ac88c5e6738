// @limit 240
/** What goes wrong on a wire: what the arm did, within what time, and what the person was told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServoState } from '../../../drivers/dynamixel/emulator/servo.ts';
import {
  abandoned,
  badLine,
  brownOut,
  endedWhileEnabling,
  itDoesNotOpen,
  liedTo,
  pulled,
  REST,
  refuses,
  replugged,
  SLOW_ADAPTER,
  SPEED,
  stopped,
} from '../bus/arm-faults.ts';
import { course, holding, moving, now, until } from '../bus/arm-stand.ts';
import { armStand, robot } from './arm-stand.ts';

/** The servos' own watchdog (limits.watchdogMs of the robot file), and what a step of its clock adds, s. */
const WATCHDOG = 0.1 + 0.02;
/** A servo without brake comes to rest within this, s, at that speed. */
const SETTLE = 0.25;

const resting = (servo: ServoState): boolean => servo.watchdog === -1 && servo.speed === 0;
const torque = (servo: ServoState): boolean => servo.torque;

describe('a Dynamixel arm when', () => {
  it('the cable is pulled in motion: the servos stop by themselves; replugged, it holds and follows again', async () => {
    await using arm = await armStand();
    const words = /the port .* at 1000000 baud is gone\. The servos hold by themselves/;
    const at = await pulled(arm, resting, words);
    const { seconds, way } = await stopped(arm, at);
    assert.ok(seconds < WATCHDOG + SETTLE, `at rest after ${seconds} s`);
    assert.ok(way < SPEED * (WATCHDOG + SETTLE), `it went on by ${way} rad`);
    await replugged(arm);
  });

  it('it is lost again while it comes back: that it is to hold is not forgotten', async () => {
    await using arm = await armStand();
    const { s, emulator, faults, notes } = arm;
    await holding(arm);
    await emulator.unplug();
    await until('told', () => faults.length > 0);
    for (let i = 0; i < 3; i++) {
      await emulator.plug();
      // Torque and goals are being looked after right now.
      await s.watch(() => s.has('online'), 20);
      await emulator.unplug();
      await s.watch(() => !s.has('online'), 20);
    }
    await emulator.plug();
    await until('back', () => notes.some((n) => n.includes('answers again: it holds')));
    await s.watch(() => s.has('online') && s.has('enabled'), 10);
    s.wantHere();
    await moving(arm, SPEED);
  });

  it('it is halted or switched off while torque comes on: that ends, and what has torque holds or lets go', async () => {
    await using arm = await armStand({}, SLOW_ADAPTER);
    await endedWhileEnabling(arm, torque);
  });

  it('its host is gone, the servos stop by themselves', async () => {
    await using arm = await armStand();
    const at = await abandoned(arm, resting);
    const { seconds } = await stopped(arm, at);
    assert.ok(seconds < 0.05 + WATCHDOG + SETTLE, `at rest after ${seconds} s`);
    assert.ok((await arm.servos()).every(torque), 'and hold');
  });

  it('a servo reports what cannot be with a right checksum, it is not moved; what stays is a fault', async () => {
    await using arm = await armStand();
    await liedTo(arm, /^joint1 \(id 1\) reports 264\d steps, which it cannot have reached/);
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
    await brownOut(arm, 'joint2', torque);
  });

  it('two servos have one id all of a sudden: it stops and holds, and is told which', async () => {
    await using arm = await armStand();
    const { s, emulator, faults } = arm;
    await holding(arm);
    await moving(arm, SPEED);
    await emulator.trace();
    const at = now();
    // As if a servo with that id, limp, had been plugged in where the gripper was.
    const other = [
      { name: 'torqueEnable', to: 0 },
      { name: 'id', to: 3 },
    ];
    await emulator.device({ what: 'set', id: 8, value: other });
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
    const { trace, from } = await badLine(arm, 2.5);
    assert.ok(arm.notes.some((n) => n.includes('had stopped by themselves')));
    assert.ok(
      course(trace, 3, from).every((p) => Math.abs(p.speed) < 0.2),
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
  itDoesNotOpen(armStand, { fourth: 'joint4', others: '1, 2, 3, 5, 6, 7, 8' });

  it('two servos have one id', async () => {
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
