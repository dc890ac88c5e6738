/**
 * RosGraph over rclnodejs 2.2 (https://github.com/RobotWebTools/rclnodejs, Apache-2.0), by its documentation and type
 * definitions. Its callbacks land on the loop of the process's main thread, and nowhere else; so this runs there. Topics
 * carry CDR as it is (`isRaw`, `publish(Buffer)`); actions take objects, which are made from CDR and back here.
 *
 * rclnodejs begins to build itself when it is imported without ROS 2: so ROS_DISTRO is looked at first.
 */
import { ArmloopError } from '../../src/errors.ts';
import type {
  GoalEnd,
  OpenGraph,
  Qos,
  RosActionClient,
  RosGoal,
  RosGraph,
  RosPublisher,
  RosSubscription,
} from './graph.ts';
import {
  FOLLOW_JOINT_TRAJECTORY,
  followGoal,
  followResult,
  GRIPPER_COMMAND,
  gripperGoal,
  gripperResult,
  type Message,
  PARALLEL_GRIPPER,
  parallelGoal,
  parallelResult,
  type Time,
} from './messages.ts';

/** What is used of rclnodejs, as its types/*.d.ts say. */
export interface Rclnodejs {
  init(): Promise<void>;
  shutdown(): void;
  isShutdown(): boolean;
  require(name: string): unknown;
  readonly Node: new (name: string) => RclNode;
  readonly QoS: new (history: number, depth: number, reliability: number, durability: number) => object;
  readonly ActionClient: new (node: RclNode, type: string, name: string) => RclActionClient;
}
export interface RclNode {
  spin(): void;
  destroy(): void;
  now(): { readonly secondsAndNanoseconds: { readonly seconds: bigint; readonly nanoseconds: bigint } };
  createPublisher(type: string, topic: string, options: object): RclPublisher;
  createSubscription(
    type: string,
    topic: string,
    options: object,
    take: (message: Uint8Array) => void,
  ): object;
  destroyPublisher(publisher: RclPublisher): void;
  destroySubscription(subscription: object): void;
}
export interface RclPublisher {
  publish(message: Buffer): void;
  readonly subscriptionCount: number;
}
export interface RclActionClient {
  isActionServerAvailable(): boolean;
  sendGoal(goal: object): Promise<RclGoal>;
  destroy(): void;
}
export interface RclGoal {
  isAccepted(): boolean;
  isSucceeded(): boolean;
  isCanceled(): boolean;
  getResult(): Promise<object>;
}

/** RMW_QOS_POLICY_*: history keep last; reliability; durability (rclnodejs types/qos.d.ts). */
const KEEP_LAST = 1;
const RELIABILITY = { reliable: 1, bestEffort: 2 } as const;
const DURABILITY = { transientLocal: 1, volatile: 2 } as const;

interface Action {
  readonly goal: Pick<Message<object>, 'decode'>;
  readonly result: { encode(message: object): Uint8Array };
}
const ACTIONS: Readonly<Record<string, Action>> = {
  [FOLLOW_JOINT_TRAJECTORY]: { goal: followGoal, result: followResult as Message<object> },
  [GRIPPER_COMMAND]: { goal: gripperGoal, result: gripperResult as Message<object> },
  [PARALLEL_GRIPPER]: { goal: parallelGoal, result: parallelResult as Message<object> },
};

/** The package by name, so that nothing looks for it where it is not installed. */
const PACKAGE = 'rclnodejs';

export type LoadRclnodejs = () => Promise<Rclnodejs>;

/** Loads rclnodejs. Rejects with ROS_MISSING. */
export const loadRclnodejs: LoadRclnodejs = async () => {
  const distro = process.env['ROS_DISTRO'];
  if (distro === undefined || distro === '') {
    throw new ArmloopError('ROS_MISSING', { reason: 'ROS_DISTRO is not set, so ROS 2 is not sourced' });
  }
  try {
    const module = (await import(PACKAGE)) as { readonly default?: Rclnodejs } & Rclnodejs;
    return module.default ?? module;
  } catch (cause) {
    const reason = `rclnodejs cannot be loaded (${(cause as Error).message.split('\n')[0]})`;
    throw new ArmloopError('ROS_MISSING', { reason }, { cause });
  }
};

let shared: { readonly node: Promise<NodeGraph>; users: number } | null = null;

