/** @alone A rig in this process whose loop thread hangs: the devices are halted without it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadRobot } from '../../src/config.ts';
import { openLog } from '../../src/log.ts';
import { Rig } from '../../src/rig/rig.ts';
import { bytesOf } from '../../src/rig/wire.ts';
import { ControllerId, Mode, operatorLayout } from '../../src/robot/tick.ts';
import { RigError } from '../../src/server/rig-link.ts';
import { Misdeed } from '../support/loop-controllers.ts';
import { linkTo } from '../support/rig-link.ts';
import { workspace } from '../support/rig-process.ts';
import { floats, until } from '../support/sockets.ts';
import { testRobot } from '../support/test-robot.ts';

test('a loop thread that hangs: devices are told to hold, people are told why, the recording is kept', async () => {
  using folder = workspace();
  const log = join(folder.path, 'mock.csv');
  const device = { name: 'arm', kind: 'mock', options: { rateHz: 250, lingerS: 1, log } };
  // A watchdog that would come too late: what holds here is `halt`.
  const limits = { stateAgeMs: 2000, missedMs: 2000, deadmanMs: 1500, watchdogMs: 30_000 };
  const spec = loadRobot(testRobot(folder.path, { devices: [device], limits }, 'panda-mock'));
  const rig = await Rig.open({
    spec,
    workspace: folder.path,
    log: openLog(folder.path, 'rig'),
    controllers: new URL('../support/loop-controllers.js', import.meta.url),
  });
  let live: Float64Array | null = null;
  const link = await linkTo(folder.path, spec.id, {
    live: (block) => {
      live = floats(Buffer.from(block));
    },
  });
  let timer: NodeJS.Timeout | null = null;
  try {
    const { lease } = (await link.request('lease.take', { client: 1, operator: 'Ada' })) as { lease: number };
    const layout = operatorLayout(spec.axes.length);
    const input = new Float64Array(layout.size);
    timer = setInterval(() => link.operator(1, bytesOf(input)), 20);
    await link.request('recording.start', { lease, task: 'hang' });
    await link.request('request', { kind: 'activate', lease, controller: 'twist' });
    await until(
      'active',
      () => rig.watch.view.controller === ControllerId.twist && rig.watch.view.mode === Mode.active,
    );
    // Straight to the loop: the session would bring the speed into its range.
    const block = rig.session.nobody();
    block[layout.at('lease')] = lease;
    block[layout.at('speed')] = Misdeed.hangs;
    // Again and again: what the page sends may take its place before the loop has seen it.
    await until('the loop is seen to be dead', () => {
      if (!rig.dead) rig.operate(block);
      return rig.dead;
    });
    await until('the device holds', () => {
      const last = readFileSync(log, 'utf8').split('\n').slice(1, -1).at(-1)!.split(',').map(Number);
      return last.slice(13, 13 + spec.axes.length).every((qd) => Math.abs(qd) < 1e-3);
    });
    const shown = await until('the stop is shown', () => {
      const modeAt = link.hello?.layout.fields.findIndex((f) => f.name === 'mode') ?? -1;
      return live !== null && live[modeAt] === Mode.stopped ? live : null;
    });
    assert.ok(shown.length > 0);
    await until('people are told', () =>
      rig.session.events.list.some((e) => e.level === 'error' && /control loop is dead/.test(e.text)),
    );
    await until('the recording has ended', () => rig.session.recording.state === 'review');
    await assert.rejects(
      link.request('home', { lease: rig.session.leaseId || lease }),
      (error) => error instanceof RigError && ['RIG_THREAD_DIED', 'LEASE_NEEDED'].includes(error.code),
    );
  } finally {
    if (timer !== null) clearInterval(timer);
    link.close();
    await rig.close();
  }
});
