/** Vectors and 3 × 3 matrices of symbolic scalars. Zeros among them cost nothing: the graph drops them. */
import type { Expr, Graph } from './expression.ts';

export type Vec = readonly [Expr, Expr, Expr];
/** xx xy xz yy yz zz. */
export type Sym = readonly [Expr, Expr, Expr, Expr, Expr, Expr];
/** Row-major. */
export type Mat = readonly [Expr, Expr, Expr, Expr, Expr, Expr, Expr, Expr, Expr];

/** Cosine, sine, and of them products that tensors need, made once. */
export interface Angle {
  readonly c: Expr;
  readonly s: Expr;
  readonly cs: Expr;
  readonly ss: Expr;
}

export class Vectors {
  readonly g: Graph;
  readonly nil: Vec;

  constructor(graph: Graph) {
    this.g = graph;
    this.nil = [graph.zero, graph.zero, graph.zero];
  }

  constant(v: readonly number[]): Vec {
    return [this.g.constant(v[0]!), this.g.constant(v[1]!), this.g.constant(v[2]!)];
  }

  angle(c: Expr, s: Expr): Angle {
    return { c, s, cs: this.g.mul(c, s), ss: this.g.mul(s, s) };
  }

  fixedAngle(cos: number, sin: number): Angle {
    return this.angle(this.g.constant(cos), this.g.constant(sin));
  }

  add(a: Vec, b: Vec): Vec {
    const { g } = this;
    return [g.add(a[0], b[0]), g.add(a[1], b[1]), g.add(a[2], b[2])];
  }

  sub(a: Vec, b: Vec): Vec {
    const { g } = this;
    return [g.sub(a[0], b[0]), g.sub(a[1], b[1]), g.sub(a[2], b[2])];
  }

  scale(x: Expr, a: Vec): Vec {
    const { g } = this;
    return [g.mul(x, a[0]), g.mul(x, a[1]), g.mul(x, a[2])];
  }

  dot(a: Vec, b: Vec): Expr {
    return this.g.dot(a, b);
  }

  cross(a: Vec, b: Vec): Vec {
    const { g } = this;
    const of = (i: 0 | 1 | 2, j: 0 | 1 | 2): Expr => g.sub(g.mul(a[i], b[j]), g.mul(a[j], b[i]));
    return [of(1, 2), of(2, 0), of(0, 1)];
  }

  /** ẑ × a. */
  zCross(a: Vec): Vec {
    return [this.g.neg(a[1]), a[0], this.g.zero];
  }

  /** a × ẑ. */
  crossZ(a: Vec): Vec {
    return [a[1], this.g.neg(a[0]), this.g.zero];
  }

  /** M a. */
  times(m: Mat, a: Vec): Vec {
    const { g } = this;
    return [g.dot(m.slice(0, 3), a), g.dot(m.slice(3, 6), a), g.dot(m.slice(6, 9), a)];
  }

  /** (tr(S) 1 − S) a: rotational inertia of second moments S times a. */
  inertiaTimes(s: Sym, a: Vec): Vec {
    const { g } = this;
    const [xx, xy, xz, yy, yz, zz] = s;
    return [
      g.sub(g.sub(g.mul(g.add(yy, zz), a[0]), g.mul(xy, a[1])), g.mul(xz, a[2])),
      g.sub(g.sub(g.mul(g.add(xx, zz), a[1]), g.mul(xy, a[0])), g.mul(yz, a[2])),
      g.sub(g.sub(g.mul(g.add(xx, yy), a[2]), g.mul(xz, a[0])), g.mul(yz, a[1])),
    ];
  }

  /** Rz a. */
  turnZ({ c, s }: Angle, [x, y, z]: Vec): Vec {
    const { g } = this;
    return [g.sub(g.mul(c, x), g.mul(s, y)), g.add(g.mul(s, x), g.mul(c, y)), z];
  }

  /** Rzᵀ a. */
  backZ({ c, s }: Angle, [x, y, z]: Vec): Vec {
    const { g } = this;
    return [g.add(g.mul(c, x), g.mul(s, y)), g.sub(g.mul(c, y), g.mul(s, x)), z];
  }

  /** Rx a. */
  turnX(t: Angle, [x, y, z]: Vec): Vec {
    const [u, v] = this.turnZ(t, [y, z, this.g.zero]);
    return [x, u, v];
  }

  /** Rxᵀ a. */
  backX(t: Angle, [x, y, z]: Vec): Vec {
    const [u, v] = this.backZ(t, [y, z, this.g.zero]);
    return [x, u, v];
  }

  /**
   * Rz S Rzᵀ. The block of x and y turns by e = s² (yy − xx) − 2cs xy and f = cs (xx − yy) − 2s² xy, its trace stays;
   * the rest turns as a vector.
   */
  turnSymZ(t: Angle, [xx, xy, xz, yy, yz, zz]: Sym): Sym {
    const { g } = this;
    const d = g.sub(yy, xx);
    const m = g.add(xy, xy);
    const e = g.sub(g.mul(t.ss, d), g.mul(t.cs, m));
    const f = g.add(g.mul(t.cs, d), g.mul(t.ss, m));
    const [u, v] = this.turnZ(t, [xz, yz, g.zero]);
    return [g.add(xx, e), g.sub(xy, f), u, g.sub(yy, e), v, zz];
  }

  /** Rx S Rxᵀ. */
  turnSymX(t: Angle, [xx, xy, xz, yy, yz, zz]: Sym): Sym {
    const [a, b, c, d, e, f] = this.turnSymZ(t, [yy, yz, xy, zz, xz, xx]);
    // Axes y z x of the turned one are x y z of turnSymZ.
    return [f, c, e, a, b, d];
  }

  /** Rz N Rzᵀ of any matrix. */
  turnMatZ(t: Angle, [xx, xy, xz, yx, yy, yz, zx, zy, zz]: Mat): Mat {
    const { g } = this;
    const d = g.sub(yy, xx);
    const m = g.add(xy, yx);
    const e = g.sub(g.mul(t.ss, d), g.mul(t.cs, m));
    const f = g.add(g.mul(t.cs, d), g.mul(t.ss, m));
    const [u, v] = this.turnZ(t, [xz, yz, g.zero]);
    const [p, q] = this.turnZ(t, [zx, zy, g.zero]);
    return [g.add(xx, e), g.sub(xy, f), u, g.sub(yx, f), g.sub(yy, e), v, p, q, zz];
  }

  /** Rx N Rxᵀ. */
  turnMatX(t: Angle, [xx, xy, xz, yx, yy, yz, zx, zy, zz]: Mat): Mat {
    const [a, b, c, d, e, f, h, i, j] = this.turnMatZ(t, [yy, yz, yx, zy, zz, zx, xy, xz, xx]);
    return [j, h, i, c, a, b, f, d, e];
  }
}
