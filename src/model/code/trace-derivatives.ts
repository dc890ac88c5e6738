/**
 * Derivatives of inverse and forward dynamics in closed form, on symbolic scalars.
 *
 * For a point r that the joint j moves, with J_j = ∂r/∂q_j: ∂ṙ/∂q̇_j = J_j, ∂r̈/∂q̇_j = 2 J̇_j and ∂r̈/∂q_j = J̈_j. For a
 * revolute joint with axis z through o
 *
 *     J = z × (r − o),  J̇ = ż × (r − o) + z × (ṙ − ȯ),  J̈ = z̈ × (r − o) + 2 ż × (ṙ − ȯ) + z × (r̈ − ö),
 *
 * and for a prismatic one J = z, J̇ = ż, J̈ = z̈. In the link's own frame ż = ω × ẑ and z̈ is the last column of U. The effort
 * is τ_i = ∫ J_i · r̈ over all that i carries. When a joint j before i turns, J_i turns with it, which cancels the term
 * J_i · (z_j × r̈) of J_i · J̈_j, so that for j before or at i, with integrals over what i carries,
 *
 *     ∂τ_i/∂q_j = z̈_j · K + 2 ż_j · Q − (z_j × ö_j) · L,   ∂τ_i/∂v_j = 2 (ż_j · K + z_j · Q),   M_ij = z_j · K
 *     K = ∫ (r − o_j) × J_i,  Q = ∫ (ṙ − ȯ_j) × J_i,  L = ∫ J_i                    (j revolute)
 *     ∂τ_i/∂q_j = z̈_j · L,  ∂τ_i/∂v_j = 2 ż_j · L,  M_ij = z_j · L                  (j prismatic)
 *
 * The other triangle follows from the wrench that a change of joint i makes, seen from the joints before it: force ∫ J̈_i
 * and moment ∫ J_i × r̈ + (r − o) × J̈_i for q, twice ∫ J̇_i and ∫ (r − o) × J̇_i for v. Integrals are over the moments m, h, S of
 * composites, their rates P = ∫ ρ̇ dm and N = ∫ ρ̇ ρᵀ dm (ρ from the link's origin), and the wrench of inverse dynamics.
 * Wrenches and K, L, Q walk from link to parent in the links' frames, where half of every product with an axis is gone.
 * The same derivatives by spatial algebra: Carpentier & Mansard 2018; Singh, Russell & Wensing 2022.
 */
import type { Chain, SymbolicMoments } from './chain.ts';
import type { Expr } from './expression.ts';
import { column, down, type Motion, unitWrench, type Wrenches } from './trace-dynamics.ts';
import type { Mat, Sym, Vec } from './vectors.ts';

/** Rates of the composites' moments: P and N above. */
interface Rates {
  readonly p: Vec;
  readonly n: Mat;
}

/** What the derivatives need of velocities alone. `w` as in Motion, v per link. */
export class DerivativeTrace {
  readonly #chain: Chain;
  readonly #composites: readonly SymbolicMoments[];
  readonly #w: readonly Vec[];
  readonly #rates: readonly Rates[];
  /** Velocity of each link's origin less that of its parent's, in the parent's frame. */
  readonly #originRate: readonly Vec[];

