// @limit 180
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import type { Producer } from '../../src/loop/lockstep.ts';
import { MemorySink } from '../../src/record/sink.ts';
import { cellParts } from '../../src/rig/cell-parts.ts';
import type { SceneVary } from '../../src/robot/spec.ts';
import { ControllerId, RequestKind, requestLayout, Source } from '../../src/robot/tick.ts';
import { cellSpec, type EpisodeOutcome, LockstepCell } from '../../src/session/cell.ts';
import type { CellFrame, Driver, EpisodeScene } from '../../src/session/driver.ts';
import { TeacherDriver } from '../../src/session/teacher.ts';
import { simRobot } from '../support/sim-rig.ts';

const open = (task: string, cameras: readonly string[], vary: SceneVary = 'none'): Promise<LockstepCell> =>
  LockstepCell.open({ spec: cellSpec(simRobot(task), { cameras, vary }), parts: cellParts });

/** Keeps still; notes when frames came in. */
class Idle implements Driver {
  readonly source = Source.script;
  readonly name = 'idle';
  readonly producers: readonly Producer[] = [];
  readonly notes = {};
  readonly frames: (CellFrame & { readonly afterTick: number })[] = [];
  finished = false;
  scene: EpisodeScene | null = null;
  ask: ((tick: number, out: Float64Array) => boolean) | null = null;
  #tick = 0;

  async begin(scene: EpisodeScene): Promise<void> {
    this.scene = scene;
    this.frames.length = 0;
  }

  request(tick: number, _record: Float64Array, out: Float64Array): boolean {
    this.#tick = tick;
    return this.ask?.(tick, out) ?? false;
  }

