/**
 * A thread of the rig that carries out orders: started with the first one, told by number what became of each, and lost
 * like any thread. What orders and answers are is the user's business (policy-thread.ts, planner-thread.ts).
 */
import { Worker } from 'node:worker_threads';
import { ArmloopError, ERRORS, type ErrorCode } from '../errors.ts';

/** What a thread of orders takes in. */
export type ToOrderThread<Order> = (Order & { readonly id: number }) | { readonly type: 'shutdown' };

/** How one order ended. */
export type OrderAnswer<Result> =
  | { readonly type: 'done'; readonly id: number; readonly result: Result }
  | { readonly type: 'refused'; readonly id: number; readonly code: string; readonly details: unknown };

/** What it tells: that it is open, answers, and what it says unasked. */
export type FromOrderThread<Result, Said> =
  | { readonly type: 'open' }
  | OrderAnswer<Result>
  | { readonly type: 'said'; readonly said: Said };

/** In the thread: carries out an order; an error becomes a refusal, ArmloopError by code and details. */
export async function answerOrder<Result>(
  id: number,
  work: () => Promise<Result>,
): Promise<OrderAnswer<Result>> {
  try {
    return { type: 'done', id, result: await work() };
  } catch (error) {
    const known = error instanceof ArmloopError;
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const [code, details] = known ? [error.code, error.details] : ['INTERNAL', { what }];
    return { type: 'refused', id, code, details };
  }
}

export interface OrderThreadOptions<Said> {
  /** Of the thread, for people. */
  readonly name: string;
  readonly module: URL;
  readonly workerData: unknown;
  readonly said: (said: Said) => void;
  /** It has ended; also when it was closed. The next order starts another. */
  readonly ended: (error: ArmloopError) => void;
}

const PATIENCE_MS = 3000;

export class OrderThread<Order extends object, Result, Said> implements AsyncDisposable {
  readonly #options: OrderThreadOptions<Said>;
  readonly #pending = new Map<
    number,
    { resolve: (result: Result) => void; reject: (error: Error) => void }
  >();
  #worker: Worker | null = null;
  #opening: Promise<Worker> | null = null;
  #closing = false;
  #id = 0;

  constructor(options: OrderThreadOptions<Said>) {
    this.#options = options;
  }

  get open(): boolean {
    return this.#worker !== null;
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** Rejects with what the thread refused the order for, or RIG_THREAD_DIED. */
  async ask(order: Order): Promise<Result> {
    const worker = await this.#opened();
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      worker.postMessage({ ...order, id } satisfies ToOrderThread<Order>);
    });
  }

  /** Ends the thread as a crash would: for tests of what the rig makes of it. */
  kill(): void {
    void this.#worker?.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    const worker = this.#worker;
    if (worker === null) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ type: 'shutdown' } satisfies ToOrderThread<Order>);
    const timer = setTimeout(() => void worker.terminate(), PATIENCE_MS);
    await ended;
    clearTimeout(timer);
  }

  #opened(): Promise<Worker> {
    if (this.#worker !== null) return Promise.resolve(this.#worker);
    this.#opening ??= this.#start().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  #start(): Promise<Worker> {
    const { name, module, workerData, said } = this.#options;
    const worker = new Worker(module, { workerData, name });
    return new Promise((resolve, reject) => {
      const lost = (reason: string): void => {
        const error = new ArmloopError('RIG_THREAD_DIED', { thread: name, reason });
        reject(error);
        this.#lost(worker, error);
      };
      worker.on('message', (message: FromOrderThread<Result, Said>) => {
        if (message.type === 'open') {
          this.#worker = worker;
          resolve(worker);
        } else if (message.type === 'said') said(message.said);
        else this.#answered(message);
      });
      worker.on('error', (error) => lost(error.message));
      worker.on('exit', (code) => lost(`it ended with code ${code}`));
    });
  }

  #answered(answer: OrderAnswer<Result>): void {
    const waiting = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if (answer.type === 'done') waiting?.resolve(answer.result);
    else waiting?.reject(revive(answer.code, answer.details));
  }

  #lost(worker: Worker, error: ArmloopError): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#options.ended(error);
  }
}

/** An error that crossed from the thread, by its code and details. */
function revive(code: string, details: unknown): Error {
  if (!(code in ERRORS)) return new Error(code);
  return new ArmloopError(code as ErrorCode, details as never);
}
