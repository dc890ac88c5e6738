/** Where the socket of a rig lives. */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** sun_path of sockaddr_un holds 108 bytes with its closing zero on Linux, 104 on macOS. */
const MAX_PATH = process.platform === 'darwin' ? 103 : 107;

/**
 * `<workspace>/run/<rig>.sock`, or a name made from that in the temporary folder when it is longer than the system
 * allows; a named pipe on Windows.
 */
export function rigAddress(workspace: string, rig: string): string {
  const path = join(resolve(workspace), 'run', `${rig}.sock`);
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 16);
  if (process.platform === 'win32') return `\\\\.\\pipe\\armloop-${hash}`;
  if (Buffer.byteLength(path) <= MAX_PATH) return path;
  return join(tmpdir(), `armloop-${hash}.sock`);
}
