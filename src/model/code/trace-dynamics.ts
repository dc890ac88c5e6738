/**
 * Inverse and forward dynamics on symbolic scalars, in the frames and with the inertias of canonical.ts.
 *
 * Velocities and accelerations are the classical ones of points: with ω and ω̇ of a link, a point at ρ from its origin o has
 * the acceleration ö + U ρ, U = [ω̇]× + [ω]×², and only the origin's acceleration, never its velocity, is needed (Luh, Walker
 * & Paul 1980; in this form Khalil & Dombre, ch. 9). With the moments m, h, S of a link its force is m ö + U h and
 * its moment about o is axial(U S) + h × ö.
 */
import type { Canonical } from './canonical.ts';
import type { Chain, SymbolicMoments } from './chain.ts';
import type { Expr } from './expression.ts';
import type { Mat, Vec } from './vectors.ts';

/** Of each link, in its frame. */
export interface Motion {
  readonly w: readonly Vec[];
  /** [ω̇]× + [ω]×². */
  readonly u: readonly Mat[];
  /** Squares of ω: xx yy zz. */
  readonly squares: readonly Vec[];
  /** Acceleration of the origin less that of free fall. */
  readonly a: readonly Vec[];
}

/** Force and moment about the link's origin that the link and all that it carries need. */
export interface Wrenches {
  readonly f: readonly Vec[];
  readonly n: readonly Vec[];
}

/** v, a: per link (Chain.perLink). */
export function motion(chain: Chain, v: readonly Expr[], a: readonly Expr[]): Motion {
  const { g, v: V, links } = chain;
  const w: Vec[] = [];
  const dw: Vec[] = [];
  const u: Mat[] = [];
  const squares: Vec[] = [];
  const acceleration: Vec[] = [];
  links.forEach((link, i) => {
    const p = link.parent;
    const carried = p < 0 ? V.nil : chain.into(i, w[p]!);
    const dCarried = p < 0 ? V.nil : chain.into(i, dw[p]!);
    const free = p < 0 ? V.constant(chain.model.gravity.map((x) => -x)) : acceleration[p]!;
    const offset = p < 0 ? V.nil : V.times(u[p]!, chain.offset(i));
    let origin = chain.into(i, V.add(free, offset));
    if (chain.revolute(i)) {
      w[i] = [carried[0], carried[1], g.add(carried[2], v[i]!)];
      const turning = V.scale(v[i]!, V.crossZ(carried));
      dw[i] = [g.add(dCarried[0], turning[0]), g.add(dCarried[1], turning[1]), g.add(dCarried[2], a[i]!)];
    } else {
      w[i] = carried;
      dw[i] = dCarried;
    }
    [u[i], squares[i]] = rates(chain, w[i]!, dw[i]!);
    if (!chain.revolute(i)) {
      const slid = V.scale(chain.slide(i), column(u[i]!, 2));
      const coriolis = V.scale(g.scale(2, v[i]!), V.crossZ(carried));
      origin = V.add(origin, V.add(slid, V.add(coriolis, [g.zero, g.zero, a[i]!])));
    }
    acceleration[i] = origin;
  });
  return { w, u, squares, a: acceleration };
}

function rates(chain: Chain, [x, y, z]: Vec, [dx, dy, dz]: Vec): [Mat, Vec] {
  const { g } = chain;
  const [xx, yy, zz] = [g.square(x), g.square(y), g.square(z)];
  const [xy, xz, yz] = [g.mul(x, y), g.mul(x, z), g.mul(y, z)];
  const u: Mat = [
    g.neg(g.add(yy, zz)),
    g.sub(xy, dz),
    g.add(xz, dy),
    g.add(xy, dz),
    g.neg(g.add(xx, zz)),
    g.sub(yz, dx),
    g.sub(xz, dy),
    g.add(yz, dx),
    g.neg(g.add(xx, yy)),
  ];
  return [u, [xx, yy, zz]];
}

export function column(m: Mat, j: 0 | 1 | 2): Vec {
  return [m[j], m[3 + j]!, m[6 + j]!];
}

/** Force and moment that one link's own mass needs. */
function ownWrench(chain: Chain, { m, h, s }: SymbolicMoments, motion: Motion, i: number): [Vec, Vec] {
  const { g, v: V } = chain;
  const a = motion.a[i]!;
  const u = motion.u[i]!;
  const [xx, yy, zz] = motion.squares[i]!;
  const [sxx, sxy, sxz, syy, syz, szz] = s;
  const force = V.add(V.scale(m, a), V.times(u, h));
  // axial(U S), with differences of U's diagonal written as differences of squares.
  const x = g.sum(
    g.mul(u[6], sxy),
    g.mul(u[7], syy),
    g.mul(g.sub(zz, yy), syz),
    g.neg(g.mul(u[3], sxz)),
    g.neg(g.mul(u[5], szz)),
  );
  const y = g.sum(
    g.mul(u[1], syz),
    g.mul(u[2], szz),
    g.mul(g.sub(xx, zz), sxz),
    g.neg(g.mul(u[6], sxx)),
    g.neg(g.mul(u[7], sxy)),
  );
  const z = g.sum(
    g.mul(u[3], sxx),
    g.mul(u[5], sxz),
    g.mul(g.sub(yy, xx), sxy),
    g.neg(g.mul(u[1], syy)),
    g.neg(g.mul(u[2], syz)),
  );
  return [force, V.add([x, y, z], V.cross(h, a))];
}

