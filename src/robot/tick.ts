/**
 * The Tick: everything one cycle read (`in.*`) and everything it decided (`out.*`), as one block of float64.
 * The cycle is a pure function: out.* = f(in.*, request, memory). Codes and counters are whole numbers stored as
 * float64 (exact below 2^53). Times are monotonic seconds of the rig's one clock.
 */
import { type FieldSpec, Layout } from './layout.ts';
import { planFields } from './plan.ts';
import type { RobotSpec } from './spec.ts';

/** Rig states. */
export const Mode = { off: 0, connected: 1, holding: 2, active: 3, stopping: 4, stopped: 5 } as const;
export type Mode = (typeof Mode)[keyof typeof Mode];

/** Who a command comes from. */
export const Source = {
  none: 0,
  human: 1,
  policy: 2,
  mpc: 3,
  replay: 4,
  safety: 5,
  reset: 6,
  script: 7,
} as const;
export type Source = (typeof Source)[keyof typeof Source];

/** The controllers that may fill the one slot. Numbers are stored in episodes: append, never renumber. */
export const ControllerId = {
  hold: 0,
  jog: 1,
  twist: 2,
  pose: 3,
  trajectory: 4,
  gripper: 5,
  replay: 6,
  home: 7,
  reset: 8,
  policy: 9,
  mpc: 10,
  leader: 11,
} as const; // prettier-ignore
export type ControllerId = (typeof ControllerId)[keyof typeof ControllerId];

/** What a request asks of the loop. Requests are recorded whole on their own topic, keyed by in.request.seq. */
export const RequestKind = {
  none: 0,
  /** off → connected → holding: start sending, holding the measured pose. */
  arm: 1,
  /** holding → active with `controller` and its arguments; active → active swaps the controller. */
  activate: 2,
  /** active → stopping → holding. Not latched. */
  hold: 3,
  /** Any → stopping → stopped, latched. */
  estop: 4,
  /** stopped → holding, after the cause is gone. */
  clear: 5,
  /** Controlled stop, then off: no more commands are sent. */
  disarm: 6,
  /** Copy the cycle's memory before this tick into the snapshot ring (an episode starts here). */
  snapshot: 7,
} as const;
export type RequestKind = (typeof RequestKind)[keyof typeof RequestKind];

/** What operator input carries. */
export const OperatorKind = { none: 0, jog: 1, twist: 2, pose: 3, joints: 4 } as const;
export type OperatorKind = (typeof OperatorKind)[keyof typeof OperatorKind];

export const CommandMode = { idle: 0, position: 1, velocity: 2, torque: 3 } as const;
export type CommandMode = (typeof CommandMode)[keyof typeof CommandMode];

/**
 * Why a command was changed, refused, or why the arm stops: bit flags, per axis in out.reason and for the whole arm
 * in out.reasonAll. Stored in episodes: append, never renumber.
 */
export const Reason = {
  notFinite: 1 << 0,
  workspace: 1 << 1,
  selfCollision: 1 << 2,
  singularity: 1 << 3,
  position: 1 << 4,
  velocity: 1 << 5,
  acceleration: 1 << 6,
  jerk: 1 << 7,
  torque: 1 << 8,
  startRamp: 1 << 9,
  staleState: 1 << 10,
  missedPeriods: 1 << 11,
  deadman: 1 << 12,
  estop: 1 << 13,
  deviceLost: 1 << 14,
  deviceFault: 1 << 15,
  controllerFault: 1 << 16,
  ikFailed: 1 << 17,
  underrun: 1 << 18,
  requested: 1 << 19,
  poseMismatch: 1 << 20,
  planLate: 1 << 21,
  planFailed: 1 << 22,
} as const;

/** Device status bits in in.device.status. */
export const DeviceStatus = { online: 1, enabled: 2, fault: 4, watchdog: 8 } as const;

