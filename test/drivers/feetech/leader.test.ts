// @limit 120
/** The SO-101 leader over a real line: what it reads, how it follows and goes limp, and how it ends. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { leaderHands, startLeaderEmulator } from '../../../drivers/feetech/emulator/leader.ts';
import type { ServoState } from '../../../drivers/feetech/emulator/servo.ts';
import { createLeader } from '../../../drivers/feetech/index.ts';
import { loadRobot } from '../../../src/config.ts';
import type { Leader } from '../../../src/robot/leader.ts';
import { packageRoot } from '../../../src/root.ts';
import { now, until } from '../bus/arm-stand.ts';
import { follows, isGone, type LeaderStand, near, openLeaderStand, reading } from '../bus/leader-stand.ts';

const robot = loadRobot(join(packageRoot(), 'robots', 'so101-pair.yaml'));

// A hand cannot turn these servos, whose gears are 345 and 147 to 1, any faster.
const BUS = { start: startLeaderEmulator, hands: leaderHands, create: createLeader, handS: 1 };

function stand(changes: Readonly<Record<string, unknown>> = {}): Promise<LeaderStand<ServoState>> {
  const { leader } = robot;
  const patient = { rateHz: 100, patienceMs: 60, misses: 4, ...changes };
  const options = { ...leader!.options, ...patient };
  return openLeaderStand({ ...robot, leader: { ...leader!, options } }, BUS);
}

describe('a leader of Feetech servos', () => {
  it('reads joints and trigger as a hand moves them, and stays limp', async () => {
    await using s = await stand();
    const { joints, trigger, buttons, drive } = s.leader.spec;
    assert.deepEqual([joints.length, trigger, buttons, drive], [5, 'there', 0, 'passive']);
    await reading(s);
    for (const [i, q] of s.q.entries()) assert.ok(near(q, robot.axes[i]!.home), `joint ${i}: ${q}`);
    await s.hand('shoulder_lift', 0.9);
    await s.hand('wrist_roll', -1.3);
    await s.hand('trigger', 0.5);
    await until('the hand is there', () => near(s.q[1]!, 0.9) && near(s.q[4]!, -1.3));
    assert.deepEqual(s.faults, []);
    await until('the trigger is half squeezed', () => near(s.trigger, 0.5, 0.05));
    assert.ok((await s.states()).every((servo) => !servo.torque));
    await assert.rejects(s.leader.follow!(Float64Array.from(s.q)), /it is passive/);
    assert.deepEqual(s.faults, []);
  });

  it('that is actuated goes to a pose slowly and weakly, and is limp again', async () => {
    await using s = await stand({ follow: { current: 0.7, speed: 0.8 } });
    await reading(s);
    const goal = Float64Array.from(s.q);
    goal[0]! += 0.6;
    goal[2]! -= 0.4;
    await follows(s, goal);
    await s.leader.release!();
    await until('limp', async () => (await s.states()).every((servo) => !servo.torque));
  });

  it('says that it is gone when its cable is pulled, once, and nothing after', async () => {
    await using s = await stand();
    await isGone(s);
  });

  it('refuses a port that may be that of the arm: it would let go of it', () => {
    const make = (port: string): Leader => {
      const entry = { ...robot.leader!, options: { ...robot.leader!.options, port } };
      return createLeader({ robot, entry, now });
    };
    for (const port of ['auto', 'serial:FOLLOWER'])
      assert.throws(() => make(port), /leader\.options\.port is .*it must name its own adapter/);
    assert.equal(make('serial:LEADER').spec.kind, 'feetech');
  });
});
