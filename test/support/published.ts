/** What a rig publishes on /api/live, for tests that act on nothing else. */
import { once } from 'node:events';
import WebSocket from 'ws';
import { Layout } from '../../src/robot/layout.ts';
import type { Hello, ServerText, SessionState } from '../../src/server/protocol.ts';

export class Published {
  readonly hello: Hello;
  session: SessionState;
  block: Float64Array;
  readonly #layout: Layout;
  readonly #socket: WebSocket;
  readonly #waiting = new Set<() => void>();

  private constructor(socket: WebSocket, hello: Hello) {
    this.#socket = socket;
    this.hello = hello;
    this.session = hello.session;
    this.#layout = Layout.fromJSON(hello.layout);
    this.block = new Float64Array(this.#layout.size);
    socket.on('message', (data: Buffer, binary: boolean) => {
      if (binary)
        this.block = new Float64Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
      else {
        const text = JSON.parse(data.toString()) as ServerText;
        if (text.type === 'session') this.session = text.session;
      }
      for (const wake of [...this.#waiting]) wake();
    });
  }

  /** `url` as printed by `armloop up`. Resolves after the first state. */
  static async open(url: string): Promise<Published> {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}api/live`);
    const hello = await new Promise<Hello>((resolve, reject) => {
      socket.once('error', reject);
      socket.on('message', function first(data: Buffer, binary: boolean) {
        const text = binary ? null : (JSON.parse(data.toString()) as ServerText);
        if (text?.type !== 'hello') return;
        socket.off('message', first);
        resolve(text);
      });
    });
    const published = new Published(socket, hello);
    await published.until('the first state', () => published.value('tick') > 0);
    return published;
  }

  value(field: string, i = 0): number {
    return this.block[this.#layout.at(field) + i]!;
  }

  values(field: string): Float64Array {
    return this.#layout.view(this.block, field);
  }

  /** Pose of a scene body: p x y z, quaternion x y z w. */
  body(name: string): Float64Array {
    const index = this.hello.scene?.bodies.findIndex((b) => b.name === name) ?? -1;
    if (index < 0) throw new Error(`the scene has no body ${name}`);
    return this.values('poses').subarray(7 * index, 7 * index + 7);
  }

  /** The next message of any kind. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
    });
  }

  /** Waits for a state, for at most `seconds`. */
  async until(what: string, met: () => boolean, seconds = 60): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      for (const wake of [...this.#waiting]) wake();
    }, seconds * 1000);
    try {
      while (!met()) {
        if (late) throw new Error(`waited ${seconds} s for ${what}`);
        await this.next();
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits for a recording to have begun; its id. The page may know of it before this does. */
  async recording(): Promise<string> {
    await this.until(
      'the recording',
      () => this.value('recording') >= 0 && this.session.recording.episode !== null,
    );
    return this.session.recording.episode!;
  }

  async close(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}