  constructor(chain: Chain, composites: readonly SymbolicMoments[], w: readonly Vec[], v: readonly Expr[]) {
    this.#chain = chain;
    this.#composites = composites;
    this.#w = w;
    const { g, v: V } = chain;
    this.#originRate = chain.links.map((link, i) => {
      if (link.parent < 0) return V.nil;
      const turning = V.cross(w[link.parent]!, chain.origin(i));
      return chain.revolute(i) ? turning : V.add(turning, chain.out(i, [g.zero, g.zero, v[i]!]));
    });
    this.#rates = this.#compositeRates();
  }

  #compositeRates(): Rates[] {
    const chain = this.#chain;
    const { g, v: V } = chain;
    const total: Rates[] = chain.links.map((_, i) => {
      const { h, s } = chain.moments(i);
      return { p: V.cross(this.#w[i]!, h), n: crossSym(chain, this.#w[i]!, s) };
    });
    for (let i = chain.links.length - 1; i >= 0; i--) {
      const parent = chain.links[i]!.parent;
      if (parent < 0) continue;
      const { m, h } = this.#composites[i]!;
      const p = chain.out(i, total[i]!.p);
      const hp = chain.out(i, h);
      const d = chain.origin(i);
      const dd = this.#originRate[i]!;
      // ∫ (ρ̇ + ḋ)(ρ + d)ᵀ
      const moved = chain.turnMat(i, total[i]!.n).map((x, k) => {
        const [r, c] = [Math.floor(k / 3), k % 3];
        const first = g.mul(g.add(p[r]!, g.mul(m, dd[r]!)), d[c]!);
        return g.add(x, g.add(first, g.mul(dd[r]!, hp[c]!)));
      });
      const before = total[parent]!;
      total[parent] = {
        p: V.add(before.p, V.add(p, V.scale(m, dd))),
        n: before.n.map((x, k) => g.add(x, moved[k]!)) as unknown as Mat,
      };
    }
    return total;
  }

  #axisRate(i: number): Vec {
    return this.#chain.v.crossZ(this.#w[i]!);
  }

  /** ∂τ/∂v of rigid-body inverse dynamics, n × n; depends on q and v alone. */
  velocity(): Expr[] {
    const chain = this.#chain;
    const { g, v: V } = chain;
    return this.#entries((i, put) => {
      const walk = this.#unit(i);
      let [force, moment] = this.#velocityWrench(i);
      for (let j = i; ; ) {
        const turning = chain.revolute(j);
        const rate = this.#axisRate(j);
        const along = turning ? g.add(V.dot(rate, walk.k), walk.q[2]) : V.dot(rate, walk.l);
        put(i, j, g.scale(2, along));
        if (j !== i) put(j, i, g.scale(2, turning ? moment[2] : force[2]));
        const parent = chain.links[j]!.parent;
        if (parent < 0) return;
        [force, moment] = down(chain, j, force, moment);
        this.#walk(walk, j);
        j = parent;
      }
    });
  }

  /** ∂τ/∂q of rigid-body inverse dynamics at a motion with its wrenches, n × n. */
  position(motion: Motion, wrenches: Wrenches): Expr[] {
    const chain = this.#chain;
    const { g, v: V } = chain;
    return this.#entries((i, put) => {
      const walk = this.#unit(i);
      let [force, moment] = this.#positionWrench(i, motion, wrenches);
      for (let j = i; ; ) {
        const second = column(motion.u[j]!, 2);
        if (chain.revolute(j)) {
          const a = motion.a[j]!;
          const turned = g.sub(g.mul(a[1], walk.l[0]), g.mul(a[0], walk.l[1]));
          const twice = g.scale(2, V.dot(this.#axisRate(j), walk.q));
          put(i, j, g.sum(V.dot(second, walk.k), twice, turned));
        } else put(i, j, V.dot(second, walk.l));
        if (j !== i) put(j, i, chain.revolute(j) ? moment[2] : force[2]);
        const parent = chain.links[j]!.parent;
        if (parent < 0) return;
        [force, moment] = down(chain, j, force, moment);
        this.#walk(walk, j);
        j = parent;
      }
    });
  }

  /** K, L, Q of joint i about its own origin. */
  #unit(i: number): { k: Vec; l: Vec; q: Vec } {
    const chain = this.#chain;
    const { g, v: V } = chain;
    const { p, n } = this.#rates[i]!;
    const q: Vec = chain.revolute(i) ? [g.neg(n[6]), g.neg(n[7]), g.add(n[0], n[4])] : V.crossZ(p);
    return { ...unitWrench(chain, i, this.#composites[i]!), q };
  }

  /** Takes K, L, Q from link j to its parent. */
  #walk(at: { k: Vec; l: Vec; q: Vec }, j: number): void {
    const chain = this.#chain;
    const { v: V } = chain;
    let q = chain.out(j, at.q);
    [at.l, at.k] = down(chain, j, at.l, at.k);
    q = V.add(q, V.cross(this.#originRate[j]!, at.l));
    at.q = q;
  }

  /** Half the wrench that a change of v_i makes. */
  #velocityWrench(i: number): [Vec, Vec] {
    const chain = this.#chain;
    const { v: V } = chain;
    const { m, h, s } = this.#composites[i]!;
    const { p, n } = this.#rates[i]!;
    const rate = this.#axisRate(i);
    if (!chain.revolute(i)) return [V.scale(m, rate), V.cross(h, rate)];
    const force = V.add(V.cross(rate, h), V.zCross(p));
    return [force, V.add(V.inertiaTimes(s, rate), this.#spin(n, [chain.g.zero, chain.g.zero, chain.g.one]))];
  }

  /** The wrench that a change of q_i makes. */
  #positionWrench(i: number, motion: Motion, { f, n: moments }: Wrenches): [Vec, Vec] {
    const chain = this.#chain;
    const { g, v: V } = chain;
    const { m, h, s } = this.#composites[i]!;
    const { p, n } = this.#rates[i]!;
    const rate = this.#axisRate(i);
    const second = column(motion.u[i]!, 2);
    if (!chain.revolute(i)) return [V.scale(m, second), V.add(V.zCross(f[i]!), V.cross(h, second))];
    const a = motion.a[i]!;
    const twice = (x: Vec): Vec => V.scale(g.constant(2), x);
    const force = V.add(
      V.add(V.cross(second, h), twice(V.cross(rate, p))),
      V.zCross(V.sub(f[i]!, V.scale(m, a))),
    );
    const inertial = V.add(V.inertiaTimes(s, second), twice(this.#spin(n, rate)));
    return [force, V.add(V.sub(inertial, V.cross(h, V.zCross(a))), V.zCross(moments[i]!))];
  }

  /** ∫ ρ × (x × ρ̇) = (tr N) x − N x. */
  #spin(n: Mat, x: Vec): Vec {
    const { g } = this.#chain;
    const row = (d: Expr, p: Expr, a: Expr, q: Expr, b: Expr, own: Expr): Expr =>
      g.sub(g.sub(g.mul(d, own), g.mul(p, a)), g.mul(q, b));
    return [
      row(g.add(n[4], n[8]), n[1], x[1], n[2], x[2], x[0]),
      row(g.add(n[0], n[8]), n[3], x[0], n[5], x[2], x[1]),
      row(g.add(n[0], n[4]), n[6], x[0], n[7], x[1], x[2]),
    ];
  }

  #entries(of: (i: number, put: (i: number, j: number, e: Expr) => void) => void): Expr[] {
    const chain = this.#chain;
    const count = chain.links.length;
    const entries = new Map<number, Expr>();
    chain.links.forEach((_, i) => {
      of(i, (r, c, e) => entries.set(r * count + c, e));
    });
    return chain.pairsPerDof((i, j) => entries.get(i * count + j));
  }
}

/** [w]× S. */
function crossSym(chain: Chain, w: Vec, [xx, xy, xz, yy, yz, zz]: Sym): Mat {
  const columns = [
    [xx, xy, xz],
    [xy, yy, yz],
    [xz, yz, zz],
  ].map((c) => chain.v.cross(w, c as unknown as Vec));
  return [0, 1, 2].flatMap((r) => columns.map((c) => c[r]!)) as unknown as Mat;
}
