/** One lively situation per controller, for tests that run over all of them. */
import { CommandMode, ControllerId, OperatorKind } from '../../src/robot/tick.ts';
import { type Bench, HOME } from '../support/bench-arm.ts';

export interface Scenario {
  readonly id: number;
  readonly args: readonly number[];
  /** Sets the inputs of tick i. */
  readonly inputs: (bench: Bench, i: number) => void;
}

const FAR = [0.3, 0.2, -0.2, -1.8, 0.1, 1.9, -0.4, 0.05];
const TARGET = [0.45, 0.1, 0.3, 1, 0, 0, 0];

const drive =
  (kind: number): Scenario['inputs'] =>
  (bench, i) => {
    const phase = Math.floor(i / 150) % 3;
    bench.operate(kind, {
      jog: Array.from({ length: 8 }, (_, k) => Math.cos(k + phase)),
      twist: Array.from({ length: 6 }, (_, k) => Math.sin(k + phase)),
      pose: TARGET,
      frame: [phase % 2],
      gripper: [phase - 1],
    });
    bench.set('in.op.enable', i % 400 < 300 ? 1 : 0);
  };

const rows: Scenario['inputs'] = (bench, i) => {
  const k = Math.max(0, i - 700);
  bench.set('in.row.seq', k + 1);
  bench.set('in.row.time', k === 0 ? 0 : i / 1000);
  bench.set('in.row.last', 0);
  bench.set('in.row.q', ...HOME.map((q, a) => q + (a < 7 ? 0.1 + 0.1 * (1 - Math.cos(k / 1000)) : 0)));
  bench.set('in.row.qd', ...HOME.map(() => 0));
  bench.set('in.row.tau', ...HOME.map(() => 0));
};

const chunk: Scenario['inputs'] = (bench, i) => {
  bench.set('in.row.seq', i + 1);
  bench.set('in.row.start', 100);
  bench.set('in.row.time', i / 1000);
  bench.set('in.row.duration', 1000);
  bench.set('in.row.q', ...HOME.map((q, a) => q + (a < 7 ? 0.1 * (1 - Math.cos(i / 1000)) : 0)));
  bench.set('in.row.qd', ...HOME.map((_, a) => (a < 7 ? 0.1 * Math.sin(i / 1000) : 0)));
};

/** A plan for the command whose nominal state sways about home, with feedback on the way. */
const plan: Scenario['inputs'] = (bench, i) => {
  const t = i / 1000;
  const now = bench.time;
  bench.set('in.plan.seq', 1 + Math.floor(i / 10));
  bench.set('in.plan.mode', CommandMode.position);
  bench.set('in.plan.captured', now - 0.001 * (i % 10));
  bench.set('in.plan.until', now + 0.5);
  bench.set('in.plan.grip', i < 1000 ? Number.NaN : 0.02);
  const arm = Array.from({ length: 7 }, (_, a) => a);
  const q = arm.map((a) => HOME[a]! + 0.05 * (1 - Math.cos(t)));
  const qd = arm.map(() => 0.05 * Math.sin(t));
  bench.set('in.plan.x', ...q, ...qd);
  bench.set('in.plan.u', ...arm.map(() => 0.05 * Math.cos(t)));
  const K = arm.flatMap((a) => [
    ...arm.map((b) => (a === b ? -20 : 0)),
    ...arm.map((b) => (a === b ? -9 : 0)),
  ]);
  bench.set('in.plan.K', ...K);
};

/** Readings at 100 Hz of a leader that is let go now and then. */
const led: Scenario['inputs'] = (bench, i) => {
  if (i % 10 !== 0) return;
  const t = i / 1000;
  bench.operate(OperatorKind.joints, {
    seq: [1 + i / 10],
    clientTime: [bench.time],
    joints: Array.from(HOME, (q, a) => (a < 7 ? q + 0.3 * Math.sin(t + a) : 0.04)),
  });
  bench.set('in.op.enable', i % 1000 < 800 ? 1 : 0);
};

const nothing = (): void => {};

export const SCENARIOS: readonly Scenario[] = [
  { id: ControllerId.hold, args: [], inputs: nothing },
  { id: ControllerId.jog, args: [], inputs: drive(OperatorKind.jog) },
  { id: ControllerId.twist, args: [], inputs: drive(OperatorKind.twist) },
  { id: ControllerId.pose, args: [], inputs: drive(OperatorKind.pose) },
  { id: ControllerId.pose, args: TARGET, inputs: nothing },
  { id: ControllerId.trajectory, args: [0, 1, ...FAR, ...HOME, ...FAR], inputs: nothing },
  { id: ControllerId.gripper, args: [0.01], inputs: nothing },
  { id: ControllerId.replay, args: [0.7], inputs: rows },
  { id: ControllerId.policy, args: [], inputs: chunk },
  { id: ControllerId.mpc, args: [], inputs: plan },
  { id: ControllerId.home, args: [], inputs: nothing },
  { id: ControllerId.reset, args: [], inputs: (bench, i) => bench.set('in.task.epoch', i < 300 ? 0 : 1) },
  { id: ControllerId.leader, args: [0.2], inputs: led },
];
