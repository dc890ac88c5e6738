/** Operating modes of servos in an arm: what goes over the wire, how the arm follows, and what silence does in each. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Reading } from '../../../drivers/bus/arm/chain.ts';
import { startArmEmulator } from '../../../drivers/dynamixel/emulator/arm.ts';
import type { ServoState } from '../../../drivers/dynamixel/emulator/servo.ts';
import { GoalWriter } from '../../../drivers/dynamixel/goal-writer.ts';
import { createDevice } from '../../../drivers/dynamixel/index.ts';
import { jointsOf } from '../../../drivers/dynamixel/joint.ts';
import { PacketWriter } from '../../../drivers/dynamixel/packet.ts';
import { numberAt, OperatingMode } from '../../../drivers/dynamixel/table.ts';
import { ArmloopError } from '../../../src/errors.ts';
import type { RobotSpec } from '../../../src/robot/spec.ts';
import { liedTo } from '../bus/arm-faults.ts';
import { type ArmStand, course, holding, moving, now, openArmStand, until } from '../bus/arm-stand.ts';
import { robot } from './arm-stand.ts';

type Change = Readonly<Record<string, unknown>>;

/** The arm with some of its servos changed; axes 0 and 6 have gains for torque. */
function changed(changes: Readonly<Record<number, Change>>): { spec: RobotSpec; servos: Change[] } {
  const servos = robot.devices[0]!.options['servos'] as Change[];
  const axes = robot.axes.map((a, i) =>
    i === 0 ? { ...a, kp: 60, kd: 3 } : i === 6 ? { ...a, kp: 8, kd: 0.4 } : a,
  );
  return { spec: { ...robot, axes }, servos: servos.map((servo, i) => ({ ...servo, ...changes[i] })) };
}

const stand = (
  changes: Readonly<Record<number, Change>>,
  options: Change = {},
): Promise<ArmStand<ServoState>> => {
  const { spec, servos } = changed(changes);
  return openArmStand({ robot: spec, createDevice, start: startArmEmulator }, { servos, ...options });
};

const all = (change: Change): Record<number, Change> =>
  Object.fromEntries([0, 1, 2, 3, 4, 5, 6].map((i) => [i, change]));

/** Moves joint 1 there and back to where it stands still. */
async function follows(arm: ArmStand<ServoState>, index: number, tolerance: number): Promise<void> {
  const { s } = arm;
  const start = s.vector('q')[index]!;
  const goal = start + 0.4;
  let part = 0;
  let before = 0;
  await s.drive(
    () => part >= 1 && Math.abs(s.vector('q')[index]! - goal) < tolerance && s.speed() < 0.02,
    20,
    (time) => {
      part = Math.min(1, part + Math.min(time - before, 0.01));
      before = time;
      s.wanted.q[index] = start + 0.4 * part * part * (3 - 2 * part);
    },
  );
}