/** One node of this process for all its devices, cameras and outputs; it ends with the last of them. */
export const sharedNode =
  (rig: string, load: LoadRclnodejs = loadRclnodejs): OpenGraph =>
  async () => {
    shared ??= { node: NodeGraph.open(`armloop_${rig.replace(/[^A-Za-z0-9_]/g, '_')}`, load), users: 0 };
    const mine = shared;
    mine.users++;
    const leave = async (): Promise<void> => {
      if (--mine.users > 0) return;
      if (shared === mine) shared = null;
      await mine.node.then(
        (node) => node[Symbol.asyncDispose](),
        () => {},
      );
    };
    try {
      return new Member(await mine.node, leave);
    } catch (error) {
      await leave();
      throw error;
    }
  };

/** The shared node as one of its users has it. */
class Member implements RosGraph {
  readonly #node: NodeGraph;
  #leave: (() => Promise<void>) | null;

  constructor(node: NodeGraph, leave: () => Promise<void>) {
    this.#node = node;
    this.#leave = leave;
  }

  now(): Time {
    return this.#node.now();
  }
  publisher(type: string, topic: string, qos: Qos): RosPublisher {
    return this.#node.publisher(type, topic, qos);
  }
  subscribe(type: string, topic: string, qos: Qos, take: (message: Uint8Array) => void): RosSubscription {
    return this.#node.subscribe(type, topic, qos, take);
  }
  actionClient(type: string, name: string): RosActionClient {
    return this.#node.actionClient(type, name);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    const leave = this.#leave;
    this.#leave = null;
    await leave?.();
  }
}

class NodeGraph implements RosGraph {
  readonly #ros: Rclnodejs;
  readonly #node: RclNode;

  private constructor(ros: Rclnodejs, node: RclNode) {
    this.#ros = ros;
    this.#node = node;
  }

  static async open(name: string, load: LoadRclnodejs): Promise<NodeGraph> {
    const ros = await load();
    try {
      await ros.init();
      const node = new ros.Node(name);
      node.spin();
      return new NodeGraph(ros, node);
    } catch (cause) {
      throw new ArmloopError('ROS_FAILED', { reason: (cause as Error).message.split('\n')[0]! }, { cause });
    }
  }

  now(): Time {
    const { seconds, nanoseconds } = this.#node.now().secondsAndNanoseconds;
    return { sec: Number(seconds), nanosec: Number(nanoseconds) };
  }

  publisher(type: string, topic: string, qos: Qos): RosPublisher {
    const publisher = this.#node.createPublisher(type, topic, { qos: this.#qos(qos) });
    return {
      get readers() {
        return publisher.subscriptionCount;
      },
      // rclnodejs takes a Buffer for CDR, and nothing else.
      publish: ({ buffer, byteOffset, byteLength }) =>
        publisher.publish(Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)),
      close: () => this.#node.destroyPublisher(publisher),
    };
  }

  subscribe(type: string, topic: string, qos: Qos, take: (message: Uint8Array) => void): RosSubscription {
    const options = { isRaw: true, qos: this.#qos(qos) };
    const subscription = this.#node.createSubscription(type, topic, options, take);
    return { close: () => this.#node.destroySubscription(subscription) };
  }

  actionClient(type: string, name: string): RosActionClient {
    const { goal, result } = ACTIONS[type]!;
    const client = new this.#ros.ActionClient(this.#node, type, name);
    const { Goal } = this.#ros.require(type) as { Goal: new (fields: object) => object };
    return {
      ready: () => client.isActionServerAvailable(),
      send: async (bytes): Promise<RosGoal | null> => {
        const handle = await client.sendGoal(new Goal(plain(goal.decode(bytes)) as object));
        if (!handle.isAccepted()) return null;
        const ended = handle.getResult().then((fields) => {
          const end: GoalEnd = handle.isSucceeded()
            ? 'succeeded'
            : handle.isCanceled()
              ? 'canceled'
              : 'aborted';
          return { end, result: result.encode(fields) };
        });
        // Whoever asks for it hears of a failure; nobody has to.
        ended.catch(() => {});
        return { result: ended };
      },
      close: () => client.destroy(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#node.destroy();
    if (!this.#ros.isShutdown()) this.#ros.shutdown();
  }

  #qos({ reliability, durability, depth }: Qos): object {
    return new this.#ros.QoS(KEEP_LAST, depth, RELIABILITY[reliability], DURABILITY[durability]);
  }
}

/** Typed arrays as arrays of numbers, all the way down. */
function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
}
