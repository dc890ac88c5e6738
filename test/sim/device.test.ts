import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLockstepDevice } from '../../sim/index.ts';
import { CommandMode, DeviceStatus } from '../../src/robot/tick.ts';
import { SimRig, simRobot } from '../support/sim-rig.ts';

const ARM = [0, 1, 2, 3, 4, 5, 6] as const;
/** Away from home and from every limit. */
const POSE = [0.4, -0.5, -0.3, -1.9, 0.4, 1.9, 0.3] as const;

/** A quintic move of the arm to POSE in `seconds`, with feed-forward rate; returns the largest tracking error, rad. */
function moveTo(rig: SimRig, goal: readonly number[], seconds: number): number {
  const q = rig.of('q');
  const qd = rig.of('qd');
  const start = Float64Array.from(q);
  const ticks = Math.round(seconds / rig.period);
  let worst = 0;
  for (let k = 1; k <= ticks; k++) {
    const s = k / ticks;
    const blend = s ** 3 * (10 + s * (6 * s - 15));
    const rate = (30 * s * s * (1 + s * (s - 2))) / seconds;
    for (const i of ARM) {
      q[i] = start[i]! + (goal[i]! - start[i]!) * blend;
      qd[i] = (goal[i]! - start[i]!) * rate;
    }
    rig.step();
    for (const i of ARM) worst = Math.max(worst, Math.abs(rig.measured('q')[i]! - q[i]!));
  }
  qd.fill(0);
  return worst;
}

test('position: no sag anywhere, small lag on the way', async () => {
  const rig = await SimRig.open('reach');
  const lag = moveTo(rig, POSE, 1.5);
  assert.ok(lag < 0.01, `lag ${lag} rad`);
  rig.run(1);
  for (const i of ARM) {
    const error = Math.abs(rig.measured('q')[i]! - POSE[i]!);
    assert.ok(error < 1e-5, `axis ${i} stands off by ${error} rad`);
  }
  rig.close();
});

test('position: without the feed-forward rate the lag is larger', async () => {
  const rig = await SimRig.open('reach');
  const q = rig.of('q');
  const lag = (feed: number): number => {
    let worst = 0;
    for (let k = 0; k < 1200; k++) {
      q[0]! += 0.5 * rig.period;
      rig.of('qd')[0] = feed;
      rig.step();
      if (k > 1000) worst = Math.max(worst, Math.abs(rig.measured('q')[0]! - q[0]!));
    }
    return worst;
  };
  const without = lag(0);
  const using = lag(0.5);
  assert.ok(using < 5e-4 && without > 10 * using, `lag ${using} rad with, ${without} rad without`);
  rig.close();
});

test('gripper: follows the opening in metres and both fingers share it', async () => {
  const rig = await SimRig.open('reach');
  for (const opening of [0.02, 0.08, 0]) {
    rig.of('q')[7] = opening;
    rig.run(0.6);
    assert.ok(Math.abs(rig.measured('q')[7]! - opening) < 1e-4, `opening ${rig.measured('q')[7]}`);
    const left = rig.body('left_finger');
    const right = rig.body('right_finger');
    const gap = Math.hypot(left[0]! - right[0]!, left[1]! - right[1]!, left[2]! - right[2]!);
    assert.ok(Math.abs(gap - opening) < 1e-4, `fingers stand ${gap} apart`);
  }
  rig.close();
});

test('velocity: moves at the commanded rate and holds still at zero', async () => {
  const rig = await SimRig.open('reach');
  rig.set('mode', CommandMode.velocity);
  rig.of('qd')[0] = 0.4;
  rig.of('qd')[3] = -0.2;
  rig.run(0.5);
  const q0 = rig.measured('q').slice();
  rig.run(0.5);
  assert.ok(Math.abs(rig.measured('q')[0]! - q0[0]! - 0.2) < 1e-3);
  assert.ok(Math.abs(rig.measured('q')[3]! - q0[3]! + 0.1) < 1e-3);
  rig.of('qd').fill(0);
  rig.run(2);
  const still = rig.measured('q').slice();
  rig.run(0.5);
  for (const i of ARM) assert.ok(Math.abs(rig.measured('q')[i]! - still[i]!) < 1e-6, `axis ${i} drifts`);
  rig.close();
});

