/**
 * Batches, made ahead of the trainer by threads:
 *
 *   await using loader = await BatchLoader.open(data, { set: 'train', batch: 64, seed: 1, workers: 1 });
 *   for (;;) { const { step, feeds } = await loader.next(); await train.run(feeds); }
 *
 * What a batch holds depends on (seed, step) alone, not on who made it or when. Memory is given to the threads and
 * comes back with the batch: as many batches exist as may lie ready, plus the one that the trainer holds, so the
 * threads stop when nobody takes. Buffers are handed over, not shared, because ONNX Runtime refuses tensors over
 * shared memory.
 */
import { Worker } from 'node:worker_threads';
import { ArmloopError, ERRORS, type ErrorCode } from '../../errors.ts';
import { Assembler, type AssemblerOptions, type BatchBuffers } from './assemble.ts';
import { checkAugmentation } from './augment.ts';
import type { Batch, BatchSource, LoaderOptions, TrainingData, WaitStatistics } from './batch.ts';
import type { BatchWorkerData, FromBatchWorker, ToBatchWorker } from './batch-worker.ts';

interface Thread {
  readonly worker: Worker;
  /** Orders that it has not answered. */
  orders: number;
  readonly ended: Promise<void>;
}

export class BatchLoader implements BatchSource {
  readonly batch: number;
  readonly perPass: number;
  /** Names the feeds and, without threads, fills them. */
  readonly #assembler: Assembler;
  readonly #threads: Thread[];
  readonly #free: BatchBuffers[];
  readonly #ready = new Map<number, BatchBuffers>();
  /** With the trainer. */
  #held: BatchBuffers | null = null;
  #next: number;
  #ordered: number;
  #wanted: { resolve(batch: Batch): void; reject(error: Error): void } | null = null;
  #failed: Error | null = null;
  #closed = false;
  readonly #waits = { batches: 0, waited: 0, waitedS: 0 };

