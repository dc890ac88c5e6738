/** The master of a bus against emulated servos over a real port: every instruction, and what goes wrong on a wire. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tell } from '../../../drivers/bus/ask.ts';
import { SCS_SERIES, STS_SERIES } from '../../../drivers/feetech/models.ts';
import { Instruction, PacketWriter } from '../../../drivers/feetech/packet.ts';
import {
  calibrate,
  factoryReset,
  identify,
  ping,
  pingAll,
  type Requester,
  readBytes,
  readItem,
  reboot,
  resetTurns,
  setItem,
  syncRead,
  syncWrite,
  writeItem,
} from '../../../drivers/feetech/requests.ts';
import { bytesOf, Fault, type Item, numberAt, Phase, SCS, STS } from '../../../drivers/feetech/table.ts';
import { ArmloopError } from '../../../src/errors.ts';
import { now, until } from '../bus/arm-stand.ts';
import { busStand, servo } from './stand.ts';

const three = [servo(1), servo(2, { model: 'sts3215-c018' }), servo(7)];
const refused = (pattern: RegExp) => (error: unknown) =>
  error instanceof ArmloopError && error.code === 'DEVICE_BUS' && pattern.test(error.message);
const read = (to: Requester, id: number, item: Item): Promise<number> => readItem(to, id, item, 'little');
const write = (to: Requester, id: number, item: Item, value: number): Promise<void> =>
  writeItem(to, id, item, value, 'little');
const set = (to: Requester, id: number, item: Item, value: number): Promise<boolean> =>
  setItem(to, id, item, value, STS_SERIES);
/** Waits until a servo that starts anew is back. */
const back = (to: Requester, id: number): Promise<number> =>
  until('back', async () => (await identify(to.bus, id)).model !== null);

// Each test has servos of its own, and most of the time goes by in waiting.
const together = { concurrency: 4 };

