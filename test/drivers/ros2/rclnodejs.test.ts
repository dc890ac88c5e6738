/**
 * The adapter to rclnodejs against a stand-in that has what is used of its documented interface: nothing here shows that the
 * real one behaves so. And what a person is told without it.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { COMMAND_QOS, SENSOR_QOS } from '../../../drivers/ros2/graph.ts';
import * as m from '../../../drivers/ros2/messages.ts';
import {
  loadRclnodejs,
  type RclActionClient,
  type RclNode,
  type Rclnodejs,
  type RclPublisher,
  sharedNode,
} from '../../../drivers/ros2/rclnodejs.ts';
import { ArmloopError } from '../../../src/errors.ts';

interface Log {
  readonly calls: string[];
  readonly published: Buffer[];
  goal: unknown;
  take: ((message: Uint8Array) => void) | null;
}

function standIn(
  log: Log,
  end: { accepted: boolean; status: 'succeeded' | 'canceled' | 'aborted'; result: object },
): Rclnodejs {
  let down = true;
  class Node implements RclNode {
    constructor(name: string) {
      log.calls.push(`node ${name}`);
    }
    spin(): void {
      log.calls.push('spin');
    }
    destroy(): void {
      log.calls.push('destroy');
    }
    now() {
      return { secondsAndNanoseconds: { seconds: 1_764_000_000n, nanoseconds: 250_000_000n } };
    }
    createPublisher(type: string, topic: string, options: object): RclPublisher {
      log.calls.push(`publisher ${type} ${topic} ${JSON.stringify(options)}`);
      return { publish: (message) => log.published.push(message), subscriptionCount: 1 };
    }
    createSubscription(
      type: string,
      topic: string,
      options: object,
      take: (message: Uint8Array) => void,
    ): object {
      log.calls.push(`subscription ${type} ${topic} ${JSON.stringify(options)}`);
      log.take = take;
      return {};
    }
    destroyPublisher(): void {}
    destroySubscription(): void {
      log.take = null;
    }
  }
  class QoS {
    readonly of: readonly number[];
    constructor(...of: number[]) {
      this.of = of;
    }
  }
  class ActionClient implements RclActionClient {
    isActionServerAvailable(): boolean {
      return true;
    }
    async sendGoal(goal: object) {
      log.goal = goal;
      return {
        isAccepted: () => end.accepted,
        isSucceeded: () => end.status === 'succeeded',
        isCanceled: () => end.status === 'canceled',
        getResult: async () => end.result,
      };
    }
    destroy(): void {}
  }
  class Goal {
    constructor(fields: object) {
      Object.assign(this, fields);
    }
  }
  return {
    init: async () => {
      down = false;
      log.calls.push('init');
    },
    shutdown: () => {
      down = true;
      log.calls.push('shutdown');
    },
    isShutdown: () => down,
    require: () => ({ Goal }),
    Node,
    QoS,
    ActionClient,
  };
}

const fresh = (): Log => ({ calls: [], published: [], goal: null, take: null });
const done = { accepted: true, status: 'succeeded', result: { error_code: 0, error_string: '' } } as const;

describe('rclnodejs', () => {
  it('is not looked for unless ROS 2 is sourced, and what is missing is said with what to do', async () => {
    const before = process.env['ROS_DISTRO'];
    try {
      delete process.env['ROS_DISTRO'];
      await assert.rejects(loadRclnodejs(), (e: unknown) => {
        assert.ok(e instanceof ArmloopError && e.code === 'ROS_MISSING');
        assert.match(e.message, /ROS_DISTRO is not set/);
        return true;
      });
      process.env['ROS_DISTRO'] = 'jazzy';
      await assert.rejects(loadRclnodejs(), /rclnodejs cannot be loaded/);
    } finally {
      if (before === undefined) delete process.env['ROS_DISTRO'];
      else process.env['ROS_DISTRO'] = before;
    }
  });

  it('is not imported by loading the driver', () => {
    const url = new URL('../../../drivers/ros2/index.js', import.meta.url).href;
    const text = `await import(${JSON.stringify(url)}); console.log('loaded');`;
    // It is not installed here, so an import of it would fail.
    const env = { ...process.env, ROS_DISTRO: 'jazzy' };
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
      encoding: 'utf8',
      env,
    });
    assert.equal(stdout.trim(), 'loaded');
  });

  it('one node serves everybody of a rig, and ends with the last of them', async () => {
    const log = fresh();
    const open = sharedNode('my-rig', async () => standIn(log, done));
    const [a, b] = await Promise.all([open(), open()]);
    assert.deepEqual(log.calls, ['init', 'node armloop_my_rig', 'spin']);
    await a[Symbol.asyncDispose]();
    await a[Symbol.asyncDispose]();
    assert.deepEqual(b.now(), { sec: 1_764_000_000, nanosec: 250_000_000 });
    await b[Symbol.asyncDispose]();
    assert.deepEqual(log.calls.slice(3), ['destroy', 'shutdown']);
  });

  it('topics carry the CDR bytes as they are, with their quality of service', async () => {
    const log = fresh();
    await using graph = await sharedNode('r', async () => standIn(log, done))();
    const publisher = graph.publisher('std_msgs/msg/Float64', '/a', COMMAND_QOS);
    const bytes = m.float64.encode({ data: 2.5 });
    publisher.publish(bytes);
    assert.ok(log.published[0] instanceof Buffer);
    assert.deepEqual(Buffer.from(log.published[0]), Buffer.from(bytes));
    assert.equal(publisher.readers, 1);
    let got: Uint8Array | null = null;
    const subscription = graph.subscribe('std_msgs/msg/Float64', '/b', SENSOR_QOS, (message) => {
      got = message;
    });
    log.take!(bytes);
    assert.equal(got, bytes);
    subscription.close();
    // History keep last, depth, reliability, durability by the numbers of rmw.
    assert.equal(log.calls[3], 'publisher std_msgs/msg/Float64 /a {"qos":{"of":[1,1,1,2]}}');
    assert.equal(log.calls[4], 'subscription std_msgs/msg/Float64 /b {"isRaw":true,"qos":{"of":[1,5,2,2]}}');
  });

  it('goals and results are objects there and CDR here', async () => {
    const log = fresh();
    const result = { error_code: -4, error_string: 'joint3' };
    const end = { accepted: true, status: 'aborted', result } as const;
    await using graph = await sharedNode('r', async () => standIn(log, end))();
    const client = graph.actionClient(m.GRIPPER_COMMAND, '/g');
    await client.send(m.gripperGoal.encode({ command: { position: 0.04, max_effort: 5 } }));
    assert.deepEqual({ ...(log.goal as object) }, { command: { position: 0.04, max_effort: 5 } });
    const follow = graph.actionClient(m.FOLLOW_JOINT_TRAJECTORY, '/f');
    const none = { header: m.NO_HEADER, joint_names: [], points: [] };
    const goal = await follow.send(
      m.followGoal.encode({
        trajectory: {
          header: m.NO_HEADER,
          joint_names: ['a'],
          points: [
            {
              positions: [1],
              velocities: [0],
              accelerations: [],
              effort: [],
              time_from_start: m.timeOf(0.5),
            },
          ],
        },
        multi_dof_trajectory: none,
        path_tolerance: [],
        component_path_tolerance: [],
        goal_tolerance: [],
        component_goal_tolerance: [],
        goal_time_tolerance: m.NO_TIME,
      }),
    );
    const { trajectory } = log.goal as {
      trajectory: { points: { positions: unknown; time_from_start: unknown }[] };
    };
    assert.deepEqual(trajectory.points[0]!.positions, [1], 'plain arrays, which its message classes take');
    assert.deepEqual(trajectory.points[0]!.time_from_start, { sec: 0, nanosec: 500_000_000 });
    const got = await goal!.result;
    assert.equal(got.end, 'aborted');
    assert.deepEqual(m.followResult.decode(got.result), result);
  });

  it('a goal that is refused is null', async () => {
    const refusing = { ...done, accepted: false };
    await using graph = await sharedNode('r', async () => standIn(fresh(), refusing))();
    const client = graph.actionClient(m.GRIPPER_COMMAND, '/g');
    assert.equal(await client.send(m.gripperGoal.encode({ command: { position: 0, max_effort: 0 } })), null);
  });
});