/** Operator input as it travels from browser, leader arm or script to the loop, and into the Tick as in.op.*. */
export function operatorFields(axes: number): FieldSpec[] {
  return [
    { name: 'seq', unit: '1', doc: 'counts up by one per message of one lease' },
    { name: 'lease', unit: '1', doc: 'number of the control lease; 0 when nobody drives' },
    { name: 'clientTime', unit: 's', doc: 'sender stamp on the sender clock' },
    { name: 'time', unit: 's', doc: 'rig monotonic time of arrival; the deadman counts from it' },
    { name: 'kind', unit: '1', doc: 'OperatorKind' },
    { name: 'enable', unit: '1', doc: '1 while the operator holds the deadman (any key, trigger or drag)' },
    { name: 'frame', unit: '1', doc: '0 base, 1 tool: the frame in which the twist is given' },
    { name: 'speed', unit: '1', doc: 'scale 0..1 on the full-scale speeds of the robot file' },
    { name: 'jog', length: axes, unit: '1', doc: 'per axis, -1..1 of full scale' },
    { name: 'twist', length: 6, unit: '1', doc: 'vx vy vz wx wy wz, -1..1 of full scale, in frame' },
    { name: 'pose', length: 7, unit: 'm|1', doc: 'target of the tool in base: p x y z, quaternion x y z w' },
    { name: 'gripper', unit: '1', doc: '-1 closes, +1 opens, at full-scale gripper speed' },
    { name: 'joints', length: axes, unit: 'axis', doc: 'positions of the axes that a leader arm asks for' },
  ];
}
export function operatorLayout(axes: number): Layout {
  return Layout.of('operator', operatorFields(axes));
}

export const REQUEST_ARGS = 512;
/** A request from the session to the loop. `args` is what the controller documents for its reset. */
export const requestLayout = Layout.of('request', [
  { name: 'seq', unit: '1', doc: 'counts up by one; 0 is no request' },
  { name: 'time', unit: 's', doc: 'when it was made' },
  { name: 'kind', unit: '1', doc: 'RequestKind' },
  { name: 'controller', unit: '1', doc: 'ControllerId for activate' },
  { name: 'source', unit: '1', doc: 'Source: who will drive' },
  { name: 'lease', unit: '1', doc: 'the control lease that asks' },
  { name: 'count', unit: '1', doc: 'how many of args are meaningful' },
  { name: 'args', length: REQUEST_ARGS, unit: 'mixed' },
]);

/** A chunk has at most this many rows: the loop takes it in whole, in one tick. */
export const CHUNK_ROWS = 256;
/**
 * One row of a streamed plan (replay, policy chunk, MPC): what to do from `time` on. With s = seconds since `time`, the
 * row is the polynomial q + qd s + qdd/2 s² + c3 s³ + c4 s⁴ + c5 s⁵ for `duration`; a replayed row is its first values.
 */
export function rowFields(axes: number): FieldSpec[] {
  return [
    { name: 'seq', unit: '1', doc: 'counts up by one per row of one activation; 0: no row yet' },
    {
      name: 'chunk',
      unit: '1',
      doc: 'rows of a newer chunk replace those of older ones from its first time on',
    },
    { name: 'rows', unit: '1', doc: 'rows of the chunk from this one on; it is taken in when all are there' },
    {
      name: 'start',
      unit: 's',
      doc: 'in.time of the activation tick that `time` counts from; in the Tick 0 while no plan runs',
    },
    {
      name: 'captured',
      unit: 's',
      doc: 'capture time of the newest picture (or else state) that the chunk follows from; 0 for a plan',
    },
    { name: 'time', unit: 's', doc: 'from this time on, relative to the activation tick' },
    { name: 'duration', unit: 's', doc: 'how long the polynomial holds' },
    { name: 'last', unit: '1', doc: '1: the plan ends with this row' },
    { name: 'q', length: axes, unit: 'axis' },
    { name: 'qd', length: axes, unit: 'axis/s' },
    { name: 'qdd', length: axes, unit: 'axis/s²' },
    { name: 'c3', length: axes, unit: 'axis/s³', doc: 'coefficient of s³' },
    { name: 'c4', length: axes, unit: 'axis/s⁴', doc: 'coefficient of s⁴' },
    { name: 'c5', length: axes, unit: 'axis/s⁵', doc: 'coefficient of s⁵' },
    { name: 'tau', length: axes, unit: 'N·m|N' },
  ];
}
export function rowLayout(axes: number): Layout {
  return Layout.of('row', rowFields(axes));
}

