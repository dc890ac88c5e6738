/**
 * The rig's end of the local socket. Servers come and go; nothing here may hold up the rig: what a slow server does
 * not read is dropped (live state, camera frames), never queued without bound.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { ArmloopError } from '../errors.ts';
import {
  blockOf,
  bytesOf,
  DEAD_MS,
  encode,
  encodeFrame,
  encodeJson,
  FrameParser,
  HEARTBEAT_MS,
  jsonOf,
  type ServerGreeting,
  WIRE_PROTOCOL,
  Wire,
  type WireError,
  type WireRequest,
} from './wire.ts';

/** Bytes that may wait for one server before live state, then camera frames, are dropped for it. */
const LIVE_BACKLOG = 256 * 1024;
const FRAME_BACKLOG = 1024 * 1024;
/** Bytes after which a server that does not read is cut off. */
const DEAD_BACKLOG = 64 * 1024 * 1024;

/** Names one operator client: the connection of its server and the number that the server gave it. */
export interface ClientRef {
  readonly connection: number;
  readonly client: number;
}

export interface SocketHandlers {
  /** What a server is told first. Asked at each connection. */
  hello(): Promise<unknown>;
  /** Answers a request or rejects with an ArmloopError. */
  request(method: string, params: unknown, connection: number): Promise<unknown>;
  /** Operator input; `block` belongs to the receiver. */
  operator(from: ClientRef, block: Float64Array): void;
  /** A server is gone, and all its clients with it. */
  gone(connection: number): void;
}

class Connection {
  readonly id: number;
  readonly socket: Socket;
  /** Cameras that this server wants, by index. */
  cameras: ReadonlySet<number> = new Set();
  /** The server has said who it is. */
  introduced = false;
  /** The rig has answered that, so that the rest may follow. */
  greeted = false;
  heard = performance.now();
  droppedLive = 0;
  droppedFrames = 0;

  constructor(id: number, socket: Socket) {
    this.id = id;
    this.socket = socket;
  }

  send(data: Buffer): void {
    if (this.socket.writable) this.socket.write(data);
  }
}

export class RigSocket {
  readonly path: string;
  readonly #handlers: SocketHandlers;
  readonly #connections = new Map<number, Connection>();
  #server: Server | null = null;
  #beat: NodeJS.Timeout | null = null;
  #beaten = performance.now();
  #next = 1;

  private constructor(path: string, handlers: SocketHandlers) {
    this.path = path;
    this.#handlers = handlers;
  }

