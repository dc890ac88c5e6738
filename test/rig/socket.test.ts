import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ArmloopError } from '../../src/errors.ts';
import { rigAddress } from '../../src/rig/address.ts';
import { RigSocket } from '../../src/rig/socket.ts';
import { encode, encodeJson, FrameParser, MAX_FRAME, WIRE_PROTOCOL, Wire } from '../../src/rig/wire.ts';
import { ScriptedRig } from '../support/scripted-rig.ts';
import { until } from '../support/sockets.ts';

test('frames come out as they went in, however the stream is cut', () => {
  const frames = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.uint8Array({ maxLength: 300 })), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(([type, payload]) => encode(type as Wire, payload)));
      const got: [number, Uint8Array][] = [];
      const parser = new FrameParser((type, payload) => got.push([type, Uint8Array.from(payload)]));
      for (let at = 0, i = 0; at < stream.length; i++) {
        const end = at + cuts[i % cuts.length]!;
        parser.push(Buffer.from(stream.subarray(at, end)));
        at = end;
      }
      assert.deepEqual(
        got,
        sent.map(([type, payload]) => [type, Uint8Array.from(payload)]),
      );
    }),
    { seed: 11, numRuns: 300 },
  );
  for (const length of [0, MAX_FRAME + 1]) {
    const head = Buffer.alloc(5);
    head.writeUInt32LE(length);
    assert.throws(() => new FrameParser(() => {}).push(head), /WIRE_PROTOCOL|understand/);
  }
});

test('the address fits the system, whatever the workspace is called', () => {
  assert.equal(rigAddress('/data', 'arm'), '/data/run/arm.sock');
  const deep = `/${'deep/'.repeat(30)}workspace`;
  const short = rigAddress(deep, 'arm');
  assert.ok(Buffer.byteLength(short) <= 103, short);
  assert.equal(rigAddress(deep, 'arm'), short);
  assert.notEqual(rigAddress(deep, 'arm2'), short);
  assert.notEqual(rigAddress(`${deep}2`, 'arm'), short);
});

test('a live rig keeps its address, a dead one loses it', async () => {
  await using rig = await new ScriptedRig().open();
  const handlers = {
    hello: async () => null,
    request: async () => null,
    operator: () => {},
    gone: () => {},
  };
  await assert.rejects(
    RigSocket.open(rig.path, handlers),
    (error) => error instanceof ArmloopError && error.code === 'RIG_ALREADY_RUNNING',
  );
  await rig.close();
  assert.ok(!existsSync(rig.path), 'a rig that ends takes its socket with it');
  // What a killed rig leaves: a socket file that nobody listens at. A plain file stands for it.
  writeFileSync(rig.path, '');
  await using next = await RigSocket.open(rig.path, handlers);
  assert.equal(next.servers, 0);
});

test('a connection that does not speak the protocol is cut off; others go on', async () => {
  await using rig = await new ScriptedRig().open();
  const tries: Buffer[] = [
    Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    encodeJson(Wire.request, { id: 1, method: 'estop', params: {} }),
    encode(Wire.hello, Buffer.from('{')),
    encodeJson(Wire.hello, { protocol: WIRE_PROTOCOL + 1, role: 'server' }),
  ];
  for (const data of tries) {
    const socket = createConnection(rig.path);
    let closed = false;
    socket.on('close', () => {
      closed = true;
    });
    socket.on('error', () => {});
    socket.resume();
    socket.write(data);
    await until(`cut off after ${data.toString().slice(0, 20)}`, () => closed);
  }
  assert.deepEqual(rig.asked, []);
  assert.equal(rig.socket!.servers, 0);
});

test('a server that neither reads nor speaks is let go, and the rig is not held up', async () => {
  await using rig = await new ScriptedRig().open();
  const mute = createConnection(rig.path);
  mute.on('error', () => {});
  mute.write(encodeJson(Wire.hello, { protocol: WIRE_PROTOCOL, role: 'server' }));
  mute.pause();
  await until('it is there', () => rig.socket!.servers === 1);
  const block = new Float64Array(20_000);
  for (let i = 0; i < 200; i++) rig.socket!.live(block);
  await until('live state is dropped for it', () => {
    rig.socket!.live(block);
    return rig.socket!.dropped.live > 0;
  });
  await until('it is let go', () => rig.gone.length === 1);
  mute.destroy();
});

test('the folder of a socket is made, and a busy one of another program is not taken', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'armloop-sock-'));
  try {
    const path = join(folder, 'run', 'arm.sock');
    const handlers = {
      hello: async () => null,
      request: async () => null,
      operator: () => {},
      gone: () => {},
    };
    await using socket = await RigSocket.open(path, handlers);
    assert.ok(existsSync(path));
    await socket[Symbol.asyncDispose]();
    const other = createServer().listen(path);
    await until('it listens', () => other.listening);
    await assert.rejects(RigSocket.open(path, handlers), /already runs/);
    await new Promise((resolve) => other.close(resolve));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
