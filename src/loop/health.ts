/** What the devices' states in a Tick say about whether the arm may move. */
import type { RobotSpec } from '../robot/spec.ts';
import { DeviceStatus, Reason, type TickLayout } from '../robot/tick.ts';

export class Health {
  readonly #axes: number;
  readonly #devices: number;
  readonly #maxAge: number;
  readonly #time: number;
  readonly #q: number;
  readonly #qd: number;
  readonly #captured: number;
  readonly #status: number;

  constructor(spec: RobotSpec, tick: TickLayout) {
    this.#axes = spec.axes.length;
    this.#devices = spec.devices.length;
    this.#maxAge = spec.limits.stateAgeMs / 1000;
    const at = (name: string): number => tick.layout.at(name);
    this.#time = at('in.time');
    this.#q = at('in.q');
    this.#qd = at('in.qd');
    this.#captured = at('in.device.time');
    this.#status = at('in.device.status');
  }

  /** Reason bits of what is wrong; 0 when all is well. */
  look(tick: Float64Array): number {
    let bad = 0;
    for (let d = 0; d < this.#devices; d++) {
      const status = tick[this.#status + d]!;
      if ((status & DeviceStatus.online) === 0) bad |= Reason.deviceLost;
      if ((status & DeviceStatus.fault) !== 0) bad |= Reason.deviceFault;
      // Written so that NaN counts as old.
      if (!(tick[this.#time]! - tick[this.#captured + d]! <= this.#maxAge)) bad |= Reason.staleState;
    }
    for (let i = 0; i < this.#axes; i++) {
      // A sum with what is not finite is not finite.
      const sum = tick[this.#q + i]! + tick[this.#qd + i]!;
      if (!Number.isFinite(sum)) bad |= Reason.notFinite;
    }
    return bad;
  }

  /** True when every device has torque on. */
  enabled(tick: Float64Array): boolean {
    for (let d = 0; d < this.#devices; d++) {
      if ((tick[this.#status + d]! & DeviceStatus.enabled) === 0) return false;
    }
    return true;
  }
}
