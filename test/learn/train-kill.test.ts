// @limit 400
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { MetricsLine } from '../../src/learn/metrics.ts';
import { RunFolder } from '../../src/learn/run-folder.ts';
import { Rng } from '../../src/math/rng.ts';
import { Command } from '../support/rig-process.ts';
import { recipeText, Trainable } from '../support/trainable.ts';

const KILLS = 20;
const STEPS = 120;
const RUN = 'the-run';

let trainable: Trainable;
let through: Result;
/** s that a run which nobody kills takes, from the start of its process to its end. */
let life = 0;

before(async () => {
  trainable = await Trainable.make(
    recipeText(`steps: ${STEPS}, validateEvery: 20, checkpointEvery: 5, keep: 2`),
  );
  const workspace = trainable.workspace();
  const began = performance.now();
  await using command = new Command(args(workspace));
  assert.deepEqual(await command.ended, { code: 0, signal: null }, command.output);
  life = (performance.now() - began) / 1000;
  through = result(workspace);
});
after(() => trainable.remove());

/** Begins the run, or goes on where a killed process left it. */
function args(workspace: string): string[] {
  const begun = existsSync(join(workspace, 'runs', RUN));
  const what = begun ? ['--resume', RUN] : [trainable.recipe, '--run', RUN];
  return ['train', ...what, '--workspace', workspace, '--json'];
}

interface Result {
  readonly vectors: Readonly<Record<string, Float32Array>>;
  readonly policy: Buffer;
  readonly curves: readonly unknown[];
}

function result(workspace: string): Result {
  const run = RunFolder.open(workspace, RUN);
  assert.equal(run.summary.state, 'finished');
  const { checkpoint, damaged } = run.checkpoints.newest();
  assert.deepEqual(damaged, []);
  assert.equal(checkpoint?.state.step, STEPS);
  return {
    vectors: checkpoint.engine.vectors,
    policy: readFileSync(join(workspace, 'policies', 'tiny', 'policy.onnx')),
    curves: run.metrics.read().map(curve),
  };
}

/** What of a line does not depend on the speed of the machine. */
function curve(line: MetricsLine): unknown {
  if ('validation' in line) return { step: line.step, validation: line.validation };
  const { step, loss, metrics, gradNorm, lr } = line;
  return { step, loss, metrics, gradNorm, lr };
}

function compare(workspace: string): void {
  const got = result(workspace);
  assert.deepEqual(got.vectors, through.vectors, 'every vector, bit for bit');
  assert.ok(got.policy.equals(through.policy), 'policy.onnx, byte for byte');
  assert.deepEqual(got.curves, through.curves, 'the curves, without gaps and doubles');
}

/** Where a kill met the run. */
function phase(workspace: string): string {
  const folder = join(workspace, 'runs', RUN);
  if (!existsSync(folder)) return 'before the run folder';
  const run = RunFolder.open(workspace, RUN);
  const steps = run.checkpoints.steps();
  if (steps.length === 0) return 'before the first checkpoint';
  return steps.at(-1) === STEPS ? 'after the last step' : 'while it trained';
}

/** Lets a process live until `end`, then kills it; false when it had ended well by itself. */
async function liveUntil(workspace: string, end: (command: Command) => Promise<void>): Promise<boolean> {
  await using command = new Command(args(workspace));
  await Promise.race([end(command), command.ended]);
  command.child.kill('SIGKILL');
  const { code, signal } = await command.ended;
  if (signal === 'SIGKILL') return true;
  assert.equal(code, 0, command.output);
  return false;
}

function count(t: TestContext, met: readonly string[]): void {
  const counts = new Map<string, number>();
  for (const m of met) counts.set(m, (counts.get(m) ?? 0) + 1);
  t.diagnostic([...counts].map(([what, n]) => `${n} ${what}`).join(', '));
}

test(`killed at ${KILLS} random instants of its life and resumed each time, it ends with the same bits`, async (t) => {
  const seed = Number(process.env['ARMLOOP_SEED'] ?? Math.floor(Math.random() * 1e6));
  t.diagnostic(`seed ${seed} (ARMLOOP_SEED), life ${life.toFixed(2)} s`);
  const rng = new Rng(seed);
  const met: string[] = [];
  while (met.length < KILLS) {
    // A run is killed again and again until it ends; then the next begins, with nothing in the cache.
    const workspace = trainable.workspace();
    for (let over = false; !over; ) {
      const instant = met.length < KILLS ? rng.uniform(0, life) * 1000 : 2 ** 31 - 1;
      const timer = new AbortController();
      const killed = await liveUntil(workspace, () => sleep(instant, timer.signal));
      timer.abort();
      if (killed) met.push(phase(workspace));
      over = !killed;
    }
    compare(workspace);
  }
  count(t, met);
  assert.equal(met.length, KILLS);
});

test('killed while it writes checkpoints, it ends with the same bits', async (t) => {
  const workspace = trainable.workspace();
  const folder = join(workspace, 'runs', RUN, 'checkpoints');
  const met: string[] = [];
  for (const writes of [1, 2, 4]) {
    const killed = await liveUntil(workspace, async (command) => {
      if (!existsSync(folder)) {
        await command.prints(/"begun"/);
        mkdirSync(folder, { recursive: true });
      }
      await begunToWrite(folder, writes);
    });
    assert.ok(killed);
    met.push(phase(workspace));
  }
  assert.equal(await liveUntil(workspace, () => new Promise(() => {})), false);
  compare(workspace);
  count(t, met);
});

/** Resolves when the so manieth checkpoint begins to be written. */
function begunToWrite(folder: string, times: number): Promise<void> {
  return new Promise((resolve) => {
    const seen = new Set<string>();
    const watcher = watch(folder, (_, name) => {
      if (name?.includes('.new-')) seen.add(name);
      if (seen.size < times) return;
      watcher.close();
      resolve();
    });
  });
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => clearTimeout(timer));
  });
}
