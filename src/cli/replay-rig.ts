/** Replay on a running rig, through its server as any other client: takes the lease, asks, watches until it is done. */
import WebSocket from 'ws';
import { ArmloopError } from '../errors.ts';
import { Layout } from '../robot/layout.ts';
import { ControllerId, Mode, operatorLayout } from '../robot/tick.ts';
import type { Hello, OperatorReply } from '../server/protocol.ts';

/** Time for the activation to show in the live state, s. */
const START_S = 10;
/** Operator messages per second while the lease is held. */
const OPERATOR_HZ = 50;

/** Resolves with '' when it came to its end, else with why it stopped. Rejects with SERVER_UNREACHABLE. */
export async function replayOnRig(
  id: string,
  server: URL,
  token: string | undefined,
  say: (text: string) => void,
): Promise<string> {
  const client = new Client(server, token);
  try {
    const hello = await client.json<Omit<Hello, 'type'>>('GET', '/api/rig');
    const operator = await client.socket('/api/operator');
    const lease = await takeLease(operator);
    const live = await client.socket('/api/live');
    const watch = new Watch(live, hello.layout);
    const beat = heartbeat(operator, hello.robot.axes.length);
    try {
      say(`the arm will move: lease ${lease} on ${hello.robot.id}`);
      const path = `/api/episodes/${encodeURIComponent(id)}/replay`;
      await client.json('POST', path, { lease });
      await watch.until((v) => v('mode') === Mode.active && v('controller') === ControllerId.replay, START_S);
      say('replaying');
      await watch.until((v) => v('mode') !== Mode.active);
      const done = watch.value('done') === 1;
      say(done ? 'done' : 'stopped before its end');
      return done ? '' : 'the rig stopped it; see the reasons on the console';
    } finally {
      clearInterval(beat);
      operator.send(JSON.stringify({ type: 'release' }));
    }
  } finally {
    client.close();
  }
}

class Client {
  readonly #server: URL;
  readonly #headers: Record<string, string>;
  readonly #sockets: WebSocket[] = [];

  constructor(server: URL, token: string | undefined) {
    this.#server = server;
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    let response: Response;
    try {
      const json = body === undefined ? {} : { body: JSON.stringify(body) };
      const headers = {
        ...this.#headers,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      response = await fetch(new URL(path, this.#server), { method, headers, ...json });
    } catch (error) {
      throw this.#unreachable(error);
    }
    const value = (await response.json()) as T & { error?: { message: string } };
    if (!response.ok) throw this.#unreachable(new Error(value.error?.message ?? `status ${response.status}`));
    return value;
  }

  async socket(path: string): Promise<WebSocket> {
    const url = new URL(path, this.#server);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, { headers: { ...this.#headers, origin: this.#server.origin } });
    this.#sockets.push(socket);
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(socket));
      socket.once('error', (error) => reject(this.#unreachable(error)));
    });
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }

  #unreachable(cause: unknown): ArmloopError {
    const reason =
      cause instanceof Error ? ((cause.cause as Error | undefined)?.message ?? cause.message) : String(cause); // prettier-ignore
    return new ArmloopError('SERVER_UNREACHABLE', { url: this.#server.href, reason }, { cause });
  }
}

function takeLease(socket: WebSocket): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (reason: string): void => reject(gone(reason));
    socket.on('message', (data, binary) => {
      if (binary) return;
      const reply = JSON.parse(String(data)) as OperatorReply;
      if (reply.type === 'lease' && reply.granted) resolve(reply.lease);
      else if (reply.type === 'lease') refuse(reply.reason);
    });
    socket.once('close', () => refuse('the server closed the connection'));
    socket.send(JSON.stringify({ type: 'take', operator: 'armloop replay' }));
  });
}

/** Says that the operator is there, without any motion input: the rig stops the arm when this fails. */
function heartbeat(socket: WebSocket, axes: number): NodeJS.Timeout {
  const layout = operatorLayout(axes);
  const block = new Float64Array(layout.size);
  let seq = 0;
  return setInterval(() => {
    block[layout.at('seq')] = ++seq;
    block[layout.at('clientTime')] = performance.now() / 1000;
    if (socket.readyState === WebSocket.OPEN) socket.send(new Uint8Array(block.buffer));
  }, 1000 / OPERATOR_HZ);
}

const gone = (reason: string): ArmloopError =>
  new ArmloopError('SERVER_UNREACHABLE', { url: 'the rig', reason });

/** The newest live state, and waiting for one. */
class Watch {
  readonly #layout: Layout;
  #block: Float64Array;
  #wake: (() => void) | null = null;
  #closed = false;

  constructor(socket: WebSocket, layout: Hello['layout']) {
    this.#layout = Layout.fromJSON(layout);
    this.#block = new Float64Array(this.#layout.size);
    socket.on('message', (data, binary) => {
      const bytes = data as Buffer;
      if (!binary || bytes.byteLength !== this.#layout.size * 8) return;
      this.#block = new Float64Array(Uint8Array.from(bytes).buffer);
      this.#wake?.();
    });
    socket.on('close', () => {
      this.#closed = true;
      this.#wake?.();
    });
  }

  value(name: string): number {
    return this.#block[this.#layout.at(name)]!;
  }

  /** Rejects with SERVER_UNREACHABLE when the stream ends or the time is up. */
  async until(
    condition: (value: (name: string) => number) => boolean,
    timeoutS = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const value = (name: string): number => this.value(name);
    const end = performance.now() + timeoutS * 1000;
    for (;;) {
      if (this.#closed) throw gone('the stream of its state ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      if (condition(value)) return;
      if (performance.now() > end) throw gone(`nothing happened within ${timeoutS} s`);
    }
  }
}
