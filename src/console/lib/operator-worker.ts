/**
 * Owns the operator socket and its 100 Hz clock. In a worker, because timers of a page are held up by drawing and
 * throttled when the page is hidden; the rig's deadman must fire for lost operators, not for slow pages.
 *
 * The page feeds it a state on every change and at least 20 times a second. When the page falls silent for
 * HELD_UP_MS, the worker sends zero input of its own: a page that hangs must not go on driving.
 */
import { Layout } from '../../robot/layout.ts';
import { operatorFields } from '../../robot/tick.ts';
import type { OperatorReply } from '../../server/protocol.ts';

export type ToWorker =
  | { readonly type: 'take'; readonly url: string; readonly axes: number; readonly operator: string }
  | { readonly type: 'release' }
  /** A whole operator block; the worker fills seq and clientTime. */
  | { readonly type: 'input'; readonly block: Float64Array };

export type FromWorker =
  | { readonly type: 'granted'; readonly lease: number }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'lost'; readonly reason: string }
  | { readonly type: 'released' }
  /** Five times a second. Round trip of an operator message in s, NaN before the first answer. */
  | { readonly type: 'stats'; readonly latency: number; readonly rate: number; readonly heldUp: boolean };

const PERIOD_MS = 10;
const HELD_UP_MS = 350;
const STATS_MS = 200;

const say = (message: FromWorker): void => postMessage(message);

class Link {
  readonly #socket: WebSocket;
  readonly #block: Float64Array<ArrayBuffer>;
  readonly #neutral: Float64Array<ArrayBuffer>;
  readonly #seqAt: number;
  readonly #timeAt: number;
  #lease = 0;
  #done = false;
  #seq = 0;
  #fed = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #sent = 0;
  #latencies: number[] = [];
  #statsAt = performance.now();

  constructor(url: string, axes: number, operator: string) {
    const layout = Layout.of('operator', operatorFields(axes));
    this.#block = new Float64Array(layout.size);
    this.#neutral = new Float64Array(layout.size);
    this.#seqAt = layout.at('seq');
    this.#timeAt = layout.at('clientTime');
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => socket.send(JSON.stringify({ type: 'take', operator }));
    socket.onmessage = (event: MessageEvent<string>) => this.#reply(JSON.parse(event.data) as OperatorReply);
    socket.onclose = (event) => {
      const reason = event.reason || 'the connection to the server was lost';
      this.#end(this.#lease !== 0 ? { type: 'lost', reason } : { type: 'refused', reason });
    };
  }

  feed(block: Float64Array): void {
    this.#block.set(block.subarray(0, this.#block.length));
    this.#fed = performance.now();
  }

  release(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type: 'release' }));
    this.#end({ type: 'released' });
  }

  #reply(reply: OperatorReply): void {
    switch (reply.type) {
      case 'lease':
        if (!reply.granted) {
          this.#end({ type: 'refused', reason: reply.reason });
          return;
        }
        this.#lease = reply.lease;
        this.#timer = setInterval(() => this.#tick(), PERIOD_MS);
        say({ type: 'granted', lease: reply.lease });
        break;
      case 'ack':
        this.#latencies.push(performance.now() / 1000 - reply.clientTime);
        break;
      case 'lost':
        this.#end({ type: 'lost', reason: reply.reason });
        break;
      default:
        reply satisfies never;
    }
  }

  #tick(): void {
    const now = performance.now();
    const heldUp = now - this.#fed > HELD_UP_MS;
    const block = heldUp ? this.#neutral : this.#block;
    block[this.#seqAt] = ++this.#seq;
    block[this.#timeAt] = now / 1000;
    this.#socket.send(block);
    this.#sent++;
    if (now - this.#statsAt < STATS_MS) return;
    const rate = (this.#sent * 1000) / (now - this.#statsAt);
    this.#latencies.sort((a, b) => a - b);
    const latency = this.#latencies[this.#latencies.length >> 1] ?? Number.NaN;
    say({ type: 'stats', latency, rate, heldUp });
    this.#statsAt = now;
    this.#sent = 0;
    this.#latencies.length = 0;
  }

  #end(message: FromWorker): void {
    if (this.#done) return;
    this.#done = true;
    clearInterval(this.#timer);
    this.#socket.onclose = null;
    this.#socket.close();
    say(message);
  }
}

let link: Link | null = null;

addEventListener('message', (event: MessageEvent<ToWorker>) => {
  const message = event.data;
  switch (message.type) {
    case 'take':
      link = new Link(message.url, message.axes, message.operator);
      break;
    case 'release':
      link?.release();
      link = null;
      break;
    case 'input':
      link?.feed(message.block);
      break;
    default:
      message satisfies never;
  }
});
