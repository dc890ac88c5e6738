/** The devices of one rig: loaded by kind, opened on the loop's ports, spoken to together. */

import { RobotCalibration } from '../calibrate/robot.ts';
import { ArmloopError } from '../errors.ts';
import { DeviceThread } from '../loop/device-thread.ts';
import type { RawReading } from '../robot/calibration.ts';
import type { Device, DevicePort, Emulation, Now, Push } from '../robot/device.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { Task } from '../robot/task.ts';
import { type Emulated, emulated, unemulated } from './emulate.ts';
import { type LoadedKind, loadKind, tasksOf } from './kinds.ts';

export interface RackOptions {
  readonly spec: RobotSpec;
  /** Where calibrations lie. */
  readonly workspace: string;
  readonly now: Now;
  /** Readers of scene poses: one for the live stream and one for the cameras. */
  readonly poseReaders: number;
  readonly onFault: (device: string, message: string) => void;
  readonly onNote: (device: string, message: string) => void;
  /** Emulated hardware in place of the real one. */
  readonly dryRun: boolean;
}

export class DeviceRack implements AsyncDisposable {
  readonly #devices: Device[];
  /** Makes a device, with the calibration that is in force, and says whom to tell. */
  readonly #make: (index: number) => Promise<Device>;
  /** The calibration that each device was made with. */
  readonly #given: string[];
  /** What plays the hardware in a dry run. */
  readonly #hardware: Emulated;
  /** The simulation that has the scene; null on a real rig. */
  readonly stage: DeviceThread | null;
  /** Tasks that the kind of the stage offers. */
  readonly tasks: ReadonlyMap<string, Task>;
  readonly calibration: RobotCalibration;

  private constructor(
    devices: Device[],
    make: (index: number) => Promise<Device>,
    hardware: Emulated,
    stage: DeviceThread | null,
    tasks: ReadonlyMap<string, Task>,
    calibration: RobotCalibration,
  ) {
    this.#devices = devices;
    this.#make = make;
    this.#given = devices.map(({ spec }) => JSON.stringify(calibration.of(spec.name)));
    this.#hardware = hardware;
    this.stage = stage;
    this.tasks = tasks;
    this.calibration = calibration;
  }

