import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepCode } from '../../src/control/controller.ts';
import { CommandMode, ControllerId, Mode, Reason, Source } from '../../src/robot/tick.ts';
import { Bench, panda, ScriptController } from '../support/loop-rig.ts';

const SPEEDS = [0.6, -0.4, 0.5, 0.3, -0.5, 0.4, 0.7, -0.02];
/** Longest stop of the panda's axes from those speeds: v / A + A / J, in ticks, and two to notice. */
const STOP_TICKS = 1000 * (0.6 / 7.5 + 0.004) + 2;
/** Largest way of one axis while it stops, rad. */
const STOP_WAY = 0.6 * 0.6 * 0.5 * (1 / 7.5) + 0.6 * 0.004;

async function moving(bench: Bench): Promise<Float64Array> {
  await bench.drive(ScriptController.speeds(SPEEDS), 500);
  assert.equal(bench.mode, 'active');
  assert.ok(Math.abs(bench.get('out.qd') - 0.6) < 1e-6, 'the arm was to move');
  return bench.view('out.q').slice();
}

function assertStopped(bench: Bench, from: Float64Array, ticks: number): void {
  assert.ok(ticks <= STOP_TICKS, `${ticks} ticks to rest, bound ${STOP_TICKS}`);
  const way = Math.max(...bench.view('out.q').map((q, i) => Math.abs(q - from[i]!)));
  assert.ok(way <= STOP_WAY, `${way} rad to rest, bound ${STOP_WAY}`);
  assert.ok(bench.view('out.qd').every((v) => v === 0));
}

test('off → connected → holding → active → holding → off', async () => {
  const bench = new Bench();
  bench.device.online = false;
  await bench.run(2);
  assert.equal(bench.mode, 'off');
  assert.equal(await bench.ask({ kind: 'arm' }), false, 'nothing to hold yet');
  bench.device.online = true;
  await bench.run(1);
  assert.equal(bench.mode, 'connected');
  assert.equal(bench.get('out.commandMode'), CommandMode.idle);
  assert.equal(bench.device.commands, 0);
  assert.ok(await bench.ask({ kind: 'arm' }));
  assert.equal(bench.mode, 'holding');
  assert.equal(bench.device.commands, 1);
  assert.deepEqual([...bench.view('out.q')], [...bench.view('in.q')]);
  assert.ok(await bench.ask({ kind: 'activate' }));
  assert.equal(bench.mode, 'active');
  assert.equal(bench.get('out.source'), Source.human);
  assert.equal(bench.get('out.controller'), ControllerId.twist);
  assert.ok(await bench.ask({ kind: 'hold' }));
  await bench.until('holding');
  assert.equal(bench.get('out.source'), Source.none);
  assert.equal(bench.get('out.controller'), ControllerId.hold);
  assert.ok(await bench.ask({ kind: 'disarm' }));
  await bench.run(1);
  assert.equal(bench.mode, 'connected');
  const sent = bench.device.commands;
  await bench.run(5);
  assert.equal(bench.device.commands, sent, 'nothing is sent when disarmed');
});

test('stop path: hold request, not latched, resumed by the same lease', async () => {
  const bench = new Bench();
  const from = await moving(bench);
  assert.ok(await bench.ask({ kind: 'hold', lease: 0 }));
  assert.equal(bench.get('out.reasonAll') & Reason.requested, Reason.requested);
  assertStopped(bench, from, 1 + (await bench.until('holding')));
  assert.ok(await bench.ask({ kind: 'activate' }));
});

test('stop path: e-stop, latched until cleared', async () => {
  const bench = new Bench();
  const from = await moving(bench);
  assert.ok(await bench.ask({ kind: 'estop', lease: 0 }));
  assert.equal(bench.mode, 'stopping');
  assertStopped(bench, from, 1 + (await bench.until('stopped')));
  assert.equal(bench.get('out.fault'), Reason.estop);
  assert.equal(await bench.ask({ kind: 'activate' }), false);
  await bench.run(100);
  assert.equal(bench.mode, 'stopped');
  assert.ok(await bench.ask({ kind: 'clear' }));
  assert.equal(bench.mode, 'holding');
  assert.equal(bench.get('out.fault'), 0);
});

