/** Writes the State and the `sent` records of an arm on a bus. Allocates nothing after it was made. */
import type { DevicePort } from '../../../src/robot/device.ts';
import { CommandMode, commandLayout, deviceStateLayout, sentLayout } from '../../../src/robot/tick.ts';
import type { Reading } from './chain.ts';
import type { JointMap } from './joint-map.ts';

export class Report {
  /** Where the fields of a command are. */
  readonly command: { readonly tick: number; readonly mode: number; readonly q: number };
  readonly #port: DevicePort;
  readonly #maps: readonly JointMap[];
  readonly #state: Record<
    'seq' | 'time' | 'deviceTime' | 'status' | 'commandTick' | 'q' | 'qd' | 'tau',
    number
  >;
  readonly #at: Record<
    | 'tick'
    | 'written'
    | 'acknowledged'
    | 'mode'
    | 'q'
    | 'qd'
    | 'tau'
    | 'measuredTime'
    | 'measuredQ'
    | 'measuredQd'
    | 'measuredTau',
    number
  >;
  readonly #record: Float64Array;
  /** Axis positions of the reading that was published last. */
  readonly q: Float64Array;
  #seq = 0;
  #time = 0;
  #pending = false;

  constructor(port: DevicePort, maps: readonly JointMap[]) {
    const n = maps.length;
    this.#port = port;
    this.#maps = maps;
    const state = deviceStateLayout(n);
    const sent = sentLayout(n);
    const command = commandLayout(n);
    this.command = { tick: command.at('tick'), mode: command.at('mode'), q: command.at('q') };
    const at = (name: string): number => state.at(name);
    this.#state = {
      seq: at('seq'),
      time: at('time'),
      deviceTime: at('deviceTime'),
      status: at('status'),
      commandTick: at('commandTick'),
      q: at('q'),
      qd: at('qd'),
      tau: at('tau'),
    };
    const of = (name: string): number => sent.at(name);
    this.#at = {
      tick: of('tick'),
      written: of('written'),
      acknowledged: of('acknowledged'),
      mode: of('mode'),
      q: of('q'),
      qd: of('qd'),
      tau: of('tau'),
      measuredTime: of('measuredTime'),
      measuredQ: of('measuredQ'),
      measuredQd: of('measuredQd'),
      measuredTau: of('measuredTau'),
    };
    this.#record = new Float64Array(sent.size);
    this.q = new Float64Array(n);
  }

  /** Publishes a reading. A bus of servos has no clock of its own: its time is the rig's. */
  publish(reading: Reading, status: number, commandTick: number): void {
    const out = this.#port.state.block;
    const s = this.#state;
    out.fill(0);
    this.#time = Math.max(this.#time, reading.time);
    out[s.seq] = ++this.#seq;
    out[s.time] = this.#time;
    out[s.deviceTime] = reading.time;
    out[s.status] = status;
    out[s.commandTick] = commandTick;
    for (let i = 0; i < this.#maps.length; i++) {
      const map = this.#maps[i]!;
      this.q[i] = map.position(reading.position[i]!);
      out[s.q + i] = this.q[i]!;
      out[s.qd + i] = map.velocity(reading.speed[i]!);
      out[s.tau + i] = map.effort(reading.torque[i]!);
    }
    this.#port.state.publish();
  }

  /** Publishes that nothing is known: not online, at the time of the last reading. */
  offline(): void {
    const out = this.#port.state.block;
    out.fill(0);
    out[this.#state.seq] = ++this.#seq;
    out[this.#state.time] = this.#time;
    this.#port.state.publish();
  }

  /** A command was taken: what of it goes out in this cycle. */
  taken(tick: number, mode: number, goals: Int32Array, qd: Float64Array): void {
    const r = this.#record;
    const at = this.#at;
    r.fill(Number.NaN);
    r[at.tick] = tick;
    r[at.mode] = mode === CommandMode.position ? CommandMode.position : CommandMode.idle;
    for (let i = 0; i < this.#maps.length; i++) {
      r[at.q + i] = this.#maps[i]!.position(goals[i]!);
      r[at.qd + i] = qd[i]!;
      r[at.tau + i] = 0;
    }
    this.#pending = true;
  }

  /** The cycle has ended; `confirmed` when every servo says that it has the goal. */
  sent(written: number, answered: number, reading: Reading | null, confirmed: boolean): void {
    if (!this.#pending) return;
    this.#pending = false;
    const r = this.#record;
    const at = this.#at;
    r[at.written] = written;
    if (confirmed) r[at.acknowledged] = answered;
    if (reading !== null) {
      r[at.measuredTime] = reading.time;
      for (let i = 0; i < this.#maps.length; i++) {
        const map = this.#maps[i]!;
        r[at.measuredQ + i] = map.position(reading.position[i]!);
        r[at.measuredQd + i] = map.velocity(reading.speed[i]!);
        r[at.measuredTau + i] = map.effort(reading.torque[i]!);
      }
    }
    this.#port.sent.write(r);
  }
}
