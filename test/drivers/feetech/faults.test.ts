// @limit 240
/** What goes wrong on a wire: what the arm did, within what time, and what the person was told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HalfDuplexBus } from '../../../drivers/bus/half-duplex.ts';
import { openSerialWire } from '../../../drivers/bus/serial-wire.ts';
import { PacketDecoder } from '../../../drivers/feetech/decoder.ts';
import type { ServoState } from '../../../drivers/feetech/emulator/servo.ts';
import { readItem } from '../../../drivers/feetech/requests.ts';
import { STS } from '../../../drivers/feetech/table.ts';
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
import { course, holding, moving, now } from '../bus/arm-stand.ts';
import { armStand, robot, scsServos } from './stand.ts';

/**
 * These servos have no watchdog: without their master they go to the last goal that they heard. At SPEED it is not further
 * ahead than the servo lags behind it (measured: 0.05 rad), and it is there within this, s.
 */
const SETTLE = 0.5;
const LAG = 0.12;

const resting = (servo: ServoState): boolean => Math.abs(servo.speed) < REST;
const driven = (servo: ServoState): boolean => servo.driven;

describe('a Feetech arm', () => {
  for (const firmware of ['as the manual says', 'on which a goal turns torque on by itself'] as const) {
    it(`does not jump when torque comes on, whatever goal stands in its servos: firmware ${firmware}`, async () => {
      await using arm = await armStand();
      const { s, emulator } = arm;
      await emulator.device({ what: 'goalEnables', value: firmware !== 'as the manual says' });
      for (const id of [1, 2, 3]) {
        await emulator.device({ what: 'set', id, value: { name: 'goalPosition', to: 900 } });
        await emulator.device({ what: 'set', id, value: { name: 'goalSpeed', to: 3000 } });
      }
      await s.open();
      await emulator.trace();
      await s.device.enable();
      await s.watch(() => s.has('enabled'), 10);
      s.wantHere();
      await s.drive((time) => time > 0.3, 10);
      const trace = await emulator.traced();
      for (let i = 0; i < 6; i++) {
        const angles = course(trace, i, 0).map((p) => p.angle);
        const way = Math.max(...angles) - Math.min(...angles);
        assert.ok(way < 0.03, `servo ${i + 1} moved by ${way} rad`);
      }
      const goals = (await arm.servos()).map((servo) => servo.goal);
      assert.ok(
        goals.every((g) => g !== 900),
        `${goals}`,
      );
    });
  }

  it('is not moved by a position that cannot be, however right its checksum; one that stays is a fault', async () => {
    await using arm = await armStand();
    await liedTo(arm, /^shoulder_pan \(id 1\) reports 264\d steps, which it cannot have reached/);
  });

  it('is set up as its file says: one turn, its limits, guards of the gripper, full acceleration, locked', async () => {
    await using arm = await armStand();
    await arm.s.open();
    await arm.s.device[Symbol.asyncDispose]();
    const wire = await openSerialWire({ device: 'look', port: arm.emulator.port, baud: 1_000_000, now });
    const bus = new HalfDuplexBus(wire, new PacketDecoder(), { now, returnDelayS: 0.001, patienceS: 0.3 });
    const values = async (id: number): Promise<number[]> => {
      const all: number[] = [];
      const { maxTorque, torqueLimit, protectionCurrent, overloadTorque, minPosition, positionP, lock } = STS;
      for (const item of [
        maxTorque,
        torqueLimit,
        protectionCurrent,
        overloadTorque,
        minPosition,
        positionP,
        lock,
      ])
        all.push(await readItem({ bus, device: 'look' }, id, item, 'little'));
      return all;
    };
    assert.deepEqual(await values(6), [500, 500, 250, 25, 1480, 16, 1]);
    assert.deepEqual(await values(1), [1000, 1000, 500, 80, 809, 16, 1]);
    await bus.close();
  });
});

