/** The vendor's own SDK against the emulated servos: what it understands, a real servo says in the same way. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { EmulatorHandle } from '../../drivers/bus/emulator/host.ts';
import { packageRoot } from '../../src/root.ts';
import { EMULATOR, servo } from '../drivers/dynamixel/stand.ts';
import { findPython } from '../support/python.ts';

const { python, skip } = findPython(['dynamixel_sdk']);

it('dynamixel-sdk finds, reads, writes and restarts emulated servos', { skip }, async () => {
  await using emulator = await EmulatorHandle.start({
    script: EMULATOR,
    line: { baud: 1_000_000 },
    bus: { servos: [servo(1), servo(2, { model: 'xm540-w270' })] },
  });
  const script = join(packageRoot(), 'test', 'interop', 'dynamixel_peer.py');
  const { stdout } = await promisify(execFile)(python, [script, emulator.port, '1000000']);
  const position = Math.round(2048 + (0.1 * 4096) / (2 * Math.PI));
  // Model, result of the communication (-3001: no answer), error of the servo.
  assert.deepEqual(JSON.parse(stdout), {
    ping: [
      [1020, 0, 0],
      [1120, 0, 0],
      [0, -3001, 0],
    ],
    broadcast: { 1: [1020, 46], 2: [1120, 46] },
    txRxPacket: [701, 702],
    fastSyncRead: [701, 702],
    'bulk txRxPacket': [position, 33],
    'bulk fastBulkRead': [position, 33],
    extended: [0, 0],
    stuffed: [[0, 0], 0xfffdffff],
    torque: [0, 0],
    locked: [0, 7],
    reboot: [0, 0],
  });
});