describe('a Feetech bus', together, () => {
  it('finds, reads and writes servos, alone and together', async () => {
    await using s = await busStand(three);
    assert.deepEqual((await pingAll(s.bus)).ids, [1, 2, 7]);
    assert.equal((await ping(s.bus, 2)).status, 0);
    assert.equal((await identify(s.bus, 2)).model, 777);
    assert.equal(await read(s, 1, STS.presentPosition), Math.round(2048 + (0.1 * 4096) / (2 * Math.PI)));
    assert.ok(await set(s, 2, STS.goalPosition, 2100));
    const goals = new Map([
      [1, 2101],
      [2, 2102],
      [7, 2107],
    ]);
    await syncWrite(s.bus, STS.goalPosition, goals, 'little');
    const replies = await syncRead(s, [7, 1, 2], STS.goalPosition.address, 2);
    assert.deepEqual(
      replies.map((r) => [r.id, numberAt(r.data, 0, STS.goalPosition, 'little')]),
      [
        [7, 2107],
        [1, 2101],
        [2, 2102],
      ],
    );
    assert.equal(s.bus.counts.garbled + s.bus.counts.silent, 0);
  });

  it('registered writes wait for the action', async () => {
    await using s = await busStand(three);
    const goal = bytesOf(1500, STS.goalPosition, 'little');
    const before = await read(s, 1, STS.goalPosition);
    await tell(s.bus, Uint8Array.from(new PacketWriter().regWrite(0xfe, 42, goal).bytes));
    assert.equal(await read(s, 1, STS.goalPosition), before);
    assert.equal(await read(s, 7, STS.registered), 1);
    await tell(s.bus, Uint8Array.from(new PacketWriter().plain(0xfe, Instruction.action).bytes));
    assert.equal(await read(s, 1, STS.goalPosition), 1500);
    assert.equal(await read(s, 7, STS.goalPosition), 1500);
  });

  it('settings last only when they are unlocked; the way that sets them unlocks and locks', async () => {
    await using s = await busStand(three);
    await write(s, 1, STS.positionP, 20);
    assert.equal(await read(s, 1, STS.positionP), 20, 'it works until the power goes');
    assert.ok(await set(s, 7, STS.positionP, 20));
    assert.equal(await read(s, 7, STS.lock), 1);
    await tell(s.bus, Uint8Array.from(new PacketWriter().plain(0xfe, Instruction.reboot).bytes));
    assert.equal((await identify(s.bus, 1, 'once')).model, null, 'away for 0.8 s');
    await back(s, 7);
    assert.equal(await read(s, 1, STS.positionP), 32);
    assert.equal(await read(s, 7, STS.positionP), 20);
    assert.ok(await set(s, 7, STS.id, 9));
    await reboot(s, 9);
    await back(s, 9);
    await factoryReset(s, 9);
    await back(s, 9);
    assert.equal(await read(s, 9, STS.positionP), 32, 'the id stays');
  });

  it('calibrates where it stands to the middle or a step, keeps it, and forgets whole turns', async () => {
    await using s = await busStand([servo(1, { angle: 1 }), servo(2, { angle: 8, settings: { phase: 28 } })]);
    await calibrate(s, 1, null, 'little');
    assert.equal(await read(s, 1, STS.presentPosition), 2048);
    const offset = await read(s, 1, STS.homingOffset);
    assert.equal(offset, Math.round((1 * 4096) / (2 * Math.PI)));
    await calibrate(s, 1, 3000, 'little');
    assert.equal(await read(s, 1, STS.presentPosition), 3000);
    assert.ok((await read(s, 1, STS.homingOffset)) < 0, 'offsets are negative too');
    await reboot(s, 1);
    await back(s, 1);
    assert.equal(await read(s, 1, STS.presentPosition), 3000);
    const far = await read(s, 2, STS.presentPosition);
    assert.equal(far, Math.round(2048 + (8 * 4096) / (2 * Math.PI)), 'it counts turns');
    await resetTurns(s, 2);
    assert.equal(await read(s, 2, STS.presentPosition), far - 4096);
    assert.ok(await set(s, 2, STS.phase, 28 & ~Phase.turns));
  });

  it('speaks to servos of the SCS series in their byte order', async () => {
    await using s = await busStand([servo(4, { model: 'scs0009', angle: 0.5 })]);
    assert.deepEqual((await pingAll(s.bus)).ids, [], 'they do not answer a ping of everybody');
    assert.equal((await identify(s.bus, 4)).model, 1284);
    const step = Math.round(512 + 0.5 / SCS_SERIES.unit);
    assert.equal(await readItem(s, 4, SCS.presentPosition, 'big'), step);
    assert.ok(await setItem(s, 4, SCS.goalPosition, 600, SCS_SERIES));
    assert.deepEqual([...(await readBytes(s, 4, 42, 2))], [600 >> 8, 600 & 255]);
    assert.ok(await setItem(s, 4, SCS.positionP, 12, SCS_SERIES), 'its lock is elsewhere');
    await reboot(s, 4);
    await back(s, 4);
    assert.equal(await readItem(s, 4, SCS.positionP, 'big'), 12);
  });

  it('says who does not answer, within the time that it may take', async () => {
    await using s = await busStand(three);
    const from = now();
    await assert.rejects(read(s, 5, STS.status), refused(/id 5 does not answer any more/));
    // Five tries of 0.3 s each, and what this machine adds.
    assert.ok(now() - from < 6);
    await s.emulator.device({ what: 'silent', id: 2, value: true });
    await assert.rejects(syncRead(s, [1, 2, 7], 40, 2), refused(/id 2 /));
    assert.equal(await read(s, 7, STS.torqueEnable), 0, 'the others go on');
  });

  it('does not take its own echo for an answer', async () => {
    await using s = await busStand(three, { echo: true });
    assert.equal(await read(s, 1, STS.protectionCurrent), 500);
    assert.ok(await set(s, 7, STS.goalPosition, 2000));
    assert.equal((await ping(s.bus, 5)).status, null);
    assert.equal((await ping(s.bus, 1)).status, 0);
    assert.equal((await identify(s.bus, 5)).model, null);
    assert.equal((await syncRead(s, [1, 2, 7], 40, 31)).length, 3);
    assert.deepEqual((await pingAll(s.bus)).ids, [1, 2, 7]);
  });

  it('tells two servos with one id from noise and silence', async () => {
    await using s = await busStand([servo(1), servo(3), servo(3, { angle: -1, settings: { positionP: 9 } })]);
    await assert.rejects(
      readBytes(s, 3, 0, 70),
      refused(/id 3 answers, but .* two servos with this id/),
      'their places differ',
    );
    assert.equal((await identify(s.bus, 1)).model, 777);
  });

  it('goes on through lost, wrong and merged bytes and wrong checksums, and believes next to none of them', async () => {
    await using s = await busStand(three, {}, 0.03);
    await s.emulator.faults({ flip: 0.004, drop: 0.002, merge: 0.002 });
    await s.emulator.device({ what: 'badSum', chance: 0.05 });
    let failed = 0;
    for (let i = 0; i < 200; i++) {
      const answer = await read(s, 1, STS.protectionCurrent).catch(() => null);
      if (answer === null) failed++;
      else assert.equal(answer, 500);
    }
    assert.ok(s.bus.counts.garbled + s.bus.counts.silent > 5, 'the line was bad');
    assert.ok(failed < 20, `${failed} of 200 failed each time`);
    await s.emulator.faults({ flip: 0, drop: 0, merge: 0 });
    await s.emulator.device({ what: 'badSum', chance: 0 });
    assert.equal(await read(s, 7, STS.protectionCurrent), 500, 'and it is well again at once');
  });

  it('a frame that was cut in half, or a slow adapter, keeps nothing from going on', async () => {
    await using s = await busStand(three, { latencyMs: 16 });
    const whole = new PacketWriter().write(1, STS.goalPosition.address, [1, 2]).bytes;
    const before = await read(s, 1, STS.goalPosition);
    s.bus.wire.write(whole.subarray(0, 5));
    assert.equal(await read(s, 1, STS.goalPosition), before);
    s.bus.wire.write(whole.subarray(5));
    assert.equal(await read(s, 1, STS.goalPosition), before, 'half a frame is none');
    await write(s, 1, STS.goalPosition, 513);
    assert.equal(await read(s, 1, STS.goalPosition), 513);
  });
});

