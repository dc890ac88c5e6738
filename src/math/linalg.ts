/**
 * Small dense linear algebra: matrices are Float64Array, row-major, n × n unless said otherwise. In place where that
 * saves a copy; nothing allocates. For the sizes of an arm (n ≤ 10), not for general use.
 */

/**
 * Cholesky factor of a symmetric positive definite A: on return the lower triangle of A is L with A = L Lᵀ; the upper
 * triangle is left as it was. False when a pivot is not positive (A is then half overwritten).
 */
export function cholesky(a: Float64Array, n: number): boolean {
  for (let j = 0; j < n; j++) {
    let d = a[j * n + j]!;
    for (let k = 0; k < j; k++) d -= a[j * n + k]! * a[j * n + k]!;
    if (!(d > 0)) return false;
    const l = Math.sqrt(d);
    a[j * n + j] = l;
    for (let i = j + 1; i < n; i++) {
      let s = a[i * n + j]!;
      for (let k = 0; k < j; k++) s -= a[i * n + k]! * a[j * n + k]!;
      a[i * n + j] = s / l;
    }
  }
  return true;
}

/** Solves L Lᵀ x = b with the factor of `cholesky`; `x` may be `b`. */
export function choleskySolve(l: Float64Array, n: number, b: Float64Array, x: Float64Array): void {
  for (let i = 0; i < n; i++) {
    let s = b[i]!;
    for (let k = 0; k < i; k++) s -= l[i * n + k]! * x[k]!;
    x[i] = s / l[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    let s = x[i]!;
    for (let k = i + 1; k < n; k++) s -= l[k * n + i]! * x[k]!;
    x[i] = s / l[i * n + i]!;
  }
}

/**
 * LU with partial pivoting, in place: A becomes L (unit diagonal, below) and U; `pivot[i]` is the row swapped into i.
 * False when A is singular to working precision.
 */
export function luFactor(a: Float64Array, n: number, pivot: Int32Array): boolean {
  for (let k = 0; k < n; k++) {
    let p = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]!) > Math.abs(a[p * n + k]!)) p = i;
    pivot[k] = p;
    if (!(Math.abs(a[p * n + k]!) > 1e-300)) return false;
    if (p !== k) {
      for (let j = 0; j < n; j++) {
        const t = a[k * n + j]!;
        a[k * n + j] = a[p * n + j]!;
        a[p * n + j] = t;
      }
    }
    for (let i = k + 1; i < n; i++) {
      const f = a[i * n + k]! / a[k * n + k]!;
      a[i * n + k] = f;
      for (let j = k + 1; j < n; j++) a[i * n + j]! -= f * a[k * n + j]!;
    }
  }
  return true;
}

/** Solves A x = b with the factor of `luFactor`; `x` may be `b`. */
export function luSolve(
  lu: Float64Array,
  n: number,
  pivot: Int32Array,
  b: Float64Array,
  x: Float64Array,
): void {
  for (let i = 0; i < n; i++) x[i] = b[i]!;
  for (let i = 0; i < n; i++) {
    const p = pivot[i]!;
    if (p === i) continue;
    const t = x[i]!;
    x[i] = x[p]!;
    x[p] = t;
  }
  for (let i = 1; i < n; i++) for (let k = 0; k < i; k++) x[i]! -= lu[i * n + k]! * x[k]!;
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= lu[i * n + k]! * x[k]!;
    x[i]! /= lu[i * n + i]!;
  }
}

/**
 * Eigenvalues and, when `vectors` is given, eigenvectors (columns) of the symmetric A by cyclic Jacobi rotations
 * (Golub & Van Loan, Matrix Computations, 8.5). A is overwritten; `values` are in no order. Converges quadratically:
 * a 6 × 6 takes 4 to 6 sweeps.
 */
