/**
 * Dynamics by code that is made for one robot: `generateDynamics` traces the algorithms on symbolic scalars once and
 * compiles what is left (docs/methods/generated-code.md). Same interface and same numbers, to rounding, as the loops
 * of tree-dynamics.ts.
 */
import { join } from 'node:path';
import { ArmloopError } from '../errors.ts';
import { Arena } from './code/arena.ts';
import { type Canonical, type CanonicalFrame, canonical } from './code/canonical.ts';
import { type CodeForm, type CodeSource, compileJs } from './code/compile.ts';
import { dynamicsSource, frameSource, hessianSource } from './code/functions.ts';
import type { DynamicsJoint, DynamicsModel, DynamicTree } from './dynamics.ts';
import {
  type FrameOverStates,
  type Integration,
  jsFrameOver,
  jsTrajectories,
  type TrajectoryFunctions,
  wasmFrameOver,
  wasmTrajectories,
} from './generated-trajectory.ts';
import { type ArrayFunction, WasmKernels } from './generated-wasm.ts';

export type { CodeForm } from './code/compile.ts';

export interface GenerateOptions {
  /** Folder in which made code is kept for the next start; without, it is made each time (some 0.3 s for seven joints). */
  readonly cache?: string;
  /**
   * WebAssembly form: memory to work in. Arrays of this arena are used in place; others are copied in and out, which
   * costs about a nanosecond per number. Without, a small arena of its own.
   */
  readonly arena?: Arena;
}

/** Where made code is kept in a workspace. */
export const codeFolder = (workspace: string): string => join(workspace, 'code');

/** How one form makes functions. */
interface Maker {
  readonly form: CodeForm;
  readonly load: (source: CodeSource) => Readonly<Record<string, ArrayFunction>>;
  readonly trajectories: (model: Canonical, integration: Integration) => TrajectoryFunctions;
  readonly frameOver: (model: Canonical, frame: CanonicalFrame) => FrameOverStates;
}

export class GeneratedDynamics implements DynamicsModel {
  readonly form: CodeForm;
  readonly n: number;
  readonly joints: readonly DynamicsJoint[];
  readonly rnea: DynamicsModel['rnea'];
  readonly forward: DynamicsModel['forward'];
  readonly massMatrix: DynamicsModel['massMatrix'];
  readonly gravity: DynamicsModel['gravity'];
  readonly coriolis: DynamicsModel['coriolis'];
  readonly rneaDerivatives: DynamicsModel['rneaDerivatives'];
  readonly forwardDerivatives: DynamicsModel['forwardDerivatives'];
  readonly #file: string;
  readonly #maker: Maker;
  readonly #canonical: Canonical;
  readonly #trajectories = new Map<Integration, TrajectoryFunctions>();
  readonly #frames = new Map<string, number>();
  readonly #pose: (ArrayFunction | undefined)[] = [];
  readonly #jacobian: (ArrayFunction | undefined)[] = [];
  #hessian: ArrayFunction | undefined;

