/**
 * Every stop path by its effect on the simulated arm: from the tick that shows the cause, how long and how far the
 * measured joints go on. The command rests after v / A + A / J (42 ms at these speeds, 12 mrad on); the servo's lag
 * adds to that until the joints move slower than REST.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLockstepDevice } from '../../sim/index.ts';
import { StepCode } from '../../src/control/controller.ts';
import type { LockstepDevice } from '../../src/robot/device.ts';
import { DeviceStatus, deviceStateLayout, Mode, Reason } from '../../src/robot/tick.ts';
import { Bench, panda, ScriptController } from '../support/loop-rig.ts';

const { spec } = panda();
const SPEEDS = [0.6, 0.3, -0.4, 0.3, 0.5, 0.4, 0.7, 0];
/** rad/s: slower counts as at rest. */
const REST = 0.02;
const TIME_BOUND = 0.06;
const WAY_BOUND = 0.015;

interface Path {
  readonly name: string;
  readonly cause: (bench: Bench, sim: Sim) => Promise<unknown> | undefined;
  /** Time until the cause is seen, s: the limits of the robot file. */
  readonly notice: number;
  readonly fault: number;
  readonly ends: Mode;
}

/** The simulated device with wires that a test can cut. */
class Sim {
  readonly device: LockstepDevice;
  status = ~0;
  frozen: number | null = null;
  constructor(device: LockstepDevice) {
    const layout = deviceStateLayout(device.spec.axes.length);
    const read = device.read.bind(device);
    device.read = (time, out) => {
      read(time, out);
      out[layout.at('status')] = out[layout.at('status')]! & this.status;
      if (this.frozen !== null) out[layout.at('time')] = this.frozen;
    };
    this.device = device;
  }
}

const paths: readonly Path[] = [
  {
    name: 'hold request',
    cause: (b) => b.ask({ kind: 'hold' }),
    notice: 0.002,
    fault: 0,
    ends: Mode.holding,
  },
  {
    name: 'e-stop',
    cause: (b) => b.ask({ kind: 'estop' }),
    notice: 0.002,
    fault: Reason.estop,
    ends: Mode.stopped,
  },
  {
    name: 'lost operator',
    cause: (b) => {
      b.lease = 0;
      return undefined;
    },
    notice: spec.limits.deadmanMs / 1000 + 0.002,
    fault: 0,
    ends: Mode.holding,
  },
  {
    name: 'stale state',
    cause: (b, sim) => {
      sim.frozen = b.get('in.time');
      return undefined;
    },
    notice: spec.limits.stateAgeMs / 1000 + 0.002,
    fault: Reason.staleState,
    ends: Mode.stopped,
  },
  {
    name: 'device lost',
    cause: (_, sim) => {
      sim.status = ~DeviceStatus.online;
      return undefined;
    },
    notice: 0.002,
    fault: Reason.deviceLost,
    ends: Mode.stopped,
  },
  {
    name: 'NaN in the request',
    cause: (b) => {
      b.script.script = (tick) => {
        tick[b.layout.at('out.requested.q') + 3] = Number.NaN;
        return StepCode.ok;
      };
      return undefined;
    },
    notice: 0.002,
    fault: Reason.notFinite,
    ends: Mode.stopped,
  },
  {
    name: 'controller throws',
    cause: (b) => {
      b.script.script = () => {
        throw new Error('broken');
      };
      return undefined;
    },
    notice: 0.002,
    fault: Reason.controllerFault,
    ends: Mode.stopped,
  },
];

for (const path of paths) {
  test(`the simulated arm comes to rest in time and way: ${path.name}`, async () => {
    const sim = new Sim(await createLockstepDevice({ robot: spec, entry: spec.devices[0]!, seed: 1 }));
    try {
      sim.device.setEnabled('on');
      const bench = new Bench({ devices: [sim.device] });
      await bench.drive(ScriptController.speeds(SPEEDS), 450);
      const fast = Math.max(...bench.view('in.qd').subarray(0, 7).map(Math.abs));
      assert.ok(fast > 0.6, `the arm was to move, not at ${fast} rad/s`);
      const start = bench.get('in.time');
      await path.cause(bench, sim);
      while (bench.get('out.mode') === Mode.active) await bench.run(1);
      const noticed = bench.get('in.time') - start;
      assert.ok(noticed <= path.notice, `noticed after ${noticed} s, bound ${path.notice}`);
      const from = bench.view('in.q').slice(0, 7);
      const seen = bench.get('in.time');
      let rest = seen;
      await bench.run(1500, (b) => {
        if (
          b
            .view('in.qd')
            .subarray(0, 7)
            .some((v) => Math.abs(v) > REST)
        )
          rest = b.get('in.time');
      });
      const way = Math.max(
        ...bench
          .view('in.q')
          .subarray(0, 7)
          .map((q, i) => Math.abs(q - from[i]!)),
      );
      assert.ok(rest - seen <= TIME_BOUND, `at rest after ${rest - seen} s, bound ${TIME_BOUND}`);
      assert.ok(way <= WAY_BOUND, `${way} rad to rest, bound ${WAY_BOUND}`);
      assert.equal(bench.get('out.mode'), path.ends);
      assert.equal(bench.get('out.fault'), path.fault);
    } finally {
      sim.device.dispose();
    }
  });
}
