/** @alone A whole rig on a played ROS 2 graph: it drives, sees, tells its state, and an aborted goal stops it in words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as m from '../../drivers/ros2/messages.ts';
import { loadRobot } from '../../src/config.ts';
import { openLog } from '../../src/log.ts';
import { monotonicClock } from '../../src/loop/clock.ts';
import { Rig } from '../../src/rig/rig.ts';
import { bytesOf } from '../../src/rig/wire.ts';
import { DeviceStatus, Mode, operatorLayout } from '../../src/robot/tick.ts';
import { linkTo } from '../support/rig-link.ts';
import { workspace } from '../support/rig-process.ts';
import { stage } from '../support/ros-kind.ts';
import { pandaJoints, RosRobot } from '../support/ros-robot.ts';
import { until } from '../support/sockets.ts';
import { testRobot } from '../support/test-robot.ts';

const RELIABLE = { reliability: 'reliable', durability: 'volatile', depth: 10 } as const;
const kind = fileURLToPath(new URL('../support/ros-kind.js', import.meta.url));

test('a rig behind ROS 2: home, pictures, state for others, a blocked joint, and on again', async () => {
  using folder = workspace();
  const now = monotonicClock();
  // Away from home by 0.3 rad, so that there is somewhere to go.
  const joints = pandaJoints().map((j, i) => (i === 0 ? { ...j, start: 0.3 } : j));
  const gripper = { joint: 'panda_finger_joint1', start: 0.04, action: 'parallel' } as const;
  await using robot = new RosRobot({ joints, gripper, controller: 'trajectory' }, now);
  stage.robot = robot;
  const shipped = loadRobot(testRobot(folder.path, {}, 'panda-ros2'));
  const { states, joints: names } = shipped.devices[0]!.options;
  const options = {
    states,
    joints: names,
    command: { interface: 'follow_joint_trajectory', rateHz: 50, pathTolerance: 0.05 },
    gripper: {},
  };
  const spec = loadRobot(
    testRobot(
      folder.path,
      {
        devices: [{ name: 'arm', kind, options }],
        cameras: [
          {
            name: 'front',
            kind,
            width: 32,
            height: 24,
            fps: 20,
            position: [1, 0, 1],
            lookAt: [0, 0, 0],
            options: {},
          },
        ],
        outputs: [{ name: 'state', kind, rateHz: 20, options: { frame: 'panda_link0' } }],
      },
      'panda-ros2',
    ),
  );
  const member = robot.graph.join();
  const image = member.publisher(m.image.name, '/camera/image_raw', RELIABLE);
  const camera = setInterval(
    () =>
      image.publish(
        m.image.encode({
          header: { stamp: m.timeOf(robot.clock(now())), frame_id: '' },
          width: 32,
          height: 24,
          encoding: 'rgb8',
          is_bigendian: 0,
          step: 96,
          data: new Uint8Array(96 * 24).fill(120),
        }),
      ),
    50,
  );
  const told: { joints: m.JointState | null; pose: m.PoseStamped | null } = { joints: null, pose: null };
  member.subscribe(m.jointState.name, '/armloop/joint_states', RELIABLE, (b) => {
    told.joints = m.jointState.decode(b);
  });
  member.subscribe(m.poseStamped.name, '/armloop/tool_pose', RELIABLE, (b) => {
    told.pose = m.poseStamped.decode(b);
  });
  const rig = await Rig.open({ spec, workspace: folder.path, log: openLog(folder.path, 'rig') });
  const link = await linkTo(folder.path, spec.id);
  let operator: NodeJS.Timeout | null = null;
  const events = (): string => rig.session.events.list.map((e) => e.text).join('\n');
  try {
    const { lease } = (await link.request('lease.take', { client: 1, operator: 'Ada' })) as { lease: number };
    const input = new Float64Array(operatorLayout(spec.axes.length).size);
    operator = setInterval(() => link.operator(1, bytesOf(input)), 20);
    // On its way home somebody takes hold of it: it strays from its path, the controller gives up, the rig stops and says why.
    robot.trap = { index: 0, below: 0.2 };
    await link.request('home', { lease });
    await until('stopped', () => rig.watch.view.mode === Mode.stopped);
    await until('people are told', () =>
      /arm: .*follow_joint_trajectory aborted the motion: the arm strayed from the path/.test(events()),
    );
    assert.ok(robot.q[0]! > 0.19, 'it stopped where it was held');

    // Once the cause is gone a person clears the stop, and it goes on from where it is.
    robot.blocked.clear();
    await until('the controller is ready again', () => /Clear the stop to go on/.test(events()));
    await until(
      'its state says so',
      () => (rig.watch.field('in.device.status')[0]! & DeviceStatus.fault) === 0,
    );
    await link.request('request', { kind: 'clear', lease });
    await until('holding', () => rig.watch.view.mode === Mode.holding);
    assert.ok(robot.q[0]! > 0.15, 'it did not jump to where the command stood');
    await link.request('home', { lease });
    await until('home', () => Math.abs(robot.q[0]!) < 0.01 && rig.watch.view.mode === Mode.holding);

    await until('pictures', () => rig.metrics().cameras[0]!.frames > 5);
    await until('its state at home', () => Math.abs([...(told.joints?.position ?? [9])][0]!) < 0.01);
    assert.deepEqual(told.joints!.name.slice(6), ['joint7', 'finger_joint1', 'finger_joint2']);
    assert.ok(Math.abs([...told.joints!.position][8]! - 0.04) < 1e-3);
    const age = robot.clock(now()) - m.seconds(told.joints!.header.stamp);
    assert.ok(age >= 0 && age < 5, `stamped ${age} s ago by the clock of the graph`);
    assert.equal(told.pose!.header.frame_id, 'panda_link0');
    const { x, z } = told.pose!.pose.position;
    assert.ok(x > 0.3 && x < 0.8 && z > 0.2 && z < 0.8, `the tool is at ${x}, ${z}`);
  } finally {
    if (operator !== null) clearInterval(operator);
    clearInterval(camera);
    link.close();
    await rig.close();
    stage.robot = null;
  }
});
