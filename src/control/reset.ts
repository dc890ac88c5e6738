/**
 * For resets of a simulated scene: holds the command until in.task.epoch changes, then takes the measured position
 * over as the new command and is done. The jump is the scene's, not the arm's: in the tick in which the epoch changes
 * the cycle starts the guard anew from the measured state, so that the request of that tick is where the arm stands.
 *
 * Arguments: none (the epoch of the activation tick is the old one), or [old epoch]. Without a change within TIMEOUT
 * it faults.
 */
import { ControllerId } from '../robot/tick.ts';
import { type Controller, type ControllerContext, StepCode } from './controller.ts';
import { PlanFollower } from './plan.ts';

const EPOCH = 0;
const WAITED = 1;
const TAKEN = 2;
const HEADER = 3;
/** s */
const TIMEOUT = 10;

export class ResetController implements Controller {
  readonly id = ControllerId.reset;
  readonly name = 'reset';
  readonly needsOperator = false;
  readonly memorySize: number;
  readonly #axes: number;
  #memory!: Float64Array;
  #plan!: PlanFollower;

  constructor(axes: number) {
    this.#axes = axes;
    this.memorySize = HEADER + axes + PlanFollower.memorySize(axes, 2);
  }

  allocate(context: ControllerContext, memory: Float64Array): void {
    this.#memory = memory;
    this.#plan = new PlanFollower(context, 2, memory, HEADER + this.#axes);
  }

  reset(tick: Float64Array, args: Float64Array, count: number): StepCode {
    const memory = this.#memory;
    this.#plan.begin(tick);
    memory[EPOCH] = count > 0 ? args[0]! : tick[this.#plan.at.epoch]!;
    memory[WAITED] = 0;
    memory[TAKEN] = 0;
    for (let a = 0; a < this.#axes; a++) memory[HEADER + a] = tick[this.#plan.at.cmdQ + a]!;
    return count <= 1 && Number.isFinite(memory[EPOCH]) ? StepCode.ok : StepCode.fault;
  }

  step(tick: Float64Array): StepCode {
    const memory = this.#memory;
    const at = this.#plan.at;
    if (memory[TAKEN] === 0 && tick[at.epoch] === memory[EPOCH]) {
      this.#plan.follow(tick);
      memory[WAITED]! += at.period;
      return memory[WAITED]! > TIMEOUT ? StepCode.fault : StepCode.ok;
    }
    if (memory[TAKEN] === 0) {
      memory[TAKEN] = 1;
      for (let a = 0; a < this.#axes; a++) memory[HEADER + a] = tick[at.q + a]!;
    }
    for (let a = 0; a < this.#axes; a++) at.want(tick, a, memory[HEADER + a]!, 0);
    return StepCode.done;
  }
}
