/**
 * Dynamics by generated code next to Pinocchio in C++: the simulated Panda with its gripper, fingers held, on one
 * thread, inputs changing every call. First all outputs of both are compared at every state. Times are processor time, so
 * that others on the machine count less; ours are calls from JavaScript with ordinary arrays of the model's arena.
 */
import { Rng } from '../src/math/rng.ts';
import { Arena } from '../src/model/code/arena.ts';
import { dynamicTree } from '../src/model/dynamic-tree.ts';
import type { DynamicTree } from '../src/model/dynamics.ts';
import { type GeneratedDynamics, generateDynamics } from '../src/model/generated.ts';
import { readTree } from '../src/model/load.ts';
import { packageRoot } from '../src/root.ts';
import {
  type BenchCase,
  type BenchContext,
  type BenchResult,
  combine,
  compare,
  type Peer,
} from './harness.ts';
import { compilePeer, PinocchioPeer } from './model-peer.ts';

const STATES = 64;
const CALLS = 20_000;
/** Stages of the trajectory, and its step (s). */
const STAGES = 100;
const STEP = 0.01;

const CASES = ['pose', 'jacobian', 'rnea', 'forward', 'rneaDerivatives', 'forwardDerivatives'] as const;
type Case = (typeof CASES)[number];

const TITLE: Readonly<Record<Case, string>> = {
  pose: 'kinematics, pose of the tool',
  jacobian: 'Jacobian of the tool',
  rnea: 'inverse dynamics',
  forward: 'forward dynamics',
  rneaDerivatives: 'derivatives of inverse dynamics',
  forwardDerivatives: 'derivatives of forward dynamics',
};

/** µs per call of Pinocchio 4.1 from Python on an idle AMD EPYC (overhead of the call included); an estimate for J. */
const FLOOR: Readonly<Record<Case, number>> = {
  pose: 0.4,
  jacobian: 0.5,
  rnea: 1.3,
  forward: 2.5,
  rneaDerivatives: 4.5,
  forwardDerivatives: 5.8,
};

export async function run(context: BenchContext): Promise<BenchResult> {
  const { tree, tool } = panda();
  const arena = new Arena(1 << 22);
  const model = generateDynamics(tree, { arena }, 'wasm');
  const ours = new Ours(model, model.frame(tool), arena);
  const compiled = compilePeer(context.log);
  using peer =
    'absent' in compiled
      ? null
      : new PinocchioPeer(compiled.program, tree, tree.frames[model.frame(tool)]!, ours.states);
  if (peer !== null) sameValues(ours, await peer.values(STATES));

  const cases = CASES.map(
    (c): BenchCase => ({
      name: TITLE[c],
      unit: 'µs',
      better: 'lower',
      limit: { ratio: c === 'rnea' ? 0.5 : 1 },
    }),
  );
  const named = (of: (c: Case) => number): Record<string, number> =>
    Object.fromEntries(CASES.map((c) => [TITLE[c], of(c)]));
  const against: Peer =
    peer === null || 'absent' in compiled
      ? {
          absent: 'absent' in compiled ? compiled.absent : '',
          floor: { name: 'Pinocchio 4.1 from Python', values: named((c) => FLOOR[c]) },
        }
      : {
          name: `Pinocchio ${compiled.version}, C++ -O3 -march=native`,
          run: async () => {
            const times = new Map<Case, number>();
            for (const c of CASES) times.set(c, await peer.time(c, CALLS));
            return named((c) => times.get(c)!);
          },
        };
  const single = await compare(context, {
    bench: 'model',
    cases,
    // The optimising compiler takes over after some thousand calls.
    warmup: 3,
    ours: async () => named((c) => ours.time(c)),
    peer: against,
  });
  const stage = `${STAGES} stages at once, derivatives, per stage`;
  const trajectory = await compare(context, {
    bench: 'model: trajectory',
    cases: [{ name: stage, unit: 'µs', better: 'lower', limit: { ratio: 1 } }],
    warmup: 3,
    ours: async () => ({ [stage]: ours.timeStages() }),
    peer:
      peer === null || 'absent' in compiled
        ? {
            absent: 'absent' in compiled ? compiled.absent : '',
            floor: { name: 'Pinocchio 4.1 from Python', values: { [stage]: FLOOR.forwardDerivatives } },
          }
        : {
            name: `Pinocchio ${compiled.version}, derivatives of forward dynamics alone`,
            run: async () => ({ [stage]: await peer.time('forwardDerivatives', CALLS) }),
          },
  });
  return combine('model', [single, trajectory]);
}

/** The arm of the simulator with its gripper. Pinocchio's RNEA knows no damping, so it is left out of both. */
function panda(): { readonly tree: DynamicTree; readonly tool: string } {
  const file = `${packageRoot()}/sim/models/panda.xml`;
  const tree = dynamicTree(readTree(file), { locked: { finger_joint1: 0.02, finger_joint2: 0.02 } });
  return { tree: { ...tree, joints: tree.joints.map((j) => ({ ...j, damping: 0 })) }, tool: 'tool' };
}

class Ours {
  readonly states: readonly Float64Array[];
  readonly #model: GeneratedDynamics;
  readonly #frame: number;
  readonly #q: readonly Float64Array[];
  readonly #v: readonly Float64Array[];
  readonly #x: readonly Float64Array[];
  readonly #pose: Float64Array;
  readonly #jacobian: Float64Array;
  readonly #effort: Float64Array;
  readonly #matrices: readonly [Float64Array, Float64Array, Float64Array];
  readonly #stages: readonly Float64Array[];

