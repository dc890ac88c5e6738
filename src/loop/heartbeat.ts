/**
 * Judges from looks at a beat whether what beats is alive. Only looks count, not the time between them: where the whole
 * process stood still (suspended, or a machine that was paused) the time that passed says nothing of either side.
 */
export class Heartbeat {
  readonly #looks: number;
  #beat: number;
  #seen: number;
  #missed = 0;

  /** Dead is what shows no new beat at `looks` looks in a row. `time` (s) and `beat` are as now. */
  constructor(looks: number, beat: number, time: number) {
    this.#looks = looks;
    this.#beat = beat;
    this.#seen = time;
  }

  /** Null while it is alive, else for how long (s) no beat was seen. */
  look(beat: number, time: number): number | null {
    if (beat !== this.#beat) {
      this.#beat = beat;
      this.#seen = time;
      this.#missed = 0;
      return null;
    }
    return ++this.#missed < this.#looks ? null : time - this.#seen;
  }
}