test('torque: zero torque floats against gravity, a torque accelerates by the mass matrix', async () => {
  const rig = await SimRig.open('reach');
  rig.set('mode', CommandMode.torque);
  const before = rig.measured('q').slice();
  rig.run(1);
  for (const i of ARM) assert.ok(Math.abs(rig.measured('q')[i]! - before[i]!) < 1e-3, `axis ${i} falls`);
  // Joint 7 alone: its inertia with armature is about 0.107 with the hand; 0.5 N·m for 20 ms gives about 0.09 rad/s.
  rig.of('tau')[6] = 0.5;
  rig.run(0.02);
  const rate = rig.measured('qd')[6]!;
  assert.ok(rate > 0.06 && rate < 0.12, `joint 7 turns at ${rate} rad/s`);
  rig.close();
});

test('sent is what is applied: clamped to the actuators, gravity left out, not-finite values refused', async () => {
  const rig = await SimRig.open('reach');
  const sent = (f: string): Float64Array => rig.sentLayout.view(rig.sent, f);
  rig.of('q')[5] = 9;
  rig.of('qd')[0] = 50;
  rig.of('tau')[6] = -100;
  rig.of('q')[1] = Number.NaN;
  rig.step();
  assert.equal(sent('q')[5], rig.robot.axes[5]!.max);
  assert.equal(sent('qd')[0], rig.robot.axes[0]!.velocity);
  assert.equal(sent('tau')[6], -rig.robot.axes[6]!.effort);
  assert.ok(Math.abs(sent('q')[1]! - rig.robot.axes[1]!.home) < 1e-6);
  assert.equal(sent('tick')[0], rig.tick);
  assert.equal(sent('mode')[0], CommandMode.position);
  for (const v of rig.measured('q')) assert.ok(Number.isFinite(v));
  rig.close();
});

test('enable and disable do not jump, and without enabling no command moves it', async () => {
  const rig = await SimRig.open('reach');
  moveTo(rig, POSE, 1.5);
  rig.run(0.5);
  const stay = (what: string): void => {
    const here = rig.measured('q').slice();
    for (let k = 0; k < 300; k++) {
      rig.step();
      for (const i of ARM) {
        const moved = Math.abs(rig.measured('q')[i]! - here[i]!);
        assert.ok(moved < 1e-4, `${what}: axis ${i} moved ${moved} rad at tick ${k}`);
      }
    }
  };
  rig.device.setEnabled('off');
  rig.of('q').fill(0);
  stay('disabled, commanded elsewhere');
  assert.equal(rig.value('status') & DeviceStatus.enabled, 0);
  rig.of('q').set(rig.measured('q'));
  rig.device.setEnabled('on');
  stay('enabled, commanded here');
  assert.equal(rig.value('status') & DeviceStatus.enabled, DeviceStatus.enabled);
  rig.close();
});

