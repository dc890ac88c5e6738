/**
 * The thread of a simulated device: paces a LockstepDevice by the clock at its own rate. A thread that is late skips
 * whole periods, so simulated time falls behind the wall clock and is counted, and never runs faster to catch up.
 * Messages are looked at between periods.
 */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { DeviceSpec, LockstepDevice, LockstepFactory, Push } from '../robot/device.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { DeviceEntry, RobotSpec } from '../robot/spec.ts';
import { commandLayout, DeviceStatus, deviceStateLayout, sentLayout } from '../robot/tick.ts';
import { type ChannelBuffer, LatestEnd, LatestView, RingEnd } from './channel.ts';
import { monotonicClock } from './clock.ts';
import { Word } from './control-block.ts';
import { askFifo } from './fifo.ts';
import { Pace } from './pace.ts';

export interface DeviceWorkerData {
  readonly robot: RobotSpec;
  readonly entry: DeviceEntry;
  /** Address of the module that exports `createLockstepDevice`. */
  readonly module: string;
  readonly seed: number;
  readonly control: Int32Array;
  /** Highest rate at which scene poses are published, Hz. */
  readonly posesHz: number;
  readonly port: MessagePort;
}

export type ToDevice =
  | {
      readonly type: 'run';
      readonly state: ChannelBuffer;
      readonly command: ChannelBuffer;
      readonly sent: ChannelBuffer;
      readonly poses: readonly ChannelBuffer[];
      readonly poseRings: readonly { readonly buffer: ChannelBuffer; readonly hz: number }[];
    }
  | { readonly type: 'enable' | 'disable' | 'halt' | 'snapshot'; readonly id: number }
  | { readonly type: 'reset'; readonly id: number; readonly seed: number }
  | { readonly type: 'restore'; readonly id: number; readonly state: Float64Array }
  | { readonly type: 'push'; readonly id: number; readonly push: Push };

export type FromDevice =
  | { readonly type: 'ready'; readonly spec: DeviceSpec; readonly scene: SceneDescription | null }
  /** The scene looks different from now on: sent before the answer to what changed it. */
  | { readonly type: 'look'; readonly scene: SceneDescription | null }
  | { readonly type: 'done'; readonly id: number; readonly state: Float64Array | null }
  | { readonly type: 'failed'; readonly id: number; readonly reason: string };

interface Poses {
  readonly end: LatestEnd | RingEnd;
  /** Every so many periods. */
  readonly every: number;
}

class Host {
  readonly #device: LockstepDevice;
  readonly #data: DeviceWorkerData;
  readonly #now: () => number;
  readonly #state: LatestEnd;
  readonly #command: LatestView;
  readonly #sent: RingEnd;
  readonly #poses: readonly Poses[];
  readonly #scene: Float64Array;
  readonly #posesView: Float64Array;
  readonly #sentBlock: Float64Array;
  readonly #at: ReturnType<typeof offsets>;
  readonly #axes: number;
  /** Epoch of the scene as published last. */
  readonly #epoch = new Float64Array(1);
  /** Published − the device's own epoch: a snapshot put back is a new scene, though it brings its old number. */
  readonly #epochShift = new Float64Array(1);
  /** As it was told last. */
  #look: SceneDescription | null;
  #enabled = false;
  /** A command has been taken whose effect has not been measured yet. */
  #open = false;
  /** The loop is dead: commands are not taken any more. */
  #halted = false;
  #period = 0;

