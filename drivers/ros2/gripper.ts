/**
 * A gripper behind an action: ParallelGripperCommand (parallel_gripper_controller) or GripperCommand (older controllers,
 * MoveIt). A goal goes out when the opening has changed by more than the resolution, or has come to rest elsewhere, so often
 * at most. One that closes on something ends as stalled, which is no fault.
 */
import type { Now } from '../../src/robot/device.ts';
import type { RosActionClient, RosGoal, RosGraph } from './graph.ts';
import type { RosJoint } from './joints.ts';
import {
  GRIPPER_COMMAND,
  gripperGoal,
  gripperResult,
  NO_HEADER,
  PARALLEL_GRIPPER,
  parallelGoal,
  parallelResult,
} from './messages.ts';
import type { GripperOptions } from './options.ts';
import type { Outlet, OutletEvents, Setpoint } from './outlet.ts';

/** Closer than this to the goal that is out, m, nothing more is sent. */
const SAME = 1e-5;
/** Slower than this, m/s, is at rest. */
const REST = 1e-4;

export class Gripper implements Outlet {
  readonly #joint: RosJoint;
  readonly #options: GripperOptions;
  readonly #now: Now;
  readonly #events: OutletEvents;
  readonly #client: RosActionClient;
  #goal = Number.NaN;
  #last = Number.NEGATIVE_INFINITY;
  #sent = 0;
  #closed = false;

  constructor(graph: RosGraph, joint: RosJoint, options: GripperOptions, now: Now, events: OutletEvents) {
    this.#joint = joint;
    this.#options = options;
    this.#now = now;
    this.#events = events;
    const parallel = options.action === 'parallel_gripper_command';
    this.#client = graph.actionClient(parallel ? PARALLEL_GRIPPER : GRIPPER_COMMAND, options.name);
  }

  missing(): string {
    return this.#client.ready() ? '' : `nobody serves ${this.#options.name}: is that controller active?`;
  }

  send({ q, qd, tick }: Setpoint): void {
    const { index } = this.#joint;
    const opening = q[index]!;
    const now = this.#now();
    if (now - this.#last < 1 / this.#options.rateHz) return;
    const way = Math.abs(opening - this.#goal);
    const settled = Math.abs(qd[index]!) < REST && way > SAME;
    if (way <= this.#options.resolution && !settled) return;
    this.#goal = opening;
    this.#last = now;
    void this.#follow(this.#client.send(this.#encode(opening)), ++this.#sent, tick);
  }

  /** The next command is a goal of its own, whatever it is. */
  rest(): void {
    this.#goal = Number.NaN;
  }

  close(): void {
    this.#closed = true;
    this.#client.close();
  }

  #encode(opening: number): Uint8Array {
    const { name, ratio } = this.#joint;
    const position = ratio * opening;
    const { action, maxEffort } = this.#options;
    if (action === 'gripper_command')
      return gripperGoal.encode({ command: { position, max_effort: maxEffort ?? 0 } });
    const effort = maxEffort === undefined ? [] : [maxEffort];
    const command = { header: NO_HEADER, name: [name], position: [position], velocity: [], effort };
    return parallelGoal.encode({ command });
  }

  async #follow(sending: Promise<RosGoal | null>, number: number, tick: number): Promise<void> {
    const { name } = this.#options;
    try {
      const goal = await sending;
      if (this.#closed) return;
      if (goal === null) {
        this.#events.fault(
          `${name} refused a goal: the controller is not active, or does not know the joint`,
        );
        return;
      }
      this.#events.accepted(tick);
      const { end, result } = await goal.result;
      if (end === 'succeeded' || this.#closed || number < this.#sent) return;
      const { stalled } = (
        this.#options.action === 'gripper_command' ? gripperResult : parallelResult
      ).decode(result);
      if (!stalled) this.#events.fault(`${name} ${end} before the gripper got there`);
    } catch (error) {
      if (!this.#closed) this.#events.fault(`${name} failed: ${(error as Error).message}`);
    }
  }
}
