import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArmloopError } from '../../src/errors.ts';
import { ControllerId, Mode, OperatorKind, Reason, Source } from '../../src/robot/tick.ts';
import { Session } from '../../src/session/session.ts';
import { PaperRig } from '../support/paper-rig.ts';

const code = (wanted: string) => (error: unknown) => error instanceof ArmloopError && error.code === wanted;

async function open() {
  const rig = new PaperRig();
  const session = new Session(rig);
  const take = async (client = 1, operator = 'Ada') =>
    ((await session.request('lease.take', { client, operator }, 1)) as { lease: number }).lease;
  return { rig, session, take };
}

test('everything that moves or records needs the lease in force; watching, holding and stopping do not', async () => {
  const { rig, session, take } = await open();
  const lease = await take();
  const needs: [string, Record<string, unknown>][] = [
    ['request', { kind: 'arm' }],
    ['request', { kind: 'activate', controller: 'jog' }],
    ['request', { kind: 'clear' }],
    ['request', { kind: 'disarm' }],
    ['home', {}],
    ['scene.reset', {}],
    ['recording.start', { task: 'x' }],
    ['recording.stop', {}],
    ['recording.label', { label: 'success' }],
    ['recording.discard', {}],
    ['recording.rerecord', {}],
    ['replay', { episode: 'e1' }],
    ['scene.push', { body: 'hand', point: [0, 0, 0], towards: [0, 0, 1] }],
  ];
  rig.done.length = 0;
  for (const [method, params] of needs) {
    for (const wrong of [lease + 1, lease - 1]) {
      await assert.rejects(
        async () => session.request(method, { ...params, lease: wrong }, 1),
        code('LEASE_NEEDED'),
        method,
      );
    }
  }
  await assert.rejects(session.request('request', { kind: 'arm' }, 1), code('LEASE_NEEDED'));
  await assert.rejects(session.request('lease.take', { client: 2, operator: 'Bob' }, 1), code('LEASE_TAKEN'));
  await assert.rejects(session.request('lease.take', { client: 1, operator: 'Eve' }, 2), code('LEASE_TAKEN'));
  await assert.rejects(session.request('jump', {}, 1), code('REQUEST_UNKNOWN'));
  await assert.rejects(session.request('home', { lease: 'x' }, 1), code('REQUEST_INVALID'));
  assert.deepEqual(rig.done, []);
  await session.request('request', { kind: 'hold' }, 9);
  await session.request('request', { kind: 'estop' }, 9);
  await session.request('estop', {}, 9);
  assert.deepEqual(rig.done, ['ask hold', 'ask estop', 'ask estop']);
});

test('a lease that the loop has given up is taken away; one taken since is kept', async () => {
  const { rig, session, take } = await open();
  const lease = await take();
  session.tick();
  await session.request('request', { kind: 'activate', lease, controller: 'jog' }, 1);
  rig.view.reasons = Reason.deadman;
  session.tick();
  assert.equal(session.leaseId, 0);
  assert.deepEqual(rig.told.at(-1), [1, 'lost']);
  const next = await take();
  session.tick();
  assert.equal(session.leaseId, next, 'the arm still comes to rest from the lease before');
});

test('what was driven for an operator stops when the operator is silent, gone, or without a server', async () => {
  for (const end of ['silence', 'gone', 'server', 'release'] as const) {
    const { rig, session, take } = await open();
    const lease = await take();
    await session.request('request', { kind: 'activate', lease, controller: 'jog' }, 1);
    assert.equal(rig.asked.at(-1)!.source, Source.human);
    const input = session.nobody();
    input[session.operator.at('kind')] = OperatorKind.jog;
    for (let i = 0; i < 20; i++) {
      rig.time += 0.4;
      session.operate({ connection: 1, client: 1 }, input);
      session.tick();
    }
    assert.equal(session.leaseId, lease);
    session.operate({ connection: 1, client: 2 }, input);
    session.operate({ connection: 2, client: 1 }, input);
    const before = rig.inputs.length;
    if (end === 'silence') {
      rig.time += 0.51;
      session.tick();
      assert.deepEqual(rig.told.at(-1), [1, 'lost']);
    } else if (end === 'gone') await session.request('client.gone', { client: 1 }, 1);
    else if (end === 'server') session.serverGone(1);
    else await session.request('lease.release', { client: 1 }, 1);
    assert.equal(session.leaseId, 0, end);
    assert.equal(rig.done.at(-1), 'ask hold', end);
    assert.equal(rig.inputs.length, before + 1, end);
    assert.equal(rig.inputs.at(-1)![session.operator.at('lease')], 0, end);
    assert.ok(
      session.events.list.some((e) => /Ada no longer has control/.test(e.text)),
      end,
    );
    assert.notEqual(await take(), lease);
  }
});

