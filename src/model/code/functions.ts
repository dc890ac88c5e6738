/** The functions of a DynamicsModel, and those of whole trajectories, as specifications for the compilers. */
import type { Canonical, CanonicalFrame } from './canonical.ts';
import { Chain } from './chain.ts';
import type { CodeSource } from './compile.ts';
import { type Expr, Graph } from './expression.ts';
import type { FunctionSpec } from './program.ts';
import { inverse, mass, rigidInverse, weights, withoutGravity } from './trace-dynamics.ts';
import { forward, forwardDerivatives, inverseDerivatives } from './trace-forward.ts';
import { forwardHessian } from './trace-hessian.ts';
import { jacobian, pose } from './trace-kinematics.ts';

type Arrays = Readonly<Record<string, readonly Expr[]>>;

function spec(name: string, graph: Graph, inputs: Arrays, outputs: Arrays): FunctionSpec {
  const list = (arrays: Arrays) => Object.entries(arrays).map(([n, elements]) => ({ name: n, elements }));
  return { name, graph, inputs: list(inputs), outputs: list(outputs) };
}

/** Frames are left out of the key: they have functions of their own. */
function key(model: Canonical, what: string): string {
  return `${what}\n${JSON.stringify({ ...model, frames: [] })}`;
}

/** rnea, forward, massMatrix, gravity, coriolis, rneaDerivatives, forwardDerivatives as in DynamicsModel. */
export function dynamicsSource(model: Canonical): CodeSource {
  return { key: key(model, 'dynamics'), functions: () => dynamicsFunctions(model) };
}

function dynamicsFunctions(model: Canonical): FunctionSpec[] {
  const { n } = model;
  const make = (build: (g: Graph, q: Expr[], v: Expr[], x: Expr[]) => FunctionSpec): FunctionSpec => {
    const g = new Graph();
    return build(g, g.vector(n), g.vector(n), g.vector(n));
  };
  return [
    make((g, q, v, a) => spec('rnea', g, { q, v, a }, { out: inverse(new Chain(g, model, q), v, a) })),
    make((g, q, v, tau) => spec('forward', g, { q, v, tau }, { out: forward(g, model, q, v, tau) })),
    make((g, q) => {
      const chain = new Chain(g, model, q);
      return spec('massMatrix', g, { q }, { out: mass(chain, chain.composites()) });
    }),
    make((g, q) => {
      const chain = new Chain(g, model, q);
      return spec('gravity', g, { q }, { out: weights(chain, chain.composites()) });
    }),
    make((g, q, v) => {
      const chain = new Chain(g, withoutGravity(model), q);
      const still = v.map(() => g.zero);
      return spec('coriolis', g, { q, v }, { out: rigidInverse(chain, v, still) });
    }),
    make((g, q, v, a) =>
      spec('rneaDerivatives', g, { q, v, a }, { ...inverseDerivatives(g, model, q, v, a) }),
    ),
    make((g, q, v, tau) => {
      const { dq, dv, dtau } = forwardDerivatives(g, model, q, v, tau);
      return spec('forwardDerivatives', g, { q, v, tau }, { dq, dv, dtau });
    }),
  ];
}

/** forwardHessian as in DynamicsModel; apart, for it is longer than all the others together. */
export function hessianSource(model: Canonical): CodeSource {
  return {
    key: key(model, 'hessian'),
    functions: () => {
      const g = new Graph();
      const [q, v, tau, w] = [0, 1, 2, 3].map(() => g.vector(model.n)) as [Expr[], Expr[], Expr[], Expr[]];
      const out = forwardHessian(g, model, q, v, tau, w);
      return [spec('forwardHessian', g, { q, v, tau, w }, { out })];
    },
  };
}

/** pose and jacobian of one frame. */
export function frameSource(model: Canonical, frame: CanonicalFrame): CodeSource {
  return {
    key: `${key(model, 'frame')}\n${JSON.stringify(frame)}`,
    functions: () => {
      const g = new Graph();
      const q = g.vector(model.n);
      return [
        spec('pose', g, { q }, { out: pose(g, model, q, frame) }),
        spec('jacobian', g, { q }, { out: jacobian(g, model, q, frame) }),
      ];
    },
  };
}

/** `frames(count, x, poses, jacobians)` of one frame at states x (q, v) that follow each other: 7 and 6 × n per state. */
export function frameOverSource(model: Canonical, frame: CanonicalFrame): CodeSource {
  return {
    key: `${key(model, 'frame over states')}\n${JSON.stringify(frame)}`,
    functions: () => {
      const g = new Graph();
      const x = g.vector(2 * model.n);
      const q = x.slice(0, model.n);
      const { inputs, outputs } = spec(
        'frames',
        g,
        { x },
        { poses: pose(g, model, q, frame), jacobians: jacobian(g, model, q, frame) },
      );
      return [{ name: 'frames', graph: g, each: 'independent', inputs, outputs }];
    },
  };
}

