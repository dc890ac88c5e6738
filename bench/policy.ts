/**
 * Policies on the arm. What the runner adds to a bare call of ONNX Runtime on the same model and inputs (call by call in
 * turns); on a real-time rig, from the capture of a picture to the first command that follows from it; and in lockstep, how
 * a policy whose chunks disagree is followed when they come 50 and 300 ms late, blended and not: distance from what it
 * means, and how much the guard has to take away.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { pino } from 'pino';
import sharp from 'sharp';
import { loadRobot } from '../src/config.ts';
import { Episode } from '../src/episode/episode.ts';
import type { TensorData } from '../src/nn/tensor.ts';
import { readOnnx } from '../src/policy/bundle.ts';
import { PolicyRunner } from '../src/policy/runner.ts';
import { EpisodeFiles } from '../src/record/files.ts';
import { cellParts } from '../src/rig/cell-parts.ts';
import { Rig } from '../src/rig/rig.ts';
import type { RobotSpec } from '../src/robot/spec.ts';
import { Mode, Reason, tickLayout, tickRecordLayout } from '../src/robot/tick.ts';
import { packageRoot } from '../src/root.ts';
import { cellSpec, LockstepCell } from '../src/session/cell.ts';
import { PolicyDriver } from '../src/session/policy-driver.ts';
import { type BenchContext, type BenchResult, combine, compare } from './harness.ts';
import { lookingBundle, SWING, swingingBundle } from './policy-bundles.ts';

/** Calls of each per repeat. */
const CALLS = 120;
const OVERHEAD = 1.05;
/** Seconds of driving in real time and in lockstep. */
const LIVE_S = 6;
const SWING_S = 6;
const CAMERAS = ['front_small', 'wrist_small'];
const CLIPS = Reason.velocity | Reason.acceleration | Reason.jerk;

