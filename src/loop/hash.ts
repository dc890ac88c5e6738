/**
 * Hash of a block of float64: two lanes of 32 bits over the words, the first kept whole, 21 bits of the second.
 * Each round maps (state, word) one-to-one in either argument, so a change of any single word always changes the
 * first lane; more changes go unseen with probability 2^-53.
 */
export class BlockHash {
  readonly #copy: Float64Array;
  readonly #words: Uint32Array;
  #high = 0;
  #low = 0;

  /** For blocks of up to `size` values. */
  constructor(size: number) {
    this.#copy = new Float64Array(size);
    this.#words = new Uint32Array(this.#copy.buffer);
  }

  start(): void {
    this.#high = 0x9e3779b9 | 0;
    this.#low = 0x85ebca6b | 0;
  }

  /** Takes in the first `count` values of `block`. Allocates nothing. */
  add(block: Float64Array, count: number): void {
    for (let i = 0; i < count; i++) this.#copy[i] = block[i]!;
    let high = this.#high;
    let low = this.#low;
    for (let i = 0; i < 2 * count; i++) {
      const word = this.#words[i]! | 0;
      high = Math.imul(high ^ word, 0x01000193);
      high = (high << 13) | (high >>> 19);
      low = Math.imul(low ^ word, 0xcc9e2d51) + 0x1b873593;
      low ^= low >>> 15;
    }
    this.#high = high;
    this.#low = low;
  }

  /** Writes a whole number below 2^53. */
  end(out: Float64Array, at: number): void {
    out[at] = (this.#high >>> 0) * 2 ** 21 + (this.#low >>> 11);
  }
}