/** What a device publishes: one block per device in its own Latest. Axis vectors in the device's own axis order. */
export const RESIDUALS = 16;
export function deviceStateLayout(axes: number): Layout {
  return Layout.of('deviceState', [
    { name: 'seq', unit: '1', doc: 'counts up by one per published state' },
    { name: 'time', unit: 's', doc: 'capture time on the rig clock' },
    { name: 'deviceTime', unit: 's', doc: 'capture time on the device clock' },
    { name: 'status', unit: '1', doc: 'DeviceStatus bits' },
    { name: 'commandTick', unit: '1', doc: 'tick number of the last command that the device has taken' },
    { name: 'q', length: axes, unit: 'axis' },
    { name: 'qd', length: axes, unit: 'axis/s' },
    { name: 'tau', length: axes, unit: 'N·m|N' },
    { name: 'epoch', unit: '1', doc: 'counts resets of a simulated scene' },
    { name: 'seed', unit: '1', doc: 'seed of the running scene' },
    { name: 'reward', unit: '1' },
    { name: 'success', unit: '1', doc: '1 when the task judges the goal reached' },
    { name: 'residual', length: RESIDUALS, unit: 'mixed', doc: "the task's numbered residuals" },
  ]);
}

/** What a device takes: one block per device in its own Latest. Axis vectors in the device's own axis order. */
export function commandLayout(axes: number): Layout {
  return Layout.of('command', [
    { name: 'tick', unit: '1' },
    { name: 'time', unit: 's', doc: 'when the loop wrote it' },
    { name: 'mode', unit: '1', doc: 'CommandMode for all axes of the device' },
    {
      name: 'epoch',
      unit: '1',
      doc: 'in.task.epoch that it was computed from: a command made before a reset is void',
    },
    { name: 'q', length: axes, unit: 'axis' },
    { name: 'qd', length: axes, unit: 'axis/s' },
    { name: 'tau', length: axes, unit: 'N·m|N', doc: 'feed-forward, or the command in torque mode' },
    { name: 'kp', length: axes, unit: 'N·m/rad|N/m' },
    { name: 'kd', length: axes, unit: 'N·m·s/rad|N·s/m' },
  ]);
}

/** What a device host did with a command: written into its own Ring, joined to the Tick by number at read. */
export function sentLayout(axes: number): Layout {
  return Layout.of('sent', [
    { name: 'tick', unit: '1' },
    { name: 'written', unit: 's', doc: 'when the command left for the device; rig clock' },
    { name: 'acknowledged', unit: 's', doc: 'when the device confirmed it; NaN when it does not' },
    { name: 'mode', unit: '1', doc: 'CommandMode as sent' },
    { name: 'q', length: axes, unit: 'axis', doc: 'as really sent, after the device rounding and clamping' },
    { name: 'qd', length: axes, unit: 'axis/s' },
    { name: 'tau', length: axes, unit: 'N·m|N' },
    { name: 'measuredTime', unit: 's', doc: 'capture time of the first state after the command' },
    { name: 'measuredQ', length: axes, unit: 'axis' },
    { name: 'measuredQd', length: axes, unit: 'axis/s' },
    { name: 'measuredTau', length: axes, unit: 'N·m|N' },
  ]);
}

/** The Tick of one rig. `in.*` come first and contiguously: in = [0, inputSize), out = [inputSize, size). */
export interface TickLayout {
  readonly layout: Layout;
  readonly inputSize: number;
}

const prefixed = (prefix: string, fields: readonly FieldSpec[]): FieldSpec[] =>
  fields.map((f) => ({ ...f, name: `${prefix}.${f.name}` }));