/**
 * How x = (q, v) goes on over a step h under u = τ: `euler` q + h v, v + h a; `semi-implicit` v' = v + h a, q + h v', as
 * simulators do.
 */
export type Integration = 'euler' | 'semi-implicit';

/**
 * Over stages that follow each other in memory, h an array of one:
 * `derivatives(count, x, u, h, fx, fu)` with x count × 2n, u count × n, fx count × 2n × 2n, fu count × 2n × n;
 * `rollout(count, x, u, h, next)` with next = x + 2n elements: each stage reads the state that the one before it wrote;
 * `steps(count, x, u, h, next)` of independent stages.
 */
export function trajectorySource(model: Canonical, integration: Integration): CodeSource {
  return {
    key: key(model, `trajectory ${integration}`),
    functions: () => [
      derivativesOver(model, integration),
      stepsOver(model, integration, 'rollout', 'sequence'),
      stepsOver(model, integration, 'steps', 'independent'),
    ],
  };
}

interface Stage {
  readonly g: Graph;
  readonly x: Expr[];
  readonly q: Expr[];
  readonly v: Expr[];
  readonly u: Expr[];
  readonly h: Expr;
}

function stage(model: Canonical): Stage {
  const g = new Graph();
  const x = g.vector(2 * model.n);
  const u = g.vector(model.n);
  return { g, x, q: x.slice(0, model.n), v: x.slice(model.n), u, h: g.input() };
}

function stepsOver(
  model: Canonical,
  integration: Integration,
  name: string,
  each: 'independent' | 'sequence',
): FunctionSpec {
  const { g, x, q, v, u, h } = stage(model);
  const a = forward(g, model, q, v, u);
  const next = v.map((y, i) => g.add(y, g.mul(h, a[i]!)));
  const speed = integration === 'euler' ? v : next;
  const moved = q.map((y, i) => g.add(y, g.mul(h, speed[i]!)));
  const inputs = [
    { name: 'x', elements: x },
    { name: 'u', elements: u },
    { name: 'h', elements: [h], shared: true },
  ];
  return { name, graph: g, each, inputs, outputs: [{ name: 'next', elements: [...moved, ...next] }] };
}

function derivativesOver(model: Canonical, integration: Integration): FunctionSpec {
  const { n } = model;
  const { g, x, q, v, u, h } = stage(model);
  const { dq, dv, dtau } = forwardDerivatives(g, model, q, v, u);
  const speed = (m: readonly Expr[], i: number, j: number): Expr => g.mul(h, m[i * n + j]!);
  // How much of a change of the new speed reaches the new position.
  const reach = integration === 'euler' ? g.zero : h;
  const one = (i: number, j: number): Expr => (i === j ? g.one : g.zero);
  const rows = <T>(of: (i: number) => T[]): T[] => Array.from({ length: n }, (_, i) => of(i)).flat();
  const each = (of: (j: number) => Expr): Expr[] => Array.from({ length: n }, (_, j) => of(j));
  const vq = (i: number, j: number): Expr => speed(dq, i, j);
  const vv = (i: number, j: number): Expr => g.add(one(i, j), speed(dv, i, j));
  const vu = (i: number, j: number): Expr => speed(dtau, i, j);
  const qq = (i: number, j: number): Expr => g.add(one(i, j), g.mul(reach, vq(i, j)));
  const qv = (i: number, j: number): Expr =>
    integration === 'euler' ? g.mul(h, one(i, j)) : g.mul(h, vv(i, j));
  const qu = (i: number, j: number): Expr => g.mul(reach, vu(i, j));
  const fx = [
    ...rows((i) => [...each((j) => qq(i, j)), ...each((j) => qv(i, j))]),
    ...rows((i) => [...each((j) => vq(i, j)), ...each((j) => vv(i, j))]),
  ];
  const fu = [...rows((i) => each((j) => qu(i, j))), ...rows((i) => each((j) => vu(i, j)))];
  return {
    name: 'derivatives',
    graph: g,
    each: 'independent',
    inputs: [
      { name: 'x', elements: x },
      { name: 'u', elements: u },
      { name: 'h', elements: [h], shared: true },
    ],
    outputs: [
      { name: 'fx', elements: fx },
      { name: 'fu', elements: fu },
    ],
  };
}
