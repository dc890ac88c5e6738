/** Where a controller's inputs and outputs lie in the Tick: offsets looked up once, at allocate time. */
import type { RobotSpec } from '../robot/spec.ts';
import type { TickLayout } from '../robot/tick.ts';

export class TickSlots {
  readonly axes: number;
  /** Nominal period, s. Controllers step by it, so that a missed period delays a motion and never makes it jump. */
  readonly period: number;
  readonly tick: number;
  readonly time: number;
  readonly missed: number;
  readonly q: number;
  readonly epoch: number;
  readonly opSeq: number;
  readonly opClientTime: number;
  readonly opTime: number;
  readonly opKind: number;
  readonly opEnable: number;
  readonly opFrame: number;
  readonly opSpeed: number;
  readonly opJog: number;
  readonly opTwist: number;
  readonly opPose: number;
  readonly opGripper: number;
  readonly opJoints: number;
  readonly rowSeq: number;
  readonly rowStart: number;
  readonly rowTime: number;
  readonly rowDuration: number;
  readonly rowLast: number;
  readonly rowQ: number;
  readonly rowQd: number;
  readonly rowQdd: number;
  readonly rowC3: number;
  readonly rowC4: number;
  readonly rowC5: number;
  readonly rowTau: number;
  readonly cmdQ: number;
  readonly cmdQd: number;
  readonly cmdQdd: number;
  readonly wantQ: number;
  readonly wantQd: number;
  readonly wantTau: number;
  readonly reason: number;
  readonly reasonAll: number;
  readonly manipulability: number;

  constructor(spec: RobotSpec, { layout }: TickLayout) {
    this.axes = spec.axes.length;
    this.period = 1 / spec.loop.rateHz;
    this.tick = layout.at('in.tick');
    this.time = layout.at('in.time');
    this.missed = layout.at('in.missed');
    this.q = layout.at('in.q');
    this.epoch = layout.at('in.task.epoch');
    this.opSeq = layout.at('in.op.seq');
    this.opClientTime = layout.at('in.op.clientTime');
    this.opTime = layout.at('in.op.time');
    this.opKind = layout.at('in.op.kind');
    this.opEnable = layout.at('in.op.enable');
    this.opFrame = layout.at('in.op.frame');
    this.opSpeed = layout.at('in.op.speed');
    this.opJog = layout.at('in.op.jog');
    this.opTwist = layout.at('in.op.twist');
    this.opPose = layout.at('in.op.pose');
    this.opGripper = layout.at('in.op.gripper');
    this.opJoints = layout.at('in.op.joints');
    this.rowSeq = layout.at('in.row.seq');
    this.rowStart = layout.at('in.row.start');
    this.rowTime = layout.at('in.row.time');
    this.rowDuration = layout.at('in.row.duration');
    this.rowLast = layout.at('in.row.last');
    this.rowQ = layout.at('in.row.q');
    this.rowQd = layout.at('in.row.qd');
    this.rowQdd = layout.at('in.row.qdd');
    this.rowC3 = layout.at('in.row.c3');
    this.rowC4 = layout.at('in.row.c4');
    this.rowC5 = layout.at('in.row.c5');
    this.rowTau = layout.at('in.row.tau');
    this.cmdQ = layout.at('out.q');
    this.cmdQd = layout.at('out.qd');
    this.cmdQdd = layout.at('out.qdd');
    this.wantQ = layout.at('out.requested.q');
    this.wantQd = layout.at('out.requested.qd');
    this.wantTau = layout.at('out.requested.tau');
    this.reason = layout.at('out.reason');
    this.reasonAll = layout.at('out.reasonAll');
    this.manipulability = layout.at('out.manipulability');
  }

  /** Ors reason bits into one axis and into the whole. */
  flag(tick: Float64Array, axis: number, bits: number): void {
    tick[this.reason + axis] = tick[this.reason + axis]! | bits;
    this.flagAll(tick, bits);
  }

  /** Ors reason bits into the whole arm's. */
  flagAll(tick: Float64Array, bits: number): void {
    tick[this.reasonAll] = tick[this.reasonAll]! | bits;
  }

  /** Asks for position and velocity of one axis, with no feed-forward effort. */
  want(tick: Float64Array, axis: number, q: number, qd: number): void {
    tick[this.wantQ + axis] = q;
    tick[this.wantQd + axis] = qd;
    tick[this.wantTau + axis] = 0;
  }
}
