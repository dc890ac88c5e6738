/** The servos of a Feetech arm as a chain: see drivers/bus/arm. */
import { BusChain, type ChainOptions } from '../bus/arm/bus-chain.ts';
import type { ChainWords, ServoChain } from '../bus/arm/chain.ts';
import { ARM_WORDS } from '../bus/arm/servo-arm.ts';
import type { Outcome } from '../bus/half-duplex.ts';
import { wireTime } from '../bus/wire.ts';
import { type ReadWay, StateCycle } from './cycle.ts';
import { PacketDecoder } from './decoder.ts';
import { find } from './find.ts';
import type { Joint } from './joint.ts';
import { type Series, STATE_FROM } from './models.ts';
import { identify, type Requester, readItem, setItem, syncRead, syncWrite, writeItem } from './requests.ts';
import { ACCELERATION, fastest, setUp } from './setup.ts';
import { faultWords } from './table.ts';

/** rad/s at which a servo goes to its goal when torque comes on: so slow that no difference makes a jump. */
const GENTLE = 0.1;

/** These servos have no watchdog: what they were told last they do. */
const WORDS: ChainWords = {
  ...ARM_WORDS,
  lost: 'The servos go to their last goal and hold.',
  deaf: 'servos had not taken goals for a while on a bad line; they held, and follow again',
};

export class FeetechChain extends BusChain<PacketDecoder, Joint> implements ServoChain {
  readonly words = WORDS;
  readonly #series: Series;

  constructor(joints: readonly Joint[], options: ChainOptions) {
    const { series } = joints[0]!.model;
    const way = series.together ? 'together' : 'each';
    const cycleS = wireTime(StateCycle.wireBytes(joints.length, series, way), options.baud);
    super(joints, options, { unit: () => series.unit, cycleS });
    this.#series = series;
  }

  protected override decoder(): PacketDecoder {
    return new PacketDecoder();
  }

  protected override async setUp(to: Requester): Promise<void> {
    await find(to, this.joints);
    for (const joint of this.joints) await setUp(to, joint);
  }

  protected override origin(to: Requester, { id, model: { series } }: Joint): Promise<number> {
    const { homingOffset } = series.table;
    return homingOffset === undefined ? Promise.resolve(0) : readItem(to, id, homingOffset, series.order);
  }

  /** In one request where every servo can. */
  protected override async prepare(to: Requester): Promise<StateCycle> {
    let way: ReadWay = 'each';
    if (this.#series.together) {
      way = await syncRead(to, this.ids, STATE_FROM, this.#series.stateBytes).then(
        () => 'together' as const,
        () => 'each' as const,
      );
      if (way === 'each')
        this.slow = 'servos are asked one after the other: their firmware knows no sync-read';
    }
    return new StateCycle(to.bus, this.joints, way, this.reading, this.options.baud);
  }

  protected override temperature(to: Requester, { id }: Joint): Promise<number> {
    return readItem(to, id, this.#series.table.presentTemperature, this.#series.order);
  }

  protected override position(to: Requester, { id }: Joint): Promise<number> {
    return readItem(to, id, this.#series.table.presentPosition, this.#series.order);
  }

  /** Goals first, then torque: writing a goal may turn torque on by itself, and then it holds too. */
  protected override async holdHere(to: Requester, signal?: AbortSignal): Promise<void> {
    const { table, order, unit } = this.#series;
    const here = new Map<number, number>();
    for (const joint of this.joints) {
      signal?.throwIfAborted();
      const { id } = joint;
      const goal = await this.here(to, joint, signal);
      await writeItem(to, id, table.goalSpeed, Math.round(GENTLE / unit), order);
      if (!(await setItem(to, id, table.goalPosition, goal, this.#series)))
        await writeItem(to, id, table.goalPosition, goal, order);
      signal?.throwIfAborted();
      await writeItem(to, id, table.torqueEnable, 1, order);
      // What moved under the hand meanwhile stays where it is now.
      here.set(id, this.within(joint, await this.position(to, joint)));
    }
    await syncWrite(to.bus, table.goalPosition, here, order);
    for (const joint of this.joints) await writeItem(to, joint.id, table.goalSpeed, fastest(joint), order);
  }

  protected override async letGo(to: Requester): Promise<void> {
    const { table, order } = this.#series;
    await this.withEach(({ id }) => writeItem(to, id, table.torqueEnable, 0, order));
  }

  protected override async answers(to: Requester, { id }: Joint): Promise<Outcome> {
    return (await identify(to.bus, id)).outcome;
  }

  protected override async forgot(to: Requester, { id }: Joint): Promise<boolean> {
    return (await readItem(to, id, this.#series.table.acceleration, this.#series.order)) !== ACCELERATION;
  }

  override faultWords(bits: number): string {
    return faultWords(bits);
  }
}
