/** A leader as the session has it: mapping, gate, who drives, loss, buttons, and the way of one that moves by itself. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ArmloopError } from '../../src/errors.ts';
import { buildKinematics, loadKinematics, readTree } from '../../src/model/load.ts';
import type { LeaderSpec } from '../../src/robot/leader.ts';
import {
  ControllerId,
  Mode,
  OperatorKind,
  operatorLayout,
  RequestKind,
  Source,
} from '../../src/robot/tick.ts';
import { packageRoot } from '../../src/root.ts';
import { LeaderMap } from '../../src/session/leader-map.ts';
import { Session } from '../../src/session/session.ts';
import { LEADER, withLeader } from '../support/leader-robot.ts';
import { PaperRig } from '../support/paper-rig.ts';

const code = (wanted: string) => (error: unknown) => error instanceof ArmloopError && error.code === wanted;
type Changes = Readonly<Record<string, unknown>>;

/** A rig with a leader whose hand is where the arm is, until a test moves it. */
function open(changes: Changes = {}, drive: LeaderSpec['drive'] = 'passive', robot = 'dynamixel7') {
  const rig = new PaperRig(withLeader(changes, {}, robot));
  const op = operatorLayout(rig.spec.axes.length);
  const followed: number[][] = [];
  let released = 0;
  const spec: LeaderSpec = {
    name: 'ada',
    kind: 'dynamixel',
    joints: rig.spec.axes.slice(0, 7).map((a) => a.name),
    trigger: 'there',
    buttons: 4,
    drive,
    rateHz: 100,
  };
  rig.leader = {
    spec,
    follow: async (q) => void followed.push([...q]),
    release: async () => void released++,
  };
  const session = new Session(rig);
  const reading = { time: 0, q: Float64Array.from(rig.measured.subarray(0, 7)), trigger: 0, buttons: 0 };
  return {
    rig,
    session,
    reading,
    followed,
    get released() {
      return released;
    },
    /** Another reading, 10 ms later. */
    read: (n = 1) => {
      for (let i = 0; i < n; i++) {
        rig.time += 0.01;
        reading.time = rig.time - 0.001;
        session.leader!.read(reading);
      }
    },
    /** A button is pressed for a while. */
    async press(button: number) {
      reading.buttons = 1 << button;
      for (let i = 0; i < 5; i++) this.read();
      reading.buttons = 0;
      for (let i = 0; i < 5; i++) this.read();
      await settled();
    },
    take: async (operator = 'Ada') =>
      ((await session.request('lease.take', { client: 1, operator }, 1)) as { lease: number }).lease,
    state: () => session.state().leader!.state,
    events: () => session.events.list.map((e) => e.text),
    /** Newest input that the loop got. */
    input: (field: string, i = 0) => rig.inputs.at(-1)![op.at(field) + i]!,
  };
}

