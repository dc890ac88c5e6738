/** @alone @limit 150 What ends a rig, and what must not: Ctrl-C once and twice, a hung server, a killed supervisor. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Catalogue } from '../../src/episode/catalogue.ts';
import { rigAddress } from '../../src/rig/address.ts';
import { Mode, OperatorKind, Reason } from '../../src/robot/tick.ts';
import { Client, Command, loggedPids, up, workspace } from '../support/rig-process.ts';
import { until } from '../support/sockets.ts';
import { testRobot } from '../support/test-robot.ts';

const JOINT = 6;
const HOME = -0.7853;

/** A rig on the mock device, with a log of what the device did. */
function mockRobot(folder: string, park: 'none' | 'home'): { readonly file: string; readonly log: string } {
  const log = join(folder, 'mock.csv');
  const device = { name: 'arm', kind: 'mock', options: { rateHz: 250, lingerS: 1, log } };
  const limits = { stateAgeMs: 2000, missedMs: 2000, deadmanMs: 1500, watchdogMs: 200 };
  return { file: testRobot(folder, { devices: [device], limits, shutdown: { park } }, 'panda-mock'), log };
}

/** Newest line of the device's log. */
function deviceNow(log: string): { enabled: boolean; watchdog: boolean; q: number; qd: number } {
  const last = readFileSync(log, 'utf8').split('\n').slice(1, -1).at(-1)!.split(',').map(Number);
  return { enabled: last[2] === 1, watchdog: last[3] === 1, q: last[5 + JOINT]!, qd: last[13 + JOINT]! };
}

/** Jogs the last joint until it is away from home by so much. */
async function jogAway(client: Client, away: number): Promise<void> {
  client.set({ kind: OperatorKind.jog, enable: 1, speed: 1, jog: [0, 0, 0, 0, 0, 0, 1] });
  await client.ask('/api/request', { kind: 'activate', controller: 'jog' });
  await client.until('away from home', () => client.value('q', JOINT) > HOME + away);
}

test('Ctrl-C parks the arm, takes torque off, and exits 0', async () => {
  using folder = workspace();
  const { file, log } = mockRobot(folder.path, 'home');
  await using rig = await up(folder.path, file);
  await using client = await Client.open(rig.url);
  await client.take('Ada');
  const { episode } = await client.ask('/api/recording/start', { task: 'park', operator: 'Ada' });
  await jogAway(client, 0.2);
  rig.child.kill('SIGINT');
  assert.deepEqual(await rig.ended, { code: 0, signal: null });
  assert.match(rig.output, /Ctrl-C again/);
  const end = deviceNow(log);
  assert.ok(Math.abs(end.q - HOME) < 0.02, `parked at ${end.q}`);
  assert.equal(end.enabled, false);
  const kept = await new Catalogue(folder.path).get(String(episode));
  assert.equal(kept.repaired, false);
  assert.ok(kept.sources.length > 0);
  assert.ok(!existsSync(rigAddress(folder.path, 'panda-mock')), 'its socket is gone');
});

test('Ctrl-C twice stops the arm where it is and leaves it held', async () => {
  using folder = workspace();
  const { file, log } = mockRobot(folder.path, 'home');
  await using rig = await up(folder.path, file);
  await using client = await Client.open(rig.url);
  await client.take('Ada');
  await jogAway(client, 0.8);
  rig.child.kill('SIGINT');
  await client.until('on its way home', () => client.value('qd', JOINT) < -0.1);
  rig.child.kill('SIGINT');
  assert.deepEqual(await rig.ended, { code: 130, signal: null });
  await until(
    'the device holds by itself',
    () => deviceNow(log).watchdog && Math.abs(deviceNow(log).qd) < 1e-3,
  );
  const end = deviceNow(log);
  assert.ok(end.q > HOME + 0.05, `it went on to ${end.q}`);
  assert.equal(end.enabled, true, 'torque stays on: the arm was not parked');
});

