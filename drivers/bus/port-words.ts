/** What a refused or slow serial port means, in words that say what to do. */
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ArmloopError } from '../../src/errors.ts';

/** The error of a port that would not open. */
export function portProblem(device: string, port: string, error: unknown): ArmloopError {
  const message = error instanceof Error ? error.message : String(error);
  const cause = { cause: error };
  if (/cannot lock port|access denied|resource busy/i.test(message)) {
    return new ArmloopError('DEVICE_PORT_TAKEN', { device, port, holder: holder(port) }, cause);
  }
  if (/permission denied/i.test(message)) {
    return new ArmloopError('DEVICE_PORT_FORBIDDEN', { device, port, group: group(port) }, cause);
  }
  if (/no such file|file not found|no such device/i.test(message)) {
    const reason = 'there is no such port: is the adapter plugged in?';
    return new ArmloopError('DEVICE_PORT_MISSING', { device, port, reason }, cause);
  }
  return new ArmloopError(
    'DEVICE_PORT_FAILED',
    { device, port, reason: message.replace(/^Error:? /, '') },
    cause,
  );
}

/** Which process has the port open, where the system lets us see it. */
function holder(port: string): string {
  try {
    const path = realpathSync(port);
    for (const pid of readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
      if (Number(pid) === process.pid) continue;
      if (!opened(pid, path)) continue;
      return `process ${pid} (${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()})`;
    }
  } catch {
    // No /proc, or it has just ended.
  }
  return 'another program';
}

function opened(pid: string, path: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === path);
  } catch {
    return false;
  }
}

/** The group that may open the port, as `the group dialout`. */
function group(port: string): string {
  try {
    const { gid } = statSync(port);
    const line = readFileSync('/etc/group', 'utf8')
      .split('\n')
      .find((l) => Number(l.split(':')[2]) === gid);
    if (line !== undefined) return `the group ${line.split(':')[0]}`;
  } catch {
    // Not this kind of system.
  }
  return 'its owner';
}

/**
 * FTDI chips hold bytes back until this much time has passed, 16 ms unless told otherwise. Sets 1 ms where that is
 * allowed; null when there is nothing to say.
 */
export function latency(port: string, root = '/'): { readonly ms: number; readonly note: string } | null {
  try {
    const name = basename(realpathSync(join(root, port)));
    const file = join(root, 'sys/bus/usb-serial/devices', name, 'latency_timer');
    const ms = Number(readFileSync(file, 'utf8'));
    if (!(ms > 1)) return null;
    try {
      writeFileSync(file, '1');
      return null;
    } catch {
      const note = `the adapter at ${port} hands bytes on only every ${ms} ms; \`echo 1 | sudo tee ${file}\` makes it 1 ms`;
      return { ms, note };
    }
  } catch {
    return null;
  }
}
