/** The Riccati stage in JavaScript: dot products of contiguous rows in blocks of two by two, symmetry used throughout. */
import type { Expansion, Feedback } from '../memory.ts';
import type { QTerms, Riccati } from './riccati.ts';

export class ScriptRiccati implements Riccati {
  readonly form = 'script';
  readonly q: QTerms;
  readonly #n: number;
  readonly #m: number;
  readonly #expansion: Expansion;
  /** Rows are the columns of [fx fu]: (n + m) × n. */
  readonly #columns: Float64Array;
  /** Rows are those times Vxx' + ρI. */
  readonly #products: Float64Array;
  /** Row a is row a of L up to its diagonal, then W and w: m × (m + n + 1). */
  readonly #half: Float64Array;
  /** [fx fu]ᵀ Vx'. */
  readonly #gradient: Float64Array;
  /** ρ and μ. */
  readonly #penalties = new Float64Array(2);
  /** W transposed, n × m. */
  readonly #turned: Float64Array;

  constructor(n: number, m: number, expansion: Expansion) {
    this.#n = n;
    this.#m = m;
    this.#expansion = expansion;
    const uStride = m + n + 1;
    this.q = {
      n,
      m,
      xx: new Float64Array(n * n),
      xStride: n,
      x: new Float64Array(n),
      rows: new Float64Array(m * uStride),
      uStride,
      ux: m,
      u: m + n,
    };
    this.#columns = new Float64Array((n + m) * n);
    this.#products = new Float64Array((n + m) * n);
    this.#gradient = new Float64Array(n + m);
    this.#half = new Float64Array(m * uStride);
    this.#turned = new Float64Array(n * m);
  }

  begin(rho: number, mu: number): void {
    this.#penalties[0] = rho;
    this.#penalties[1] = mu;
  }