test('watchdog: no new tick for watchdogMs, then it comes to rest by itself; a new command frees it', async () => {
  for (const mode of [CommandMode.position, CommandMode.velocity, CommandMode.torque]) {
    const rig = await SimRig.open('reach');
    const limit = rig.robot.limits.watchdogMs / 1000;
    rig.set('mode', mode);
    for (let k = 0; k < 300; k++) {
      rig.of('q')[0]! += rig.period;
      rig.of('qd')[0] = 1;
      rig.of('tau')[0] = 4;
      rig.step();
    }
    const rate = rig.measured('qd')[0]!;
    assert.ok(rate > 0.2, `mode ${mode}: only ${rate} rad/s`);
    const at = rig.measured('q')[0]!;
    let silent = 0;
    while ((rig.value('status') & DeviceStatus.watchdog) === 0) {
      // The same tick again is no sign of life.
      if (mode === CommandMode.velocity) rig.device.write(rig.command, rig.time, rig.sent);
      rig.advance();
      silent += rig.period;
      assert.ok(silent < limit + 3 * rig.period, `mode ${mode}: no watchdog after ${silent} s`);
    }
    assert.ok(silent > limit - rig.period);
    const fastest = Math.abs(rig.measured('qd')[0]!);
    for (let k = 0; k < 1500; k++) rig.advance();
    assert.ok(Math.abs(rig.measured('qd')[0]!) < 1e-4, `mode ${mode}: still ${rig.measured('qd')[0]} rad/s`);
    // The silent way, then v²/2a, then what the servo lags behind (kd / kp is 0.1 s; the rate is fed forward).
    const bound = fastest * limit + fastest ** 2 / (2 * rig.robot.axes[0]!.acceleration) + 0.02;
    const ran = Math.abs(rig.measured('q')[0]! - at);
    assert.ok(ran < bound, `mode ${mode}: ran on ${ran} rad, bound ${bound}`);
    rig.set('mode', CommandMode.position);
    rig.of('q').set(rig.measured('q'));
    rig.of('qd').fill(0);
    rig.of('tau').fill(0);
    rig.step();
    assert.equal(rig.value('status') & DeviceStatus.watchdog, 0);
    rig.close();
  }
});

test('after a reset, commands written before its first state are not taken', async () => {
  const rig = await SimRig.open('reach');
  moveTo(rig, POSE, 1);
  rig.device.reset(5);
  rig.time += rig.period;
  rig.read();
  rig.tick++;
  rig.set('tick', rig.tick);
  rig.set('time', rig.time - rig.period);
  for (let k = 0; k < 50; k++) {
    rig.device.write(rig.command, rig.time, rig.sent);
    rig.advance();
  }
  for (const i of ARM)
    assert.ok(Math.abs(rig.measured('q')[i]! - rig.robot.axes[i]!.home) < 1e-4, `axis ${i}`);
  rig.run(0.1);
  assert.ok(Math.abs(rig.measured('q')[0]! - rig.robot.axes[0]!.home) > 0.05, 'a new command is taken');
  rig.close();
});

test('state: counts, times, epoch, seed', async () => {
  const rig = await SimRig.open('reach', 42);
  const seq = rig.value('seq');
  const deviceTime = rig.value('deviceTime');
  rig.run(0.01);
  assert.equal(rig.value('seq'), seq + 10);
  assert.ok(Math.abs(rig.value('deviceTime') - deviceTime - 0.01) < 1e-12);
  assert.equal(rig.value('time'), rig.time);
  assert.equal(rig.value('commandTick'), rig.tick);
  assert.equal(rig.value('epoch'), 0);
  assert.equal(rig.value('seed'), 42);
  rig.close();
});

test('a slower loop gets whole physics steps per period', async () => {
  const base = simRobot('reach');
  const robot = { ...base, loop: { ...base.loop, rateHz: 250 } };
  const device = await createLockstepDevice({ robot, entry: robot.devices[0]!, seed: 1 });
  assert.ok(Math.abs(device.spec.rateHz - 250) < 1e-9);
  const rig = SimRig.over(robot, device);
  const t0 = rig.value('deviceTime');
  rig.run(0.1);
  assert.ok(Math.abs(rig.value('deviceTime') - t0 - 0.1) < 1e-9);
  rig.close();
});

test('bad entries are refused in words', async () => {
  const robot = simRobot('reach');
  const entry = robot.devices[0]!;
  await assert.rejects(createLockstepDevice({ robot: simRobot('juggle'), entry, seed: 1 }), {
    code: 'SIM_UNKNOWN_TASK',
  });
  const odd = { ...entry, options: { colour: 'red' } };
  await assert.rejects(createLockstepDevice({ robot, entry: odd, seed: 1 }), { code: 'CONFIG_INVALID' });
  const axes = robot.axes.map((a, i) =>
    i === 2 ? { ...a, name: 'nose', joints: [{ name: 'nose', ratio: 1 }] } : a,
  );
  const named = { ...entry, axes: axes.map((a) => a.name) };
  await assert.rejects(createLockstepDevice({ robot: { ...robot, axes }, entry: named, seed: 1 }), {
    code: 'SIM_UNKNOWN_NAME',
  });
});
