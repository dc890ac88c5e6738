/**
 * Policies that run elsewhere, over a WebSocket with MessagePack, as openpi serves them (openpi-client,
 * websocket_client_policy.py): the server says its metadata first; then one observation, one answer {actions: [H, A]}.
 * An answer as text is the server's error. Inputs go under their names, single observations without a batch dimension.
 *
 * The protocol numbers nothing, so an answer that is late would be taken for the next one: after a timeout the connection
 * is closed and opened anew. Meanwhile calls reject at once; for the arm that is a chunk that does not come.
 */
import WebSocket from 'ws';
import { ArmloopError } from '../errors.ts';
import type { Bundle } from './bundle.ts';
import { isFloatArray, ObservationPacker, unpack } from './msgpack-numpy.ts';
import type { Feeds, PolicyRuntime, RuntimeOptions } from './runtime.ts';

const MAX_MESSAGE = 64 * 2 ** 20;
/** Waiting times between attempts to connect, ms. */
const RETRY_MS = 100;
const RETRY_MOST_MS = 2000;
const LEAST_TIMEOUT_MS = 1000;

interface Waiting {
  readonly resolve: (message: Buffer | string) => void;
  readonly reject: (error: ArmloopError) => void;
}

export class RemoteRuntime implements PolicyRuntime {
  readonly declared = null;
  readonly speaks = 'observations';
  readonly #url: string;
  readonly #timeoutMs: number;
  readonly #actions: string;
  readonly #packer = new ObservationPacker();
  #socket: WebSocket | null = null;
  /** Told after the metadata has come. */
  #ready = false;
  #waiting: Waiting | null = null;
  #retry: NodeJS.Timeout | null = null;
  #pauseMs = RETRY_MS;
  #closed = false;
  #why = 'it is being connected';
  /** What the server said of itself. */
  metadata: unknown = null;

  private constructor(url: string, actions: string, timeoutMs: number) {
    this.#url = url;
    this.#actions = actions;
    this.#timeoutMs = timeoutMs;
  }

  /** Connects and reads the metadata. Rejects with POLICY_REMOTE. */
  static async open(bundle: Bundle, options: RuntimeOptions): Promise<RemoteRuntime> {
    const { model, action, latencyMs } = bundle.manifest;
    const url = model.runtime === 'remote' ? model.url : '';
    if (!/^wss?:\/\//.test(url)) {
      throw new ArmloopError('POLICY_REMOTE', {
        url,
        reason: 'its address begins with neither ws:// nor wss://',
      });
    }
    const timeoutMs = options.timeoutMs ?? Math.max(LEAST_TIMEOUT_MS, 3 * latencyMs);
    const runtime = new RemoteRuntime(url, action.name, timeoutMs);
    try {
      await runtime.#connect();
    } catch (error) {
      await runtime[Symbol.asyncDispose]();
      throw error;
    }
    return runtime;
  }

  async run(feeds: Feeds): Promise<Float32Array> {
    const socket = this.#socket;
    if (socket === null || !this.#ready) throw this.#error(this.#why);
    const answered = this.#next();
    socket.send(this.#packer.pack(feeds));
    const message = await answered;
    if (typeof message === 'string') throw this.#error(`it says: ${message.trim().split('\n').at(-1)!}`);
    return this.#read(message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#lost('it was closed here');
  }

  #read(message: Buffer): Float32Array {
    let answer: unknown;
    try {
      answer = unpack(message);
    } catch (error) {
      throw this.#error(
        `its answer cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    const map = (typeof answer === 'object' && answer !== null ? answer : {}) as Readonly<
      Record<string, unknown>
    >;
    const actions = map[this.#actions] ?? map['actions'];
    if (!isFloatArray(actions)) {
      throw this.#error(
        `its answer has no array of floats named ${this.#actions}: ${Object.keys(map).join(', ')}`,
      );
    }
    return Float32Array.from(actions.values);
  }

  async #connect(): Promise<void> {
    const socket = new WebSocket(this.#url, {
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE,
      handshakeTimeout: this.#timeoutMs,
    });
    this.#socket = socket;
    const first = this.#next();
    socket.on('message', (data: Buffer, binary) => {
      const waiting = this.#waiting;
      this.#waiting = null;
      // What nobody asked for is no answer to what comes next.
      if (waiting === null) this.#lost('it spoke without being asked');
      else waiting.resolve(binary ? data : data.toString('utf8'));
    });
    const gone = (reason: string): void => {
      if (this.#socket === socket) this.#lost(reason);
    };
    socket.on('error', (error) => gone(error.message));
    socket.on('close', () => gone('it closed the connection'));
    const message = await first;
    if (typeof message === 'string') throw this.#error(`it says: ${message}`);
    try {
      this.metadata = unpack(message);
    } catch (error) {
      throw this.#error(
        `its metadata cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    this.#ready = true;
    this.#pauseMs = RETRY_MS;
  }

  /** The next message, within the timeout. */
  #next(): Promise<Buffer | string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#lost(`no answer within ${this.#timeoutMs} ms`), this.#timeoutMs);
      const settle = (): void => clearTimeout(timer);
      this.#waiting = {
        resolve: (message) => {
          settle();
          resolve(message);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
    });
  }

  /** The connection is of no more use: tells who waits, and tries again later. */
  #lost(reason: string): void {
    const socket = this.#socket;
    const waiting = this.#waiting;
    const had = this.#ready;
    this.#socket = null;
    this.#waiting = null;
    this.#ready = false;
    this.#why = reason;
    socket?.terminate();
    waiting?.reject(this.#error(reason));
    if (this.#closed || this.#retry !== null || (socket === null && !had)) return;
    this.#again();
  }

  #again(): void {
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#connect().catch((error: unknown) => {
        this.#why = error instanceof Error ? error.message : String(error);
      });
    }, this.#pauseMs);
    this.#retry.unref();
    this.#pauseMs = Math.min(RETRY_MOST_MS, 2 * this.#pauseMs);
  }

  #error(reason: string): ArmloopError {
    return new ArmloopError('POLICY_REMOTE', { url: this.#url, reason });
  }
}

export const openRemote = (bundle: Bundle, options: RuntimeOptions): Promise<PolicyRuntime> =>
  RemoteRuntime.open(bundle, options);
