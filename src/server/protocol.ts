/** What crosses between the server and a browser (or any client). Used by src/server and src/console alike. */
import type { TargetSpec } from '../plan/mpc/target.ts';
import { Layout } from '../robot/layout.ts';
import type { LeaderAction } from '../robot/leader.ts';
import { MOST_TERMS, PATH_POINTS } from '../robot/plan.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { RESIDUALS } from '../robot/tick.ts';

export const LIVE_PROTOCOL = 1;

/** One binary message of /api/live: a Float64Array of this layout, little-endian, 60 times a second. */
export function liveLayout(axes: number, bodies: number): Layout {
  return Layout.of('live', [
    { name: 'time', unit: 's', doc: 'rig monotonic time of the tick shown' },
    { name: 'wall', unit: 's', doc: 'the same instant as seconds since 1970' },
    { name: 'tick', unit: '1' },
    { name: 'mode', unit: '1', doc: 'Mode' },
    { name: 'controller', unit: '1', doc: 'ControllerId' },
    { name: 'source', unit: '1', doc: 'Source' },
    { name: 'reasonAll', unit: '1', doc: 'Reason bits seen since the message before, or-ed' },
    { name: 'reason', length: axes, unit: '1', doc: 'the same per axis' },
    { name: 'fault', unit: '1' },
    { name: 'done', unit: '1' },
    { name: 'q', length: axes, unit: 'axis' },
    { name: 'qd', length: axes, unit: 'axis/s' },
    { name: 'tau', length: axes, unit: 'N·m|N' },
    { name: 'qCmd', length: axes, unit: 'axis' },
    { name: 'tool', length: 7, unit: 'm|1' },
    { name: 'toolCmd', length: 7, unit: 'm|1' },
    { name: 'manipulability', unit: '1' },
    { name: 'lease', unit: '1', doc: 'lease in force, 0 when nobody drives' },
    { name: 'operatorSeq', unit: '1', doc: 'last operator message that the loop has used' },
    { name: 'epoch', unit: '1' },
    { name: 'seed', unit: '1' },
    { name: 'reward', unit: '1' },
    { name: 'success', unit: '1' },
    { name: 'residual', length: RESIDUALS, unit: 'mixed' },
    { name: 'loop.rate', unit: 'Hz', doc: 'measured over the last second' },
    { name: 'loop.latenessP50', unit: 's', doc: 'over the last second' },
    { name: 'loop.latenessP99', unit: 's' },
    { name: 'loop.latenessMax', unit: 's' },
    { name: 'loop.missed', unit: '1', doc: 'periods skipped since the start' },
    { name: 'loop.work', unit: 's', doc: 'median time of a cycle over the last second' },
    { name: 'policy.loaded', unit: '1', doc: '1 while a policy is ready or drives; `source` says which' },
    {
      name: 'policy.chunkAge',
      unit: 's',
      doc: 'since the observation of the newest chunk; NaN before the first',
    },
    {
      name: 'policy.inferenceMs',
      unit: 'ms',
      doc: 'time of the newest call of the model; NaN before the first',
    },
    { name: 'policy.chunks', unit: '1', doc: 'chunks since the policy took over' },
    { name: 'policy.refused', unit: '1', doc: 'observations and chunks that were refused since then' },
    { name: 'policy.underruns', unit: '1', doc: 'times that its rows ran out since then' },
    { name: 'planner.loaded', unit: '1', doc: '1 while a planner is ready or drives; `source` says which' },
    {
      name: 'planner.age',
      unit: 's',
      doc: 'since the state of the plan in force, 0 for one yet to come; NaN without one',
    },
    { name: 'planner.plans', unit: '1', doc: 'plans since it took over' },
    { name: 'planner.improved', unit: '1', doc: 'those whose iteration found a lower cost' },
    { name: 'planner.failed', unit: '1', doc: 'attempts that failed since then' },
    { name: 'planner.problem', unit: '1', doc: 'PlanProblem of the newest attempt' },
    { name: 'planner.rate', unit: 'Hz', doc: 'plans per second; 0 while it does not drive' },
    { name: 'planner.solveP50', unit: 's', doc: 'time of a plan, of the last 256' },
    { name: 'planner.solveP99', unit: 's' },
    { name: 'planner.lead', unit: 's', doc: 'how far ahead of now plans are made' },
    { name: 'planner.cost', unit: '1', doc: 'of the plan in force; NaN before the first' },
    {
      name: 'planner.terms',
      length: MOST_TERMS,
      unit: '1',
      doc: 'what each term of the session state adds to it, in their order; NaN behind',
    },
    {
      name: 'planner.path',
      length: 3 * PATH_POINTS,
      unit: 'm',
      doc: 'planned way of the tool in the base, evenly over the horizon: x y z each; NaN before the first plan',
    },
    { name: 'leader.state', unit: '1', doc: 'LeaderState' },
    { name: 'leader.age', unit: 's', doc: 'since the newest reading; NaN before the first' },
    { name: 'leader.matched', unit: '1', doc: '1 while it may take over: every axis within its tolerance' },
    {
      name: 'leader.gap',
      length: axes,
      unit: 'axis',
      doc: 'what it asks for less where the arm is; NaN where it drives nothing',
    },
    { name: 'leader.trigger', unit: '1', doc: '0 released, 1 squeezed; NaN without one' },
    { name: 'leader.buttons', unit: '1', doc: 'bit i: button i is held' },
    { name: 'recording', unit: 's', doc: 'length of the running recording; -1 when none runs' },
    {
      name: 'poses',
      length: bodies * 7,
      unit: 'm|1',
      doc: 'scene bodies in the world: p x y z, quaternion x y z w',
    },
  ]);
}

