/** The host's side of the mock: starts the device process, maps its clock, forwards commands, publishes state. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ArmloopError } from '../../src/errors.ts';
import type { Device, DeviceContext, DevicePort, DeviceSpec } from '../../src/robot/device.ts';
import { CommandMode, commandLayout, deviceStateLayout } from '../../src/robot/tick.ts';
import { ClockMap } from './clock-map.ts';
import type { MockOptions } from './options.ts';
import {
  FrameReader,
  FrameType,
  frame,
  jsonFrame,
  type MockSetup,
  numbersFrame,
  readNumbers,
} from './protocol.ts';
import { SentLog } from './sent-log.ts';

/** Longest wait for an answer to `hello`, `enable` and `disable`. */
const ANSWER_MS = 5000;
const FIRST_PINGS = 16;
const PING_MS = 100;

export class MockDevice implements Device {
  readonly spec: DeviceSpec;
  readonly scene = null;
  onFault: ((message: string) => void) | null = null;
  readonly #context: DeviceContext;
  readonly #options: MockOptions;
  readonly #clock = new ClockMap();
  readonly #numbers: Float64Array;
  readonly #command: ReturnType<typeof commandOffsets>;
  readonly #state: ReturnType<typeof stateOffsets>;
  readonly #waiting = new Map<number, (answer: number) => void>();
  #child: ChildProcess | null = null;
  #port: DevicePort | null = null;
  #sent: SentLog | null = null;
  #life: 'new' | 'opening' | 'open' | 'closed' = 'new';
  #enabled = false;
  /** How often it was halted or disabled. */
  #halts = 0;
  #seq = 0;
  #stateSeq = 0;
  #lastTime = Number.NEGATIVE_INFINITY;
  #pings: NodeJS.Timeout | null = null;
  #firstState: (() => void) | null = null;
  #refused = '';

  constructor(context: DeviceContext, options: MockOptions) {
    const { robot, entry } = context;
    const axes = entry.axes.map((name) => robot.axes.find((a) => a.name === name)!);
    this.#context = context;
    this.#options = options;
    this.spec = {
      name: entry.name,
      kind: entry.kind,
      axes,
      modes: [CommandMode.position, CommandMode.velocity],
      honours: { q: true, qd: true, tau: false, kp: false, kd: false },
      rateHz: options.rateHz,
      simulated: false,
    };
    const n = axes.length;
    this.#numbers = new Float64Array(3 + 3 * n);
    this.#command = commandOffsets(n);
    this.#state = stateOffsets(n);
  }

