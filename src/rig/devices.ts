/** The devices of one rig: loaded by kind, opened on the loop's ports, spoken to together. */

import { RobotCalibration } from '../calibrate/robot.ts';
import { ArmloopError } from '../errors.ts';
import { DeviceThread } from '../loop/device-thread.ts';
import type { Calibrator, RawReading } from '../robot/calibration.ts';
import type { Device, DevicePort, Emulation, Now, Push } from '../robot/device.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { Task } from '../robot/task.ts';
import { Absences } from './absences.ts';
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
  readonly #absences: Absences;
  /** What a lent port is used by. */
  #borrower: Calibrator | null = null;
  #ports: readonly DevicePort[] = [];

  private constructor(
    devices: Device[],
    make: (index: number) => Promise<Device>,
    hardware: Emulated,
    stage: DeviceThread | null,
    tasks: ReadonlyMap<string, Task>,
    calibration: RobotCalibration,
    onBack: (device: string) => void,
  ) {
    this.#devices = devices;
    this.#make = make;
    this.#given = devices.map(({ spec }) => JSON.stringify(calibration.of(spec.name)));
    this.#hardware = hardware;
    this.stage = stage;
    this.tasks = tasks;
    this.calibration = calibration;
    this.#absences = new Absences((device) => this.#reopen(this.#indexOf(device)), onBack);
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
      (device) => onNote(device, 'it answers, and is open'),
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

  /**
   * Connects all; `ports` in the order of the robot file. `set-up`: devices that can be set up may not answer yet, and are
   * opened as soon as they do.
   */
  async open(ports: readonly DevicePort[], start: 'whole' | 'set-up'): Promise<void> {
    this.#ports = ports;
    const patient = start === 'set-up' ? this.calibration.measurable : [];
    await Promise.all(
      this.#devices.map(async (device, i) => {
        if (patient.includes(device.spec.name)) await this.#absences.back(device.spec.name);
        else await device.open(ports[i]!);
      }),
    );
  }

  /** What the encoders of a device say; null for kinds without, before its first state and while it is lost. */
  raw(device: string): RawReading | null {
    return this.#devices.find((d) => d.spec.name === device)?.raw?.() ?? null;
  }

  /** The hand of emulated hardware; null where it is real. */
  hand(device: string): Pick<Emulation, 'hand' | 'connect'> | null {
    return this.#hardware.emulations.get(device) ?? null;
  }

  /**
   * Devices whose calibration has changed since they were made take the new one: closed, made and opened anew, without
   * torque. Their names. Rejects with what the devices say.
   */
  async renew(): Promise<readonly string[]> {
    const renewed: string[] = [];
    for (const [i, device] of this.#devices.entries()) {
      const { name } = device.spec;
      if (this.away(name) !== '' || JSON.stringify(this.calibration.of(name)) === this.#given[i]) continue;
      await this.#reopen(i);
      renewed.push(name);
    }
    return renewed;
  }

  async #reopen(i: number): Promise<void> {
    const device = this.#devices[i]!;
    await device[Symbol.asyncDispose]();
    const next = await this.#make(i);
    this.#devices[i] = next;
    this.#given[i] = JSON.stringify(this.calibration.of(next.spec.name));
    await next.open(this.#ports[i]!);
  }

  /** Why a device is not open; '' when it is. */
  away(device: string): string {
    return this.#absences.reason(device);
  }

  /**
   * Takes a device off its port, for setting its servos up; what does that has the port then. Until `takeBack` no device gets
   * torque. The device must be without torque. Throws CALIBRATION_NONE.
   */
  async lend(device: string): Promise<Calibrator> {
    const { open } = this.calibration.choose(device);
    await this.#absences.leave(device, 'its port is used for setting its servos up');
    await this.#devices[this.#indexOf(device)]![Symbol.asyncDispose]();
    this.#borrower = open();
    return this.#borrower;
  }

  /** The device has its port again: opened now, or as soon as it answers. Why it did not yet, '' when it did. */
  async takeBack(device: string): Promise<string> {
    await this.#returnPort();
    await this.#absences.leave(device, 'it is being opened');
    return this.#absences.back(device);
  }

  async #returnPort(): Promise<void> {
    const borrower = this.#borrower;
    this.#borrower = null;
    await borrower?.[Symbol.asyncDispose]();
  }

  #indexOf(device: string): number {
    return this.#devices.findIndex((d) => d.spec.name === device);
  }

  get #open(): readonly Device[] {
    return this.#devices.filter((d) => this.away(d.spec.name) === '');
  }

  /**
   * Torque on, of all or none: when one cannot, or `halt` is called, the others end it. Settles when all have. Rejects with
   * CALIBRATION_MISSING, CALIBRATION_STALE, DEVICE_UNREACHABLE, and with what the first device says.
   */
  async enable(): Promise<void> {
    this.#absences.needAll();
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
    await Promise.all(this.#open.map((d) => d.disable()));
  }

  /** Stop and hold, without the loop. One device that fails does not keep the others from it. */
  async halt(): Promise<readonly string[]> {
    const open = this.#open;
    const settled = await Promise.allSettled(open.map((d) => d.halt()));
    return settled.flatMap((s, i) =>
      s.status === 'rejected' ? [`${open[i]!.spec.name}: ${(s.reason as Error).message}`] : [],
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
    await this.#absences.close();
    await this.#returnPort();
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
