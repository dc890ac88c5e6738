/**
 * What every algorithm on the links needs, on symbolic scalars: cosines and sines of the joints, and the way of vectors
 * and moments between a link and its parent.
 */
import type { Canonical, CanonicalLink } from './canonical.ts';
import type { Expr, Graph } from './expression.ts';
import { type Angle, type Mat, type Sym, type Vec, Vectors } from './vectors.ts';

/** Mass, first and second moments about the link's origin, in its frame. */
export interface SymbolicMoments {
  readonly m: Expr;
  readonly h: Vec;
  readonly s: Sym;
}

export class Chain {
  readonly g: Graph;
  readonly v: Vectors;
  readonly model: Canonical;
  readonly links: readonly CanonicalLink[];
  /** Joint value less what is folded into the frames, per link; and rotation about z. */
  readonly #slide: Expr[];
  readonly #theta: Angle[];
  readonly #alpha: Angle[];
  readonly #beta: Angle[];

  /** q: n expressions. `turns` gives cosine and sine of a revolute joint's value otherwise than by `cos` and `sin`. */
  constructor(
    graph: Graph,
    model: Canonical,
    q: readonly Expr[],
    turns?: (link: number) => readonly [Expr, Expr],
  ) {
    this.g = graph;
    this.v = new Vectors(graph);
    this.model = model;
    this.links = model.links;
    this.#alpha = model.links.map((l) => this.v.fixedAngle(l.alpha.cos, l.alpha.sin));
    this.#beta = model.links.map((l) => this.v.fixedAngle(l.beta.cos, l.beta.sin));
    const value = model.links.map((l) =>
      graph.add(graph.scale(l.scale, q[l.dof]!), graph.constant(l.offset)),
    );
    this.#slide = model.links.map((l, i) => (l.type === 'revolute' ? graph.zero : value[i]!));
    this.#theta = model.links.map((l, i) => {
      if (l.type === 'prismatic') return this.v.fixedAngle(l.turn.cos, l.turn.sin);
      const [c, s] = turns?.(i) ?? [graph.cos(value[i]!), graph.sin(value[i]!)];
      const turn = this.v.constant([l.turn.cos, l.turn.sin, 0]);
      return this.v.angle(...(this.v.turnZ({ c, s, cs: c, ss: s }, turn).slice(0, 2) as [Expr, Expr]));
    });
  }

  revolute(i: number): boolean {
    return this.links[i]!.type === 'revolute';
  }

  /** Vector of the parent's frame in the link's. */
  into(i: number, a: Vec): Vec {
    const { v } = this;
    return v.backZ(this.#theta[i]!, v.backX(this.#alpha[i]!, v.backZ(this.#beta[i]!, a)));
  }

  /** Vector of the link's frame in the parent's. */
  out(i: number, a: Vec): Vec {
    const { v } = this;
    return v.turnZ(this.#beta[i]!, v.turnX(this.#alpha[i]!, v.turnZ(this.#theta[i]!, a)));
  }

  /** Columns of a rotation R, times the rotation of the link's frame in its parent's. */
  turnAxes(i: number, axes: readonly [Vec, Vec, Vec]): readonly [Vec, Vec, Vec] {
    const { v } = this;
    const mix = ({ c, s }: Angle, x: Vec, y: Vec): [Vec, Vec] => [
      v.add(v.scale(c, x), v.scale(s, y)),
      v.sub(v.scale(c, y), v.scale(s, x)),
    ];
    let [x, y, z] = axes;
    [x, y] = mix(this.#beta[i]!, x, y);
    [y, z] = mix(this.#alpha[i]!, y, z);
    [x, y] = mix(this.#theta[i]!, x, y);
    return [x, y, z];
  }

  /** The link's origin in the parent's frame, at a sliding joint's zero. */
  offset(i: number): Vec {
    const { v, g } = this;
    const l = this.links[i]!;
    const along = v.turnX(this.#alpha[i]!, v.constant([0, 0, l.d]));
    const turned = v.turnZ(this.#beta[i]!, v.add(v.constant([l.a, 0, 0]), along));
    return [turned[0], turned[1], g.add(turned[2], g.constant(l.b))];
  }

  /** How far the link has slid along its z: 0 for revolute joints. */
  slide(i: number): Expr {
    return this.#slide[i]!;
  }

  /** The link's own moments. */
  moments(i: number): SymbolicMoments {
    const { m, h, s } = this.links[i]!.moments;
    const c = (x: number | undefined): Expr => this.g.constant(x!);
    return { m: c(m), h: this.v.constant(h), s: [c(s[0]), c(s[1]), c(s[2]), c(s[4]), c(s[5]), c(s[8])] };
  }

  turnSym(i: number, s: Sym): Sym {
    const { v } = this;
    const turned = v.turnSymX(this.#alpha[i]!, v.turnSymZ(this.#theta[i]!, s));
    return v.turnSymZ(this.#beta[i]!, turned);
  }

  turnMat(i: number, m: Mat): Mat {
    const { v } = this;
    const turned = v.turnMatX(this.#alpha[i]!, v.turnMatZ(this.#theta[i]!, m));
    return v.turnMatZ(this.#beta[i]!, turned);
  }

  /** Where the link's origin is in the parent's frame, slide included. */
  origin(i: number): Vec {
    const p = this.offset(i);
    if (this.revolute(i)) return p;
    return this.v.add(p, this.out(i, [this.g.zero, this.g.zero, this.#slide[i]!]));
  }

  /** Second moments after a shift of the origin: s + h dᵀ + d hᵀ + m d dᵀ. */
  shiftSym([xx, xy, xz, yy, yz, zz]: Sym, h: Vec, m: Expr, d: Vec): Sym {
    const { g } = this;
    const md = this.v.scale(m, d);
    const of = (s: Expr, i: 0 | 1 | 2, j: 0 | 1 | 2): Expr => {
      const cross = i === j ? g.scale(2, g.mul(h[i], d[i])) : g.add(g.mul(h[i], d[j]), g.mul(h[j], d[i]));
      return g.add(s, g.add(cross, g.mul(md[i], d[j])));
    };
    return [of(xx, 0, 0), of(xy, 0, 1), of(xz, 0, 2), of(yy, 1, 1), of(yz, 1, 2), of(zz, 2, 2)];
  }

  /** Moments of each link with all that it carries. */
  composites(): SymbolicMoments[] {
    const { g, v } = this;
    const total = this.links.map((_, i) => this.moments(i));
    for (let i = this.links.length - 1; i >= 0; i--) {
      const parent = this.links[i]!.parent;
      if (parent < 0) continue;
      const { m, h, s } = total[i]!;
      const turned = this.out(i, h);
      const d = this.origin(i);
      const moved = this.shiftSym(this.turnSym(i, s), turned, m, d);
      const p = total[parent]!;
      total[parent] = {
        m: g.add(p.m, m),
        h: v.add(p.h, v.add(turned, v.scale(m, d))),
        s: p.s.map((x, k) => g.add(x, moved[k]!)) as unknown as Sym,
      };
    }
    return total;
  }

  /** Per dof: Σ over its links of scale × value. */
  perDof(values: readonly Expr[]): Expr[] {
    const { g } = this;
    const total: Expr[] = new Array(this.model.n).fill(g.zero);
    this.links.forEach((l, i) => {
      total[l.dof] = g.add(total[l.dof]!, g.scale(l.scale, values[i]!));
    });
    return total;
  }

  /** Per link: scale × value of its dof. */
  perLink(values: readonly Expr[]): Expr[] {
    return this.links.map((l) => this.g.scale(l.scale, values[l.dof]!));
  }

  /** n × n of dofs from entries of pairs of links (undefined: zero). */
  pairsPerDof(entry: (i: number, j: number) => Expr | undefined): Expr[] {
    const { g } = this;
    const { n } = this.model;
    const total: Expr[] = new Array(n * n).fill(g.zero);
    this.links.forEach((l, i) => {
      this.links.forEach((k, j) => {
        const e = entry(i, j);
        if (e === undefined) return;
        const at = l.dof * n + k.dof;
        total[at] = g.add(total[at]!, g.scale(l.scale * k.scale, e));
      });
    });
    return total;
  }
}
