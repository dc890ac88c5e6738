/**
 * The loop thread as the rig holds it: opens the worker, owns the shared memory around it, and watches that it lives.
 *
 *   await using loop = await LoopThread.open({ spec, onDead: (why) => halt everything });
 *   device.open(loop.ports[0]);
 *   loop.request({ kind: RequestKind.arm });
 */
import { Worker } from 'node:worker_threads';
import { ArmloopError } from '../errors.ts';
import type { DevicePort } from '../robot/device.ts';
import type { Layout } from '../robot/layout.ts';
import type { RobotSpec } from '../robot/spec.ts';
import {
  type ControllerId,
  REQUEST_ARGS,
  type RequestKind,
  requestLayout,
  type Source,
} from '../robot/tick.ts';
import { type ChannelBuffer, LatestEnd, LatestView, RingEnd, RingView } from './channel.ts';
import { monotonicClock } from './clock.ts';
import { controlBlock, Word } from './control-block.ts';
import { memoryLayout } from './cycle.ts';
import type { Fifo } from './fifo.ts';
import { Heartbeat } from './heartbeat.ts';
import { Histogram, quantile } from './histogram.ts';
import { type LoopBuffers, loopBuffers } from './loop-buffers.ts';
import type { ControllersModule, FromLoop, LoopWorkerData } from './loop-worker.ts';

export interface LoopThreadOptions {
  readonly spec: RobotSpec;
  /** Called once when the thread has died or hangs: the rig then calls `halt` on every device. */
  readonly onDead: (reason: string) => void;
  /** A controller threw; the arm is being stopped, the loop goes on. */
  readonly onControllerError?: (message: string) => void;
  /** How many readers of the newest tick there are: `live` has one end each. Default 1. */
  readonly liveReaders?: number;
  /** Silence after which the thread counts as dead, ms. Default 500. */
  readonly staleMs?: number;
  /** Cycles run before the loop counts. Default 2000. */
  readonly warmUpTicks?: number;
  /** Spin for so long before each period; only with a core to spare. Default 0. */
  readonly spinS?: number;
  /** Module that exports `createControllers`. Default: src/control. */
  readonly controllers?: URL;
}

export interface LoopRequest {
  readonly kind: RequestKind;
  readonly controller?: ControllerId;
  readonly source?: Source;
  readonly lease?: number;
  readonly args?: ArrayLike<number>;
}

/** Since the call of `stats` before (the first time: since the start). Times in s; NaN when no tick ran. */
export interface LoopStats {
  readonly ticks: number;
  readonly rateHz: number;
  readonly latenessP50: number;
  readonly latenessP99: number;
  /** Since the start. */
  readonly latenessMax: number;
  readonly workP50: number;
  readonly workP99: number;
  /** Periods skipped since the start. */
  readonly missed: number;
  /** Ticks that the recorder's full ring refused since the start. */
  readonly lostTicks: number;
}

export class LoopThread implements AsyncDisposable {
  readonly spec: RobotSpec;
  readonly memoryLayout: Layout;
  readonly fifo: Fifo;
  /** Device ends, in the order of spec.devices. */
  readonly ports: readonly DevicePort[];
  readonly operator: LatestEnd;
  readonly rows: RingEnd;
  readonly live: readonly LatestView[];
  /** Every tick record, as long as it is drained. */
  readonly watch: RingView;
  /** Memory for the policy thread: rows of chunks that it writes, ticks that it reads. */
  readonly policy: { readonly chunks: ChannelBuffer; readonly ticks: ChannelBuffer };
  /** Memory for the planner thread: the plan that it writes, ticks that it reads. */
  readonly planner: { readonly plan: ChannelBuffer; readonly ticks: ChannelBuffer };
  /** Memory for the recorder's thread. */
  readonly recorder: LoopBuffers['recorder'];
  readonly #worker: Worker;
  readonly #control: Int32Array;
  readonly #requests: RingEnd;
  readonly #ticks: RingEnd;
  readonly #lateness: Histogram;
  readonly #work: Histogram;
  readonly #now: () => number;
  readonly #request = new Float64Array(requestLayout.size);
  readonly #watch: NodeJS.Timeout;
  readonly #exited: Promise<void>;
  readonly #onDead: (reason: string) => void;
  #seq = 0;
  #dead: string | null = null;
  #closing = false;
  #before: { ticks: number; time: number; lateness: Int32Array | null; work: Int32Array | null };