describe('a Feetech arm when', () => {
  it('the cable is pulled in motion: the servos go to their last goal and hold; replugged, it follows again', async () => {
    await using arm = await armStand();
    const words = /the port .* at 1000000 baud is gone\. The servos go to their last goal and hold\./;
    const at = await pulled(arm, resting, words);
    const { seconds, way } = await stopped(arm, at);
    assert.ok(seconds < SETTLE, `at rest after ${seconds} s`);
    assert.ok(way < LAG, `it went on by ${way} rad`);
    assert.ok((await arm.servos()).every(driven), 'and holds');
    await replugged(arm);
  });

  it('its host is gone in motion, the servos go to their last goal and hold', async () => {
    await using arm = await armStand();
    const at = await abandoned(arm, resting);
    const { seconds, way } = await stopped(arm, at);
    assert.ok(seconds < 0.1 + SETTLE, `at rest after ${seconds} s`);
    assert.ok(way < 0.1 * SPEED + LAG, `it went on by ${way} rad`);
    assert.ok((await arm.servos()).every(driven), 'and hold');
  });

  it('it is halted or switched off while torque comes on: that ends, and what has torque holds or lets go', async () => {
    await using arm = await armStand({}, SLOW_ADAPTER);
    await endedWhileEnabling(arm, (servo) => servo.driven);
  });

  it('commands stop, it brakes and holds by itself', async () => {
    await using arm = await armStand();
    const { s } = arm;
    await holding(arm);
    await moving(arm, SPEED);
    await s.watch(() => s.has('watchdog') && s.speed() < REST, 10);
    assert.ok(s.has('enabled') && s.has('online'));
  });

  it('a joint is blocked: its servo is overloaded, the others brake and hold, and it is told which', async () => {
    await using arm = await armStand();
    const { s, faults } = arm;
    await holding(arm);
    await arm.emulator.device({ what: 'set', id: 1, value: { name: 'protectionTime', to: 50 } });
    await arm.emulator.device({ what: 'blocked', id: 1, value: true });
    const q = s.vector('q');
    await s.drive(
      () => s.has('fault'),
      20,
      (time) => {
        s.wanted.q[0] = q[0]! + Math.min(0.6, 0.6 * time);
        s.wanted.q[4] = q[4]! + Math.min(0.4, 0.2 * time);
      },
    );
    assert.equal(faults.length, 1);
    assert.match(
      faults[0]!,
      /^shoulder_pan \(id 1\): it was overloaded\. It may have let go; the others hold\./,
    );
    await s.drive(() => s.speed() < 0.002, 10);
    assert.ok((await arm.servos()).every((servo) => servo.driven));
  });

  it('the gripper holds something: its overload is its grip, not a fault, with the guarded torque', async () => {
    await using arm = await armStand();
    const { s, faults } = arm;
    await holding(arm);
    await arm.emulator.device({ what: 'set', id: 6, value: { name: 'protectionTime', to: 30 } });
    await arm.emulator.device({ what: 'blocked', id: 6, value: true });
    s.wanted.q[5] = 0.1;
    let most = 0;
    await s.drive(
      (time) => time > 2,
      20,
      () => {
        most = Math.max(most, Math.abs(s.vector('tau')[5]!));
      },
    );
    const [gripper] = (await arm.servos()).slice(5);
    assert.equal(gripper!.status, 32, 'the servo protects itself');
    assert.deepEqual(faults, []);
    assert.ok(s.has('enabled'));
    // Half of the stall torque of 1.91 N·m at 0.08 m a rad.
    assert.ok(most > 5 && most < 13, `${most} N`);
  });

  it('a servo is too hot, or the supply drops: said in words, and the arm stays up as far as it can', async () => {
    await using arm = await armStand();
    const { s, faults, notes } = arm;
    await holding(arm);
    await arm.emulator.device({ what: 'voltage', value: 3.5 });
    await s.drive(() => faults.length >= 6, 10);
    assert.match(faults[0]!, /^shoulder_pan \(id 1\): its supply voltage is out of range/);
    assert.ok(
      (await arm.servos()).every((servo) => servo.driven),
      'this alone switches nothing off',
    );
    await arm.emulator.device({ what: 'temperature', id: 4, value: 65 });
    await s.drive(
      () => notes.some((n) => /^wrist_flex \(id 4\) is at 6\d °C; it lets go at 70$/.test(n)),
      20,
    );
    await arm.emulator.device({ what: 'temperature', id: 4, value: 74 });
    await s.drive(() => faults.length >= 7, 10);
    assert.match(faults.at(-1)!, /^wrist_flex \(id 4\): .*it is too hot/);
    const driven = (await arm.servos()).map((servo) => servo.driven);
    assert.deepEqual(driven, [true, true, true, false, true, true]);
  });

  it('a servo starts anew because the voltage broke down: it is named, and set up again', async () => {
    await using arm = await armStand();
    await brownOut(arm, 'shoulder_lift', driven);
  });

  it('the line is very bad for a while: it brakes and holds, then goes on without a jump', async () => {
    await using arm = await armStand({ misses: 400, patienceMs: 10 });
    const { trace, from } = await badLine(arm, 1.7);
    for (const other of [1, 2, 3, 4]) {
      const angles = course(trace, other, from).map((p) => p.angle);
      const way = Math.max(...angles) - Math.min(...angles);
      assert.ok(way < 0.05, `a damaged frame moved joint ${other + 1} by ${way} rad`);
    }
  });
});

