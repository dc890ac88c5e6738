/** A test stand for one device: the loop's ends of its channels, and a loop that only sends what the test says. */
import assert from 'node:assert/strict';
import { LatestEnd, LatestView, latest, RingEnd, RingView, ring } from '../../src/loop/channel.ts';
import type { Device } from '../../src/robot/device.ts';
import type { Layout } from '../../src/robot/layout.ts';
import {
  CommandMode,
  commandLayout,
  DeviceStatus,
  deviceStateLayout,
  sentLayout,
} from '../../src/robot/tick.ts';
import { now } from './devices.ts';

/** Limits are those of a machine that has time; a busy one gets so many times as much. */
const BUSY = 6;

export class Stand {
  readonly device: Device;
  readonly state: Layout;
  readonly sent: Layout;
  readonly #command: Layout;
  readonly #states: LatestView;
  readonly #commands: LatestEnd;
  readonly #sents: RingView;
  readonly #ports: () => Parameters<Device['open']>[0];
  /** What the next command says. */
  readonly wanted: { mode: number; q: Float64Array; qd: Float64Array };
  /** Positions sent by tick number. */
  readonly history = new Map<number, Float64Array>();
  tick = 0;

  constructor(device: Device) {
    const n = device.spec.axes.length;
    this.device = device;
    this.state = deviceStateLayout(n);
    this.#command = commandLayout(n);
    this.sent = sentLayout(n);
    const states = latest(this.state.size);
    const commands = latest(this.#command.size);
    const sents = ring(this.sent.size, 16_384);
    this.#states = new LatestView(states);
    this.#commands = new LatestEnd(commands);
    this.#sents = new RingView(sents);
    this.#ports = () => ({
      state: new LatestEnd(states),
      command: new LatestView(commands),
      sent: new RingEnd(sents),
    });
    this.wanted = { mode: CommandMode.position, q: new Float64Array(n), qd: new Float64Array(n) };
  }

  async open(): Promise<void> {
    await this.device.open(this.#ports());
    assert.ok(this.take(), 'open resolves when the first state is there');
  }

  /** Opens it again, as nobody should. */
  openAgain(): Promise<void> {
    return this.device.open(this.#ports());
  }

  /** Swaps to the newest state. */
  take(): boolean {
    return this.#states.take();
  }

  /** One number of the state in view. */
  get(name: string): number {
    return this.#states.block[this.state.at(name)]!;
  }

  /** A vector of the state in view; a copy. */
  vector(name: string): Float64Array {
    return Float64Array.from(this.state.view(this.#states.block, name));
  }

  has(bit: keyof typeof DeviceStatus): boolean {
    return (this.get('status') & DeviceStatus[bit]) !== 0;
  }

  /** Waits for the next state. Fails after 5 s without one, on a busy machine later. */
  async next(): Promise<void> {
    const end = now() + BUSY * 5;
    for (;;) {
      const seen = this.#states.version();
      if (this.take()) return;
      assert.ok(now() < end, `no state for ${BUSY * 5} s`);
      await this.#states.waitAsync(seen, 100);
    }
  }

  /** Sends one command as wanted now. */
  send(mode: number = this.wanted.mode): void {
    const block = this.#commands.block;
    const l = this.#command;
    block.fill(0);
    block[l.at('tick')] = ++this.tick;
    block[l.at('time')] = now();
    block[l.at('mode')] = mode;
    block[l.at('epoch')] = this.get('epoch');
    l.view(block, 'q').set(this.wanted.q);
    l.view(block, 'qd').set(this.wanted.qd);
    const { axes } = this.device.spec;
    l.view(block, 'kp').set(axes.map((a) => a.kp));
    l.view(block, 'kd').set(axes.map((a) => a.kd));
    this.history.set(this.tick, Float64Array.from(this.wanted.q));
    this.#commands.publish();
  }

  /** Wants what is measured now, so that nothing moves. */
  wantHere(): void {
    this.wanted.mode = CommandMode.position;
    this.wanted.q.set(this.vector('q'));
    this.wanted.qd.fill(0);
  }

  /**
   * Sends commands about every 2 ms and reads each new state until `done` says so; fails when that takes longer than
   * `limit` seconds, on a busy machine more. `before` may change what is wanted, `time` is since the call.
   */
  async drive(
    done: (time: number) => boolean,
    limit: number,
    before?: (time: number) => void,
  ): Promise<void> {
    const start = now();
    for (;;) {
      const time = now() - start;
      before?.(time);
      this.send();
      const fresh = this.take();
      if (fresh && done(time)) return;
      assert.ok(time < BUSY * limit, `not reached within ${BUSY * limit} s`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Reads states without sending until `done`. */
  async watch(done: () => boolean, limit: number): Promise<void> {
    const end = now() + BUSY * limit;
    while (!done()) {
      assert.ok(now() < end, `not reached within ${BUSY * limit} s`);
      await this.next();
    }
  }

  /** All `sent` records so far; they are released. */
  records(): Float64Array[] {
    const found: Float64Array[] = [];
    for (let slot = this.#sents.peek(); slot !== null; slot = this.#sents.peek()) {
      found.push(Float64Array.from(slot.block));
      this.#sents.release();
    }
    assert.equal(this.#sents.overflow, 0, 'records were lost');
    return found;
  }

  /** Largest |measured − wanted| over all axes, relative to each axis' range. */
  error(): number {
    const q = this.vector('q');
    return Math.max(
      ...this.device.spec.axes.map((a, i) => Math.abs(q[i]! - this.wanted.q[i]!) / (a.max - a.min)),
    );
  }

  /** Largest speed over all axes, relative to each axis' limit. */
  speed(): number {
    const qd = this.vector('qd');
    return Math.max(...this.device.spec.axes.map((a, i) => Math.abs(qd[i]!) / a.velocity));
  }
}
