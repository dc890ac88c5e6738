/**
 * Makes a Device of a simulation: the LockstepDevice lives in a worker of its own, paced by the real-time clock.
 *
 *   const device = await DeviceThread.load({ robot, entry, module: url, seed: 1, poseReaders: 3 });
 *   await device.open(loop.ports[0]);          // device.spec and device.scene are there before
 *   device.poses[0]                            // Latest of posesLayout, one per reader
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { ArmloopError } from '../errors.ts';
import type { Device, DevicePort, DeviceSpec, Push } from '../robot/device.ts';
import { posesLayout } from '../robot/frame.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { DeviceEntry, RobotSpec } from '../robot/spec.ts';
import { type ChannelBuffer, LatestEnd, LatestView, latest, RingEnd, ring } from './channel.ts';
import { controlBlock, Word } from './control-block.ts';
import type { DeviceWorkerData, FromDevice, ToDevice } from './device-worker.ts';

export interface DeviceThreadOptions {
  readonly robot: RobotSpec;
  readonly entry: DeviceEntry;
  /** Address of the module that exports `createLockstepDevice`. */
  readonly module: string;
  /** First scene. */
  readonly seed: number;
  /** How many readers of the scene's poses there are. Default 0. */
  readonly poseReaders?: number;
  /** Highest rate of published poses, Hz. Default 120. */
  readonly posesHz?: number;
  /** Rate of poses for the recorder, Hz; 0 (default) makes no such ring. */
  readonly recordPosesHz?: number;
}

export interface DeviceThreadStats {
  /** Periods run since the start. */
  readonly periods: number;
  /** Periods skipped since the start: by so many the simulated clock is behind the wall clock. */
  readonly missed: number;
}

interface Call {
  readonly resolve: (state: Float64Array | null) => void;
  readonly reject: (error: Error) => void;
}

type Order =
  | { readonly type: 'enable' | 'disable' | 'halt' | 'snapshot' }
  | { readonly type: 'reset'; readonly seed: number }
  | { readonly type: 'restore'; readonly state: Float64Array }
  | { readonly type: 'push'; readonly push: Push };

export class DeviceThread implements Device {
  readonly spec: DeviceSpec;
  /** The scene has a new look: bodies and shapes are as before. */
  onLook: ((scene: SceneDescription) => void) | null = null;
  #scene: SceneDescription | null;
  /** Newest scene poses (posesLayout), one Latest per reader. Empty for a device without a scene. */
  readonly poses: readonly ChannelBuffer[];
  /** Ring of scene poses for the recorder; null when none was asked for. */
  readonly recordPoses: ChannelBuffer | null;
  onFault: ((message: string) => void) | null = null;
  readonly #options: DeviceThreadOptions;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #control: Int32Array;
  readonly #calls = new Map<number, Call>();
  readonly #exited: Promise<void>;
  #nextId = 1;
  #closing = false;
  #gone: string | null = null;
  #running = false;

