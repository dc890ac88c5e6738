/** The loop thread: builds the cycle, warms it up, and paces it until it is told to end. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Controller } from '../control/controller.ts';
import { loadKinematics } from '../model/load.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { Word } from './control-block.ts';
import { Cycle } from './cycle.ts';
import { askFifo, type Fifo } from './fifo.ts';
import { LoopBody } from './loop-body.ts';
import type { LoopBuffers } from './loop-buffers.ts';
import { Pace } from './pace.ts';
import { warmUp } from './warm-up.ts';

export interface LoopWorkerData {
  readonly spec: RobotSpec;
  readonly buffers: LoopBuffers;
  readonly control: Int32Array;
  /** Address of the module that exports `createControllers`. */
  readonly controllers: string;
  readonly warmUpTicks: number;
  readonly spinS: number;
}

export type FromLoop =
  | { readonly type: 'ready'; readonly fifo: Fifo }
  /** A controller threw: the arm stops, latched; the loop goes on. */
  | { readonly type: 'controller'; readonly message: string }
  /** The cycle itself failed: this thread ends. */
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'ended' };

export interface ControllersModule {
  readonly createControllers: (spec: RobotSpec) => Controller[];
}

const words = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

async function main(data: LoopWorkerData, post: (message: FromLoop) => void): Promise<void> {
  const { spec, buffers, control } = data;
  const { createControllers } = (await import(data.controllers)) as ControllersModule;
  const controllers = createControllers(spec);
  const cycle = new Cycle({ spec, model: loadKinematics(spec), controllers });
  warmUp(spec, cycle, controllers, data.warmUpTicks);
  const body = new LoopBody(spec, cycle, buffers);
  const fifo = askFifo(spec.loop.fifoPriority);
  post({ type: 'ready', fifo });
  const pace = new Pace(control, spec.loop.rateHz, data.spinS);
  pace.begin();
  try {
    while (pace.next()) {
      body.run(pace.times, pace.missed);
      if (pace.missed > 0) Atomics.add(control, Word.missed, pace.missed);
      Atomics.add(control, Word.heartbeat, 1);
      if (cycle.lastError !== null) {
        post({ type: 'controller', message: words(cycle.lastError) });
        cycle.lastError = null;
      }
    }
    post({ type: 'ended' });
  } catch (error) {
    body.freeze();
    post({ type: 'failed', message: words(error) });
  }
}

if (parentPort !== null) {
  const port = parentPort;
  await main(workerData as LoopWorkerData, (message) => port.postMessage(message));
}
