/**
 * A rig for controller tests: the golden Panda with a tool site and a gripper axis, robot-file limits, and a loop with
 * an ideal guard (what is requested is commanded) around one controller. Every output is poisoned before each tick.
 */
import assert from 'node:assert/strict';
import { loadRobot } from '../../src/config.ts';
import { type Controller, StepCode } from '../../src/control/controller.ts';
import { createControllers } from '../../src/control/index.ts';
import type { KinematicModel } from '../../src/model/kinematics.ts';
import { buildKinematics, readTree } from '../../src/model/load.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { type TickLayout, tickLayout } from '../../src/robot/tick.ts';
import { HOME7, PANDA7, ROOT } from './panda.ts';

export const spec: RobotSpec = loadRobot(`${ROOT}robots/panda-sim.yaml`);
/** Flange 0.107 m, hand turned by -45 degrees, fingertips 0.1034 m further (franka_description). */
const site = {
  name: 'tool',
  body: 8,
  position: [0, 0, 0.2104],
  orientation: [0, 0, Math.sin(-Math.PI / 8), Math.cos(-Math.PI / 8)],
};
const tree = readTree(PANDA7);
export const model: KinematicModel = buildKinematics(
  { ...tree, sites: [site] },
  spec.axes.map((a, i) => ({ name: a.name, joints: i < 7 ? a.joints : [] })),
  'tool',
);
export const tick: TickLayout = tickLayout(spec);
export const HOME = Float64Array.from([...HOME7, 0.08]);
export const PERIOD = 1 / spec.loop.rateHz;

export class Bench {
  readonly block = new Float64Array(tick.layout.size);
  readonly memory: Float64Array;
  readonly controller: Controller;
  time = 100;
  /** Called with each tick's requested positions before they become the command: an imperfect guard. */
  guard: ((wantQ: Float64Array, cmdQ: Float64Array) => void) | null = null;

  constructor(id: number, memory?: Float64Array) {
    this.controller = createControllers(spec)[id]!;
    this.memory = memory ?? new Float64Array(this.controller.memorySize).fill(Number.NaN);
    this.controller.allocate({ spec, tick, model }, this.memory);
    this.view('out.q').set(HOME);
    this.view('in.q').set(HOME);
    this.set('in.op.time', 0);
  }

  view(name: string): Float64Array {
    return tick.layout.view(this.block, name);
  }
  get(name: string): number {
    return this.block[tick.layout.at(name)]!;
  }
  set(name: string, ...values: number[]): void {
    this.view(name).set(values);
  }

  /** Fresh operator input of one kind. */
  operate(kind: number, values: Record<string, number[]>): void {
    this.set('in.op.kind', kind);
    this.set('in.op.enable', 1);
    this.set('in.op.speed', 1);
    for (const [name, v] of Object.entries(values)) this.set(`in.op.${name}`, ...v);
  }

  reset(args: readonly number[] = []): StepCode {
    const block = new Float64Array(512).fill(Number.NaN);
    block.set(args);
    this.#inputs();
    return this.controller.reset(this.block, block, args.length);
  }

  #inputs(): void {
    this.set('in.time', this.time);
    this.set('in.dt', PERIOD);
    this.set('in.op.time', this.time);
  }

  /** One cycle. Requests, reasons and the rest are poisoned or zeroed first, as the cycle does. */
  step(): StepCode {
    this.#inputs();
    for (const name of ['q', 'qd', 'tau']) this.view(`out.requested.${name}`).fill(Number.NaN);
    this.view('out.reason').fill(0);
    this.set('out.reasonAll', 0);
    this.set('out.manipulability', Number.NaN);
    const code = this.controller.step(this.block);
    this.time += PERIOD;
    for (const name of ['q', 'qd', 'tau']) {
      assert.ok(
        this.view(`out.requested.${name}`).every(Number.isFinite),
        `requested.${name} at ${this.time}`,
      );
    }
    const cmd = this.view('out.q');
    const wanted = this.view('out.requested.q');
    this.guard?.(wanted, cmd);
    const qd = this.view('out.qd');
    const qdd = this.view('out.qdd');
    for (let i = 0; i < cmd.length; i++) {
      const v = (wanted[i]! - cmd[i]!) / PERIOD;
      qdd[i] = (v - qd[i]!) / PERIOD;
      qd[i] = v;
      cmd[i] = wanted[i]!;
    }
    return code;
  }

  /** Steps `n` times, calling `each` after every step. Returns the last code. */
  run(n: number, each?: (i: number) => void): StepCode {
    let code: StepCode = StepCode.ok;
    for (let i = 0; i < n; i++) {
      code = this.step();
      each?.(i);
    }
    return code;
  }

  /** Steps until the controller says done; fails after `limit` ticks. Returns the ticks. */
  finish(limit: number, each?: (i: number) => void): number {
    for (let i = 0; i < limit; i++) {
      const code = this.step();
      each?.(i);
      assert.notEqual(code, StepCode.fault, `fault at tick ${i}, reasons ${this.get('out.reasonAll')}`);
      if (code === StepCode.done) return i + 1;
    }
    return assert.fail(`not done after ${limit} ticks`);
  }

  /** Tool pose of the command. */
  tool(): Float64Array {
    const pose = new Float64Array(7);
    model.pose(this.view('out.q'), model.tool, pose);
    return pose;
  }
}
