/**
 * Verification: re-executes recorded ticks with a cycle of one's own and compares every output bit for bit. Works on
 * buffers; src/record feeds it from a file.
 */

import type { Controller } from '../control/controller.ts';
import { ArmloopError } from '../errors.ts';
import type { KinematicModel } from '../model/kinematics.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { Cycle } from './cycle.ts';

export interface VerifyOptions {
  readonly spec: RobotSpec;
  readonly model: KinematicModel;
  readonly controllers: readonly Controller[];
  /** The cycle's memory before the first tick. */
  readonly memory: Float64Array;
  /** Tick blocks (or tick records) in order, from the tick that the memory belongs to. */
  readonly ticks: Iterable<Float64Array> | AsyncIterable<Float64Array>;
  /** The request with that number; undefined when it was not recorded. */
  readonly request: (seq: number) => Float64Array | undefined;
  /** Called now and then with the number of ticks that are done. */
  readonly onProgress?: (done: number) => void;
}

export interface Difference {
  /** in.tick of the first tick that differs. */
  readonly tick: number;
  readonly time: number;
  /** Field of the Tick, with its index where it has several values. */
  readonly field: string;
  readonly recorded: number;
  readonly computed: number;
  /** What it means, in words. */
  readonly why: string;
}

export interface Verification {
  readonly ok: boolean;
  /** Ticks compared, the differing one included. */
  readonly ticks: number;
  readonly difference: Difference | null;
}

/** Runs all ticks, or up to the first that differs. Throws LENGTH_MISMATCH for a memory of another rig or version. */
export async function verifyTicks(options: VerifyOptions): Promise<Verification> {
  const cycle = new Cycle(options);
  if (options.memory.length !== cycle.memory.length) {
    throw new ArmloopError('LENGTH_MISMATCH', {
      what: 'the recorded memory',
      got: options.memory.length,
      want: cycle.memory.length,
    });
  }
  cycle.memory.set(options.memory);
  const { layout, inputSize } = cycle.tick;
  const at = { tick: layout.at('in.tick'), time: layout.at('in.time'), seq: layout.at('in.request.seq') };
  const hash = layout.at('out.inputHash');
  const computed = new Float64Array(layout.size);
  const words = new Int32Array(computed.buffer);
  const recorded = new Float64Array(layout.size);
  const recordedWords = new Int32Array(recorded.buffer);
  let done = 0;
  let expected = Number.NaN;
  const differs = (index: number, why: string): Verification => {
    const field = layout.fields.find((f) => index >= f.offset && index < f.offset + f.length)!;
    return {
      ok: false,
      ticks: done + 1,
      difference: {
        tick: recorded[at.tick]!,
        time: recorded[at.time]!,
        field: field.length === 1 ? field.name : `${field.name}[${index - field.offset}]`,
        recorded: recorded[index]!,
        computed: computed[index]!,
        why,
      },
    };
  };
  for await (const tick of options.ticks) {
    // `subarray` views of longer records are fine; a copy keeps the caller's block as it is.
    for (let i = 0; i < layout.size; i++) recorded[i] = tick[i]!;
    computed.set(recorded);
    computed.fill(0, inputSize);
    if (!Number.isNaN(expected) && recorded[at.tick] !== expected) {
      computed[at.tick] = expected;
      return differs(at.tick, 'a tick is missing or out of order');
    }
    const seq = recorded[at.seq]!;
    const request = seq === 0 ? null : options.request(seq);
    if (request === undefined) return differs(at.seq, 'the request that this tick takes was not recorded');
    cycle.step(computed, request);
    if (computed[hash] !== recorded[hash]) {
      return differs(hash, 'the recorded inputs or the request are not those that the cycle saw');
    }
    for (let i = inputSize; i < layout.size; i++) {
      if (words[2 * i] !== recordedWords[2 * i] || words[2 * i + 1] !== recordedWords[2 * i + 1]) {
        return differs(i, 'the same inputs gave another output');
      }
    }
    expected = recorded[at.tick]! + 1;
    done++;
    if (done % 1000 === 0) options.onProgress?.(done);
  }
  options.onProgress?.(done);
  return { ok: true, ticks: done, difference: null };
}