/** First text message of /api/live. */
export interface Hello {
  readonly type: 'hello';
  readonly protocol: typeof LIVE_PROTOCOL;
  readonly version: string;
  readonly robot: Omit<RobotSpec, 'source'>;
  readonly layout: ReturnType<Layout['toJSON']>;
  /** Float32/Uint32 arrays are sent as plain arrays. */
  readonly scene: JsonScene | null;
  /** Indices of scene bodies that belong to the model, by model body order; for play-back by kinematics. */
  readonly session: SessionState;
}

export type JsonScene = Omit<SceneDescription, 'meshes'> & {
  readonly meshes: readonly { readonly vertices: readonly number[]; readonly triangles: readonly number[] }[];
};

export type RecordingState = 'idle' | 'recording' | 'review';
export type EpisodeLabel = 'success' | 'failure' | 'unlabelled';

/**
 * One row of an episode's trace, for play-back: the newest recorded values at or before its time. Rows lie evenly, at
 * the rate that was asked for, from the start of the episode on.
 */
export function traceLayout(axes: number, bodies: number): Layout {
  return Layout.of('trace', [
    { name: 'time', unit: 's', doc: 'since the first tick of the episode' },
    { name: 'mode', unit: '1', doc: 'Mode' },
    { name: 'controller', unit: '1', doc: 'ControllerId' },
    { name: 'source', unit: '1', doc: 'Source' },
    { name: 'reasonAll', unit: '1', doc: 'Reason bits since the row before, or-ed' },
    { name: 'missed', unit: '1', doc: 'periods skipped since the row before' },
    { name: 'q', length: axes, unit: 'axis' },
    { name: 'qd', length: axes, unit: 'axis/s' },
    { name: 'qCmd', length: axes, unit: 'axis' },
    { name: 'tool', length: 7, unit: 'm|1' },
    { name: 'toolCmd', length: 7, unit: 'm|1' },
    {
      name: 'poses',
      length: bodies * 7,
      unit: 'm|1',
      doc: 'scene bodies in the world: p x y z, quaternion x y z w',
    },
  ]);
}

/** Header of GET /api/episodes/:id/trace. Its rows follow as float64, little-endian, from the next multiple of 8. */
export interface TraceHeader {
  readonly layout: ReturnType<Layout['toJSON']>;
  readonly rows: number;
  readonly axes: readonly { readonly name: string; readonly type: 'revolute' | 'prismatic' }[];
  /** Null for episodes without a scene; then there are no poses. */
  readonly scene: JsonScene | null;
}

/** A policy that can be named for `deploy`. */
export interface PolicyListing {
  readonly name: string;
  readonly description: string;
  /** Tasks that it was trained for. */
  readonly tasks: readonly string[];
  /** What it can be asked to do: one of these is to be chosen when there are several. */
  readonly conditions: readonly string[];
  /** Fields that its goal is made of; null for a policy that takes no goal. */
  readonly goal: readonly string[] | null;
  readonly execution: string;
  readonly rateHz: number;
  readonly evaluation: {
    readonly task: string;
    readonly episodes: number;
    readonly successes: number;
    readonly low: number;
    readonly high: number;
    readonly date: string;
  } | null; // prettier-ignore
  /** Why it cannot drive this rig; empty when it can. */
  readonly problems: readonly string[];
}

