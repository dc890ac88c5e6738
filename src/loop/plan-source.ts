/**
 * The row in effect of the planner's newest plan, brought into in.plan.* before each cycle. The plan itself stays in its
 * channel: nothing is copied but the row, and nothing allocates.
 */
import { evaluatePlan, PLAN_HEAD, type PlanOffsets, planOffsets } from '../plan/mpc/evaluate.ts';
import type { LatestReader } from '../robot/port.ts';
import { ControllerId, type TickLayout } from '../robot/tick.ts';

export class PlanSource {
  readonly #reader: LatestReader;
  readonly #n: number;
  readonly #plan: PlanOffsets;
  readonly #at: { head: number; x: number; u: number; K: number; end: number; time: number };
  /** in.time of the activation that plans must be for, NaN while none runs; and the one before a swap. */
  readonly #start = Float64Array.of(Number.NaN, Number.NaN);
  readonly #time = new Float64Array(1);
  /** in.plan.* of the block are zeros. */
  #clean = false;

  constructor(reader: LatestReader, armAxes: number, { layout }: TickLayout) {
    this.#reader = reader;
    this.#n = armAxes;
    this.#plan = planOffsets(armAxes);
    const K = layout.field('in.plan.K');
    this.#at = {
      head: layout.at('in.plan.seq'),
      x: layout.at('in.plan.x'),
      u: layout.at('in.plan.u'),
      K: K.offset,
      end: K.offset + K.length,
      time: layout.at('in.time'),
    };
  }

  /** A controller is activated at `time`. */
  begin(time: number, controller: number): void {
    this.#start[1] = this.#start[0]!;
    this.#start[0] = controller === ControllerId.mpc ? time : Number.NaN;
  }

  /** The activation was refused: whatever drove goes on. */
  refused(): void {
    this.#start[0] = this.#start[1]!;
  }

  end(): void {
    this.#start.fill(Number.NaN);
  }

  /** Writes the row at in.time into in.plan.*; zeros without a plan for this activation. */
  update(tick: Float64Array): void {
    const at = this.#at;
    this.#reader.take();
    const plan = this.#reader.block;
    if (plan[this.#plan.seq] === 0 || plan[this.#plan.start] !== this.#start[0]) {
      if (!this.#clean) for (let i = at.head; i < at.end; i++) tick[i] = 0;
      this.#clean = true;
      return;
    }
    this.#clean = false;
    for (let i = 0; i < PLAN_HEAD; i++) tick[at.head + i] = plan[i]!;
    this.#time[0] = tick[at.time]!;
    evaluatePlan(plan, this.#plan, this.#n, this.#time, tick, at.x, at.u, at.K);
  }
}
