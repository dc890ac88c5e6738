/** Pose and Jacobian of a frame on symbolic scalars. */
import type { Canonical, CanonicalFrame, Turn } from './canonical.ts';
import { Chain } from './chain.ts';
import type { Expr, Graph } from './expression.ts';
import { quaternionOf } from './rigid.ts';
import type { Vec } from './vectors.ts';

type Quaternion = readonly [Expr, Expr, Expr, Expr];

/** Links from the first to `link`. */
function pathTo(model: Canonical, link: number): number[] {
  const path: number[] = [];
  for (let i = link; i >= 0; i = model.links[i]!.parent) path.unshift(i);
  return path;
}

/** a · b, both x y z w. */
function product(g: Graph, [ax, ay, az, aw]: Quaternion, [bx, by, bz, bw]: Quaternion): Quaternion {
  const m = (a: Expr, b: Expr): Expr => g.mul(a, b);
  return [
    g.sub(g.add(g.add(m(aw, bx), m(ax, bw)), m(ay, bz)), m(az, by)),
    g.sub(g.add(g.add(m(aw, by), m(ay, bw)), m(az, bx)), m(ax, bz)),
    g.sub(g.add(g.add(m(aw, bz), m(az, bw)), m(ax, by)), m(ay, bx)),
    g.sub(g.sub(g.sub(m(aw, bw), m(ax, bx)), m(ay, by)), m(az, bz)),
  ];
}

/**
 * Pose of a frame in the base: p x y z, quaternion x y z w with w ≥ 0. The quaternion is the product of half-angle
 * quaternions (the fixed ones without their length, which the sign's product brings back), so that no matrix has to be turned into one; the position walks from the frame to the base.
 */
export function pose(g: Graph, model: Canonical, q: readonly Expr[], frame: CanonicalFrame): Expr[] {
  const path = pathTo(model, frame.link);
  const chain = new HalfAngles(g, model, q);
  let p = chain.v.constant(frame.position);
  for (const i of path.toReversed()) {
    const slid: Vec = [p[0], p[1], g.add(p[2], chain.slide(i))];
    p = chain.v.add(chain.offset(i), chain.out(i, slid));
  }
  let orientation: Quaternion = fixed(g, quaternionOf(frame.rotation));
  for (const i of path.toReversed()) orientation = chain.before(i, orientation);
  if (path.length > 0) {
    p = inBase(chain, p);
    orientation = product(g, fixed(g, quaternionOf(model.base.rotation)), orientation);
  }
  const scale = g.copysign(g.constant(chain.factor), orientation[3]);
  return [...p, ...orientation.map((x) => g.mul(scale, x))];
}

function fixed(g: Graph, q: readonly number[]): Quaternion {
  return [g.constant(q[0]!), g.constant(q[1]!), g.constant(q[2]!), g.constant(q[3]!)];
}

function inBase(chain: Chain, p: Vec): Vec {
  const { v: V, model } = chain;
  const rows = [0, 3, 6].map((k) => V.constant(model.base.rotation.slice(k, k + 3)));
  const turned = rows.map((row) => V.dot(row, p)) as unknown as Vec;
  return V.add(V.constant(model.base.position), turned);
}

/** Joint turns by half angles: cos θ = 1 − 2 sin²(θ/2), sin θ = 2 sin(θ/2) cos(θ/2). */
class HalfAngles extends Chain {
  /** What orientations are to be multiplied by. */
  factor = 1;
  readonly #half: readonly (readonly [Expr, Expr])[];

  constructor(g: Graph, model: Canonical, q: readonly Expr[]) {
    const angles = model.links.map((l) =>
      g.scale(0.5, g.add(g.scale(l.scale, q[l.dof]!), g.constant(l.offset))),
    );
    const half = angles.map((x) => [g.cos(x), g.sin(x)] as const);
    super(g, model, q, (i) => {
      const [c, s] = half[i]!;
      const s2 = g.add(s, s);
      return [g.sub(g.one, g.mul(s2, s)), g.mul(s2, c)];
    });
    this.#half = half;
  }

  /** Orientation of link i's frame in its parent's, times b; without the positive factor that goes to `factor`. */
  before(i: number, b: Quaternion): Quaternion {
    const { g } = this;
    const l = this.links[i]!;
    let q = b;
    if (l.type === 'revolute') {
      const [cos, sin] = this.#half[i]!;
      q = product(g, [g.zero, g.zero, sin, cos], q);
    }
    q = this.#turn(2, l.turn, q);
    q = this.#turn(0, l.alpha, q);
    return this.#turn(2, l.beta, q);
  }

  /** A constant turn about x (0) or z (2), times q, as (tan half, 1): quarter turns cost no product. */
  #turn(axis: 0 | 2, { cos, sin }: Turn, q: Quaternion): Quaternion {
    const { g } = this;
    const half = Math.atan2(sin, cos) / 2;
    const whole = Math.abs(cos + 1) < 1e-15; // half a turn: cos half = 0
    const tan = Math.tan(half);
    const part = whole ? 1 : Math.abs(Math.abs(tan) - 1) < 1e-15 ? Math.sign(tan) : tan;
    if (!whole) this.factor *= Math.cos(half);
    const turn = g.constant(part);
    const w = whole ? g.zero : g.one;
    return product(g, axis === 0 ? [turn, g.zero, g.zero, w] : [g.zero, g.zero, turn, w], q);
  }
}

/**
 * Geometric Jacobian of a frame's origin in the base, 6 × n, rows vx vy vz wx wy wz. Axes and anchors of the joints walk
 * from the base to the frame.
 */
export function jacobian(g: Graph, model: Canonical, q: readonly Expr[], frame: CanonicalFrame): Expr[] {
  const { n } = model;
  const chain = new Chain(g, model, q);
  const { v: V } = chain;
  const out: Expr[] = new Array(6 * n).fill(g.zero);
  const path = pathTo(model, frame.link);
  // Columns of the base-to-link rotation, and the link's origin.
  let axes: readonly [Vec, Vec, Vec] = [0, 1, 2].map((c) =>
    V.constant([0, 3, 6].map((r) => model.base.rotation[r + c]!)),
  ) as unknown as readonly [Vec, Vec, Vec];
  let origin = V.constant(model.base.position);
  const combine = (of: readonly [Vec, Vec, Vec], by: Vec): Vec =>
    V.add(V.add(V.scale(by[0], of[0]), V.scale(by[1], of[1])), V.scale(by[2], of[2]));
  const joints = path.map((i) => {
    origin = V.add(origin, combine(axes, chain.offset(i)));
    axes = chain.turnAxes(i, axes);
    if (!chain.revolute(i)) origin = V.add(origin, V.scale(chain.slide(i), axes[2]));
    return { i, axis: axes[2], origin };
  });
  const tip = V.add(origin, combine(axes, V.constant(frame.position)));
  for (const { i, axis, origin: at } of joints) {
    const { dof, scale, type } = chain.links[i]!;
    const linear = type === 'revolute' ? V.cross(axis, V.sub(tip, at)) : axis;
    const angular = type === 'revolute' ? axis : V.nil;
    [...linear, ...angular].forEach((e, r) => {
      out[r * n + dof] = g.add(out[r * n + dof]!, g.scale(scale, e));
    });
  }
  return out;
}
