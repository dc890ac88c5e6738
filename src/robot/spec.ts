/** The resolved rig: what a robot file says, with every default filled in. Plain data, safe to post to a thread. */

import type { InputAction } from './input.ts';
import type { LeaderAction } from './leader.ts';

export type AxisType = 'revolute' | 'prismatic';

/** One driven degree of freedom. Units: rad for revolute, m for prismatic (gripper opening), and their rates. */
export interface AxisSpec {
  readonly name: string;
  /** Name of the device that drives it. */
  readonly device: string;
  readonly type: AxisType;
  readonly min: number;
  readonly max: number;
  /** Largest |velocity|, |acceleration|, |jerk| that the guard lets through. */
  readonly velocity: number;
  readonly acceleration: number;
  readonly jerk: number;
  /** Largest |effort| in N·m or N. */
  readonly effort: number;
  readonly home: number;
  /** Joints of the model that follow this axis: joint angle or slide = ratio × axis (a finger: 0.5 × opening). */
  readonly joints: readonly { readonly name: string; readonly ratio: number }[];
  readonly kp: number;
  readonly kd: number;
}

export interface DeviceEntry {
  readonly name: string;
  /** Built-in name, path relative to the robot file, or package name. */
  readonly kind: string;
  /** Axes that it drives, by name, in its own order. One device may drive arm and gripper together. */
  readonly axes: readonly string[];
  /** Free settings that the driver checks with its own schema. */
  readonly options: Readonly<Record<string, unknown>>;
  /** `none`: the zeros are those of this file. Else a kind that can be calibrated must be, before torque comes on. */
  readonly calibration?: 'none';
}

/** How one joint of a leader moves what it drives: position = sign · scale · joint + offset. */
export interface LeaderJoint {
  /** Name of an arm axis; with a model of the leader's own, of an axis-like joint of that model. */
  readonly axis: string;
  readonly sign: 1 | -1;
  readonly scale: number;
  /** rad, or m for a slide. */
  readonly offset: number;
}

/** What a person moves to drive the arm. */
export interface LeaderEntry {
  /** Also the operator's name while it drives on its own. */
  readonly name: string;
  /** Built-in name, path relative to the robot file, or package name. */
  readonly kind: string;
  /** The driver's own settings; the driver checks them. */
  readonly options: Readonly<Record<string, unknown>>;
  /** In the leader's own order. */
  readonly joints: readonly LeaderJoint[];
  /** `joint`: axes follow joints. `pose`: the tool follows what the leader's hand does, from where both were. */
  readonly mapping: 'joint' | 'pose';
  /** For `pose`: m of the arm per m of the leader; turns are not scaled. */
  readonly scale: number;
  /** For `pose`: the leader's own kinematic model, absolute path; null when it is a copy of the arm. */
  readonly model: { readonly file: string; readonly tool: string } | null;
  /** Gripper opening (m) with the trigger released and squeezed, and how far off it may be at the gate. */
  readonly trigger: {
    readonly released: number;
    readonly squeezed: number;
    readonly tolerance: number;
  } | null;
  readonly buttons: readonly { readonly button: number; readonly does: LeaderAction }[];
  /** Largest difference per axis, rad, at which the arm may be handed to it. */
  readonly tolerance: number;
  /** Share 0..1 of the axes' speed limits (for `pose`: of the teleop speeds) at which the arm follows. */
  readonly speed: number;
  /** Full speed is reached this long after it took over. */
  readonly rampMs: number;
  /** No reading for this long: lost. */
  readonly silenceMs: number;
}

/** What a person at the rig drives with by rates: a SpaceMouse, a gamepad. */
export interface InputEntry {
  /** Also the operator's name while it drives. */
  readonly name: string;
  /** Built-in name, path relative to the robot file, or package name. */
  readonly kind: string;
  /** The driver's own settings; the driver checks them. */
  readonly options: Readonly<Record<string, unknown>>;
  /** In which its twist is given: of the base or of the tool. */
  readonly frame: 'base' | 'tool';
  /** Share 0..1 of the teleop speeds at full deflection. */
  readonly speed: number;
  /** What its buttons do; null: as its driver says. */
  readonly buttons: readonly { readonly button: number; readonly does: InputAction }[] | null;
}