describe('operating modes', () => {
  it('velocity, on all joints: follows as closely as by position, and stops by itself when its host is gone', async () => {
    await using arm = await stand(all({ mode: 'velocity' }));
    await holding(arm);
    await follows(arm, 0, 0.01);
    const q = arm.s.vector('q');
    await arm.s.drive((time) => time > 0.5, 5);
    assert.ok(Math.max(...arm.s.vector('q').map((v, i) => Math.abs(v - q[i]!))) < 0.01, 'it holds');
    await moving(arm, 0.6);
    await arm.emulator.trace();
    const at = now();
    await arm.s.device[Symbol.asyncDispose]();
    await until('at rest', async () => (await arm.servos()).every((servo) => Math.abs(servo.speed) < 0.01));
    const after = course(await arm.emulator.traced(), 0, at);
    const way = Math.max(...after.map((p) => Math.abs(p.angle - after[0]!.angle)));
    // The servos' own watchdog (0.1 s and a step of 20 ms), then their speed controller brakes.
    assert.ok(way < 0.6 * 0.6, `it went on by ${way} rad`);
    assert.ok((await arm.servos()).every((servo) => servo.watchdog === -1));
  });

  it('velocity: a servo reports what cannot be with a right checksum, and is not driven by it', async () => {
    await using arm = await stand(all({ mode: 'velocity' }));
    const angle = async (): Promise<number> => (await arm.servos())[0]!.angle;
    const before = await angle();
    await liedTo(arm, /^joint1 \(id 1\) reports 264\d steps, which it cannot have reached/);
    // What a servo was told last it goes on with until its watchdog strikes.
    await until('stopped by themselves', async () =>
      (await arm.servos()).slice(0, 7).every((servo) => servo.watchdog === -1),
    );
    const way = Math.abs((await angle()) - before);
    assert.ok(way < 0.02, `it went ${way} rad`);
  });

  it('velocity: one servo falls silent in motion: the others are told to stop, and do', async () => {
    await using arm = await stand(all({ mode: 'velocity', velocityP: 400, velocityI: 8000 }));
    const { s, emulator, faults } = arm;
    await holding(arm);
    await moving(arm, 0.6);
    await emulator.trace();
    await emulator.device({ what: 'silent', id: 5, value: true });
    const at = now();
    // The loop goes on as if nothing had happened.
    const goal = s.wanted.q[0]!;
    await s.drive(
      () => !s.has('online'),
      20,
      (time) => {
        s.wanted.q[0] = goal + 0.6 * time;
      },
    );
    await until('told', () => faults.length > 0);
    assert.match(faults[0]!, /^joint5 \(id 5\) does not answer/);
    await until('at rest', async () => (await arm.servos()).every((servo) => Math.abs(servo.speed) < 0.01));
    const after = course(await emulator.traced(), 0, at);
    const way = Math.max(...after.map((p) => Math.abs(p.angle - after[0]!.angle)));
    // An answer is waited for 0.1 s here; then 0 goes out. Where the host is later than that, their watchdogs strike. With the
    // factory's soft gains of the velocity controller they would go on for 0.22 rad.
    assert.ok(way < 0.16, `it went on by ${way} rad`);
  });

  it('mixed: velocity, torque, many turns and position in one bulk-write, each in its own register and unit', async () => {
    await using arm = await stand({
      0: { mode: 'velocity' },
      4: { mode: 'extended' },
      6: { mode: 'torque', mayFall: true, current: 1 },
    });
    await holding(arm);
    const mode = async (id: number): Promise<unknown> =>
      arm.emulator.device({ what: 'get', value: { id, name: 'operatingMode' } });
    assert.deepEqual(
      [await mode(1), await mode(5), await mode(7), await mode(2)],
      [OperatingMode.velocity, OperatingMode.extendedPosition, OperatingMode.current, OperatingMode.position],
    );
    await follows(arm, 0, 0.01);
    await follows(arm, 4, 0.02);
    // A spring without gravity in it sags a little.
    await follows(arm, 6, 0.05);
    const records = arm.s.records();
    const acknowledged = records.filter((r) => !Number.isNaN(r[arm.s.sent.at('acknowledged')]!));
    assert.ok(acknowledged.length > 0.5 * records.length, 'servos say that they have what they were told');
  });

  it('where nothing is known of the arm, speeds and torques are 0, in the register and width of each mode', () => {
    const { spec, servos } = changed({
      0: { mode: 'velocity', direction: -1 },
      6: { mode: 'torque', mayFall: true, current: 1 },
    });
    const entry = { ...spec.devices[0]!, options: { ...spec.devices[0]!.options, servos } };
    const { joints } = jointsOf({ robot: spec, entry });
    const n = joints.length;
    const zeros = (): Float64Array => new Float64Array(n);
    const reading: Reading = {
      time: 0,
      position: zeros().fill(2048),
      speed: zeros(),
      torque: zeros(),
      goal: zeros(),
      powered: new Uint8Array(n),
      faults: new Uint8Array(n),
    };
    const writer = new GoalWriter(joints);
    const goals = new Int32Array(n).fill(2098);
    const told = (known: boolean): Map<number, readonly [number, number]> => {
      const { bytes } = ((w) => {
        writer.write(w, goals, zeros().fill(0.5), reading, known);
        return w;
      })(new PacketWriter());
      const found = new Map<number, readonly [number, number]>();
      for (let at = 8; at < bytes.length - 2; ) {
        const [address, size] = [numberAt(bytes, at + 1, 2, false), numberAt(bytes, at + 3, 2, false)];
        found.set(bytes[at]!, [address, numberAt(bytes, at + 5, size, true)]);
        at += 5 + size;
      }
      return found;
    };
    const blind = told(false);
    assert.deepEqual(
      [blind.get(1), blind.get(7), blind.get(2)],
      [
        [104, 0],
        [102, 0],
        [116, 2098],
      ],
    );
    const seeing = told(true);
    // 0.5 rad/s and 8/s times 50 steps of 2π/4096, in units of 0.229 rev/min.
    assert.deepEqual(seeing.get(1), [104, Math.round((0.5 + (8 * 50 * 2 * Math.PI) / 4096) / 0.0239691227)]);
    const [address, units] = seeing.get(7)!;
    assert.ok(address === 102 && units > 0 && units <= 1 / 0.00269 + 1, `${units} units of 2.69 mA`);
    assert.equal(writer.goal(0, seeing.get(1)![1]), 2098, 'a servo that has it has the goal');
    assert.ok(Number.isNaN(writer.goal(0, 3)), 'another speed is another goal');
  });

  const bad: readonly [string, number, Change, RegExp][] = [
    [
      'torque without a word that it may fall',
      2,
      { mode: 'torque' },
      /mayFall is false, but a servo in that mode has no torque/,
    ],
    ['torque without gains', 2, { mode: 'torque', mayFall: true }, /the axis joint3 needs kp and kd/],
    [
      'torque of a servo without current sensing',
      6,
      { mode: 'torque', mayFall: true, model: 'xl430-w250' },
      /a xl430-w250 does not measure its current/,
    ],
  ];
  for (const [what, index, change, words] of bad) {
    it(`refuses ${what}`, () => {
      const { spec, servos } = changed({ [index]: change });
      const entry = { ...spec.devices[0]!, options: { ...spec.devices[0]!.options, servos } };
      assert.throws(
        () => createDevice({ robot: spec, entry, now }),
        (e: unknown) => e instanceof ArmloopError && e.code === 'CONFIG_INVALID' && words.test(e.message),
      );
    });
  }
});
