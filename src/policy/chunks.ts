/**
 * From action chunks to the rows that the loop follows: chunks come late and at any time, the arm must not notice.
 *
 * Step k of a chunk is wanted at observation + (k + first)/rate. Steps whose time has passed are dropped. The new
 * trajectory takes over at the switch time; what it differs by from the trajectory in effect then, in position,
 * velocity and acceleration, fades out on a quintic over blendMs, so that the whole is continuous in all three.
 * With blendMs 0 it switches at once.
 *
 * synchronous: the arm rests at the end of each chunk (its first `every` steps) until the next one comes, which begins
 * when it comes. asynchronous: the newest chunk counts. ensemble: every chunk that says something about a step counts
 * with exp(−m i), i = 0 for the oldest (Zhao et al. 2023, "Learning Fine-Grained Bimanual Manipulation with Low-Cost
 * Hardware", section IV-B), as joint positions.
 */
import type { RingWriter } from '../robot/port.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { CHUNK_ROWS, rowLayout } from '../robot/tick.ts';
import type { PolicyManifest } from './manifest.ts';
import { addHermite, Knots, Pieces, QUINTIC, SLIVER, shift } from './trajectory.ts';

/** A synchronous arm may rest this long after a chunk before that counts as an underrun: its latency twice, and this, s. */
const PATIENCE = 0.5;

interface Chunk {
  /** Grid index (time × rate) of its first step. */
  first: number;
  readonly knots: Float64Array;
}

/** Weights exp(−m i) / Σ of `count` predictions of one step, oldest first. */
export function ensembleWeights(count: number, m: number, out: Float64Array): void {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    out[i] = Math.exp(-m * i);
    sum += out[i]!;
  }
  for (let i = 0; i < count; i++) out[i] = out[i]! / sum;
}

export class ChunkPlanner {
  /** The trajectory in effect, from the newest switch on; times since the activation. */
  readonly pieces: Pieces;
  readonly #axes: number;
  readonly #m: PolicyManifest;
  readonly #step: number;
  readonly #knots: Knots;
  readonly #next: Pieces;
  readonly #old: Float64Array;
  readonly #new: Float64Array;
  readonly #fade: Float64Array;
  /** Oldest first. */
  readonly #live: Chunk[] = [];
  readonly #spare: Chunk[];
  readonly #weights: Float64Array;
  readonly #row;
  #chunk = 0;
  #seq = 0;

