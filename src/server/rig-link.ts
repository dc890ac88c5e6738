/**
 * The server's end of the local socket: connects, greets, asks, and connects again when the rig was away. It keeps
 * what the rig said last (hello, session), so that new clients are served at once; nothing else is remembered.
 */
import { createConnection, type Socket } from 'node:net';
import { ArmloopError } from '../errors.ts';
import {
  DEAD_MS,
  encode,
  encodeJson,
  encodeOperator,
  FrameParser,
  HEARTBEAT_MS,
  jsonOf,
  WIRE_PROTOCOL,
  Wire,
  type WireError,
  type WireNotice,
  type WireReply,
} from '../rig/wire.ts';
import type { Hello, SessionState } from './protocol.ts';

const RETRY_MS = 200;

/** An error that the rig answered with: its code is one of the table, its text is filled in already. */
export class RigError extends Error {
  override readonly name = 'RigError';
  readonly code: string;
  readonly todo: string;

  constructor(error: WireError) {
    super(error.message);
    this.code = error.code;
    this.todo = error.todo;
  }
}

export interface LinkEvents {
  /** Connected and greeted, or gone. */
  state(connected: boolean): void;
  session(session: SessionState): void;
  /** One message of liveLayout; valid during the call. */
  live(block: Uint8Array): void;
  /** One camera frame: 8 bytes seq, 8 bytes capture time, JPEG; valid during the call. */
  frame(camera: number, data: Uint8Array): void;
  /** For one operator client. */
  notice(client: number, message: unknown): void;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class RigLink {
  readonly #path: string;
  readonly #events: LinkEvents;
  readonly #pending = new Map<number, Pending>();
  readonly #beat: NodeJS.Timeout;
  #socket: Socket | null = null;
  #retry: NodeJS.Timeout | null = null;
  #hello: Hello | null = null;
  #connected = false;
  #closed = false;
  #heard = 0;
  #beaten = performance.now();
  #nextId = 1;

  constructor(path: string, events: LinkEvents) {
    this.#path = path;
    this.#events = events;
    this.#beat = setInterval(() => this.#heartbeat(), HEARTBEAT_MS);
    this.#connect();
  }

  /** What the rig said of itself; null while it was never reached. Kept while it is away. */
  get hello(): Hello | null {
    return this.#hello;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Resolves with the result; rejects with RigError, or with RIG_UNREACHABLE when the rig is away or goes away. */
  request(method: string, params: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!this.#connected) {
        reject(new ArmloopError('RIG_UNREACHABLE', { path: this.#path }));
        return;
      }
      const id = this.#nextId++;
      this.#pending.set(id, { resolve, reject });
      this.#socket?.write(encodeJson(Wire.request, { id, method, params }));
    });
  }

  /** Operator input of one client. Lost while the rig is away: the deadman is for that. */
  operator(client: number, block: Uint8Array): void {
    if (this.#connected) this.#socket?.write(encodeOperator(client, block));
  }

  #connect(): void {
    this.#retry = null;
    const socket = createConnection(this.#path);
    this.#socket = socket;
    this.#heard = performance.now();
    const parser = new FrameParser((type, payload) => this.#receive(type, payload));
    socket.on('connect', () =>
      socket.write(encodeJson(Wire.hello, { protocol: WIRE_PROTOCOL, role: 'server' })),
    );
    socket.on('data', (chunk) => {
      this.#heard = performance.now();
      try {
        parser.push(chunk);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#lost());
  }

  #receive(type: number, payload: Uint8Array): void {
    switch (type) {
      case Wire.live:
        this.#events.live(payload);
        return;
      case Wire.frame:
        this.#events.frame(
          Buffer.from(payload.buffer, payload.byteOffset, 4).readUInt32LE(0),
          payload.subarray(8),
        );
        return;
      case Wire.reply:
        this.#reply(jsonOf(payload) as WireReply);
        return;
      case Wire.session: {
        const session = jsonOf(payload) as SessionState;
        if (this.#hello !== null) this.#hello = { ...this.#hello, session };
        this.#events.session(session);
        return;
      }
      case Wire.notice: {
        const notice = jsonOf(payload) as WireNotice;
        this.#events.notice(notice.client, notice.message);
        return;
      }
      case Wire.hello: {
        const greeting = jsonOf(payload) as { protocol: number; hello: Hello };
        if (greeting.protocol !== WIRE_PROTOCOL) {
          throw new ArmloopError('WIRE_PROTOCOL', { reason: `the rig speaks version ${greeting.protocol}` });
        }
        this.#hello = greeting.hello;
        this.#connected = true;
        this.#events.state(true);
        return;
      }
      default:
    }
  }

  #reply(reply: WireReply): void {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    this.#pending.delete(reply.id);
    if ('error' in reply) pending.reject(new RigError(reply.error));
    else pending.resolve(reply.result);
  }

  #heartbeat(): void {
    const now = performance.now();
    const paused = now - this.#beaten > DEAD_MS / 2;
    this.#beaten = now;
    const socket = this.#socket;
    if (socket === null || socket.connecting) return;
    if (!paused && now - this.#heard > DEAD_MS) socket.destroy();
    else if (socket.writable) socket.write(encode(Wire.heartbeat));
  }

  #lost(): void {
    this.#socket = null;
    const was = this.#connected;
    this.#connected = false;
    for (const p of this.#pending.values()) {
      p.reject(new ArmloopError('RIG_UNREACHABLE', { path: this.#path }));
    }
    this.#pending.clear();
    if (was) this.#events.state(false);
    if (!this.#closed) this.#retry = setTimeout(() => this.#connect(), RETRY_MS);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#beat);
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#socket?.destroy();
  }
}
