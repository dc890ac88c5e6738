/** JointState messages as state: names, parts, what is refused. All from CDR bytes. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { JointStates } from '../../../drivers/ros2/joint-states.ts';
import { rosJoints } from '../../../drivers/ros2/joints.ts';
import { type JointState, jointState, timeOf } from '../../../drivers/ros2/messages.ts';
import { loadRobot } from '../../../src/config.ts';
import { packageRoot } from '../../../src/root.ts';

const robot = loadRobot(join(packageRoot(), 'robots', 'panda-ros2.yaml'));
const names = { joint1: 'panda_joint1', joint2: 'panda_joint2', finger_joint1: 'panda_finger_joint1' };
const states = (): JointStates => new JointStates(rosJoints(robot, ['joint2', 'joint1', 'gripper'], names));

/** Through bytes, as it would come. */
function message(stamp: number, part: Partial<JointState>): JointState {
  const header = { stamp: timeOf(stamp), frame_id: '' };
  return jointState.decode(
    jointState.encode({ header, name: [], position: [], velocity: [], effort: [], ...part }),
  );
}

const all = {
  name: ['panda_finger_joint2', 'panda_joint1', 'panda_finger_joint1', 'panda_joint2'],
  position: [9, 1, 0.02, 2],
  velocity: [9, 0.1, 0.05, 0.2],
  effort: [9, 10, 3, 20],
};

function take(s: JointStates, m: JointState): string {
  const problem = s.problem(m);
  if (problem === '') s.take(m);
  return problem;
}

describe('joint states', () => {
  it('maps names in any order to axes, and finger joints to the opening', () => {
    const s = states();
    assert.deepEqual(s.missing, ['panda_joint2', 'panda_joint1', 'panda_finger_joint1']);
    assert.equal(take(s, message(5, all)), '');
    assert.deepEqual([...s.q], [2, 1, 0.04]);
    assert.deepEqual([...s.qd], [0.2, 0.1, 0.1]);
    // Two fingers with 0.5 m of each m of opening: 3 N on one of them are 3 N on the opening.
    assert.deepEqual([...s.tau], [20, 10, 3]);
    assert.equal(s.stamp, 5);
    const turned = { name: [...all.name].reverse(), position: [7, 0.03, 8, 9], velocity: [], effort: [] };
    assert.equal(take(s, message(6, turned)), '');
    assert.deepEqual([...s.q], [7, 8, 0.06]);
  });

  it('puts together what comes in parts, as old as the oldest part', () => {
    const s = states();
    take(s, message(5, { name: ['panda_joint1', 'panda_joint2'], position: [1, 2] }));
    assert.deepEqual(s.missing, ['panda_finger_joint1']);
    assert.ok(Number.isNaN(s.stamp));
    take(s, message(5.3, { name: ['panda_finger_joint1'], position: [0.01] }));
    assert.equal(s.stamp, 5);
    take(s, message(5.5, { name: ['panda_joint1', 'panda_joint2'], position: [1, 2] }));
    assert.equal(s.stamp, 5.3);
    take(s, message(5.6, { name: ['wheel'], position: [1] }));
    assert.equal(s.stamp, 5.3, 'a message of somebody else changes nothing');
  });

  it('works speeds out where none come', () => {
    const s = states();
    const part = { name: all.name, position: all.position };
    take(s, message(5, part));
    take(s, message(5.1, { ...part, position: [9, 1.1, 0.02, 1.8] }));
    assert.ok(Math.abs(s.qd[0]! + 2) < 1e-6 && Math.abs(s.qd[1]! - 1) < 1e-6 && s.qd[2] === 0);
    assert.deepEqual([...s.tau], [0, 0, 0]);
  });

  const bad: readonly [string, Partial<JointState>, RegExp][] = [
    ['too few positions', { position: [1, 2, 3] }, /4 names, but 3 positions/],
    ['too few speeds', { velocity: [1] }, /4 names, but 1 velocities/],
    ['too many efforts', { effort: [1, 2, 3, 4, 5] }, /4 names, but 5 efforts/],
    ['a position that is no number', { position: [9, Number.NaN, 0, 0] }, /the position NaN of panda_joint1/],
    ['a speed that is none', { velocity: [9, 0, 0, Infinity] }, /the velocity Infinity of panda_joint2/],
    [
      'a joint twice',
      { name: ['panda_joint1', 'panda_joint1', 'x', 'panda_joint2'] },
      /the joint panda_joint1 twice/,
    ],
  ];
  for (const [what, part, words] of bad) {
    it(`refuses ${what}, and keeps what it knew`, () => {
      const s = states();
      take(s, message(5, all));
      assert.match(take(s, message(6, { ...all, ...part })), words);
      assert.deepEqual([...s.q], [2, 1, 0.04]);
      assert.equal(s.stamp, 5);
    });
  }

  it('an effort that is not known is 0, and stops nothing', () => {
    const s = states();
    assert.equal(take(s, message(5, { ...all, effort: [Number.NaN, Number.NaN, 3, 20] })), '');
    assert.deepEqual([...s.tau], [20, 0, 3]);
  });

  it('reads big-endian bytes too, and refuses what is cut short', () => {
    const bytes = jointState.encode({
      header: { stamp: { sec: 1, nanosec: 2 }, frame_id: '' },
      name: ['a'],
      position: [1.5],
      velocity: [],
      effort: [],
    });
    const big = bigEndian();
    assert.deepEqual(jointState.decode(big), jointState.decode(bytes));
    assert.throws(() => jointState.decode(bytes.subarray(0, bytes.length - 5)));
    assert.throws(() => jointState.decode(new Uint8Array(2)));
  });
});

/** The same message written by hand, most significant byte first (encapsulation 00 00). */
function bigEndian(): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 + 48));
  const words: [number, number][] = [
    [0, 1], // sec
    [4, 2], // nanosec
    [8, 1], // length of frame_id: the closing zero alone
    [16, 1], // one name
    [20, 2], // of one letter and the zero
    [28, 1], // one position, aligned to 8 below
  ];
  for (const [at, value] of words) view.setUint32(4 + at, value);
  view.setUint8(4 + 24, 'a'.charCodeAt(0));
  view.setFloat64(4 + 32, 1.5);
  view.setUint32(4 + 40, 0);
  view.setUint32(4 + 44, 0);
  return new Uint8Array(view.buffer);
}