  /** Listens at `path`; removes what a dead rig left there. Throws RIG_ALREADY_RUNNING when its owner lives. */
  static async open(path: string, handlers: SocketHandlers): Promise<RigSocket> {
    const self = new RigSocket(path, handlers);
    await claim(path);
    const server = createServer((socket) => self.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => resolve());
    });
    self.#server = server;
    self.#beat = setInterval(() => self.#heartbeat(), HEARTBEAT_MS);
    return self;
  }

  get servers(): number {
    return this.#connections.size;
  }

  /** Live messages and camera frames that slow servers did not get. */
  get dropped(): { live: number; frames: number } {
    let live = 0;
    let frames = 0;
    for (const c of this.#connections.values()) {
      live += c.droppedLive;
      frames += c.droppedFrames;
    }
    return { live, frames };
  }

  live(block: Float64Array): void {
    if (this.#connections.size === 0) return;
    const data = encode(Wire.live, bytesOf(block));
    for (const c of this.#connections.values()) {
      if (!c.greeted) continue;
      if (c.socket.writableLength > LIVE_BACKLOG) c.droppedLive++;
      else c.send(data);
    }
  }

  /** True when some server wants frames of that camera. */
  wanted(camera: number): boolean {
    for (const c of this.#connections.values()) if (c.cameras.has(camera)) return true;
    return false;
  }

  frame(camera: number, seq: number, time: number, jpeg: Uint8Array): void {
    let data: Buffer | null = null;
    for (const c of this.#connections.values()) {
      if (!c.cameras.has(camera)) continue;
      if (c.socket.writableLength > FRAME_BACKLOG) {
        c.droppedFrames++;
        continue;
      }
      data ??= encodeFrame(camera, seq, time, jpeg);
      c.send(data);
    }
  }

  watch(connection: number, cameras: ReadonlySet<number>): void {
    const c = this.#connections.get(connection);
    if (c !== undefined) c.cameras = cameras;
  }

  session(session: unknown): void {
    const data = encodeJson(Wire.session, session);
    for (const c of this.#connections.values()) if (c.greeted) c.send(data);
  }

  /** What the rig says of itself has changed: it introduces itself again. */
  introduce(hello: unknown): void {
    const data = encodeJson(Wire.hello, { protocol: WIRE_PROTOCOL, pid: process.pid, hello });
    for (const c of this.#connections.values()) if (c.greeted) c.send(data);
  }

  notice(to: ClientRef, message: unknown): void {
    this.#connections.get(to.connection)?.send(encodeJson(Wire.notice, { client: to.client, message }));
  }

  #accept(socket: Socket): void {
    const c = new Connection(this.#next++, socket);
    this.#connections.set(c.id, c);
    const parser = new FrameParser((type, payload) => this.#receive(c, type, payload));
    socket.on('data', (chunk) => {
      c.heard = performance.now();
      try {
        parser.push(chunk);
      } catch {
        socket.destroy();
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (this.#connections.delete(c.id)) this.#handlers.gone(c.id);
    });
  }

  #receive(c: Connection, type: number, payload: Uint8Array): void {
    if (!c.introduced) {
      if (type !== Wire.hello) throw new ArmloopError('WIRE_PROTOCOL', { reason: 'no greeting came first' });
      c.introduced = true;
      void this.#greet(c, jsonOf(payload) as ServerGreeting);
      return;
    }
    if (type === Wire.operator) {
      const client = Buffer.from(payload.buffer, payload.byteOffset, 4).readUInt32LE(0);
      this.#handlers.operator({ connection: c.id, client }, blockOf(payload, 8));
    } else if (type === Wire.request) {
      void this.#answer(c, jsonOf(payload) as WireRequest);
    }
  }

  async #greet(c: Connection, greeting: ServerGreeting): Promise<void> {
    const hello = await this.#handlers.hello();
    c.send(encodeJson(Wire.hello, { protocol: WIRE_PROTOCOL, pid: process.pid, hello }));
    if (greeting.protocol === WIRE_PROTOCOL) c.greeted = true;
    else c.socket.end();
  }

  async #answer(c: Connection, request: WireRequest): Promise<void> {
    try {
      const result = await this.#handlers.request(request.method, request.params, c.id);
      c.send(encodeJson(Wire.reply, { id: request.id, result: result ?? null }));
    } catch (error) {
      c.send(encodeJson(Wire.reply, { id: request.id, error: wireError(error) }));
    }
  }

  #heartbeat(): void {
    const beat = encode(Wire.heartbeat);
    const now = performance.now();
    // After a pause of our own, what the servers sent meanwhile is still unread: judge them at the next beat.
    const paused = now - this.#beaten > DEAD_MS / 2;
    this.#beaten = now;
    for (const c of this.#connections.values()) {
      if ((!paused && now - c.heard > DEAD_MS) || c.socket.writableLength > DEAD_BACKLOG) c.socket.destroy();
      else c.send(beat);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#beat !== null) clearInterval(this.#beat);
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const c of this.#connections.values()) c.socket.destroySoon();
    await closed;
  }
}

export function wireError(error: unknown): WireError {
  if (error instanceof ArmloopError) return { code: error.code, message: error.message, todo: error.todo };
  const what = error instanceof Error ? error.message : String(error);
  const internal = new ArmloopError('INTERNAL', { what });
  return { code: internal.code, message: internal.message, todo: internal.todo };
}

/** Makes sure that the address is free: a socket file without a listener is removed. */
async function claim(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const answer = await new Promise<'lives' | 'dead' | 'none'>((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve('lives');
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ENOENT' ? 'none' : 'dead');
    });
  });
  if (answer === 'lives') throw new ArmloopError('RIG_ALREADY_RUNNING', { path });
  if (answer === 'dead') rmSync(path, { force: true });
}