/** Lets what was asked in turn come to its end. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('the mapping of a leader', () => {
  const robot = withLeader({
    joints: [
      { axis: 'joint3', sign: -1, scale: 2, offset: 0.5 },
      { axis: 'joint1' },
      { axis: 'joint4', offset: -0.2 },
    ],
    options: { ...LEADER.options, servos: LEADER.options.servos.slice(0, 3) },
  });
  const map = new LeaderMap(robot, robot.leader!);
  const reading = { time: 0, q: Float64Array.of(0.4, 0.3, 1), trigger: 0.5, buttons: 0 };

  it('turns joints into what axes are asked for, and back', () => {
    map.take(reading);
    const out = new Float64Array(8).fill(Number.NaN);
    map.write(out);
    const gripper = robot.axes[7]!;
    const want = [0.3, Number.NaN, -0.3, 0.8, Number.NaN, Number.NaN, Number.NaN, gripper.max / 2];
    for (const [i, v] of out.entries()) {
      assert.ok(Number.isNaN(want[i]!) ? Number.isNaN(v) : Math.abs(v - want[i]!) < 1e-12, `axis ${i}: ${v}`);
    }
    const back = map.inverse(Float64Array.from(out, (v) => (Number.isNaN(v) ? 0 : v)));
    for (const [i, v] of back.entries()) assert.ok(Math.abs(v - reading.q[i]!) < 1e-12);
  });

  it('takes a joint that lost its turns on the turn nearest to the middle of its axis, until it is away again', () => {
    map.forget();
    const turns = { ...reading, q: Float64Array.of(0.4, 0.3 - 4 * Math.PI, 1 + 2 * Math.PI) };
    map.take(turns);
    assert.ok(Math.abs(map.asked[1]! - 0.3) < 1e-12 && Math.abs(map.asked[2]! - 0.8) < 1e-12);
    // Once known it is followed, also beyond half a turn.
    turns.q[1]! += 4;
    map.take(turns);
    assert.ok(Math.abs(map.asked[1]! - 4.3) < 1e-12);
    map.forget();
    map.take(turns);
    assert.ok(Math.abs(map.asked[1]! - (4.3 - 2 * Math.PI)) < 1e-12);
  });
});

describe('the gate', () => {
  it('lets the leader drive only where it agrees with the arm, and says which axis is how far off', async () => {
    const s = open();
    assert.equal(s.state(), 'lost');
    const lease = await s.take();
    await assert.rejects(s.session.request('leader.engage', { lease }, 1), code('LEADER_LOST'));
    s.reading.q[1]! += 0.4;
    s.reading.trigger = 1;
    s.read();
    assert.equal(s.state(), 'ready');
    const refused = s.session.request('leader.engage', { lease }, 1);
    await assert.rejects(refused, (error: Error) => {
      assert.match(error.message, /joint2 is 0\.40 rad above the arm's 0\.40/);
      assert.match(error.message, /gripper is 0\.070 m below the arm's 0\.070/);
      return code('LEADER_MISMATCH')(error);
    });
    assert.equal(s.rig.asked.length, 0, 'nothing was asked of the loop');
    s.reading.q[1]! -= 0.4;
    s.reading.trigger = 0;
    s.read();
    await assert.rejects(s.session.request('leader.engage', { lease: lease + 1 }, 1), code('LEASE_NEEDED'));
    await s.session.request('leader.engage', { lease }, 1);
    const { kind, controller, source, args } = s.rig.asked.at(-1)!;
    assert.deepEqual(
      [kind, controller, source, args],
      [RequestKind.activate, ControllerId.leader, Source.human, [1]],
    );
    assert.equal(s.state(), 'driving');
  });

  it('hands on readings under the operator, whose own input then only keeps control', async () => {
    const s = open();
    const lease = await s.take();
    s.read();
    await s.session.request('leader.engage', { lease }, 1);
    s.reading.q[0] = 0.3;
    s.read();
    assert.equal(s.input('kind'), OperatorKind.joints);
    assert.equal(s.input('lease'), lease);
    assert.equal(s.input('enable'), 1);
    assert.equal(s.input('joints'), 0.3);
    assert.ok(Math.abs(s.input('joints', 7) - 0.07) < 1e-9, 'the trigger is the gripper');
    assert.equal(s.input('clientTime'), s.reading.time);
    const { length } = s.rig.inputs;
    const keys = new Float64Array(operatorLayout(8).size);
    keys[operatorLayout(8).at('kind')] = OperatorKind.twist;
    s.session.operate({ connection: 1, client: 1 }, keys);
    assert.equal(s.rig.inputs.length, length);
    // The operator stays away: control ends, and the leader with it.
    for (let i = 0; i < 60; i++) {
      s.read();
      s.session.tick();
    }
    assert.equal(s.session.leaseId, 0);
    assert.equal(s.state(), 'ready');
    assert.equal(s.input('enable'), 0);
    assert.equal(s.rig.asked.at(-1)!.kind, RequestKind.hold);
  });

  it('is there again after a loss: the deadman is let go at once, and a leader that is back does not drive', async () => {
    for (const how of ['silent', 'unplugged'] as const) {
      const s = open();
      const lease = await s.take();
      s.read();
      await s.session.request('leader.engage', { lease }, 1);
      s.read();
      if (how === 'silent') {
        s.rig.time += 0.21;
        s.session.tick();
        // It may only have stood still: what came meanwhile is read first.
        assert.equal(s.state(), 'driving');
        s.session.tick();
      } else s.session.leader!.lose('the port is gone');
      assert.equal(s.state(), 'lost');
      assert.equal(s.input('enable'), 0);
      assert.equal(s.input('lease'), lease);
      assert.equal(s.rig.asked.at(-1)!.kind, RequestKind.hold);
      assert.match(s.events().join('\n'), /The leader ada is lost: .*The arm holds; match the leader again/);
      const { length } = s.rig.inputs;
      s.reading.q[0] = 1;
      s.read(3);
      assert.equal(s.rig.inputs.length, length, 'it has no say');
      assert.equal(s.session.leaseId, lease, 'the operator keeps control');
      await assert.rejects(s.session.request('leader.engage', { lease }, 1), code('LEADER_MISMATCH'));
    }
  });

  it('ends when anything else takes the slot, and when the operator lets go', async () => {
    const s = open();
    const lease = await s.take();
    s.read();
    await s.session.request('leader.engage', { lease }, 1);
    s.rig.view.controller = ControllerId.twist;
    s.session.tick();
    assert.equal(s.state(), 'ready');
    await s.session.request('leader.engage', { lease }, 1);
    await s.session.request('leader.release', { lease }, 1);
    assert.deepEqual([s.state(), s.rig.view.mode], ['ready', Mode.holding]);
    s.rig.answer = 'refuses';
    await assert.rejects(s.session.request('leader.engage', { lease }, 1), code('REQUEST_REFUSED'));
    assert.equal(s.state(), 'ready');
    const { length } = s.rig.inputs;
    s.read();
    assert.equal(s.rig.inputs.length, length);
  });
});

describe('buttons', () => {
  it('record, label and start again, for whoever has control; a bounce is one press', async () => {
    const s = open();
    s.read();
    await s.press(0);
    assert.ok(
      s.rig.done.some((d) => d.endsWith(' by ada')),
      s.rig.done.join(),
    );
    assert.equal(s.session.recording.state, 'recording');
    await s.press(1);
    assert.deepEqual(s.rig.done.slice(-2), ['stop recording', 'label success ']);
    await s.take('Grace');
    s.reading.buttons = 1;
    s.read();
    s.reading.buttons = 0;
    s.read();
    s.reading.buttons = 1;
    s.read(4);
    await settled();
    assert.ok(s.rig.done.at(-1)!.endsWith(' by Grace'));
    assert.equal(s.session.recording.state, 'recording', 'pressed once');
    s.reading.buttons = 0;
    s.read(4);
    await s.press(0);
    assert.equal(s.session.recording.state, 'review');
    assert.match(s.events().at(-1)!, /say how it went/);
  });

  it('that are held when the leader comes do nothing, and a press that cannot be obeyed is told', async () => {
    const s = open();
    s.reading.buttons = 1;
    s.read(5);
    await settled();
    assert.equal(s.session.recording.state, 'idle');
    await s.press(1);
    assert.match(s.events().at(-1)!, /^The button success did nothing: .*needs a recording/);
  });

  it('intervene: the leader takes over from a policy and gives back to it', async () => {
    const s = open();
    const lease = await s.take();
    s.read();
    await s.session.request('policy.deploy', { lease, policy: 'good' }, 1);
    await s.press(2);
    assert.equal(s.rig.asked.at(-1)!.controller, ControllerId.leader);
    assert.deepEqual([s.state(), s.rig.done.includes('ask hold')], ['driving', false]);
    await s.press(2);
    assert.equal(s.rig.asked.at(-1)!.controller, ControllerId.policy);
    s.session.tick();
    assert.equal(s.state(), 'ready');
  });

  it('intervene where the leader is not: the policy is stopped, and the person told', async () => {
    const s = open();
    const lease = await s.take();
    s.read();
    await s.session.request('policy.deploy', { lease, policy: 'good' }, 1);
    s.reading.q[3]! += 0.5;
    await s.press(2);
    assert.equal(s.rig.view.mode, Mode.holding);
    assert.match(s.events().at(-1)!, /The button intervene did nothing: .*joint4 is 0\.50 rad above/);
  });

  it('intervene with nobody in control: the leader has it in its own name, as long as it drives', async () => {
    const s = open();
    s.read();
    await s.press(2);
    assert.equal(s.session.state().lease?.operator, 'ada');
    await assert.rejects(s.take(), code('LEASE_TAKEN'));
    for (let i = 0; i < 100; i++) {
      s.read();
      s.session.tick();
    }
    assert.equal(s.state(), 'driving', 'its readings are the signs of life');
    await s.press(2);
    assert.deepEqual([s.state(), s.session.leaseId, s.rig.view.mode], ['ready', 0, Mode.holding]);
    await s.press(2);
    s.session.leader!.lose('the port is gone');
    assert.equal(s.session.leaseId, 0, 'a lost leader keeps nothing');
  });
});

describe('an actuated leader', () => {
  it('does not set off for somebody who lost control while the arm was being stopped', async () => {
    const s = open({}, 'actuated');
    const lease = await s.take();
    s.reading.q[0]! += 0.5;
    s.read();
    s.rig.view.mode = Mode.active;
    s.rig.view.controller = ControllerId.twist;
    let stopped = (): void => {};
    s.rig.until = () =>
      new Promise((done) => {
        stopped = done;
      });
    const engaging = s.session.request('leader.engage', { lease }, 1);
    await settled();
    await s.session.request('client.gone', { client: 1 }, 1);
    s.rig.view.mode = Mode.holding;
    stopped();
    await assert.rejects(engaging, code('LEASE_NEEDED'));
    assert.deepEqual(s.followed, []);
    assert.equal(s.state(), 'ready');
  });

  it('goes to the pose of the arm, takes over there, and goes limp', async () => {
    const s = open({}, 'actuated');
    const lease = await s.take();
    s.reading.q[0] = 1;
    s.read();
    const engaged = s.session.request('leader.engage', { lease }, 1);
    await settled();
    assert.equal(s.state(), 'aligning');
    assert.deepEqual(s.followed, [[...s.rig.measured.subarray(0, 7)]]);
    assert.equal(s.released, 0);
    s.read(20);
    assert.equal(s.state(), 'aligning', 'not there yet');
    s.reading.q[0] = s.rig.measured[0]! + 0.05;
    s.read(20);
    await engaged;
    assert.deepEqual([s.state(), s.released], ['driving', 1]);
  });

  it('goes limp where it is when control ends or somebody stops it on the way, and nothing drives', async () => {
    const ends = [
      ['lease.release', { client: 1 }],
      ['request', { kind: 'hold' }],
      ['estop', {}],
    ] as const;
    for (const [method, params] of ends) {
      const s = open({}, 'actuated');
      const lease = await s.take();
      s.reading.q[0] = 1;
      s.read();
      const engaged = s.session.request('leader.engage', { lease }, 1);
      await settled();
      assert.equal(s.state(), 'aligning');
      const ended = s.session.request(method, params, 1);
      await assert.rejects(engaged, code('LEADER_LOST'));
      await ended;
      assert.deepEqual([s.state(), s.released], ['ready', 1], method);
      assert.ok(!s.rig.asked.some((a) => a.kind === RequestKind.activate));
    }
  });
});

describe('the mapping pose', () => {
  const robot = withLeader({ mapping: 'pose', scale: 0.5, buttons: [{ button: 3, does: 'clutch' }] });
  const model = loadKinematics(robot);
  const toolAt = (q: Float64Array): Float64Array => {
    const pose = new Float64Array(7);
    model.pose(q, model.tool, pose);
    return pose;
  };

  it('moves the tool by what the hand moved, scaled, and not while the clutch is held', async () => {
    const s = open({ mapping: 'pose', scale: 0.5, buttons: [{ button: 3, does: 'clutch' }] });
    const lease = await s.take();
    const start = Float64Array.from(s.rig.measured);
    const hand = Float64Array.from(start);
    // Hand and arm need not agree: the hand is a quarter turn off.
    hand[0]! += 1.2;
    s.reading.q.set(hand.subarray(0, 7));
    s.rig.tool.set(toolAt(start));
    s.read();
    await s.session.request('leader.engage', { lease }, 1);
    assert.equal(s.rig.asked.at(-1)!.controller, ControllerId.pose);
    const from = toolAt(hand);
    hand[3]! += 0.3;
    s.reading.q.set(hand.subarray(0, 7));
    s.read();
    assert.equal(s.input('kind'), OperatorKind.pose);
    const to = toolAt(hand);
    for (let i = 0; i < 3; i++) {
      const want = s.rig.tool[i]! + 0.5 * (to[i]! - from[i]!);
      assert.ok(Math.abs(s.input('pose', i) - want) < 1e-9, `axis ${i}`);
    }
    assert.ok(Math.abs(to[2]! - from[2]!) > 0.02, 'the hand did move');
    s.reading.buttons = 8;
    hand[1]! += 0.4;
    s.reading.q.set(hand.subarray(0, 7));
    s.read(5);
    assert.equal(s.input('enable'), 0);
    s.reading.buttons = 0;
    s.read(5);
    assert.equal(s.input('enable'), 1);
    for (let i = 0; i < 7; i++)
      assert.ok(Math.abs(s.input('pose', i) - s.rig.tool[i]!) < 1e-9, `from where the tool is: ${i}`);
  });

  it('knows the hand of a leader that is no copy of the arm by a model of its own', async () => {
    // The arm is a Panda, the leader a dynamixel7, whose joint 2 counts the other way.
    const file = join(packageRoot(), 'sim', 'models', 'dynamixel7.xml');
    const joints = Array.from({ length: 7 }, (_, i) => ({ axis: `joint${i + 1}`, sign: i === 1 ? -1 : 1 }));
    const s = open({ mapping: 'pose', buttons: [], model: { file }, joints }, 'passive', 'panda-sim');
    const own = buildKinematics(
      readTree(file),
      joints.map(({ axis }) => ({ name: axis, joints: [{ name: axis, ratio: 1 }] })),
      'tool',
    );
    const hand = (q: Float64Array): Float64Array => {
      const pose = new Float64Array(7);
      own.pose(
        q.map((v, i) => v * joints[i]!.sign),
        own.tool,
        pose,
      );
      return pose;
    };
    const lease = await s.take();
    s.rig.tool.set([0.4, 0.1, 0.5, 0, 0, 0, 1]);
    s.reading.q.set([0.1, -0.4, 0, 1.4, 0, 1.2, 0]);
    s.read();
    await s.session.request('leader.engage', { lease }, 1);
    const from = hand(s.reading.q);
    s.reading.q[1] = -0.7;
    s.read();
    const to = hand(s.reading.q);
    for (let i = 0; i < 3; i++) {
      const want = s.rig.tool[i]! + to[i]! - from[i]!;
      assert.ok(Math.abs(s.input('pose', i) - want) < 1e-9, `axis ${i}: ${s.input('pose', i)}, not ${want}`);
    }
    assert.ok(Math.hypot(to[0]! - from[0]!, to[2]! - from[2]!) > 0.05, 'the hand did move');
  });
});