test('an emergency stop that the loop does not answer goes to the devices; clearing enables them again', async () => {
  const { rig, session, take } = await open();
  const lease = await take();
  await session.estop();
  assert.ok(!rig.done.includes('halt'), 'the loop has answered');
  rig.answer = 'refuses';
  await session.estop();
  assert.ok(!rig.done.includes('halt'), 'a refusal is an answer');
  rig.answer = 'silent';
  await session.estop();
  assert.equal(rig.done.filter((d) => d === 'halt').length, 1);
  rig.answer = 'dead';
  await assert.rejects(session.estop(), code('RIG_THREAD_DIED'));
  assert.equal(rig.done.filter((d) => d === 'halt').length, 2);
  rig.answer = 'takes';
  await session.request('request', { kind: 'clear', lease }, 1);
  assert.deepEqual(rig.done.slice(-2), ['enable', 'ask clear']);
  await session.request('request', { kind: 'clear', lease }, 1);
  assert.deepEqual(rig.done.slice(-2), ['ask clear', 'ask clear']);
});

test('a new scene comes under the reset controller, with a seed of its own, and not into a recording', async () => {
  const { rig, session, take } = await open();
  const lease = await take();
  rig.done.length = 0;
  assert.deepEqual(await session.request('scene.reset', { lease, seed: 9 }, 1), { seed: 9 });
  assert.deepEqual(rig.done, ['ask activate', 'reset 9', 'ask hold']);
  assert.deepEqual(
    [rig.asked.at(-2)!.controller, rig.asked.at(-2)!.source],
    [ControllerId.reset, Source.reset],
  );
  const seeds = new Set<number>();
  for (let i = 0; i < 5; i++) {
    const { seed } = (await session.request('scene.reset', { lease }, 1)) as { seed: number };
    seeds.add(seed);
  }
  assert.equal(seeds.size, 5);
  await session.request('recording.start', { lease }, 1);
  assert.equal(rig.done.at(-1), 'record Reach it. by Ada');
  await assert.rejects(session.request('scene.reset', { lease }, 1), code('SCENE_BUSY'));
  await assert.rejects(session.request('replay', { lease, episode: 'e1' }, 1), code('SCENE_BUSY'));
  rig.done.length = 0;
  await session.request('recording.rerecord', { lease }, 1);
  assert.deepEqual(rig.done.slice(0, 3), ['stop recording', 'discard', 'ask activate']);
  assert.equal(rig.done.at(-1), 'record Reach it. by Ada');
});

test('replay restores the scene, gives rows first and drives then; a refusal stops the rows', async () => {
  const { rig, session, take } = await open();
  const lease = await take();
  rig.done.length = 0;
  await session.request('replay', { lease, episode: 'e1' }, 1);
  assert.deepEqual(rig.done, ['ask activate', 'restore sim', 'ask hold', 'feed e1', 'ask activate']);
  const drive = rig.asked.at(-1)!;
  assert.deepEqual(
    [drive.controller, drive.source, drive.lease],
    [ControllerId.replay, Source.replay, lease],
  );
  assert.deepEqual(drive.args, [0.25]);

  const { rig: refusing, session: other, take: takeOther } = await open();
  const second = await takeOther();
  const ask = refusing.ask.bind(refusing);
  refusing.ask = (request) => {
    refusing.answer = request.controller === ControllerId.replay ? 'refuses' : 'takes';
    return ask(request);
  };
  await assert.rejects(other.request('replay', { lease: second, episode: 'e1' }, 1), code('REQUEST_REFUSED'));
  assert.equal(refusing.done.at(-1), 'stop feeding');
});

test('during a shutdown nobody drives, and stops are still taken', async () => {
  const { rig, session, take } = await open();
  const lease = await take();
  session.retire();
  assert.equal(session.leaseId, 0);
  assert.deepEqual(rig.told.at(-1), [1, 'lost']);
  await assert.rejects(take(), code('REQUEST_REFUSED'));
  await assert.rejects(session.request('home', { lease }, 1), code('REQUEST_REFUSED'));
  await session.request('estop', {}, 1);
  assert.equal(rig.done.at(-1), 'ask estop');
});

