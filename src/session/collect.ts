/**
 * Runs a collection session: hands attempts to workers until a budget is reached or something says stop, and writes
 * every step into the ledger before it goes on. A crash at any instant loses at most the attempts under way.
 */
import type { Attempt, AttemptFact, CollectionFact, CollectionState, StopReason } from './collection.ts';
import type { CollectionFiles } from './collection-files.ts';

/** What a worker tells of an attempt. */
export type AttemptResult = Omit<AttemptFact, keyof Attempt | 'fact' | 'at'>;

/** Of an attempt for which the teacher found no way, told in words. */
export const unplanned = (text: string): AttemptResult => ({
  success: false,
  reason: 'no plan',
  fault: [text],
  timeToSuccess: null,
  seconds: 0,
  ticks: 0,
  bytes: 0,
  guard: {},
  jointTravel: 0,
  gripperCycles: 0,
  variation: {},
  flags: [],
  kept: false,
  recorded: null,
});

/** Who does the attempts: worker threads with cells (JobPool), or a rig. */
export interface Crew<Job, Result> {
  readonly size: number;
  run(
    jobs: AsyncIterable<Job>,
    done: (result: Result, job: Job) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<void>;
}

export interface CollectOptions {
  readonly files: CollectionFiles;
  readonly id: string;
  readonly crew: Crew<Attempt, AttemptResult>;
  /** Begins no more attempts once aborted; those under way are finished. */
  readonly signal?: AbortSignal;
  /** ISO date for the ledger. */
  readonly now: () => string;
  progress?(state: CollectionState, newest: AttemptFact | null): void;
}

/** Goes on with the collection until it stops. Rejects with what a worker rejects with, after writing that it stopped. */
export async function collect(options: CollectOptions): Promise<CollectionState> {
  const { files, id, crew, signal, now } = options;
  using _ = files.hold(id);
  const state = files.state(files.read(id));
  using ledger = files.openLedger(id);
  const tell = (fact: CollectionFact): void => {
    ledger.append(fact);
    state.add(fact);
  };
  const finish = (why: StopReason, text: string): CollectionState => {
    tell({ fact: 'stopped', at: now(), why, text });
    files.writeReport(state);
    return state;
  };
  tell({ fact: 'session', at: now(), workers: crew.size });
  for (const attempt of state.running) {
    files.clear(attempt.episode);
    tell({ fact: 'lost', at: now(), ...attempt });
  }
  options.progress?.(state, null);
  const work = new Work(state, signal, (attempt) => tell({ fact: 'started', at: now(), ...attempt }));
  try {
    await crew.run(
      work,
      (result, attempt) => {
        const fact: AttemptFact = { fact: 'finished', at: now(), ...attempt, ...result };
        tell(fact);
        work.finished();
        options.progress?.(state, fact);
      },
      signal,
    );
  } catch (error) {
    finish('error', error instanceof Error ? error.message : String(error));
    throw error;
  }
  const limit = state.limit();
  if (limit !== null) return finish(limit.why, limit.text);
  return finish('interrupted', 'it was asked to stop');
}

/** Attempts as workers become free. When none is left but a running one may fail and be tried again, it waits. */
class Work implements AsyncIterable<Attempt> {
  readonly #state: CollectionState;
  readonly #signal: AbortSignal | undefined;
  readonly #begin: (attempt: Attempt) => void;
  #wake: (() => void) | null = null;

  constructor(state: CollectionState, signal: AbortSignal | undefined, begin: (attempt: Attempt) => void) {
    this.#state = state;
    this.#signal = signal;
    this.#begin = begin;
    signal?.addEventListener('abort', () => this.finished(), { once: true });
  }

  /** Something has changed. */
  finished(): void {
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Attempt> {
    while (this.#signal?.aborted !== true && this.#state.limit() === null) {
      const attempt = this.#state.next();
      if (attempt !== null) {
        this.#begin(attempt);
        yield attempt;
      } else if (this.#state.running.length === 0) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