export function wrenches(chain: Chain, motion: Motion): Wrenches {
  const { v: V, links } = chain;
  const f: Vec[] = [];
  const n: Vec[] = [];
  links.forEach((_, i) => {
    [f[i], n[i]] = ownWrench(chain, chain.moments(i), motion, i);
  });
  for (let i = links.length - 1; i >= 0; i--) {
    const p = links[i]!.parent;
    if (p < 0) continue;
    const [force, moment] = down(chain, i, f[i]!, n[i]!);
    f[p] = V.add(f[p]!, force);
    n[p] = V.add(n[p]!, moment);
  }
  return { f, n };
}

/** A wrench about link i's origin, in its frame, about the parent's origin in the parent's frame. */
export function down(chain: Chain, i: number, force: Vec, moment: Vec): [Vec, Vec] {
  const { v: V } = chain;
  const slid = chain.revolute(i) ? moment : V.add(moment, V.scale(chain.slide(i), V.zCross(force)));
  const f = chain.out(i, force);
  return [f, V.add(chain.out(i, slid), V.cross(chain.offset(i), f))];
}

/** Per link: the effort of its joint. */
export function efforts(chain: Chain, { f, n }: Wrenches): Expr[] {
  return chain.links.map((_, i) => (chain.revolute(i) ? n[i]![2] : f[i]![2]));
}

/** Effort of inverse dynamics per dof without armature, damping and friction. */
export function rigidInverse(chain: Chain, v: readonly Expr[], a: readonly Expr[]): Expr[] {
  const m = motion(chain, chain.perLink(v), chain.perLink(a));
  return chain.perDof(efforts(chain, wrenches(chain, m)));
}

/** Damping and friction, per dof. */
export function losses(chain: Chain, v: readonly Expr[]): Expr[] {
  const { g, model } = chain;
  return v.map((x, d) =>
    g.add(
      g.scale(model.damping[d]!, x),
      model.friction[d] === 0
        ? g.zero
        : g.scale(model.friction[d]!, g.tanh(g.scale(1 / model.frictionEps, x))),
    ),
  );
}

/** ∂ losses / ∂v: a diagonal. */
export function lossRates(chain: Chain, v: readonly Expr[]): Expr[] {
  const { g, model } = chain;
  return v.map((x, d) => {
    const damping = g.constant(model.damping[d]!);
    if (model.friction[d] === 0) return damping;
    const t = g.tanh(g.scale(1 / model.frictionEps, x));
    return g.add(damping, g.scale(model.friction[d]! / model.frictionEps, g.sub(g.one, g.square(t))));
  });
}

/** Inverse dynamics, all terms. */
export function inverse(chain: Chain, v: readonly Expr[], a: readonly Expr[]): Expr[] {
  const { g, model } = chain;
  const rigid = rigidInverse(chain, v, a);
  const lost = losses(chain, v);
  return rigid.map((x, d) => g.sum(x, g.scale(model.armature[d]!, a[d]!), lost[d]!));
}

/** The same robot where nothing falls. */
export function withoutGravity(model: Canonical): Canonical {
  return { ...model, gravity: [0, 0, 0] };
}

/** g(q) per dof: the weight of each composite, by its mass and first moments. */
export function weights(chain: Chain, composites: readonly SymbolicMoments[]): Expr[] {
  const { g, v: V, links } = chain;
  const up: Vec[] = [];
  const effort = links.map((link, i) => {
    const p = link.parent;
    const a = p < 0 ? V.constant(chain.model.gravity.map((x) => -x)) : up[p]!;
    up[i] = chain.into(i, a);
    const { m, h } = composites[i]!;
    return chain.revolute(i) ? V.cross(h, up[i]!)[2] : g.mul(m, up[i]![2]);
  });
  return chain.perDof(effort);
}

/**
 * K = ∫ρ × J dm and L = ∫J dm of link i's composite, J = ∂r/∂q of its own joint: the moment and force of a unit
 * acceleration of the joint, about the link's origin.
 */
export function unitWrench(chain: Chain, i: number, { m, h, s }: SymbolicMoments): { k: Vec; l: Vec } {
  const { g, v: V } = chain;
  if (chain.revolute(i)) return { k: [g.neg(s[2]), g.neg(s[4]), g.add(s[0], s[3])], l: V.zCross(h) };
  return { k: V.crossZ(h), l: [g.zero, g.zero, m] };
}

/** M without armature, n × n (Walker & Orin 1982; composites as in Featherstone 2008, ch. 6). */
export function rigidMass(chain: Chain, composites: readonly SymbolicMoments[]): Expr[] {
  const entries = new Map<number, Expr>();
  const count = chain.links.length;
  for (let i = 0; i < count; i++) {
    let { k, l } = unitWrench(chain, i, composites[i]!);
    for (let j = i; j >= 0; ) {
      const e = chain.revolute(j) ? k[2] : l[2];
      entries.set(i * count + j, e);
      entries.set(j * count + i, e);
      const parent = chain.links[j]!.parent;
      if (parent < 0) break;
      [l, k] = down(chain, j, l, k);
      j = parent;
    }
  }
  return chain.pairsPerDof((i, j) => entries.get(i * count + j));
}

export function mass(chain: Chain, composites: readonly SymbolicMoments[]): Expr[] {
  const { g, model } = chain;
  const rigid = rigidMass(chain, composites);
  return rigid.map((x, at) =>
    at % (model.n + 1) === 0 ? g.add(x, g.constant(model.armature[at / (model.n + 1)]!)) : x,
  );
}