  constructor(
    device: LockstepDevice,
    data: DeviceWorkerData,
    run: Extract<ToDevice, { type: 'run' }>,
    now: () => number,
  ) {
    this.#device = device;
    this.#look = device.scene;
    this.#data = data;
    this.#now = now;
    this.#state = new LatestEnd(run.state);
    this.#command = new LatestView(run.command);
    this.#sent = new RingEnd(run.sent);
    const rate = device.spec.rateHz;
    const every = (hz: number): number => Math.max(1, Math.ceil(rate / Math.max(hz, 1e-3) - 1e-9));
    this.#poses = [
      ...run.poses.map((b) => ({ end: new LatestEnd(b), every: every(data.posesHz) })),
      ...run.poseRings.map((r) => ({ end: new RingEnd(r.buffer), every: every(r.hz) })),
    ];
    this.#axes = data.entry.axes.length;
    const bodies = device.scene?.bodies.length ?? 0;
    this.#scene = new Float64Array(2 + bodies * 7);
    this.#posesView = this.#scene.subarray(2);
    this.#sentBlock = new Float64Array(sentLayout(this.#axes).size);
    this.#at = offsets(this.#axes);
  }

  run(): void {
    const { control, robot } = this.#data;
    // The simulated arm stands for a real one, whose controller no browser beside it can starve; one below the loop,
    // which goes first. Refusal is said by the loop thread.
    askFifo(robot.loop.fifoPriority - 1);
    const pace = new Pace(control, this.#device.spec.rateHz);
    this.#publish();
    pace.begin();
    while (pace.next()) {
      this.period();
      if (pace.missed > 0) Atomics.add(control, Word.missed, pace.missed);
      Atomics.add(control, Word.heartbeat, 1);
    }
  }

  /** One period: messages, the newest command, the step, the new state. Allocates nothing without messages. */
  period(): void {
    const { control } = this.#data;
    if (Atomics.load(control, Word.mail) !== 0) {
      Atomics.store(control, Word.mail, 0);
      this.#mail();
    }
    if (this.#command.take() && !this.#halted) this.#take(this.#command.block);
    this.#device.advance();
    this.#period++;
    this.#publish();
  }

  #take(command: Float64Array): void {
    // A command that was computed from an earlier scene would throw the arm of this one about.
    if (command[this.#at.epoch] !== this.#epoch[0]) return;
    this.#device.write(command, this.#now(), this.#sentBlock);
    this.#open = true;
  }

  #publish(): void {
    const state = this.#state.block;
    const at = this.#at;
    this.#device.read(this.#now(), state);
    state[at.stateEpoch] = state[at.stateEpoch]! + this.#epochShift[0]!;
    this.#epoch[0] = state[at.stateEpoch]!;
    if (this.#halted) state[at.status] = state[at.status]! | DeviceStatus.watchdog;
    if (this.#open) {
      const sent = this.#sentBlock;
      sent[at.measuredTime] = state[at.time]!;
      for (let i = 0; i < this.#axes; i++) {
        sent[at.measuredQ + i] = state[at.q + i]!;
        sent[at.measuredQd + i] = state[at.qd + i]!;
        sent[at.measuredTau + i] = state[at.tau + i]!;
      }
      this.#sent.write(sent);
      this.#open = false;
    }
    const time = state[at.time]!;
    const epoch = state[at.stateEpoch]!;
    this.#state.publish();
    let fresh = false;
    for (let i = 0; i < this.#poses.length; i++) {
      const poses = this.#poses[i]!;
      if (this.#period % poses.every !== 0) continue;
      if (!fresh) {
        this.#device.poses(this.#posesView);
        this.#scene[0] = time;
        this.#scene[1] = epoch;
        fresh = true;
      }
      if (poses.end instanceof RingEnd) {
        poses.end.write(this.#scene);
      } else {
        poses.end.block.set(this.#scene);
        poses.end.publish();
      }
    }
  }

  #mail(): void {
    const { port } = this.#data;
    for (let mail = receiveMessageOnPort(port); mail !== undefined; mail = receiveMessageOnPort(port)) {
      const message = mail.message as ToDevice;
      if (message.type === 'run') continue;
      try {
        const state = this.#obey(message);
        // The answer follows the look and the state that show it.
        if (this.#device.scene !== this.#look) {
          this.#look = this.#device.scene;
          port.postMessage({ type: 'look', scene: this.#look } satisfies FromDevice);
        }
        if (message.type !== 'push') this.#publish();
        port.postMessage({ type: 'done', id: message.id, state } satisfies FromDevice);
      } catch (error) {
        port.postMessage({ type: 'failed', id: message.id, reason: words(error) } satisfies FromDevice);
      }
    }
  }

  #obey(message: Exclude<ToDevice, { type: 'run' }>): Float64Array | null {
    const device = this.#device;
    switch (message.type) {
      case 'enable':
        // A command that was left waiting is not for this run: enabling holds until the first one after it.
        this.#command.take();
        this.#halted = false;
        this.#enabled = true;
        device.setEnabled('on');
        return null;
      case 'disable':
        this.#enabled = false;
        device.setEnabled('off');
        return null;
      case 'halt':
        this.#halted = true;
        // Enabling begins with holding where the arm is: that is the halt.
        if (this.#enabled) {
          device.setEnabled('off');
          device.setEnabled('on');
        }
        return null;
      case 'reset':
        device.reset(message.seed);
        return null;
      case 'restore':
        device.restore(message.state);
        device.read(this.#now(), this.#state.block);
        this.#epochShift[0] = this.#epoch[0]! + 1 - this.#state.block[this.#at.stateEpoch]!;
        return null;
      case 'snapshot':
        return device.snapshot();
      case 'push':
        if (device.push === undefined) throw new Error('nothing of it can be pushed');
        device.push(message.push);
        return null;
      default:
        return message satisfies never;
    }
  }
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function offsets(axes: number) {
  const command = commandLayout(axes);
  const state = deviceStateLayout(axes);
  const sent = sentLayout(axes);
  return {
    epoch: command.at('epoch'),
    time: state.at('time'),
    status: state.at('status'),
    stateEpoch: state.at('epoch'),
    q: state.at('q'),
    qd: state.at('qd'),
    tau: state.at('tau'),
    measuredTime: sent.at('measuredTime'),
    measuredQ: sent.at('measuredQ'),
    measuredQd: sent.at('measuredQd'),
    measuredTau: sent.at('measuredTau'),
  };
}

async function main(data: DeviceWorkerData): Promise<void> {
  const { robot, entry, seed, port } = data;
  const module = (await import(data.module)) as { createLockstepDevice: LockstepFactory };
  const device = await module.createLockstepDevice({ robot, entry, seed });
  port.postMessage({ type: 'ready', spec: device.spec, scene: device.scene } satisfies FromDevice);
  const run = await new Promise<Extract<ToDevice, { type: 'run' }> | null>((resolve) => {
    port.once('message', (message: ToDevice) => resolve(message.type === 'run' ? message : null));
    port.once('close', () => resolve(null));
  });
  try {
    if (run !== null) new Host(device, data, run, monotonicClock()).run();
  } finally {
    device.dispose();
    port.close();
  }
}

if (parentPort !== null) await main(workerData as DeviceWorkerData);
