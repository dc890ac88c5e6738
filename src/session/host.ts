/** What the session needs of the rig process, and what it tells it. Implemented by src/rig; scripted in tests. */

import type { RobotCalibration } from '../calibrate/robot.ts';
import type { MpcChoice, MpcPlanSpec, MpcWeights } from '../plan/mpc/choice.ts';
import type { TermWeights } from '../plan/mpc/pilot.ts';
import type { TargetSpec } from '../plan/mpc/target.ts';
import type { Request } from '../policy/request.ts';
import type { ClientRef } from '../rig/socket.ts';
import type { Calibrator, RawReading } from '../robot/calibration.ts';
import type { Emulation, Now, Push } from '../robot/device.ts';
import type { InputSpec } from '../robot/input.ts';
import type { LeaderSpec } from '../robot/leader.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { ControllerId, RequestKind, Source } from '../robot/tick.ts';
import type { EpisodeLabel, OperatorReply, PolicyListing, SessionState } from '../server/protocol.ts';

export interface LoopRequest {
  readonly kind: RequestKind;
  readonly controller?: ControllerId;
  readonly source?: Source;
  readonly lease?: number;
  readonly args?: ArrayLike<number>;
}

/** What the newest tick said, in a few numbers. */
export interface TickView {
  readonly time: number;
  readonly tick: number;
  readonly mode: number;
  readonly controller: number;
  readonly fault: number;
  readonly reasons: number;
  readonly done: number;
  readonly epoch: number;
  readonly seed: number;
}

/** What an episode is told at its start. */
export interface EpisodeStart {
  readonly task: string;
  readonly operator: string;
  readonly seed: number;
}

/** The one recorder of a rig; one episode at a time. All reject with ArmloopErrors. */
export interface EpisodeRecorder {
  /** Opens a file and records from now on. Resolves with the episode's id. */
  start(start: EpisodeStart): Promise<string>;
  /** Takes no more ticks; what was taken is written. The file stays open for its label. */
  stop(): Promise<void>;
  /** Writes label and statistics and closes the file. */
  close(label: EpisodeLabel, cause: string): Promise<void>;
  /** Closes the file and moves it to the trash. */
  discard(): Promise<void>;
  /** A line for the log of the running episode; dropped when none runs. */
  log(time: number, level: 'info' | 'warning' | 'error', text: string): void;
}

/** A simulated scene. */
export interface SceneControl {
  reset(seed: number): Promise<void>;
  restore(device: string, state: Float64Array): Promise<void>;
  /** Rejects with REQUEST_INVALID for a body that cannot be pushed. */
  push(push: Push): Promise<void>;
}

/** A policy that is checked, open and warm. */
export interface LoadedPolicy {
  readonly name: string;
  /** Of its policy.json. */
  readonly sha256: string;
  readonly task: string;
  /** How long its controller waits for rows, s. */
  readonly limitS: number;
}

/** The policies of a rig; one is loaded at a time. All reject with POLICY_*. */
export interface PolicyHost {
  readonly loaded: LoadedPolicy | null;
  /** Why its newest chunk did not come; '' when all came. */
  readonly problem: string;
  list(): readonly PolicyListing[];
  load(name: string, request: Request): Promise<LoadedPolicy>;
  unload(): Promise<void>;
}

/** A planner that is checked and warm. */
export type LoadedPlanner = Omit<MpcPlanSpec, 'terms'> & { readonly terms: readonly TermWeights[] };

/** The planner of a rig; one is loaded at a time. */
export interface PlannerHost {
  readonly loaded: LoadedPlanner | null;
  /** Why its newest attempt failed, and the phase under way; '' for none. */
  readonly problem: string;
  readonly phase: string;
  /** Rejects with PLAN_*, TEACHER_NO_PHASES, MODEL_*. */
  load(choice: MpcChoice): Promise<LoadedPlanner>;
  /** Rejects with PLAN_NONE, PLAN_PROBLEM_INVALID. */
  set(change: { target?: TargetSpec; weights?: MpcWeights }): Promise<void>;
  unload(): Promise<void>;
}

