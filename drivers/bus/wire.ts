/**
 * A serial line as drivers see it: bytes out, bytes in with the time of their arrival, and its end. Drivers of servo
 * buses, grippers and leader arms are written against this, so that tests and recordings can stand in for a port.
 */
export interface Wire {
  /** The port in words for people: its path, and the serial number of the adapter where it has one. */
  readonly port: string;
  readonly baud: number;
  /** What a person could do better about this port: a slow latency timer, for instance. */
  readonly notes: readonly string[];
  /** How long the adapter holds bytes back, s, where that is known; else 0. */
  readonly latencyS: number;
  /** Called with what has arrived and when (rig clock, s). The bytes are only valid during the call. */
  onBytes: ((bytes: Uint8Array, time: number) => void) | null;
  /** Called once, when the port is gone without `close`. */
  onLost: ((reason: string) => void) | null;
  /** Hands the bytes to the system before it returns; they may be reused at once. Does nothing on a lost wire. */
  write(bytes: Uint8Array): void;
  setBaud(baud: number): Promise<void>;
  close(): Promise<void>;
}

export interface WireRequest {
  /** Name of the device that wants it, for errors. */
  readonly device: string;
  /** A path, `serial:NUMBER` of the USB adapter, or `auto` for the only one there is. */
  readonly port: string;
  readonly baud: number;
  readonly now: () => number;
}

/** Rejects with DEVICE_PORT_MISSING, DEVICE_PORT_TAKEN, DEVICE_PORT_FORBIDDEN, DEVICE_PORT_FAILED. */
export type OpenWire = (request: WireRequest) => Promise<Wire>;

/** Seconds that `bytes` take on a line of 8 data bits, no parity, one stop bit. */
export function wireTime(bytes: number, baud: number): number {
  return (10 * bytes) / baud;
}