  expand(feedback: Feedback, t: number): void {
    const n = this.#n;
    const m = this.#m;
    const e = this.#expansion;
    const columns = this.#columns;
    const products = this.#products;
    transpose(e.fx.rows[t]!, n, n, columns, 0);
    transpose(e.fu.rows[t]!, n, m, columns, n * n);
    timesSymmetric(columns, n + m, feedback.Vxx.rows[t + 1]!, n, this.#penalties, products);

    const { xx, x, rows, uStride } = this.q;
    const vx = feedback.Vx.rows[t + 1]!;
    const lxx = e.lxx.rows[t]!;
    const lux = e.lux.rows[t]!;
    const luu = e.luu.rows[t]!;
    const lx = e.lx.rows[t]!;
    const lu = e.lu.rows[t]!;
    const N = n + m;
    this.#gradient.fill(0);
    addProducts(columns, 0, N, vx, 0, this.#gradient, 0, n);
    for (let a = 0; a < n; a++) {
      x[a] = lx[a]! + this.#gradient[a]!;
      for (let b = a; b < n; b++) xx[a * n + b] = lxx[a * n + b]!;
      addProducts(products, a, n, columns, a, xx, a * n + a, n);
    }
    for (let a = 0; a < m; a++) {
      const at = a * uStride;
      for (let b = a; b < m; b++) rows[at + b] = luu[a * m + b]!;
      for (let b = 0; b < n; b++) rows[at + m + b] = lux[a * n + b]!;
      rows[at + m + n] = lu[a]! + this.#gradient[n + a]!;
      addProducts(products, n + a, N, columns, n + a, rows, at + a, n);
      addProducts(products, 0, n, columns, n + a, rows, at + m, n);
    }
  }

  solve(feedback: Feedback, t: number): boolean {
    const mu = this.#penalties[1]!;
    const n = this.#n;
    const m = this.#m;
    const stride = m + n + 1;
    const { rows, xx, x } = this.q;
    const half = this.#half;
    // Row a of [L W w], from the rows above it: L is found transposed, as an upper factor, so that rows are contiguous.
    for (let a = 0; a < m; a++) {
      const at = a * stride;
      for (let j = a; j < stride; j++) half[at + j] = rows[at + j]!;
      half[at + a]! += mu;
      for (let b = 0; b < a; b++) {
        const s = half[b * stride + a]!;
        for (let j = a; j < stride; j++) half[at + j]! -= s * half[b * stride + j]!;
      }
      const pivot = half[at + a]!;
      if (!(pivot > 0)) return false;
      const r = 1 / Math.sqrt(pivot);
      for (let j = a; j < stride; j++) half[at + j]! *= r;
    }

    const turned = this.#turned;
    for (let a = 0; a < m; a++) for (let j = 0; j < n; j++) turned[j * m + a] = half[a * stride + m + j]!;
    const Vx = feedback.Vx.rows[t]!;
    const Vxx = feedback.Vxx.rows[t]!;
    for (let i = 0; i < n; i++) {
      let s = x[i]!;
      for (let a = 0; a < m; a++) s -= turned[i * m + a]! * half[a * stride + m + n]!;
      Vx[i] = s;
      for (let j = i; j < n; j++) {
        let v = xx[i * n + j]!;
        for (let a = 0; a < m; a++) v -= turned[i * m + a]! * turned[j * m + a]!;
        Vxx[i * n + j] = v;
        Vxx[j * n + i] = v;
      }
    }

    const K = feedback.K.rows[t]!;
    const k = feedback.k.rows[t]!;
    for (let a = m - 1; a >= 0; a--) {
      const at = a * stride;
      const r = 1 / half[at + a]!;
      let s = half[at + m + n]!;
      for (let b = a + 1; b < m; b++) s += half[at + b]! * k[b]!;
      k[a] = -s * r;
      for (let j = 0; j < n; j++) K[a * n + j] = half[at + m + j]!;
      for (let b = a + 1; b < m; b++) {
        const u = half[at + b]!;
        for (let j = 0; j < n; j++) K[a * n + j]! += u * K[b * n + j]!;
      }
      for (let j = 0; j < n; j++) K[a * n + j]! *= -r;
    }
    return true;
  }
}

/** out (from `at`) = aᵀ for a of rows × columns. */
function transpose(a: Float64Array, rows: number, columns: number, out: Float64Array, at: number): void {
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) out[at + j * rows + i] = a[i * columns + j]!;
}

/** out[at + r - from] += row r of a · row b of v, for rows `from` to `to` of a, two at a time; rows have n entries. */
function addProducts(
  a: Float64Array,
  from: number,
  to: number,
  v: Float64Array,
  row: number,
  out: Float64Array,
  at: number,
  n: number,
): void {
  const b = row * n;
  let r = from;
  for (; r + 1 < to; r += 2) {
    let s0 = 0;
    let s1 = 0;
    const p = r * n;
    const q = p + n;
    for (let k = 0; k < n; k++) {
      const y = v[b + k]!;
      s0 += a[p + k]! * y;
      s1 += a[q + k]! * y;
    }
    out[at + r - from]! += s0;
    out[at + r - from + 1]! += s1;
  }
  if (r < to) {
    let s = 0;
    for (let k = 0; k < n; k++) s += a[r * n + k]! * v[b + k]!;
    out[at + r - from]! += s;
  }
}

/** out = g (v + ρ I) for g of rows × n and v symmetric n × n: rows of v stand for its columns. */
function timesSymmetric(
  g: Float64Array,
  rows: number,
  v: Float64Array,
  n: number,
  penalties: Float64Array,
  out: Float64Array,
): void {
  const rho = penalties[0]!;
  for (let r = 0; r < rows; r++) {
    const at = r * n;
    let c = 0;
    for (; c + 1 < n; c += 2) {
      let s0 = rho * g[at + c]!;
      let s1 = rho * g[at + c + 1]!;
      const p = c * n;
      const q = p + n;
      for (let k = 0; k < n; k++) {
        const x = g[at + k]!;
        s0 += x * v[p + k]!;
        s1 += x * v[q + k]!;
      }
      out[at + c] = s0;
      out[at + c + 1] = s1;
    }
    if (c < n) {
      let s = rho * g[at + c]!;
      for (let k = 0; k < n; k++) s += g[at + k]! * v[c * n + k]!;
      out[at + c] = s;
    }
  }
}
