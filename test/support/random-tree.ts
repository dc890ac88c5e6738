/**
 * Random trees of bodies for tests of dynamics, written as MJCF and as URDF: branches, hinge, slide and fixed joints,
 * several joints per body, anchors beside the body's origin, skewed axes and inertias, armature, damping. Numbers are
 * printed in full, so both texts say the same tree to a rounding.
 */
import { quatFromRpy, quatToMatrix } from '../../src/math/quat.ts';
import type { Rng } from '../../src/math/rng.ts';

interface RandomJoint {
  readonly name: string;
  readonly type: 'revolute' | 'prismatic';
  readonly axis: readonly number[];
  readonly anchor: readonly number[];
  readonly ref: number;
  readonly armature: number;
  readonly damping: number;
}

interface RandomBody {
  readonly name: string;
  readonly parent: string;
  readonly position: readonly number[];
  readonly rpy: readonly number[];
  readonly joints: readonly RandomJoint[];
  readonly mass: number;
  readonly com: readonly number[];
  readonly comRpy: readonly number[];
  readonly moments: readonly number[];
}

export interface RandomTree {
  readonly mjcf: string;
  readonly urdf: string;
  /** Moving joints as the files list them, with the value at which each stands as placed (URDF: 0 is that value). */
  readonly joints: readonly Pick<RandomJoint, 'name' | 'type' | 'ref' | 'armature' | 'damping'>[];
  readonly bodies: readonly string[];
}

/** At least one joint moves. `most` is the largest number of moving joints. */
export function randomTree(rng: Rng, most = 8): RandomTree {
  const bodies: RandomBody[] = [];
  const wanted = 1 + rng.below(most);
  let joints = 0;
  while (joints < wanted) {
    // Branches, with a bent for chains.
    const parent =
      bodies.length === 0 ? null : bodies[rng.below(3) === 0 ? rng.below(bodies.length) : bodies.length - 1]!;
    const count = Math.min(wanted - joints, [0, 1, 1, 1, 1, 2, 3][rng.below(7)]!);
    const body = randomBody(rng, `b${bodies.length}`, parent?.name ?? 'world', count, joints);
    joints += count;
    bodies.push(body);
  }
  return {
    mjcf: toMjcf(bodies),
    urdf: toUrdf(bodies),
    joints: bodies.flatMap((b) => b.joints),
    bodies: bodies.map((b) => b.name),
  };
}

function randomBody(rng: Rng, name: string, parent: string, joints: number, first: number): RandomBody {
  const vector = (scale: number): number[] => [0, 1, 2].map(() => rng.normal(scale));
  const half = Math.PI / 2;
  // Half of all turns are by right angles, as in real arms; they must come out exact.
  const turn = (): number[] =>
    [0, 1, 2].map(() => (rng.below(2) === 0 ? half * (rng.below(4) - 1) : rng.uniform(-3, 3)));
  const mass = rng.uniform(0.2, 4);
  // Moments of a solid box of random sides: they fit the triangle inequality.
  const sides = [0, 1, 2].map(() => rng.uniform(0.02, 0.3) ** 2);
  const sum = sides[0]! + sides[1]! + sides[2]!;
  return {
    name,
    parent,
    position: vector(0.25),
    rpy: turn(),
    joints: Array.from({ length: joints }, (_, i) => ({
      name: `j${first + i}`,
      type: rng.below(3) === 0 ? 'prismatic' : 'revolute',
      axis:
        rng.below(2) === 0
          ? unit(vector(1))
          : [0, 1, 2].map((k) => (k === (first + i) % 3 ? rng.below(2) || -1 : 0)),
      anchor: rng.below(2) === 0 ? [0, 0, 0] : vector(0.1),
      ref: rng.below(3) === 0 ? rng.normal(0.5) : 0,
      armature: rng.below(3) === 0 ? 0 : rng.uniform(0.001, 0.2),
      damping: rng.below(2) === 0 ? 0 : rng.uniform(0.1, 2),
    })),
    mass,
    com: vector(0.1),
    comRpy: turn(),
    moments: sides.map((s) => (mass * (sum - s)) / 12),
  };
}

function unit(v: number[]): number[] {
  const length = Math.hypot(...v);
  return v.map((x) => x / length);
}

const text = (v: readonly number[]): string => v.map((x) => String(x)).join(' ');

