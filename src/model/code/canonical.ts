/**
 * The tree in the frames and with the inertias that need the fewest operations.
 *
 * Frames: each link's frame may slide along and turn about its joint's axis. Putting it at the foot of the common normal
 * with the next axis, x along that normal, leaves of each transform only Tx(a) Rx(α) Tz(d) Rz(q + θ0) (Denavit and
 * Hartenberg; modified form of Craig; Khalil & Dombre, Modeling, Identification and Control of Robots, ch. 3).
 *
 * Inertias: mass on the axis of a revolute joint moves in the same way whether it is fixed to the link or to the link's
 * parent. So the part of each link with the moments (m, h_z, s_zz), put on the axis, may be counted with the parent: every
 * link of a revolute joint is left with m = h_z = s_zz = 0, and what reaches the base is gone. Of a prismatic joint the
 * second moments may be moved alike. (Gautier & Khalil 1990, base inertial parameters.) Efforts, and all that follows
 * from them, stay what they were.
 */
import type { DynamicTree } from '../dynamics.ts';
import {
  addMoments,
  apply,
  compose,
  IDENTITY,
  invert,
  type Moments,
  momentsOf,
  moveMoments,
  NO_MASS,
  type Rigid,
  screwX,
  screwZ,
  transpose,
} from './rigid.ts';

/** An angle as its cosine and sine, exact at multiples of a right angle. */
export interface Turn {
  readonly cos: number;
  readonly sin: number;
}

/**
 * A link. Its frame in the parent's is Tz(b) Rz(β) Tx(a) Rx(α) Tz(d) Rz(θ) with θ = scale · q[dof] + offset for a
 * revolute joint; for a prismatic one θ is `turn` and d grows by scale · q[dof] + offset.
 */
export interface CanonicalLink {
  readonly parent: number;
  readonly type: 'revolute' | 'prismatic';
  readonly dof: number;
  readonly scale: number;
  readonly offset: number;
  /** θ0: for revolute joints the part of θ that is no quarter turn is in `offset`, quarter turns are here. */
  readonly turn: Turn;
  readonly b: number;
  readonly beta: Turn;
  readonly a: number;
  readonly alpha: Turn;
  readonly d: number;
  /** Moments after regrouping, in the link's frame. */
  readonly moments: Moments;
}

export interface CanonicalFrame extends Rigid {
  readonly name: string;
  /** -1: fixed to the base, and then the pose is that in the base. */
  readonly link: number;
}

export interface Canonical {
  /** Degrees of freedom. */
  readonly n: number;
  readonly links: readonly CanonicalLink[];
  readonly frames: readonly CanonicalFrame[];
  /** Frame in which the first links' transforms start, in the base. */
  readonly base: Rigid;
  /** Acceleration of free fall in that frame. */
  readonly gravity: readonly number[];
  /** Per dof. */
  readonly armature: readonly number[];
  readonly damping: readonly number[];
  /** Coulomb friction per dof (0 when left out) and its speed. */
  readonly friction: readonly number[];
  readonly frictionEps: number;
}

/** Lengths (m) and sines below this are rounding of a model file's numbers. */
const TINY = 1e-12;

export function canonical(tree: DynamicTree): Canonical {
  const { links } = tree;
  const children = links.map((_, i) => links.flatMap((l, c) => (l.parent === i ? [c] : [])));
  const size = links.map(() => 1);
  for (let i = links.length - 1; i >= 0; i--) {
    const parent = links[i]!.parent;
    if (parent >= 0) size[parent]! += size[i]!;
  }
  const placed: Rigid[] = links.map((l) => ({ rotation: l.rotation, position: l.position }));

  // Gauge per link: its canonical frame in its own frame, Tz(δ) Rz(γ). From the leaves, as it looks at the next axis.
  const gauge: Rigid[] = links.map(() => IDENTITY);
  for (let i = links.length - 1; i >= 0; i--) {
    const next = children[i]!.toSorted((x, y) => size[y]! - size[x]!)[0];
    if (next !== undefined) gauge[i] = towards(compose(placed[next]!, gauge[next]!));
  }
  const root = links.findIndex((l) => l.parent < 0);
  const base = root < 0 ? IDENTITY : placed[root]!;
  const parentGauge = (i: number): Rigid => (links[i]!.parent < 0 ? base : gauge[links[i]!.parent]!);
  const transform = (i: number): Rigid => compose(invert(parentGauge(i)), compose(placed[i]!, gauge[i]!));
  // A leaf's own frame is free: what is left of d and θ0 goes there.
  links.forEach((_, i) => {
    if (children[i]!.length > 0) return;
    const { d, turn } = decompose(transform(i));
    gauge[i] = compose(gauge[i]!, invert(screwZ(d, turn.cos, turn.sin)));
  });

  const moments = links.map((l, i) => moveMoments(invert(gauge[i]!), momentsOf(l.mass, l.com, l.inertia)));
  const fixed = links.map((_, i) => decompose(transform(i)));
  for (let i = links.length - 1; i >= 0; i--) regroup(i, tree, fixed, moments);

  return {
    n: tree.joints.length,
    links: links.map((l, i) => {
      const f = fixed[i]!;
      const [turn, rest] = l.type === 'revolute' ? quarters(f.turn) : [f.turn, 0];
      const { parent, type, dof, scale } = l;
      return { parent, type, dof, scale, ...f, turn, offset: l.offset + rest, moments: moments[i]! };
    }),
    frames: tree.frames.map((f) => {
      const own = { rotation: f.rotation, position: f.position };
      return {
        name: f.name,
        link: f.link,
        ...clean(f.link < 0 ? own : compose(invert(gauge[f.link]!), own)),
      };
    }),
    base: clean(base),
    gravity: apply(transpose(base.rotation), tree.gravity).map(exact),
    armature: tree.joints.map((j) => j.armature),
    damping: tree.joints.map((j) => j.damping),
    friction: tree.joints.map((j) => (tree.frictionEps === null ? 0 : j.frictionloss)),
    frictionEps: tree.frictionEps ?? 1,
  };
}

