/** The calibration of one robot on this machine: what is stored, what of it fits each device, and what that bars. */
import { ArmloopError } from '../errors.ts';
import type { Calibrator, CalibratorFactory } from '../robot/calibration.ts';
import type { DeviceCalibration, DeviceState } from '../robot/calibration-state.ts';
import type { Now } from '../robot/device.ts';
import type { DeviceEntry, RobotSpec } from '../robot/spec.ts';
import { type Alignment, align } from './leader.ts';
import { merged, type Subject } from './procedure.ts';
import type { CalibrationKind, Entry } from './schema.ts';
import { inForce, judge } from './state.ts';
import { CalibrationStore, type StoredCalibration, type StoredCalibrations } from './store.ts';

/** A device's entry and what its kind exports. */
export interface CalibratedKind {
  readonly entry: DeviceEntry;
  readonly module: { readonly calibrate?: CalibratorFactory };
}

export interface RobotCalibrationOptions {
  readonly robot: RobotSpec;
  readonly kinds: readonly CalibratedKind[];
  readonly workspace: string;
  readonly hardware: 'real' | 'emulated';
  readonly now: Now;
}

export class RobotCalibration {
  readonly robot: RobotSpec;
  readonly store: CalibrationStore;
  readonly hardware: 'real' | 'emulated';
  readonly #kinds: readonly CalibratedKind[];
  /** What drivers know without hardware; null for kinds that cannot be calibrated. */
  readonly #facts: readonly (Pick<Calibrator, 'axes' | 'unit'> | null)[];
  readonly #now: Now;
  #stored: StoredCalibrations = {};
  #devices: readonly DeviceState[] = [];
  #alignment: Alignment;

  /** Throws CALIBRATION_INVALID, and CONFIG_INVALID for bad options of a device. */
  constructor({ robot, kinds, workspace, hardware, now }: RobotCalibrationOptions) {
    this.robot = robot;
    this.hardware = hardware;
    this.store = new CalibrationStore(workspace, robot.id, hardware);
    this.#kinds = kinds;
    this.#now = now;
    this.#facts = kinds.map(({ entry, module }) => module.calibrate?.({ robot, entry, now }) ?? null);
    this.#alignment = align(robot, {});
    this.reload();
  }

  /** In the order of the robot file. */
  get devices(): readonly DeviceState[] {
    return this.#devices;
  }

  /** How the leader is aligned with the arm. */
  get leader(): Omit<Alignment, 'robot'> {
    const { status, words } = this.#alignment;
    return { status, words };
  }

  /** The robot with its leader as it was measured, where that fits; else as its file says. */
  get aligned(): RobotSpec {
    return this.#alignment.robot;
  }

  get stored(): StoredCalibrations {
    return this.#stored;
  }

  /** What an episode is told; null when nothing measured is in force. */
  get inForce(): ReturnType<typeof inForce> {
    const leader = this.#alignment.status === 'fits' ? ['leader' as const] : [];
    return inForce(this.#devices, this.#stored, this.robot, leader);
  }

  /** Reads the files again. Throws CALIBRATION_INVALID. */
  reload(): void {
    this.#stored = this.store.load();
    this.#alignment = align(this.robot, this.#stored);
    const [robot, stored, hardware, date] = [this.robot, this.#stored, this.hardware, new Date()];
    this.#devices = this.#kinds.map(({ entry }, i) =>
      judge({ robot, entry, parts: this.#facts[i]?.axes ?? null, stored, hardware, date }),
    );
  }

  /** For the context of a device. */
  of(device: string): { readonly calibration?: DeviceCalibration } {
    const calibration = this.#devices.find((d) => d.device === device)?.calibration ?? null;
    return calibration === null ? {} : { calibration };
  }

  /** Why torque has to stay off: of the first device that lacks what it needs; null when none does. */
  get barred(): ArmloopError | null {
    for (const { device, status, words } of this.#devices) {
      if (status === 'missing') return new ArmloopError('CALIBRATION_MISSING', { device, reason: words });
      if (status === 'stale') return new ArmloopError('CALIBRATION_STALE', { device, reason: words });
    }
    return null;
  }

  /** Devices that can be measured, by name. */
  get measurable(): readonly string[] {
    return this.#kinds.flatMap(({ entry }, i) => (this.#facts[i] === null ? [] : [entry.name]));
  }

  /** The device that is meant: the only one that can be measured, or the one of that name. Throws CALIBRATION_NONE. */
  choose(device: string | undefined): { readonly subject: Subject; open(): Calibrator } {
    const names = this.measurable;
    const name = device ?? (names.length === 1 ? names[0]! : '');
    const i = this.#kinds.findIndex(({ entry }) => entry.name === name && names.includes(name));
    if (i < 0) {
      const reason =
        names.length === 0
          ? 'no device of this robot has zeros to measure'
          : `devices that can be: ${names.join(', ')}`;
      throw new ArmloopError('CALIBRATION_NONE', { what: device ?? this.robot.id, reason });
    }
    const { entry, module } = this.#kinds[i]!;
    const { robot } = this;
    const open = (): Calibrator => module.calibrate!({ robot, entry, now: this.#now });
    const { axes, unit } = this.#facts[i]!;
    return { subject: { robot, entry, unit, parts: axes }, open };
  }

  /**
   * Writes what was measured as the next version, beside what holds of other axes. Throws CONFIG_INVALID when the device
   * could not follow it; then nothing is written.
   */
  save(kind: CalibrationKind, entries: readonly Entry[]): StoredCalibration {
    const all = merged(this.#stored[kind]?.file.entries ?? [], entries);
    this.#refuseUnusable(kind, all);
    const written = this.store.write(kind, all);
    this.reload();
    return written;
  }

  /** The driver looks at it before it is written: servos of one turn, for instance, have places that they cannot go to. */
  #refuseUnusable(kind: CalibrationKind, entries: readonly Entry[]): void {
    const placeholder = { path: '', sha256: '' };
    const file = {
      format: 1 as const,
      robot: this.robot.id,
      kind,
      version: 1,
      written: '',
      armloop: '',
      entries: [...entries],
    };
    const stored = { ...this.#stored, [kind]: { ...placeholder, file } };
    const [robot, hardware, date] = [this.robot, this.hardware, new Date()];
    this.#kinds.forEach(({ entry, module }, i) => {
      const { calibration } = judge({
        robot,
        entry,
        parts: this.#facts[i]?.axes ?? null,
        stored,
        hardware,
        date,
      });
      if (calibration !== null) module.calibrate?.({ robot, entry, now: this.#now, calibration });
    });
  }
}
