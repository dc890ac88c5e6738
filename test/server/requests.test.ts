import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArmloopError } from '../../src/errors.ts';
import { rigSeen, serverOn } from '../support/quiet-server.ts';
import { ScriptedRig } from '../support/scripted-rig.ts';
import { until } from '../support/sockets.ts';

test('unusable requests get 4xx with code, message and advice, and never reach the rig', async () => {
  await using rig = await new ScriptedRig().open();
  await using server = await serverOn(rig);
  await rigSeen(server.url);
  const long = 'x'.repeat(300 * 1024);
  const table: [method: string, path: string, body: unknown, status: number, mentions: RegExp][] = [
    ['POST', '/api/request', undefined, 400, /top/],
    ['POST', '/api/request', 'not json', 400, /JSON/i],
    ['POST', '/api/request', [], 400, /top/],
    ['POST', '/api/request', {}, 400, /kind/],
    ['POST', '/api/request', { kind: 'jump' }, 400, /arm, activate/],
    ['POST', '/api/request', { kind: 'activate', lease: 'one' }, 400, /lease/],
    ['POST', '/api/request', { kind: 'activate', lease: 0 }, 400, /lease/],
    ['POST', '/api/request', { kind: 'activate', lease: 1.5 }, 400, /lease/],
    ['POST', '/api/request', { kind: 'activate', lease: 1, controller: 'reset' }, 400, /controller/],
    ['POST', '/api/request', { kind: 'activate', lease: 1, args: [1, null] }, 400, /args/],
    ['POST', '/api/request', { kind: 'activate', lease: 1, args: new Array(513).fill(0) }, 400, /args/],
    ['POST', '/api/request', { kind: 'hold', extra: 1 }, 400, /extra/],
    ['POST', '/api/home', {}, 400, /lease/],
    ['POST', '/api/scene/reset', { lease: 1, seed: -1 }, 400, /seed/],
    ['POST', '/api/scene/reset', { lease: 1, seed: 1e300 }, 400, /seed/],
    ['POST', '/api/scene/push', { lease: 1, body: 'hand', point: [0, 0], towards: [0, 0, 1] }, 400, /point/],
    ['POST', '/api/scene/push', { body: 'hand', point: [0, 0, 0], towards: [0, 0, 1] }, 400, /lease/],
    ['POST', '/api/recording/start', { lease: 1, task: 7, operator: 'a' }, 400, /task/],
    ['POST', '/api/recording/start', { lease: 1, task: 'x'.repeat(2001) }, 400, /task/],
    ['POST', '/api/recording/label', { lease: 1, label: 'great' }, 400, /label/],
    ['POST', '/api/recording/start', { lease: 1, task: long }, 413, /large/],
    ['POST', '/api/episodes/..%2f..%2fetc%2fpasswd/replay', { lease: 1 }, 400, /id/],
    ['POST', '/api/episodes/%2e%2e/replay', { lease: 1 }, 404, /there is no/],
    ['GET', '/api/nothing', undefined, 404, /there is no GET/],
    ['POST', '/api/rig', {}, 404, /there is no POST/],
    ['DELETE', '/api/recording/start', undefined, 404, /there is no DELETE/],
  ];
  for (const [method, path, body, status, mentions] of table) {
    const response = await fetch(server.url + path, {
      method,
      ...(body === undefined
        ? {}
        : {
            headers: { 'content-type': 'application/json' },
            body: typeof body === 'string' ? body : JSON.stringify(body),
          }),
    });
    const what = `${method} ${path} ${JSON.stringify(body)?.slice(0, 80)}`;
    const text = await response.text();
    assert.equal(response.status, status, `${what}: ${text}`);
    const { error } = JSON.parse(text) as { error: { code: string; message: string; todo: string } };
    assert.match(error.message, mentions, what);
    assert.ok(error.code.length > 0 && error.todo.length > 0, what);
  }
  assert.deepEqual(rig.asked, []);
});

