/**
 * The composition root: from the kind in a robot file to the module that makes the device. Nothing else in src knows
 * a site folder, and this file knows them by address only, so a site's own driver needs no change here.
 */
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ArmloopError } from '../errors.ts';
import type { CalibratorFactory } from '../robot/calibration.ts';
import type { CameraFactory } from '../robot/camera.ts';
import type { DeviceFactory, DriverTool, EmulatorFactory, LockstepFactory } from '../robot/device.ts';
import type { InputFactory } from '../robot/input.ts';
import type { LeaderEmulatorFactory, LeaderFactory } from '../robot/leader.ts';
import type { OutputFactory } from '../robot/output.ts';
import type { PlantFactory, ScenePlant } from '../robot/plant.ts';
import type {
  CameraEntry,
  DeviceEntry,
  InputEntry,
  LeaderEntry,
  OutputEntry,
  RobotSpec,
} from '../robot/spec.ts';
import type { Task } from '../robot/task.ts';
import { packageRoot } from '../root.ts';

/** Compiled modules of the built-in kinds. */
const BUILT_IN: Readonly<Record<string, URL>> = {
  sim: new URL('../../sim/index.js', import.meta.url),
  mock: new URL('../../drivers/mock/index.js', import.meta.url),
  dynamixel: new URL('../../drivers/dynamixel/index.js', import.meta.url),
  robotiq: new URL('../../drivers/robotiq/index.js', import.meta.url),
  feetech: new URL('../../drivers/feetech/index.js', import.meta.url),
  ros2: new URL('../../drivers/ros2/index.js', import.meta.url),
  spacemouse: new URL('../../drivers/hid/index.js', import.meta.url),
  gamepad: new URL('../../drivers/hid/index.js', import.meta.url),
};

/** Modules of built-in camera kinds: they export createRenderer (src/robot/scene.ts). */
const RENDERERS: Readonly<Record<string, URL>> = {
  sim: new URL('../../sim/render/index.js', import.meta.url),
};

/** Address of the renderer of a simulated camera; null for a kind that is none. */
export const rendererUrl = (kind: string): string | null =>
  Object.hasOwn(RENDERERS, kind) ? RENDERERS[kind]!.href : null;

/** Folders in which policies are looked for by name, in this order: the workspace's own, then those that come along. */
export function policyPlaces(workspace: string): string[] {
  return [join(workspace, 'policies'), join(packageRoot(), 'policies')];
}

/** What a driver's or simulation's index exports: one of the two, and its tasks when it has any. */
export interface DeviceModule {
  readonly createDevice?: DeviceFactory;
  readonly createLockstepDevice?: LockstepFactory;
  /** Cameras that deliver by themselves, and places that the rig's state is told to. */
  readonly createCamera?: CameraFactory;
  readonly createOutput?: OutputFactory;
  /** For `--dry-run`: plays the hardware. */
  readonly emulate?: EmulatorFactory;
  /** Hardware whose zeros are measured; see src/calibrate. */
  readonly calibrate?: CalibratorFactory;
  /** A leader arm, or buttons and pedals: what a person drives with. */
  readonly createLeader?: LeaderFactory;
  readonly emulateLeader?: LeaderEmulatorFactory;
  /** A SpaceMouse or gamepad at the rig. */
  readonly createInput?: InputFactory;
  /** Commands of `armloop driver`, by name. */
  readonly tools?: Readonly<Record<string, DriverTool>>;
  readonly tasks?: Iterable<Task> | ReadonlyMap<string, Task>;
  /** The model that planners have of its scene. */
  readonly createPlant?: PlantFactory;
}

export interface LoadedKind {
  readonly entry: DeviceEntry;
  /** Address of the module, for loading it in a thread again. */
  readonly url: string;
  readonly module: DeviceModule;
}

/** Address of the module that a kind names. Throws CONFIG_UNKNOWN_KIND. */
export function kindUrl(robot: Pick<RobotSpec, 'source'>, entry: Named): string {
  const { kind } = entry;
  const builtIn = Object.hasOwn(BUILT_IN, kind) ? BUILT_IN[kind] : undefined;
  if (builtIn !== undefined) return builtIn.href;
  if (isAbsolute(kind) || kind.startsWith('./') || kind.startsWith('../')) {
    return pathToFileURL(resolve(dirname(robot.source.file), kind)).href;
  }
  try {
    return pathToFileURL(createRequire(resolve(robot.source.file)).resolve(kind)).href;
  } catch (error) {
    throw unknown(robot, entry, error);
  }
}