export interface CameraEntry {
  readonly name: string;
  /** 'sim' renders the simulated scene; others deliver by themselves (camera.ts): as the kinds of devices. */
  readonly kind: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** JPEG quality 1..100. */
  readonly quality: number;
  /** Vertical field of view in degrees (as MJCF has it). */
  readonly fovyDeg: number;
  /** Declared time from capture until a frame can be used, ms: in lockstep runs frames come exactly this late. */
  readonly latencyMs: number;
  /** Body that carries it ('world' or a link), with the pose of the camera in that body: x right, y up, looks along -z. */
  readonly frame: string;
  readonly position: readonly [number, number, number];
  /** Quaternion x, y, z, w. */
  readonly orientation: readonly [number, number, number, number];
  /** Free settings that the driver checks with its own schema. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** One place that the rig's own state is told to (output.ts). */
export interface OutputEntry {
  readonly name: string;
  /** As the kinds of devices. */
  readonly kind: string;
  /** How often the state is told. */
  readonly rateHz: number;
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * What a reset of a simulated scene draws anew besides the task's objects: nothing; light, colours, textures and
 * background; or that and the pose from which the arm starts.
 */
export const SCENE_VARY = ['none', 'appearance', 'all'] as const;
export type SceneVary = (typeof SCENE_VARY)[number];

export interface RobotSpec {
  /** Rig id: letters, digits, '-' and '_'. */
  readonly id: string;
  readonly description: string;
  /** Absolute path of the kinematic model (MJCF or URDF) and what of it the rig uses. */
  readonly model: {
    readonly file: string;
    /** Body or site whose pose is "the tool". */
    readonly tool: string;
  };
  /** Arm axes first, in chain order, then the gripper axis. */
  readonly axes: readonly AxisSpec[];
  /** How many of the axes belong to the arm chain: axes[0..armAxes). */
  readonly armAxes: number;
  /** Index of the gripper axis, or -1. */
  readonly gripperAxis: number;
  readonly devices: readonly DeviceEntry[];
  readonly cameras: readonly CameraEntry[];
  readonly leader: LeaderEntry | null;
  readonly outputs: readonly OutputEntry[];
  readonly input: InputEntry | null;
  readonly loop: {
    readonly rateHz: number;
    /** Ask for SCHED_FIFO at this priority; 0 does not ask. */
    readonly fifoPriority: number;
  };
  readonly limits: {
    readonly stateAgeMs: number;
    /** Consecutive missed time after which the arm is stopped. */
    readonly missedMs: number;
    readonly deadmanMs: number;
    /** Device-side: no command for this long and the device holds by itself. */
    readonly watchdogMs: number;
    /** After activation commands are ramped in over this time. */
    readonly startRampMs: number;
    /** A calibration that is older, days, is worth a note. */
    readonly calibrationDays: number;
    /** Largest joint difference (rad) between held command and a fresh lease's pose for resuming. */
    readonly resumeDistance: number;
  };
  /** Box that the tool must stay in, in the base frame, m. */
  readonly workspace: {
    readonly min: readonly [number, number, number];
    readonly max: readonly [number, number, number];
  };
  /** Full-scale teleoperation speeds. */
  readonly teleop: {
    readonly linear: number;
    readonly angular: number;
    readonly joint: number;
    readonly gripper: number;
  };
  readonly recording: {
    readonly chunkMs: number;
    readonly jointStateHz: number;
    readonly sceneHz: number;
    readonly minRateRatio: number;
    readonly maxGapMs: number;
    readonly idleS: number;
  };
  /** Where the arm is brought before torque goes off at the end of the rig. */
  readonly shutdown: { readonly park: 'none' | 'home' };
  /** Simulated rigs: the task that is loaded, its first seed, and what varies. */
  readonly sim: {
    readonly task: string;
    readonly seed: number;
    readonly timestep: number;
    readonly vary: SceneVary;
  } | null;
  /** Text of the robot file as read, and its SHA-256, for the episode. */
  readonly source: { readonly file: string; readonly text: string; readonly sha256: string };
}
