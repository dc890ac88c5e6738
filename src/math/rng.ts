/**
 * Seeded random numbers: sfc32 (Chris Doty-Humphrey, PractRand; public domain), seeded through splitmix32 so that
 * neighbouring seeds give unrelated streams. Same seed, same numbers, on every machine.
 */
export class Rng {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;
  #spare = Number.NaN;

  /** `seed` is a whole number in 0..2^53; `stream` separates independent uses of one seed. */
  constructor(seed: number, stream = 0) {
    let s = (seed >>> 0) ^ Math.imul(stream + 1, 0x9e3779b9);
    const high = Math.floor(seed / 2 ** 32) >>> 0;
    const next = (): number => {
      s = (s + 0x9e3779b9) | 0;
      let t = s ^ (s >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      return (t ^ (t >>> 15)) | 0;
    };
    this.#a = next() ^ high;
    this.#b = next();
    this.#c = next();
    for (let i = 0; i < 15; i++) this.uint32();
  }

  /** Whole number in 0..2^32. */
  uint32(): number {
    return this.#bits() >>> 0;
  }

  /** 32 random bits as a signed number, which V8 need not box. */
  #bits(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0; // prettier-ignore
    return t;
  }

  /** Uniform in [low, high), with 53 random bits. */
  uniform(low = 0, high = 1): number {
    const bits = (this.#bits() >>> 5) * 2 ** 26 + (this.#bits() >>> 6);
    return low + (high - low) * (bits / 2 ** 53);
  }

  /** Standard normal times `sigma` (Box–Muller, both halves used). */
  normal(sigma = 1): number {
    if (!Number.isNaN(this.#spare)) {
      const value = this.#spare;
      this.#spare = Number.NaN;
      return value * sigma;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle) * sigma;
  }

  /**
   * out[from … from + count) uniform in [0, 1), and standard normal: the numbers that as many calls of `uniform` and
   * `normal` give. For hot loops: a returned number is an object wherever the call is not inlined, a stored one never.
   */
  fillUniform(out: Float64Array, from: number, count: number): void {
    for (let i = from; i < from + count; i++)
      out[i] = ((this.#bits() >>> 5) * 2 ** 26 + (this.#bits() >>> 6)) / 2 ** 53;
  }

  fillNormal(out: Float64Array, from: number, count: number): void {
    const end = from + count;
    let i = from;
    if (i < end && !Number.isNaN(this.#spare)) {
      out[i++] = this.#spare;
      this.#spare = Number.NaN;
    }
    while (i < end) {
      const u = ((this.#bits() >>> 5) * 2 ** 26 + (this.#bits() >>> 6)) / 2 ** 53;
      const v = ((this.#bits() >>> 5) * 2 ** 26 + (this.#bits() >>> 6)) / 2 ** 53;
      const radius = Math.sqrt(-2 * Math.log(1 - u));
      const angle = 2 * Math.PI * v;
      out[i++] = radius * Math.cos(angle);
      if (i < end) out[i++] = radius * Math.sin(angle);
      else this.#spare = radius * Math.sin(angle);
    }
  }

  /** Whole number in 0..n. */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }
}

/**
 * One seed below 2^53 from two whole numbers, such as the seed of a run and a step; neighbouring pairs give unrelated
 * streams (finaliser of MurmurHash3; Austin Appleby, public domain).
 */
export function mixSeeds(seed: number, step: number): number {
  const high = scramble((Math.floor(seed / 2 ** 32) ^ scramble(step >>> 0)) >>> 0);
  const low = scramble((seed >>> 0) ^ high ^ Math.floor(step / 2 ** 32));
  return (high & 0x1fffff) * 2 ** 32 + low;
}

function scramble(value: number): number {
  let h = (value + 0x9e3779b9) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
