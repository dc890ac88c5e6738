/**
 * The Riccati stage as WebAssembly with 128-bit SIMD, written for one size (n even) and one place in an arena, so that
 * all scratch addresses are constants. Sums stay in registers: a block of up to BLOCK vectors of two rows at a time.
 */
import type { Arena } from '../../model/code/arena.ts';
import { instantiate, type WasmExport } from '../../model/code/engine.ts';
import { type WasmFunction, WasmModule } from '../../model/code/wasm.ts';
import type { Expansion, Feedback, Rows } from '../memory.ts';
import type { QTerms, Riccati } from './riccati.ts';

/** Vectors per row that are summed at once, for two rows: ten sums, three operands, of fifteen registers. */
const BLOCK = 4;
const F64 = 8;
const VECTOR = 16;

/** Byte addresses of the scratch arrays. */
interface Scratch {
  /** [fx fu], n rows of `width` values, controls from column n on. */
  readonly f: number;
  /** (Vxx' + ρI) [fx fu], the same shape. */
  readonly p: number;
  readonly qxx: number;
  readonly qx: number;
  /** [Quu Qux Qu], m rows of `stride` values. */
  readonly rows: number;
  /** μ. */
  readonly mu: number;
  /** [Lᵀ W w], the same shape; W and w become K and k. */
  readonly half: number;
  /** fuᵀ Vx', padded. */
  readonly gradient: number;
  /** Two rows of Z, and dt P_q + P_v, where a step is given. */
  readonly z: number;
  readonly y: number;
}

export class WasmRiccati implements Riccati {
  readonly form = 'wasm';
  readonly q: QTerms;
  readonly #expand: WasmExport;
  readonly #solve: WasmExport;
  readonly #in: readonly Pointers[];
  readonly #diagonal: Float64Array;
  /** ρ and μ; the kernel reads the latter here. */
  readonly #penalties: Float64Array;
  readonly #feedback = new Map<Feedback, readonly Pointers[]>();

  constructor(arena: Arena, n: number, m: number, e: Expansion, dt: number | null) {
    const m2 = m + (m & 1);
    const width = n + m2;
    const stride = m2 + n + 2;
    const xx = arena.alloc(n * n);
    const x = arena.alloc(n);
    const rows = arena.alloc(m * stride);
    const penalties = arena.alloc(2);
    const at: Scratch = {
      f: arena.reserve(F64 * n * width),
      p: arena.reserve(F64 * n * width),
      qxx: xx.byteOffset,
      qx: x.byteOffset,
      rows: rows.byteOffset,
      mu: penalties.byteOffset + F64,
      half: arena.reserve(F64 * m * stride),
      gradient: arena.reserve(F64 * m2),
      z: arena.reserve(F64 * (n + 4)),
      y: arena.reserve((F64 * n * width) / 2),
    };
    this.q = { n, m, xx, xStride: n, x, rows, uStride: stride, ux: m2, u: m2 + n };
    const module = new WasmModule();
    emitExpand(module, n, m, at, dt);
    emitSolve(module, n, m, at);
    const kernels = instantiate(module.build(), arena.memory);
    this.#expand = kernels['expand']!;
    this.#solve = kernels['solve']!;
    this.#diagonal = new Float64Array(n);
    this.#penalties = penalties;
    this.#in = [e.fx, e.fu, e.lx, e.lu, e.lxx, e.lux, e.luu].map(pointers);
  }

  begin(rho: number, mu: number): void {
    this.#penalties[0] = rho;
    this.#penalties[1] = mu;
  }

