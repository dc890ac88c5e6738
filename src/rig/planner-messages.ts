/** What crosses between the rig's main thread and its planner thread. */
import type { ChannelBuffer } from '../loop/channel.ts';
import type { MpcChoice, MpcWeights } from '../plan/mpc/choice.ts';
import type { PlannerScene } from '../plan/mpc/open.ts';
import type { TermWeights } from '../plan/mpc/pilot.ts';
import type { TargetSpec } from '../plan/mpc/target.ts';
import { Layout } from '../robot/layout.ts';
import { MOST_TERMS, PATH_POINTS } from '../robot/plan.ts';
import type { RobotSpec } from '../robot/spec.ts';

export interface PlannerWorkerData {
  readonly spec: RobotSpec;
  /** Tick records, every one. */
  readonly ticks: ChannelBuffer;
  /** Latest of planLayout. */
  readonly plan: ChannelBuffer;
  /** Latest of posesLayout; null without a simulated scene. */
  readonly poses: ChannelBuffer | null;
  readonly scene: PlannerScene | null;
  /** Folder in which code made for the arm is kept. */
  readonly code: string;
  /** Latest of plannerStatusLayout. */
  readonly status: ChannelBuffer;
  /** Address of the module that exports `createSolver`. */
  readonly solver: string;
}

export type PlannerOrder =
  | { readonly type: 'load'; readonly choice: MpcChoice }
  | { readonly type: 'set'; readonly target?: TargetSpec; readonly weights?: MpcWeights }
  | { readonly type: 'unload' };

/** Terms of the planner that is loaded after an order. */
export type PlannerResult = readonly TermWeights[];

/** Why the newest attempt failed, and the phase under way: told when either is another than before. */
export interface PlannerSaid {
  readonly problem: string;
  readonly phase: string;
}

export const plannerStatusLayout = Layout.of('plannerStatus', [
  { name: 'plans', unit: '1', doc: 'plans handed to the loop since the activation' },
  { name: 'improved', unit: '1', doc: 'those whose iteration found a lower cost' },
  { name: 'failed', unit: '1', doc: 'attempts that failed since then' },
  { name: 'problem', unit: '1', doc: 'PlanProblem of the newest attempt' },
  { name: 'rate', unit: 'Hz', doc: 'plans per second, over the last half second' },
  { name: 'solveP50', unit: 's', doc: 'from the newest tick to the published plan, of the last 256' },
  { name: 'solveP99', unit: 's' },
  { name: 'lead', unit: 's', doc: 'how far ahead of now plans are made' },
  { name: 'cost', unit: '1', doc: 'of the plan in force' },
  { name: 'terms', length: MOST_TERMS, unit: '1', doc: 'cost of each term of the plan in force' },
  {
    name: 'path',
    length: 3 * PATH_POINTS,
    unit: 'm',
    doc: 'the planned way of the tool, evenly over the horizon, in the base',
  },
]);
