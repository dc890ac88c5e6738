/** SCHED_FIFO for the calling thread alone, through util-linux `chrt`: no native addon is needed. */
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';

export interface Fifo {
  readonly granted: boolean;
  /** Plain words: what was granted, or why not and what would help. */
  readonly reason: string;
}

/** Kernel id of the calling thread (gettid); null outside Linux. */
export function threadId(): number | null {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').pop());
  } catch {
    return null;
  }
}

/** Asks for SCHED_FIFO at `priority` (1..99; 0 does not ask). Blocks for some ms: call it before the loop starts. */
export function askFifo(priority: number): Fifo {
  if (priority <= 0) return { granted: false, reason: 'not asked for (loop.fifoPriority is 0)' };
  const tid = threadId();
  if (tid === null) return { granted: false, reason: 'this system has no /proc/thread-self' };
  const result = spawnSync('chrt', ['-f', '-p', String(priority), String(tid)], { encoding: 'utf8' });
  if (result.error) return { granted: false, reason: 'chrt (util-linux) is not installed' };
  if (result.status !== 0) {
    const said = result.stderr.trim().split('\n')[0] ?? '';
    return {
      granted: false,
      reason: `the system refuses SCHED_FIFO ${priority} (${said}); grant CAP_SYS_NICE or an rtprio limit`,
    };
  }
  return { granted: true, reason: `SCHED_FIFO ${priority}` };
}
