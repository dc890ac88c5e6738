/**
 * The device contract. A device is hosted on the rig's main thread (or hosts a thread or process of its own) and
 * talks to the loop through channels only: it writes its State, reads its Command, and writes what it really sent.
 * One conformance suite (test/conformance) runs over every registered device.
 */

import type { RawReading } from './calibration.ts';
import type { DeviceCalibration } from './calibration-state.ts';
import type { LatestReader, LatestWriter, RingWriter } from './port.ts';
import type { SceneDescription } from './scene.ts';
import type { AxisSpec, DeviceEntry, RobotSpec } from './spec.ts';
import type { CommandMode } from './tick.ts';

/** Readable before connecting. */
export interface DeviceSpec {
  readonly name: string;
  readonly kind: string;
  readonly axes: readonly AxisSpec[];
  /** Command modes that it accepts. */
  readonly modes: readonly CommandMode[];
  /** Which parts of the command superset it honours. */
  readonly honours: {
    readonly q: boolean;
    readonly qd: boolean;
    readonly tau: boolean;
    readonly kp: boolean;
    readonly kd: boolean;
  };
  /** State rate that it aims at. */
  readonly rateHz: number;
  /** True for simulations: `reset` works and torque mode is allowed. */
  readonly simulated: boolean;
}

/** A hand that pulls a body of a simulation by a spring. */
export interface Push {
  /** Name of a body of the scene that can be moved. */
  readonly body: string;
  /** Where it is held, in its own frame, m. */
  readonly point: readonly number[];
  /** The other end of the spring, in the world, m. */
  readonly towards: readonly number[];
  /** The most that it pulls with, N. */
  readonly force: number;
  /** It lets go by itself after so long, s; 0: now. */
  readonly seconds: number;
}

/** The channels of one device, made by the rig. Layouts: deviceStateLayout, commandLayout, sentLayout of its axes. */
export interface DevicePort {
  readonly state: LatestWriter;
  readonly command: LatestReader;
  readonly sent: RingWriter;
}

/** Seconds on the rig's monotonic clock (src/loop/clock.ts). */
export type Now = () => number;

export interface Device extends AsyncDisposable {
  readonly spec: DeviceSpec;
  /** Connects and starts publishing State; commands are ignored until `enable`. Rejects with DEVICE_* errors. */
  open(port: DevicePort): Promise<void>;
  /**
   * Torque on: from here on commands move it. It must not jump: it holds where it is until the first command. A `halt`
   * meanwhile ends it: what has no torque yet gets none, what moves stops, what has torque holds, and this rejects with
   * DEVICE_HALTED. A device that does all of it at once may have done it by then, and halts.
   */
  enable(): Promise<void>;
  /** Torque off (after parking) or idle; State goes on. An `enable` under way is ended first, as by `halt`. */
  disable(): Promise<void>;
  /** Stop and hold now, without the loop: used when the loop thread is dead, and while torque comes on. */
  halt(): Promise<void>;
  /** Simulations: new scene from the seed. Resolves when the state of the new epoch is published. */
  reset?(seed: number): Promise<void>;
  /** Simulations: the whole physics state (mjSTATE_INTEGRATION), for the start of an episode. */
  snapshot?(): Promise<Float64Array>;
  /** Simulations: put a snapshot back. */
  restore?(state: Float64Array): Promise<void>;
  /** Simulations: pulls at a body, instead of what pulled before. */
  push?(push: Push): Promise<void>;
  /** Simulations: what the scene looks like (after `open`); null when there is none. */
  readonly scene: SceneDescription | null;
  /** Devices that can be calibrated: what the encoders say; null before the first state and while it is lost. */
  raw?(): RawReading | null;
  /** Called with a message when the device is lost or faults. Set by the rig before `open`. */
  onFault: ((message: string) => void) | null;
  /** Called with what a person should know and that stops nothing. Set by the rig before `open`, where it is there. */
  onNote?: ((message: string) => void) | null;
}