  frame(frame: CellFrame): void {
    this.frames.push({ ...frame, afterTick: this.#tick });
  }
}

async function recorded(cell: LockstepCell, seed: number, driver: Driver, timeS?: number) {
  const sink = new MemorySink();
  const record = { sink, id: `cell-${seed}`, wallOffsetNs: 1_700_000_000_000_000_000n, operator: 'test' };
  const limits = timeS === undefined ? {} : { timeS };
  const outcome = await cell.run({ seed, driver, record, limits });
  return { outcome, hash: createHash('sha256').update(sink.bytes()).digest('hex') };
}

describe('a cell with the teacher', () => {
  let cell: LockstepCell;
  const driver = new TeacherDriver({ disturb: 'push' });
  const outcomes: EpisodeOutcome[] = [];
  const hashes: string[] = [];
  before(async () => {
    cell = await open('pick-cube', ['front_small'], 'all');
    for (const seed of [5, 6, 5]) {
      const { outcome, hash } = await recorded(cell, seed, driver);
      outcomes.push(outcome);
      hashes.push(hash);
    }
  });
  after(() => cell[Symbol.asyncDispose]());

  it('picks the cube, well inside the limits', () => {
    for (const o of outcomes) {
      assert.equal(o.reason, 'success', `seed ${o.seed}: ${JSON.stringify(o.residuals)}`);
      assert.ok(o.timeToSuccess > 3 && o.timeToSuccess < 7, `${o.timeToSuccess} s`);
      const clipped = Object.values(o.guard).reduce((a, b) => a + b, 0);
      assert.ok(clipped < 0.02 * o.ticks, `the guard changed ${clipped} of ${o.ticks} ticks`);
      assert.ok(o.wear.jointTravel > 1 && o.wear.gripperCycles > 0.3);
    }
  });

  it('gives the same bytes for a seed, whatever ran before', async () => {
    assert.equal(hashes[0], hashes[2]);
    assert.notEqual(hashes[0], hashes[1]);
    await using other = await open('pick-cube', ['front_small'], 'all');
    const again = await recorded(other, 5, new TeacherDriver({ disturb: 'push' }));
    assert.equal(again.hash, hashes[0]);
    assert.deepEqual(again.outcome.variation, outcomes[0]!.variation);
  });

  it('records its cameras and passes the quality gate', () => {
    const { summary, quality, ticks } = outcomes[0]!;
    assert.equal(summary!.label, 'success');
    assert.deepEqual(quality!.flags, []);
    const [camera] = summary!.cameras;
    assert.equal(camera!.name, 'front_small');
    assert.ok(Math.abs(camera!.frames - ticks / 100) <= 1, `${camera!.frames} frames in ${ticks} ticks`);
  });

  it('keeps what was drawn for scene and motion', () => {
    const { variation } = outcomes[0]!;
    for (const name of [
      'light.azimuth',
      'cube.hue',
      'start.joint1',
      'teacher.pace',
      'approach.x',
      'push.count',
    ]) {
      assert.ok(Number.isFinite(variation[name]), name);
    }
    assert.notEqual(variation['cube.hue'], outcomes[1]!.variation['cube.hue']);
  });
});

it('the teacher puts the cube into the bin', async () => {
  await using cell = await open('pick-place-bin', []);
  for (const seed of [1, 2]) {
    const { reason, residuals } = await cell.run({ seed, driver: new TeacherDriver() });
    assert.equal(reason, 'success', JSON.stringify(residuals));
  }
});

it('the teacher begins as after a missed grasp, opens, and tries again', async () => {
  await using cell = await open('pick-cube', []);
  const driver = new TeacherDriver({ recover: 1 });
  const begins: EpisodeScene[] = [];
  const begin = driver.begin.bind(driver);
  driver.begin = (scene) => {
    begins.push(scene);
    return begin(scene);
  };
  const first = await recorded(cell, 3, driver);
  const again = await recorded(cell, 3, driver);
  assert.equal(first.outcome.reason, 'success');
  assert.equal(first.outcome.variation['recovers'], 1);
  assert.equal(first.hash, again.hash);
  assert.ok(begins[0]!.q[7]! < 0.03, `the fingers are closed: ${begins[0]!.q[7]} m`);
});

it('a teacher refuses a task that it does not know', async () => {
  await using cell = await open('push', []);
  await assert.rejects(cell.run({ seed: 1, driver: new TeacherDriver() }), { code: 'TEACHER_NO_PHASES' });
});

describe('a cell with a driver that keeps still', () => {
  let cell: LockstepCell;
  before(async () => {
    cell = await open('pick-cube', ['wrist_small']);
  });
  after(() => cell[Symbol.asyncDispose]());

  it('ends at its time limit', async () => {
    const { reason, success, seconds, timeToSuccess } = await cell.run({
      seed: 1,
      driver: new Idle(),
      limits: { timeS: 0.25 },
    });
    assert.deepEqual([reason, success, timeToSuccess], ['time limit', false, Number.NaN]);
    assert.equal(seconds, 0.25);
  });

  it('hands on each frame by the declared latency after its poses', async () => {
    const driver = new Idle();
    await cell.run({ seed: 1, driver, limits: { timeS: 0.45 } });
    const { time, spec } = driver.scene!;
    const late = spec.cameras[0]!.latencyMs;
    const rate = spec.loop.rateHz;
    assert.equal(driver.frames.length, 5);
    driver.frames.forEach((frame, i) => {
      // The first tick asks; its frame shows what the second one measures.
      assert.ok(Math.abs(frame.time - (time + (100 * i + 1) / rate)) < 1e-9, `frame ${i} at ${frame.time}`);
      assert.equal(frame.afterTick, 100 * i + late - 1);
    });
    const meta = await sharp(driver.frames[0]!.jpeg).metadata();
    assert.deepEqual([meta.format, meta.width, meta.height], ['jpeg', 96, 96]);
  });

  it('tells a stop from a failure', async () => {
    const driver = new Idle();
    driver.ask = (tick, out) => {
      out[requestLayout.at('kind')] = RequestKind.estop;
      return tick === 50;
    };
    const { reason, fault, seconds } = await cell.run({ seed: 1, driver, limits: { timeS: 5 } });
    assert.equal(reason, 'fault');
    assert.deepEqual(fault, ['estop']);
    assert.ok(seconds < 0.2);
  });

  it('ends when the driver has finished and success does not come', async () => {
    const driver = new Idle();
    driver.ask = (_, out) => {
      driver.ask = null;
      driver.finished = true;
      out[requestLayout.at('kind')] = RequestKind.activate;
      out[requestLayout.at('controller')] = ControllerId.hold;
      out[requestLayout.at('source')] = Source.script;
      return true;
    };
    const { reason, seconds } = await cell.run({ seed: 1, driver });
    assert.equal(reason, 'driver finished');
    assert.ok(seconds < 2, 'the time that the task wants its goal held, and a little');
  });

  it('names a camera that is not there', () => {
    assert.throws(() => cellSpec(simRobot('pick-cube'), { cameras: ['side'] }), {
      code: 'CELL_NO_CAMERA',
      message: /side.*front_small/,
    });
  });
});
