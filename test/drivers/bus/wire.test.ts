/** The serial wire over a real pseudo-terminal. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readSync, writeSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openPty, type Pty } from '../../../drivers/bus/emulator/pty.ts';
import { openSerialWire } from '../../../drivers/bus/serial-wire.ts';
import type { Wire } from '../../../drivers/bus/wire.ts';
import { ArmloopError, type ErrorCode } from '../../../src/errors.ts';
import { monotonicClock } from '../../../src/loop/clock.ts';

const now = monotonicClock();
const open = (pty: Pick<Pty, 'path'>, baud = 1_000_000): Promise<Wire> =>
  openSerialWire({ device: 'arm', port: pty.path, baud, now });
const code = (want: ErrorCode, pattern: RegExp) => (error: unknown) =>
  error instanceof ArmloopError && error.code === want && pattern.test(error.message);

/** What the other end has read, once it is that much. */
async function read(pty: Pty, bytes: number): Promise<Buffer> {
  const got = Buffer.alloc(bytes);
  let n = 0;
  for (const end = now() + 5; n < bytes && now() < end; ) {
    try {
      n += readSync(pty.master, got, n, bytes - n, null);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
  return got.subarray(0, n);
}

function arrival(wire: Wire): Promise<{ bytes: Buffer; time: number }> {
  return new Promise((resolve) => {
    wire.onBytes = (bytes, time) => resolve({ bytes: Buffer.from(bytes), time });
  });
}

describe('the serial wire', () => {
  it('carries every byte both ways, untouched, and stamps what arrives', async () => {
    const pty = openPty();
    const wire = await open(pty);
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    wire.write(all);
    assert.deepEqual([...(await read(pty, 256))], [...all], 'no byte means anything to the terminal');
    const coming = arrival(wire);
    const sent = now();
    writeSync(pty.master, all);
    const { bytes, time } = await coming;
    assert.deepEqual([...bytes], [...all]);
    assert.ok(time >= sent && time <= now());
    await wire.setBaud(4_000_000);
    assert.equal(wire.baud, 4_000_000);
    await wire.close();
    wire.write(all);
    await wire.close();
    pty.close();
  });

  it('keeps the order when more is written than the system takes at once', async () => {
    const pty = openPty();
    const wire = await open(pty);
    const many = Uint8Array.from({ length: 40_000 }, (_, i) => i % 251);
    wire.write(many);
    const got = await read(pty, many.length);
    assert.equal(Buffer.compare(got, many), 0);
    await wire.close();
    pty.close();
  });

  it('says once that it is gone when the cable is pulled', async () => {
    const pty = openPty();
    const wire = await open(pty);
    const lost: string[] = [];
    const gone = new Promise<void>((resolve) => {
      wire.onLost = (reason) => {
        lost.push(reason);
        resolve();
      };
    });
    pty.close();
    await gone;
    wire.write(Uint8Array.of(1));
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(lost, ['it was unplugged']);
    await wire.close();
  });

  it('a port that another serialport has open is refused, and the holder is named', async () => {
    const pty = openPty();
    const wire = await open(pty);
    await assert.rejects(
      open(pty),
      code('DEVICE_PORT_TAKEN', /(another program|process \d+ .*) has it open/),
    );
    // By another process its number is told.
    await wire.close();
    const script = fileURLToPath(new URL('./holder.js', import.meta.url));
    const holder = spawn(process.execPath, [script, pty.path], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    await assert.rejects(
      open(pty),
      code('DEVICE_PORT_TAKEN', new RegExp(`process ${holder.pid} \\(node\\) has it open`)),
    );
    holder.stdin.end();
    await once(holder, 'exit');
    await (await open(pty)).close();
    pty.close();
  });

  it('a port that this user may not open is forbidden, and it is said who may', async (t) => {
    const pty = openPty();
    try {
      // Root may open anything: then somebody else tries. Anybody else takes the permission away from the port instead.
      const root = process.getuid?.() === 0;
      chmodSync(pty.path, root ? 0o600 : 0o000);
      const script = fileURLToPath(new URL('./opener.js', import.meta.url));
      const nobody = { uid: 65_534, gid: 65_534 };
      const child = spawnSync(process.execPath, [script, pty.path], {
        encoding: 'utf8',
        ...(root ? nobody : {}),
      });
      if (root && /EACCES|Cannot find module/.test(child.stderr)) {
        t.skip('user 65534 cannot read this folder, so cannot try');
        return;
      }
      assert.match(
        child.stdout,
        /^DEVICE_PORT_FORBIDDEN: device arm may not open .*: only (the group \w+|its owner) may\n$/,
      );
    } finally {
      pty.close();
    }
  });

  it('a port that is not there is missing', async () => {
    await assert.rejects(
      open({ path: '/dev/ttyNone' }),
      code('DEVICE_PORT_MISSING', /no port \/dev\/ttyNone/),
    );
  });
});
