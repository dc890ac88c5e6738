/** One attempt of an evaluation in a lockstep cell: which driver, on which seed, with whose pictures, and what came of it. */
import type { CellRecording, LockstepCell } from './cell.ts';
import type { CellFrame, Driver } from './driver.ts';
import type { EpisodeChunks, EpisodeFact, Side } from './evaluation.ts';
import { BorrowedEyes, Witness } from './witness.ts';

export interface Attempt {
  readonly side: Side;
  readonly seed: number;
  /** Seed whose pictures the policy is shown. */
  readonly imagesOf: number;
}

export interface AttemptResult {
  /** What became of it; strip and episode are kept by others. */
  readonly fact: Omit<EpisodeFact, 'strip' | 'episode'>;
  /** Frames of the picture camera; empty for a success. */
  readonly frames: readonly CellFrame[];
}

export interface AttemptOptions {
  /** Camera of the cell whose frames are kept for pictures. */
  readonly pictures: string | null;
  readonly timeLimitS: number;
  /** Names of the robot's own bodies. */
  readonly robot: ReadonlySet<string>;
  readonly record?: CellRecording;
}

/** Simulated seconds between two kept pictures. */
const PICTURE_EVERY_S = 0.5;

/** A driver with what it knows of its own chunks in the episode that has ended. */
export interface Candidate extends AsyncDisposable {
  readonly driver: Driver;
  /** null for drivers that make no chunks. */
  chunks(): EpisodeChunks | null;
}

/** Runs it. The candidate drives the other seed's episode too, when its pictures are wanted. */
export async function attempt(
  cell: LockstepCell,
  candidate: Candidate,
  { side, seed, imagesOf }: Attempt,
  options: AttemptOptions,
): Promise<AttemptResult> {
  const limits = { timeS: options.timeLimitS };
  let { driver } = candidate;
  if (imagesOf !== seed) {
    const other = new Witness(driver, options.robot);
    await cell.run({ seed: imagesOf, driver: other, limits });
    driver = new BorrowedEyes(driver, other.frames);
  }
  const witness = new Witness(driver, options.robot);
  const { pictures, record } = options;
  const outcome = await cell.run({
    seed,
    driver: witness,
    limits,
    ...(record === undefined ? {} : { record }),
    ...(pictures === null ? {} : { keep: { camera: pictures, everyS: PICTURE_EVERY_S } }),
  });
  const { success, reason, fault, timeToSuccess, ticks, seconds, guard, variation, residuals } = outcome;
  return {
    fact: {
      side,
      seed,
      imagesOf,
      success,
      reason,
      fault,
      timeToSuccess: success ? timeToSuccess : null,
      ticks,
      seconds,
      guard,
      chunks: candidate.chunks(),
      start: witness.start,
      variation,
      residuals,
    },
    frames: success ? [] : outcome.frames,
  };
}