  /** Rejects with DEVICE_UNREACHABLE, DEVICE_MISUSED. */
  async open(port: DevicePort): Promise<void> {
    if (this.#life !== 'new') this.#misused('open', `it is ${this.#life}: make a new one`);
    this.#life = 'opening';
    this.#port = port;
    this.#sent = new SentLog(this.spec.axes.length, port.sent);
    try {
      await this.#start();
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
    this.#life = 'open';
    void this.#pump(port);
  }

  async #start(): Promise<void> {
    const file = fileURLToPath(new URL('./process.js', import.meta.url));
    // Detached: the device outlives its host, as a real one does.
    const stdio: ['pipe', 'pipe', 'inherit'] = ['pipe', 'pipe', 'inherit'];
    const child = spawn(process.execPath, [file], { stdio, detached: true, windowsHide: true });
    this.#child = child;
    child.stdin!.on('error', () => {});
    child.on('exit', (code, signal) => this.#lost(signal ?? `exit code ${code}`));
    child.on('error', (error) => this.#lost(error.message));
    const reader = new FrameReader((type, payload) => this.#receive(type, payload));
    child.stdout!.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        child.stdout!.destroy();
        this.#lost((error as Error).message);
      }
    });
    const ready = this.#answer(0, 'hello');
    this.#write(jsonFrame(FrameType.hello, this.#setup()));
    await ready;
    for (let i = 0; i < FIRST_PINGS; i++) await this.#ping();
    this.#pings = setInterval(() => void this.#ping().catch(() => {}), PING_MS);
    await new Promise<void>((done) => {
      this.#firstState = done;
    });
  }

  #setup(): MockSetup {
    const { robot } = this.#context;
    const { axes } = this.spec;
    return { ...this.#options, log: this.#options.log ?? null, axes, watchdogMs: robot.limits.watchdogMs };
  }

  async enable(): Promise<void> {
    this.#mustBeOpen('enable');
    const halts = this.#halts;
    await this.#ask(FrameType.enable, 'enable');
    // The halt was told behind it.
    if (halts !== this.#halts) throw new ArmloopError('DEVICE_HALTED', { device: this.spec.name });
    // What was written before belongs to another run.
    this.#port!.command.take();
    this.#enabled = true;
  }

  async disable(): Promise<void> {
    this.#mustBeOpen('disable');
    this.#halts++;
    this.#enabled = false;
    await this.#ask(FrameType.disable, 'disable');
  }

  /** The device brakes and ignores commands until it is enabled again. */
  async halt(): Promise<void> {
    this.#halts++;
    this.#enabled = false;
    if (this.#life === 'open') await this.#ask(FrameType.disable, 'halt');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#life === 'closed') return;
    this.#life = 'closed';
    this.#enabled = false;
    if (this.#pings !== null) clearInterval(this.#pings);
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((done) => child.once('close', () => done()));
    this.#write(frame(FrameType.bye, new Uint8Array()));
    const timer = setTimeout(() => child.kill('SIGKILL'), 1000);
    await ended;
    clearTimeout(timer);
  }

  async #pump(port: DevicePort): Promise<void> {
    while (this.#life === 'open') {
      const seen = port.command.version();
      if (port.command.take() && this.#enabled) this.#forward(port.command.block);
      this.#sent!.expire(this.#context.now());
      await port.command.waitAsync(seen, 50);
    }
  }

  /** Sends a command on, clamped to the axis limits: that is what counts as sent. Unknown modes go out as idle. */
  #forward(command: Float64Array): void {
    const c = this.#command;
    const mode = command[c.mode]!;
    const known = (this.spec.modes as readonly number[]).includes(mode);
    const { axes } = this.spec;
    const n = axes.length;
    const out = new Float64Array(2 + 2 * n);
    out[0] = command[c.tick]!;
    out[1] = known ? mode : CommandMode.idle;
    for (let i = 0; i < n; i++) {
      const axis = axes[i]!;
      const q = command[c.q + i]!;
      const qd = command[c.qd + i]!;
      // A number that is not finite never reaches the wire.
      if (!Number.isFinite(q) || !Number.isFinite(qd)) out[1] = CommandMode.idle;
      out[2 + i] = Math.min(Math.max(q, axis.min), axis.max);
      out[2 + n + i] = Math.min(Math.max(qd, -axis.velocity), axis.velocity);
    }
    this.#write(numbersFrame(FrameType.command, out));
    this.#sent!.written(out, this.#context.now());
  }

  #receive(type: number, payload: Buffer): void {
    const now = this.#context.now();
    const numbers = this.#numbers;
    if (type === FrameType.state) {
      readNumbers(payload, numbers);
      this.#publish(numbers, now);
    } else if (type === FrameType.pong) {
      readNumbers(payload, numbers);
      this.#clock.add(numbers[1]!, numbers[2]!, now);
      this.#settle(numbers[0]!);
    } else if (type === FrameType.done) {
      readNumbers(payload, numbers);
      this.#settle(numbers[0]!);
    } else if (type === FrameType.ready) this.#settle(0);
    else if (type === FrameType.refuse) this.#refused = String(JSON.parse(payload.toString('utf8')));
  }

  #publish(numbers: Float64Array, now: number): void {
    const mapped = this.#clock.toHost(numbers[0]!);
    // Before the first exchange nothing is known of its clock. And no capture lies in the future or before the last.
    if (Number.isNaN(mapped)) return;
    const time = Math.max(this.#lastTime, Math.min(mapped, now));
    this.#lastTime = time;
    const { state } = this.#port!;
    const out = state.block;
    const s = this.#state;
    const n = this.spec.axes.length;
    out.fill(0);
    out[s.seq] = ++this.#stateSeq;
    out[s.time] = time;
    out[s.deviceTime] = numbers[0]!;
    out[s.status] = numbers[1]!;
    out[s.commandTick] = numbers[2]!;
    for (let i = 0; i < n; i++) {
      out[s.q + i] = numbers[3 + i]!;
      out[s.qd + i] = numbers[3 + n + i]!;
      out[s.tau + i] = numbers[3 + 2 * n + i]!;
    }
    this.#sent!.measured(out, s, now);
    state.publish();
    this.#firstState?.();
    this.#firstState = null;
  }

  async #ping(): Promise<void> {
    const seq = ++this.#seq;
    const answer = this.#answer(seq, 'ping');
    this.#write(numbersFrame(FrameType.ping, Float64Array.of(seq, this.#context.now())));
    await answer;
  }

  async #ask(type: FrameType, what: string): Promise<void> {
    const seq = ++this.#seq;
    const answer = this.#answer(seq, what);
    this.#write(numbersFrame(type, Float64Array.of(seq)));
    await answer;
  }

