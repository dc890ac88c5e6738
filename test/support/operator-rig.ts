/** A rig in lockstep, with every real controller, that a test drives as an operator does: leases, input, requests. */
import assert from 'node:assert/strict';
import { createControllers } from '../../src/control/index.ts';
import { LockstepRunner } from '../../src/loop/lockstep.ts';
import { quatAngle } from '../../src/math/quat.ts';
import { distance3 } from '../../src/math/vec.ts';
import { loadKinematics } from '../../src/model/load.ts';
import type { LockstepDevice } from '../../src/robot/device.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import {
  OperatorKind,
  operatorLayout,
  RequestKind,
  requestLayout,
  Source,
  tickRecordLayout,
} from '../../src/robot/tick.ts';

export interface Jitter {
  readonly seed: number;
  readonly lateS: number;
  readonly chance: number;
  readonly missed: number;
}

export class OperatorRig {
  readonly layout;
  readonly runner: LockstepRunner;
  /** The last tick record. */
  readonly record: Float64Array;
  /** Commands of every tick since `recording` was set. */
  readonly rows: { q: Float64Array; qd: Float64Array }[] = [];
  recording = false;
  #request: { kind: number; controller: number; args: readonly number[] } | null = null;
  readonly #input = new Map<string, readonly number[]>();

  readonly device: LockstepDevice;

  private constructor(robot: RobotSpec, device: LockstepDevice, jitter: Jitter | null) {
    const op = operatorLayout(robot.axes.length);
    this.device = device;
    this.layout = tickRecordLayout(robot);
    this.record = new Float64Array(this.layout.size);
    this.runner = new LockstepRunner({
      spec: robot,
      model: loadKinematics(robot),
      controllers: createControllers(robot),
      devices: [device],
      ...(jitter === null ? {} : { jitter }),
      operator: (tick, time, out) => {
        out.fill(0);
        out[op.at('seq')] = tick + 1;
        out[op.at('lease')] = 1;
        out[op.at('time')] = time;
        out[op.at('speed')] = 1;
        for (const [name, values] of this.#input) op.view(out, name).set(values);
      },
      request: (_tick, _time, out) => {
        if (this.#request === null) return false;
        const { kind, controller, args } = this.#request;
        out.fill(0);
        out[requestLayout.at('kind')] = kind;
        out[requestLayout.at('controller')] = controller;
        out[requestLayout.at('source')] = Source.human;
        out[requestLayout.at('lease')] = 1;
        out[requestLayout.at('count')] = args.length;
        out.set(args, requestLayout.at('args'));
        this.#request = null;
        return true;
      },
    });
  }

  /** Armed and holding. */
  static async over(
    robot: RobotSpec,
    device: LockstepDevice,
    jitter: Jitter | null = null,
  ): Promise<OperatorRig> {
    device.setEnabled('on');
    const rig = new OperatorRig(robot, device, jitter);
    await rig.run(5);
    await rig.ask(RequestKind.arm, 0);
    return rig;
  }

  get(name: string, i = 0): number {
    return this.record[this.layout.at(name) + i]!;
  }
  view(name: string): Float64Array {
    return this.layout.view(this.record, name);
  }

  async run(ticks: number, until?: () => boolean): Promise<boolean> {
    for (let i = 0; i < ticks; i++) {
      await this.runner.run(1, (record) => {
        this.record.set(record);
      });
      assert.equal(this.get('out.fault'), 0, `tick ${this.get('in.tick')}: fault ${this.get('out.fault')}`);
      if (this.recording) {
        this.rows.push({ q: this.view('out.q').slice(), qd: this.view('out.qd').slice() });
      }
      if (until?.() === true) return true;
    }
    return until === undefined;
  }

  async ask(kind: number, controller: number, args: readonly number[] = []): Promise<void> {
    this.#request = { kind, controller, args };
    await this.run(1);
    assert.ok(this.get('out.request.accepted') > 0, `refused: ${this.get('out.reasonAll')}`);
  }

  operate(input: Record<string, readonly number[]>): void {
    this.#input.clear();
    for (const [name, values] of Object.entries(input)) this.#input.set(name, values);
  }

  /** World pose of a body. */
  body(name: string): Float64Array {
    const bodies = this.device.scene!.bodies;
    const poses = new Float64Array(7 * bodies.length);
    this.device.poses(poses);
    const i = bodies.findIndex((b) => b.name === name);
    assert.ok(i >= 0);
    return poses.slice(7 * i, 7 * i + 7);
  }

  /** Drives the tool to a pose with the pose controller's operator input; fails when it is not there in time. */
  async moveTo(target: Float64Array, what: string): Promise<void> {
    this.operate({ kind: [OperatorKind.pose], enable: [1], pose: [...target] });
    const there = await this.run(6000, () => {
      const tool = this.view('out.tool');
      return distance3(tool, 0, target, 0) < 2e-3 && quatAngle(tool, 3, target, 3) < 0.01;
    });
    assert.ok(there, `${what}: ${distance3(this.view('out.tool'), 0, target, 0)} m short`);
  }
}
