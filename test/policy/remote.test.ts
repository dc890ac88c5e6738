import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { decode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { type WebSocket, WebSocketServer } from 'ws';
import { loadBundle } from '../../src/policy/bundle.ts';
import type { PolicyManifest } from '../../src/policy/manifest.ts';
import { type NumpyArray, ObservationPacker, unpack } from '../../src/policy/msgpack-numpy.ts';
import { PolicyRunner } from '../../src/policy/runner.ts';
import { HOME, spec, tick } from '../support/bench-arm.ts';
import { allClose } from '../support/close.ts';
import { jointManifest } from '../support/policy.ts';

const N = spec.axes.length;
const folder = mkdtempSync(join(tmpdir(), 'armloop-remote-'));
after(() => rmSync(folder, { recursive: true }));

/** A policy server whose answers a test writes: real sockets, real bytes. */
class Peer implements AsyncDisposable {
  readonly #server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  readonly seen: unknown[] = [];
  readonly sockets: WebSocket[] = [];
  /** What to do with each message. */
  answer: (socket: WebSocket, observation: Readonly<Record<string, unknown>>) => void = () => {};

  private constructor() {
    this.#server.on('connection', (socket) => {
      this.sockets.push(socket);
      socket.send(new ObservationPacker().pack({ model: 'scripted' }));
      socket.on('message', (data) => {
        const observation = unpack(data as Buffer) as Record<string, unknown>;
        this.seen.push(observation);
        this.answer(socket, observation);
      });
    });
  }

  static async open(): Promise<Peer> {
    const peer = new Peer();
    await once(peer.#server, 'listening');
    return peer;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** actions[k] = the state it was shown + k / 100. */
const echo: Peer['answer'] = (socket, observation) => {
  const state = (observation['observation/state'] as NumpyArray).values as Float32Array;
  const data = Float32Array.from({ length: 8 * N }, (_, i) => state[i % N]! + Math.floor(i / N) / 100);
  socket.send(new ObservationPacker().pack({ actions: { data, shape: [8, N] } }));
};

function remote(url: string, name: string): ReturnType<typeof loadBundle> {
  const m = jointManifest(spec);
  const state = {
    ...m.inputs[0]!,
    name: 'observation/state',
    flat: true,
  } as PolicyManifest['inputs'][number];
  const prompt = { kind: 'condition', name: 'prompt', tasks: ['lift the cube', 'push it'] } as const;
  const whole = { ...m, name, model: { runtime: 'remote', url }, inputs: [state, prompt] };
  const action = { ...m.action, name: 'actions' };
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'policy.json'), JSON.stringify({ ...whole, action }));
  return loadBundle(join(folder, name));
}

function shown(): Float64Array {
  const block = new Float64Array(tick.layout.size);
  tick.layout.view(block, 'in.q').set(HOME);
  block[tick.layout.at('in.time')] = 10;
  tick.layout.view(block, 'in.device.time').fill(10);
  return block;
}

test('arrays are written as NumPy sees them: binary keys, type, shape and bytes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 300 }),
      fc.string({ maxLength: 400 }),
      (values, text) => {
        const data = Float32Array.from(values);
        const message = new ObservationPacker().pack({
          [text]: { data, shape: [1, data.length] },
          say: text,
        });
        const keys: unknown[] = [];
        const outer = decode(message, {
          mapKeyConverter: (key) => {
            keys.push(key);
            return key instanceof Uint8Array ? Buffer.from(key).toString() : String(key);
          },
        }) as Record<string, unknown>;
        assert.equal(keys.filter((k) => k instanceof Uint8Array).length, 4);
        assert.equal(outer['say'], text);
        if (text === 'say') return;
        const { dtype, shape, __ndarray__: marked } = outer[text] as Record<string, unknown>;
        assert.deepEqual([marked, dtype, shape], [true, '<f4', [1, data.length]]);
        const back = unpack(message) as Record<string, NumpyArray>;
        assert.deepEqual(back[text]!.values, data);
      },
    ),
  );
  // float64 [1, 2] by hand: {b'__ndarray__': true, b'data': …, b'dtype': '<f8', b'shape': [1, 2]}.
  const hex = (s: string): string => Buffer.from(s, 'utf8').toString('hex');
  const bytes = Buffer.from(Float64Array.of(0.5, -2).buffer).toString('hex');
  const golden = `84c40b${hex('__ndarray__')}c3c404${hex('data')}c410${bytes}c405${hex('dtype')}a3${hex('<f8')}c405${hex('shape')}920102`;
  const array = unpack(Buffer.from(golden, 'hex')) as NumpyArray;
  assert.deepEqual(array, { shape: [1, 2], values: Float64Array.of(0.5, -2) });
  const wrong = golden.replace(hex('<f8'), hex('<c8'));
  assert.throws(() => unpack(Buffer.from(wrong, 'hex')), /array of type <c8/);
});