export function tickLayout(spec: RobotSpec): TickLayout {
  const n = spec.axes.length;
  const d = spec.devices.length;
  const inputs: FieldSpec[] = [
    { name: 'in.tick', unit: '1', doc: 'counts up by one per executed cycle' },
    { name: 'in.time', unit: 's', doc: 'the planned time of this cycle: what control uses as now' },
    { name: 'in.wake', unit: 's', doc: 'when the thread really woke; lateness = wake - time' },
    { name: 'in.dt', unit: 's', doc: 'time since the cycle before: a whole number of periods' },
    { name: 'in.missed', unit: '1', doc: 'whole periods skipped before this cycle' },
    { name: 'in.q', length: n, unit: 'axis', doc: 'measured' },
    { name: 'in.qd', length: n, unit: 'axis/s', doc: 'measured' },
    { name: 'in.tau', length: n, unit: 'N·m|N', doc: 'measured' },
    { name: 'in.device.seq', length: d, unit: '1' },
    { name: 'in.device.time', length: d, unit: 's', doc: 'capture time of the state in use, per device' },
    { name: 'in.device.status', length: d, unit: '1', doc: 'DeviceStatus bits' },
    { name: 'in.device.commandTick', length: d, unit: '1', doc: 'last command that the device has taken' },
    { name: 'in.task.epoch', unit: '1' },
    { name: 'in.task.seed', unit: '1' },
    { name: 'in.task.reward', unit: '1' },
    { name: 'in.task.success', unit: '1' },
    { name: 'in.task.residual', length: RESIDUALS, unit: 'mixed' },
    { name: 'in.request.seq', unit: '1', doc: 'the request that this tick takes; 0 for none' },
    ...prefixed('in.op', operatorFields(n)),
    ...prefixed('in.row', rowFields(n)),
    ...prefixed('in.plan', planFields(spec.armAxes)),
  ];
  const outputs: FieldSpec[] = [
    { name: 'out.mode', unit: '1', doc: 'Mode after this tick' },
    { name: 'out.controller', unit: '1', doc: 'ControllerId in the slot' },
    { name: 'out.source', unit: '1', doc: 'Source of the command' },
    { name: 'out.commandMode', unit: '1', doc: 'CommandMode' },
    {
      name: 'out.request.accepted',
      unit: '1',
      doc: 'in.request.seq when it was taken, its negative when refused',
    },
    { name: 'out.requested.q', length: n, unit: 'axis', doc: 'what the controller wants' },
    { name: 'out.requested.qd', length: n, unit: 'axis/s' },
    { name: 'out.requested.tau', length: n, unit: 'N·m|N' },
    { name: 'out.q', length: n, unit: 'axis', doc: 'after the guard: what goes to the devices' },
    { name: 'out.qd', length: n, unit: 'axis/s' },
    { name: 'out.qdd', length: n, unit: 'axis/s²' },
    { name: 'out.tau', length: n, unit: 'N·m|N' },
    { name: 'out.kp', length: n, unit: 'N·m/rad|N/m' },
    { name: 'out.kd', length: n, unit: 'N·m·s/rad|N·s/m' },
    { name: 'out.reason', length: n, unit: '1', doc: 'Reason bits per axis' },
    { name: 'out.reasonAll', unit: '1', doc: 'Reason bits for the whole arm in this tick' },
    { name: 'out.fault', unit: '1', doc: 'Reason bits that latched the stop; 0 unless stopping or stopped' },
    { name: 'out.done', unit: '1', doc: '1 when the controller in the slot has finished' },
    {
      name: 'out.tool',
      length: 7,
      unit: 'm|1',
      doc: 'measured tool pose in base: p x y z, quaternion x y z w',
    },
    { name: 'out.toolCmd', length: 7, unit: 'm|1', doc: 'tool pose of the command' },
    { name: 'out.manipulability', unit: '1', doc: 'smallest / largest singular value of the tool Jacobian' },
    {
      name: 'out.logProb',
      unit: '1',
      doc: 'log-probability of the action under the behaviour policy; NaN when unknown',
    },
    {
      name: 'out.inputHash',
      unit: '1',
      doc: 'hash (53 bits) of in.* and of the request taken: shows any change to recorded inputs',
    },
  ];
  const inputSize = inputs.reduce((sum, f) => sum + (f.length ?? 1), 0);
  return { layout: Layout.of('tick', [...inputs, ...outputs]), inputSize };
}

/** Stamps of the loop thread that are not part of the cycle: appended to each Tick when it is recorded. */
export const stampFields: readonly FieldSpec[] = [
  { name: 'stamp.seen', unit: 's', doc: 'when the inputs were gathered' },
  { name: 'stamp.computed', unit: 's', doc: 'when the cycle had finished' },
  { name: 'stamp.written', unit: 's', doc: 'when the commands were published to the devices' },
];
/** What travels in the tick Ring and in the MCAP topic /tick: the Tick, then the stamps. */
export function tickRecordLayout(spec: RobotSpec): Layout {
  return Layout.of('tickRecord', [...tickLayout(spec).layout.fields, ...stampFields]);
}