/** The leader of a rig. Its readings, and that it is lost, are told to the session. */
export interface LeaderHost {
  readonly spec: LeaderSpec;
  /** Actuated leaders: goes to these joint positions, slowly and weakly. Rejects with DEVICE_*, LEADER_LOST. */
  follow(q: Float64Array): Promise<void>;
  release(): Promise<void>;
}

/** Where the arm is now. Valid until the next tick. */
export interface ArmView {
  /** As measured, by axis. */
  readonly q: Float64Array;
  /** Tool pose of the command in the base: p x y z, quaternion x y z w. */
  readonly tool: Float64Array;
}

/** An episode made ready to be driven again. */
export interface ReplayPlan {
  /** Physics state at its start, per simulated device; empty when it has none. */
  readonly scene: readonly { readonly device: string; readonly state: Float64Array }[];
  /** Length, s. */
  readonly duration: number;
  /** Hands rows to the loop, the first at once, until all are there. Returns the lead (s) before the second. */
  feed(): number;
  /** Feeds no more. */
  stop(): void;
}

/** What is measured of the devices of a rig, and how they take it. */
export interface CalibrationHost {
  readonly calibration: RobotCalibration;
  raw(device: string): RawReading | null;
  /** The hand of emulated hardware; null where it is real. */
  hand(device: string): Pick<Emulation, 'hand' | 'connect'> | null;
  /** The hand of an emulated leader; null where it is real, or there is none. */
  leaderHand(): Pick<Emulation, 'hand'> | null;
  /** Devices take what was written last; the names of those that were opened anew for it. */
  renew(): Promise<readonly string[]>;
  /** Why a device is not open; '' when it is. */
  away(device: string): string;
  /**
   * Takes a device off its port: what sets its servos up has it then. Until `takeBack` nothing gets torque. Rejects with
   * CALIBRATION_NONE.
   */
  lend(device: string): Promise<Calibrator>;
  /** Opens it, now or as soon as it answers. Why it did not yet, '' when it did. */
  takeBack(device: string): Promise<string>;
  /** The leader is aligned anew: consoles are told. */
  realigned(): void;
}

export interface SessionHost {
  readonly spec: RobotSpec;
  readonly now: Now;
  readonly view: TickView;
  readonly scene: SceneControl | null;
  readonly recorder: EpisodeRecorder;
  readonly policies: PolicyHost;
  readonly planner: PlannerHost;
  /** Null where the robot file names none. */
  readonly leader: LeaderHost | null;
  arm(): ArmView;
  readonly calibration: CalibrationHost;
  /** What its input is; null where the robot file names none. */
  readonly input: InputSpec | null;
  /** What the rig itself knows for the session's state. */
  status(): Pick<SessionState, 'task' | 'devices' | 'cameras' | 'realTime'>;
  /** Queues a request; its number. */
  ask(request: LoopRequest): number;
  /** True when the loop took that request, false when it refused it. Rejects with REQUEST_TIMEOUT. */
  answered(seq: number, timeoutS: number): Promise<boolean>;
  /** Resolves when `condition` holds of a tick; rejects with REQUEST_TIMEOUT. */
  until(what: string, condition: (view: TickView) => boolean, timeoutS: number): Promise<void>;
  /** Hands operator input (operatorLayout, lease and time filled in) to the loop. */
  operate(block: Float64Array): void;
  /** Torque on, torque off; hold without the loop. */
  enableDevices(): Promise<void>;
  disableDevices(): Promise<void>;
  haltDevices(): Promise<void>;
  /** Reads an episode for driving it again. Rejects with REPLAY_IMPOSSIBLE. */
  openReplay(episode: string): Promise<ReplayPlan>;
  /** Tells one operator. */
  notify(client: ClientRef, reply: OperatorReply): void;
  /** The state changed: servers are to be told. */
  changed(): void;
}
