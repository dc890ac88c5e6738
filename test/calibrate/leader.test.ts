// @limit 120
/** Aligning a leader with its arm, over a real port, on an emulated leader that is mounted otherwise than its file says. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { leaderEmulation } from '../../drivers/bus/leader/hands.ts';
import { leaderHands, startLeaderEmulator } from '../../drivers/feetech/emulator/leader.ts';
import { createLeader } from '../../drivers/feetech/index.ts';
import { align, LEADER_STILL, LeaderReader, leaderPlan, TRIGGER } from '../../src/calibrate/leader.ts';
import { RobotCalibration } from '../../src/calibrate/robot.ts';
import { type Guide, walk } from '../../src/calibrate/run.ts';
import type { Entry } from '../../src/calibrate/schema.ts';
import { CalibrationStore } from '../../src/calibrate/store.ts';
import { loadRobot } from '../../src/config.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { packageRoot } from '../../src/root.ts';
import type { CalibrationView } from '../../src/server/calibration-protocol.ts';
import { LeaderMap } from '../../src/session/leader-map.ts';
import { now } from '../support/calibration.ts';
import { up, workspace } from '../support/rig-process.ts';

const robot = loadRobot(join(packageRoot(), 'robots', 'so101-pair.yaml'));
const filed = robot.leader!;
const options = filed.options as { servos: Record<string, unknown>[]; trigger: Record<string, unknown> };
/** A shifted horn, a joint that counts the other way, a trigger that is not let go or squeezed all the way. */
const really = {
  ...filed,
  options: {
    ...options,
    servos: options.servos.map((s, i) =>
      i === 0 ? { ...s, zero: 2348 } : i === 2 ? { ...s, direction: -1 } : s,
    ),
    trigger: { ...options.trigger, released: 2500, squeezed: 2100 },
  },
};
const willing: Guide = { refused: 'stop', say: () => {}, ask: async () => 'done' };

function openCalibration(folder: string): RobotCalibration {
  return new RobotCalibration({ robot, kinds: [], workspace: folder, hardware: 'emulated', now });
}

describe('a leader that is mounted otherwise than its file says', { concurrency: 3 }, () => {
  it('asks for where it truly is, once it is aligned', async () => {
    using folder = workspace();
    const mounted: RobotSpec = { ...robot, leader: really };
    const context = { robot: mounted, entry: really };
    await using emulator = await startLeaderEmulator(context);
    const emulation = leaderEmulation(context, emulator, leaderHands(context));
    const entry = { ...filed, options: { ...options, port: emulator.port } };
    const calibration = openCalibration(folder.path);
    assert.equal(calibration.leader.status, 'missing');
    assert.equal(openCalibration(folder.path).inForce, null);

    let newest: Float64Array;
    {
      await using reader = new LeaderReader(createLeader({ robot, entry, now }));
      const names = [...entry.joints.map((j) => j.axis), TRIGGER];
      const still = { still: LEADER_STILL, unit: 'rad' };
      const plan = leaderPlan(robot, { pose: 'zero', repeats: 2 });
      const hardware = reader;
      const entries = await walk(plan, { hardware, names, guide: willing, now, emulation, still });
      calibration.save('leader', entries);
      await Promise.all([
        emulation.hand!('shoulder_pan', 0.8),
        emulation.hand!('elbow_flex', -0.5),
        emulation.hand!(TRIGGER, 1),
      ]);
      newest = Float64Array.from(await reader.read());
    }
    assert.equal(calibration.leader.status, 'fits');
    assert.deepEqual(calibration.inForce?.files.length, 1);
    const aligned = align(robot, calibration.stored).robot;
    assert.deepEqual(
      aligned.leader!.joints.map((j) => j.sign),
      [1, 1, -1, 1, 1],
    );
    const asked = (spec: RobotSpec): LeaderMap => {
      const map = new LeaderMap(spec, spec.leader!);
      map.take({ time: 0, q: newest.subarray(0, 5), trigger: newest[5]!, buttons: 0 });
      return map;
    };
    const there = asked(aligned);
    assert.ok(Math.abs(there.asked[0]! - 0.8) < 0.04, `shoulder_pan ${there.asked[0]}`);
    assert.ok(Math.abs(there.asked[2]! + 0.5) < 0.04, `elbow_flex ${there.asked[2]}`);
    assert.ok(Math.abs(there.opening - filed.trigger!.squeezed) < 0.004, `opening ${there.opening}`);
    const wrong = asked(robot);
    assert.ok(Math.abs(wrong.asked[0]! - 0.8) > 0.3, 'without, it is not');
    assert.ok(Math.abs(wrong.asked[2]! + 0.5) > 0.3);
  });

  it('is as its file says again after its settings have changed', () => {
    using folder = workspace();
    const calibration = openCalibration(folder.path);
    calibration.save('leader', made());
    assert.equal(calibration.leader.status, 'fits');
    const other = { ...filed, options: { ...options, servos: [...options.servos].reverse() } };
    const { status, words, robot: same } = align({ ...robot, leader: other }, calibration.stored);
    assert.equal(status, 'stale');
    assert.match(
      words,
      /shoulder_pan was measured of feetech leader, joint 1 of 5, scale 1, settings [0-9a-f]{8}, and/,
    );
    assert.equal(same.leader, other);
    const moved = { ...filed, options: { ...options, port: '/dev/ttyUSB7' } };
    assert.equal(
      align({ ...robot, leader: moved }, calibration.stored).status,
      'fits',
      'the port does not matter',
    );
  });

  it('a rig uses it, and says so in what goes into episodes', async () => {
    using folder = workspace();
    new CalibrationStore(folder.path, robot.id, 'emulated').write('leader', made());
    await using rig = await up(folder.path, 'so101-pair', ['--dry-run']);
    const said = (await (await fetch(`${rig.url}/api/rig`)).json()) as { robot: RobotSpec };
    assert.deepEqual(
      said.robot.leader!.joints.map((j) => j.offset),
      [0.1, 0.2, 0.3, 0.4, 0.5],
    );
    const view = (await (await fetch(`${rig.url}/api/calibration`)).json()) as CalibrationView;
    assert.match(view.sha256 ?? '', /^[0-9a-f]{64}$/);
    assert.deepEqual([view.files.map((f) => f.kind), view.leader?.status], [['leader'], 'fits']);
  });
});

/** An alignment that nobody measured. */
function made(): Entry[] {
  const plan = leaderPlan(robot, { pose: 'zero', repeats: 2 });
  const reading = (q: number): Float64Array => new Float64Array(6).fill(q);
  const readings = plan.steps.map((_, i) => (i < 2 ? reading(0) : null));
  return plan
    .solve(readings, new Date().toISOString())
    .map((e) =>
      e.quantity === 'offset'
        ? { ...e, value: (filed.joints.findIndex((j) => j.axis === e.axis) + 1) / 10 }
        : e,
    );
}
