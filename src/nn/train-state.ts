/** Everything that a training step carries from one run to the next, and its form as bytes. */
import { decode, encode } from '@msgpack/msgpack';
import { ArmloopError } from '../errors.ts';

export interface TrainState {
  /** Steps done. */
  readonly step: number;
  /** Which parameters the vectors hold, in order. */
  readonly layout: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** `parameters`, the moments of the optimiser, and `average` where there is one: one value for each parameter value. */
  readonly vectors: Readonly<Record<string, Float32Array>>;
}

/** The state as bytes (msgpack; float32 little-endian). */
export function encodeState(state: TrainState): Uint8Array {
  const vectors = Object.entries(state.vectors).map(([name, v]) => [
    name,
    new Uint8Array(v.buffer, v.byteOffset, v.byteLength),
  ]);
  return encode({ ...state, vectors: Object.fromEntries(vectors) });
}

/** @throws NN_STATE when the bytes are something else. */
export function decodeState(bytes: Uint8Array): TrainState {
  try {
    const raw = decode(bytes) as Omit<TrainState, 'vectors'> & {
      readonly vectors: Record<string, Uint8Array>;
    };
    const vectors = Object.entries(raw.vectors).map(([name, v]) => [
      name,
      new Float32Array(new Uint8Array(v).buffer),
    ]);
    return { step: raw.step, layout: raw.layout, vectors: Object.fromEntries(vectors) };
  } catch (cause) {
    throw new ArmloopError('NN_STATE', { reason: 'the bytes are not one' }, { cause });
  }
}
