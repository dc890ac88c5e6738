/** The places that the rig's state is told to besides the console, each at its own rate, from the newest tick. */
import type { Now } from '../robot/device.ts';
import type { PublishedState, StateOutput } from '../robot/output.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { loadOutput } from './kinds.ts';

/** The newest tick, as src/rig/tick-watch.ts has it. */
export interface TickFields {
  field(name: string): Float64Array;
}

interface Slot {
  readonly name: string;
  readonly output: StateOutput;
  readonly period: number;
  due: number;
  failed: boolean;
}

export class Outputs implements AsyncDisposable {
  readonly #slots: readonly Slot[];
  /** Called once for an output that fails; it is told nothing more. */
  onFailure: ((output: string, reason: string) => void) | null = null;
  #told = Number.NaN;

  private constructor(slots: readonly Slot[]) {
    this.#slots = slots;
  }

  /** Rejects with CONFIG_UNKNOWN_KIND, CONFIG_INVALID and what the kinds say. */
  static async open(robot: RobotSpec, now: Now): Promise<Outputs> {
    const slots: Slot[] = [];
    const outputs = new Outputs(slots);
    try {
      for (const entry of robot.outputs) {
        const create = await loadOutput(robot, entry);
        const output = create({ robot, entry, now });
        slots.push({ name: entry.name, output, period: 1 / entry.rateHz, due: 0, failed: false });
        await output.open();
      }
    } catch (error) {
      await outputs[Symbol.asyncDispose]();
      throw error;
    }
    return outputs;
  }

  /** Tells the newest tick where it is time; nothing when there is no new one. */
  tell(tick: TickFields): void {
    if (this.#slots.length === 0) return;
    const time = tick.field('in.time')[0]!;
    if (!(time > 0) || time === this.#told) return;
    this.#told = time;
    const state: PublishedState = {
      time,
      q: tick.field('in.q'),
      qd: tick.field('in.qd'),
      tau: tick.field('in.tau'),
      tool: tick.field('out.tool'),
    };
    for (const slot of this.#slots) if (!slot.failed && time >= slot.due) this.#publish(slot, state);
  }

  #publish(slot: Slot, state: PublishedState): void {
    // On a raster; what is late is not made up for.
    slot.due = Math.max(slot.due + slot.period, state.time);
    try {
      slot.output.publish(state);
    } catch (error) {
      slot.failed = true;
      this.onFailure?.(slot.name, (error as Error).message);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#slots.map((s) => s.output[Symbol.asyncDispose]()));
  }
}