  constructor(tree: DynamicTree, maker: Maker) {
    this.form = maker.form;
    this.n = tree.joints.length;
    this.joints = tree.joints;
    this.#canonical = canonical(tree);
    this.#file = tree.file;
    this.#maker = maker;
    tree.frames.forEach((f, i) => {
      this.#frames.set(f.name, i);
    });
    const made = maker.load(dynamicsSource(this.#canonical));
    this.rnea = made['rnea']!;
    this.forward = made['forward']!;
    this.massMatrix = made['massMatrix']!;
    this.gravity = made['gravity']!;
    this.coriolis = made['coriolis']!;
    this.rneaDerivatives = made['rneaDerivatives']!;
    this.forwardDerivatives = made['forwardDerivatives']!;
  }

  /** Also makes the frame's code, so that `pose` and `jacobian` need not. Throws MODEL_UNKNOWN_FRAME. */
  frame(name: string): number {
    const index = this.#frames.get(name);
    if (index === undefined) {
      const known = [...this.#frames.keys()].join(', ');
      throw new ArmloopError('MODEL_UNKNOWN_FRAME', { frame: name, file: this.#file, known });
    }
    if (this.#pose[index] === undefined) this.#makeFrame(index);
    return index;
  }

  #makeFrame(index: number): void {
    const made = this.#maker.load(frameSource(this.#canonical, this.#canonical.frames[index]!));
    this.#pose[index] = made['pose']!;
    this.#jacobian[index] = made['jacobian']!;
  }

  pose(q: Float64Array, frame: number, out: Float64Array): void {
    if (this.#pose[frame] === undefined) this.#makeFrame(frame);
    this.#pose[frame]!(q, out);
  }

  jacobian(q: Float64Array, frame: number, out: Float64Array): void {
    if (this.#jacobian[frame] === undefined) this.#makeFrame(frame);
    this.#jacobian[frame]!(q, out);
  }

  /** Makes its code at the first call, or at `prepareHessian`. */
  forwardHessian(
    q: Float64Array,
    v: Float64Array,
    tau: Float64Array,
    w: Float64Array,
    out: Float64Array,
  ): void {
    if (this.#hessian === undefined) this.prepareHessian();
    this.#hessian!(q, v, tau, w, out);
  }

  /** Functions over whole trajectories; made at the first call for an integration. */
  trajectories(integration: Integration): TrajectoryFunctions {
    let made = this.#trajectories.get(integration);
    if (made === undefined) {
      made = this.#maker.trajectories(this.#canonical, integration);
      this.#trajectories.set(integration, made);
    }
    return made;
  }

  /** A function over the states of a trajectory, for costs on a frame; made at each call. */
  frameOver(frame: number): FrameOverStates {
    return this.#maker.frameOver(this.#canonical, this.#canonical.frames[frame]!);
  }

  prepareHessian(): void {
    this.#hessian ??= this.#maker.load(hessianSource(this.#canonical))['forwardHessian']!;
  }
}

export function generateDynamics(
  tree: DynamicTree,
  options: GenerateOptions = {},
  form: CodeForm = 'wasm',
): GeneratedDynamics {
  const cache = options.cache ?? null;
  if (form === 'js') {
    return new GeneratedDynamics(tree, {
      form,
      load: (source) => compileJs(source, cache),
      trajectories: (model, integration) => jsTrajectories(model, integration, cache),
      frameOver: (model, frame) => jsFrameOver(model, frame, cache),
    });
  }
  const n = tree.joints.length;
  const arena = options.arena ?? new Arena(WasmKernels.room(n));
  const kernels = new WasmKernels(arena, n, cache);
  return new GeneratedDynamics(tree, {
    form,
    load: (source) => kernels.load(source),
    trajectories: (model, integration) => wasmTrajectories(model, integration, cache, arena),
    frameOver: (model, frame) => wasmFrameOver(model, frame, cache, arena),
  });
}

/**
 * The faster form on this machine, by the time that the derivatives of forward dynamics take: made in both forms, run by
 * turns for some tens of milliseconds. For rigs that start once and run for long; `wasm` is the safe guess.
 */
export function chooseForm(tree: DynamicTree, options: GenerateOptions = {}): CodeForm {
  const n = tree.joints.length;
  const models = (['wasm', 'js'] as const).map((form) => {
    const arena = new Arena(WasmKernels.room(n) + 8 * (3 * n + 3 * n * n) + 4096);
    const model = generateDynamics(tree, { ...options, arena }, form);
    const vectors = [0, 1, 2].map((k) => arena.alloc(n).fill(0.1 * (k + 1)));
    const matrices = [0, 1, 2].map(() => arena.alloc(n * n));
    const [q, v, tau] = vectors as [Float64Array, Float64Array, Float64Array];
    const [dq, dv, dtau] = matrices as [Float64Array, Float64Array, Float64Array];
    return { form, best: Infinity, run: () => model.forwardDerivatives(q, v, tau, dq, dv, dtau) };
  });
  const turns = 20;
  const calls = 300;
  for (let turn = 0; turn < turns; turn++) {
    for (const m of models) {
      const start = performance.now();
      for (let i = 0; i < calls; i++) m.run();
      m.best = Math.min(m.best, performance.now() - start);
    }
  }
  return models.reduce((a, b) => (b.best < a.best ? b : a)).form;
}
