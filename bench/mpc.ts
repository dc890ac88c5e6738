/**
 * Model-predictive control by torque, T = 50. In real time: how many plans a second the loop has used, each with
 * derivatives, backward pass and a rollout that lowered the cost; how old they were. In lockstep: how far the tool is from
 * a moving target by horizon, by the time that plans take, by a wrong model and pushes, against the same planner that
 * takes its plans to arrive at once.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  type BenchCase,
  type BenchContext,
  type BenchResult,
  combine,
  compare,
  type Measured,
} from './harness.ts';
import { type TrackCase, track } from './mpc-track.ts';

const SECONDS = 4;
/** Fast enough that the loop does not limit how many plans it can use. */
const RATE_HZ = 2000;
const STAGES = 50;

const LIVE: readonly BenchCase[] = [
  {
    name: 'real time, T = 50: plans used by the loop',
    unit: 'plans/s',
    better: 'higher',
    limit: { min: 1000 },
  },
  { name: 'of them with a lower cost rolled out', unit: '%', better: 'higher', limit: { min: 95 } },
  { name: 'state to published plan p50', unit: 'ms', better: 'lower' },
  { name: 'state to published plan p99', unit: 'ms', better: 'lower' },
  { name: 'age of the plan in use p50', unit: 'ms', better: 'lower' },
  { name: 'age of the plan in use p99', unit: 'ms', better: 'lower' },
  { name: 'tool from its moving target, RMS', unit: 'mm', better: 'lower', limit: { max: 3 } },
];

async function live(): Promise<Measured> {
  const workspace = mkdtempSync(join(tmpdir(), 'armloop-bench-mpc-'));
  try {
    const script = fileURLToPath(new URL('./mpc-rig.js', import.meta.url));
    const args = [
      '--single-threaded-gc',
      script,
      workspace,
      String(RATE_HZ),
      String(STAGES),
      String(SECONDS),
    ];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 });
    const r = JSON.parse(stdout) as Record<string, number>;
    if (r['failed'] !== 0) throw new Error(`${r['failed']} attempts at a plan failed`);
    return {
      'real time, T = 50: plans used by the loop': r['used']! * r['improved']!,
      'of them with a lower cost rolled out': 100 * r['improved']!,
      'state to published plan p50': r['solveP50']!,
      'state to published plan p99': r['solveP99']!,
      'age of the plan in use p50': r['ageP50']!,
      'age of the plan in use p99': r['ageP99']!,
      'tool from its moving target, RMS': r['rms']!,
    };
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
}

const calm: TrackCase = { horizon: STAGES, latencyMs: 5, wrongModel: false, pushes: false };
const rough = { wrongModel: true, pushes: true };

/** Name, case, largest RMS in mm. */
const CASES: readonly (readonly [string, TrackCase, number | null])[] = [
  ['T = 10 (0.2 s), 200 plans/s', { ...calm, horizon: 10 }, 1],
  ['T = 25 (0.5 s), 200 plans/s', { ...calm, horizon: 25 }, 1],
  ['T = 50 (1 s), 200 plans/s', calm, 1],
  ['T = 50, 200 plans/s, wrong model', { ...calm, wrongModel: true }, 2],
  ['T = 50, 200 plans/s, pushes', { ...calm, pushes: true }, 3],
  ['T = 50, 500 plans/s, both', { ...calm, ...rough, latencyMs: 2 }, 3],
  ['T = 50, 200 plans/s, both', { ...calm, ...rough }, 3],
  ['T = 50, 50 plans/s, both', { ...calm, ...rough, latencyMs: 20 }, 3],
  ['T = 50, 20 plans/s, both', { ...calm, ...rough, latencyMs: 50 }, null],
  ['T = 50, 10 plans/s, both', { ...calm, ...rough, latencyMs: 100 }, null],
];

async function tracked(context: BenchContext, uncompensated: boolean, repeat: number): Promise<Measured> {
  const out: Record<string, number> = {};
  for (const [name, c] of CASES) {
    const { rms, worst } = await track(uncompensated ? { ...c, believedMs: 1 } : c, Math.max(0, repeat));
    out[`${name}: RMS`] = rms;
    out[`${name}: worst`] = worst;
    context.log(`mpc: ${uncompensated ? 'without compensation, ' : ''}${name}: ${rms.toFixed(2)} mm`);
  }
  return out;
}

export async function run(context: BenchContext): Promise<BenchResult> {
  const first = await compare(context, { bench: 'mpc', cases: LIVE, ours: live, peer: null, warmup: 0 });
  const second = await compare(context, {
    bench: 'mpc',
    cases: CASES.flatMap(([name, , max]): BenchCase[] => [
      { name: `${name}: RMS`, unit: 'mm', better: 'lower', ...(max === null ? {} : { limit: { max } }) },
      { name: `${name}: worst`, unit: 'mm', better: 'lower' },
    ]),
    ours: (repeat) => tracked(context, false, repeat),
    peer: { name: 'without delay compensation', run: (repeat) => tracked(context, true, repeat) },
    warmup: 0,
  });
  return combine('mpc', [first, second]);
}
