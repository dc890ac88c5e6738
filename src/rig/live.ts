/** Fills the block of the live stream from the newest tick. */
import { LeaderState } from '../robot/leader.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { liveLayout } from '../server/protocol.ts';
import type { LeaderNumbers } from '../session/leader.ts';
import { plannerStatusLayout } from './planner-messages.ts';
import type { PolicyNumbers } from './policy-thread.ts';
import type { TickWatch } from './tick-watch.ts';

/** Live field ← field of the tick record. */
const FROM_TICK: readonly (readonly [string, string])[] = [
  ['time', 'in.time'],
  ['tick', 'in.tick'],
  ['mode', 'out.mode'],
  ['controller', 'out.controller'],
  ['source', 'out.source'],
  ['fault', 'out.fault'],
  ['done', 'out.done'],
  ['q', 'in.q'],
  ['qd', 'in.qd'],
  ['tau', 'in.tau'],
  ['qCmd', 'out.q'],
  ['tool', 'out.tool'],
  ['toolCmd', 'out.toolCmd'],
  ['manipulability', 'out.manipulability'],
  ['operatorSeq', 'in.op.seq'],
  ['epoch', 'in.task.epoch'],
  ['seed', 'in.task.seed'],
  ['reward', 'in.task.reward'],
  ['success', 'in.task.success'],
  ['residual', 'in.task.residual'],
];

/** Live field ← field of the planner's status. */
const FROM_PLANNER = [
  'plans',
  'improved',
  'failed',
  'problem',
  'rate',
  'solveP50',
  'solveP99',
  'lead',
  'cost',
  'terms',
  'path',
] as const;

export class LiveBlock {
  readonly layout;
  readonly block: Float64Array;
  readonly #copies: readonly { readonly to: number; readonly from: number; readonly length: number }[];
  readonly #watch: TickWatch;
  /** Wall − monotonic time, s: Date.now() counts whole milliseconds, so the largest of many readings is kept. */
  #wallOffset = Number.POSITIVE_INFINITY;
  readonly #now: () => number;

  constructor(spec: RobotSpec, bodies: number, watch: TickWatch, now: () => number) {
    this.layout = liveLayout(spec.axes.length, bodies);
    this.block = new Float64Array(this.layout.size);
    this.#watch = watch;
    this.#now = now;
    this.#copies = FROM_TICK.map(([to, from]) => ({
      to: this.layout.at(to),
      from: watch.at(from),
      length: this.layout.field(to).length,
    }));
  }

  /** `recordingS`: -1 when none runs. `poses`: bodies × 7, or null. The block is valid until the next call. */
  fill(
    lease: number,
    recordingS: number,
    poses: Float64Array | null,
    policy: PolicyNumbers | null,
    planner: { readonly loaded: unknown; readonly numbers: Float64Array | null },
    leader: LeaderNumbers | null,
  ): Float64Array {
    const { block, layout } = this;
    const watch = this.#watch;
    for (const { to, from, length } of this.#copies) {
      for (let i = 0; i < length; i++) block[to + i] = watch.newest[from + i]!;
    }
    const offset = Date.now() / 1000 - this.#now();
    // A jump of the wall clock is followed; the truncation of Date.now() to whole milliseconds is not.
    if (Math.abs(offset - this.#wallOffset) > 0.01) this.#wallOffset = offset;
    else this.#wallOffset = Math.max(this.#wallOffset, offset);
    block[layout.at('wall')] = block[layout.at('time')]! + this.#wallOffset;
    block[layout.at('reasonAll')] = watch.reasonsAll;
    block.set(watch.reasons, layout.at('reason'));
    watch.clearReasons();
    block[layout.at('lease')] = lease;
    block[layout.at('recording')] = recordingS;
    const { stats } = watch;
    block[layout.at('loop.rate')] = stats.rate;
    block[layout.at('loop.latenessP50')] = stats.latenessP50;
    block[layout.at('loop.latenessP99')] = stats.latenessP99;
    block[layout.at('loop.latenessMax')] = stats.latenessMax;
    block[layout.at('loop.missed')] = stats.missed;
    block[layout.at('loop.work')] = stats.work;
    block[layout.at('policy.loaded')] = policy === null ? 0 : 1;
    block[layout.at('policy.chunkAge')] = block[layout.at('time')]! - (policy?.observedAt ?? Number.NaN);
    block[layout.at('policy.inferenceMs')] = policy?.inferenceMs ?? Number.NaN;
    block[layout.at('policy.chunks')] = policy?.chunks ?? 0;
    block[layout.at('policy.refused')] = policy?.refused ?? 0;
    block[layout.at('policy.underruns')] = policy?.underruns ?? 0;
    this.#planner(planner.loaded !== null, planner.numbers);
    this.#leader(leader);
    if (poses !== null) block.set(poses.subarray(0, layout.field('poses').length), layout.at('poses'));
    return block;
  }

  #leader(leader: LeaderNumbers | null): void {
    const { block, layout } = this;
    block[layout.at('leader.state')] = leader?.state ?? LeaderState.none;
    block[layout.at('leader.age')] = block[layout.at('time')]! - (leader?.time ?? Number.NaN);
    block[layout.at('leader.matched')] = leader?.matched === true ? 1 : 0;
    block[layout.at('leader.trigger')] = leader?.trigger ?? Number.NaN;
    block[layout.at('leader.buttons')] = leader?.buttons ?? 0;
    const gap = layout.view(block, 'leader.gap');
    if (leader === null) gap.fill(Number.NaN);
    else gap.set(leader.gap);
  }

  #planner(loaded: boolean, numbers: Float64Array | null): void {
    const { block, layout } = this;
    const watch = this.#watch;
    const seq = watch.newest[watch.at('in.plan.seq')]!;
    const captured = watch.newest[watch.at('in.plan.captured')]!;
    block[layout.at('planner.loaded')] = loaded ? 1 : 0;
    // A plan for the command begins where the newest command leads, one period ahead: such a state has no age yet.
    const age = Math.max(0, block[layout.at('time')]! - captured);
    block[layout.at('planner.age')] = seq === 0 ? Number.NaN : age;
    for (const name of FROM_PLANNER) {
      const to = layout.field(`planner.${name}`);
      const from = plannerStatusLayout.at(name);
      for (let i = 0; i < to.length; i++) {
        block[to.offset + i] = numbers?.[from + i] ?? (MISSING.has(name) ? Number.NaN : 0);
      }
    }
  }
}

/** What has no value before the first plan. */
const MISSING: ReadonlySet<string> = new Set(['solveP50', 'solveP99', 'lead', 'cost', 'terms', 'path']);
