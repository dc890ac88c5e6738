/**
 * @alone @limit 200 kill -9 of the rig at 25 seeded random instants, while it jogs `mock` and records: the device's
 * watchdog holds the arm, half a second of data is lost at most, and the next start repairs without hands.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Catalogue } from '../../src/episode/catalogue.ts';
import { Episode } from '../../src/episode/episode.ts';
import { monotonicClock } from '../../src/loop/clock.ts';
import { Rng } from '../../src/math/rng.ts';
import { bytesOf } from '../../src/rig/wire.ts';
import { OperatorKind, operatorLayout } from '../../src/robot/tick.ts';
import { linkTo } from '../support/rig-link.ts';
import { Command, workspace } from '../support/rig-process.ts';
import { floats, until } from '../support/sockets.ts';
import { testRobot } from '../support/test-robot.ts';

const KILLS = 25;
const SEED = 777;
const AXES = 8;
const JOINT = 6;
const SPEED = 0.8 * 0.5;
const WATCHDOG_S = 0.1;
/** From the last command on its way, over the watchdog, to a servo at rest: latency and jitter, 5 time constants. */
const REST_S = 0.0015 + WATCHDOG_S + 5 * 0.02;
const LOST_S = 0.5;
/** A machine that stood still just before a kill: the watchdog has struck within this time, or the newest command is this old, s. */
const BEFORE_S = 0.3;
const TOLD_S = 0.03;

test('the rig dies 25 times: the device holds by itself, little is lost, the next start repairs', async (t) => {
  using folder = workspace();
  const now = monotonicClock();
  const rng = new Rng(SEED);
  const catalogue = new Catalogue(folder.path);
  let before: { readonly episode: string; readonly started: number; readonly killed: number } | null = null;
  let mostLost = 0;
  let inMotion = 0;
  for (let i = 0; i <= KILLS; i++) {
    const log = join(folder.path, `mock-${i}.csv`);
    await using rig = new Command(
      ['rig', robotFile(folder.path, log), '--workspace', folder.path],
      ['--single-threaded-gc'],
    );
    await rig.prints(/is holding/);
    if (before !== null) {
      const summary = await catalogue.get(before.episode);
      assert.equal(summary.repaired, true, `kill ${i - 1}: not repaired`);
      assert.equal(summary.label, 'unlabelled');
      // Of an episode that had just begun all of it may be gone, but not more than the half second.
      const kept = Math.max(before.started, await lastTick(catalogue, before.episode));
      const lost = before.killed - kept;
      assert.ok(lost <= LOST_S, `kill ${i - 1}: ${lost} s of data were lost`);
      mostLost = Math.max(mostLost, lost);
    }
    if (i === KILLS) break;
    const { episode, started, link, stop } = await drive(folder.path, i % 2 === 0 ? 1 : -1, now);
    await new Promise((resolve) => setTimeout(resolve, rng.uniform(0, 700)));
    const killed = now();
    rig.child.kill('SIGKILL');
    assert.deepEqual(await rig.ended, { code: null, signal: 'SIGKILL' });
    stop();
    link.close();
    if ((await held(log, killed, i)) === 'in motion') inMotion++;
    before = { episode, started, killed };
  }
  t.diagnostic(`most data lost: ${mostLost.toFixed(3)} s; ${inMotion} kills in motion`);
  assert.ok(inMotion > KILLS / 2, `${inMotion} of ${KILLS} kills met an arm that moved`);
  assert.equal((await catalogue.list()).length, KILLS);
});

function robotFile(folder: string, log: string): string {
  const device = { name: 'arm', kind: 'mock', options: { rateHz: 250, lingerS: 1, log } };
  const limits = { stateAgeMs: 2000, missedMs: 2000, deadmanMs: 1500, watchdogMs: WATCHDOG_S * 1000 };
  return testRobot(folder, { devices: [device], limits }, 'panda-mock');
}

/** Takes the lease, records and jogs, as a server would; returns when the arm moves. */
async function drive(folder: string, sign: number, now: () => number) {
  let live: Float64Array | null = null;
  const link = await linkTo(folder, 'panda-mock', {
    live: (block) => {
      live = floats(Buffer.from(block));
    },
  });
  const layout = operatorLayout(AXES);
  const input = new Float64Array(layout.size);
  input[layout.at('kind')] = OperatorKind.jog;
  input[layout.at('enable')] = 1;
  input[layout.at('speed')] = 0.5;
  input[layout.at('jog') + JOINT] = sign;
  const { lease } = (await link.request('lease.take', { client: 1, operator: 'Ada' })) as { lease: number };
  const timer = setInterval(() => {
    input[layout.at('seq')] = input[layout.at('seq')]! + 1;
    link.operator(1, bytesOf(input));
  }, 10);
  const { episode } = (await link.request('recording.start', { lease, task: 'kill' })) as { episode: string };
  const started = now();
  await link.request('request', { kind: 'activate', lease, controller: 'jog' });
  const fields = link.hello!.layout.fields as readonly { name: string; offset: number }[];
  const qd = fields.find((f) => f.name === 'qd')!.offset + JOINT;
  await until('the arm moves', () => live !== null && sign * live[qd]! > SPEED / 4);
  return { episode, started, link, stop: () => clearInterval(timer) };
}

/**
 * Waits until the device's own log shows its watchdog and rest, and checks both against the kill. Where the machine had stood
 * still the arm may have been at rest already: such a kill shows nothing of the way there.
 */
async function held(log: string, killed: number, kill: number): Promise<'in motion' | 'stood still before'> {
  interface Row {
    readonly time: number;
    readonly watchdog: boolean;
    /** Of the newest command. */
    readonly tick: number;
    readonly q: number;
    readonly qd: number;
  }
  const rows = await until('the device holds', () => {
    if (!existsSync(log)) return null;
    // The last line may be half written.
    const lines = readFileSync(log, 'utf8').split('\n').slice(1, -1);
    const all = lines.map((line): Row => {
      const v = line.split(',').map(Number);
      return { time: v[0]!, watchdog: v[3] === 1, tick: v[4]!, q: v[5 + JOINT]!, qd: v[5 + AXES + JOINT]! };
    });
    const last = all.at(-1);
    return last?.watchdog && last.time > killed && Math.abs(last.qd) < 1e-3 ? all : null;
  });
  const from = rows.findIndex((r) => r.time >= killed);
  const told = rows.find((r) => r.tick === rows[from - 1]?.tick)?.time ?? Number.NEGATIVE_INFINITY;
  const stood = rows.some((r) => r.watchdog && r.time < killed && r.time > killed - BEFORE_S);
  if (stood || killed - told > TOLD_S) return 'stood still before';
  const hold = rows.findIndex((r, i) => i >= from && r.watchdog);
  const rest = rows.findIndex((r, i) => i >= hold && Math.abs(r.qd) < 1e-3);
  assert.ok(
    from > 0 && Math.abs(rows[from]!.qd) > 1e-3,
    `kill ${kill}: the arm did not move when the rig died`,
  );
  let distance = 0;
  for (let i = from; i <= rest; i++) distance = Math.max(distance, Math.abs(rows[i]!.q - rows[from]!.q));
  assert.ok(distance <= SPEED * REST_S, `kill ${kill}: ${distance} rad to rest, more than ${SPEED * REST_S}`);
  return 'in motion';
}

async function lastTick(catalogue: Catalogue, id: string): Promise<number> {
  await using episode = await Episode.open(catalogue.files, id);
  const time = episode.tickLayout.at('in.time');
  let last = Number.NEGATIVE_INFINITY;
  await episode.ticks((block) => {
    last = block[time]!;
  });
  return last;
}
