/** Logs of the processes: JSON lines in the workspace, one file per process, by pino. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Logger, pino } from 'pino';

/** Appends to `<workspace>/logs/<name>.log`. */
export function openLog(workspace: string, name: string): Logger {
  const folder = join(resolve(workspace), 'logs');
  mkdirSync(folder, { recursive: true });
  // Synchronous: a line that tells why a process ended must be there when it has ended. Nothing logs in the loop.
  return pino(
    { name, base: { pid: process.pid } },
    pino.destination({ dest: join(folder, `${name}.log`), sync: true }),
  );
}
