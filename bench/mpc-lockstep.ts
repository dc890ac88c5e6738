/** A planner that drives the simulated arm in lockstep, with pushes as torques on its joints. */
import { createLockstepDevice } from '../sim/index.ts';
import { createControllers } from '../src/control/index.ts';
import { LockstepRunner } from '../src/loop/lockstep.ts';
import { loadKinematics } from '../src/model/load.ts';
import type { LockstepDevice } from '../src/robot/device.ts';
import type { RobotSpec } from '../src/robot/spec.ts';
import {
  commandLayout,
  Mode,
  operatorLayout,
  RequestKind,
  requestLayout,
  tickRecordLayout,
} from '../src/robot/tick.ts';
import type { Driver } from '../src/session/driver.ts';
import { ForwardingDevice } from '../src/session/forwarding-device.ts';

/** Torque on each joint of the arm at time t, added to what is commanded. */
export type Push = (t: number, torque: Float64Array) => void;

class PushedDevice extends ForwardingDevice {
  readonly #push: Push;
  readonly #told: Float64Array;
  readonly #torque: Float64Array;
  readonly #tau: number;

  constructor(device: LockstepDevice, robot: RobotSpec, push: Push) {
    super(device);
    this.#push = push;
    const layout = commandLayout(robot.axes.length);
    this.#told = new Float64Array(layout.size);
    this.#torque = new Float64Array(robot.armAxes);
    this.#tau = layout.at('tau');
  }

  override write(command: Float64Array, time: number, sent: Float64Array): void {
    this.#told.set(command);
    this.#torque.fill(0);
    this.#push(time, this.#torque);
    for (let i = 0; i < this.#torque.length; i++) this.#told[this.#tau + i]! += this.#torque[i]!;
    this.device.write(this.#told, time, sent);
  }
}

export interface MpcRun {
  readonly spec: RobotSpec;
  /** What the driver takes the robot for; default: what it is. */
  readonly believed?: RobotSpec;
  readonly driver: Driver;
  readonly ticks: number;
  readonly seed?: number;
  readonly push?: Push;
  /** Called with each tick record (valid during the call) and the request that it took. */
  readonly tick: (record: Float64Array, request: Float64Array | null) => void;
  /** Ends it before `ticks`, asked after each one. */
  readonly until?: () => boolean;
  /** The cycle's memory before the first tick. */
  readonly memory?: (memory: Float64Array) => void;
}

export async function runMpc(run: MpcRun): Promise<void> {
  const { spec, believed = spec, driver, ticks, seed = 1, push = () => {}, tick, memory, until } = run;
  const device = await createLockstepDevice({ robot: spec, entry: spec.devices[0]!, seed });
  device.setEnabled('on');
  const layout = tickRecordLayout(spec);
  const operator = operatorLayout(spec.axes.length);
  const last = new Float64Array(layout.size);
  const mode = layout.at('out.mode');
  const bodies = device.scene?.bodies.map((b) => b.name) ?? [];
  const poses = new Float64Array(7 * bodies.length);
  device.poses(poses);
  const q = Float64Array.from(spec.axes, (a) => a.home);
  const look = (out: Float64Array): void => device.poses(out);
  await driver.begin({
    spec: believed,
    task: null as never,
    seed,
    time: 1,
    q,
    bodies,
    poses,
    look,
    rows: null as never,
  });
  const runner = new LockstepRunner({
    spec,
    model: loadKinematics(spec),
    controllers: createControllers(spec),
    devices: [new PushedDevice(device, spec, push)],
    producers: driver.producers,
    operator: (n, time, out) => {
      out[operator.at('seq')] = n + 1;
      out[operator.at('lease')] = 1;
      out[operator.at('time')] = time;
    },
    request: (n, _time, out) => {
      out.fill(0);
      out[requestLayout.at('lease')] = 1;
      if (last[mode] === Mode.connected) {
        out[requestLayout.at('kind')] = RequestKind.arm;
        return true;
      }
      return last[mode]! >= Mode.holding && last[mode]! <= Mode.active && driver.request(n, last, out);
    },
  });
  memory?.(runner.cycle.memory);
  try {
    for (let n = 0; n < ticks && until?.() !== true; n++) {
      await runner.run(1, (record, request) => {
        last.set(record);
        tick(record, request);
      });
    }
  } finally {
    device.dispose();
  }
}
