/** The master of a bus against emulated servos over a real port: every instruction, and what goes wrong on a wire. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tell } from '../../../drivers/bus/ask.ts';
import { Instruction, PacketWriter } from '../../../drivers/dynamixel/packet.ts';
import {
  bulkRead,
  fastSyncRead,
  ping,
  pingAll,
  readBytes,
  readItem,
  reboot,
  setItem,
  syncRead,
  syncWrite,
  writeBytes,
  writeItem,
} from '../../../drivers/dynamixel/requests.ts';
import { bytesOf, numberAt, OperatingMode, X } from '../../../drivers/dynamixel/table.ts';
import { ArmloopError } from '../../../src/errors.ts';
import { now } from '../bus/arm-stand.ts';
import { busStand, servo } from './stand.ts';

const three = [servo(1), servo(2, { model: 'xm540-w270' }), servo(7, { model: 'xl330-m288' })];
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const refused = (pattern: RegExp) => (error: unknown) =>
  error instanceof ArmloopError && error.code === 'DEVICE_BUS' && pattern.test(error.message);

describe('a Dynamixel bus', () => {
  it('finds, reads and writes servos, alone and together', async () => {
    await using s = await busStand(three);
    const { servos } = await pingAll(s.bus);
    assert.deepEqual(
      servos.map(({ id, model }) => [id, model]),
      [
        [1, 1020],
        [2, 1120],
        [7, 1200],
      ],
    );
    assert.equal((await ping(s.bus, 2)).servo?.firmware, 46);
    assert.equal(await readItem(s, 1, X.presentPosition), Math.round(2048 + (0.1 * 4096) / (2 * Math.PI)));
    assert.ok(await setItem(s, 2, X.goalPosition, 2100));
    await syncWrite(
      s.bus,
      X.positionP,
      new Map([
        [1, 700],
        [2, 701],
        [7, 702],
      ]),
    );
    const gains = await syncRead(s, [1, 2, 7], X.positionP);
    assert.deepEqual(
      gains.map((r) => numberAt(r.data, 0, 2, false)),
      [700, 701, 702],
    );
    const parts = [
      { id: 1, address: 144, length: 2 },
      { id: 7, address: 146, length: 1 },
    ];
    assert.deepEqual(
      (await bulkRead(s, parts, 'plain')).map((r) => numberAt(r.data, 0, r.data.length, false)),
      [120, 33],
    );
    const same = parts.map((p) => ({ ...p, address: 144, length: 3 }));
    assert.deepEqual(
      (await bulkRead(s, same, 'fast')).map((r) => r.data[0]),
      [120, 50],
    );
    const fast = await fastSyncRead(s, [7, 1, 2], 84, 2);
    assert.deepEqual(
      fast.map((r) => [r.id, numberAt(r.data, 0, 2, false)]),
      [
        [7, 702],
        [1, 700],
        [2, 701],
      ],
    );
    const values = [
      { id: 1, address: 84, bytes: [1, 2] },
      { id: 7, address: 80, bytes: [3, 0] },
    ];
    await tell(s.bus, Uint8Array.from(new PacketWriter().bulkWrite(values).bytes));
    assert.equal(await readItem(s, 1, X.positionP), 513);
    assert.equal(await readItem(s, 7, X.positionD), 3);
    assert.equal(s.bus.counts.garbled + s.bus.counts.silent, 0);
  });

  it('registered writes wait for the action; a reboot forgets what is not kept', async () => {
    await using s = await busStand(three);
    await tell(s.bus, Uint8Array.from(new PacketWriter().regWrite(0xfe, 65, [1]).bytes));
    assert.equal(await readItem(s, 1, X.led), 0);
    assert.equal(await readItem(s, 1, X.registered), 1);
    await tell(s.bus, Uint8Array.from(new PacketWriter().plain(0xfe, Instruction.action).bytes));
    assert.equal(await readItem(s, 1, X.led), 1);
    await reboot(s, 1);
    await pause(500);
    assert.equal(await readItem(s, 1, X.led), 0);
    assert.equal(await readItem(s, 7, X.led), 1);
  });

  it('reads scattered state in one piece through indirect addresses, and says why a write is refused', async () => {
    await using s = await busStand(three);
    const map = [64, 70, 132, 133, 134, 135];
    for (const [i, address] of map.entries()) await writeBytes(s, 1, 168 + 2 * i, bytesOf(address, 2));
    const block = await readBytes(s, 1, 224, 6);
    assert.equal(numberAt(block, 2, 4, true), await readItem(s, 1, X.presentPosition));
    await writeItem(s, 1, X.torqueEnable, 1);
    assert.equal((await readBytes(s, 1, 224, 1))[0], 1);
    const locked = writeItem(s, 1, X.operatingMode, OperatingMode.extendedPosition);
    await assert.rejects(locked, refused(/id 1 refused to set address 11 to 4: .*only with torque off/));
    await assert.rejects(writeItem(s, 1, X.presentPosition, 3), refused(/address 132/));
    await assert.rejects(writeItem(s, 1, X.goalPosition, 5000), refused(/outside a limit/));
    await writeItem(s, 1, X.torqueEnable, 0);
    assert.ok(await setItem(s, 1, X.operatingMode, OperatingMode.extendedPosition));
    assert.ok(await setItem(s, 1, X.goalPosition, -100_000));
  });

  it('says who does not answer, within the time that it may take', async () => {
    await using s = await busStand(three);
    const from = now();
    await assert.rejects(readItem(s, 5, X.led), refused(/id 5 does not answer any more/));
    // Five tries of 0.3 s each, and what this machine adds.
    assert.ok(now() - from < 6);
    await s.emulator.device({ what: 'silent', id: 2, value: true });
    await assert.rejects(syncRead(s, [1, 2, 7], X.led), refused(/id 2 /));
    assert.equal(await readItem(s, 7, X.led), 0, 'the others go on');
  });

  it('does not take its own echo for an answer', async () => {
    await using s = await busStand(three, { echo: true });
    assert.equal(await readItem(s, 1, X.positionP), 800);
    assert.ok(await setItem(s, 7, X.led, 1));
    assert.equal((await fastSyncRead(s, [1, 2, 7], 84, 2)).length, 3);
  });

  it('tells two servos with one id from noise and silence', async () => {
    await using s = await busStand([servo(1), servo(3), servo(3, { model: 'xm540-w270', angle: -1 })]);
    const { servo: one, outcome } = await ping(s.bus, 3);
    assert.equal(one, null);
    assert.equal(outcome, 'garbled');
    await assert.rejects(
      readItem(s, 3, X.presentPosition),
      refused(/id 3 answers, but .* two servos with this id/),
    );
    assert.equal((await ping(s.bus, 1)).servo?.model, 1020);
  });

  it('goes on through lost, wrong and merged bytes and wrong checksums, and believes none of them', async () => {
    await using s = await busStand(three, {}, 0.03);
    await s.emulator.faults({ flip: 0.004, drop: 0.002, merge: 0.002 });
    await s.emulator.device({ what: 'badSum', chance: 0.05 });
    let failed = 0;
    for (let i = 0; i < 150; i++) {
      const answer = await readItem(s, 1, X.positionP).catch(() => null);
      if (answer === null) failed++;
      else assert.equal(answer, 800);
    }
    assert.ok(s.bus.counts.garbled + s.bus.counts.silent > 5, 'the line was bad');
    assert.ok(failed < 15, `${failed} of 150 failed each time`);
    await s.emulator.faults({ flip: 0, drop: 0, merge: 0 });
    await s.emulator.device({ what: 'badSum', chance: 0 });
    assert.equal(await readItem(s, 7, X.positionP), 800, 'and it is well again at once');
  });

  it('a frame that was cut in half, or a slow adapter, keeps nothing from going on', async () => {
    await using s = await busStand(three, { latencyMs: 16 });
    const whole = new PacketWriter().write(1, 65, [1]).bytes;
    s.bus.wire.write(whole.subarray(0, 7));
    assert.equal(await readItem(s, 1, X.led), 0);
    s.bus.wire.write(whole.subarray(7));
    assert.equal(await readItem(s, 1, X.led), 0, 'half a frame is none');
    await writeItem(s, 1, X.led, 1);
    assert.equal(await readItem(s, 1, X.led), 1);
  });
});
