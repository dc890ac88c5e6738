/** The servos of a Dynamixel arm as a chain: see drivers/bus/arm. */
import { BusChain, type ChainOptions } from '../bus/arm/bus-chain.ts';
import { tell } from '../bus/ask.ts';
import type { Outcome } from '../bus/half-duplex.ts';
import { wireTime } from '../bus/wire.ts';
import { StateCycle } from './cycle.ts';
import { PacketDecoder } from './decoder.ts';
import { find } from './find.ts';
import { GoalWriter, goalItem } from './goal-writer.ts';
import type { Joint } from './joint.ts';
import { PacketWriter } from './packet.ts';
import {
  bulkRead,
  fastSyncRead,
  ping,
  type Requester,
  readBytes,
  readItem,
  setItem,
  syncWrite,
  writeItem,
} from './requests.ts';
import { STATE_BYTES, setUp, stateMap } from './setup.ts';
import { hardwareErrorWords, POSITION_UNIT, VELOCITY_UNIT, WATCHDOG_UNIT, X } from './table.ts';

/** Speed at which a servo goes to its goal when torque comes on: so slow that no difference makes a jump. */
const GENTLE = Math.round(0.1 / VELOCITY_UNIT);

export class DynamixelChain extends BusChain<PacketDecoder, Joint> {
  constructor(joints: readonly Joint[], options: ChainOptions) {
    const bytes = StateCycle.wireBytes(joints.length, 'fast', GoalWriter.wireBytes(joints));
    const cycleS = wireTime(bytes, options.baud);
    super(joints, options, { unit: () => POSITION_UNIT, cycleS });
  }

  protected override decoder(): PacketDecoder {
    return new PacketDecoder();
  }

  protected override async setUp(to: Requester): Promise<void> {
    await find(to, this.joints);
    for (const joint of this.joints) await setUp(to, joint);
  }

  protected override origin(to: Requester, { id }: Joint): Promise<number> {
    return readItem(to, id, X.homingOffset);
  }

  /** All in one packet where every servo can. */
  protected override async prepare(to: Requester): Promise<StateCycle> {
    const parts = this.joints.map(({ id, model }) => ({
      id,
      address: model.indirect.data,
      length: STATE_BYTES,
    }));
    const data = parts[0]!.address;
    const once = parts.every((p) => p.address === data)
      ? fastSyncRead(to, this.ids, data, STATE_BYTES)
      : bulkRead(to, parts, 'fast');
    const way = await once.then(
      () => 'fast' as const,
      () => 'plain' as const,
    );
    if (way === 'plain') this.slow = 'servos are read one after the other: their firmware knows no fast read';
    return new StateCycle(to.bus, this.joints, way, this.reading, this.options.baud);
  }

  protected override temperature(to: Requester, { id }: Joint): Promise<number> {
    return readItem(to, id, X.presentTemperature);
  }

  protected override position(to: Requester, { id }: Joint): Promise<number> {
    return readItem(to, id, X.presentPosition);
  }

  protected override async holdHere(to: Requester, signal?: AbortSignal): Promise<void> {
    for (const joint of this.joints) {
      await quiet(to, joint.id);
      // Without its watchdog nothing else would end a speed or torque that it was told before.
      const item = goalItem(joint);
      if (item !== X.goalPosition) await writeItem(to, joint.id, item, 0);
    }
    const here = new Map<number, number>();
    for (const joint of this.joints) {
      signal?.throwIfAborted();
      const { id } = joint;
      const item = goalItem(joint);
      const goal = await this.here(to, joint, signal);
      await writeItem(to, id, X.profileVelocity, GENTLE);
      // By speed or torque a servo begins with none; what it needs to stay comes with the next cycle.
      const first = item === X.goalPosition ? goal : 0;
      if (!(await setItem(to, id, item, first))) await writeItem(to, id, item, first);
      signal?.throwIfAborted();
      await writeItem(to, id, X.torqueEnable, 1);
      if (item !== X.goalPosition) continue;
      // What moved under the hand meanwhile stays where it is now.
      here.set(id, this.within(joint, await this.position(to, joint)));
    }
    if (here.size > 0) await syncWrite(to.bus, X.goalPosition, here);
    for (const { id } of this.joints) {
      await writeItem(to, id, X.profileVelocity, 0);
      await writeItem(to, id, X.busWatchdog, this.#watchdog());
    }
  }

  #watchdog(): number {
    return Math.min(127, Math.max(2, Math.ceil(this.options.watchdogS / WATCHDOG_UNIT)));
  }

  /** See ServoChain.rest. */
  async rest(): Promise<void> {
    const w = new PacketWriter().beginBulkWrite();
    for (const joint of this.joints) {
      const { address, size } = goalItem(joint);
      if (goalItem(joint) === X.goalPosition) continue;
      w.u8(joint.id).u16(address).u16(size);
      if (size === 2) w.u16(0);
      else w.i32(0);
    }
    if (this.to !== null && this.joints.some((j) => goalItem(j) !== X.goalPosition))
      await tell(this.to.bus, w.end().bytes);
  }

  protected override async letGo(to: Requester): Promise<void> {
    await this.withEach(async ({ id }) => {
      await writeItem(to, id, X.torqueEnable, 0);
      await quiet(to, id);
    });
  }

  protected override async answers(to: Requester, { id }: Joint): Promise<Outcome> {
    return (await ping(to.bus, id)).outcome;
  }

  protected override async forgot(to: Requester, joint: Joint): Promise<boolean> {
    const { id, model } = joint;
    const map = stateMap(joint);
    const is = await readBytes(to, id, model.indirect.address, map.length);
    return is.some((byte, i) => byte !== map[i]);
  }

  override faultWords(bits: number): string {
    return hardwareErrorWords(bits);
  }
}

/** A watchdog that has struck locks the goals until it is set to 0 (e-Manual, "Bus Watchdog"). */
async function quiet(to: Requester, id: number): Promise<void> {
  await writeItem(to, id, X.busWatchdog, 0);
}