  /** Loads every device; none moves or connects yet. Rejects with CONFIG_UNKNOWN_KIND, CALIBRATION_INVALID and what the kinds say. */
  static async load(options: RackOptions): Promise<DeviceRack> {
    const { spec, now, poseReaders, onFault, onNote, dryRun, workspace } = options;
    const real = await Promise.all(spec.devices.map((entry) => loadKind(spec, entry)));
    const hardware = dryRun ? await emulated(real, spec) : unemulated(real);
    const { kinds } = hardware;
    let devices: Device[] = [];
    let calibration: RobotCalibration;
    const makeOne = async (index: number): Promise<Device> => {
      const device = await make(kinds[index]!, spec, now, poseReaders, calibration);
      device.onFault = (message) => onFault(device.spec.name, message);
      device.onNote = (message) => onNote(device.spec.name, message);
      return device;
    };
    try {
      calibration = new RobotCalibration({
        robot: spec,
        kinds,
        workspace,
        hardware: dryRun ? 'emulated' : 'real',
        now,
      });
      const settled = await Promise.allSettled(kinds.map((_, i) => makeOne(i)));
      devices = settled.flatMap((s) => (s.status === 'fulfilled' ? [s.value] : []));
      const failed = settled.find((s) => s.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    } catch (error) {
      await Promise.all([...devices, hardware].map((d) => d[Symbol.asyncDispose]()));
      throw error;
    }
    const stageIndex = devices.findIndex((d) => d instanceof DeviceThread && d.scene !== null);
    const stage = stageIndex < 0 ? null : (devices[stageIndex] as DeviceThread);
    return new DeviceRack(
      devices,
      makeOne,
      hardware,
      stage,
      stage === null ? new Map() : tasksOf(kinds[stageIndex]!.module),
      calibration,
    );
  }

  get scene(): SceneDescription | null {
    return this.stage?.scene ?? null;
  }

  /** What plays the hardware, in words; empty unless this is a dry run. */
  get emulated(): readonly string[] {
    return [...this.#hardware.emulations.values()].map((e) => e.words);
  }

  get specs(): readonly Device['spec'][] {
    return this.#devices.map((d) => d.spec);
  }

  /** Connects all; `ports` in the order of the robot file. */
  async open(ports: readonly DevicePort[]): Promise<void> {
    await Promise.all(this.#devices.map((device, i) => device.open(ports[i]!)));
  }

  /** What the encoders of a device say; null for kinds without, before its first state and while it is lost. */
  raw(device: string): RawReading | null {
    return this.#devices.find((d) => d.spec.name === device)?.raw?.() ?? null;
  }

  /** The hand of emulated hardware; null where it is real. */
  hand(device: string): Pick<Emulation, 'hand'> | null {
    return this.#hardware.emulations.get(device) ?? null;
  }

  /**
   * Devices whose calibration has changed since they were made take the new one: closed, made and opened anew, without
   * torque. Their names. Rejects with what the devices say.
   */
  async renew(ports: readonly DevicePort[]): Promise<readonly string[]> {
    const renewed: string[] = [];
    for (const [i, device] of this.#devices.entries()) {
      const { name } = device.spec;
      const given = JSON.stringify(this.calibration.of(name));
      if (given === this.#given[i]) continue;
      await device[Symbol.asyncDispose]();
      const next = await this.#make(i);
      this.#devices[i] = next;
      this.#given[i] = given;
      await next.open(ports[i]!);
      renewed.push(name);
    }
    return renewed;
  }

  /**
   * Torque on, of all or none: when one cannot, or `halt` is called, the others end it. Settles when all have. Rejects with
   * CALIBRATION_MISSING, CALIBRATION_STALE, and with what the first device says.
   */
  async enable(): Promise<void> {
    const { barred } = this.calibration;
    if (barred !== null) throw barred;
    const failed: unknown[] = [];
    const one = async (device: Device): Promise<void> => {
      try {
        await device.enable();
      } catch (error) {
        if (failed.push(error) === 1) await this.halt();
      }
    };
    await Promise.all(this.#devices.map(one));
    if (failed.length > 0) throw failed[0];
  }

  async disable(): Promise<void> {
    await Promise.all(this.#devices.map((d) => d.disable()));
  }

  /** Stop and hold, without the loop. One device that fails does not keep the others from it. */
  async halt(): Promise<readonly string[]> {
    const settled = await Promise.allSettled(this.#devices.map((d) => d.halt()));
    return settled.flatMap((s, i) =>
      s.status === 'rejected' ? [`${this.#devices[i]!.spec.name}: ${(s.reason as Error).message}`] : [],
    );
  }

  /** Whole physics state of every simulated device. */
  async snapshots(now: Now): Promise<{ device: string; time: number; state: Float64Array }[]> {
    const simulated = this.#devices.filter((d) => d.snapshot !== undefined);
    return Promise.all(
      simulated.map(async (d) => {
        const state = await d.snapshot!();
        return { device: d.spec.name, time: now(), state };
      }),
    );
  }

  async restore(device: string, state: Float64Array): Promise<void> {
    const found = this.#devices.find((d) => d.spec.name === device && d.restore !== undefined);
    if (found === undefined) throw new ArmloopError('NOT_SIMULATED', { request: `restoring ${device}` });
    await found.restore!(state);
  }

  async reset(seed: number): Promise<void> {
    const simulated = this.#devices.filter((d) => d.reset !== undefined);
    if (simulated.length === 0) throw new ArmloopError('NOT_SIMULATED', { request: 'a new scene' });
    await Promise.all(simulated.map((d) => d.reset!(seed)));
  }

  /** Pulls at a body of the simulated scene. Rejects with NOT_SIMULATED, REQUEST_INVALID. */
  async push(push: Push): Promise<void> {
    const { stage } = this;
    if (stage === null) throw new ArmloopError('NOT_SIMULATED', { request: 'a push' });
    const movable = (stage.scene?.bodies ?? []).filter((b) => b.fixed !== true).map((b) => b.name);
    if (!movable.includes(push.body)) {
      const rule = `what can be pushed is ${movable.join(', ')}`;
      throw new ArmloopError('REQUEST_INVALID', { path: 'body', value: push.body, rule });
    }
    await stage.push(push);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#devices.map((d) => d[Symbol.asyncDispose]()));
    await this.#hardware[Symbol.asyncDispose]();
  }
}

async function make(
  kind: LoadedKind,
  robot: RobotSpec,
  now: Now,
  poseReaders: number,
  calibration: RobotCalibration,
): Promise<Device> {
  const { entry, url, module } = kind;
  if (module.createDevice !== undefined)
    return module.createDevice({ robot, entry, now, ...calibration.of(entry.name) });
  const seed = robot.sim?.seed ?? 1;
  return DeviceThread.load({
    robot,
    entry,
    module: url,
    seed,
    poseReaders,
    recordPosesHz: robot.recording.sceneHz,
  });
}