test('a policy is loaded, drives as policy, gives way to hands, goes on, and is put away', async () => {
  const { rig, session, take } = await open();
  const policy = () => session.state().policy;
  await assert.rejects(
    session.request('policy.deploy', { lease: 9, policy: 'pick' }, 1),
    code('LEASE_NEEDED'),
  );
  const lease = await take();
  await assert.rejects(session.request('policy.resume', { lease }, 1), code('POLICY_NONE'));
  await assert.rejects(
    session.request('policy.deploy', { lease, policy: '../x' }, 1),
    code('REQUEST_INVALID'),
  );
  await assert.rejects(session.request('policy.deploy', { lease, policy: 'bad' }, 1), code('POLICY_UNKNOWN'));
  assert.equal(policy(), null);

  rig.done.length = 0;
  const deployed = session.request('policy.deploy', { lease, policy: 'pick' }, 1);
  await Promise.resolve();
  assert.equal(policy()?.state, 'loading');
  await deployed;
  assert.deepEqual(rig.done, ['load pick', 'ask activate']);
  const { controller, source, args } = rig.asked.at(-1)!;
  assert.deepEqual([controller, source, args], [ControllerId.policy, Source.policy, [1.5]]);
  assert.equal(policy()?.state, 'driving');

  await session.request('request', { kind: 'activate', lease, controller: 'jog' }, 1);
  assert.equal(rig.asked.at(-1)!.source, Source.human);
  assert.equal(policy()?.state, 'ready');
  await session.request('policy.resume', { lease }, 1);
  assert.equal(rig.asked.at(-1)!.source, Source.policy);
  assert.equal(policy()?.state, 'driving');

  // Another one: the arm holds while it is loaded.
  rig.done.length = 0;
  await session.request('policy.deploy', { lease, policy: 'push' }, 1);
  assert.deepEqual(rig.done, ['ask hold', 'load push', 'ask activate']);
  rig.done.length = 0;
  await session.request('policy.stop', { lease }, 1);
  assert.deepEqual(rig.done, ['ask hold', 'unload']);
  assert.equal(policy(), null);
  const said = session.events.list.map((e) => e.text).join('\n');
  assert.match(said, /The policy pick drives \(sha256 abc\)[\s\S]*pick drives again[\s\S]*push was put away/);
});

test('a planner is started for who has control, changed while it drives, and put away', async () => {
  const { rig, session, take } = await open();
  const planner = () => session.state().planner;
  const pose = [0.5, 0, 0.3, 1, 0, 0, 0];
  const start = { task: 'reach', target: { kind: 'pose', pose } };
  await assert.rejects(session.request('planner.start', { lease: 9, ...start }, 1), code('LEASE_NEEDED'));
  const lease = await take();
  await assert.rejects(session.request('planner.resume', { lease }, 1), code('PLAN_NONE'));
  for (const [wrong, by] of [
    [{ ...start, task: 'dance' }, 'PLAN_UNKNOWN_TASK'],
    [{ task: 'reach' }, 'PLAN_PROBLEM_INVALID'],
    [{ task: 'reach', target: { kind: 'joints', q: [1] } }, 'PLAN_PROBLEM_INVALID'],
    [{ task: 'joints', target: { kind: 'joints', q: [1] } }, 'PLAN_PROBLEM_INVALID'],
    [{ ...start, weights: { beauty: { weight: 1 } } }, 'PLAN_PROBLEM_INVALID'],
    [{ ...start, target: { kind: 'pose', pose: [1] } }, 'REQUEST_INVALID'],
    [{ ...start, horizon: 0 }, 'REQUEST_INVALID'],
    [{ ...start, target: { kind: 'pose', pose: [0.5, 0, 0.3, 1, 1, 0, 0] } }, 'PLAN_PROBLEM_INVALID'],
  ] as const) {
    await assert.rejects(
      session.request('planner.start', { lease, ...wrong }, 1),
      code(by),
      JSON.stringify(wrong),
    );
  }
  rig.done.length = 0;
  const weights = { position: { weight: 7 } };
  const started = session.request('planner.start', { lease, ...start, weights }, 1);
  await Promise.resolve();
  assert.equal(planner()?.state, 'loading');
  await started;
  assert.deepEqual(rig.done, ['plan reach', 'ask activate']);
  const { controller, source, args } = rig.asked.at(-1)!;
  assert.deepEqual([controller, source], [ControllerId.mpc, Source.mpc]);
  assert.deepEqual(args, [0.05, 0.2, 1]);
  assert.equal(planner()?.state, 'driving');
  assert.equal(planner()?.terms.find((t) => t.name === 'position')?.weight, 7);
  await session.request('planner.set', { lease, weights }, 1);
  assert.equal(rig.done.at(-1), 'set weights');
  await session.request('request', { kind: 'activate', lease, controller: 'jog' }, 1);
  assert.equal(planner()?.state, 'ready');
  await session.request('planner.resume', { lease }, 1);
  assert.equal(planner()?.state, 'driving');
  rig.done.length = 0;
  await session.request('planner.stop', { lease }, 1);
  assert.deepEqual(rig.done, ['ask hold', 'unload planner']);
  assert.equal(planner(), null);
});

