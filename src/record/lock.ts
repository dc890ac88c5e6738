/** Lock files that name the process which holds them, so that what a killed process left behind does not lock. */
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

interface Holder {
  readonly pid: number;
  readonly born: string;
}

/**
 * Makes the lock file for this process; false, and nothing changed, while another living process holds it. The file
 * appears in one step with its content: two processes that try at once cannot both succeed.
 */
export function takeLock(path: string): boolean {
  const mine = `${path}.${process.pid}`;
  writeLock(mine);
  try {
    for (let tries = 0; tries < 3; tries++) {
      try {
        linkSync(mine, path);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
          // File systems without hard links (FAT, some network shares): exclusive creation, not in one step.
          writeFileSync(path, readFileSync(mine), { flag: 'wx' });
          return true;
        }
      }
      if (lockHolder(path) !== null) return false;
      rmSync(path, { force: true });
    }
    return false;
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Holds the lock until disposal. Throws what `busy` makes of the process that holds it already. */
export function holdLock(path: string, busy: (pid: number | string) => Error): Disposable {
  if (!takeLock(path)) throw busy(lockHolder(path) ?? '?');
  return { [Symbol.dispose]: () => releaseLock(path) };
}

/** Makes the lock file for this process, whoever held it. */
export function writeLock(path: string): void {
  const { pid } = process;
  writeFileSync(
    path,
    JSON.stringify({ pid, born: processBirth(pid) } satisfies Record<keyof Holder, unknown>),
  );
}

/** Number of the living process that holds the lock; null when none does. */
export function lockHolder(path: string): number | null {
  let holder: Holder;
  try {
    holder = JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch {
    return null;
  }
  if (!Number.isInteger(holder.pid)) return null;
  const born = processBirth(holder.pid);
  return born !== null && born === holder.born ? holder.pid : null;
}

export function releaseLock(path: string): void {
  rmSync(path, { force: true });
}

/**
 * When a process began, as text to compare; null when it does not live. Numbers of processes are reused, hence the
 * start time: field 22 of /proc/PID/stat (proc(5)), after the command in parentheses.
 */
function processBirth(pid: number): string | null {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    } catch {
      return null;
    }
  }
  try {
    process.kill(pid, 0);
    return '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? '' : null;
  }
}
