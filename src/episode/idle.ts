/** Idle spans: times in which nothing was commanded to move. */

export interface IdleRule {
  /** Shortest idle time, ns. */
  readonly minNs: number;
  /** Per axis: commands that stay within a range of this size do not move (rad or m). */
  readonly tolerance: Float64Array;
}

/**
 * idle[i] = 1 when entry i lies in an interval of at least minNs in which the command of every axis stays within its
 * tolerance (largest − smallest ≤ tolerance), 0 otherwise. `commands`: entries × axes. Slow creep leaves the tolerance
 * in the end and is motion; noise within it is not.
 *
 * For each entry the longest still interval that ends there is kept by two monotonic queues per axis (largest and
 * smallest value of a sliding window): linear in the number of entries.
 */
export function idleFlags(timesNs: Float64Array, commands: Float64Array, rule: IdleRule): Uint8Array {
  const n = timesNs.length;
  const axes = rule.tolerance.length;
  const idle = new Uint8Array(n);
  const largest = Array.from({ length: axes }, () => new Queue(n));
  const smallest = Array.from({ length: axes }, () => new Queue(n));
  let left = 0;
  let marked = 0;
  for (let i = 0; i < n; i++) {
    for (let a = 0; a < axes; a++) {
      const value = commands[i * axes + a]!;
      const up = largest[a]!;
      const down = smallest[a]!;
      // Another axis may have moved the window on.
      up.dropBefore(left);
      down.dropBefore(left);
      while (!up.empty && commands[up.back * axes + a]! <= value) up.popBack();
      while (!down.empty && commands[down.back * axes + a]! >= value) down.popBack();
      up.push(i);
      down.push(i);
      while (commands[up.front * axes + a]! - commands[down.front * axes + a]! > rule.tolerance[a]!) {
        left = Math.min(up.front, down.front) + 1;
        up.dropBefore(left);
        down.dropBefore(left);
      }
    }
    if (timesNs[i]! - timesNs[left]! < rule.minNs) continue;
    for (let k = Math.max(left, marked); k <= i; k++) idle[k] = 1;
    marked = i + 1;
  }
  return idle;
}

/** Indices that only grow, in a flat array: each is pushed once. */
class Queue {
  readonly #items: Int32Array;
  #head = 0;
  #tail = 0;

  constructor(capacity: number) {
    this.#items = new Int32Array(capacity);
  }

  get empty(): boolean {
    return this.#head === this.#tail;
  }

  get front(): number {
    return this.#items[this.#head]!;
  }

  get back(): number {
    return this.#items[this.#tail - 1]!;
  }

  push(item: number): void {
    this.#items[this.#tail++] = item;
  }

  popBack(): void {
    this.#tail--;
  }

  dropBefore(item: number): void {
    while (this.#head < this.#tail && this.#items[this.#head]! < item) this.#head++;
  }
}
