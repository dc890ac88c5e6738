/** Controllers taking over from each other at random moments, behind the real cycle and guard, with a late loop. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IkSolver } from '../../src/control/ik.ts';
import { trajectoryArgs } from '../../src/control/trajectory.ts';
import { Rng } from '../../src/math/rng.ts';
import { ControllerId, Mode, OperatorKind, Reason, RequestKind } from '../../src/robot/tick.ts';
import { IdealDevice, panda } from '../support/loop-rig.ts';
import { OperatorRig } from '../support/operator-rig.ts';

const { spec, model } = panda();
const n = spec.axes.length;
const home = Float64Array.from(spec.axes, (a) => a.home);

/** A reachable configuration near home, with the tool well inside the workspace. */
function near(rng: Rng): Float64Array {
  const pose = new Float64Array(7);
  for (;;) {
    const q = home.map((h, k) => (k < 7 ? h + rng.uniform(-0.35, 0.35) : rng.uniform(0, 0.08)));
    model.pose(q, model.tool, pose);
    if (pose[2]! > 0.2 && pose[0]! > 0.35 && pose[0]! < 0.7 && Math.abs(pose[1]!) < 0.4) return q;
  }
}

for (const seed of [1, 2]) {
  test(`random take-overs with missed periods, seed ${seed}: no fault, limits kept, controllers seldom clipped`, async () => {
    const rng = new Rng(seed, 5);
    const jitter = { seed, lateS: 5e-4, chance: 0.01, missed: 4 };
    const rig = await OperatorRig.over(spec, new IdealDevice(spec), jitter);
    const pose = new Float64Array(7);
    const before = { q: rig.view('out.q').slice(), qd: rig.view('out.qd').slice() };
    let clipped = 0;
    let total = 0;
    const used = new Set<number>();
    const check = (): boolean => {
      for (let k = 0; k < n; k++) {
        const axis = spec.axes[k]!;
        const q = rig.get('out.q', k);
        const qd = (q - before.q[k]!) * spec.loop.rateHz;
        const qdd = (qd - before.qd[k]!) * spec.loop.rateHz;
        // The guard counts 1e-12 beyond a limit as on it.
        assert.ok(q >= axis.min - 1e-11 && q <= axis.max + 1e-11, `${axis.name} at ${q}`);
        assert.ok(Math.abs(qd) <= axis.velocity * 1.000001, `${axis.name} at ${qd}/s`);
        assert.ok(Math.abs(qdd) <= axis.acceleration * 1.00001 + 1e-6, `${axis.name} at ${qdd}/s²`);
        before.q[k] = q;
        before.qd[k] = qd;
      }
      total++;
      const limits = Reason.velocity | Reason.acceleration | Reason.jerk;
      if (rig.get('out.mode') === Mode.active && (rig.get('out.reasonAll') & limits) !== 0) clipped++;
      return false;
    };
    for (let i = 0; i < 60; i++) {
      const target = near(rng);
      model.pose(target, model.tool, pose);
      const choice = [
        { id: ControllerId.hold, args: [] },
        { id: ControllerId.jog, args: [] },
        { id: ControllerId.twist, args: [] },
        { id: ControllerId.pose, args: [] },
        { id: ControllerId.pose, args: [...pose] },
        { id: ControllerId.trajectory, args: trajectoryArgs([target, near(rng)], { speed: 0.6 }) },
        { id: ControllerId.gripper, args: [rng.uniform(0, 0.08)] },
        { id: ControllerId.home, args: [] },
      ][rng.below(8)]!;
      used.add(choice.id);
      const kinds = {
        [ControllerId.jog]: OperatorKind.jog,
        [ControllerId.pose]: OperatorKind.pose,
      } as Record<number, number>;
      rig.operate({
        kind: [kinds[choice.id] ?? OperatorKind.twist],
        enable: [rng.below(6) === 0 ? 0 : 1],
        jog: Array.from({ length: n }, () => rng.below(3) - 1),
        twist: Array.from({ length: 6 }, () => rng.below(3) - 1),
        frame: [rng.below(2)],
        pose: [...pose],
        gripper: [rng.below(3) - 1],
      });
      await rig.ask(RequestKind.activate, choice.id, choice.args);
      check();
      await rig.run(60 + rng.below(500), check);
    }
    assert.equal(used.size, 7);
    assert.ok(clipped < 0.05 * total, `limits clip in ${clipped} of ${total} ticks`);
    assert.ok(new IkSolver(spec, model).solve(rig.view('out.tool'), home, new Float64Array(n)).solved);
  });
}