test('e-stop latches in every mode, also before arming', async () => {
  const bench = new Bench();
  await bench.run(2);
  assert.ok(await bench.ask({ kind: 'estop' }));
  assert.equal(bench.mode, 'stopped');
  assert.equal(bench.device.commands, 0);
  assert.equal(await bench.ask({ kind: 'arm' }), false);
  assert.ok(await bench.ask({ kind: 'clear' }));
  assert.equal(bench.mode, 'connected');
  assert.ok(await bench.ask({ kind: 'arm' }));
  assert.ok(await bench.ask({ kind: 'estop' }));
  assert.equal(bench.mode, 'stopped');
});

test('stop path: lost operator, within the deadman time; the lost lease does not drive again', async () => {
  const bench = new Bench();
  await moving(bench);
  bench.lease = 0;
  let heard = 0;
  while (bench.mode === 'active') {
    heard++;
    await bench.run(1);
  }
  assert.ok(heard <= 502 && heard >= 499, `noticed after ${heard} ticks`);
  assert.equal(bench.get('out.reasonAll') & Reason.deadman, Reason.deadman);
  const at = bench.view('out.q').slice();
  assertStopped(bench, at, await bench.until('holding'));
  assert.equal(bench.get('out.fault'), 0);
  bench.lease = 1;
  await bench.run(2);
  assert.equal(await bench.ask({ kind: 'activate' }), false, 'the lost lease');
  bench.lease = 2;
  await bench.run(2);
  bench.device.q[1]! += 0.2;
  const shove = bench.spec.limits.resumeDistance;
  assert.ok(shove < 0.2);
  bench.device.advance = () => undefined;
  assert.equal(await bench.ask({ kind: 'activate' }), false, 'not where it was held');
  assert.equal(bench.get('out.reasonAll') & Reason.poseMismatch, Reason.poseMismatch);
  bench.device.q[1]! -= 0.2;
  assert.ok(await bench.ask({ kind: 'activate' }), 'a fresh lease and the pose matches');
});

test('activation needs the operator who asks to be heard', async () => {
  const bench = new Bench();
  await bench.run(2);
  await bench.ask({ kind: 'arm' });
  assert.equal(await bench.ask({ kind: 'activate', lease: 7 }), false);
  assert.equal(bench.get('out.reasonAll') & Reason.deadman, Reason.deadman);
  assert.equal(await bench.ask({ kind: 'activate', lease: 0 }), false);
  bench.lease = 0;
  await bench.run(600);
  assert.equal(await bench.ask({ kind: 'activate', lease: 1 }), false);
});

test('stop path: stale state, latched; cleared once it is fresh again', async () => {
  const bench = new Bench();
  await moving(bench);
  bench.device.frozen = bench.get('in.time');
  let ticks = 0;
  let from = bench.view('out.q').slice();
  while (bench.mode === 'active') {
    from = bench.view('out.q').slice();
    await bench.run(1);
    ticks++;
  }
  assert.ok(ticks <= bench.spec.limits.stateAgeMs + 2, `noticed after ${ticks} ticks`);
  assertStopped(bench, from, 1 + (await bench.until('stopped')));
  assert.equal(bench.get('out.fault'), Reason.staleState);
  assert.equal(await bench.ask({ kind: 'clear' }), false);
  bench.device.frozen = null;
  assert.ok(await bench.ask({ kind: 'clear' }));
});

test('a resting arm bears a short silence of its device, and not a long one', async () => {
  const bench = new Bench();
  await bench.run(2);
  await bench.ask({ kind: 'arm' });
  bench.device.frozen = bench.get('in.time');
  await bench.run(900);
  assert.equal(bench.mode, 'holding');
  assert.equal(bench.get('out.reasonAll') & Reason.staleState, Reason.staleState);
  await bench.run(300);
  assert.equal(bench.mode, 'stopped');
});