// Nothing is timed here: the servos of each test are its own.
describe('a Feetech arm runs', { concurrency: 2 }, () => {
  it('on servos whose firmware knows no sync-read, and says so', async () => {
    await using arm = await armStand();
    await arm.emulator.device({ what: 'together', value: false });
    await holding(arm);
    assert.ok(arm.notes.some((n) => n.includes('no sync-read')));
    await moving(arm, SPEED);
  });

  it('on servos of the SCS series, which are asked one by one in the other byte order', async () => {
    const servos = scsServos().map((servo, i) => ({ ...servo, direction: i === 0 ? -1 : 1 }));
    await using arm = await armStand({ servos });
    const { s } = arm;
    await holding(arm);
    await moving(arm, -0.4);
    s.wanted.q[0] = 1.2;
    await s.drive(() => Math.abs(s.vector('q')[0]! - 1.2) < 0.03, 30);
    const { angle } = (await arm.servos())[0]!;
    assert.ok(Math.abs(angle + 1.2) < 0.06, `the servo is at ${angle} rad`);
  });
});

describe('a Feetech arm does not open when', { concurrency: 4 }, () => {
  itDoesNotOpen(armStand, { fourth: 'wrist_flex', others: '1, 2, 3, 5, 6' });

  it('two servos have one id: as long as they say the same, they are missed as one', async () => {
    await using arm = await armStand();
    await arm.emulator.device({ what: 'set', id: 4, value: { name: 'id', to: 3 } });
    await refuses(arm, 'DEVICE_SERVO_MISSING', /wrist_flex \(id 4\) does not answer/);
  });

  it('a servo is another model, has a fault, or is locked by its torque', async () => {
    await using arm = await armStand();
    await arm.emulator.device({ what: 'set', id: 5, value: { name: 'modelNumber', to: 2825 } });
    await refuses(
      arm,
      'DEVICE_SERVO_WRONG',
      /wrist_roll \(id 5\) is a model with the number 2825, not sts3215-c001/,
    );
    await using hot = await armStand();
    await hot.emulator.device({ what: 'temperature', id: 6, value: 80 });
    await refuses(hot, 'DEVICE_SERVO_FAULT', /gripper \(id 6\): it is too hot/);
    await using locked = await armStand();
    await locked.emulator.device({ what: 'set', id: 2, value: { name: 'goalPosition', to: 940 } });
    await locked.emulator.device({ what: 'set', id: 2, value: { name: 'torqueEnable', to: 1 } });
    await refuses(
      locked,
      'DEVICE_SERVO_WRONG',
      /shoulder_lift \(id 2\) has \w+ \d+ instead of \d+, which is only changed with torque off/,
    );
  });

  it('its file asks for what cannot be', async () => {
    const servos = robot.devices[0]!.options['servos'] as Record<string, unknown>[];
    const mixed = servos.map((servo, i) => (i === 3 ? { ...servo, model: 'scs0009' } : servo));
    await assert.rejects(armStand({ servos: mixed }), /servos\[3\]\.model.*of one series/s);
    const beyond = servos.map((servo, i) => (i === 0 ? { ...servo, zero: 3800 } : servo));
    await assert.rejects(armStand({ servos: beyond }), /servos\[0\]\.zero.*takes more than 0 to 4095/s);
  });
});