test('a server that hangs: the deadman stops the arm, a second server shows it, the recording goes on', async () => {
  using folder = workspace();
  const file = testRobot(folder.path);
  await using rig = await up(folder.path, file);
  await using client = await Client.open(rig.url);
  await using second = new Command(['server', file, '--workspace', folder.path, '--port', '0']);
  await using watcher = await Client.open(await second.prints(/(http:\S+)/));
  await assert.rejects(
    client.take('Ada').then(() => watcher.take('Bob')),
    /Ada has control/,
  );
  await client.ask('/api/recording/start', { task: 'hang', operator: 'Ada' });
  await jogAway(client, 0.1);
  const pid = loggedPids(folder.path, 'server-panda-sim')[0]!;
  process.kill(pid, 'SIGSTOP');
  try {
    let reasons = 0;
    await watcher.until('holding', () => {
      reasons |= watcher.value('reasonAll');
      return watcher.value('mode') === Mode.holding;
    });
    assert.ok((reasons & Reason.deadman) !== 0, 'by the deadman');
    assert.equal(watcher.value('fault'), 0, 'not latched');
    assert.ok(watcher.value('recording') > 0);
    await watcher.take('Bob');
    await watcher.ask('/api/recording/stop');
    await watcher.ask('/api/recording/label', { label: 'failure' });
  } finally {
    process.kill(pid, 'SIGCONT');
  }
});

test('a second rig of the same name is refused, and the first goes on', async () => {
  using folder = workspace();
  const { file } = mockRobot(folder.path, 'none');
  await using rig = await up(folder.path, file);
  await using client = await Client.open(rig.url);
  await using other = new Command(['up', file, '--workspace', folder.path, '--port', '0', '--no-browser']);
  assert.equal((await other.ended).code, 1);
  assert.match(other.output, /RIG_ALREADY_RUNNING/);
  const tick = client.value('tick');
  await client.until('the first rig runs', () => client.value('tick') > tick + 10);

  // A port that is taken: said at once, and the rig that was started for it ends too.
  using elsewhere = workspace();
  const port = new URL(rig.url).port;
  const wanted = mockRobot(elsewhere.path, 'none').file;
  await using third = new Command([
    'up',
    wanted,
    '--workspace',
    elsewhere.path,
    '--port',
    port,
    '--no-browser',
  ]);
  assert.equal((await third.ended).code, 1);
  assert.match(third.output, /SERVER_PORT/);
  assert.ok(!existsSync(rigAddress(elsewhere.path, 'panda-mock')));
});

test('a device that dies while it is driven: a latched stop, in words, that cannot be cleared away', async () => {
  using folder = workspace();
  const log = join(folder.path, 'mock.csv');
  const device = { name: 'arm', kind: 'mock', options: { rateHz: 250, lingerS: 1, log } };
  const limits = { stateAgeMs: 2000, missedMs: 2000, deadmanMs: 1500, watchdogMs: 200 };
  await using rig = await up(
    folder.path,
    testRobot(folder.path, { devices: [device], limits }, 'panda-mock'),
  );
  await using client = await Client.open(rig.url);
  await client.take('Ada');
  await jogAway(client, 0.05);
  process.kill(Number(readFileSync(`${log}.pid`, 'utf8')), 'SIGKILL');
  await client.until('stopped', () => client.value('mode') === Mode.stopped);
  assert.notEqual(client.value('fault'), 0);
  const events = () => client.session['events'] as { level: string; text: string }[];
  await client.until('the device is named', () =>
    events().some((e) => e.level === 'error' && /^arm: /.test(e.text)),
  );
  const cleared = await client.post('/api/request', { kind: 'clear', lease: client.lease });
  assert.equal(cleared.status, 409, JSON.stringify(cleared.body));
});

test('when its supervisor is killed the rig stops by itself and closes the recording', async () => {
  using folder = workspace();
  const { file, log } = mockRobot(folder.path, 'none');
  await using rig = await up(folder.path, file);
  const client = await Client.open(rig.url);
  await client.take('Ada');
  const { episode } = await client.ask('/api/recording/start', { task: 'alone', operator: 'Ada' });
  await jogAway(client, 0.1);
  rig.child.kill('SIGKILL');
  const pids = [
    ...loggedPids(folder.path, 'rig-panda-mock'),
    ...loggedPids(folder.path, 'server-panda-mock'),
  ];
  assert.equal(pids.length, 2);
  await until('rig and server have ended', () => pids.every((pid) => !lives(pid)));
  await client[Symbol.asyncDispose]();
  assert.equal((await new Catalogue(folder.path).get(String(episode))).repaired, false);
  assert.equal(deviceNow(log).enabled, false);
});

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