/** Moves the part of link i that may as well be its parent's. */
function regroup(i: number, tree: DynamicTree, fixed: readonly Fixed[], moments: Moments[]): void {
  const { parent, type } = tree.links[i]!;
  const { m, h, s } = moments[i]!;
  const given: Moments =
    type === 'revolute'
      ? { m, h: [0, 0, h[2]!], s: [0, 0, 0, 0, 0, 0, 0, 0, s[8]!] }
      : { m: 0, h: [0, 0, 0], s };
  const kept: Moments =
    type === 'revolute' ? { m: 0, h: [h[0]!, h[1]!, 0], s: [...s.slice(0, 8), 0] } : { ...NO_MASS, m, h };
  moments[i] = kept;
  if (parent >= 0) moments[parent] = addMoments(moments[parent]!, moveMoments(rigid(fixed[i]!), given));
}

interface Fixed {
  readonly b: number;
  readonly beta: Turn;
  readonly a: number;
  readonly alpha: Turn;
  readonly d: number;
  readonly turn: Turn;
}

function rigid({ b, beta, a, alpha, d, turn }: Fixed): Rigid {
  const middle = compose(screwZ(b, beta.cos, beta.sin), screwX(a, alpha.cos, alpha.sin));
  return compose(middle, screwZ(d, turn.cos, turn.sin));
}

/** Tz(δ) Rz(γ) that brings the z axis's frame to the common normal with the z axis of `next`. */
function towards(next: Rigid): Rigid {
  const [ux, uy, uz] = [2, 5, 8].map((k) => next.rotation[k]!) as [number, number, number];
  const [px, py, pz] = next.position as [number, number, number];
  const sine = Math.hypot(ux, uy);
  if (sine < TINY) {
    const distance = Math.hypot(px, py);
    return distance < TINY ? screwZ(pz, 1, 0) : screwZ(pz, px / distance, py / distance);
  }
  // The normal has the direction z × u. The foot on z: the point of the other line that is closest, by t along u.
  const t = -(px * ux + py * uy) / (sine * sine);
  let [nx, ny] = [-uy / sine, ux / sine];
  if (nx < -TINY || (nx < TINY && ny < 0)) [nx, ny] = [-nx, -ny];
  return screwZ(exact(pz + t * uz), exact(nx), exact(ny));
}

/** b, β, a, α, d, θ of any transform; b = β = 0 where the common normal allows it. */
function decompose(t: Rigid): Fixed {
  const [ux, uy, uz] = [2, 5, 8].map((k) => t.rotation[k]!) as [number, number, number];
  const normal = towards(t);
  let beta: Turn = { cos: normal.rotation[0]!, sin: normal.rotation[3]! };
  // With x along the normal already, in either direction, no turn about z is needed.
  if (Math.abs(beta.sin) < TINY) beta = { cos: 1, sin: 0 };
  const sine = beta.cos * uy - beta.sin * ux; // u in the turned frame is (0, −sin α, cos α).
  const alpha: Turn = snap(uz, -sine);
  const a = exact(beta.cos * t.position[0]! + beta.sin * t.position[1]!);
  const b = exact(normal.position[2]!);
  const before = compose(screwZ(b, beta.cos, beta.sin), screwX(a, alpha.cos, alpha.sin));
  const rest = compose(invert(before), t);
  return { b, beta, a, alpha, d: exact(rest.position[2]!), turn: snap(rest.rotation[0]!, rest.rotation[3]!) };
}

/** Cosine and sine made one pair of unit length. */
function snap(cos: number, sin: number): Turn {
  const length = Math.hypot(cos, sin);
  return { cos: exact(cos / length), sin: exact(sin / length) };
}

/** A turn as quarter turns and the angle that remains (0 where rounding alone remains). */
function quarters({ cos, sin }: Turn): [Turn, number] {
  const angle = Math.atan2(sin, cos);
  const count = Math.round(angle / (Math.PI / 2));
  const rest = angle - (count * Math.PI) / 2;
  if (Math.abs(rest) > TINY) return [{ cos: 1, sin: 0 }, angle];
  const turns: readonly Turn[] = [
    { cos: 1, sin: 0 },
    { cos: 0, sin: 1 },
    { cos: -1, sin: 0 },
    { cos: 0, sin: -1 },
  ];
  return [turns[(count + 4) % 4]!, 0];
}

function exact(x: number): number {
  const near = Math.round(x);
  return Math.abs(near) <= 1 && Math.abs(x - near) < TINY ? near + 0 : x;
}

function clean(t: Rigid): Rigid {
  return { rotation: t.rotation.map(exact), position: t.position.map(exact) };
}
