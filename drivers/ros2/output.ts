/** The rig's own state for a ROS 2 graph: joint states of the model's joints, and the pose of the tool. */
import { JointMap } from '../../src/robot/joint-map.ts';
import { entryOptions } from '../../src/robot/options.ts';
import type { OutputContext, PublishedState, StateOutput } from '../../src/robot/output.ts';
import type { OpenGraph, Qos, RosGraph, RosPublisher } from './graph.ts';
import { jointState, poseStamped, seconds, type Time, timeOf } from './messages.ts';
import { ros2OutputOptions } from './options.ts';

const STATE_QOS: Qos = { reliability: 'reliable', durability: 'volatile', depth: 10 };

export class Ros2Output implements StateOutput {
  readonly #context: OutputContext;
  readonly #options;
  readonly #openGraph: OpenGraph;
  readonly #map: JointMap;
  /** q, qd and tau of the rig, one after the other, as the map reads them. */
  readonly #block: Float64Array;
  #graph: RosGraph | null = null;
  #joints: RosPublisher | null = null;
  #pose: RosPublisher | null = null;

  constructor(context: OutputContext, openGraph: OpenGraph) {
    this.#context = context;
    this.#options = entryOptions(ros2OutputOptions, context.robot, 'outputs', context.entry);
    this.#openGraph = openGraph;
    this.#map = new JointMap(context.robot);
    this.#block = new Float64Array(3 * context.robot.axes.length);
  }

  /** Rejects with ROS_MISSING, ROS_FAILED. */
  async open(): Promise<void> {
    const graph = await this.#openGraph();
    this.#graph = graph;
    const { joints, pose } = this.#options;
    if (joints !== '') this.#joints = graph.publisher(jointState.name, joints, STATE_QOS);
    if (pose !== '') this.#pose = graph.publisher(poseStamped.name, pose, STATE_QOS);
  }

  publish({ time, q, qd, tau, tool }: PublishedState): void {
    const graph = this.#graph;
    if (graph === null) return;
    const age = this.#context.now() - time;
    const stamp: Time = timeOf(Math.max(0, seconds(graph.now()) - age));
    const n = q.length;
    this.#block.set(q);
    this.#block.set(qd, n);
    this.#block.set(tau, 2 * n);
    this.#map.from(this.#block, 0, n, 2 * n);
    const { names, position, velocity, effort } = this.#map;
    this.#joints?.publish(
      jointState.encode({ header: { stamp, frame_id: '' }, name: names, position, velocity, effort }),
    );
    const [x, y, z, i, j, k, w] = tool as unknown as [number, number, number, number, number, number, number];
    this.#pose?.publish(
      poseStamped.encode({
        header: { stamp, frame_id: this.#options.frame },
        pose: { position: { x, y, z }, orientation: { x: i, y: j, z: k, w } },
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#joints?.close();
    this.#pose?.close();
    const graph = this.#graph;
    this.#graph = null;
    await graph?.[Symbol.asyncDispose]();
  }
}