export function symmetricEigen(
  a: Float64Array,
  n: number,
  values: Float64Array,
  vectors: Float64Array | null,
): void {
  if (vectors !== null) {
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) vectors[i * n + j] = i === j ? 1 : 0;
  }
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    let diagonal = 0;
    for (let i = 0; i < n; i++) {
      diagonal += a[i * n + i]! * a[i * n + i]!;
      for (let j = i + 1; j < n; j++) off += a[i * n + j]! * a[i * n + j]!;
    }
    if (!(off > 1e-30 * diagonal)) break;
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) {
        const apq = a[p * n + q]!;
        const app = a[p * n + p]!;
        const aqq = a[q * n + q]!;
        if (apq * apq <= 1e-34 * Math.abs(app * aqq)) continue;
        const theta = (aqq - app) / (2 * apq);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        a[p * n + p] = app - t * apq;
        a[q * n + q] = aqq + t * apq;
        a[p * n + q] = 0;
        a[q * n + p] = 0;
        for (let k = 0; k < n; k++) {
          if (k === p || k === q) continue;
          const akp = a[k * n + p]!;
          const akq = a[k * n + q]!;
          const np = c * akp - s * akq;
          const nq = s * akp + c * akq;
          a[k * n + p] = np;
          a[p * n + k] = np;
          a[k * n + q] = nq;
          a[q * n + k] = nq;
        }
        if (vectors === null) continue;
        for (let k = 0; k < n; k++) {
          const vp = vectors[k * n + p]!;
          const vq = vectors[k * n + q]!;
          vectors[k * n + p] = c * vp - s * vq;
          vectors[k * n + q] = s * vp + c * vq;
        }
      }
    }
  }
  for (let i = 0; i < n; i++) values[i] = a[i * n + i]!;
}

/** out = J Jᵀ for J of rows × columns. */
export function gram(j: Float64Array, rows: number, columns: number, out: Float64Array): void {
  for (let a = 0; a < rows; a++) {
    for (let b = a; b < rows; b++) {
      let s = j[a * columns]! * j[b * columns]!;
      for (let k = 1; k < columns; k++) s += j[a * columns + k]! * j[b * columns + k]!;
      out[a * rows + b] = s;
      out[b * rows + a] = s;
    }
  }
}

/** a += x I. */
export function addDiagonal(a: Float64Array, n: number, x: number): void {
  for (let i = 0; i < n; i++) a[i * n + i]! += x;
}

/** out = Jᵀ y for J of rows × columns. */
export function mulTransposed(
  j: Float64Array,
  rows: number,
  columns: number,
  y: Float64Array,
  out: Float64Array,
): void {
  for (let k = 0; k < columns; k++) {
    let s = j[k]! * y[0]!;
    for (let r = 1; r < rows; r++) s += j[r * columns + k]! * y[r]!;
    out[k] = s;
  }
}

/** out = J x for J of rows × columns. */
export function mul(
  j: Float64Array,
  rows: number,
  columns: number,
  x: Float64Array,
  out: Float64Array,
): void {
  for (let r = 0; r < rows; r++) {
    let s = j[r * columns]! * x[0]!;
    for (let k = 1; k < columns; k++) s += j[r * columns + k]! * x[k]!;
    out[r] = s;
  }
}

/** Smallest and largest singular value of J (rows ≤ columns, rows ≤ 10), written to out[0] and out[1]. */
export function singularRange(j: Float64Array, rows: number, columns: number, out: Float64Array): void {
  gram(j, rows, columns, square);
  symmetricEigen(square, rows, eigenvalues, null);
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (let i = 0; i < rows; i++) {
    low = Math.min(low, eigenvalues[i]!);
    high = Math.max(high, eigenvalues[i]!);
  }
  out[0] = Math.sqrt(Math.max(0, low));
  out[1] = Math.sqrt(high);
}

const square = new Float64Array(100);
const eigenvalues = new Float64Array(10);
const solution = new Float64Array(10);

/**
 * Damped least squares (Nakamura & Hanafusa 1986): out = Jᵀ (J Jᵀ + λ² I)⁻¹ e, the x that minimises
 * |J x - e|² + λ² |x|². J of rows × columns (rows ≤ 10), λ² = `lambda2` in the squared unit of J.
 * False, with out = 0, when J Jᵀ + λ² I is not positive definite.
 */
export function dampedLeastSquares(
  j: Float64Array,
  rows: number,
  columns: number,
  lambda2: number,
  e: Float64Array,
  out: Float64Array,
): boolean {
  gram(j, rows, columns, square);
  addDiagonal(square, rows, lambda2);
  if (!cholesky(square, rows)) {
    for (let k = 0; k < columns; k++) out[k] = 0;
    return false;
  }
  choleskySolve(square, rows, e, solution);
  mulTransposed(j, rows, columns, solution, out);
  return true;
}
