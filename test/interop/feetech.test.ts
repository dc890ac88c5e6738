/** The vendor's own SDK against the emulated servos: what it understands, a real servo says in the same way. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { EmulatorHandle } from '../../drivers/bus/emulator/host.ts';
import { packageRoot } from '../../src/root.ts';
import { EMULATOR, servo } from '../drivers/feetech/stand.ts';
import { findPython } from '../support/python.ts';

const { python, skip } = findPython(['scservo_sdk']);

it("Feetech's SDK finds, reads and writes emulated servos of both byte orders", { skip }, async () => {
  await using emulator = await EmulatorHandle.start({
    script: EMULATOR,
    line: { baud: 1_000_000 },
    bus: { servos: [servo(1), servo(2), servo(4, { model: 'scs0009', angle: 0 })] },
  });
  const script = join(packageRoot(), 'test', 'interop', 'feetech_peer.py');
  const { stdout } = await promisify(execFile)(python, [script, emulator.port, '1000000']);
  const step = (angle: number): number => Math.round(2048 + (angle * 4096) / (2 * Math.PI));
  assert.deepEqual(JSON.parse(stdout), {
    // -6: no answer.
    ping: [
      [777, 0, 0],
      [777, 0, 0],
      [0, -6, 0],
      [1284, 0, 0],
    ],
    'sync read': [step(0.1), step(0.2)],
    goals: [2001, 2002],
    registered: [2001, 1500, 20],
    offset: [-300, step(0.1) + 300],
    wheel: true,
    'big-endian': [512, 600],
  });
});
