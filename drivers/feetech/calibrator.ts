/** Setting up and measuring a Feetech arm: what drivers/bus/arm/bus-calibrator.ts needs to know of its servos. */
import type { CalibratorFactory } from '../../src/robot/calibration.ts';
import type { DeviceContext } from '../../src/robot/device.ts';
import { type Answering, BusCalibrator } from '../bus/arm/bus-calibrator.ts';
import { PacketDecoder } from './decoder.ts';
import { find } from './find.ts';
import { type Joint, jointsOf } from './joint.ts';
import { modelNumbered, type Series } from './models.ts';
import { identify, pingAll, type Requester, readItem, setItem, writeItem } from './requests.ts';
import { BAUDS, FACTORY_BAUD } from './table.ts';

/** Throws CONFIG_INVALID for bad options. */
export const calibrate: CalibratorFactory = (context) => new FeetechCalibrator(context);

class FeetechCalibrator extends BusCalibrator<PacketDecoder, Joint> {
  readonly #series: Series;

  constructor(context: DeviceContext) {
    const { options, joints } = jointsOf(context);
    const { port, baud } = options;
    super(context, joints, { port, baud, factoryBaud: FACTORY_BAUD, bauds: BAUDS });
    this.#series = joints[0]!.model.series;
  }

  protected override more(): string {
    return '';
  }

  protected override decoder(): PacketDecoder {
    return new PacketDecoder();
  }

  /** Several models say the same number: then it is taken for the one that the robot file has. */
  protected override async everybody({ bus }: Requester): Promise<readonly Answering[]> {
    const found: Answering[] = [];
    for (const id of (await pingAll(bus)).ids) {
      const { model: number } = await identify(bus, id);
      if (number === null) continue;
      const model = this.joints.find((j) => j.model.number === number)?.model ?? modelNumbered(number);
      found.push({ id, model: model?.name ?? `model ${number}` });
    }
    return found;
  }

  protected override position(to: Requester, id: number): Promise<number> {
    return readItem(to, id, this.#series.table.presentPosition, this.#series.order);
  }

  protected override torqueOff(to: Requester, id: number): Promise<void> {
    return writeItem(to, id, this.#series.table.torqueEnable, 0, this.#series.order);
  }

  protected override async setId(to: Requester, id: number, next: number): Promise<void> {
    await setItem(to, id, this.#series.table.id, next, this.#series);
  }

  protected override async setBaud(to: Requester, id: number, baud: number): Promise<void> {
    const rate = BAUDS.indexOf(baud as (typeof BAUDS)[number]);
    await setItem(to, id, this.#series.table.baud, rate, this.#series);
  }

  protected override async settings(to: Requester, id: number): Promise<{ id: number; baud: number } | null> {
    if ((await identify(to.bus, id)).model === null) return null;
    const { table, order } = this.#series;
    // A rate that was just set was set unlocked.
    await writeItem(to, id, table.lock, 1, order);
    const rate = await readItem(to, id, table.baud, order);
    return { id: await readItem(to, id, table.id, order), baud: BAUDS[rate] ?? Number.NaN };
  }

  protected override find(to: Requester): Promise<void> {
    return find(to, this.joints);
  }

  protected override origin(to: Requester, { id }: Joint): Promise<number> {
    const { table, order } = this.#series;
    const { homingOffset } = table;
    return homingOffset === undefined ? Promise.resolve(0) : readItem(to, id, homingOffset, order);
  }

  protected override async positions(to: Requester): Promise<Float64Array> {
    const { table, order } = this.#series;
    const all = new Float64Array(this.joints.length);
    for (const [i, { id }] of this.joints.entries())
      all[i] = await readItem(to, id, table.presentPosition, order);
    return all;
  }
}