test('a push is one event from its first request to its last, in the log of the episode too', async () => {
  const { rig, session, take } = await open();
  const lease = await take();
  const beat = (): void => {
    const input = session.nobody();
    input[session.operator.at('kind')] = OperatorKind.jog;
    session.operate({ connection: 1, client: 1 }, input);
    session.tick();
  };
  const at = { lease, point: [0, 0, 0.1], towards: [0.5, 0.3, 0.4] };
  const push = (body: string, more = {}) => session.request('scene.push', { ...at, body, ...more }, 1);
  await push('hand');
  for (let i = 0; i < 4; i++) {
    rig.time += 0.2;
    beat();
    await push('hand', { seconds: 0.3, force: 20 });
  }
  rig.time += 0.2;
  beat();
  await push('hand', { seconds: 0 });
  assert.deepEqual(rig.done.filter((d) => d.startsWith('push')).slice(0, 2), [
    'push hand 60 N 0.5 s',
    'push hand 20 N 0.3 s',
  ]);
  assert.equal(rig.done.at(-1), 'push hand 60 N 0 s');
  // From one body to another, and then nobody asks any more.
  await push('link3', { seconds: 0.4 });
  rig.time += 0.1;
  beat();
  await push('cube', { seconds: 0.4 });
  rig.time += 0.3;
  beat();
  assert.equal(rig.logged.at(-1), 'Ada pushes cube.');
  rig.time += 0.2;
  beat();
  assert.deepEqual(
    rig.logged.filter((text) => /push|let go/.test(text)),
    [
      'Ada pushes hand.',
      'Ada let go of hand after 1.0 s.',
      'Ada pushes link3.',
      'Ada let go of link3 after 0.1 s.',
      'Ada pushes cube.',
      'Ada let go of cube after 0.4 s.',
    ],
  );
  await assert.rejects(push('table'), code('REQUEST_INVALID'));
  for (const bad of [{ force: 1e4 }, { seconds: 60 }, { point: [0, 0] }, { towards: [0, 0, Number.NaN] }])
    await assert.rejects(async () => push('hand', bad), code('REQUEST_INVALID'), JSON.stringify(bad));
  rig.scene = null;
  await assert.rejects(push('hand'), /a push needs a simulated rig/);
});

test('torque that is coming on is ended by the emergency stop, by who is gone, by disarming and by a shutdown', async () => {
  const { rig, session, take } = await open();
  const arming = async (): Promise<Promise<unknown>[]> => {
    const lease = await take();
    let fail: (error: Error) => void = () => {};
    rig.enableDevices = () =>
      new Promise((_, reject) => {
        fail = reject;
      });
    rig.haltDevices = async () => {
      rig.done.push('halt');
      fail(new ArmloopError('DEVICE_HALTED', { device: 'arm' }));
    };
    const ended = session.request('request', { kind: 'arm', lease }, 1);
    await assert.rejects(session.request('request', { kind: 'arm', lease }, 1), /being armed/);
    rig.done.length = 0;
    return [ended];
  };
  const ends = async (arming: Promise<unknown>, why: RegExp): Promise<void> => {
    await assert.rejects(
      arming,
      (error) => code('REQUEST_ENDED')(error) && why.test((error as Error).message),
    );
    assert.ok(rig.done.includes('halt') && !rig.done.includes('ask arm'), `${rig.done}`);
    assert.match(rig.logged.join('\n'), new RegExp(`Torque was coming on .*${why.source}`));
    rig.view.mode = Mode.connected;
  };
  rig.view.mode = Mode.connected;
  const [stopped] = await arming();
  await session.estop();
  await ends(stopped!, /the emergency stop was pressed/);
  const [gone] = await arming();
  session.serverGone(1);
  await ends(gone!, /the server of the operator is gone/);
  const [disarmed] = await arming();
  await session.request('request', { kind: 'disarm', lease: session.leaseId }, 1);
  await ends(disarmed!, /the rig is disarmed/);
  assert.ok(rig.done.indexOf('halt') < rig.done.indexOf('disable'));
  const [retired] = await arming();
  session.retire();
  await ends(retired!, /the rig is being shut down/);
  await assert.rejects(session.arm(), code('REQUEST_ENDED'), 'nothing comes on any more');
});

test('where the loop commands devices whose torque came on again, a stop that ended that is cleared by enabling them', async () => {
  const { rig, session, take } = await open();
  const lease = await take();
  let fail: (error: Error) => void = () => {};
  rig.enableDevices = () =>
    new Promise((_, reject) => {
      fail = reject;
    });
  rig.haltDevices = async () => fail(new ArmloopError('DEVICE_HALTED', { device: 'arm' }));
  const arming = session.request('request', { kind: 'arm', lease }, 1);
  await session.estop();
  await assert.rejects(arming, code('REQUEST_ENDED'));
  rig.enableDevices = async () => {
    rig.done.push('enable');
    return undefined;
  };
  rig.done.length = 0;
  await session.request('request', { kind: 'clear', lease }, 1);
  assert.deepEqual(rig.done, ['enable', 'ask clear']);
});
