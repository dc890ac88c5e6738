/** A few words of shared memory between a thread of the rig and the main thread that watches it. */
export const Word = {
  /** The thread sleeps on this word; 1 asks it to end. */
  stop: 0,
  /** Counts up with every period. */
  heartbeat: 1,
  /** Periods skipped so far. */
  missed: 2,
  /** Set by the main thread when messages wait in the thread's port. */
  mail: 3,
} as const;

export function controlBlock(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(64));
}