  private constructor(
    options: DeviceThreadOptions,
    worker: Worker,
    port: MessagePort,
    control: Int32Array,
    ready: Extract<FromDevice, { type: 'ready' }>,
  ) {
    this.#options = options;
    this.#worker = worker;
    this.#port = port;
    this.#control = control;
    this.spec = ready.spec;
    this.#scene = ready.scene;
    const size = posesLayout(ready.scene?.bodies.length ?? 0).size;
    const readers = ready.scene === null ? 0 : (options.poseReaders ?? 0);
    this.poses = Array.from({ length: readers }, () => latest(size));
    const hz = options.recordPosesHz ?? 0;
    this.recordPoses = ready.scene === null || hz <= 0 ? null : ring(size, Math.max(16, hz * 8));
    port.on('message', (message: FromDevice) => this.#answered(message));
    worker.on('error', (error) => this.#lost(error.stack ?? error.message));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        resolve();
        this.#lost(`its thread ended with code ${code}`);
      });
    });
  }

  /** Loads the simulation in its thread; it does not run before `open`. Rejects with DEVICE_UNREACHABLE. */
  static async load(options: DeviceThreadOptions): Promise<DeviceThread> {
    const { port1, port2 } = new MessageChannel();
    const control = controlBlock();
    const data: DeviceWorkerData = {
      robot: options.robot,
      entry: options.entry,
      module: options.module,
      seed: options.seed,
      control,
      posesHz: options.posesHz ?? 120,
      port: port2,
    };
    const worker = new Worker(new URL('./device-worker.js', import.meta.url), {
      workerData: data,
      transferList: [port2],
      name: `device ${options.entry.name}`,
    });
    const ready = await new Promise<Extract<FromDevice, { type: 'ready' }>>((resolve, reject) => {
      const failed = (reason: string, cause?: unknown): void => {
        reject(new ArmloopError('DEVICE_UNREACHABLE', { device: options.entry.name, reason }, { cause }));
      };
      worker.once('error', (error) => failed(error.message, error));
      worker.once('exit', (code) => failed(`its thread ended with code ${code}`));
      port1.once('message', (message: FromDevice) => {
        worker.removeAllListeners();
        if (message.type === 'ready') resolve(message);
      });
    });
    return new DeviceThread(options, worker, port1, control, ready);
  }

  /** As it looks since the last reset. */
  get scene(): SceneDescription | null {
    return this.#scene;
  }

  open(port: DevicePort): Promise<void> {
    if (this.#running) {
      const { name } = this.spec;
      const details = { device: name, what: 'open', reason: 'it is open already' };
      return Promise.reject(new ArmloopError('DEVICE_MISUSED', details));
    }
    const { state, command, sent } = port;
    if (!(state instanceof LatestEnd) || !(command instanceof LatestView) || !(sent instanceof RingEnd)) {
      throw new ArmloopError('INTERNAL', { what: 'a device thread needs ends of shared-memory channels' });
    }
    const run: ToDevice = {
      type: 'run',
      state: state.buffer,
      command: command.buffer,
      sent: sent.buffer,
      poses: this.poses,
      poseRings:
        this.recordPoses === null ? [] : [{ buffer: this.recordPoses, hz: this.#options.recordPosesHz ?? 0 }],
    };
    this.#running = true;
    this.#port.postMessage(run);
    return this.#firstState(state.buffer);
  }

  async #firstState(buffer: ChannelBuffer): Promise<void> {
    // A second end would take the loop's records: only the counter is looked at.
    const view = new LatestView(buffer);
    const deadline = Date.now() + 10_000;
    while (view.version() === 0) {
      if (this.#gone !== null || Date.now() > deadline) {
        throw new ArmloopError('DEVICE_UNREACHABLE', {
          device: this.spec.name,
          reason: this.#gone ?? 'it published no state in 10 s',
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async enable(): Promise<void> {
    await this.#order({ type: 'enable' });
  }
  async disable(): Promise<void> {
    await this.#order({ type: 'disable' });
  }
  async halt(): Promise<void> {
    await this.#order({ type: 'halt' });
  }
  async reset(seed: number): Promise<void> {
    await this.#order({ type: 'reset', seed });
  }
  async restore(state: Float64Array): Promise<void> {
    await this.#order({ type: 'restore', state });
  }
  async push(push: Push): Promise<void> {
    await this.#order({ type: 'push', push });
  }
  async snapshot(): Promise<Float64Array> {
    return (await this.#order({ type: 'snapshot' }))!;
  }

  stats(): DeviceThreadStats {
    return {
      periods: Atomics.load(this.#control, Word.heartbeat) >>> 0,
      missed: Atomics.load(this.#control, Word.missed) >>> 0,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    Atomics.store(this.#control, Word.stop, 1);
    Atomics.notify(this.#control, Word.stop);
    this.#port.close();
    const late = setTimeout(() => void this.#worker.terminate(), 2000);
    await this.#exited;
    clearTimeout(late);
  }

  #order(order: Order): Promise<Float64Array | null> {
    const fail = (reason: string): ArmloopError =>
      new ArmloopError('DEVICE_HOST', { device: this.spec.name, what: order.type, reason });
    if (this.#gone !== null) return Promise.reject(fail(this.#gone));
    if (!this.#running) return Promise.reject(fail('it is not open'));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject: (error) => reject(fail(error.message)) });
      this.#port.postMessage({ ...order, id });
      Atomics.store(this.#control, Word.mail, 1);
    });
  }

  #answered(message: FromDevice): void {
    if (message.type === 'ready') return;
    if (message.type === 'look') {
      this.#scene = message.scene;
      if (message.scene !== null) this.onLook?.(message.scene);
      return;
    }
    const call = this.#calls.get(message.id);
    this.#calls.delete(message.id);
    if (message.type === 'done') call?.resolve(message.state);
    else call?.reject(new Error(message.reason));
  }

  #lost(reason: string): void {
    if (this.#gone !== null) return;
    this.#gone = reason;
    for (const call of this.#calls.values()) call.reject(new Error(reason));
    this.#calls.clear();
    if (!this.#closing) this.onFault?.(`device ${this.spec.name}: ${reason}`);
  }
}
