/** Hosts the input of a rig: loads its driver, opens it, and hands on what it says. It finds its hardware by itself. */
import type { Now } from '../robot/device.ts';
import type { InputReading, InputSpec, OperatorInput } from '../robot/input.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { loadInput } from './kinds.ts';

export interface InputSeatOptions {
  readonly spec: RobotSpec;
  readonly now: Now;
  readonly onReading: (reading: InputReading) => void;
  readonly onFound: (words: string) => void;
  readonly onLost: (reason: string) => void;
}

export class InputSeat implements AsyncDisposable {
  readonly #input: OperatorInput;

  private constructor(input: OperatorInput) {
    this.#input = input;
  }

  /** Null where the robot file names no input. Rejects with CONFIG_*. */
  static async load({ spec, now, onReading, onFound, onLost }: InputSeatOptions): Promise<InputSeat | null> {
    const { input: entry } = spec;
    if (entry === null) return null;
    const createInput = await loadInput(spec, entry);
    const input = createInput({ robot: spec, entry, now });
    input.onReading = onReading;
    input.onFound = onFound;
    input.onLost = onLost;
    return new InputSeat(input);
  }

  get spec(): InputSpec {
    return this.#input.spec;
  }

  /** Begins to look for it; a rig need not wait for that. */
  start(): void {
    void this.#input.open();
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#input[Symbol.asyncDispose]();
  }
}
