/** A thread that makes batches. Memory comes with each order and goes back, filled, with the answer. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ArmloopError } from '../../errors.ts';
import { Assembler, type AssemblerOptions, type BatchBuffers } from './assemble.ts';
import type { SampleStore } from './store.ts';

export interface BatchWorkerData {
  readonly store: SampleStore;
  readonly options: AssemblerOptions;
}

export type ToBatchWorker =
  | { readonly type: 'fill'; readonly step: number; readonly buffers: BatchBuffers }
  | { readonly type: 'shutdown' };

export type FromBatchWorker =
  | { readonly type: 'filled'; readonly step: number; readonly buffers: BatchBuffers }
  | {
      readonly type: 'failed';
      readonly code: string;
      readonly details: Readonly<Record<string, string | number>>;
      readonly message: string;
    };

function run(port: MessagePort, { store, options }: BatchWorkerData): void {
  const assembler = new Assembler(store, options);
  port.on('message', (message: ToBatchWorker) => {
    if (message.type === 'shutdown') {
      assembler[Symbol.dispose]();
      port.close();
      return;
    }
    const { step, buffers } = message;
    let answer: FromBatchWorker;
    try {
      assembler.fill(step, buffers);
      answer = { type: 'filled', step, buffers };
    } catch (error) {
      const { code, details } = error instanceof ArmloopError ? error : { code: '', details: {} };
      answer = { type: 'failed', code, details, message: (error as Error).message };
      port.postMessage(answer);
      return;
    }
    port.postMessage(answer, [...buffers]);
  });
}

run(parentPort!, workerData as BatchWorkerData);
