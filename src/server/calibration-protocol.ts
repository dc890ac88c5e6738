/**
 * What crosses between the rig, the server and a browser about calibration. Used by src/session, src/server and
 * src/console alike.
 */
import type { AlignedJoint, DeviceState } from '../robot/calibration-state.ts';

/*
 *   GET  /api/calibration          CalibrationView
 *   POST /api/calibration/start    {lease, device?, what, axes?, pose?, repeats?, opening?} → CalibrationView
 *   POST /api/calibration/take     {lease}: the hand has done what the step says; after the last one it is written
 *   POST /api/calibration/skip     {lease}
 *   POST /api/calibration/hand     {lease}: in a dry run, the emulated hand does what the step says
 *   POST /api/calibration/stop     {lease}: nothing is written
 */

export type CalibratedDevice = Omit<DeviceState, 'calibration'> & {
  /** Procedures that there are for it; empty where nothing can be measured. */
  readonly procedures: readonly ('ids' | 'joints' | 'gripper')[];
  /** Why it is not open; '' when it is. */
  readonly away: string;
  /** Raw positions now, in the order of `axes`; null while they are not known. */
  readonly raw: readonly number[] | null;
  /** Whether any of its axes has torque; null while that is not known. */
  readonly torque: 'on' | 'off' | null;
};

export interface CalibrationView {
  readonly hardware: 'real' | 'emulated';
  /** Why torque stays off, '' when it does not. */
  readonly barred: string;
  /** Of what is in force, as it goes into episodes; null for nothing. */
  readonly sha256: string | null;
  readonly files: readonly {
    readonly kind: string;
    readonly version: number;
    readonly written: string;
    readonly sha256: string;
  }[];
  readonly devices: readonly CalibratedDevice[];
  /** How the leader is aligned with the arm; null without one. */
  readonly leader: {
    readonly name: string;
    readonly status: 'missing' | 'stale' | 'fits';
    readonly words: string;
    /** Its readings come. */
    readonly heard: 'yes' | 'no';
    /** Its joints, then its trigger, with what each reads now (rad; trigger: 0..1); null while nothing is heard. */
    readonly joints: readonly (AlignedJoint & { readonly now: number | null })[];
  } | null;
  /** The procedure under way. */
  readonly procedure: {
    readonly device: string;
    readonly what: string;
    /** Step, counted from 0, of how many. */
    readonly at: number;
    readonly of: number;
    readonly words: string;
    readonly skippable: boolean;
    /** Names of the axes that must be still. */
    readonly axes: readonly string[];
    /** What goes on now, and what the step before came to; '' for nothing. */
    readonly doing: string;
    readonly said: string;
    /** There is an emulated hand. */
    readonly hand: boolean;
  } | null;
}