  expand(feedback: Feedback, t: number): void {
    const rho = this.#penalties[0]!;
    const [fx, fu, lx, lu, lxx, lux, luu] = this.#in;
    const [vx, vxx] = this.#pointers(feedback);
    const V = feedback.Vxx.rows[t + 1]!;
    if (rho !== 0) shiftDiagonal(V, this.q.n, this.#penalties, this.#diagonal);
    this.#expand(
      fx!.base + t * fx!.bytes,
      fu!.base + t * fu!.bytes,
      lx!.base + t * lx!.bytes,
      lu!.base + t * lu!.bytes,
      lxx!.base + t * lxx!.bytes,
      lux!.base + t * lux!.bytes,
      luu!.base + t * luu!.bytes,
      vx!.base + (t + 1) * vx!.bytes,
      vxx!.base + (t + 1) * vxx!.bytes,
    );
    if (rho !== 0) for (let i = 0; i < this.q.n; i++) V[i * (this.q.n + 1)] = this.#diagonal[i]!;
  }

  solve(feedback: Feedback, t: number): boolean {
    const [vx, vxx, K, k] = this.#pointers(feedback);
    const done = this.#solve(
      vx!.base + t * vx!.bytes,
      vxx!.base + t * vxx!.bytes,
      K!.base + t * K!.bytes,
      k!.base + t * k!.bytes,
    );
    return done !== 0;
  }

  #pointers(feedback: Feedback): readonly Pointers[] {
    let found = this.#feedback.get(feedback);
    if (found === undefined) {
      found = [feedback.Vx, feedback.Vxx, feedback.K, feedback.k].map(pointers);
      this.#feedback.set(feedback, found);
    }
    return found;
  }
}

interface Pointers {
  readonly base: number;
  readonly bytes: number;
}

/** V += ρ I; what the diagonal was goes to `kept`. */
function shiftDiagonal(V: Float64Array, n: number, penalties: Float64Array, kept: Float64Array): void {
  const rho = penalties[0]!;
  for (let i = 0; i < n; i++) {
    kept[i] = V[i * (n + 1)]!;
    V[i * (n + 1)] = kept[i]! + rho;
  }
}

const pointers = (rows: Rows): Pointers => ({ base: rows.flat.byteOffset, bytes: F64 * rows.size });

/**
 * expand(fx, fu, lx, lu, lxx, lux, luu, vx, vxx). Without a step, products run over all n rows of F = [fx fu]. With
 * q' = q + dt v', F = [I 0 0; 0 0 0] + [dt I; I] G with G its lower half, hence with Z = dt V_q + V_v (columns of V)
 *
 *     P = V F = [V_q 0 0] + Z G      Fᵀ P = [P_q; 0; 0] + Gᵀ (dt P_q + P_v)      (rows of P)
 *
 * which halves the work.
 */
