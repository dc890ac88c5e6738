// @limit 240
/**
 * The GELLO leader of robots/gello-panda.yaml drives the simulated Panda in a dry run, from the terminal as
 * docs/hardware/gello.md says. It moves by itself to the pose of the arm before it takes over; its cable is pulled in motion.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, it, type TestContext } from 'node:test';
import type WebSocket from 'ws';
import { askEmulator } from '../../drivers/bus/emulator/door.ts';
import type { LeaderHands } from '../../drivers/bus/leader/hands.ts';
import { leaderHands } from '../../drivers/dynamixel/emulator/leader.ts';
import type { ServoState } from '../../drivers/dynamixel/emulator/servo.ts';
import { heartbeat, RigClient, takeLease } from '../../src/cli/rig-client.ts';
import { loadRobot } from '../../src/config.ts';
import { ControllerId, Mode } from '../../src/robot/tick.ts';
import { packageRoot } from '../../src/root.ts';
import { leaderFile } from '../support/leader-robot.ts';
import { Published } from '../support/published.ts';
import { startUp, type Up } from '../support/up.ts';

/** Light and patient: what a busy machine starves is not what this is about. */
const LIGHT = {
  cameras: [],
  loop: { rateHz: 250 },
  sim: { task: 'reach', seed: 1, timestep: 0.002 },
  limits: { stateAgeMs: 2000, missedMs: 2000, watchdogMs: 2000, deadmanMs: 1500 },
};
/** The leader goes to the arm's pose with at most this current (A) and speed (rad/s). */
const FOLLOW = { current: 0.3, speed: 1 };
/** How fast the hand turns joint1 when the cable is pulled, rad/s; within what the arm then rests, s and rad. */
const SPEED = 0.5;
const REST_S = 1;
const REST_RAD = SPEED * REST_S;

let folder: string;
let file: string;
let up: Up;
let live: Published;
let client: RigClient;
let operator: WebSocket;
let lease: number;
let beat: NodeJS.Timeout;
let port: string;
let hands: LeaderHands;

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'armloop-gello-'));
  file = leaderFile(folder, { silenceMs: 1000 }, LIGHT, 'gello-panda', { follow: FOLLOW });
  const robot = loadRobot(file);
  hands = leaderHands({ robot, entry: robot.leader! });
  up = await startUp([file, '--dry-run']);
  live = await Published.open(up.url);
  const words = live.session.events.map((e) => e.text).join('\n');
  port = /the leader gello is emulated on (\S+?)\.$/m.exec(words)?.[1] ?? assert.fail(words);
  client = new RigClient(new URL(up.url), undefined);
  operator = await client.socket('/api/operator');
  lease = await takeLease(operator, 'Ada');
  beat = heartbeat(operator, live.hello.robot.axes.length);
});

after(async () => {
  clearInterval(beat);
  client?.close();
  await live?.close();
  await up?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

afterEach((t) => {
  const q = [...live.values('q')].map((v) => v.toFixed(3)).join(' ');
  const gap = [...live.values('leader.gap')].map((v) => v.toFixed(3)).join(' ');
  (t as TestContext).diagnostic(`arm ${q}; leader less arm ${gap}, trigger ${live.value('leader.trigger')}`);
  for (const e of live.session.events.slice(-8)) (t as TestContext).diagnostic(`${e.level}: ${e.text}`);
});

/** `armloop ARGS` in a process of its own. */
function armloop(...args: readonly string[]): Promise<{ code: number; text: string }> {
  const main = path.join(packageRoot(), 'dist', 'src', 'main.js');
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), text: `${stdout}${stderr}` }),
    );
  });
}

async function hand(moves: Readonly<Record<string, number | null>>, seconds = 0.5): Promise<void> {
  const list = Object.entries(moves).map(([name, to]) => hands.move(name, to, seconds)!);
  await askEmulator(port, { what: 'hand', moves: list });
}

const servos = async (): Promise<ServoState[]> =>
  (await askEmulator(port, { what: 'states' })) as ServoState[];