  /** Resolves when the answer with that number is there. Rejects with DEVICE_UNREACHABLE. */
  #answer(seq: number, what: string): Promise<void> {
    return new Promise((done, fail) => {
      const unreachable = (reason: string): void => {
        fail(new ArmloopError('DEVICE_UNREACHABLE', { device: this.spec.name, reason }));
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(seq);
        unreachable(`no answer to ${what} within ${ANSWER_MS / 1000} s`);
      }, ANSWER_MS);
      this.#waiting.set(seq, (answer) => {
        clearTimeout(timer);
        this.#waiting.delete(seq);
        if (answer >= 0) done();
        else unreachable(this.#refused === '' ? 'its process ended' : this.#refused);
      });
    });
  }

  #settle(seq: number): void {
    this.#waiting.get(seq)?.(seq);
  }

  #write(bytes: Buffer): void {
    const stdin = this.#child?.stdin;
    if (stdin?.writable === true) stdin.write(bytes);
  }

  #lost(reason: string): void {
    const open = this.#life === 'open';
    for (const settle of [...this.#waiting.values()]) settle(-1);
    if (this.#pings !== null) clearInterval(this.#pings);
    if (!open) return;
    this.#life = 'closed';
    this.#enabled = false;
    const { state } = this.#port!;
    state.block.fill(0);
    state.block[this.#state.seq] = ++this.#stateSeq;
    state.block[this.#state.time] = this.#lastTime;
    state.publish();
    const fault = this.onFault;
    this.onFault = null;
    fault?.(`the process of ${this.spec.name} ended (${reason})`);
  }

  #mustBeOpen(what: string): void {
    if (this.#life !== 'open') this.#misused(what, `it is ${this.#life}`);
  }

  #misused(what: string, reason: string): never {
    throw new ArmloopError('DEVICE_MISUSED', { device: this.spec.name, what, reason });
  }
}

function commandOffsets(axes: number) {
  const l = commandLayout(axes);
  return { tick: l.at('tick'), mode: l.at('mode'), q: l.at('q'), qd: l.at('qd') };
}

function stateOffsets(axes: number) {
  const l = deviceStateLayout(axes);
  const at = (name: string): number => l.at(name);
  return {
    seq: at('seq'),
    time: at('time'),
    deviceTime: at('deviceTime'),
    status: at('status'),
    commandTick: at('commandTick'),
    q: at('q'),
    qd: at('qd'),
    tau: at('tau'),
  };
}
export type StateOffsets = ReturnType<typeof stateOffsets>;