  constructor(spec: RobotSpec, m: PolicyManifest) {
    const n = spec.axes.length;
    const { horizon, first, every, execution } = m.chunk;
    const kept = execution === 'ensemble' ? Math.ceil(horizon / every) + 1 : 1;
    this.#axes = n;
    this.#m = m;
    this.#step = 1 / m.rateHz;
    this.pieces = new Pieces(n, CHUNK_ROWS);
    this.#next = new Pieces(n, CHUNK_ROWS);
    this.#knots = new Knots(n, first + horizon + 4, spec.gripperAxis);
    this.#old = new Float64Array(3 * n);
    this.#new = new Float64Array(3 * n);
    this.#fade = new Float64Array(QUINTIC * n);
    this.#spare = Array.from({ length: kept }, () => ({ first: 0, knots: new Float64Array(horizon * n) }));
    this.#weights = new Float64Array(kept);
    const layout = rowLayout(n);
    this.#row = {
      seq: layout.at('seq'),
      chunk: layout.at('chunk'),
      rows: layout.at('rows'),
      start: layout.at('start'),
      captured: layout.at('captured'),
      time: layout.at('time'),
      duration: layout.at('duration'),
      q: layout.at('q'),
      qd: layout.at('qd'),
      qdd: layout.at('qdd'),
      c3: layout.at('c3'),
      c4: layout.at('c4'),
      c5: layout.at('c5'),
    };
  }

  /** A new activation: nothing is in effect. */
  begin(): void {
    this.pieces.clear();
    this.#spare.push(...this.#live.splice(0));
    this.#chunk = 0;
    this.#seq = 0;
  }

  /**
   * Plans a chunk: joint positions of `horizon` steps, observed at `observed`, to take over at `from` (both s since the
   * activation). False when all of it is past. `pieces` is then the trajectory from `from` on.
   */
  plan(observed: number, knots: Float64Array, from: number): boolean {
    return this.#m.chunk.execution === 'synchronous'
      ? this.#planWaited(knots, from)
      : this.#planTimed(observed, knots, from);
  }

  #planWaited(knots: Float64Array, from: number): boolean {
    const covered = this.pieces.evaluate(from, this.#old);
    this.#waited(knots, from, covered);
    this.#knots.shape(covered ? this.#old : null);
    this.#next.clear();
    this.#knots.appendTo(this.#next, from, from);
    this.#rest(this.#next);
    this.pieces.copyFrom(this.#next);
    return true;
  }

  #planTimed(observed: number, knots: Float64Array, from: number): boolean {
    this.#keep(observed, knots, from);
    const curve = this.#knots;
    if (curve.count < 2 || curve.end <= from + SLIVER) return false;
    curve.shape(null);
    // A chunk may begin later than now; until then what is in effect goes on.
    const begin = Math.max(from, curve.time);
    const covered = this.pieces.evaluate(begin, this.#old);
    const next = this.#next;
    next.clear();
    if (covered) next.append(this.pieces, from, begin);
    const blend = covered ? Math.min(this.#m.chunk.blendMs / 1000, curve.end - begin) : 0;
    const first = next.count;
    curve.appendTo(next, begin, begin + blend);
    if (blend > SLIVER) this.#blend(next, first, blend);
    this.pieces.copyFrom(next);
    return true;
  }

  /** When a synchronous arm has come to rest after the chunk planned last, s since the activation. */
  get restsAt(): number {
    return this.pieces.count === 0 ? Number.NaN : this.pieces.times[this.pieces.count - 1]!;
  }

  /**
   * Writes the trajectory as the next chunk of rows. `start`: in.time of the activation; `captured`: when the newest input
   * of the newest chunk was captured (both rig clock, s). False when the ring is full: the loop does not run.
   */
  write(ring: RingWriter, start: number, captured: number): boolean {
    const { pieces, ...at } = { pieces: this.pieces, ...this.#row };
    this.#chunk++;
    for (let p = 0; p < pieces.count; p++) {
      const slot = ring.slot();
      if (slot === null) return false;
      const block = slot.block;
      block.fill(0);
      block[at.seq] = ++this.#seq;
      block[at.chunk] = this.#chunk;
      block[at.rows] = pieces.count - p;
      block[at.start] = start;
      block[at.captured] = captured;
      block[at.time] = pieces.times[p]!;
      block[at.duration] = pieces.durations[p]!;
      for (let a = 0; a < this.#axes; a++) {
        const i = pieces.at(p, a);
        const c = pieces.coefficients;
        block[at.q + a] = c[i]!;
        block[at.qd + a] = c[i + 1]!;
        block[at.qdd + a] = 2 * c[i + 2]!;
        block[at.c3 + a] = c[i + 3]!;
        block[at.c4 + a] = c[i + 4]!;
        block[at.c5 + a] = c[i + 5]!;
      }
      ring.commit();
    }
    return true;
  }

  /** Knots of a chunk that the arm waited for: from where it rests now, `every` steps, the first one step from now. */
  #waited(knots: Float64Array, from: number, covered: boolean): void {
    const { every } = this.#m.chunk;
    const n = this.#axes;
    const k = this.#knots;
    k.spacing = this.#step;
    k.time = from;
    k.positions.set(knots.subarray(0, every * n), n);
    for (let a = 0; a < n; a++) {
      k.positions[a] = covered ? this.#old[3 * a]! : before(knots, a, n, every);
      k.positions[(every + 1) * n + a] = knots[(every - 1) * n + a]!;
    }
    k.count = every + 2;
  }

  /** Knots from every chunk that still counts, on the grid of steps. */
  #keep(observed: number, knots: Float64Array, from: number): void {
    const { horizon, first } = this.#m.chunk;
    const live = this.#live;
    const n = this.#axes;
    const entry = this.#spare.pop() ?? live.shift()!;
    entry.first = Math.round(observed * this.#m.rateHz) + first;
    entry.knots.set(knots);
    live.push(entry);
    // The newest chunk, and those before it that reach it without a gap, from the step before the switch on.
    let low = entry.first;
    for (let i = live.length - 2; i >= 0; i--) {
      if (live[i]!.first + horizon >= low) low = Math.min(low, live[i]!.first);
    }
    low = Math.max(low, Math.floor(from * this.#m.rateHz + 1e-9) - 1);
    while (live.length > 1 && live[0]!.first + horizon <= low) this.#spare.push(live.shift()!);
    const end = entry.first + horizon;
    const k = this.#knots;
    k.spacing = this.#step;
    k.count = 0;
    if (low >= end) return;
    // One step before the first: it goes on backwards as it begins.
    const ahead = low * this.#step > from + SLIVER ? 1 : 0;
    for (let g = low; g < end; g++) this.#average(g, (g - low + ahead) * n);
    const count = end - low;
    for (let a = 0; a < n; a++) {
      if (ahead === 1) k.positions[a] = before(k.positions.subarray(n), a, n, count);
      const last = (count + ahead - 1) * n + a;
      k.positions[last + n] = k.positions[last]!;
    }
    k.time = (low - ahead) * this.#step;
    k.count = count + ahead + 1;
  }

  /** Weighted mean of what the live chunks say of grid step g, to the knots at `at`. */
  #average(g: number, at: number): void {
    const { horizon, ensembleDecay } = this.#m.chunk;
    const q = this.#knots.positions;
    const n = this.#axes;
    let count = 0;
    for (const c of this.#live) if (g >= c.first && g < c.first + horizon) count++;
    ensembleWeights(count, ensembleDecay, this.#weights);
    for (let a = 0; a < n; a++) q[at + a] = 0;
    let i = 0;
    for (const c of this.#live) {
      if (g < c.first || g >= c.first + horizon) continue;
      const w = this.#weights[i++]!;
      for (let a = 0; a < n; a++) q[at + a] = q[at + a]! + w * c.knots[(g - c.first) * n + a]!;
    }
  }

  /** Adds the fading difference between the trajectory in effect and the new one, from piece `first` on. */
  #blend(next: Pieces, first: number, blend: number): void {
    const from = next.times[first]!;
    next.evaluate(from, this.#new);
    const o = this.#old;
    const w = this.#new;
    for (let p = first; p < next.count && next.times[p]! < from + blend - SLIVER; p++) {
      const by = next.times[p]! - from;
      for (let a = 0; a < this.#axes; a++) {
        const f = this.#fade;
        f.fill(0, 0, QUINTIC);
        const i = 3 * a;
        addHermite(f, 0, blend, o[i]! - w[i]!, o[i + 1]! - w[i + 1]!, o[i + 2]! - w[i + 2]!, 0, 0, 0);
        if (by > 0) shift(f, 0, by);
        const at = next.at(p, a);
        for (let c = 0; c < QUINTIC; c++) next.coefficients[at + c] = next.coefficients[at + c]! + f[c]!;
      }
    }
  }

  /** Holds the end of a synchronous chunk until the next one comes. */
  #rest(next: Pieces): void {
    const piece = next.add(next.end, PATIENCE + (2 * this.#m.latencyMs) / 1000);
    const n = this.#axes;
    const last = (this.#knots.count - 1) * n;
    for (let a = 0; a < n; a++) next.coefficients[next.at(piece, a)] = this.#knots.positions[last + a]!;
  }
}

/** Where axis a was one step before the first knot, had it moved then as it does now. */
function before(knots: Float64Array, a: number, n: number, count: number): number {
  return count < 2 ? knots[a]! : 2 * knots[a]! - knots[n + a]!;
}
