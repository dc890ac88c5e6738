/**
 * The mock device itself: a process with its own clock, talking frames over stdin and stdout. It is built like real
 * hardware: what it is told arrives late, what it says arrives late or never, and when nothing arrives any more it
 * brakes and holds by itself, also after its host has died.
 */
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { Rng } from '../../src/math/rng.ts';
import { DeviceStatus } from '../../src/robot/tick.ts';
import {
  FrameReader,
  FrameType,
  frame,
  jsonFrame,
  type MockSetup,
  numbersFrame,
  readNumbers,
} from './protocol.ts';
import { Servos } from './servo.ts';

/** Physics period, s. */
const STEP = 0.001;
/** After a longer sleep of the machine the missing time is skipped, not caught up with. */
const LONGEST_GAP_S = 0.5;

/** CLOCK_MONOTONIC in seconds: the host's clock, used for delays and for the log only. */
const hostNow = (): number => Number(process.hrtime.bigint()) / 1e9;

/** Holds things back by latency and jitter, in order. */
class Delay<T> {
  readonly #waiting: { readonly due: number; readonly item: T }[] = [];
  readonly #next: () => number;
  #last = 0;

  constructor(next: () => number) {
    this.#next = next;
  }

  put(item: T): void {
    this.#last = Math.max(this.#last, hostNow() + this.#next());
    this.#waiting.push({ due: this.#last, item });
  }

  take(now: number): T | undefined {
    if (this.#waiting.length === 0 || this.#waiting[0]!.due > now) return undefined;
    return this.#waiting.shift()!.item;
  }
}

class MockDevice {
  readonly #setup: MockSetup;
  readonly #servos: Servos;
  readonly #rng: Rng;
  readonly #in: Delay<{ readonly type: number; readonly numbers: Float64Array }>;
  readonly #out: Delay<Buffer>;
  readonly #log: number | null;
  #lines: string[] = [];
  readonly #start = hostNow();
  /** Device time up to which the physics has run. */
  #time: number;
  #published = Number.NEGATIVE_INFINITY;
  #enabled = false;
  #commanded = false;
  #lastCommand = 0;
  #commandTick = 0;
  #watchdog = false;
  #hostGone = Number.POSITIVE_INFINITY;