for (const [what, broken, fault] of [
  ['a NaN in the request', Number.NaN, Reason.notFinite],
  ['an infinite request', Number.POSITIVE_INFINITY, Reason.notFinite],
] as const) {
  test(`stop path: ${what}, latched, and never sent`, async () => {
    const bench = new Bench();
    const from = await moving(bench);
    bench.script.script = (tick, self) => {
      ScriptController.speeds(SPEEDS)(tick, self);
      tick[bench.layout.at('out.requested.tau') + 2] = broken;
      tick[bench.layout.at('out.requested.q') + 2] = broken;
      return StepCode.ok;
    };
    await bench.run(1);
    assert.equal(bench.mode, 'stopping');
    const finite = (b: Bench): void => {
      for (const name of ['out.q', 'out.qd', 'out.qdd', 'out.tau']) {
        assert.ok(b.view(name).every(Number.isFinite), name);
      }
    };
    finite(bench);
    let ticks = 1;
    while (bench.get('out.mode') !== Mode.stopped) {
      await bench.run(1, finite);
      ticks++;
    }
    assertStopped(bench, from, ticks);
    assert.equal(bench.get('out.fault'), fault);
  });
}

test('stop path: a controller that throws, latched, its error kept', async () => {
  const bench = new Bench();
  const from = await moving(bench);
  bench.script.script = () => {
    throw new Error('index out of range');
  };
  await bench.run(1);
  assertStopped(bench, from, 1 + (await bench.until('stopped')));
  assert.equal(bench.get('out.fault'), Reason.controllerFault);
  assert.match(String(bench.runner.cycle.lastError), /index out of range/);
});

test('stop path: a controller that answers fault; one whose reset throws or refuses', async () => {
  const bench = new Bench();
  const from = await moving(bench);
  bench.script.script = () => StepCode.fault;
  await bench.run(1);
  assertStopped(bench, from, 1 + (await bench.until('stopped')));
  assert.equal(bench.get('out.fault'), Reason.controllerFault);
  await bench.ask({ kind: 'clear' });
  bench.script.onReset = () => StepCode.fault;
  assert.equal(await bench.ask({ kind: 'activate' }), false);
  assert.equal(bench.mode, 'holding');
  bench.script.onReset = () => {
    throw new Error('no');
  };
  assert.equal(await bench.ask({ kind: 'activate' }), false);
  assert.equal(bench.mode, 'stopped');
});

for (const [what, cut, fault] of [
  [
    'device lost',
    (b: Bench) => {
      b.device.online = false;
    },
    Reason.deviceLost,
  ],
  [
    'device at fault',
    (b: Bench) => {
      b.device.fault = true;
    },
    Reason.deviceFault,
  ],
  [
    'torque off under way',
    (b: Bench) => {
      b.device.enabled = false;
    },
    Reason.deviceFault,
  ],
  [
    'NaN in the measured state',
    (b: Bench) => {
      b.device.read = ((read) => (time: number, out: Float64Array) => {
        read(time, out);
        out[6] = Number.NaN;
      })(b.device.read.bind(b.device));
    },
    Reason.notFinite,
  ],
] as const) {
  test(`stop path: ${what}, latched`, async () => {
    const bench = new Bench();
    const from = await moving(bench);
    cut(bench);
    await bench.run(1);
    assert.equal(bench.mode, 'stopping');
    assertStopped(bench, from, 1 + (await bench.until('stopped')));
    assert.equal(bench.get('out.fault') & fault, fault);
    assert.ok(bench.view('out.q').every(Number.isFinite));
  });
}

test('stop path: missed periods, latched when they last too long, borne when they are few', async () => {
  const { spec } = panda();
  const few = new Bench({ jitter: { seed: 3, lateS: 0.0005, chance: 0.05, missed: 10 } });
  await moving(few);
  await few.run(500);
  assert.equal(few.mode, 'active');
  const many = new Bench({ jitter: { seed: 3, lateS: 0.0005, chance: 0.002, missed: 250 } });
  many.script.script = ScriptController.speeds(SPEEDS);
  let tripped = false;
  await many.run(2);
  await many.ask({ kind: 'arm' });
  await many.ask({ kind: 'activate' });
  for (let i = 0; i < 4000 && !tripped; i++) {
    await many.run(1);
    tripped = many.mode === 'stopping';
  }
  assert.ok(tripped);
  assert.ok(many.get('in.missed') >= spec.limits.missedMs);
  assert.equal(many.get('out.fault'), Reason.missedPeriods);
  assertStopped(many, many.view('out.q').slice(), await many.until('stopped'));
});

