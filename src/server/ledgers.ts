/** What the ledgers of the workspace amount to, kept up to date by what was appended since the last look. */
import { tailOf } from './tail.ts';

interface Known<S> {
  cursor: string | undefined;
  state: S;
  /** Looks run one after the other, so that no line is counted twice. */
  turn: Promise<unknown>;
}

export class LedgerStates<S, F> {
  readonly #empty: (id: string) => S;
  readonly #add: (state: S, fact: F) => void;
  readonly #known = new Map<string, Known<S>>();

  /** `empty` is the state before the first line; it is asked for again when a ledger was written anew. */
  constructor(empty: (id: string) => S, add: (state: S, fact: F) => void) {
    this.#empty = empty;
    this.#add = add;
  }

  /** The state of this ledger as of now. */
  of(id: string, path: string): Promise<S> {
    let known = this.#known.get(id);
    if (known === undefined) {
      known = { cursor: undefined, state: this.#empty(id), turn: Promise.resolve() };
      this.#known.set(id, known);
    }
    const look = known.turn.then(() => this.#look(id, known, path));
    known.turn = look.catch(() => {});
    return look;
  }

  async #look(id: string, known: Known<S>, path: string): Promise<S> {
    for (let more = true; more; ) {
      const tail = await tailOf<F>(path, known.cursor);
      if (tail.fresh && known.cursor !== undefined) known.state = this.#empty(id);
      for (const fact of tail.lines) this.#add(known.state, fact);
      known.cursor = tail.cursor;
      ({ more } = tail);
    }
    return known.state;
  }
}