function emitExpand(module: WasmModule, n: number, m: number, at: Scratch, dt: number | null): void {
  const f = module.func(
    'expand',
    Array.from({ length: 9 }, () => 'i32' as const),
    [],
  );
  const [fx, fu, lx, lu, lxx, lux, luu, vx, vxx] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const m2 = m + (m & 1);
  const width = n + m2;
  const stride = m2 + n + 2;
  const vectors = width / 2;
  const half = n / 2;
  /** Rows over which products run. */
  const inner = dt === null ? n : half;
  const first = n - inner;
  const sums = Array.from({ length: 2 * Math.max(vectors, BLOCK) }, () => f.local('v128'));
  const s0 = f.local('v128');
  const s1 = f.local('v128');
  const step = f.local('v128');
  const from = f.local('i32');
  const to = f.local('i32');
  const next = f.local('i32');
  const weight = f.local('i32');
  const rowsOfF = f.local('i32');
  const rowsOfP = f.local('i32');
  if (dt !== null) f.f64x2(dt, dt).set(step);
  f.i32(inner).set(rowsOfF).i32(half).set(rowsOfP);
  const accumulate = (sum: number, s: number, load: () => void): void => {
    f.get(sum).get(s);
    load();
    f.op('f64x2.mul', 'f64x2.add').set(sum);
  };
  const constant = (address: number): void => void f.i32(0).memory('v128.load', address);
  const times = (r: number, bytes: number): WasmFunction => f.get(r).i32(bytes).op('i32.mul');

  // The rows of F, or of G, side by side and padded.
  f.repeat(rowsOfF, 1, (r) => {
    times(r, F64 * n)
      .get(fx!)
      .op('i32.add')
      .set(from);
    times(r, F64 * width).set(to);
    for (let j = 0; j < n; j += 2) {
      f.get(to)
        .get(from)
        .memory('v128.load', F64 * (first * n + j))
        .memory('v128.store', at.f + F64 * j);
    }
    times(r, F64 * m)
      .get(fu!)
      .op('i32.add')
      .set(from);
    for (let j = 0; j < m; j += 2) {
      f.get(to)
        .get(from)
        .memory(j + 1 < m ? 'v128.load' : 'v128.load64_zero', F64 * (first * m + j));
      f.memory('v128.store', at.f + F64 * (n + j));
    }
  });

  // P, two rows and a block of columns at a time.
  f.repeat(rowsOfP, 1, (r) => {
    times(r, 2 * F64 * n)
      .get(vxx!)
      .op('i32.add')
      .set(from);
    times(r, 2 * F64 * width).set(to);
    if (dt !== null) {
      // Two rows of Z; the last vector of an odd half reads one value too many, which is never used.
      for (let row = 0; row < 2; row++) {
        for (let j = 0; j < half; j += 2) {
          f.i32(0)
            .get(step)
            .get(from)
            .memory('v128.load', F64 * (row * n + j))
            .op('f64x2.mul');
          f.get(from)
            .memory('v128.load', F64 * (row * n + half + j))
            .op('f64x2.add');
          f.memory('v128.store', at.z + F64 * (row * (half + 1) + j));
        }
      }
    }
    for (const chunk of chunks(
      Array.from({ length: vectors }, (_, j) => j),
      BLOCK,
    )) {
      for (let row = 0; row < 2; row++) {
        chunk.forEach((j, c) => {
          if (dt === null || 2 * j >= half) f.f64x2(0, 0);
          else
            f.get(from).memory(2 * j + 1 < half ? 'v128.load' : 'v128.load64_zero', F64 * (row * n + 2 * j));
          f.set(sums[row * chunk.length + c]!);
        });
      }
      f.i32(0).set(next);
      if (dt === null) f.get(from).set(weight);
      else f.i32(at.z).set(weight);
      f.loop();
      for (let row = 0; row < 2; row++) {
        f.get(weight).memory('v128.load64_splat', F64 * row * (dt === null ? n : half + 1));
        f.set(row === 0 ? s0 : s1);
      }
      chunk.forEach((j, c) => {
        accumulate(sums[c]!, s0, () => f.get(next).memory('v128.load', at.f + VECTOR * j));
        accumulate(sums[chunk.length + c]!, s1, () => f.get(next).memory('v128.load', at.f + VECTOR * j));
      });
      f.get(weight).i32(F64).op('i32.add').set(weight);
      f.get(next)
        .i32(F64 * width)
        .op('i32.add')
        .tee(next)
        .i32(F64 * inner * width)
        .op('i32.lt_s')
        .brIf(0)
        .end();
      for (let row = 0; row < 2; row++) {
        chunk.forEach((j, c) => {
          f.get(to).get(sums[row * chunk.length + c]!);
          f.memory('v128.store', at.p + F64 * row * width + VECTOR * j);
        });
      }
    }
  });
  // What Fᵀ is multiplied with: P itself, or dt P_q + P_v.
  const right = dt === null ? at.p : at.y;
  if (dt !== null) {
    f.repeat(rowsOfF, 1, (r) => {
      times(r, F64 * width).set(to);
      for (let j = 0; j < vectors; j++) {
        f.get(to)
          .get(step)
          .get(to)
          .memory('v128.load', at.p + VECTOR * j)
          .op('f64x2.mul');
        f.get(to)
          .memory('v128.load', at.p + F64 * half * width + VECTOR * j)
          .op('f64x2.add');
        f.memory('v128.store', at.y + VECTOR * j);
      }
    });
  }

  // Gradients: [lx lu] + Fᵀ Vx'.
  for (let j = 0; j < vectors; j++) {
    if (j < half) f.get(lx!).memory('v128.load', VECTOR * j);
    else f.f64x2(0, 0);
    if (dt !== null && 2 * j < half) {
      f.get(vx!)
        .memory(2 * j + 1 < half ? 'v128.load' : 'v128.load64_zero', VECTOR * j)
        .op('f64x2.add');
    }
    f.set(sums[j]!);
  }
  for (let k = 0; k < inner; k++) {
    f.get(vx!).memory('v128.load64_splat', F64 * k);
    if (dt !== null) {
      f.get(step)
        .op('f64x2.mul')
        .get(vx!)
        .memory('v128.load64_splat', F64 * (half + k))
        .op('f64x2.add');
    }
    f.set(s0);
    for (let j = 0; j < vectors; j++)
      accumulate(sums[j]!, s0, () => constant(at.f + F64 * k * width + VECTOR * j));
  }
  for (let j = 0; j < vectors; j++) {
    const address = j < half ? at.qx + VECTOR * j : at.gradient + VECTOR * (j - half);
    f.i32(0).get(sums[j]!).memory('v128.store', address);
  }
  for (let a = 0; a < m; a++) {
    f.i32(0)
      .get(lu!)
      .memory('f64.load', F64 * a)
      .i32(0)
      .memory('f64.load', at.gradient + F64 * a)
      .op('f64.add');
    f.memory('f64.store', at.rows + F64 * (a * stride + m2 + n));
  }

  // Q: rows of Fᵀ P, two rows and a block of columns at a time, summed over k.
  const block = (columns: readonly number[], cells: readonly Cell[]): void => {
    const sum = (row: number, c: number): number => sums[row * cells.length + c]!;
    columns.forEach((column, row) => {
      cells.forEach((cell, c) => {
        cell.init(row);
        if (dt !== null && column < half) {
          constant(at.p + F64 * column * width + VECTOR * cell.vector);
          f.op('f64x2.add');
        }
        f.set(sum(row, c));
      });
    });
    f.i32(0).set(next).loop();
    columns.forEach((column, row) => {
      f.get(next)
        .memory('v128.load64_splat', at.f + F64 * column)
        .set(row === 0 ? s0 : s1);
    });
    cells.forEach(({ vector }, c) => {
      columns.forEach((_, row) => {
        accumulate(sum(row, c), row === 0 ? s0 : s1, () =>
          f.get(next).memory('v128.load', right + VECTOR * vector),
        );
      });
    });
    f.get(next)
      .i32(F64 * width)
      .op('i32.add')
      .tee(next)
      .i32(F64 * inner * width)
      .op('i32.lt_s')
      .brIf(0)
      .end();
    columns.forEach((_, row) => {
      cells.forEach((cell, c) => {
        f.i32(0).get(sum(row, c)).memory('v128.store', cell.store(row));
      });
    });
  };
  for (let i = 0; i < half; i++) {
    const cells = Array.from({ length: half - i }, (_, c) => {
      const j = i + c;
      return {
        vector: j,
        init: (row: number) => void f.get(lxx!).memory('v128.load', F64 * ((2 * i + row) * n + 2 * j)),
        store: (row: number) => at.qxx + F64 * ((2 * i + row) * n + 2 * j),
      };
    });
    for (const chunk of chunks(cells, BLOCK)) block([2 * i, 2 * i + 1], chunk);
  }
  for (let i = 0; i < m2 / 2; i++) {
    const columns = 2 * i + 1 < m ? [n + 2 * i, n + 2 * i + 1] : [n + 2 * i];
    const ux = Array.from({ length: half }, (_, j) => ({
      vector: j,
      init: (row: number) => void f.get(lux!).memory('v128.load', F64 * ((2 * i + row) * n + 2 * j)),
      store: (row: number) => at.rows + F64 * ((2 * i + row) * stride + m2 + 2 * j),
    }));
    const uu = Array.from({ length: m2 / 2 - i }, (_, c) => ({
      vector: half + i + c,
      init: (row: number) => {
        const column = 2 * (i + c);
        f.get(luu!).memory(
          column + 1 < m ? 'v128.load' : 'v128.load64_zero',
          F64 * ((2 * i + row) * m + column),
        );
      },
      store: (row: number) => at.rows + F64 * ((2 * i + row) * stride + 2 * (i + c)),
    }));
    for (const chunk of chunks([...ux, ...uu], columns.length === 2 ? BLOCK : 2 * BLOCK))
      block(columns, chunk);
  }
}