/** x y z w of roll, pitch, yaw. */
function quatOf(rpy: readonly number[]): Float64Array {
  const q = new Float64Array(4);
  quatFromRpy(q, 0, rpy[0]!, rpy[1]!, rpy[2]!);
  return q;
}

const wxyz = (q: Float64Array): string => text([q[3]!, q[0]!, q[1]!, q[2]!]);

function toMjcf(bodies: readonly RandomBody[]): string {
  const element = (b: RandomBody): string => {
    const joints = b.joints.map(
      (j) =>
        `<joint name="${j.name}" type="${j.type === 'revolute' ? 'hinge' : 'slide'}" axis="${text(j.axis)}" ` +
        `pos="${text(j.anchor)}" ref="${j.ref}" armature="${j.armature}" damping="${j.damping}"/>`,
    );
    return `<body name="${b.name}" pos="${text(b.position)}" quat="${wxyz(quatOf(b.rpy))}">
<inertial mass="${b.mass}" pos="${text(b.com)}" quat="${wxyz(quatOf(b.comRpy))}" diaginertia="${text(b.moments)}"/>
${joints.join('\n')}
${bodies
  .filter((c) => c.parent === b.name)
  .map(element)
  .join('')}</body>\n`;
  };
  return `<mujoco><compiler angle="radian"/><option><flag contact="disable"/></option><worldbody>
${bodies
  .filter((b) => b.parent === 'world')
  .map(element)
  .join('')}</worldbody></mujoco>`;
}

function toUrdf(bodies: readonly RandomBody[]): string {
  const parts = ['<link name="root"/>'];
  const zero = [0, 0, 0];
  const joint = (
    name: string,
    type: string,
    [parent, child]: readonly [string, string],
    xyz: readonly number[],
    rpy: readonly number[],
    inner = '',
  ): void => {
    parts.push(
      `<joint name="${name}" type="${type}"><origin xyz="${text(xyz)}" rpy="${text(rpy)}"/>` +
        `<parent link="${parent}"/><child link="${child}"/>${inner}</joint>`,
    );
  };
  for (const b of bodies) {
    const m = full(b.comRpy, b.moments);
    parts.push(
      `<link name="${b.name}"><inertial><origin xyz="${text(b.com)}"/><mass value="${b.mass}"/><inertia ` +
        `ixx="${m[0]}" iyy="${m[4]}" izz="${m[8]}" ixy="${m[1]}" ixz="${m[2]}" iyz="${m[5]}"/></inertial></link>`,
    );
    // A URDF link's origin lies on its joint: a link per joint stands at the anchor, and the body is fixed to the last.
    let on = b.parent === 'world' ? 'root' : b.parent;
    let at: readonly number[] = zero;
    b.joints.forEach((j, i) => {
      const turned = i === 0 ? add(b.position, rotate(b.rpy, j.anchor)) : add(j.anchor, at, -1);
      parts.push(`<link name="${b.name}.${i}"/>`);
      joint(
        j.name,
        j.type,
        [on, `${b.name}.${i}`],
        turned,
        i === 0 ? b.rpy : zero,
        `<axis xyz="${text(j.axis)}"/><limit lower="-10" upper="10" effort="7" velocity="3"/>` +
          `<dynamics damping="${j.damping}"/>`,
      );
      on = `${b.name}.${i}`;
      at = j.anchor;
    });
    if (b.joints.length === 0) joint(`${b.name}.fixed`, 'fixed', [on, b.name], b.position, b.rpy);
    else joint(`${b.name}.fixed`, 'fixed', [on, b.name], add(zero, at, -1), zero);
  }
  return `<robot name="random">\n${parts.join('\n')}\n</robot>`;
}

const add = (a: readonly number[], b: readonly number[], s = 1): number[] => a.map((x, i) => x + s * b[i]!);

function rotate(rpy: readonly number[], p: readonly number[]): number[] {
  const m = new Float64Array(9);
  quatToMatrix(m, 0, quatOf(rpy), 0);
  return [0, 3, 6].map((r) => m[r]! * p[0]! + m[r + 1]! * p[1]! + m[r + 2]! * p[2]!);
}

/** R diag(moments) Rᵀ, row-major. */
function full(rpy: readonly number[], moments: readonly number[]): number[] {
  const r = new Float64Array(9);
  quatToMatrix(r, 0, quatOf(rpy), 0);
  return [0, 1, 2].flatMap((i) =>
    [0, 1, 2].map((j) => moments.reduce((s, m, k) => s + r[3 * i + k]! * m * r[3 * j + k]!, 0)),
  );
}