test('metadata first, then one observation and one answer', async () => {
  await using peer = await Peer.open();
  peer.answer = echo;
  const bundle = remote(peer.url, 'good');
  await using runner = await PolicyRunner.open(bundle, { spec, request: { task: 'push it' } });
  peer.seen.length = 0;
  runner.observer.tick(shown());
  assert.equal(await runner.infer(10, 10), '');
  const [observation] = peer.seen as [Record<string, unknown>];
  assert.equal(observation['prompt'], 'push it', 'the task goes as text');
  assert.deepEqual((observation['observation/state'] as NumpyArray).shape, [N], 'without a batch dimension');
  for (let k = 0; k < 8; k++) {
    allClose(
      runner.actions.subarray(k * N, (k + 1) * N),
      HOME.map((x) => x + k / 100),
      { atol: 1e-6 },
    );
  }
  await assert.rejects(PolicyRunner.open(bundle, { spec }), {
    code: 'POLICY_ASKED',
    message: /does one of 'lift the cube', 'push it', but none was named/,
  });
});

/** Calls until an answer comes: on a busy machine one may be late, and a connection that was lost is made again. */
async function again(runner: PolicyRunner): Promise<void> {
  for (;;) {
    try {
      assert.equal(await runner.infer(10, 10), '');
      return;
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'POLICY_REMOTE');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

test('a text is the error of the server; a lost answer is a chunk that does not come, and the next one does', async () => {
  await using peer = await Peer.open();
  peer.answer = echo;
  const options = { spec, request: { task: 'push it' }, timeoutMs: 60_000 } as const;
  await using runner = await PolicyRunner.open(remote(peer.url, 'shaky'), options);
  runner.observer.tick(shown());
  peer.answer = (socket) => socket.send('Traceback:\n  File x\nValueError: no such camera');
  await assert.rejects(runner.infer(10, 10), {
    code: 'POLICY_REMOTE',
    message: /it says: ValueError: no such camera/,
  });
  peer.answer = (socket) => socket.send(new ObservationPacker().pack({ velocity: 'none' }));
  await assert.rejects(runner.infer(10, 10), {
    code: 'POLICY_REMOTE',
    message: /no array of floats named actions: velocity/,
  });
  peer.answer = (socket) => socket.close();
  await assert.rejects(runner.infer(10, 10), { code: 'POLICY_REMOTE', message: /closed the connection/ });
  peer.answer = echo;
  await again(runner);
});

test('an answer that is late is given up with its connection: it is not taken for the next one', async () => {
  await using peer = await Peer.open();
  peer.answer = echo;
  const options = { spec, request: { task: 'push it' }, timeoutMs: 200 } as const;
  const bundle = remote(peer.url, 'late');
  const open = (): Promise<PolicyRunner> => PolicyRunner.open(bundle, options).catch(open);
  await using runner = await open();
  runner.observer.tick(shown());
  await again(runner);
  const silent: WebSocket[] = [];
  peer.answer = (socket) => void silent.push(socket);
  await assert.rejects(
    async () => {
      // One that is still connecting has asked nothing.
      while (silent.length === 0) {
        await runner.infer(10, 10).catch((error: Error) => {
          if (silent.length > 0) throw error;
        });
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    { code: 'POLICY_REMOTE', message: /no answer within 200 ms/ },
  );
  const answered: WebSocket[] = [];
  peer.answer = (socket, observation) => {
    answered.push(socket);
    echo(socket, observation);
  };
  await again(runner);
  assert.ok(answered.length > 0 && answered.every((s) => !silent.includes(s)));
});

test('a server that is not there, or an address that is none, is refused at load', async () => {
  const peer = await Peer.open();
  const { url } = peer;
  await peer[Symbol.asyncDispose]();
  const options = { spec, request: { task: 'push it' } } as const;
  await assert.rejects(PolicyRunner.open(remote(url, 'absent'), options), { code: 'POLICY_REMOTE' });
  await assert.rejects(PolicyRunner.open(remote('http://x', 'web'), options), {
    code: 'POLICY_REMOTE',
    message: /neither ws/,
  });
});
