/**
 * MuJoCo's own WebAssembly build: loading it, loading models, and views of its heap. One instance per thread.
 * Handles (MjModel, MjData, MjVFS) live in the WebAssembly heap and must be `.delete()`d.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import load, { type MainModule, type MjData, type MjModel } from '@mujoco/mujoco';
import { ArmloopError } from '../src/errors.ts';

export type Mujoco = MainModule;
export type { MjData, MjModel };

let instance: Promise<Mujoco> | null = null;

/** The one instance of this thread; loaded on first use (about 150 ms). */
export function mujoco(): Promise<Mujoco> {
  if (instance === null) {
    inlineSmallFunctions();
    instance = load();
  }
  return instance;
}

/**
 * MuJoCo's build makes calls of very small functions (mju_dot3, mju_copy), which the engine of Node 20 inlines only
 * when asked: a step takes 10 to 20 % less. Later engines do it by themselves. It is read when a module is compiled
 * and changes no result: WebAssembly arithmetic is exact either way (test/interop/mujoco.test.ts).
 */
function inlineSmallFunctions(): void {
  if (!process.versions.v8.startsWith('11.')) return;
  setFlagsFromString('--experimental-wasm-inlining');
  setFlagsFromString('--wasm-inlining-budget=20000');
  setFlagsFromString('--wasm-inlining-max-size=800');
}

let models = '';

/** sim/models of the installed package: beside the sources in a checkout, above dist/ when compiled. */
export function modelsFolder(): string {
  if (models !== '') return models;
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'sim', 'models', 'panda.xml'))) {
    const parent = dirname(folder);
    if (parent === folder)
      throw new ArmloopError('INTERNAL', { what: 'sim/models/panda.xml is not installed' });
    folder = parent;
  }
  models = join(folder, 'sim', 'models');
  return models;
}

/**
 * Loads an MJCF file, absolute or relative to sim/models. Includes are found beside it and in sim/models, by bare
 * name; the file system of the WebAssembly instance never sees a disk. Throws SIM_MODEL_INVALID.
 */
export function loadModel(mj: Mujoco, file: string): MjModel {
  const path = isAbsolute(file) ? file : join(modelsFolder(), file);
  const vfs = new mj.MjVFS();
  try {
    const names = new Set<string>();
    for (const folder of [dirname(path), modelsFolder()]) {
      for (const name of readdirSync(folder)) {
        if (!name.endsWith('.xml') || names.has(name)) continue;
        names.add(name);
        vfs.addBuffer(name, readFileSync(join(folder, name)));
      }
    }
    return mj.MjModel.mj_loadXML(basename(path), vfs);
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim().replaceAll('\n', ' ') : String(error);
    throw new ArmloopError('SIM_MODEL_INVALID', { file: path, reason }, { cause: error });
  } finally {
    vfs.delete();
  }
}

/**
 * Views of what the device reads and writes in the hot path. MuJoCo's getters build a new typed array per call, so
 * these are kept; a growing heap detaches them all at once (their length becomes 0), hence `fresh`.
 */
export class Views {
  readonly #model: MjModel;
  readonly #data: MjData;
  qpos!: Float64Array;
  qvel!: Float64Array;
  ctrl!: Float64Array;
  qfrcActuator!: Float64Array;
  actuatorForce!: Float64Array;
  xpos!: Float64Array;
  xquat!: Float64Array;
  xipos!: Float64Array;
  xfrcApplied!: Float64Array;
  cvel!: Float64Array;
  subtreeCom!: Float64Array;
  siteXpos!: Float64Array;
  mocapPos!: Float64Array;
  mocapQuat!: Float64Array;
  gainprm!: Float64Array;
  biasprm!: Float64Array;
  forcerange!: Float64Array;

  constructor(model: MjModel, data: MjData) {
    this.#model = model;
    this.#data = data;
    this.#acquire();
  }

  /** Call before use wherever MuJoCo may have run since. Costs one comparison. */
  fresh(): void {
    if (this.qpos.length === 0) this.#acquire();
  }

  #acquire(): void {
    const d = this.#data;
    const m = this.#model;
    this.qpos = d.qpos;
    this.qvel = d.qvel;
    this.ctrl = d.ctrl;
    this.qfrcActuator = d.qfrc_actuator;
    this.actuatorForce = d.actuator_force;
    this.xpos = d.xpos;
    this.xquat = d.xquat;
    this.xipos = d.xipos;
    this.xfrcApplied = d.xfrc_applied;
    this.cvel = d.cvel;
    this.subtreeCom = d.subtree_com;
    this.siteXpos = d.site_xpos;
    this.mocapPos = d.mocap_pos;
    this.mocapQuat = d.mocap_quat;
    this.gainprm = m.actuator_gainprm;
    this.biasprm = m.actuator_biasprm;
    this.forcerange = m.actuator_forcerange;
  }
}

/** Which kinds of things are looked up by name. */
export type NameKind = 'body' | 'site' | 'joint' | 'actuator' | 'geom' | 'light' | 'material';
const OBJECT = {
  body: 'mjOBJ_BODY',
  site: 'mjOBJ_SITE',
  joint: 'mjOBJ_JOINT',
  actuator: 'mjOBJ_ACTUATOR',
  geom: 'mjOBJ_GEOM',
  light: 'mjOBJ_LIGHT',
  material: 'mjOBJ_MATERIAL',
} as const;

/** Number of the named thing, or -1. */
export function find(mj: Mujoco, model: MjModel, kind: NameKind, name: string): number {
  return mj.mj_name2id(model, mj.mjtObj[OBJECT[kind]].value, name);
}

/** Number of the named thing. Throws SIM_UNKNOWN_NAME. */
export function need(mj: Mujoco, model: MjModel, kind: NameKind, name: string): number {
  const id = find(mj, model, kind, name);
  if (id < 0) throw new ArmloopError('SIM_UNKNOWN_NAME', { kind, name });
  return id;
}

/** Name of a thing; '' when it has none. */
export function nameOf(mj: Mujoco, model: MjModel, kind: NameKind, id: number): string {
  return mj.mj_id2name(model, mj.mjtObj[OBJECT[kind]].value, id) ?? '';
}
