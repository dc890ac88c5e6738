/** Which device values stand where in the Tick: states in, commands out. Offsets are looked up once. */
import type { RobotSpec } from '../robot/spec.ts';
import { commandLayout, deviceStateLayout, RESIDUALS, type TickLayout } from '../robot/tick.ts';

interface DeviceWiring {
  /** Rig axis of each device axis. */
  readonly axes: Int32Array;
  readonly state: ReturnType<typeof stateOffsets>;
  readonly command: ReturnType<typeof commandOffsets>;
  readonly commandSize: number;
}

const stateOffsets = (axes: number) => {
  const l = deviceStateLayout(axes);
  return {
    size: l.size,
    seq: l.at('seq'),
    time: l.at('time'),
    status: l.at('status'),
    commandTick: l.at('commandTick'),
    q: l.at('q'),
    qd: l.at('qd'),
    tau: l.at('tau'),
    epoch: l.at('epoch'),
    seed: l.at('seed'),
    reward: l.at('reward'),
    success: l.at('success'),
    residual: l.at('residual'),
  };
};

const commandOffsets = (axes: number) => {
  const l = commandLayout(axes);
  return {
    tick: l.at('tick'),
    time: l.at('time'),
    mode: l.at('mode'),
    epoch: l.at('epoch'),
    q: l.at('q'),
    qd: l.at('qd'),
    tau: l.at('tau'),
    kp: l.at('kp'),
    kd: l.at('kd'),
  };
};

export class Wiring {
  readonly #devices: readonly DeviceWiring[];
  /** The device whose scene, reward and residuals go into in.task.*: the first simulated one, else the first. */
  readonly #scene: number;
  readonly #in: ReturnType<typeof inputOffsets>;
  readonly #out: ReturnType<typeof outputOffsets>;

  constructor(spec: RobotSpec, tick: TickLayout) {
    this.#devices = spec.devices.map((device) => ({
      axes: Int32Array.from(device.axes, (name) => spec.axes.findIndex((axis) => axis.name === name)),
      state: stateOffsets(device.axes.length),
      command: commandOffsets(device.axes.length),
      commandSize: commandLayout(device.axes.length).size,
    }));
    this.#scene = Math.max(
      0,
      spec.devices.findIndex((device) => device.kind === 'sim'),
    );
    this.#in = inputOffsets(tick);
    this.#out = outputOffsets(tick);
  }

  /** Copies the newest state of device d into in.* of the Tick. Allocates nothing. */
  gather(d: number, state: Float64Array, tick: Float64Array): void {
    const wiring = this.#devices[d]!;
    const s = wiring.state;
    const at = this.#in;
    tick[at.seq + d] = state[s.seq]!;
    tick[at.captured + d] = state[s.time]!;
    tick[at.status + d] = state[s.status]!;
    tick[at.commandTick + d] = state[s.commandTick]!;
    for (let i = 0; i < wiring.axes.length; i++) {
      const axis = wiring.axes[i]!;
      tick[at.q + axis] = state[s.q + i]!;
      tick[at.qd + axis] = state[s.qd + i]!;
      tick[at.tau + axis] = state[s.tau + i]!;
    }
    if (d !== this.#scene) return;
    tick[at.epoch] = state[s.epoch]!;
    tick[at.seed] = state[s.seed]!;
    tick[at.reward] = state[s.reward]!;
    tick[at.success] = state[s.success]!;
    for (let i = 0; i < RESIDUALS; i++) tick[at.residual + i] = state[s.residual + i]!;
  }

  /** Writes the command for device d from out.* of the Tick. Allocates nothing. */
  command(d: number, tick: Float64Array, out: Float64Array): void {
    const wiring = this.#devices[d]!;
    const c = wiring.command;
    const at = this.#out;
    out[c.tick] = tick[this.#in.tick]!;
    out[c.time] = tick[this.#in.time]!;
    out[c.mode] = tick[at.commandMode]!;
    out[c.epoch] = tick[this.#in.epoch]!;
    for (let i = 0; i < wiring.axes.length; i++) {
      const axis = wiring.axes[i]!;
      out[c.q + i] = tick[at.q + axis]!;
      out[c.qd + i] = tick[at.qd + axis]!;
      out[c.tau + i] = tick[at.tau + axis]!;
      out[c.kp + i] = tick[at.kp + axis]!;
      out[c.kd + i] = tick[at.kd + axis]!;
    }
  }
}

const inputOffsets = ({ layout }: TickLayout) => ({
  tick: layout.at('in.tick'),
  time: layout.at('in.time'),
  q: layout.at('in.q'),
  qd: layout.at('in.qd'),
  tau: layout.at('in.tau'),
  seq: layout.at('in.device.seq'),
  captured: layout.at('in.device.time'),
  status: layout.at('in.device.status'),
  commandTick: layout.at('in.device.commandTick'),
  epoch: layout.at('in.task.epoch'),
  seed: layout.at('in.task.seed'),
  reward: layout.at('in.task.reward'),
  success: layout.at('in.task.success'),
  residual: layout.at('in.task.residual'),
});

const outputOffsets = ({ layout }: TickLayout) => ({
  commandMode: layout.at('out.commandMode'),
  q: layout.at('out.q'),
  qd: layout.at('out.qd'),
  tau: layout.at('out.tau'),
  kp: layout.at('out.kp'),
  kd: layout.at('out.kd'),
});
