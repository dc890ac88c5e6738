/** WebSocket clients and waiting for tests. */
import { WebSocket } from 'ws';

/** Polls until `check` gives something; rejects with `what` after `timeoutMs`. */
export async function until<T>(
  what: string,
  check: () => T | undefined | null | false,
  timeoutMs = 60_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = check();
    if (value !== undefined && value !== null && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A client that keeps what it was sent. */
export class TestSocket implements Disposable {
  readonly socket: WebSocket;
  readonly texts: Record<string, unknown>[] = [];
  readonly binaries: Buffer[] = [];
  closed: { readonly code: number; readonly reason: string } | null = null;
  onBinary: ((data: Buffer) => void) | null = null;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (!isBinary) this.texts.push(JSON.parse(data.toString()) as Record<string, unknown>);
      else if (this.onBinary !== null) this.onBinary(data);
      else this.binaries.push(data);
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    socket.on('error', () => {});
  }

  /** Resolves when open; rejects with the HTTP status when the upgrade is refused. */
  static open(url: string, headers: Record<string, string> = {}): Promise<TestSocket> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers });
      const client = new TestSocket(socket);
      socket.once('open', () => resolve(client));
      socket.once('unexpected-response', (request, response) => {
        request.destroy();
        reject(new Error(String(response.statusCode)));
      });
      socket.once('error', reject);
    });
  }

  text(type: string): Promise<Record<string, unknown>> {
    return until(`a text of type ${type}`, () => this.texts.find((t) => t['type'] === type));
  }

  send(value: unknown): void {
    this.socket.send(JSON.stringify(value));
  }

  sendBlock(block: Float64Array): void {
    this.socket.send(Buffer.from(block.buffer, block.byteOffset, block.byteLength));
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }
}

/** Float64 values of a binary message. */
export function floats(data: Buffer): Float64Array {
  const out = new Float64Array(data.byteLength / 8);
  new Uint8Array(out.buffer).set(data);
  return out;
}
