/** One camera stream: binary messages of float64 seq, float64 capture time (rig clock), JPEG → a canvas. */
import { socketUrl } from './api.ts';

export interface CameraStats {
  /** Pictures per second over the last second or so. */
  readonly fps: number;
  /** Capture time of the picture shown, rig monotonic s. */
  readonly captured: number;
  readonly open: boolean;
}

const HEADER = 16;
const RETRY_MS = 1000;

export class CameraStream {
  readonly #canvas: HTMLCanvasElement;
  readonly #path: string;
  readonly #onStats: (stats: CameraStats) => void;
  readonly #timer: ReturnType<typeof setInterval>;
  #socket: WebSocket | null = null;
  #waiting: ArrayBuffer | null = null;
  #busy = false;
  #closed = false;
  #count = 0;
  #countedAt = performance.now();
  #captured = Number.NaN;

  constructor(canvas: HTMLCanvasElement, name: string, onStats: (stats: CameraStats) => void) {
    this.#canvas = canvas;
    this.#path = `/api/cameras/${encodeURIComponent(name)}`;
    this.#onStats = onStats;
    this.#timer = setInterval(() => this.#report(), 1000);
    this.#open();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#socket?.close();
  }

  #open(): void {
    if (this.#closed) return;
    const socket = new WebSocket(socketUrl(this.#path));
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => {
      if (typeof event.data === 'string') return;
      // Only the newest picture is worth decoding.
      this.#waiting = event.data;
      if (!this.#busy) void this.#decode();
    };
    socket.onclose = () => {
      setTimeout(() => this.#open(), RETRY_MS);
    };
  }

  async #decode(): Promise<void> {
    this.#busy = true;
    while (this.#waiting && !this.#closed) {
      const message: ArrayBuffer = this.#waiting;
      this.#waiting = null;
      try {
        const captured = new DataView(message).getFloat64(8, true);
        const picture = await createImageBitmap(new Blob([message.slice(HEADER)], { type: 'image/jpeg' }));
        paint(this.#canvas, picture);
        this.#captured = captured;
        this.#count++;
      } catch {
        // A broken picture is skipped; the next one comes at once.
      }
    }
    this.#busy = false;
  }

  #report(): void {
    const now = performance.now();
    const fps = (this.#count * 1000) / (now - this.#countedAt);
    this.#count = 0;
    this.#countedAt = now;
    this.#onStats({ fps, captured: this.#captured, open: this.#socket?.readyState === WebSocket.OPEN });
  }
}

/** Draws a picture at its own size and frees it. */
export function paint(canvas: HTMLCanvasElement, picture: ImageBitmap): void {
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  }
  canvas.getContext('2d')?.drawImage(picture, 0, 0);
  picture.close();
}