test('requests reach the rig as they are, and its refusals come back as they are', async () => {
  await using rig = await new ScriptedRig().open();
  await using server = await serverOn(rig);
  await rigSeen(server.url);
  const post = async (path: string, body?: unknown) => {
    const response = await fetch(server.url + path, {
      method: 'POST',
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  rig.answer = () => ({ seq: 41 });
  assert.deepEqual(await post('/api/estop'), { status: 200, body: { seq: 41 } });
  assert.deepEqual(rig.asked.at(-1), { method: 'estop', params: {} });
  const ask = { kind: 'activate', lease: 3, controller: 'trajectory', args: [1, 2.5] };
  assert.deepEqual(await post('/api/request', ask), { status: 200, body: { seq: 41 } });
  assert.deepEqual(rig.asked.at(-1), { method: 'request', params: ask });

  rig.answer = () => {
    throw new ArmloopError('LEASE_TAKEN', { operator: 'Ada' });
  };
  const refused = await post('/api/home', { lease: 2 });
  assert.equal(refused.status, 409);
  assert.deepEqual((refused.body as { error: { code: string } }).error.code, 'LEASE_TAKEN');
  assert.match(JSON.stringify(refused.body), /Ada has control/);

  // The rig goes while it is being asked, then comes back.
  rig.answer = () => new Promise(() => {});
  const waiting = post('/api/home', { lease: 2 });
  await until('the request has arrived', () => rig.asked.at(-1)?.method === 'home');
  await rig.close();
  assert.equal((await waiting).status, 503);
  assert.equal((await post('/api/estop')).status, 503);
  rig.answer = () => ({ seq: 42 });
  await rig.open();
  await rigSeen(server.url);
  assert.deepEqual(await post('/api/estop'), { status: 200, body: { seq: 42 } });
});

test('/docs describes every route and loads from this machine alone', async () => {
  await using rig = await new ScriptedRig().open();
  await using server = await serverOn(rig);
  const page = await (await fetch(`${server.url}/docs/`)).text();
  const assets = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((m) => m[1]!);
  assert.ok(assets.length >= 3);
  for (const asset of assets) {
    assert.doesNotMatch(asset, /^(https?:)?\/\//, 'a file from elsewhere');
    assert.equal((await fetch(new URL(asset, `${server.url}/docs/`))).status, 200, asset);
  }
  const api = (await (await fetch(`${server.url}/docs/json`)).json()) as { paths: Record<string, unknown> };
  for (const path of ['/api/rig', '/api/request', '/api/estop', '/api/recording/start', '/metrics']) {
    assert.ok(path in api.paths, path);
  }
});

test('/metrics is Prometheus text, with and without a rig', async () => {
  await using rig = await new ScriptedRig().open();
  await using server = await serverOn(rig);
  await rigSeen(server.url);
  rig.answer = () => ({
    mode: 2,
    fault: 0,
    loop: { rate: 1000, latenessP50: 7e-5, latenessP99: 2e-4, latenessMax: 1e-3, missed: 4, work: 2e-5 },
    recording: { seconds: -1, dropped: 0, backlog: 0, episodes: 3 },
    cameras: [{ name: 'front', frames: 12, measuredFps: 14.9, dropped: 1 }],
    servers: { connected: 1, droppedLive: 0, droppedFrames: 0 },
    operatorRefused: 0,
    process: { rss: 1e8, cpu: 2 },
  });
  const scrape = async (): Promise<Map<string, number>> => {
    const response = await fetch(`${server.url}/metrics`);
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain/);
    const values = new Map<string, number>();
    for (const line of (await response.text()).split('\n')) {
      if (line === '' || line.startsWith('#')) continue;
      const sample = /^([a-zA-Z_:][\w:]*(?:\{(?:\w+="[^"]*",?)*\})?) (NaN|Nan|[+-]?Inf|[-+.\deE]+)$/.exec(
        line,
      );
      assert.ok(sample !== null, `not a sample: ${line}`);
      values.set(sample[1]!, Number(sample[2]!));
    }
    return values;
  };
  const there = await scrape();
  assert.equal(there.get('armloop_rig_up'), 1);
  assert.equal(there.get('armloop_rig_loop_rate_hertz'), 1000);
  assert.equal(there.get('armloop_rig_loop_lateness_seconds{quantile="0.99"}'), 2e-4);
  assert.equal(there.get('armloop_rig_loop_missed_periods_total'), 4);
  assert.equal(there.get('armloop_rig_episodes_total'), 3);
  assert.equal(there.get('armloop_rig_camera_dropped_total{camera="front"}'), 1);
  assert.equal(there.get('armloop_server_websocket_clients{kind="live"}'), 0);
  assert.ok((there.get('armloop_server_process_resident_memory_bytes') ?? 0) > 0);
  await rig.close();
  const away = await scrape();
  assert.equal(away.get('armloop_rig_up'), 0);
  assert.ok(Number.isNaN(away.get('armloop_rig_loop_rate_hertz')));
});
