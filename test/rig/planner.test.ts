/** @alone @limit 180 A rig in this process whose planner thread drives it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadRobot } from '../../src/config.ts';
import { Episode } from '../../src/episode/episode.ts';
import { verifyEpisode } from '../../src/episode/verify.ts';
import { openLog } from '../../src/log.ts';
import { EpisodeFiles } from '../../src/record/files.ts';
import { Rig } from '../../src/rig/rig.ts';
import { bytesOf } from '../../src/rig/wire.ts';
import { ControllerId, Mode, operatorLayout, Reason, Source } from '../../src/robot/tick.ts';
import type { SessionState } from '../../src/server/protocol.ts';
import { linkTo } from '../support/rig-link.ts';
import { workspace } from '../support/rig-process.ts';
import { floats, until } from '../support/sockets.ts';
import { testRobot } from '../support/test-robot.ts';

const down = [1, 0, 0, 0];
const GOAL = [0.5, 0.2, 0.35];

test('a planner drives the arm to its target, takes another, and is outlived by the arm', async (t) => {
  using folder = workspace();
  const file = testRobot(folder.path, { sim: { task: 'reach', seed: 1, timestep: 0.002 }, cameras: [] });
  const spec = loadRobot(file);
  const rig = await Rig.open({
    spec,
    workspace: folder.path,
    log: openLog(folder.path, 'rig'),
  });
  const shown = { live: null as Float64Array | null, session: null as SessionState | null };
  const link = await linkTo(folder.path, spec.id, {
    session: (session) => {
      shown.session = session;
    },
    live: (block) => {
      shown.live = floats(Buffer.from(block));
    },
  });
  const layout = new Map(link.hello!.layout.fields.map((f) => [f.name, f.offset]));
  const live = (name: string, i = 0): number => shown.live?.[layout.get(name)! + i] ?? Number.NaN;
  const away = ([x, y, z]: readonly number[]): number =>
    Math.hypot(live('tool', 0) - x!, live('tool', 1) - y!, live('tool', 2) - z!);
  const { lease } = (await link.request('lease.take', { client: 1, operator: 'Ada' })) as { lease: number };
  const input = new Float64Array(operatorLayout(spec.axes.length).size);
  const beat = setInterval(() => link.operator(1, bytesOf(input)), 20);
  let episode = '';
  // A loaded machine solves slowly: plans may grow old, and the arm waits.
  const choice = { task: 'reach', horizon: 15, dt: 0.04, target: { kind: 'pose', pose: [...GOAL, ...down] } };
  try {
    await t.test('it drives there, and says what it plans', async () => {
      episode = ((await link.request('recording.start', { lease, task: 'reach' })) as { episode: string })
        .episode;
      await link.request('planner.start', { lease, ...choice });
      await until(
        'it drives',
        () => live('source') === Source.mpc && live('controller') === ControllerId.mpc,
      );
      await until('it is there', () => away(GOAL) < 0.01, 60_000);
      const terms = shown.session!.planner!.terms.map((term) => term.name);
      assert.equal(shown.session!.planner!.state, 'driving');
      await until('numbers', () => live('planner.plans') > 10 && live('planner.rate') > 0);
      for (const name of ['planner.age', 'planner.solveP50', 'planner.lead'])
        assert.ok(live(name) >= 0, `${name} is ${live(name)}`);
      assert.ok(live('planner.solveP50') > 0);
      let sum = 0;
      for (let i = 0; i < terms.length; i++) sum += live('planner.terms', i);
      assert.ok(Number.isFinite(sum) && Number.isNaN(live('planner.terms', terms.length)));
      // The planned way begins at the tool and ends at the target.
      assert.ok(Math.hypot(live('planner.path', 45) - GOAL[0]!, live('planner.path', 46) - GOAL[1]!) < 0.02);
    });

    await t.test('another target and other weights while it drives', async () => {
      const other = [0.45, -0.2, 0.3];
      await link.request('planner.set', {
        lease,
        target: { kind: 'pose', pose: [...other, ...down] },
        weights: { orientation: { weight: 8 } },
      });
      await until('it is there', () => away(other) < 0.01, 60_000);
      const term = shown.session!.planner!.terms.find((x) => x.name === 'orientation');
      assert.equal(term?.weight, 8);
      await assert.rejects(
        link.request('planner.set', { lease, weights: { beauty: { weight: 1 } } }),
        /the terms are position/,
      );
    });

    await t.test('a recorded episode is verified to the last bit, plans included', async () => {
      await link.request('recording.stop', { lease });
      await link.request('recording.label', { lease, label: 'success' });
      await using opened = await Episode.open(new EpisodeFiles(folder.path), episode);
      const at = { source: opened.tickLayout.at('out.source'), seq: opened.tickLayout.at('in.plan.seq') };
      const plans = new Set<number>();
      for await (const tick of opened.eachTick())
        if (tick[at.source] === Source.mpc) plans.add(tick[at.seq]!);
      assert.ok(plans.size > 10, `${plans.size} plans`);
      const result = await verifyEpisode(opened, { versions: 'same' });
      assert.ok(result.equal, result.text);
    });

    await t.test(
      'the thread dies: the arm brakes and holds by the rule, then it is latched, and people are told',
      async () => {
        await link.request('planner.set', { lease, target: { kind: 'pose', pose: [...GOAL, ...down] } });
        await until('it moves', () => away([0.45, -0.2, 0.3]) > 0.03);
        rig.killPlanner();
        await until(
          'it brakes',
          () => (rig.watch.reasonsAll & Reason.underrun) !== 0 || live('mode') !== Mode.active,
        );
        await until('latched', () => live('mode') === Mode.stopped);
        assert.equal(live('fault') & Reason.controllerFault, Reason.controllerFault);
        await until('people are told', () =>
          shown.session!.events.some((e) => /the planner thread of the rig died/.test(e.text)),
        );
        await until('no planner', () => shown.session!.planner === null);
        const still = live('q');
        const then = live('time');
        await until('half a second later', () => live('time') > then + 0.5);
        assert.ok(Math.abs(live('q') - still) < 1e-3);
      },
    );

    await t.test('cleared, a new planner takes over in a new thread', async () => {
      await link.request('request', { kind: 'clear', lease });
      await until('holding', () => live('mode') === Mode.holding);
      await link.request('planner.start', { lease, ...choice });
      await until('it is there', () => away(GOAL) < 0.01, 60_000);
      await link.request('planner.stop', { lease });
      await until('holding', () => live('mode') === Mode.holding && live('planner.loaded') === 0);
    });
  } finally {
    clearInterval(beat);
    link.close();
    await rig.close();
  }
});
