/** @alone @limit 170 kill -9 of the server at 25 seeded random instants, while the arm is jogged and recorded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Catalogue } from '../../src/episode/catalogue.ts';
import { Episode } from '../../src/episode/episode.ts';
import { monotonicClock } from '../../src/loop/clock.ts';
import { Rng } from '../../src/math/rng.ts';
import { Mode, OperatorKind } from '../../src/robot/tick.ts';
import { Client, loggedPids, up, workspace } from '../support/rig-process.ts';
import { until } from '../support/sockets.ts';
import { testRobot } from '../support/test-robot.ts';

const KILLS = 25;
const SEED = 20260;
const JOINT = 6;
/** Full-scale joint speed of the robot file times the operator's speed, rad/s. */
const SPEED = 0.8 * 0.5;
const DEADMAN_S = 0.5;
/** The deadman of a shipped robot; the rest is patient with a machine under load. */
const limits = { stateAgeMs: 2000, missedMs: 2000, watchdogMs: 2000, deadmanMs: DEADMAN_S * 1000 };
/**
 * Time in which the guard brings a joint from SPEED to rest at the joint's own limits, v/a + a/j (20 rad/s², 10000
 * rad/s³: 0.022 s), then two periods of 4 ms until it starts, then the servo's lag, which trails the command by
 * kd/kp = 0.1 s.
 */
const STOP_S = SPEED / 20 + 20 / 10_000 + 0.008 + 0.1;
const FARTHEST = SPEED * (DEADMAN_S + STOP_S);

/** Joins the server that is there now, or waits for the next. */
async function join(url: string): Promise<Client> {
  let client: Client | null = null;
  let asking = false;
  return until('a server that answers', () => {
    if (!asking && client === null) {
      asking = true;
      Client.open(url)
        .then((c) => {
          client = c;
        })
        .catch(() => {})
        .finally(() => {
          asking = false;
        });
    }
    return client;
  });
}

test('the server dies 25 times: the arm comes to rest near by, the recording goes on, the server comes back', async () => {
  using folder = workspace();
  const now = monotonicClock();
  const rng = new Rng(SEED);
  await using rig = await up(folder.path, testRobot(folder.path, { limits }));
  const kills: number[] = [];
  let episode = '';
  for (let i = 0; i < KILLS; i++) {
    await using client = await join(rig.url);
    await client.until('holding', () => client.value('mode') === Mode.holding);
    if (i > 0) assert.ok(client.value('recording') > 0, `after kill ${i} the recording had ended`);
    await client.take('Ada');
    if (i === 0)
      episode = String(
        (await client.ask('/api/recording/start', { task: 'kill', operator: 'Ada' }))['episode'],
      );
    const sign = i % 2 === 0 ? 1 : -1;
    const jog = [0, 0, 0, 0, 0, 0, sign];
    client.set({ kind: OperatorKind.jog, enable: 1, speed: 0.5, jog });
    await client.ask('/api/request', { kind: 'activate', controller: 'jog' });
    await client.until('moving', () => sign * client.value('qd', JOINT) > SPEED / 4);
    await new Promise((resolve) => setTimeout(resolve, rng.uniform(0, 250)));
    const pid = loggedPids(folder.path, 'server-panda-sim').at(-1)!;
    kills.push(now());
    process.kill(pid, 'SIGKILL');
    await until('the socket breaks', () => client.live.closed);
    await until('another server', () => loggedPids(folder.path, 'server-panda-sim').at(-1) !== pid);
  }
  {
    await using client = await join(rig.url);
    await client.take('Ada');
    await client.ask('/api/recording/stop');
    await client.ask('/api/recording/label', { label: 'failure', cause: 'kills' });
  }
  assert.equal(loggedPids(folder.path, 'rig-panda-sim').length, 1, 'one rig through all of it');
  assert.equal(loggedPids(folder.path, 'server-panda-sim').length, KILLS + 1);

  const ticks = await readTicks(folder.path, episode);
  for (let i = 1; i < ticks.length; i++) {
    assert.equal(ticks[i]!.tick, ticks[i - 1]!.tick + 1, `a tick is missing at ${ticks[i]!.time}`);
  }
  assert.ok(ticks.at(-1)!.time > kills.at(-1)!);
  let farthest = 0;
  for (const [i, killed] of kills.entries()) {
    const from = ticks.findIndex((t) => t.time >= killed);
    const rest = ticks.findIndex((t, k) => k >= from && t.mode === Mode.holding && Math.abs(t.qd) < 1e-3);
    assert.ok(rest > from, `kill ${i}: the arm moved when the server died, and came to rest`);
    let distance = 0;
    for (let k = from; k <= rest; k++) distance = Math.max(distance, Math.abs(ticks[k]!.q - ticks[from]!.q));
    assert.ok(distance <= FARTHEST, `kill ${i}: ${distance} rad to rest, more than ${FARTHEST}`);
    farthest = Math.max(farthest, distance);
  }
  // Something must have moved, or the bound means nothing.
  assert.ok(farthest > 1e-4, `the farthest way to rest was ${farthest} rad`);
});

interface Sample {
  readonly tick: number;
  readonly time: number;
  readonly mode: number;
  readonly q: number;
  readonly qd: number;
}

async function readTicks(folder: string, id: string): Promise<Sample[]> {
  await using episode = await Episode.open(new Catalogue(folder).files, id);
  const { tickLayout } = episode;
  const at = (name: string, axis = 0): number => tickLayout.at(name) + axis;
  const samples: Sample[] = [];
  await episode.ticks((block) => {
    samples.push({
      tick: block[at('in.tick')]!,
      time: block[at('in.time')]!,
      mode: block[at('out.mode')]!,
      q: block[at('in.q', JOINT)]!,
      qd: block[at('in.qd', JOINT)]!,
    });
  });
  return samples;
}