  constructor(model: GeneratedDynamics, frame: number, arena: Arena) {
    const { n } = model;
    this.#model = model;
    this.#frame = frame;
    const rng = new Rng(1);
    const draw = (size: number): Float64Array => fill(arena.alloc(n), rng, size);
    this.#q = Array.from({ length: STATES }, () => draw(2.5));
    this.#v = Array.from({ length: STATES }, () => draw(2));
    this.#x = Array.from({ length: STATES }, () => draw(10));
    this.states = this.#q.map((q, s) => Float64Array.from([...q, ...this.#v[s]!, ...this.#x[s]!]));
    this.#pose = arena.alloc(7);
    this.#jacobian = arena.alloc(6 * n);
    this.#effort = arena.alloc(n);
    this.#matrices = [arena.alloc(n * n), arena.alloc(n * n), arena.alloc(n * n)];
    const sizes = [(STAGES + 1) * 2 * n, STAGES * n, STAGES * 4 * n * n, STAGES * 2 * n * n];
    this.#stages = sizes.map((size) => arena.alloc(size));
    fill(this.#stages[0]!, rng, 1);
    fill(this.#stages[1]!, rng, 10);
  }

  /** All cases at a state, as the peer prints them. */
  values(s: number): number[] {
    const [q, v, x] = [this.#q[s]!, this.#v[s]!, this.#x[s]!];
    const [a, b, c] = this.#matrices;
    const m = this.#model;
    m.pose(q, this.#frame, this.#pose);
    const found = [...this.#pose.subarray(0, 3), ...rotation(this.#pose.subarray(3))];
    m.jacobian(q, this.#frame, this.#jacobian);
    found.push(...this.#jacobian);
    m.rnea(q, v, x, this.#effort);
    found.push(...this.#effort);
    m.forward(q, v, x, this.#effort);
    found.push(...this.#effort);
    m.rneaDerivatives(q, v, x, a, b);
    found.push(...a, ...b);
    m.forwardDerivatives(q, v, x, a, b, c);
    found.push(...a, ...b, ...c);
    return found;
  }

  /** µs of processor time per call. A loop per case, so that each calls one function. */
  time(what: Case): number {
    const m = this.#model;
    const [Q, V, X] = [this.#q, this.#v, this.#x];
    const [a, b, c] = this.#matrices;
    const frame = this.#frame;
    const start = process.cpuUsage();
    switch (what) {
      case 'pose':
        for (let i = 0; i < CALLS; i++) m.pose(Q[i % STATES]!, frame, this.#pose);
        break;
      case 'jacobian':
        for (let i = 0; i < CALLS; i++) m.jacobian(Q[i % STATES]!, frame, this.#jacobian);
        break;
      case 'rnea':
        for (let i = 0; i < CALLS; i++) {
          const s = i % STATES;
          m.rnea(Q[s]!, V[s]!, X[s]!, this.#effort);
        }
        break;
      case 'forward':
        for (let i = 0; i < CALLS; i++) {
          const s = i % STATES;
          m.forward(Q[s]!, V[s]!, X[s]!, this.#effort);
        }
        break;
      case 'rneaDerivatives':
        for (let i = 0; i < CALLS; i++) {
          const s = i % STATES;
          m.rneaDerivatives(Q[s]!, V[s]!, X[s]!, a, b);
        }
        break;
      case 'forwardDerivatives':
        for (let i = 0; i < CALLS; i++) {
          const s = i % STATES;
          m.forwardDerivatives(Q[s]!, V[s]!, X[s]!, a, b, c);
        }
        break;
    }
    return spent(start) / CALLS;
  }

  timeStages(): number {
    const [xs, us, fx, fu] = this.#stages as [Float64Array, Float64Array, Float64Array, Float64Array];
    const flow = this.#model.trajectories('semi-implicit');
    const rounds = CALLS / STAGES;
    const start = process.cpuUsage();
    for (let i = 0; i < rounds; i++) {
      xs[0] = 0.01 * i;
      flow.derivatives(STAGES, xs, us, STEP, fx, fu);
    }
    return spent(start) / CALLS;
  }
}

function fill(array: Float64Array, rng: Rng, size: number): Float64Array {
  for (let i = 0; i < array.length; i++) array[i] = rng.uniform(-size, size);
  return array;
}

/** µs of processor time since `start`. */
function spent(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return user + system;
}

function rotation([x, y, z, w]: ArrayLike<number> & Iterable<number>): number[] {
  const [a, b, c, d] = [x!, y!, z!, w!];
  return [
    1 - 2 * (b * b + c * c),
    2 * (a * b - c * d),
    2 * (a * c + b * d),
    2 * (a * b + c * d),
    1 - 2 * (a * a + c * c),
    2 * (b * c - a * d),
    2 * (a * c - b * d),
    2 * (b * c + a * d),
    1 - 2 * (a * a + b * b),
  ];
}

/** Throws where the two do not compute the same. */
function sameValues(ours: Ours, peer: readonly Float64Array[]): void {
  peer.forEach((want, s) => {
    const got = ours.values(s);
    if (got.length !== want.length)
      throw new Error(`bench model: ${got.length} values, the peer has ${want.length}`);
    const largest = want.reduce((m, x) => Math.max(m, Math.abs(x)), 1);
    got.forEach((x, i) => {
      if (Math.abs(x - want[i]!) <= 1e-9 * largest) return;
      throw new Error(`bench model: value ${i} of state ${s} is ${x}, the peer has ${want[i]}`);
    });
  });
}