const state = (): string => live.session.leader?.state ?? 'none';
const engage = (): Promise<unknown> => client.json('POST', '/api/leader/engage', { lease });

const near = (i: number, to: number): boolean => Math.abs(live.value('q', i) - to) < 0.03;

/** The leader, left alone, goes to the arm's pose by itself and takes over; the arm stays where it is meanwhile. */
async function engaged(): Promise<void> {
  const before = live.values('q').slice();
  await engage();
  await live.until('driving', () => live.value('controller') === ControllerId.leader);
  for (const [i, q] of before.entries()) assert.ok(near(i, q), `axis ${i} moved from ${q}`);
  assert.equal(live.value('leader.matched'), 1);
  assert.ok(
    (await servos()).every((servo) => !servo.torque),
    'and the leader is limp',
  );
}

it('the terminal says how it matches; it goes to the arm, takes over and leads: its signs are those of the arm', async () => {
  await live.until('the leader', () => state() === 'ready');
  const { text } = await armloop('leader', '--server', up.url, '--seconds', '1');
  assert.match(text, /gello agrees with the arm/);
  const moved = await armloop(
    ...['driver', 'dynamixel', 'hand', file, '--port', port],
    ...['--seconds', '0.3', 'joint2=0.5', 'joint6=1'],
  );
  assert.equal(moved.code, 0, moved.text);
  await live.until('the hand there', () => Math.abs(live.value('leader.gap', 5) + 0.57) < 0.01);
  const apart = await armloop('leader', '--server', up.url, '--seconds', '1');
  assert.match(apart.text, /gello is apart: joint2 \+0\.50 rad, joint6 -0\.57 rad/);
  await hand({ joint2: null, joint6: null });
  await engaged();
  await hand({ joint2: 0.3, joint6: 1.9, trigger: 1 }, 1);
  await live.until('the arm there', () => near(1, 0.3) && near(5, 1.9) && live.value('q', 7) < 0.01);
});

it('its cable is pulled in motion: the arm rests soon; put back, it moves nothing before it passes the gate', async (t) => {
  await hand({ joint1: 1.5 * SPEED }, 3);
  await live.until('motion', () => live.value('qd', 0) > 0.7 * SPEED);
  const pulled = (await askEmulator(port, { what: 'unplug' })) as number;
  const from = live.value('q', 0);
  await live.until('rest', () => live.value('mode') === Mode.holding && Math.abs(live.value('qd', 0)) < 0.01);
  const took = live.value('time') - pulled;
  const went = live.value('q', 0) - from;
  t.diagnostic(`at rest ${took.toFixed(2)} s after, ${went.toFixed(3)} rad on`);
  assert.ok(took < REST_S && went < REST_RAD);
  assert.equal(state(), 'lost');
  assert.ok(
    live.session.events.some((e) => /gello is lost: the port .* is gone.*The arm holds/.test(e.text)),
  );
  assert.equal(live.value('lease'), lease, 'the operator keeps control');

  await hand({ joint1: 1.4 }, 0.2);
  const rest = live.value('q', 0);
  await askEmulator(port, { what: 'plug' });
  await live.until('the leader', () => state() === 'ready');
  await live.until('where the hand is', () => Math.abs(live.value('leader.gap', 0) - (1.4 - rest)) < 0.02);
  assert.ok(Math.abs(live.value('q', 0) - rest) < 0.005, 'the arm did not move');
  await hand({ joint1: null });
  await engaged();
  await client.json('POST', '/api/leader/release', { lease });
  await live.until('rest', () => live.value('mode') === Mode.holding);
});

it('armloop leader --engage is the operator as long as it runs', async () => {
  clearInterval(beat);
  operator.close();
  await live.until('nobody in control', () => live.value('lease') === 0);
  const { code, text } = await armloop('leader', '--engage', '--seconds', '1', '--server', up.url);
  assert.equal(code, 0, text);
  assert.match(text, /the leader drives; Ctrl-C brings the arm to rest/);
  await live.until('rest', () => live.value('mode') === Mode.holding && live.value('lease') === 0);
  assert.ok(live.session.events.some((e) => e.text === 'armloop leader has control.'));
});
