/** A client of a running rig, as any other through its server: takes the lease, asks, watches the live state. */
import WebSocket from 'ws';
import { ArmloopError } from '../errors.ts';
import { Layout } from '../robot/layout.ts';
import { operatorLayout } from '../robot/tick.ts';
import type { Hello, OperatorReply, ServerText } from '../server/protocol.ts';

/** Operator messages per second while the lease is held. */
const OPERATOR_HZ = 50;

export class RigClient {
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

/** `operator`: the name that others see. */
export function takeLease(socket: WebSocket, operator: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (reason: string): void => reject(gone(reason));
    socket.on('message', (data, binary) => {
      if (binary) return;
      const reply = JSON.parse(String(data)) as OperatorReply;
      if (reply.type === 'lease' && reply.granted) resolve(reply.lease);
      else if (reply.type === 'lease') refuse(reply.reason);
    });
    socket.once('close', () => refuse('the server closed the connection'));
    socket.send(JSON.stringify({ type: 'take', operator }));
  });
}

/** Says that the operator is there, without any motion input: the rig stops the arm when this fails. */
export function heartbeat(socket: WebSocket, axes: number): NodeJS.Timeout {
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
export class RigWatch {
  readonly #layout: Layout;
  #block: Float64Array;
  #wake: (() => void) | null = null;
  #closed = false;
  /** What the rig said of itself last: again at every new look of its scene. */
  hello: Hello | null = null;

  constructor(socket: WebSocket, layout: Hello['layout']) {
    this.#layout = Layout.fromJSON(layout);
    this.#block = new Float64Array(this.#layout.size);
    socket.on('message', (data, binary) => {
      if (!binary) {
        const text = JSON.parse(String(data)) as ServerText;
        if (text.type === 'hello') this.hello = text;
        else if (text.type === 'session' && this.hello !== null)
          this.hello = { ...this.hello, session: text.session };
        this.#wake?.();
        return;
      }
      const bytes = data as Buffer;
      if (bytes.byteLength !== this.#layout.size * 8) return;
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

  /** Copy of a field. */
  values(name: string): Float64Array {
    return this.#layout.view(this.#block, name).slice();
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
