/**
 * ROS 2 as the driver sees it: topics and action clients that carry CDR bytes. `rclnodejs.ts` is the one behind it; tests
 * play a robot behind it with the same bytes.
 */
import type { Time } from './messages.ts';

/** Quality of service: what is left out is ROS 2's own default (keep last 10, reliable, volatile). */
export interface Qos {
  readonly reliability: 'reliable' | 'bestEffort';
  readonly durability: 'volatile' | 'transientLocal';
  /** Messages kept for a reader that is slow. */
  readonly depth: number;
}

/** State and pictures: newest wins. A best-effort reader also takes what a reliable writer sends. */
export const SENSOR_QOS: Qos = { reliability: 'bestEffort', durability: 'volatile', depth: 5 };
/** Commands: the newest one alone counts, and it has to arrive. */
export const COMMAND_QOS: Qos = { reliability: 'reliable', durability: 'volatile', depth: 1 };

export interface RosPublisher {
  /** How many read it now. */
  readonly readers: number;
  /** `message` is CDR with its encapsulation header; it is read before this returns. */
  publish(message: Uint8Array): void;
  close(): void;
}

export interface RosSubscription {
  close(): void;
}

/** How a goal ended, as action_msgs/GoalStatus has it. */
export type GoalEnd = 'succeeded' | 'canceled' | 'aborted';

export interface RosResult {
  readonly end: GoalEnd;
  /** CDR of the action's Result. */
  readonly result: Uint8Array;
}

export interface RosGoal {
  /** Rejects when the connection is closed before. */
  readonly result: Promise<RosResult>;
}

export interface RosActionClient {
  /** True when a server of the action is there. */
  ready(): boolean;
  /** `goal` is CDR of the action's Goal. Resolves with null when the server refuses it. */
  send(goal: Uint8Array): Promise<RosGoal | null>;
  close(): void;
}

export interface RosGraph extends AsyncDisposable {
  /** The ROS clock now: the system's, or that of a simulation when the node uses simulated time. */
  now(): Time;
  /** `type` as in `sensor_msgs/msg/JointState`. */
  publisher(type: string, topic: string, qos: Qos): RosPublisher;
  /** Messages come on this thread, with CDR bytes that belong to whoever takes them. */
  subscribe(type: string, topic: string, qos: Qos, take: (message: Uint8Array) => void): RosSubscription;
  /** `type` as in `control_msgs/action/GripperCommand`. */
  actionClient(type: string, name: string): RosActionClient;
}

/** Joins the graph. Rejects with ROS_MISSING, ROS_FAILED. */
export type OpenGraph = () => Promise<RosGraph>;
