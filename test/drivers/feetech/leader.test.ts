// @limit 120
/** The SO-101 leader over a real line: what it reads, how it follows and goes limp, and how it ends. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { EmulatorHandle } from '../../../drivers/bus/emulator/host.ts';
import { leaderHands, startLeaderEmulator } from '../../../drivers/feetech/emulator/leader.ts';
import type { ServoState } from '../../../drivers/feetech/emulator/servo.ts';
import { createLeader } from '../../../drivers/feetech/index.ts';
import { loadRobot } from '../../../src/config.ts';
import type { Leader } from '../../../src/robot/leader.ts';
import { packageRoot } from '../../../src/root.ts';
import { now, until } from '../bus/arm-stand.ts';

const robot = loadRobot(join(packageRoot(), 'robots', 'so101-pair.yaml'));

interface LeaderStand extends AsyncDisposable {
  readonly leader: Leader;
  readonly emulator: EmulatorHandle;
  readonly faults: string[];
  /** Of the newest reading. */
  q: number[];
  trigger: number;
  readings: number;
  hand(part: string, to: number | null): Promise<void>;
  states(): Promise<ServoState[]>;
}

async function stand(changes: Readonly<Record<string, unknown>> = {}): Promise<LeaderStand> {
  const patient = { rateHz: 100, patienceMs: 60, misses: 4, ...changes };
  const entry = { ...robot.leader!, options: { ...robot.leader!.options, ...patient } };
  const emulator = await startLeaderEmulator({ robot, entry });
  const plugged = { ...entry, options: { ...entry.options, port: emulator.port } };
  const leader = createLeader({ robot, entry: plugged, now });
  const hands = leaderHands({ robot, entry });
  const s: LeaderStand = {
    leader,
    emulator,
    faults: [],
    q: [],
    trigger: Number.NaN,
    readings: 0,
    hand: async (part, to) => {
      await emulator.device({ what: 'hand', moves: [hands.move(part, to, 1)!] });
    },
    states: () => emulator.device({ what: 'states' }) as Promise<ServoState[]>,
    async [Symbol.asyncDispose]() {
      await leader[Symbol.asyncDispose]();
      await emulator[Symbol.asyncDispose]();
    },
  };
  leader.onReading = (reading) => {
    s.q = [...reading.q];
    s.trigger = reading.trigger;
    s.readings++;
  };
  leader.onFault = (message) => s.faults.push(message);
  return s;
}

const near = (a: number, b: number, within = 0.02): boolean => Math.abs(a - b) < within;

describe('a leader of Feetech servos', () => {
  it('reads joints and trigger as a hand moves them, and stays limp', async () => {
    await using s = await stand();
    const { joints, trigger, buttons, drive } = s.leader.spec;
    assert.deepEqual([joints.length, trigger, buttons, drive], [5, 'there', 0, 'passive']);
    await s.leader.open();
    await until('a reading', () => s.readings > 3);
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
    await s.leader.open();
    await until('a reading', () => s.readings > 3);
    const goal = Float64Array.from(s.q);
    goal[0]! += 0.6;
    goal[2]! -= 0.4;
    await s.emulator.trace();
    await s.leader.follow!(goal);
    await until('it is there', () => s.q.every((q, i) => near(q, goal[i]!, 0.05)));
    const trace = await s.emulator.traced();
    let most = 0;
    for (let i = 0, j = 0; i < trace.length; i++) {
      while (trace[i]![0]! - trace[j]![0]! > 0.1) j++;
      most = Math.max(most, Math.abs(trace[i]![1]! - trace[j]![1]!));
    }
    assert.ok(most < 0.2 && most > 0.02, `it went ${most} rad in 0.1 s`);
    await s.leader.release!();
    await until('limp', async () => (await s.states()).every((servo) => !servo.torque));
  });

  it('says that it is gone when its cable is pulled, once, and nothing after', async () => {
    await using s = await stand();
    await s.leader.open();
    await until('a reading', () => s.readings > 3);
    await s.emulator.unplug();
    await until('told', () => s.faults.length > 0);
    assert.match(s.faults[0]!, /the port .* is gone/);
    const { readings } = s;
    await s.emulator.plug();
    await s.emulator.device({ what: 'states' });
    assert.equal(s.readings, readings);
    assert.equal(s.faults.length, 1);
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
