/**
 * How often and how fast the planner pushes the puck onto its mark in lockstep: `node dist/bench/mpc-push.js [FROM TO]`, seeds
 * both ends included. The seed draws puck and mark; the same seed gives the same run. A line per seed, then the rate with
 * its Wilson interval.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadRobot } from '../src/config.ts';
import { wilson } from '../src/math/statistics.ts';
import { createSolver } from '../src/plan/mpc/solver.ts';
import { openPlant } from '../src/rig/kinds.ts';
import type { RobotSpec } from '../src/robot/spec.ts';
import { tickRecordLayout } from '../src/robot/tick.ts';
import { packageRoot } from '../src/root.ts';
import { MpcDriver } from '../src/session/mpc-driver.ts';
import { runMpc } from './mpc-lockstep.ts';

export interface PushRun {
  /** Until the task judged it done (on the mark and still for 0.5 s), s from the first tick; NaN when it never was. */
  readonly seconds: number;
  /** Distance of the puck from its mark at first, at the nearest and at the end, m. */
  readonly first: number;
  readonly nearest: number;
  readonly last: number;
}

/** Stops `after` s behind success, or at `limit` s. */
export async function pushRun(seed: number, limit: number, after = 0): Promise<PushRun> {
  const robot = loadRobot(resolve(packageRoot(), 'robots', 'panda-sim.yaml'));
  const spec: RobotSpec = { ...robot, cameras: [], sim: { ...robot.sim!, task: 'push' } };
  const layout = tickRecordLayout(spec);
  const at = { success: layout.at('in.task.success'), away: layout.at('in.task.residual') + 1 };
  const driver = new MpcDriver({ choice: { task: 'push' }, solver: createSolver, plant: openPlant });
  let [tick, done] = [0, -1];
  let [first, nearest, last] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NaN];
  const { rateHz } = spec.loop;
  try {
    await runMpc({
      spec,
      driver,
      seed,
      ticks: limit * rateHz,
      tick: (r) => {
        last = r[at.away]!;
        if (tick === 0) first = last;
        nearest = Math.min(nearest, last);
        if (done < 0 && r[at.success] === 1) done = tick;
        tick++;
      },
      until: () => done >= 0 && tick > done + after * rateHz,
    });
  } finally {
    driver.dispose();
  }
  return { seconds: done < 0 ? Number.NaN : done / rateHz, first, nearest, last };
}
if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [from = 1, to = 20] = process.argv.slice(2).map(Number);
  let [won, count] = [0, 0];
  for (let seed = from; seed <= to; seed++) {
    const began = process.cpuUsage();
    const run = await pushRun(seed, 30);
    const spent = process.cpuUsage(began);
    count++;
    if (!Number.isNaN(run.seconds)) won++;
    const mm = (v: number): string => (1000 * v).toFixed(0);
    const end = Number.isNaN(run.seconds) ? 'never' : `after ${run.seconds.toFixed(1)} s`;
    console.log(
      `seed ${seed}: ${end}; from ${mm(run.first)} to ${mm(run.last)} mm, nearest ${mm(run.nearest)}; ${((spent.user + spent.system) / 1e6).toFixed(0)} s of processor time`,
    );
  }
  const { low, high } = wilson(won, count);
  console.log(`${won} of ${count}; 95 % interval (Wilson) ${low.toFixed(2)} to ${high.toFixed(2)}`);
}