/** What a planner can be asked to do: GET /api/planner/tasks. */
export interface PlannerTask {
  readonly name: string;
  readonly text: string;
  /** Kinds of targets that it takes (TargetSpec), 'phases' or 'scene' for the scene's own. */
  readonly targets: readonly string[];
  readonly drive: 'position' | 'torque';
  readonly horizon: number;
  readonly dt: number;
  readonly terms: readonly {
    readonly name: string;
    readonly kind: string;
    readonly weight: number;
    readonly final: number;
  }[];
}

/** What a session is doing, as text: sent when it changes ({type: 'session', session}). */
export interface SessionState {
  readonly rig: string;
  readonly connected: boolean;
  readonly lease: { readonly id: number; readonly operator: string } | null;
  readonly recording: {
    readonly state: RecordingState;
    /** Running or under review; null when idle. */
    readonly episode: string | null;
    readonly task: string;
    readonly operator: string;
  };
  readonly task: {
    readonly name: string;
    readonly text: string;
    readonly seed: number;
    readonly tasks: readonly string[];
    /** Targets that it has for planners, besides those that people give: see PlannerTask. */
    readonly planning: readonly ('phases' | 'scene')[];
  } | null;
  readonly devices: readonly { readonly name: string; readonly kind: string; readonly status: string }[];
  readonly cameras: readonly {
    readonly name: string;
    readonly width: number;
    readonly height: number;
    readonly fps: number;
    readonly measuredFps: number;
    readonly dropped: number;
  }[]; // prettier-ignore
  readonly realTime: { readonly fifo: boolean; readonly reason: string };
  /** The policy that is loaded, or being loaded; null for none. */
  readonly policy: {
    readonly name: string;
    /** Of its policy.json. */
    readonly sha256: string;
    /** `ready`: somebody else drives, or nobody; `driving`: it does. */
    readonly state: 'loading' | 'ready' | 'driving';
    /** What it was asked to do, '' when it does one thing. */
    readonly task: string;
    /** Why its newest chunk did not come, '' when all came. */
    readonly problem: string;
  } | null; // prettier-ignore
  /** The planner that is loaded, or being loaded; null for none. */
  readonly planner: {
    /** Name of its task, one of GET /api/planner/tasks. */
    readonly task: string;
    /** `ready`: somebody else drives, or nobody; `driving`: it does. */
    readonly state: 'loading' | 'ready' | 'driving';
    /** 'position' or 'torque'; '' while loading. */
    readonly drive: string;
    readonly horizon: number;
    /** s per stage. */
    readonly dt: number;
    /** null: of the scene. */
    readonly target: TargetSpec | null;
    /** In the order of planner.terms of the live stream. */
    readonly terms: readonly {
      readonly name: string;
      readonly kind: string;
      readonly weight: number;
      readonly final: number;
    }[];
    /** Why its newest attempt failed, '' when it did not. */
    readonly problem: string;
    /** Phase under way, '' for tasks without. */
    readonly phase: string;
  } | null; // prettier-ignore
  /** The leader of the robot file; null where it names none. */
  readonly leader: {
    readonly name: string;
    readonly kind: string;
    readonly mapping: 'joint' | 'pose';
    readonly drive: 'passive' | 'actuated';
    /** `aligning`: an actuated leader goes to the pose of the arm. */
    readonly state: 'lost' | 'ready' | 'aligning' | 'driving';
    /** Why it is lost; '' when it is there. */
    readonly reason: string;
    /** Largest difference at which it may take over, rad; of the gripper, m, null where it drives none. */
    readonly tolerance: number;
    readonly triggerTolerance: number | null;
    readonly buttons: readonly { readonly button: number; readonly does: LeaderAction }[];
  } | null; // prettier-ignore
  /** Newest last, at most 50. */
  readonly events: readonly SessionEvent[];
}

export interface SessionEvent {
  readonly time: number;
  readonly level: 'info' | 'warning' | 'error';
  readonly text: string;
}

export type ServerText =
  | Hello
  | { readonly type: 'session'; readonly session: SessionState }
  | { readonly type: 'rig'; readonly connected: boolean };

/**
 * /api/operator. Text from client: take or release the lease. Binary from client, 100 Hz: Float64Array of
 * operatorLayout (the rig fills `lease` and `time`). Text from server: the answers below.
 */
