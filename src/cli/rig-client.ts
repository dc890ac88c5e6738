/** A running rig as a command meets it, through its server as any other client: asks, watches the live state, drives. */
import WebSocket from 'ws';
import { ArmloopError, ERRORS, type ErrorCode } from '../errors.ts';
import { Layout } from '../robot/layout.ts';
import { operatorLayout } from '../robot/tick.ts';
import type { Hello, OperatorReply, ServerText } from '../server/protocol.ts';

/** Where the server of a rig is, and its token when it needs one. */
export interface RigAddress {
  readonly server: URL;
  readonly token: string | undefined;
}

/**
 * A command's stay at a running rig: what the rig is and its live state, and from `take` on the lease, with a sign of
 * life that the rig stops the arm without. Disposal gives the lease back and closes.
 */
export class RigVisit implements Disposable {
  readonly robot: Hello['robot'];
  readonly watch: RigWatch;
  readonly #client: RigClient;
  #operator: WebSocket | null = null;
  #beat: NodeJS.Timeout | null = null;
  #lease = 0;

  private constructor(client: RigClient, watch: RigWatch) {
    this.#client = client;
    this.watch = watch;
    this.robot = watch.hello.robot;
  }

  /** Rejects with SERVER_UNREACHABLE. */
  static async open({ server, token }: RigAddress): Promise<RigVisit> {
    const client = new RigClient(server, token);
    try {
      const rig = await client.json<Omit<Hello, 'type'>>('GET', '/api/rig');
      const live = await client.socket('/api/live');
      return new RigVisit(client, new RigWatch(live, { type: 'hello', ...rig }));
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Takes the lease and says so: from now on the arm may move. `name` is what others see. Rejects with SERVER_UNREACHABLE. */
  async take(name: string, say: (text: string) => void = () => {}): Promise<void> {
    this.#operator = await this.#client.socket('/api/operator');
    this.#lease = await takeLease(this.#operator, name);
    this.#beat = heartbeat(this.#operator, this.robot.axes.length);
    say(`the arm will move: lease ${this.#lease} on ${this.robot.id}`);
  }

  /** Asks as the holder of the lease. Rejects with SERVER_UNREACHABLE, and with what the rig refuses it with. */
  ask<T = unknown>(path: string, body: Record<string, unknown> = {}): Promise<T> {
    return this.#client.json<T>('POST', path, { lease: this.#lease, ...body });
  }

  get<T>(path: string): Promise<T> {
    return this.#client.json<T>('GET', path);
  }

  [Symbol.dispose](): void {
    if (this.#beat !== null) {
      clearInterval(this.#beat);
      this.#operator!.send(JSON.stringify({ type: 'release' }));
    }
    this.#client.close();
  }
}

/** A server's answer to what it or the rig refuses. */
interface Refusal {
  readonly error?: { readonly code?: string; readonly message?: string };
}

/** The error that the server tells, as if it had been thrown here; null for one that this armloop does not know. */
function refusalOf({ error }: Refusal): ArmloopError | null {
  if (error?.code === undefined || error.message === undefined || !(error.code in ERRORS)) return null;
  const told = new ArmloopError(error.code as ErrorCode, {} as never);
  told.message = error.message;
  return told;
}

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
    if (response.ok) return (await response.json()) as T;
    const told = (await response.json().catch(() => ({}))) as Refusal;
    throw refusalOf(told) ?? this.#unreachable(new Error(told.error?.message ?? `status ${response.status}`));
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
  #hello: Hello;

  constructor(socket: WebSocket, hello: Hello) {
    this.#hello = hello;
    this.#layout = Layout.fromJSON(hello.layout);
    this.#block = new Float64Array(this.#layout.size);
    socket.on('message', (data, binary) => {
      if (!binary) {
        const text = JSON.parse(String(data)) as ServerText;
        if (text.type === 'hello') this.#hello = text;
        else if (text.type === 'session') this.#hello = { ...this.#hello, session: text.session };
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

  /** What the rig said of itself last: again at every new look of its scene. */
  get hello(): Hello {
    return this.#hello;
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
