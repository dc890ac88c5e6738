/** Damaged answers against the whole way in of a protocol: its decoder, then the check that it is what was asked for. */
import type { StatusDecoder } from '../../../drivers/bus/ask.ts';
import { Rng } from '../../../src/math/rng.ts';

export interface Codec<D extends StatusDecoder> {
  /** Largest id, and most bytes of data, of the answers that are made. */
  readonly ids: number;
  readonly data: number;
  readonly decoder: D;
  /** The frame of an answer; the same memory each time. */
  answer(id: number, data: Uint8Array): Uint8Array;
  /** Before each answer. */
  prepare(decoder: D, bytes: number): void;
  isAnswer(decoder: D, id: number, bytes: number): boolean;
  /** Whether the sum of frame[0..n) is right, by the plain definition. */
  sumIsRight(frame: Uint8Array, n: number): boolean;
}

export interface Tally {
  /** Frames with one wrong byte, and with two to six. */
  single: number;
  several: number;
  /** Of these, taken for the answer. */
  takenSingle: number;
  takenSeveral: number;
  /** Taken although the checksum is wrong. */
  wrongSum: number;
}

/** Half of the frames get one wrong byte, half two to six, anywhere. */
export function mutate<D extends StatusDecoder>(frames: number, seed: number, codec: Codec<D>): Tally {
  const rng = new Rng(seed);
  const below = (n: number): number => Math.floor(rng.uniform() * n);
  const { decoder } = codec;
  const frame = new Uint8Array(64);
  const data = new Uint8Array(codec.data);
  const tally = { single: 0, several: 0, takenSingle: 0, takenSeveral: 0, wrongSum: 0 };
  for (let k = 0; k < frames; k++) {
    const bytes = 1 + below(codec.data);
    const id = below(codec.ids + 1);
    for (let i = 0; i < bytes; i++) data[i] = rng.uniform() < 0.2 ? 0xff : below(256);
    const right = codec.answer(id, data.subarray(0, bytes));
    const n = right.length;
    frame.set(right);
    const changes = k % 2 === 0 ? 1 : 2 + below(5);
    for (let c = 0; c < changes; c++) frame[below(n)] = below(256);
    let changed = 0;
    for (let i = 0; i < n; i++) if (frame[i] !== right[i]) changed++;
    if (changed === 0) continue;
    const one = changed === 1;
    if (one) tally.single++;
    else tally.several++;
    decoder.reset();
    codec.prepare(decoder, bytes);
    let at = 0;
    do {
      at = decoder.feed(frame, at, n);
      if (!decoder.complete || !codec.isAnswer(decoder, id, bytes)) continue;
      if (one) tally.takenSingle++;
      else tally.takenSeveral++;
      if (!codec.sumIsRight(frame, n)) tally.wrongSum++;
    } while (at < n || decoder.complete);
  }
  return tally;
}
