/** The resolved rig: what a robot file says, with every default filled in. Plain data, safe to post to a thread. */

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

export type DeviceRole = 'arm' | 'gripper';

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

export interface CameraEntry {
  readonly name: string;
  /** 'sim' renders the simulated scene. */
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
