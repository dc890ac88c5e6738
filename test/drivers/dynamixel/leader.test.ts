// @limit 120
/** A leader of servos over a real line: what it reads, how it follows and goes limp, and how it ends. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EmulatorHandle } from '../../../drivers/bus/emulator/host.ts';
import { leaderHands, startLeaderEmulator } from '../../../drivers/dynamixel/emulator/leader.ts';
import type { ServoState } from '../../../drivers/dynamixel/emulator/servo.ts';
import { createLeader } from '../../../drivers/dynamixel/index.ts';
import type { Leader } from '../../../src/robot/leader.ts';
import type { RobotSpec } from '../../../src/robot/spec.ts';
import { LEADER, withLeader } from '../../support/leader-robot.ts';
import { now, until } from '../bus/arm-stand.ts';

const FOLLOW = { ...LEADER.options, follow: { current: 0.4, speed: 0.8 } };

interface LeaderStand extends AsyncDisposable {
  readonly robot: RobotSpec;
  readonly leader: Leader;
  readonly emulator: EmulatorHandle;
  readonly faults: string[];
  /** Of the newest reading. */
  q: number[];
  trigger: number;
  buttons: number;
  readings: number;
  hand(part: string, to: number | null, seconds?: number): Promise<void>;
  states(): Promise<ServoState[]>;
}

async function stand(changes: Readonly<Record<string, unknown>> = {}): Promise<LeaderStand> {
  const robot = withLeader(changes);
  const entry = robot.leader!;
  const emulator = await startLeaderEmulator({ robot, entry });
  const plugged = { ...entry, options: { ...entry.options, port: emulator.port } };
  const leader = createLeader({ robot, entry: plugged, now });
  const hands = leaderHands({ robot, entry });
  const s: LeaderStand = {
    robot,
    leader,
    emulator,
    faults: [],
    q: [],
    trigger: Number.NaN,
    buttons: 0,
    readings: 0,
    hand: async (part, to, seconds = 0.3) => {
      await emulator.device({ what: 'hand', moves: [hands.move(part, to, seconds)!] });
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
    s.buttons = reading.buttons;
    s.readings++;
  };
  leader.onFault = (message) => s.faults.push(message);
  return s;
}

const near = (a: number, b: number, within = 0.02): boolean => Math.abs(a - b) < within;

describe('a leader of Dynamixel servos', () => {
  it('reads joints, trigger and levers as a hand moves them, and stays limp', async () => {
    await using s = await stand();
    assert.deepEqual(
      [s.leader.spec.joints.length, s.leader.spec.trigger, s.leader.spec.buttons, s.leader.spec.drive],
      [7, 'there', 3, 'passive'],
    );
    await s.leader.open();
    await until('a reading', () => s.readings > 3);
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
    await s.leader.open();
    await until('a reading', () => s.readings > 3);
    const goal = Float64Array.from(s.q);
    goal[0]! += 0.6;
    goal[3]! -= 0.4;
    await s.emulator.trace();
    await s.leader.follow!(goal);
    await until('it is there', () => s.q.every((q, i) => near(q, goal[i]!, 0.04)));
    // Over a tenth of a second: steps of single goals are faster, a jump would go all the way.
    const trace = await s.emulator.traced();
    const away = goal[0]! - trace[0]![1]!;
    let most = 0;
    for (let i = 0, j = 0; i < trace.length; i++) {
      while (trace[i]![0]! - trace[j]![0]! > 0.1) j++;
      most = Math.max(most, Math.abs(trace[i]![1]! - trace[j]![1]!));
    }
    assert.ok(most < 0.2 && most > 0.02, `it went ${most} rad in 0.1 s, of ${away}`);
    // A hand wins against it.
    await s.hand('joint1', goal[0]! + 0.5);
    await until('the hand wins', () => near(s.q[0]!, goal[0]! + 0.5, 0.1));
    await s.leader.release!();
    assert.ok((await s.states()).every((servo) => !servo.torque && servo.watchdog === 0));
    await assert.rejects(s.leader.follow!(Float64Array.from(goal, (g) => g + 7)), /was to go from/);
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

  it('says who does not answer when a servo falls silent', async () => {
    await using s = await stand();
    await s.leader.open();
    await until('a reading', () => s.readings > 3);
    await s.emulator.device({ what: 'silent', id: 5, value: true });
    await until('told', () => s.faults.length > 0);
    assert.match(s.faults[0]!, /joint5 \(id 5\) does not answer/);
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