export async function run(context: BenchContext): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'armloop-bench-policy-'));
  const spec = cellSpec(loadRobot(join(packageRoot(), 'robots', 'panda-sim.yaml')), { cameras: CAMERAS });
  try {
    return combine('policy', [
      await overhead(context, folder, spec),
      await latency(context, folder, spec),
      ...(await delays(context, folder, spec)),
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const middle = (values: readonly number[], share = 0.5): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;

/** Observation, call, actions in units: against the call alone. */
async function overhead(context: BenchContext, folder: string, spec: RobotSpec): Promise<BenchResult> {
  const bundle = lookingBundle(join(folder, 'looks'), spec, CAMERAS);
  await using runner = await PolicyRunner.open(bundle, { spec });
  const block = new Float64Array(tickLayout(spec).layout.size);
  const { layout } = tickLayout(spec);
  block[layout.at('in.time')] = 10;
  layout.view(block, 'in.device.time').fill(10);
  runner.observer.tick(block);
  const raw = { width: 96, height: 96, channels: 3 } as const;
  const pixels = Uint8Array.from({ length: 96 * 96 * 3 }, (_, i) => (i * 7) % 251);
  const jpeg = await sharp(pixels, { raw }).jpeg().toBuffer();
  for (const camera of CAMERAS) runner.observer.frame(camera, 9.99, jpeg);
  const session = await InferenceSession.create(readOnnx(bundle), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  if ((await runner.infer(10, 10)) !== '') throw new Error('the bench policy made no chunk');
  const tensors = Object.fromEntries(
    Object.entries(runner.observer.feeds).map(([name, feed]) => {
      const { data, shape } = feed as TensorData;
      return [
        name,
        new Tensor(data instanceof Uint8Array ? 'uint8' : 'float32', data as Float32Array, shape),
      ];
    }),
  );
  const measured = new Map<number, { ours: number; bare: number }>();
  // Both in one go, call by call: what disturbs one disturbs the other.
  const pairs = async (repeat: number): Promise<{ ours: number; bare: number }> => {
    const before = measured.get(repeat);
    if (before !== undefined) return before;
    const ours: number[] = [];
    const bare: number[] = [];
    for (let i = 0; i < CALLS; i++) {
      const a = performance.now();
      await runner.infer(10, 10);
      const b = performance.now();
      await session.run(tensors, ['action']);
      const c = performance.now();
      ours.push(b - a);
      bare.push(c - b);
    }
    const result = { ours: middle(ours), bare: middle(bare) };
    measured.set(repeat, result);
    return result;
  };
  const name = 'observe, infer, denormalise';
  const result = await compare(context, {
    bench: 'policy overhead',
    cases: [{ name, unit: 'ms', better: 'lower', limit: { ratio: OVERHEAD } }],
    ours: async (repeat) => ({ [name]: (await pairs(repeat)).ours }),
    peer: { name: 'session.run alone', run: async (repeat) => ({ [name]: (await pairs(repeat)).bare }) },
  });
  await session.release();
  return result;
}

/** A whole rig in real time: capture of the picture → first command sent that follows from it, from its own episode. */
async function latency(context: BenchContext, folder: string, spec: RobotSpec): Promise<BenchResult> {
  const workspace = join(folder, 'workspace');
  lookingBundle(join(workspace, 'policies', 'bench-looks'), spec, CAMERAS);
  const rig = await Rig.open({ spec, workspace, log: pino({ level: 'silent' }) });
  const { session } = rig;
  const me = { connection: 1, client: 1 };
  const { lease } = (await session.request('lease.take', { client: 1, operator: 'bench' }, 1)) as {
    lease: number;
  };
  const beat = setInterval(() => session.operate(me, session.nobody()), 50);
  const runs: number[][] = [];
  try {
    await session.request('policy.deploy', { lease, policy: 'bench-looks' }, 1);
    for (let i = 0; i < Math.max(5, context.repeats); i++) {
      const started = await session.request('recording.start', { lease, task: 'bench' }, 1);
      await new Promise((resolve) => setTimeout(resolve, (1000 * LIVE_S) / 2));
      await session.request('recording.stop', { lease }, 1);
      await session.request('recording.label', { lease, label: 'success' }, 1);
      runs.push(await latencies(workspace, (started as { episode: string }).episode));
      context.log(`policy latency: repeat ${i + 1}`);
    }
  } finally {
    clearInterval(beat);
    await rig.close();
  }
  const at = (repeat: number): readonly number[] => runs[Math.max(0, repeat)]!;
  return compare(context, {
    bench: 'policy latency',
    cases: [
      { name: 'picture → command p50', unit: 'ms', better: 'lower', limit: { max: 150 } },
      { name: 'picture → command p95', unit: 'ms', better: 'lower' },
      { name: 'picture → command worst', unit: 'ms', better: 'lower' },
    ],
    ours: async (repeat) => ({
      'picture → command p50': middle(at(repeat)),
      'picture → command p95': middle(at(repeat), 0.95),
      'picture → command worst': Math.max(...at(repeat)),
    }),
    peer: null,
    warmup: 0,
  });
}

/** ms from the capture of the newest picture of a chunk to the first command written while that chunk is in effect. */
async function latencies(workspace: string, id: string): Promise<number[]> {
  await using episode = await Episode.open(new EpisodeFiles(workspace), id);
  const layout = episode.tickLayout;
  const at = {
    chunk: layout.at('in.row.chunk'),
    captured: layout.at('in.row.captured'),
    written: layout.at('stamp.written'),
  };
  const found: number[] = [];
  let chunk = -1;
  await episode.ticks((record) => {
    if (record[at.chunk] === chunk) return;
    const first = chunk === -1;
    chunk = record[at.chunk]!;
    if (!first && chunk > 0) found.push(1000 * (record[at.written]! - record[at.captured]!));
  });
  if (found.length < 5) throw new Error(`only ${found.length} chunks in ${id}`);
  return found;
}

interface Followed {
  readonly errorMrad: number;
  readonly clipped: number;
  readonly success: number;
}

/** The swinging policy on the simulated arm, chunks late by so much. */
async function follow(
  folder: string,
  spec: RobotSpec,
  delayMs: number,
  blendMs: number,
  seed: number,
): Promise<Followed> {
  const robot: RobotSpec = { ...cellSpec(spec, { task: 'reach', cameras: [] }) };
  const bundle = swingingBundle(join(folder, `swings-${delayMs}-${blendMs}`), robot, { blendMs });
  await using runner = await PolicyRunner.open(bundle, { spec: robot });
  await using cell = await LockstepCell.open({ spec: robot, parts: cellParts });
  const layout = tickRecordLayout(robot);
  const at = {
    time: layout.at('in.time'),
    q: layout.at('out.q'),
    mode: layout.at('out.mode'),
    why: layout.at('out.reasonAll'),
  };
  const driver = new PolicyDriver(runner, { latencyMs: delayMs });
  let squares = 0;
  let worst = 0;
  let ticks = 0;
  let clipped = 0;
  let begun = Number.NaN;
  // The cell tells its driver of every tick: the bench looks over its shoulder.
  const request = driver.request.bind(driver);
  driver.request = (tick, record, out) => {
    if (record[at.mode] === Mode.active) {
      const time = record[at.time]!;
      if (Number.isNaN(begun)) begun = time;
      // The way into the swing is none of it.
      if (time > begun + 1.5) {
        if ((record[at.why]! & CLIPS) !== 0) clipped++;
        for (let a = 0; a < robot.armAxes; a++) {
          const meant = robot.axes[a]!.home + SWING.size * Math.sin(SWING.omega * time + a);
          const error = Math.abs(record[at.q + a]! - meant);
          squares += error * error;
          worst = Math.max(worst, error);
        }
        ticks++;
      }
    }
    return request(tick, record, out);
  };
  const outcome = await cell.run({ seed, driver, limits: { timeS: SWING_S } });
  const ran = outcome.reason === 'time limit' || outcome.reason === 'success';
  return {
    errorMrad: 1000 * Math.sqrt(squares / Math.max(1, ticks * robot.armAxes)),
    clipped: (100 * clipped) / Math.max(1, ticks),
    success: ran && worst < 0.1 && driver.status!.underruns === 0 ? 100 : 0,
  };
}

async function delays(context: BenchContext, folder: string, spec: RobotSpec): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const delayMs of [50, 300]) {
    const cases = {
      error: `${delayMs} ms late: distance from the swing, RMS`,
      clipped: `${delayMs} ms late: ticks that the guard clipped`,
      success: `${delayMs} ms late: followed within 0.1 rad, no underrun`,
    };
    const told = (f: Followed): Record<string, number> => ({
      [cases.error]: f.errorMrad,
      [cases.clipped]: f.clipped,
      [cases.success]: f.success,
    });
    results.push(
      await compare(context, {
        bench: `policy ${delayMs} ms`,
        cases: [
          { name: cases.error, unit: 'mrad', better: 'lower', limit: { max: 30 } },
          { name: cases.clipped, unit: '%', better: 'lower', limit: { ratio: 0.25 } },
          { name: cases.success, unit: '%', better: 'higher', limit: { min: 100 } },
        ],
        ours: async (repeat) => told(await follow(folder, spec, delayMs, 100, repeat + 2)),
        peer: {
          name: 'no blending',
          run: async (repeat) => told(await follow(folder, spec, delayMs, 0, repeat + 2)),
        },
        warmup: 0,
      }),
    );
  }
  return results;
}
