/** Hosts the input of a rig: loads its driver, opens it, and hands on what it says. It finds its hardware by itself. */
import type { Now } from '../robot/device.ts';
import type { InputReading, InputSpec, OperatorInput } from '../robot/input.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { loadInput } from './kinds.ts';

/** Who is told what it says. */
export interface InputSink {
  read(reading: InputReading): void;
  found(words: string): void;
  lose(reason: string): void;
}

export class InputSeat implements AsyncDisposable {
  readonly #input: OperatorInput;

  private constructor(input: OperatorInput) {
    this.#input = input;
  }

  /** Null where the robot file names no input. Rejects with CONFIG_*. */
  static async load(
    spec: RobotSpec,
    now: Now,
    sink: () => InputSink | null | undefined,
  ): Promise<InputSeat | null> {
    const { input: entry } = spec;
    if (entry === null) return null;
    const createInput = await loadInput(spec, entry);
    const input = createInput({ robot: spec, entry, now });
    input.onReading = (reading) => sink()?.read(reading);
    input.onFound = (words) => sink()?.found(words);
    input.onLost = (reason) => sink()?.lose(reason);
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
