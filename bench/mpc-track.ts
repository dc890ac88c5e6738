/** How well a planner follows a moving pose in lockstep, when its model is wrong, its plans are late and the arm is pushed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadRobot } from '../src/config.ts';
import { Rng } from '../src/math/rng.ts';
import { createSolver } from '../src/plan/mpc/solver.ts';
import type { RobotSpec } from '../src/robot/spec.ts';
import { tickRecordLayout } from '../src/robot/tick.ts';
import { packageRoot } from '../src/root.ts';
import { MpcDriver } from '../src/session/mpc-driver.ts';
import { runMpc } from './mpc-lockstep.ts';
import { PATH } from './mpc-path.ts';

const SECONDS = 8;
/** From then on it counts, s after the activation. */
const SETTLED = 2;

export interface TrackCase {
  readonly horizon: number;
  readonly latencyMs: number;
  /** What the planner takes the latency for. */
  readonly believedMs?: number;
  /** Masses 30 % too heavy and joints three times as damped in the planner's model. */
  readonly wrongModel: boolean;
  /** Pushes of 0.1 s with up to 15 N·m on three joints, every 0.8 s. */
  readonly pushes: boolean;
}

/** RMS and largest distance of the tool from its target, mm. */
export async function track(c: TrackCase, seed: number): Promise<{ rms: number; worst: number }> {
  const file = join(packageRoot(), 'robots', 'panda-sim.yaml');
  const robot = loadRobot(file);
  const spec: RobotSpec = { ...robot, cameras: [], sim: { ...robot.sim!, task: 'reach' } };
  const folder = mkdtempSync(join(tmpdir(), 'armloop-bench-mpc-'));
  try {
    const believed = c.wrongModel ? wrong(spec, folder) : spec;
    const driver = new MpcDriver({
      choice: { task: 'track', drive: 'torque', horizon: c.horizon, target: PATH },
      solver: createSolver,
      latencyMs: c.latencyMs,
      ...(c.believedMs === undefined ? {} : { believedMs: c.believedMs }),
    });
    const layout = tickRecordLayout(spec);
    const at = { time: layout.at('in.time'), start: layout.at('in.row.start'), tool: layout.at('out.tool') };
    let [sum, count, worst] = [0, 0, 0];
    await runMpc({
      spec,
      believed,
      driver,
      seed: 1,
      ticks: SECONDS * spec.loop.rateHz,
      ...(c.pushes ? { push: pushes(seed) } : {}),
      tick: (r) => {
        const t = r[at.time]! - r[at.start]!;
        if (r[at.start] === 0 || t < SETTLED) return;
        const d = [0, 1, 2].map((i) => r[at.tool + i]! - aim(i, t));
        const away = Math.hypot(...d);
        sum += away * away;
        count++;
        worst = Math.max(worst, away);
      },
    });
    if (count === 0) throw new Error('the planner never drove');
    return { rms: 1000 * Math.sqrt(sum / count), worst: 1000 * worst };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function aim(i: number, t: number): number {
  const { pose, amplitude, multiple, phase, period } = PATH;
  return pose[i]! + amplitude[i]! * Math.sin((2 * Math.PI * multiple[i]! * t) / period + phase[i]!);
}

function pushes(seed: number): (t: number, torque: Float64Array) => void {
  const rng = new Rng(seed + 1, 5);
  const list = Array.from({ length: 12 }, (_, k) => ({
    from: 2 + 0.8 * k + rng.uniform(0, 0.4),
    torque: [rng.uniform(-15, 15), rng.uniform(-15, 15), 0, rng.uniform(-15, 15)],
  }));
  return (t, torque) => {
    for (const p of list) {
      if (t < p.from || t > p.from + 0.1) continue;
      for (let i = 0; i < p.torque.length; i++) torque[i] = p.torque[i]!;
    }
  };
}

/** The robot with a model file of which the planner is to believe that it is the arm. */
function wrong(spec: RobotSpec, folder: string): RobotSpec {
  const text = readFileSync(spec.model.file, 'utf8')
    .replace(/mass="([\d.e+-]+)"/g, (_, m: string) => `mass="${1.3 * Number(m)}"`)
    .replace(/(armature="0\.1") damping="1"/g, '$1 damping="3"');
  const file = join(folder, 'panda.xml');
  writeFileSync(file, text);
  return { ...spec, model: { ...spec.model, file } };
}