export type OperatorText =
  | { readonly type: 'take'; readonly operator: string }
  | { readonly type: 'release' };
export type OperatorReply =
  | { readonly type: 'lease'; readonly granted: boolean; readonly lease: number; readonly reason: string }
  | { readonly type: 'ack'; readonly seq: number; readonly clientTime: number; readonly rigTime: number }
  | { readonly type: 'lost'; readonly reason: string };

/** POST /api/request (needs the lease number, but for `hold` and `estop`). */
export interface RequestBody {
  readonly kind: 'arm' | 'activate' | 'hold' | 'estop' | 'clear' | 'disarm';
  readonly lease?: number;
  readonly controller?: 'hold' | 'jog' | 'twist' | 'pose' | 'trajectory' | 'gripper' | 'replay' | 'home';
  readonly args?: readonly number[];
}

/*
 * HTTP, all JSON, schemas at /docs. Errors: {error: {code, message, todo}}.
 *   GET  /api/rig                       Hello without `type`
 *   POST /api/request                   RequestBody → {seq}
 *   POST /api/estop                     → {seq}; needs no lease
 *   POST /api/scene/reset               {lease, seed?} → {seed}
 *   POST /api/scene/push                {lease, body, point, towards, force?, seconds?} → {}: pulls at a simulated body
 *   POST /api/home                      {lease} → {seq}
 *   POST /api/recording/start           {lease, task, operator} → {episode}
 *   POST /api/recording/stop            {lease} → {episode}          state: review
 *   POST /api/recording/label           {lease, label, cause?} → {episode}   closes the file; state: idle
 *   POST /api/recording/discard         {lease} → {episode}          to the trash; state: idle
 *   POST /api/recording/rerecord        {lease} → {episode}          discard, reset the scene, start again
 *   GET  /api/policies                  PolicyListing[]
 *   GET  /api/policies/:name/goal?episode=ID   {goal}: the end of that episode, as the policy takes its goal
 *   POST /api/policy/deploy             {lease, policy, task?, goal?} → {seq}: loads it, and it drives
 *   POST /api/policy/resume             {lease} → {seq}: hands back to the policy that is loaded
 *   POST /api/policy/stop               {lease} → {}: holds, and lets go of the policy
 *   POST /api/leader/engage             {lease} → {seq}: the leader drives, where it agrees with the arm
 *   POST /api/leader/release            {lease} → {}: it drives no more, and the arm holds
 *   GET  /api/planner/tasks             PlannerTask[]
 *   POST /api/planner/start             {lease, task, drive?, target?, weights?, horizon?, dt?} → {seq}: it drives
 *   POST /api/planner/set               {lease, target?, weights?} → {}: from the next plan on
 *   POST /api/planner/resume            {lease} → {seq}: hands back to the planner that is loaded
 *   POST /api/planner/stop              {lease} → {}: holds, and lets go of the planner
 *   GET  /api/episodes                  EpisodeSummary[] newest first
 *   GET  /api/episodes/:id              EpisodeSummary
 *   GET  /api/episodes/:id/trace?hz=30  binary: u32 length of a JSON header, TraceHeader, pad to 8, rows
 *   GET  /api/episodes/:id/frame/:camera?at=SECONDS   image/jpeg: newest frame at or before; s since the first tick
 *   POST /api/episodes/:id/label        {label, cause?}
 *   POST /api/episodes/:id/trash | restore
 *   POST /api/episodes/:id/replay       {lease} → {seq}: drives the arm through it
 *   WS   /api/live, /api/operator, /api/cameras/:name (binary: float64 seq, float64 capture time, JPEG)
 *   GET  /metrics, /docs, /api/health
 */
export interface EpisodeSummary {
  readonly id: string;
  readonly rig: string;
  readonly task: string;
  readonly operator: string;
  readonly label: EpisodeLabel;
  readonly cause: string;
  /** Seconds since 1970. */
  readonly startedAt: number;
  readonly duration: number;
  readonly ticks: number;
  readonly rateHz: number;
  readonly missed: number;
  readonly bytes: number;
  readonly seed: number;
  readonly sources: readonly string[];
  /** Words of the quality gate; empty when it passed. */
  readonly flags: readonly string[];
  readonly repaired: boolean;
  readonly trashed: boolean;
  readonly cameras: readonly {
    readonly name: string;
    readonly frames: number;
    readonly fps: number;
    readonly maxGap: number;
  }[];
}
