/** Setting up and measuring a Dynamixel arm: what drivers/bus/arm/bus-calibrator.ts needs to know of its servos. */
import type { CalibratorFactory } from '../../src/robot/calibration.ts';
import type { DeviceContext } from '../../src/robot/device.ts';
import { type Answering, BusCalibrator } from '../bus/arm/bus-calibrator.ts';
import { PacketDecoder } from './decoder.ts';
import { find } from './find.ts';
import { type Joint, jointsOf } from './joint.ts';
import { modelNumbered } from './models.ts';
import { ping, pingAll, type Requester, readItem, syncRead, writeItem } from './requests.ts';
import { BAUDS, FACTORY_BAUD, numberAt, X } from './table.ts';

/** Throws CONFIG_INVALID for bad options. */
export const calibrate: CalibratorFactory = (context) => new DynamixelCalibrator(context);

class DynamixelCalibrator extends BusCalibrator<PacketDecoder, Joint> {
  constructor(context: DeviceContext) {
    const { options, joints } = jointsOf(context);
    const { port, baud } = options;
    super(context, joints, { port, baud, factoryBaud: FACTORY_BAUD, bauds: BAUDS });
  }

  /** Turns are counted from another place in another mode. */
  protected override more({ options }: Joint): string {
    return `, mode ${options.mode}`;
  }

  protected override decoder(): PacketDecoder {
    return new PacketDecoder();
  }

  protected override async everybody({ bus }: Requester): Promise<readonly Answering[]> {
    const { servos } = await pingAll(bus);
    return servos.map(({ id, model }) => ({ id, model: modelNumbered(model)?.name ?? `model ${model}` }));
  }

  protected override position(to: Requester, id: number): Promise<number> {
    return readItem(to, id, X.presentPosition);
  }

  protected override torqueOff(to: Requester, id: number): Promise<void> {
    return writeItem(to, id, X.torqueEnable, 0);
  }

  protected override setId(to: Requester, id: number, next: number): Promise<void> {
    return writeItem(to, id, X.id, next);
  }

  protected override setBaud(to: Requester, id: number, baud: number): Promise<void> {
    return writeItem(to, id, X.baud, BAUDS.indexOf(baud as (typeof BAUDS)[number]));
  }

  protected override async settings(to: Requester, id: number): Promise<{ id: number; baud: number } | null> {
    if ((await ping(to.bus, id)).servo === null) return null;
    return { id: await readItem(to, id, X.id), baud: BAUDS[await readItem(to, id, X.baud)] ?? Number.NaN };
  }

  protected override find(to: Requester): Promise<void> {
    return find(to, this.joints);
  }

  protected override origin(to: Requester, { id }: Joint): Promise<number> {
    return readItem(to, id, X.homingOffset);
  }

  protected override async positions(to: Requester): Promise<Float64Array> {
    const item = X.presentPosition;
    const ids = this.joints.map((j) => j.id);
    const replies = await syncRead(to, ids, item);
    return Float64Array.from(replies, ({ data }) => numberAt(data, 0, item.size, item.signed));
  }
}