async function loadModule(
  robot: Pick<RobotSpec, 'source'>,
  entry: Named,
): Promise<{ readonly url: string; readonly module: DeviceModule }> {
  const url = kindUrl(robot, entry);
  try {
    return { url, module: (await import(url)) as DeviceModule };
  } catch (error) {
    throw unknown(robot, entry, error);
  }
}

/** Loads the module of a device. Rejects with CONFIG_UNKNOWN_KIND. */
export async function loadKind(robot: Pick<RobotSpec, 'source'>, entry: DeviceEntry): Promise<LoadedKind> {
  const { url, module } = await loadModule(robot, entry);
  if (module.createDevice === undefined && module.createLockstepDevice === undefined) {
    throw unknown(robot, entry, new Error('it exports neither createDevice nor createLockstepDevice'));
  }
  return { entry, url, module };
}

/** The tools that the module of a kind brings. Rejects with CONFIG_UNKNOWN_KIND. */
export async function loadTools(
  robot: Pick<RobotSpec, 'source'>,
  kind: string,
): Promise<DeviceModule['tools']> {
  const { module } = await loadModule(robot, { name: kind, kind });
  return module.tools;
}

export interface LoadedLeader {
  readonly entry: LeaderEntry;
  readonly createLeader: LeaderFactory;
  readonly emulateLeader?: LeaderEmulatorFactory;
}

/** Loads the module of a leader. Rejects with CONFIG_UNKNOWN_KIND. */
export async function loadLeader(
  robot: Pick<RobotSpec, 'source'>,
  entry: LeaderEntry,
): Promise<LoadedLeader> {
  const { module } = await loadModule(robot, { ...entry, path: 'leader.kind' });
  const { createLeader, emulateLeader } = module;
  if (createLeader === undefined) {
    throw unknown(robot, { ...entry, path: 'leader.kind' }, new Error('it exports no createLeader'));
  }
  return { entry, createLeader, ...(emulateLeader === undefined ? {} : { emulateLeader }) };
}

/** What makes a camera that delivers by itself. Rejects with CONFIG_UNKNOWN_KIND. */
export async function loadCamera(
  robot: Pick<RobotSpec, 'source'>,
  { name, kind }: CameraEntry,
): Promise<CameraFactory> {
  const named = { name, kind, path: `cameras.${name}.kind` };
  const { createCamera } = (await loadModule(robot, named)).module;
  if (createCamera !== undefined) return createCamera;
  throw unknown(robot, named, new Error('it exports no createCamera'));
}

/** What makes a place that the rig's state is told to. Rejects with CONFIG_UNKNOWN_KIND. */
export async function loadOutput(
  robot: Pick<RobotSpec, 'source'>,
  { name, kind }: OutputEntry,
): Promise<OutputFactory> {
  const named = { name, kind, path: `outputs.${name}.kind` };
  const { createOutput } = (await loadModule(robot, named)).module;
  if (createOutput !== undefined) return createOutput;
  throw unknown(robot, named, new Error('it exports no createOutput'));
}

/** Loads the module of an input. Rejects with CONFIG_UNKNOWN_KIND. */
export async function loadInput(robot: Pick<RobotSpec, 'source'>, entry: InputEntry): Promise<InputFactory> {
  const { module } = await loadModule(robot, { ...entry, path: 'input.kind' });
  const { createInput } = module;
  if (createInput === undefined) {
    throw unknown(robot, { ...entry, path: 'input.kind' }, new Error('it exports no createInput'));
  }
  return createInput;
}

/** The model that planners have of the scene of a simulated robot; null where none of its kinds has one. */
export async function openPlant(robot: RobotSpec): Promise<ScenePlant | null> {
  for (const entry of robot.devices) {
    const { module } = await loadKind(robot, entry);
    const plant = await module.createPlant?.(robot);
    if (plant !== undefined && plant !== null) return plant;
  }
  return null;
}

/** The tasks that a module offers, by name. */
export function tasksOf(module: DeviceModule): ReadonlyMap<string, Task> {
  const tasks = module.tasks ?? [];
  const list =
    tasks instanceof Map
      ? [...(tasks as ReadonlyMap<string, Task>).values()]
      : [...(tasks as Iterable<Task>)];
  return new Map(list.map((task) => [task.name, task]));
}

/** What names a kind, and where in the robot file (default: as a device). */
type Named = Pick<DeviceEntry, 'name' | 'kind'> & { readonly path?: string };

function unknown(robot: Pick<RobotSpec, 'source'>, entry: Named, cause: unknown): ArmloopError {
  return new ArmloopError(
    'CONFIG_UNKNOWN_KIND',
    {
      file: robot.source.file,
      path: entry.path ?? `devices.${entry.name}.kind`,
      value: entry.kind,
      known: Object.keys(BUILT_IN).join(', '),
      reason: (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]!,
    },
    { cause },
  );
}