test('torque mode is refused outside simulation', async () => {
  const { spec } = panda();
  const torque: ScriptController['script'] = (tick, self) => {
    tick[self.context.tick.layout.at('out.commandMode')] = CommandMode.torque;
    return StepCode.ok;
  };
  const real = new Bench({ spec: { ...spec, sim: null } });
  await real.drive(torque, 5);
  await real.until('stopped');
  assert.equal(real.get('out.fault'), Reason.controllerFault | Reason.torque);
  const simulated = new Bench();
  await simulated.drive(torque, 5);
  assert.equal(simulated.mode, 'active');
  assert.equal(simulated.get('out.commandMode'), CommandMode.torque);
});

test('without the deadman held, controllers see no motion input, and the record still shows it', async () => {
  const bench = new Bench();
  const seen: number[] = [];
  const at = panda().spec.axes.length;
  bench.script.script = (tick, self) => {
    const { layout } = self.context.tick;
    seen.push(tick[layout.at('in.op.twist') + 1]!, tick[layout.at('in.op.gripper')]!);
    return ScriptController.speeds(new Array(at).fill(0))(tick, self);
  };
  await bench.drive(bench.script.script, 1);
  seen.length = 0;
  bench.enable = 0;
  bench.motion = 0.7;
  await bench.run(1);
  assert.deepEqual(seen, [0, 0]);
  assert.equal(bench.get('in.op.twist', 1), 0.7);
  assert.equal(bench.mode, 'active');
  bench.enable = 1;
  await bench.run(1);
  assert.deepEqual(seen.slice(2), [0.7, 0.7]);
});

test('a finished controller comes to rest and gives the slot back', async () => {
  const bench = new Bench();
  await moving(bench);
  bench.script.script = (tick, self) => {
    ScriptController.speeds(new Array(8).fill(0))(tick, self);
    return StepCode.done;
  };
  await bench.run(1);
  await bench.until('holding');
  assert.equal(bench.get('out.done'), 1);
  assert.equal(bench.get('out.fault'), 0);
  bench.script.script = ScriptController.speeds(SPEEDS);
  assert.ok(await bench.ask({ kind: 'activate' }));
  assert.equal(bench.get('out.done'), 0);
});

test('a new scene: the command begins anew at the measured pose, whoever drove', async () => {
  const bench = new Bench();
  await moving(bench);
  bench.device.reset(5);
  await bench.run(1);
  assert.equal(bench.mode, 'holding');
  assert.equal(bench.get('out.fault'), 0);
  assert.deepEqual([...bench.view('out.q')], [...bench.view('in.q')]);
  // The reset controller, which asked for it, goes on until it is done.
  bench.resetter.script = ScriptController.speeds(new Array(8).fill(0));
  assert.ok(await bench.ask({ kind: 'activate', controller: ControllerId.reset }));
  bench.device.reset(6);
  await bench.run(1);
  assert.equal(bench.mode, 'active');
  assert.deepEqual([...bench.view('out.q')], [...bench.view('in.q')]);
});

test('without torque the held command follows the arm, so that torque does not come with a jump', async () => {
  const bench = new Bench();
  bench.device.enabled = false;
  await bench.run(2);
  await bench.ask({ kind: 'arm' });
  bench.device.q[3]! += 0.5;
  await bench.run(2);
  assert.equal(bench.get('out.q', 3), bench.get('in.q', 3));
  assert.equal(await bench.ask({ kind: 'activate' }), false);
});

test('memory is the whole state: restored, the same inputs give the same bits', async () => {
  const bench = new Bench();
  await moving(bench);
  const memory = bench.runner.cycle.memory.slice();
  const device = bench.device.snapshot();
  const records: Float64Array[] = [];
  await bench.run(300, (b) => records.push(b.last.slice()));
  const layout = bench.layout;
  bench.runner.cycle.memory.set(memory);
  bench.device.restore(device);
  for (const record of records) {
    const again = record.slice();
    again.fill(1e300, bench.runner.cycle.tick.inputSize);
    bench.runner.cycle.step(again, null);
    for (let i = 0; i < bench.runner.cycle.tick.layout.size; i++) {
      assert.ok(
        Object.is(again[i], record[i]),
        `${layout.fields.find((f) => i >= f.offset && i < f.offset + f.length)!.name}`,
      );
    }
  }
});