/** Two values of one or two rows of Q, side by side. */
interface Cell {
  /** Column of P in vectors. */
  readonly vector: number;
  /** Puts what the sum starts from on the stack. */
  readonly init: (row: number) => void;
  /** Where the sum goes. */
  readonly store: (row: number) => number;
}

/** solve(Vx, Vxx, K, k) → 1, or 0 when a pivot is not positive. */
function emitSolve(module: WasmModule, n: number, m: number, at: Scratch): void {
  const f = module.func('solve', ['i32', 'i32', 'i32', 'i32'], ['i32']);
  const [Vx, Vxx, K, kk] = [0, 1, 2, 3];
  const m2 = m + (m & 1);
  const stride = m2 + n + 2;
  const vectors = stride / 2;
  const sums = Array.from({ length: Math.max(vectors, 2 * BLOCK) }, () => f.local('v128'));
  const s0 = f.local('v128');
  const s1 = f.local('v128');
  const next = f.local('i32');
  const zero = f.local('i32');
  const pivot = f.local('f64');
  const inverse = Array.from({ length: m }, () => f.local('f64'));
  const rowOf = (base: number, a: number): number => base + F64 * a * stride;

  // Row b of [Lᵀ W w]: what the rows above it leave, divided by the root of its pivot.
  for (let b = 0; b < m; b++) {
    const first = b >> 1;
    for (let j = first; j < vectors; j++)
      f.i32(0)
        .memory('v128.load', rowOf(at.rows, b) + VECTOR * j)
        .set(sums[j]!);
    f.get(sums[first]!);
    f.f64x2(0, 0)
      .i32(0)
      .memory('f64.load', at.mu)
      .replaceLane((b & 1) as 0 | 1);
    f.op('f64x2.add').set(sums[first]!);
    for (let a = 0; a < b; a++) {
      f.i32(0)
        .memory('v128.load64_splat', rowOf(at.half, a) + F64 * b)
        .set(s0);
      for (let j = first; j < vectors; j++) subtract(f, sums[j]!, s0, rowOf(at.half, a) + VECTOR * j, zero);
    }
    f.get(sums[first]!)
      .extractLane((b & 1) as 0 | 1)
      .tee(pivot);
    f.f64(0).op('f64.gt', 'i32.eqz').if().i32(0).op('return').end();
    f.f64(1).get(pivot).op('f64.sqrt', 'f64.div').tee(inverse[b]!).op('f64x2.splat').set(s0);
    for (let j = first; j < vectors; j++) {
      f.i32(0)
        .get(sums[j]!)
        .get(s0)
        .op('f64x2.mul')
        .memory('v128.store', rowOf(at.half, b) + VECTOR * j);
    }
  }

  // Vxx = Qxx - Wᵀ W by pairs of rows; what lies below the diagonal is what lies above it, turned.
  const w = (a: number, column: number): number => rowOf(at.half, a) + F64 * (m2 + column);
  const out = (row: number, column: number): number => F64 * (row * n + column);
  for (let i = 0; i < n / 2; i++) {
    const all = Array.from({ length: n / 2 - i }, (_, c) => i + c);
    for (const chunk of chunks(all, BLOCK)) {
      const cell = (row: number, c: number): number => sums[row * chunk.length + c]!;
      for (let row = 0; row < 2; row++) {
        chunk.forEach((j, c) => {
          f.i32(0)
            .memory('v128.load', at.qxx + out(2 * i + row, 2 * j))
            .set(cell(row, c));
        });
      }
      f.i32(0).set(next).loop();
      f.get(next)
        .memory('v128.load64_splat', w(0, 2 * i))
        .set(s0);
      f.get(next)
        .memory('v128.load64_splat', w(0, 2 * i + 1))
        .set(s1);
      chunk.forEach((j, c) => {
        subtract(f, cell(0, c), s0, w(0, 2 * j), next);
        subtract(f, cell(1, c), s1, w(0, 2 * j), next);
      });
      f.get(next)
        .i32(F64 * stride)
        .op('i32.add')
        .tee(next)
        .i32(F64 * m * stride)
        .op('i32.lt_s')
        .brIf(0)
        .end();
      chunk.forEach((j, c) => {
        if (j === i) f.get(cell(0, c)).get(cell(1, c)).shuffle(1, 3).set(cell(1, c));
        for (let row = 0; row < 2; row++) {
          f.get(Vxx!)
            .get(cell(row, c))
            .memory('v128.store', out(2 * i + row, 2 * j));
          if (j === i) continue;
          f.get(Vxx!).get(cell(0, c)).get(cell(1, c));
          if (row === 0) f.shuffle(0, 2);
          else f.shuffle(1, 3);
          f.memory('v128.store', out(2 * j + row, 2 * i));
        }
      });
    }
  }

  // Vx = Qx - Wᵀ w.
  for (let j = 0; j < n / 2; j++)
    f.i32(0)
      .memory('v128.load', at.qx + VECTOR * j)
      .set(sums[j]!);
  for (let a = 0; a < m; a++) {
    f.i32(0).memory('v128.load64_splat', w(a, n)).set(s0);
    for (let j = 0; j < n / 2; j++) subtract(f, sums[j]!, s0, w(a, 2 * j), zero);
  }
  for (let j = 0; j < n / 2; j++)
    f.get(Vx!)
      .get(sums[j]!)
      .memory('v128.store', VECTOR * j);

  // Back substitution from the last row: [K k] = -L⁻ᵀ [W w], in the place of [W w].
  const right = n / 2 + 1;
  for (let a = m - 1; a >= 0; a--) {
    for (let j = 0; j < right; j++)
      f.i32(0)
        .memory('v128.load', w(a, 2 * j))
        .set(sums[j]!);
    for (let b = a + 1; b < m; b++) {
      f.i32(0)
        .memory('v128.load64_splat', rowOf(at.half, a) + F64 * b)
        .set(s0);
      for (let j = 0; j < right; j++) {
        f.get(sums[j]!)
          .get(s0)
          .i32(0)
          .memory('v128.load', w(b, 2 * j))
          .op('f64x2.mul', 'f64x2.add')
          .set(sums[j]!);
      }
    }
    f.get(inverse[a]!).op('f64.neg', 'f64x2.splat').set(s0);
    for (let j = 0; j < right; j++) {
      f.i32(0)
        .get(sums[j]!)
        .get(s0)
        .op('f64x2.mul')
        .tee(sums[j]!)
        .memory('v128.store', w(a, 2 * j));
      if (j < n / 2)
        f.get(K!)
          .get(sums[j]!)
          .memory('v128.store', F64 * (a * n + 2 * j));
      else
        f.get(kk!)
          .get(sums[j]!)
          .extractLane(0)
          .memory('f64.store', F64 * a);
    }
  }
  f.i32(1);
}

/** sum -= s · [address + pointer]. */
function subtract(f: WasmFunction, sum: number, s: number, address: number, pointer: number): void {
  f.get(sum).get(s).get(pointer).memory('v128.load', address).op('f64x2.mul', 'f64x2.sub').set(sum);
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  const parts = Math.ceil(list.length / size);
  const each = Math.ceil(list.length / Math.max(1, parts));
  return Array.from({ length: parts }, (_, p) => list.slice(p * each, (p + 1) * each));
}