describe('an emulated servo protects itself', together, () => {
  it('from overload: it goes on with the protective torque and says so, until torque is switched', async () => {
    await using s = await busStand([servo(1, { settings: { overloadTorque: 25, protectionTime: 20 } })]);
    await s.emulator.device({ what: 'blocked', id: 1, value: true });
    await write(s, 1, STS.goalPosition, 3000);
    await write(s, 1, STS.torqueEnable, 1);
    await until('overload', async () => ((await read(s, 1, STS.status)) & Fault.overload) !== 0);
    assert.equal(await read(s, 1, STS.presentLoad), 200, '20 % of the torque');
    assert.equal((await ping(s.bus, 1)).status, Fault.overload, 'every answer says so');
    await write(s, 1, STS.torqueEnable, 0);
    assert.equal(await read(s, 1, STS.status), 0);
  });

  it('from heat, from too much current and, when told so, from low voltage: it lets go', async () => {
    const settings = { protectionCurrent: 100, overCurrentTime: 10, unloadCondition: 44 };
    await using s = await busStand([servo(1, { settings }), servo(2)]);
    const driven = async (): Promise<boolean[]> =>
      ((await s.emulator.device({ what: 'states' })) as { driven: boolean }[]).map((x) => x.driven);
    for (const id of [1, 2]) {
      await write(s, id, STS.goalPosition, await read(s, id, STS.presentPosition));
      await write(s, id, STS.torqueEnable, 1);
    }
    await s.emulator.device({ what: 'blocked', id: 1, value: true });
    await write(s, 1, STS.goalPosition, 3000);
    await until('too much current', async () => ((await read(s, 1, STS.status)) & Fault.current) !== 0);
    assert.deepEqual(await driven(), [false, true]);
    await s.emulator.device({ what: 'voltage', id: 2, value: 3 });
    await until('voltage', async () => (await read(s, 2, STS.status)) === Fault.voltage);
    assert.deepEqual(await driven(), [false, true], 'the factory leaves that to the master');
    await s.emulator.device({ what: 'temperature', id: 2, value: 75 });
    await until('heat', async () => ((await read(s, 2, STS.status)) & Fault.overheating) !== 0);
    assert.deepEqual(await driven(), [false, false]);
  });
});
