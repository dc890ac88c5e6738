/**
 * A pseudo-terminal whose master end this process holds: what a driver opens as a serial port. Node cannot make one by
 * itself: opening /dev/ptmx works, but unlocking its other end takes ioctl calls, so a line of perl or python3 makes
 * them on the descriptor that it inherits (ioctl numbers: Linux asm-generic/ioctls.h; macOS sys/ttycom.h). No program
 * stands between the two ends afterwards, as socat or script would, and nothing native has to be installed.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { ArmloopError } from '../../../src/errors.ts';

export interface Pty {
  /** What a driver opens. */
  readonly path: string;
  readonly master: number;
  close(): void;
}

interface Helper {
  readonly command: string;
  readonly args: readonly string[];
}

const HELPERS: Partial<Record<NodeJS.Platform, readonly Helper[]>> = {
  linux: [
    {
      command: 'perl',
      args: [
        '-e',
        'open(F, "+<&=3"); my $n = pack("i", 0); ioctl(F, 0x40045431, $n) && ioctl(F, 0x80045430, $n) or exit 1; print "/dev/pts/", unpack("i", $n);',
      ],
    },
    {
      command: 'python3',
      args: [
        '-c',
        'import fcntl, struct; fcntl.ioctl(3, 0x40045431, struct.pack("i", 0)); print("/dev/pts/%d" % struct.unpack("i", fcntl.ioctl(3, 0x80045430, bytes(4))))',
      ],
    },
  ],
  darwin: [
    {
      command: 'perl',
      args: [
        '-e',
        'open(F, "+<&=3"); my $n = "\\0" x 128; ioctl(F, 0x20007454, 0) && ioctl(F, 0x20007452, 0) && ioctl(F, 0x40807453, $n) or exit 1; print unpack("Z*", $n);',
      ],
    },
    {
      command: 'python3',
      args: [
        '-c',
        'import fcntl; fcntl.ioctl(3, 0x20007454); fcntl.ioctl(3, 0x20007452); print(fcntl.ioctl(3, 0x40807453, bytes(128)).split(b"\\0")[0].decode())',
      ],
    },
  ],
};

/** Makes a pair. Throws EMULATOR_IMPOSSIBLE. */
export function openPty(): Pty {
  const helpers = HELPERS[process.platform];
  if (helpers === undefined) {
    throw new ArmloopError('EMULATOR_IMPOSSIBLE', { reason: `${process.platform} has no pseudo-terminals` });
  }
  const master = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  for (const { command, args } of helpers) {
    const { status, stdout } = spawnSync(command, args, {
      // Not as one of the first three, which libuv makes blocking for both processes.
      stdio: ['ignore', 'pipe', 'ignore', master],
      encoding: 'utf8',
      timeout: 10_000,
    });
    const path = (stdout ?? '').trim();
    if (status !== 0 || !path.startsWith('/dev/')) continue;
    // Held open here too: a master whose last other end was closed reads errors from then on.
    const other = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
    return {
      path,
      master,
      close: () => {
        closeSync(other);
        closeSync(master);
      },
    };
  }
  closeSync(master);
  throw new ArmloopError('EMULATOR_IMPOSSIBLE', {
    reason: 'neither perl nor python3 could unlock a pseudo-terminal',
  });
}