  constructor(setup: MockSetup) {
    this.#setup = setup;
    this.#servos = new Servos(setup);
    this.#rng = new Rng(setup.seed);
    const delay = (): number => (setup.latencyMs + setup.jitterMs * this.#rng.uniform()) / 1000;
    this.#in = new Delay(delay);
    this.#out = new Delay(delay);
    this.#log = setup.log === null ? null : openSync(setup.log, 'w');
    if (setup.log !== null) writeFileSync(`${setup.log}.pid`, String(process.pid));
    this.#time = this.#now();
    if (this.#log !== null)
      writeSync(this.#log, `time,deviceTime,enabled,watchdog,commandTick,${columns(setup)},commandAge\n`);
  }

  /** The device's own clock, s. */
  #now(): number {
    const { clockOffset, clockDriftPpm } = this.#setup;
    return clockOffset + (hostNow() - this.#start) * (1 + clockDriftPpm * 1e-6);
  }

  receive(type: number, payload: Buffer): void {
    if (type === FrameType.bye) this.end();
    const numbers = new Float64Array(payload.byteLength >> 3);
    readNumbers(payload, numbers);
    this.#in.put({ type, numbers });
  }

  hostDied(): void {
    this.#hostGone = Math.min(this.#hostGone, hostNow());
  }

  end(): never {
    this.#flushLog();
    if (this.#log !== null) closeSync(this.#log);
    process.exit(0);
  }

  /** Brings everything up to now. Called about once a millisecond. */
  wake(): void {
    const host = hostNow();
    for (let item = this.#in.take(host); item !== undefined; item = this.#in.take(host)) this.#handle(item);
    const now = this.#now();
    if (now - this.#time > LONGEST_GAP_S) this.#time = now - LONGEST_GAP_S;
    while (this.#time + STEP <= now) {
      this.#time += STEP;
      this.#step();
    }
    for (let bytes = this.#out.take(host); bytes !== undefined; bytes = this.#out.take(host)) send(bytes);
    if (this.#lines.length >= 16) this.#flushLog();
    if (host - this.#hostGone > this.#setup.lingerS) this.end();
  }

  #handle({ type, numbers }: { readonly type: number; readonly numbers: Float64Array }): void {
    if (type === FrameType.ping) {
      const answer = Float64Array.of(numbers[0]!, numbers[1]!, this.#now());
      this.#out.put(numbersFrame(FrameType.pong, answer));
    } else if (type === FrameType.enable || type === FrameType.disable) {
      const on = type === FrameType.enable;
      if (!on || !this.#enabled) this.#servos.hold();
      this.#enabled = on;
      this.#commanded = false;
      this.#watchdog = false;
      this.#out.put(numbersFrame(FrameType.done, numbers.subarray(0, 1)));
    } else if (type === FrameType.command && this.#enabled) {
      this.#commandTick = numbers[0]!;
      this.#servos.command(numbers[1]!, numbers, 2);
      this.#commanded = true;
      this.#watchdog = false;
      this.#lastCommand = this.#now();
    }
  }

  #step(): void {
    const { watchdogMs, rateHz } = this.#setup;
    if (this.#commanded && !this.#watchdog && this.#time - this.#lastCommand > watchdogMs / 1000) {
      this.#watchdog = true;
      this.#servos.hold();
    }
    this.#servos.step(STEP);
    if (this.#time - this.#published < 1 / rateHz - STEP / 2) return;
    this.#published = this.#time;
    const status =
      DeviceStatus.online +
      (this.#enabled ? DeviceStatus.enabled : 0) +
      (this.#watchdog ? DeviceStatus.watchdog : 0);
    this.#record();
    if (this.#rng.uniform() < this.#setup.loss) return;
    const { q, qd, tau } = this.#servos;
    const n = q.length;
    const numbers = new Float64Array(3 + 3 * n);
    numbers[0] = this.#time;
    numbers[1] = status;
    numbers[2] = this.#commandTick;
    numbers.set(q, 3);
    numbers.set(qd, 3 + n);
    numbers.set(tau, 3 + 2 * n);
    this.#out.put(numbersFrame(FrameType.state, numbers));
  }

  #record(): void {
    if (this.#log === null) return;
    const { q, qd } = this.#servos;
    const age = this.#now() - this.#time;
    const flags = `${this.#enabled ? 1 : 0},${this.#watchdog ? 1 : 0},${this.#commandTick}`;
    const told = this.#commanded ? this.#time - this.#lastCommand : Number.NaN;
    this.#lines.push(`${hostNow() - age},${this.#time},${flags},${[...q, ...qd].join(',')},${told}\n`);
  }

  #flushLog(): void {
    if (this.#log !== null && this.#lines.length > 0) writeSync(this.#log, this.#lines.join(''));
    this.#lines = [];
  }
}

function columns(setup: MockSetup): string {
  const names = (prefix: string): string[] => setup.axes.map((_, i) => `${prefix}${i}`);
  return [...names('q'), ...names('qd')].join(',');
}

let device: MockDevice | null = null;
let broken = false;

function send(bytes: Buffer): void {
  if (!broken) process.stdout.write(bytes);
}

const reader = new FrameReader((type, payload) => {
  if (device !== null) {
    device.receive(type, payload);
    return;
  }
  if (type !== FrameType.hello) return;
  try {
    device = new MockDevice(JSON.parse(payload.toString('utf8')) as MockSetup);
  } catch (error) {
    send(jsonFrame(FrameType.refuse, error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
    process.stdin.destroy();
    return;
  }
  send(frame(FrameType.ready, new Uint8Array()));
  tick();
});

/** Through the event loop's poll phase, so that waiting commands are read before time is made up for. */
function tick(): void {
  device!.wake();
  setTimeout(() => setImmediate(tick), 1);
}

function hostGone(): void {
  broken = true;
  if (device === null) process.exit(1);
  device.hostDied();
}

// A dead host closes both pipes; the arm must be held all the same.
process.stdout.on('error', hostGone);
process.stdin.on('error', hostGone);
process.stdin.on('end', hostGone);
process.stdin.on('data', (chunk: Buffer) => reader.push(chunk));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
