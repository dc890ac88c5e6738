import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { ArmloopError } from '../../src/errors.ts';
import { checkExposure } from '../../src/server/access.ts';
import { startServer } from '../../src/server/app.ts';
import { ScriptedRig } from '../support/scripted-rig.ts';
import { TestSocket } from '../support/sockets.ts';

const TOKEN = 'a-secret-of-some-length';

async function serve(rig: ScriptedRig, token: string | null = null) {
  return startServer({ host: '127.0.0.1', port: 0, token, socket: rig.path, workspace: rig.folder });
}

/** A GET with a Host header of our choice, which fetch does not allow. */
function get(
  port: number,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const r = request({ host: '127.0.0.1', port, path, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    r.on('error', reject).end();
  });
}

test('Host and Origin of others are refused, on HTTP and on sockets', async () => {
  await using rig = await new ScriptedRig().open();
  await using server = await serve(rig);
  const { port } = server;
  const other = port === 7411 ? 7412 : 7411;
  const table: [host: string, origin: string | null, status: number][] = [
    [`127.0.0.1:${port}`, null, 200],
    [`localhost:${port}`, null, 200],
    [`[::1]:${port}`, null, 200],
    [`LOCALHOST:${port}`, null, 200],
    [`localhost:${port}`, `http://localhost:${port}`, 200],
    ['localhost', null, 403],
    [`localhost:${other}`, null, 403],
    [`evil.example:${port}`, null, 403],
    [`127.0.0.1.evil.example:${port}`, null, 403],
    [`localhost:${port}`, 'http://evil.example', 403],
    [`localhost:${port}`, `http://127.0.0.1:${port}`, 403],
    [`localhost:${port}`, `http://localhost:${other}`, 403],
    [`localhost:${port}`, 'null', 403],
  ];
  for (const [host, origin, status] of table) {
    const headers = { Host: host, ...(origin === null ? {} : { Origin: origin }) };
    const answer = await get(port, '/api/health', headers);
    assert.equal(answer.status, status, `${host} from ${origin}`);
    if (status === 403) assert.equal(JSON.parse(answer.body).error.code, 'HOST_REFUSED');
    for (const path of ['/api/live', '/api/operator', '/api/cameras/front']) {
      const opened = await TestSocket.open(`ws://127.0.0.1:${port}${path}`, headers).then(
        (socket) => {
          socket[Symbol.dispose]();
          return 200;
        },
        (error: Error) => Number(error.message),
      );
      assert.equal(opened, status, `${path}: ${host} from ${origin}`);
    }
  }
});

test('an address that others reach needs a token, and the token is asked of everyone', async () => {
  for (const host of ['0.0.0.0', '192.168.0.7', '::', 'rig.example']) {
    for (const token of [null, '', 'short']) {
      assert.throws(
        () => checkExposure({ host, token }),
        (error) => error instanceof ArmloopError && error.code === 'SERVER_NEEDS_TOKEN',
      );
    }
    checkExposure({ host, token: TOKEN });
  }
  await using rig = await new ScriptedRig().open();
  await using server = await serve(rig, TOKEN);
  const { url } = server;
  const status = async (path: string, headers: Record<string, string> = {}) =>
    (await fetch(url + path, { headers })).status;
  for (const path of ['/', '/api/health', '/metrics', '/docs', '/api/nothing'])
    assert.equal(await status(path), 401, path);
  assert.equal(await status('/api/health', { authorization: 'Bearer wrong' }), 401);
  assert.equal(await status('/api/health', { authorization: `Bearer ${TOKEN}x` }), 401);
  assert.equal(await status('/api/health', { authorization: `Bearer ${TOKEN}` }), 200);
  await assert.rejects(TestSocket.open(`${url}/api/operator`), /401/);
  const page = await fetch(`${url}/?token=${TOKEN}`);
  assert.equal(page.status, 200);
  const cookie = page.headers.get('set-cookie') ?? '';
  assert.match(cookie, /HttpOnly; SameSite=Strict/);
  assert.equal(await status('/api/health', { cookie: cookie.split(';')[0]! }), 200);
  using socket = await TestSocket.open(`${url}/api/live`, { cookie: cookie.split(';')[0]! });
  await socket.text('hello');
});