export interface DeviceContext {
  readonly robot: RobotSpec;
  readonly entry: DeviceEntry;
  readonly now: Now;
  /** What was measured of this device, where it fits; else what the robot file says holds. */
  readonly calibration?: DeviceCalibration;
}

/** What a driver's folder exports: makes a device from its entry; throws CONFIG_INVALID for bad options. */
export type DeviceFactory = (context: DeviceContext) => Device;

/** A stand-in for the hardware of one device (or leader), in a process of its own. */
export interface Emulation<Entry = DeviceEntry> extends AsyncDisposable {
  /** The entry, changed so that it talks to the stand-in. */
  readonly entry: Entry;
  /** What runs, for people. */
  readonly words: string;
  /** A hand that brings an axis to `position` (rad or m, as it is really mounted) or to the end stop before it; torque off. */
  hand?(axis: string, position: number): Promise<void>;
  /** Puts only the servo of that axis on the line, as it came from the factory; null: all, as they are now. */
  connect?(axis: string | null): Promise<void>;
}

/**
 * What a driver's folder may export as `emulate`, for `--dry-run`: starts what plays the hardware. Rejects with
 * EMULATOR_IMPOSSIBLE.
 */
export type EmulatorFactory = (context: Omit<DeviceContext, 'now'>) => Promise<Emulation>;

/** What a driver's folder may export as `tools`: commands of `armloop driver KIND TOOL`, for the bench before the rig. */
export interface DriverTool {
  readonly summary: string;
  /** Its arguments, as in `--port PORT --id ID NAME VALUE`. */
  readonly usage: string;
  /** Rejects with DRIVER_USAGE, DEVICE_*. */
  run(args: readonly string[], context: DriverToolContext): Promise<void>;
}

export interface DriverToolContext {
  readonly print: (line: string) => void;
  readonly now: Now;
  /** A robot file, by path or name. */
  readonly robot: (file: string) => RobotSpec;
  /** Resolves at Ctrl-C. */
  readonly interrupted: Promise<void>;
}

/**
 * A device without clock or thread: time moves when `advance` is called. Simulations implement this alone; the engine
 * paces it in a thread of its own (real time) or ticks it from the lockstep runner. A driver's module exports either
 * `createDevice` (DeviceFactory) or `createLockstepDevice` (LockstepFactory); the engine turns the second into a Device.
 */
export interface LockstepDevice {
  readonly spec: DeviceSpec;
  /** What the scene looks like; null for a device without one. */
  readonly scene: SceneDescription | null;
  /** World poses of the scene's bodies now: bodies.length × 7. Allocates nothing. */
  poses(out: Float64Array): void;
  /** New scene from the seed; the epoch counts up. */
  reset(seed: number): void;
  setEnabled(state: 'on' | 'off'): void;
  /** Writes the state at time `time` into `out` (deviceStateLayout). Allocates nothing. */
  read(time: number, out: Float64Array): void;
  /** Takes a command (commandLayout) and writes what was sent into `sent` (sentLayout). Allocates nothing. */
  write(command: Float64Array, time: number, sent: Float64Array): void;
  /** Advances by one period of `spec.rateHz`. With no fresh command for watchdogMs it holds by itself. */
  advance(): void;
  /** Whole physics state (mjSTATE_INTEGRATION plus what else steps depend on), and back: bit-equal continuation. */
  snapshot(): Float64Array;
  restore(state: Float64Array): void;
  /** Pulls at a body, instead of what pulled before; absent where nothing can be pushed. A reset or restore lets go. */
  push?(push: Push): void;
  dispose(): void;
}

/** `seed` fixes the first scene. Loads what it needs (WebAssembly), hence the promise. */
export type LockstepFactory = (
  context: Omit<DeviceContext, 'now'> & { readonly seed: number },
) => Promise<LockstepDevice>;
