/** Our ROS 2 messages read by an independent CDR reader, and its bytes read by us: Python's `mcap-ros2-support`. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import * as m from '../../drivers/ros2/messages.ts';
import { packageRoot } from '../../src/root.ts';
import { findPython } from '../support/python.ts';

const { python, skip } = findPython(['mcap_ros2._dynamic']);

const header = { stamp: { sec: 1_764_000_123, nanosec: 456_789_012 }, frame_id: 'panda_link0' };
const point = (t: m.Time): m.TrajectoryPoint => ({
  positions: [0.1, -2.5, 1e-9],
  velocities: [0.01, 0, -0.5],
  accelerations: [],
  effort: [],
  time_from_start: t,
});
const joint_names = ['panda_joint1', 'j', 'panda_joint33'];
const trajectory = {
  header: m.NO_HEADER,
  joint_names,
  points: [point({ sec: 0, nanosec: 20_000_000 }), point({ sec: 1, nanosec: 5 })],
};
const state = { header, name: ['a', 'bcd'], position: [1.5, -2], velocity: [0.25], effort: [] };
const tolerance = { name: 'panda_joint1', position: 0.05, velocity: 0, acceleration: -1 };

/** Every message, with odd lengths of text so that alignment matters. */
const messages: readonly [m.Message<never>, object][] = [
  [m.jointState, state],
  [m.jointTrajectory, trajectory],
  [
    m.followGoal,
    {
      trajectory,
      multi_dof_trajectory: { header: m.NO_HEADER, joint_names: [], points: [] },
      path_tolerance: [tolerance],
      component_path_tolerance: [],
      goal_tolerance: [{ ...tolerance, name: 'xy' }, tolerance],
      component_goal_tolerance: [],
      goal_time_tolerance: { sec: 0, nanosec: 500_000_000 },
    },
  ],
  [m.followResult, { error_code: -4, error_string: 'path left' }],
  [m.gripperGoal, { command: { position: 0.04, max_effort: 12.5 } }],
  [m.gripperResult, { position: 0.04, effort: 3, stalled: true, reached_goal: false }],
  [m.parallelGoal, { command: state }],
  [m.parallelResult, { state, stalled: false, reached_goal: true }],
  [m.float64MultiArray, { layout: { dim: [], data_offset: 0 }, data: [1, 2.5, -3] }],
  [m.float64, { data: -87.25 }],
  [
    m.poseStamped,
    { header, pose: { position: { x: 1, y: 2, z: 3 }, orientation: { x: 0, y: 0.6, z: 0, w: 0.8 } } },
  ],
  [
    m.image,
    {
      header,
      height: 2,
      width: 1,
      encoding: 'rgb8',
      is_bigendian: 0,
      step: 5,
      data: [1, 2, 3, 0, 0, 4, 5, 6],
    },
  ],
  [m.compressedImage, { header, format: 'jpeg', data: [255, 216, 255] }],
  [
    m.cameraInfo,
    {
      header,
      height: 480,
      width: 640,
      distortion_model: 'plumb_bob',
      d: [0.1, 0.2],
      k: [500, 0, 320, 0, 501, 240, 0, 0, 1],
      r: [1, 0, 0, 0, 1, 0, 0, 0, 1],
      p: [500, 0, 320, 0, 0, 501, 240, 0, 0, 0, 1, 0],
      binning_x: 0,
      binning_y: 0,
      roi: { x_offset: 1, y_offset: 2, height: 3, width: 4, do_rectify: true },
    },
  ],
] as unknown as readonly [m.Message<never>, object][];

/** What the peer answers to each question, in one run of it. */
function ask(questions: readonly object[]): unknown[] {
  const peer = join(packageRoot(), 'test', 'interop', 'ros2_peer.py');
  const input = questions.map((q) => JSON.stringify(q)).join('\n');
  const output = execFileSync(python, [peer], { input, encoding: 'utf8' });
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

test('another reader decodes every message that we write to the same values', { skip }, () => {
  const answers = ask(
    messages.map(([message, value]) => ({
      decode: message.name,
      hex: Buffer.from(message.encode(value as never)).toString('hex'),
    })),
  );
  messages.forEach(([message, value], i) => {
    assert.deepEqual(answers[i], value, message.name);
  });
});

test('we decode every message that another writer writes to the same values', { skip }, () => {
  const answers = ask(messages.map(([message, value]) => ({ encode: message.name, message: value })));
  messages.forEach(([message, value], i) => {
    const { hex } = answers[i] as { hex: string };
    const decoded = message.decode(Buffer.from(hex, 'hex'));
    assert.deepEqual(plain(decoded), value, message.name);
  });
});

test('text beyond ASCII, which robots may send, is read as it is', { skip }, () => {
  const message = { error_code: -5, error_string: 'Ziel verfehlt: größer als 0,05 ✗' };
  const [answer] = ask([{ encode: m.followResult.name, message }]) as [{ hex: string }];
  assert.deepEqual(m.followResult.decode(Buffer.from(answer.hex, 'hex')), message);
});

function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
}
