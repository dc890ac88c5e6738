// @limit 400
/** The ROS 2 device against a played robot: each way out, what silence does, and each fault by its cause. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as m from '../../../drivers/ros2/messages.ts';
import { ros2Setup } from '../../../drivers/ros2/options.ts';
import { ArmloopError } from '../../../src/errors.ts';
import { CommandMode } from '../../../src/robot/tick.ts';
import { now } from '../../conformance/devices.ts';
import type { RobotOptions } from '../../support/ros-robot.ts';
import { ARM, RosStand, withOptions } from '../../support/ros-stand.ts';

const arm = (command: Readonly<Record<string, unknown>>, played: Partial<RobotOptions> = {}): RosStand =>
  new RosStand(withOptions(ARM, { command }), played);
const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Waits until the robot itself says so; fails after 60 s. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const end = now() + 60;
  while (!condition()) {
    assert.ok(now() < end, `${what}: not within 60 s`);
    await sleep(10);
  }
}

const refusal = (error: unknown, code: string, words: RegExp): true => {
  assert.ok(error instanceof ArmloopError);
  assert.equal(error.code, code);
  assert.match(error.message, words);
  return true;
};

describe('ways out', { concurrency: 4 }, () => {
  const ways: readonly [string, Readonly<Record<string, unknown>>, RobotOptions['controller'], string][] = [
    [
      'positions',
      { interface: 'position', controller: '/forward_position_controller' },
      'position',
      '/forward_position_controller/commands',
    ],
    [
      'velocities',
      { interface: 'velocity', controller: '/forward_velocity_controller', stopsOnSilence: true },
      'velocity',
      '/forward_velocity_controller/commands',
    ],
    [
      'efforts',
      { interface: 'effort', controller: '/forward_effort_controller', simulation: true },
      'effort',
      '/forward_effort_controller/commands',
    ],
    [
      'one number for each joint',
      { interface: 'effort', simulation: true, topics: ARM.map((_, i) => `/panda_joint${i + 1}/cmd_force`) },
      'efforts apart',
      '/panda_joint1/cmd_force',
    ],
  ];
  for (const [what, command, controller, topic] of ways) {
    it(`follows by ${what}, and stops what would go on when commands end`, async () => {
      // Springs of the robot file are for 1 kHz; over messages a softer arm is stable.
      const soft = withOptions(ARM, { command: { rateHz: 200, ...command } });
      const spec = { ...soft, axes: soft.axes.map((a) => ({ ...a, kp: 40, kd: 12 })) };
      await using s = new RosStand(spec, { controller, rateHz: 250 });
      await s.ready();
      const start = s.vector('q')[0]!;
      await s.moving(0.4, 0.5);
      assert.ok(s.vector('q')[0]! - start > 0.05, 'it moved');
      const goal = start + 0.2;
      await s.drive(
        () => Math.abs(s.vector('q')[0]! - goal) < 0.01 && s.speed() < 0.01,
        15,
        () => {
          s.wanted.q[0] = goal;
          s.wanted.qd[0] = 0;
        },
      );
      assert.ok(s.robot.received.has(topic));
      await s.device.disable();
      await s.watch(() => !s.has('enabled'), 5);
      if (controller !== 'position')
        assert.ok(
          s.robot.received.get(topic)!.every((v) => v === 0),
          'zeros at the end',
        );
    });
  }

  it('a trajectory is short, ends at rest and stays inside the limits', async () => {
    await using s = arm({ interface: 'trajectory' });
    await s.ready();
    s.robot.graph.traffic = [];
    await s.moving(0.8, 0.3);
    const sent = s.robot.graph.traffic.filter((t) => t.type === m.jointTrajectory.name);
    assert.ok(sent.length > 5, `${sent.length} trajectories`);
    const { acceleration } = s.device.spec.axes[0]!;
    let moved = 0;
    for (const { bytes } of sent) {
      const { points, joint_names, header } = m.jointTrajectory.decode(bytes);
      assert.deepEqual(
        joint_names,
        ARM.map((_, i) => `panda_joint${i + 1}`),
      );
      assert.deepEqual(header.stamp, m.NO_TIME, 'it starts when it arrives');
      const last = points.at(-1)!;
      assert.ok(
        [...last.velocities].every((v) => v === 0),
        'it ends at rest',
      );
      assert.ok(m.seconds(last.time_from_start) < 0.02 + 0.8 / acceleration + 0.03);
      if (points.length === 1) continue;
      moved++;
      const [a, b] = points as [m.TrajectoryPoint, m.TrajectoryPoint];
      const T = m.seconds(b.time_from_start) - m.seconds(a.time_from_start);
      assert.ok(Math.abs(a.velocities[0]!) / T <= acceleration * 1.001, 'it brakes within the limit');
      assert.ok(Math.abs(b.positions[0]! - a.positions[0]! - (a.velocities[0]! * T) / 2) < 1e-9);
    }
    assert.ok(moved > 3);
  });

  for (const action of ['parallel', 'command'] as const) {
    it(`opens and closes a gripper by ${action === 'parallel' ? 'ParallelGripperCommand' : 'GripperCommand'}; closing on something is no fault`, async () => {
      const spec = withOptions(['gripper'], {
        gripper: { action: action === 'parallel' ? 'parallel_gripper_command' : 'gripper_command' },
      });
      const gripper = { joint: 'panda_finger_joint1', start: 0.04, action };
      await using s = new RosStand(spec, { controller: 'none', gripper });
      await s.ready();
      assert.ok(
        Math.abs(s.vector('q')[0]! - 0.08) < 1e-9,
        'two fingers with 40 mm each are an opening of 80 mm',
      );
      await s.drive(
        () => Math.abs(s.vector('q')[0]! - 0.05) < 1e-4,
        10,
        () => {
          s.wanted.q[0] = 0.05;
        },
      );
      s.robot.thing = 0.015;
      await s.drive(
        (time) => time > 1.5 && Math.abs(s.vector('q')[0]! - 0.03) < 1e-3,
        10,
        () => {
          s.wanted.q[0] = 0.01;
        },
      );
      assert.deepEqual(s.faults, []);
      const accepted = s.records().filter((r) => !Number.isNaN(r[s.sent.at('acknowledged')]!));
      assert.ok(accepted.length > 0, 'a goal that was taken is acknowledged');
    });
  }
});

describe('silence', () => {
  it('stops the arm within the braking way when this program dies', async () => {
    const s = arm({ interface: 'trajectory' });
    await using robot = s.robot;
    await s.ready();
    await s.moving(0.8, 0.5);
    const from = robot.q[0]!;
    const speed = robot.qd[0]!;
    assert.ok(speed > 0.5, `${speed} rad/s`);
    // Nothing is sent any more, not even a good-bye: as if the process had been killed.
    await s.device[Symbol.asyncDispose]();
    await until('rest', () => Math.abs(robot.qd[0]!) < 1e-3);
    const { acceleration } = s.device.spec.axes[0]!;
    const bound = 0.8 * 0.03 + 0.8 ** 2 / (2 * acceleration) + 0.02;
    assert.ok(robot.q[0]! - from < bound, `it went on for ${robot.q[0]! - from} rad of ${bound}`);
  });

  it('old states end the motion: commands are not followed blindly', async () => {
    await using s = arm({ interface: 'trajectory' });
    await s.ready();
    await s.moving(0.5, 0.3);
    s.robot.silent = true;
    const start = s.robot.q[0]!;
    let wanted = s.wanted.q[0]!;
    for (let i = 0; i < 150; i++) {
      wanted += 0.5 * 0.002;
      s.wanted.q[0] = wanted;
      s.send();
      await sleep(2);
    }
    const end = s.robot.q[0]!;
    await sleep(100);
    assert.ok(Math.abs(s.robot.q[0]! - end) < 1e-3, 'it stands');
    // 60 ms until a state is too old, then the braking way.
    assert.ok(end - start < 0.5 * 0.12 + 0.5 ** 2 / 30 + 0.02, `it went ${end - start} rad blindly`);
  });
});

describe('faults in words', { concurrency: 4 }, () => {
  it('strays from its path: the goal is aborted, nothing is followed, and it goes on from where the arm is', async () => {
    await using s = arm({ interface: 'follow_joint_trajectory', rateHz: 50, pathTolerance: 0.02 });
    await s.ready();
    await s.moving(0.3, 0.2);
    s.robot.blocked.add(0);
    await s.drive(
      () => s.faults.length > 0,
      10,
      (time) => {
        s.wanted.q[0] = s.vector('q')[0]! + Math.min(0.2, 0.5 * time);
        s.wanted.qd[0] = 0.3;
      },
    );
    assert.match(s.faults[0]!, /aborted the motion: the arm strayed from the path.*panda_joint1/);
    await s.watch(() => s.has('fault'), 5);
    s.robot.blocked.delete(0);
    // The loop is stopped and goes on sending where its command stood: that is not followed.
    const held = s.vector('q')[0]!;
    s.wanted.q[0] = held + 0.2;
    s.wanted.qd[0] = 0;
    await s.drive((time) => time > 0.5 && !s.has('fault'), 10);
    assert.ok(Math.abs(s.vector('q')[0]! - held) < 5e-3, 'it held');
    s.wantHere();
    const goal = s.wanted.q[0]! + 0.1;
    await s.drive(
      () => Math.abs(s.vector('q')[0]! - goal) < 5e-3,
      10,
      (time) => {
        s.wanted.q[0] = held + Math.min(0.1, 0.2 * time);
      },
    );
    assert.equal(s.faults.length, 1, s.faults.join());
  });

  it('does not follow: where a topic answers nothing, the arm itself tells', async () => {
    await using s = arm({ interface: 'trajectory', strays: 0.1 });
    await s.ready();
    s.robot.blocked.add(2);
    const start = s.wanted.q[2]!;
    await s.drive(
      () => s.faults.length > 0,
      10,
      (time) => {
        s.wanted.q[2] = start + Math.min(0.3, 0.5 * time);
      },
    );
    assert.match(
      s.faults[0]!,
      /^panda_joint3 does not follow: it is at 0\.000 and was told to be at 0\.[123]/,
    );
    await s.drive(() => s.has('fault'), 5);
  });

  it('does not get there: the goal tolerance is told', async () => {
    await using s = arm({
      interface: 'follow_joint_trajectory',
      rateHz: 20,
      goalTolerance: 0.005,
      goalTimeMs: 50,
    });
    await s.ready();
    s.robot.blocked.add(0);
    s.wanted.q[0] = s.wanted.q[0]! + 0.02;
    for (let i = 0; i < 25; i++) {
      s.send();
      await sleep(2);
    }
    await until('the fault', () => s.faults.length > 0);
    assert.match(s.faults[0]!, /did not reach the end within its tolerance/);
  });

  it('goals are refused: the controller is told to be inactive', async () => {
    await using s = arm({ interface: 'follow_joint_trajectory' });
    await s.ready();
    s.robot.refuses = true;
    const start = s.wanted.q[0]!;
    await s.drive(
      () => s.faults.length > 0,
      10,
      (time) => {
        s.wanted.q[0] = start + 0.05 * time;
      },
    );
    assert.match(s.faults[0]!, /follow_joint_trajectory refused a goal: the controller is not active/);
    await s.drive(() => s.has('fault'), 5);
  });

  it('joint states stop and come again', async () => {
    await using s = arm({ interface: 'trajectory' });
    await s.ready();
    s.robot.silent = true;
    await until('the fault', () => s.faults.length > 0);
    assert.match(s.faults[0]!, /nothing usable on \/joint_states for 0\.[5-9] s|for [1-9]/);
    assert.ok(s.take() && !s.has('online'), 'it is not online');
    // Its host was started anew: another clock.
    s.robot.clockStep = -5000;
    s.robot.silent = false;
    await s.watch(() => s.has('online'), 5);
    assert.match(s.notes.at(-1)!, /comes again/);
    s.wantHere();
    const goal = s.wanted.q[0]! + 0.05;
    await s.drive(
      () => Math.abs(s.vector('q')[0]! - goal) < 5e-3,
      10,
      (time) => {
        s.wanted.q[0] = goal - 0.05 + Math.min(0.05, 0.1 * time);
      },
    );
  });

  it('messages come late: they are not used, and it is said', async () => {
    await using s = arm({ interface: 'trajectory' });
    await s.ready();
    s.robot.graph.delayMs = () => 300;
    await until('the fault', () => s.faults.length > 0);
    assert.match(s.faults[0]!, /nothing usable.*came \d+ ms late/);
  });

  it('the robot is not there, or says nothing of a joint, or nobody takes commands', async () => {
    const none = arm({ interface: 'trajectory' });
    await using _ = none.robot;
    none.robot.silent = true;
    const partly = arm({ interface: 'trajectory' });
    await using __ = partly.robot;
    partly.robot.leaveOut = { joints: ['panda_joint3', 'panda_joint5'] };
    const idle = arm({ interface: 'follow_joint_trajectory' }, { controller: 'none' });
    await using ___ = idle.robot;
    await Promise.all([
      assert.rejects(none.open(), (e) =>
        refusal(
          e,
          'DEVICE_UNREACHABLE',
          /nothing comes on \/joint_states: is the joint_state_broadcaster active/,
        ),
      ),
      assert.rejects(partly.open(), (e) =>
        refusal(e, 'DEVICE_UNREACHABLE', /says nothing of panda_joint3, panda_joint5/),
      ),
      assert.rejects(idle.open(), (e) =>
        refusal(
          e,
          'DEVICE_UNREACHABLE',
          /nobody serves \/joint_trajectory_controller\/follow_joint_trajectory/,
        ),
      ),
    ]);
  });
});

describe('options', () => {
  const bad: readonly [string, readonly string[], Record<string, unknown>, RegExp][] = [
    ['no way out', ARM, {}, /options\.command is missing, but it must say how joint1, .* are driven/],
    [
      'velocities without a word about silence',
      ARM,
      { command: { interface: 'velocity' } },
      /command\.stopsOnSilence is false, but a velocity/,
    ],
    [
      'efforts on a real arm',
      ARM,
      { command: { interface: 'effort' } },
      /command\.simulation is false, but efforts are for simulated robots/,
    ],
    [
      'an unknown joint',
      ARM,
      { command: { interface: 'trajectory' }, joints: { joint9: 'x' } },
      /options\.joints\.joint9/,
    ],
    [
      'a gripper without its axis',
      ARM,
      { command: { interface: 'trajectory' }, gripper: {} },
      /drives no gripper axis/,
    ],
    [
      'too few topics',
      ARM,
      { command: { interface: 'effort', simulation: true, topics: ['/a'] } },
      /one topic for each of 7 axes/,
    ],
    ['an unknown interface', ARM, { command: { interface: 'magic' } }, /command\.interface/],
  ];
  for (const [what, axes, options, words] of bad) {
    it(`refuses ${what}`, () => {
      const spec = withOptions(axes, options);
      assert.throws(
        () => ros2Setup({ robot: spec, entry: spec.devices[0]! }),
        (e) => refusal(e, 'CONFIG_INVALID', words),
      );
    });
  }

  it('has no torque mode, whatever the interface', async () => {
    await using s = arm({ interface: 'effort', controller: '/forward_effort_controller', simulation: true });
    assert.deepEqual(s.device.spec.modes, [CommandMode.position]);
  });
});
