import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDevice } from '../../../drivers/mock/index.ts';
import type { ArmloopError } from '../../../src/errors.ts';
import { CommandMode } from '../../../src/robot/tick.ts';
import { candidates, now } from '../../conformance/devices.ts';
import { Stand } from '../../conformance/stand.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-mock-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const { robot } = candidates[0]!;
const entry = robot.devices[0]!;

it('bad options are refused with path, value and rule', () => {
  const bad: [Record<string, unknown>, string, RegExp][] = [
    [{ latency: 3 }, 'latency', /did you mean latencyMs\?/],
    [{ loss: 1.5 }, 'loss', /≤ 0\.99/],
    [{ rateHz: 'fast' }, 'rateHz', /number/],
    [{ seed: 1.5 }, 'seed', /whole number/],
    [{ log: '' }, 'log', /empty/],
  ];
  for (const [options, key, rule] of bad) {
    assert.throws(
      () => createDevice({ robot, entry: { ...entry, options }, now }),
      (error: ArmloopError) => {
        assert.equal(error.code, 'CONFIG_INVALID');
        assert.ok(error.message.includes(`devices[0].options.${key} is `), error.message);
        assert.match(error.message, rule);
        return true;
      },
    );
  }
});

it('what the device cannot do at its start is said when it is opened', async () => {
  const options = { log: join(folder, 'nowhere', 'log.csv') };
  const stand = new Stand(createDevice({ robot, entry: { ...entry, options }, now }));
  await assert.rejects(
    stand.device.open({} as never),
    (error: ArmloopError) => error.code === 'DEVICE_UNREACHABLE' && error.message.includes('nowhere'),
  );
});

it('its end is a fault, told once, and the last state is not online', async () => {
  const log = join(folder, 'fault.csv');
  const stand = new Stand(createDevice({ robot, entry: { ...entry, options: { log } }, now }));
  await stand.open();
  await stand.device.enable();
  const faults: string[] = [];
  stand.device.onFault = (message) => faults.push(message);
  process.kill(pidOf(log), 'SIGKILL');
  await stand.watch(() => !stand.has('online'), 5);
  assert.equal(faults.length, 1);
  assert.match(faults[0]!, /arm ended \(SIGKILL\)/);
  await assert.rejects(stand.device.enable(), (error: ArmloopError) => error.code === 'DEVICE_MISUSED');
  await stand.device[Symbol.asyncDispose]();
});

it('it brakes and holds when its host is killed, and then ends', async () => {
  const log = join(folder, 'orphan.csv');
  const host = spawn(process.execPath, [fileURLToPath(new URL('./host.js', import.meta.url)), log], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((done) => {
    host.stdout.on('data', (text: Buffer) => {
      if (text.includes('moving')) done();
    });
  });
  const pid = pidOf(log);
  host.kill('SIGKILL');
  const killed = now();
  while (running(pid)) {
    assert.ok(now() - killed < 60, 'it never ended');
    await new Promise((done) => setTimeout(done, 50));
  }
  const rows = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((l) => l.split(',').map(Number));
  const n = entry.axes.length;
  const speed = (row: number[]): number => Math.max(...row.slice(5 + n, 5 + 2 * n).map(Math.abs));
  const before = rows.filter((r) => r[0]! < killed).at(-1)!;
  assert.ok(speed(before) > 0.1, 'it was moving when its host died');
  const fired = rows.find((r) => r[3] === 1 && r[0]! >= killed - 0.001)!;
  // The watchdog's 100 ms after the device took the last command, by its own stamps; a line every few ms.
  const age = fired.at(-1)!;
  assert.ok(age > 0.1 && age < 0.1 + 0.01, `the watchdog took ${age} s`);
  const rest = rows.find((r) => r[0]! > fired[0]! && speed(r) === 0)!;
  const axis = robot.axes[0]!;
  assert.ok(
    rest[0]! - fired[0]! < axis.velocity / axis.acceleration + 0.05,
    'it braked at its acceleration limit',
  );
  const last = rows.at(-1)!;
  assert.ok(last[0]! - killed > 1, 'it went on holding');
  assert.deepEqual(last.slice(5, -1), rest.slice(5, -1), 'it stayed where it stopped');
  assert.equal(last[3], 1);
});

it('halt is told to the device: it does not wait for its watchdog', async () => {
  const stand = new Stand(createDevice({ robot, entry, now }));
  try {
    await stand.open();
    await stand.device.enable();
    await stand.watch(() => stand.has('enabled'), 5);
    stand.wantHere();
    stand.wanted.mode = CommandMode.velocity;
    stand.wanted.qd[0] = 0.5;
    await stand.drive(() => stand.vector('qd')[0]! > 0.4, 5);
    await stand.device.halt();
    await stand.watch(() => !stand.has('enabled'), 5);
    assert.ok(!stand.has('watchdog'));
    await stand.watch(() => stand.speed() === 0, 5);
  } finally {
    await stand.device[Symbol.asyncDispose]();
  }
});

it('a velocity beyond the limit is clamped, and what is not a number is not sent', async () => {
  const stand = new Stand(createDevice({ robot, entry, now }));
  try {
    await stand.open();
    await stand.device.enable();
    await stand.watch(() => stand.has('enabled'), 5);
    stand.wantHere();
    stand.wanted.mode = CommandMode.velocity;
    stand.wanted.qd[0] = 100;
    let fastest = 0;
    await stand.drive((time) => {
      fastest = Math.max(fastest, stand.speed());
      return time > 0.5;
    }, 5);
    assert.ok(fastest > 0.9 && fastest <= 1 + 1e-9, `${fastest} of the limit`);
    stand.wanted.qd[0] = Number.NaN;
    await stand.drive(() => stand.speed() === 0, 5);
    await stand.watch(() => stand.vector('q').every(Number.isFinite), 5);
    const mode = stand.sent.at('mode');
    await stand.watch(() => stand.has('watchdog'), 5);
    assert.equal(stand.records().at(-1)![mode], CommandMode.idle);
  } finally {
    await stand.device[Symbol.asyncDispose]();
  }
});

/** The device process that writes that log. */
const pidOf = (log: string): number => Number(readFileSync(`${log}.pid`, 'utf8'));

function running(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
