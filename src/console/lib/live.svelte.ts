/**
 * The live stream of one rig. Messages come 60 times a second and go to plain listeners (3D view, plots); what
 * the page shows as text is a copy taken ten times a second, so that the DOM has little to do.
 */
import { Layout } from '../../robot/layout.ts';
import type { Hello, ServerText, SessionState } from '../../server/protocol.ts';
import { LIVE_PROTOCOL } from '../../server/protocol.ts';
import { socketUrl } from './api.ts';

/** Connection of the page: `stale` is open but silent, `mismatch` is another protocol version. */
export type Link = 'connecting' | 'open' | 'stale' | 'closed' | 'mismatch';

const COPY_MS = 100;
/** Silence after which shown values are no longer called live. */
const STALE_MS = 1000;
const RETRY_MS = [200, 500, 1000, 2000] as const;
/** A reason that showed up in one message stays readable for this long. */
const REASON_MS = 1200;

export type FrameListener = (block: Float64Array) => void;

class Live {
  link = $state<Link>('connecting');
  hello = $state.raw<Hello | null>(null);
  session = $state.raw<SessionState | null>(null);
  /** False while the server is up but the rig process is not. */
  rigConnected = $state(true);
  /** Latest message, copied ten times a second; null before the first. Fields by `at`. */
  shown = $state.raw<Float64Array | null>(null);
  /** Reason bits of the last second. */
  reasons = $state(0);
  /** The same per axis. */
  axisReasons = $state.raw<readonly number[]>([]);

  /** Latest message as received; not reactive. */
  block: Float64Array | null = null;
  #layout: Layout | null = null;
  #offsets = new Map<string, number>();
  #socket: WebSocket | null = null;
  #listeners = new Set<FrameListener>();
  #attempt = 0;
  #receivedAt = 0;
  #copiedAt = 0;
  #reasonSeen = new Map<number, number>();
  #axisSeen: Map<number, number>[] = [];

  start(): void {
    this.#open();
    setInterval(() => this.#check(), 250);
  }

  get layout(): Layout | null {
    return this.#layout;
  }

  /** Offset of a field in a live message; -1 before the hello. */
  at(name: string): number {
    return this.#offsets.get(name) ?? -1;
  }

  /** One value of the copy that the page shows; NaN when there is none. */
  value(name: string, index = 0): number {
    return this.shown?.[this.at(name) + index] ?? Number.NaN;
  }

  /** Values of one field of the copy that the page shows. */
  values(name: string): Float64Array {
    const field = this.#layout?.has(name) ? this.#layout.field(name) : null;
    if (!this.shown || !field) return new Float64Array(0);
    return this.shown.subarray(field.offset, field.offset + field.length);
  }

  /** Rig monotonic time now, estimated from the last message. */
  rigNow(): number {
    const time = this.block?.[this.at('time')] ?? Number.NaN;
    return time + (performance.now() - this.#receivedAt) / 1000;
  }

  /** Calls back for every message. Returns how to stop. */
  onFrame(listener: FrameListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #open(): void {
    const socket = new WebSocket(socketUrl('/api/live'));
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      if (typeof event.data === 'string') this.#text(JSON.parse(event.data) as ServerText);
      else this.#frame(new Float64Array(event.data));
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      if (this.link !== 'mismatch') this.link = 'closed';
      this.#socket = null;
      const wait = RETRY_MS[Math.min(this.#attempt, RETRY_MS.length - 1)] ?? 2000;
      this.#attempt++;
      setTimeout(() => this.#open(), wait);
    };
  }

  #text(message: ServerText): void {
    switch (message.type) {
      case 'hello':
        if (message.protocol !== LIVE_PROTOCOL) {
          this.link = 'mismatch';
          this.#socket?.close();
          return;
        }
        this.#attempt = 0;
        this.#layout = Layout.fromJSON(message.layout);
        this.#offsets = new Map(this.#layout.fields.map((f) => [f.name, f.offset]));
        this.#axisSeen = message.robot.axes.map(() => new Map());
        this.block = null;
        this.shown = null;
        this.hello = message;
        this.session = message.session;
        this.rigConnected = message.session.connected;
        break;
      case 'session':
        this.session = message.session;
        this.rigConnected = message.session.connected;
        break;
      case 'rig':
        this.rigConnected = message.connected;
        break;
      default:
        message satisfies never;
    }
  }

  #frame(block: Float64Array): void {
    if (!this.#layout || block.length !== this.#layout.size) return;
    const now = performance.now();
    this.block = block;
    this.#receivedAt = now;
    this.link = 'open';
    note(this.#reasonSeen, block[this.at('reasonAll')] ?? 0, now);
    const axis = this.at('reason');
    for (let i = 0; i < this.#axisSeen.length; i++) note(this.#axisSeen[i]!, block[axis + i] ?? 0, now);
    for (const listener of this.#listeners) listener(block);
    if (now - this.#copiedAt >= COPY_MS) {
      this.#copiedAt = now;
      this.shown = block;
      this.reasons = recent(this.#reasonSeen, now);
      const axes = this.#axisSeen.map((seen) => recent(seen, now));
      if (axes.some((bits, i) => bits !== this.axisReasons[i])) this.axisReasons = axes;
    }
  }

  #check(): void {
    if (this.link === 'open' && performance.now() - this.#receivedAt > STALE_MS) this.link = 'stale';
  }
}

function note(seen: Map<number, number>, bits: number, now: number): void {
  for (let rest = bits; rest !== 0; rest &= rest - 1) seen.set(rest & -rest, now);
}

function recent(seen: Map<number, number>, now: number): number {
  let bits = 0;
  for (const [bit, at] of seen) {
    if (now - at < REASON_MS) bits |= bit;
    else seen.delete(bit);
  }
  return bits;
}

export const live = new Live();