  private constructor(assembler: Assembler, options: LoaderOptions, data: BatchWorkerData) {
    this.batch = options.batch;
    this.perPass = assembler.perPass;
    this.#assembler = assembler;
    this.#next = options.start ?? 0;
    this.#ordered = this.#next;
    const workers = options.workers ?? 1;
    this.#free = Array.from({ length: workers === 0 ? 1 : (options.prefetch ?? workers + 2) + 1 }, () =>
      assembler.allocate(),
    );
    this.#threads = Array.from({ length: workers }, () => this.#start(data));
    this.#order();
  }

  /** Rejects with DATASET_EMPTY when the set has no samples, DATASET_SPEC for options out of range. */
  static async open(data: TrainingData, options: LoaderOptions): Promise<BatchLoader> {
    const { set, batch, seed } = options;
    for (const [what, value, least] of [
      ['batch', batch, 1],
      ['start', options.start ?? 0, 0],
      ['workers', options.workers ?? 1, 0],
      ['prefetch', options.prefetch ?? 1, 1],
      ['limit', options.limit ?? 1, 1],
    ] as const) {
      if (Number.isInteger(value) && value >= least) continue;
      const rule = `must be a whole number from ${least}`;
      throw new ArmloopError('DATASET_SPEC', { what, value, rule });
    }
    checkAugmentation(options.augmentation ?? {});
    if (data[set].samples === 0) {
      const what = set === 'train' ? 'samples to train on' : 'samples to validate on';
      throw new ArmloopError('DATASET_EMPTY', { what, reason: 'none of the episodes of this set has any' });
    }
    const assembling: AssemblerOptions = {
      set,
      batch,
      seed,
      augmentation: set === 'train' ? (options.augmentation ?? null) : null,
      limit: options.limit ?? Number.POSITIVE_INFINITY,
    };
    const assembler = new Assembler(data.store, assembling);
    return new BatchLoader(assembler, options, { store: data.store, options: assembling });
  }

  get waits(): WaitStatistics {
    return { ...this.#waits, ready: this.#ready.size };
  }

  /** One caller at a time. */
  async next(): Promise<Batch> {
    if (this.#closed) throw new ArmloopError('DATA_CLOSED', {});
    if (this.#failed !== null) throw this.#failed;
    if (this.#wanted !== null) throw new ArmloopError('INTERNAL', { what: 'a batch is already awaited' });
    this.#recycle();
    this.#waits.batches++;
    if (this.#threads.length === 0) {
      const buffers = this.#free.pop()!;
      this.#assembler.fill(this.#next, buffers);
      return this.#deliver(buffers);
    }
    const ready = this.#ready.get(this.#next);
    if (ready !== undefined) return this.#deliver(ready);
    this.#waits.waited++;
    const since = performance.now();
    try {
      return await new Promise<Batch>((resolve, reject) => {
        this.#wanted = { resolve, reject };
      });
    } finally {
      this.#waits.waitedS += (performance.now() - since) / 1000;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, void> {
    while (!this.#closed) yield await this.next();
  }

  /** Ends the threads after the batch that each is making. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#recycle();
    this.#wanted?.reject(new ArmloopError('DATA_CLOSED', {}));
    this.#wanted = null;
    for (const { worker } of this.#threads) worker.postMessage({ type: 'shutdown' } satisfies ToBatchWorker);
    await Promise.all(this.#threads.map((t) => t.ended));
    this.#assembler[Symbol.dispose]();
  }

  #start(workerData: BatchWorkerData): Thread {
    const url = new URL('./batch-worker.js', import.meta.url);
    const worker = new Worker(url, { workerData, name: 'batches' });
    const ended = new Promise<void>((resolve) => {
      worker.on('exit', () => resolve());
    });
    const thread = { worker, orders: 0, ended };
    worker.on('message', (message: FromBatchWorker) => {
      if (message.type === 'failed') this.#fail(revive(message));
      else {
        thread.orders--;
        this.#take(message.step, message.buffers);
      }
    });
    worker.on('error', (cause) => this.#fail(died(cause.message, cause)));
    worker.on('exit', () => this.#fail(died('it stopped by itself')));
    return thread;
  }

  /** Gives all free memory out, each time to the thread with the least to do. */
  #order(): void {
    if (this.#threads.length === 0) return;
    for (let buffers = this.#free.pop(); buffers !== undefined; buffers = this.#free.pop()) {
      const thread = this.#threads.reduce((a, b) => (b.orders < a.orders ? b : a));
      const order: ToBatchWorker = { type: 'fill', step: this.#ordered++, buffers };
      thread.orders++;
      thread.worker.postMessage(order, [...buffers]);
    }
  }

  #take(step: number, buffers: BatchBuffers): void {
    if (this.#closed) return;
    this.#ready.set(step, buffers);
    if (step !== this.#next || this.#wanted === null) return;
    const { resolve } = this.#wanted;
    this.#wanted = null;
    resolve(this.#deliver(buffers));
  }

  #deliver(buffers: BatchBuffers): Batch {
    const step = this.#next++;
    this.#ready.delete(step);
    this.#held = buffers;
    return { step, count: this.#assembler.counts(step), feeds: this.#assembler.views(buffers) };
  }

  /** Takes the memory of the last batch away from the trainer. */
  #recycle(): void {
    if (this.#held === null) return;
    // Without threads nothing else would take the arrays away from someone who still holds them.
    const fresh =
      this.#threads.length === 0 ? this.#held.map((b) => structuredClone(b, { transfer: [b] })) : this.#held;
    this.#free.push(fresh);
    this.#held = null;
    if (!this.#closed) this.#order();
  }

  #fail(error: Error): void {
    if (this.#closed || this.#failed !== null) return;
    this.#failed = error;
    this.#wanted?.reject(error);
    this.#wanted = null;
  }
}

function died(reason: string, cause?: unknown): ArmloopError {
  return new ArmloopError('DATA_WORKER', { reason }, { cause });
}

/** An error that crossed from the thread, with its code when it had one. */
function revive(message: Extract<FromBatchWorker, { type: 'failed' }>): Error {
  if (!(message.code in ERRORS)) return died(message.message);
  return new ArmloopError(message.code as ErrorCode, message.details as never);
}
