// @limit 120
/** A leader of servos over a real line: what it reads, how it follows and goes limp, and how it ends. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leaderHands, startLeaderEmulator } from '../../../drivers/dynamixel/emulator/leader.ts';
import type { ServoState } from '../../../drivers/dynamixel/emulator/servo.ts';
import { createLeader } from '../../../drivers/dynamixel/index.ts';
import type { Leader } from '../../../src/robot/leader.ts';
import { LEADER, withLeader } from '../../support/leader-robot.ts';
import { SLOW_ADAPTER } from '../bus/arm-faults.ts';
import { now, until } from '../bus/arm-stand.ts';
import { follows, isGone, type LeaderStand, near, openLeaderStand, reading } from '../bus/leader-stand.ts';

const FOLLOW = { ...LEADER.options, follow: { current: 0.4, speed: 0.8 } };

const BUS = { start: startLeaderEmulator, hands: leaderHands, create: createLeader, handS: 0.3 };
const stand = (changes: Readonly<Record<string, unknown>> = {}): Promise<LeaderStand<ServoState>> =>
  openLeaderStand(withLeader(changes), BUS);

describe('a leader of Dynamixel servos', () => {
  it('reads joints, trigger and levers as a hand moves them, and stays limp', async () => {
    await using s = await stand();
    assert.deepEqual(
      [s.leader.spec.joints.length, s.leader.spec.trigger, s.leader.spec.buttons, s.leader.spec.drive],
      [7, 'there', 3, 'passive'],
    );
    await reading(s);
    const home = s.robot.axes.slice(0, 7).map((a) => a.home);
    for (const [i, q] of s.q.entries()) assert.ok(near(q, home[i]!), `joint ${i}: ${q} and ${home[i]}`);
    assert.ok(near(s.trigger, 0), `${s.trigger}`);
    assert.equal(s.buttons, 0);
    await s.hand('joint2', 0.9);
    await s.hand('joint4', 0.3);
    await s.hand('trigger', 0.5);
    await s.hand('lever1', 1);
    await until('the hand is there', () => near(s.q[1]!, 0.9) && near(s.q[3]!, 0.3) && s.buttons === 2);
    await until('the trigger is half squeezed', () => near(s.trigger, 0.5, 0.05));
    assert.ok((await s.states()).every((servo) => !servo.torque));
    await assert.rejects(s.leader.follow!(Float64Array.from(home)), /it is passive/);
    assert.deepEqual(s.faults, []);
  });

  it('that is actuated goes to a pose slowly and weakly, without a jump, and is limp again', async () => {
    await using s = await stand({ options: FOLLOW });
    await reading(s);
    const goal = Float64Array.from(s.q);
    goal[0]! += 0.6;
    goal[3]! -= 0.4;
    await follows(s, goal);
    // A hand wins against it.
    await s.hand('joint1', goal[0]! + 0.5);
    await until('the hand wins', () => near(s.q[0]!, goal[0]! + 0.5, 0.1));
    await s.leader.release!();
    assert.ok((await s.states()).every((servo) => !servo.torque && servo.watchdog === 0));
    await assert.rejects(s.leader.follow!(Float64Array.from(goal, (g) => g + 7)), /was to go from/);
  });

  it('says that it is gone when its cable is pulled, once, and nothing after', async () => {
    await using s = await stand();
    await isGone(s);
  });

  it('says who does not answer when a servo falls silent', async () => {
    await using s = await stand();
    await reading(s);
    await s.emulator.device({ what: 'silent', id: 5, value: true });
    await until('told', () => s.faults.length > 0);
    assert.match(s.faults[0]!, /joint5 \(id 5\) does not answer/);
  });

  it('that is actuated lets go of the servos that still hear it, when one falls silent on its way', async () => {
    await using s = await stand({ options: FOLLOW });
    await reading(s);
    const goal = Float64Array.from(s.q);
    goal[0]! += 0.6;
    await s.leader.follow!(goal);
    await s.emulator.device({ what: 'silent', id: 5, value: true });
    await until('told', () => s.faults.length > 0);
    await s.leader[Symbol.asyncDispose]();
    const stiff = (await s.states()).flatMap((servo, i) => (servo.torque && i !== 4 ? [i] : []));
    assert.deepEqual(stiff, [], 'servos with torque');
  });

  it('that is released while torque comes on gets no more of it and is limp', async () => {
    const start = (context: Parameters<typeof startLeaderEmulator>[0]) =>
      startLeaderEmulator(context, SLOW_ADAPTER);
    await using s = await openLeaderStand<ServoState>(
      withLeader({ options: { ...FOLLOW, patienceMs: 100 } }),
      {
        ...BUS,
        start,
      },
    );
    await reading(s);
    const ended = assert.rejects(s.leader.follow!(Float64Array.from(s.q)), { code: 'DEVICE_HALTED' });
    await until('the first servo has torque', async () => (await s.states())[0]!.torque);
    await s.leader.release!();
    await ended;
    assert.ok((await s.states()).every((servo) => !servo.torque));
    await s.leader.follow!(Float64Array.from(s.q));
    assert.ok(
      (await s.states()).slice(0, 7).every((servo) => servo.torque),
      'and follows when it is asked again',
    );
    assert.deepEqual(s.faults, []);
  });

  it('refuses options that make no sense, with their path', () => {
    const make = (options: object): Leader => {
      const robot = withLeader({ options });
      return createLeader({ robot, entry: robot.leader!, now });
    };
    const { options } = LEADER;
    const at = { port: 'x' };
    assert.throws(
      () => make({ ...options, ...at, servos: options.servos.slice(1) }),
      /leader\.options\.servos is 6/,
    );
    const twice = options.servos.map((s) => ({ ...s, id: 3 }));
    assert.throws(
      () => make({ ...options, ...at, servos: twice }),
      /servos\[1\]\.id is 3, but servos\[0\] has that/,
    );
    const stiff = {
      ...options,
      ...at,
      follow: { current: 0.3 },
      trigger: { ...options.trigger, model: 'xl430-w250' },
    };
    assert.throws(() => make(stiff), /leader\.options\.trigger\.model is xl430-w250/);
    const flat = { ...options, ...at, trigger: { ...options.trigger, squeezed: 2219 } };
    assert.throws(() => make(flat), /trigger\.squeezed is 2219, but it must differ/);
  });
});