  private constructor(
    options: LoopThreadOptions,
    memory: Layout,
    buffers: LoopBuffers,
    control: Int32Array,
    worker: Worker,
    fifo: Fifo,
  ) {
    this.spec = options.spec;
    this.memoryLayout = memory;
    this.fifo = fifo;
    this.ports = options.spec.devices.map((_, d) => ({
      state: new LatestEnd(buffers.state[d]!),
      command: new LatestView(buffers.command[d]!),
      sent: new RingEnd(buffers.recorder.sent[d]!),
    }));
    this.operator = new LatestEnd(buffers.operator);
    this.rows = new RingEnd(buffers.rows);
    this.watch = new RingView(buffers.watch);
    this.live = buffers.live.map((b) => new LatestView(b));
    this.policy = { chunks: buffers.chunks, ticks: buffers.policy };
    this.planner = { plan: buffers.plan, ticks: buffers.planner };
    this.recorder = buffers.recorder;
    this.#worker = worker;
    this.#control = control;
    this.#requests = new RingEnd(buffers.requests);
    this.#ticks = new RingEnd(buffers.recorder.tick);
    this.#lateness = new Histogram(buffers.lateness);
    this.#work = new Histogram(buffers.work);
    this.#now = monotonicClock();
    this.#onDead = options.onDead;
    this.#before = { ticks: 0, time: this.#now(), lateness: null, work: null };
    worker.on('message', (message: FromLoop) => {
      if (message.type === 'controller') options.onControllerError?.(message.message);
      else if (message.type === 'failed') this.#died(`the loop thread failed: ${message.message}`);
    });
    worker.on('error', (error) => this.#died(`the loop thread failed: ${error.stack ?? error.message}`));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        resolve();
        if (!this.#closing) this.#died(`the loop thread ended with code ${code}`);
      });
    });
    this.#watch = this.#watchHeartbeat(options.staleMs ?? 500);
  }

  /** Starts the thread and resolves when it runs. Rejects with what kept it from starting. */
  static async open(options: LoopThreadOptions): Promise<LoopThread> {
    const { spec } = options;
    const address = (options.controllers ?? new URL('../control/index.js', import.meta.url)).href;
    const { createControllers } = (await import(address)) as ControllersModule;
    const memory = memoryLayout(spec, createControllers(spec));
    const buffers = loopBuffers(spec, memory.size, options.liveReaders ?? 1);
    const control = controlBlock();
    const data: LoopWorkerData = {
      spec,
      buffers,
      control,
      controllers: address,
      warmUpTicks: options.warmUpTicks ?? 2000,
      spinS: options.spinS ?? 0,
    };
    const worker = new Worker(new URL('./loop-worker.js', import.meta.url), {
      workerData: data,
      name: 'loop',
    });
    const fifo = await started(worker);
    return new LoopThread(options, memory, buffers, control, worker, fifo);
  }

  /** Queues a request; its number. Throws LOOP_QUEUE_FULL when 64 already wait. */
  request(request: LoopRequest): number {
    const block = this.#request;
    block.fill(0);
    block[AT.seq] = this.#seq + 1;
    block[AT.time] = this.#now();
    block[AT.kind] = request.kind;
    block[AT.controller] = request.controller ?? 0;
    block[AT.source] = request.source ?? 0;
    block[AT.lease] = request.lease ?? 0;
    const args = request.args ?? [];
    if (args.length > REQUEST_ARGS) {
      throw new ArmloopError('LENGTH_MISMATCH', {
        what: 'the argument list of a request',
        got: args.length,
        want: `at most ${REQUEST_ARGS}`,
      });
    }
    block[AT.count] = args.length;
    block.set(args, AT.args);
    if (!this.#requests.write(block)) throw new ArmloopError('LOOP_QUEUE_FULL', {});
    this.#seq++;
    return this.#seq;
  }

  stats(): LoopStats {
    const ticks = Atomics.load(this.#control, Word.heartbeat);
    const time = this.#now();
    const lateness = this.#lateness.counts();
    const work = this.#work.counts();
    const before = this.#before;
    this.#before = { ticks, time, lateness, work };
    const count = (ticks - before.ticks) >>> 0;
    return {
      ticks: count,
      rateHz: count / Math.max(1e-9, time - before.time),
      latenessP50: quantile(lateness, before.lateness, 0.5),
      latenessP99: quantile(lateness, before.lateness, 0.99),
      latenessMax: this.#lateness.largest,
      workP50: quantile(work, before.work, 0.5),
      workP99: quantile(work, before.work, 0.99),
      missed: Atomics.load(this.#control, Word.missed) >>> 0,
      lostTicks: this.#ticks.overflow,
    };
  }

  /** Why the thread is dead, or null. */
  get dead(): string | null {
    return this.#dead;
  }

  /** Ends the thread, whatever the arm does: bring it to rest first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    clearInterval(this.#watch);
    Atomics.store(this.#control, Word.stop, 1);
    Atomics.notify(this.#control, Word.stop);
    const late = setTimeout(() => void this.#worker.terminate(), 2000);
    await this.#exited;
    clearTimeout(late);
  }

  #watchHeartbeat(staleMs: number): NodeJS.Timeout {
    const beat = (): number => Atomics.load(this.#control, Word.heartbeat);
    const period = Math.max(5, staleMs / 10);
    const heart = new Heartbeat(Math.ceil(staleMs / period), beat(), this.#now());
    const timer = setInterval(() => {
      const silence = heart.look(beat(), this.#now());
      if (silence !== null) this.#died(`the loop thread has not run for ${Math.round(silence * 1000)} ms`);
    }, period);
    timer.unref();
    return timer;
  }

  #died(reason: string): void {
    if (this.#dead !== null || this.#closing) return;
    this.#dead = reason;
    clearInterval(this.#watch);
    // A thread that only hung must not come back and command against the halted devices.
    Atomics.store(this.#control, Word.stop, 1);
    Atomics.notify(this.#control, Word.stop);
    void this.#worker.terminate();
    this.#onDead(reason);
  }
}

function started(worker: Worker): Promise<Fifo> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(error);
    const ended = (code: number): void => {
      reject(
        new ArmloopError('THREAD_NOT_STARTED', { thread: 'loop', reason: `it ended with code ${code}` }),
      );
    };
    worker.once('error', failed);
    worker.once('exit', ended);
    worker.once('message', (message: FromLoop) => {
      worker.off('error', failed);
      worker.off('exit', ended);
      if (message.type === 'ready') resolve(message.fifo);
      else reject(new ArmloopError('THREAD_NOT_STARTED', { thread: 'loop', reason: message.type }));
    });
  });
}

const AT = {
  seq: requestLayout.at('seq'),
  time: requestLayout.at('time'),
  kind: requestLayout.at('kind'),
  controller: requestLayout.at('controller'),
  source: requestLayout.at('source'),
  lease: requestLayout.at('lease'),
  count: requestLayout.at('count'),
  args: requestLayout.at('args'),
};
