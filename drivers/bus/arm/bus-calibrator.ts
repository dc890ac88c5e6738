/**
 * Setting up and measuring an arm of servos, whatever bus they are on: ids one by one, then raw positions with torque off.
 * A driver adds how it talks to its servos.
 */
import { ArmloopError } from '../../../src/errors.ts';
import type { CalibrationAxis, Calibrator, FoundServo, RateNews } from '../../../src/robot/calibration.ts';
import type { DeviceContext } from '../../../src/robot/device.ts';
import type { Asker, StatusDecoder } from '../ask.ts';
import { HalfDuplexBus } from '../half-duplex.ts';
import { openSerialWire } from '../serial-wire.ts';
import type { BusJoint, ServoEntry, ServoModelBase } from './joint.ts';

export interface CalibratorBus {
  readonly port: string;
  /** Rate of the robot file, that of the factory, and every one that servos can have. */
  readonly baud: number;
  readonly factoryBaud: number;
  readonly bauds: readonly number[];
}

/** Every maker's servos come with it. */
const FACTORY_ID = 1;
const PATIENCE_S = 0.1;
const RETURN_DELAY_S = 0.001;
/** A servo takes its new id or rate after its answer. */
const SETTLE_MS = 50;

/** A servo that answered to its name. */
export type Answering = Pick<FoundServo, 'id' | 'model'>;

/** Under which a servo is heard. */
type Name = Pick<FoundServo, 'id' | 'baud'>;

export abstract class BusCalibrator<D extends StatusDecoder, J extends BusJoint<ServoEntry, ServoModelBase>>
  implements Calibrator
{
  readonly unit = 'step';
  readonly axes: readonly CalibrationAxis[];
  readonly asFromFactory: number;
  readonly baud: number;
  protected readonly joints: readonly J[];
  readonly #context: DeviceContext;
  readonly #settings: CalibratorBus;
  #to: Asker<D> | null = null;

  constructor(context: DeviceContext, joints: readonly J[], settings: CalibratorBus) {
    this.#context = context;
    this.#settings = settings;
    this.joints = joints;
    const { baud, factoryBaud } = settings;
    this.baud = baud;
    this.asFromFactory = baud === factoryBaud ? joints.findIndex((j) => j.id === FACTORY_ID) : -1;
    this.axes = joints.map((joint) => {
      const { id, options, map } = joint;
      const ratio = Number(options.ratio.toPrecision(6));
      return {
        name: map.axis.name,
        part: `${options.model}, id ${id}, ratio ${ratio}${this.more(joint)}`,
        scale: Math.abs(map.scale),
        direction: options.direction,
        id,
        model: options.model,
      };
    });
  }

  /** What else of a servo's settings a measurement depends on, in words after a comma; '' for nothing. */
  protected abstract more(joint: J): string;
  protected abstract decoder(): D;
  /** Everybody who answers at the rate of the wire. */
  protected abstract everybody(to: Asker<D>): Promise<readonly Answering[]>;
  /** Where one servo is, in steps. Rejects with DEVICE_BUS. */
  protected abstract position(to: Asker<D>, id: number): Promise<number>;
  protected abstract torqueOff(to: Asker<D>, id: number): Promise<void>;
  protected abstract setId(to: Asker<D>, id: number, next: number): Promise<void>;
  protected abstract setBaud(to: Asker<D>, id: number, baud: number): Promise<void>;
  /** What its table has as id and rate; null when it does not answer. */
  protected abstract settings(
    to: Asker<D>,
    id: number,
  ): Promise<{ readonly id: number; readonly baud: number } | null>;
  /** Checks that every servo is there and of its model. Rejects with DEVICE_*. */
  protected abstract find(to: Asker<D>): Promise<void>;
  /** Zero that a servo itself was given, in steps. */
  protected abstract origin(to: Asker<D>, joint: J): Promise<number>;
  protected abstract positions(to: Asker<D>): Promise<Float64Array>;

  /** The rate of the robot file and the factory's first; the others only when nobody answers there. */
  async list(onRate?: RateNews): Promise<readonly FoundServo[]> {
    const to = await this.#connect();
    const { baud, factoryBaud, bauds } = this.#settings;
    const likely = [...new Set([baud, factoryBaud])];
    const found: FoundServo[] = [];
    const rates = [...likely, ...bauds.filter((b) => !likely.includes(b))];
    for (const [i, rate] of rates.entries()) {
      if (found.length > 0 && !likely.includes(rate)) break;
      onRate?.(rate, i + 1, rates.length);
      await to.bus.wire.setBaud(rate);
      for (const servo of await this.everybody(to))
        found.push({ ...servo, baud: rate, answers: await this.#answers(to, servo.id) });
    }
    return found;
  }

  /** Two servos with one id say the same to a ping, and hardly ever the same place. */
  async #answers(to: Asker<D>, id: number): Promise<FoundServo['answers']> {
    return this.position(to, id).then(
      () => 'well',
      () => 'damaged',
    );
  }

  async assign(found: FoundServo, axis: number): Promise<number> {
    const { id, name } = this.axes[axis]!;
    const { baud } = this.#settings;
    const to = await this.#connect();
    await to.bus.wire.setBaud(found.baud);
    await this.torqueOff(to, found.id);
    if (found.id !== id) {
      await this.#change(to, name, `id ${id}`, found, { id, baud: found.baud }, () =>
        this.setId(to, found.id, id),
      );
    }
    if (found.baud !== baud) {
      const before = { id, baud: found.baud };
      await this.#change(to, name, `${baud} baud`, before, { id, baud }, () => this.setBaud(to, id, baud));
    }
    await this.#needKept(to, name, { id, baud });
    return baud;
  }

  /** Writes what lasts, and looks whether it did: under its new name, then under the one before. */
  async #change(
    to: Asker<D>,
    axis: string,
    what: string,
    before: Name,
    after: Name,
    write: () => Promise<void>,
  ): Promise<void> {
    let failure: unknown = null;
    await write().catch((error: unknown) => {
      failure = error;
    });
    await settle();
    const { wire } = to.bus;
    await wire.setBaud(after.baud);
    if ((await this.settings(to, after.id)) !== null) return;
    await wire.setBaud(before.baud);
    if ((await this.settings(to, before.id)) === null) {
      await wire.setBaud(after.baud);
      if (failure !== null) throw failure;
      const problem = `answers neither as id ${after.id} at ${after.baud} baud, which was set, nor as id ${before.id} at ${before.baud} baud any more`;
      throw new ArmloopError('DEVICE_SERVO_WRONG', { device: to.device, servo: axis, problem });
    }
    const is = `id ${before.id} at ${before.baud} baud`;
    throw new ArmloopError('CALIBRATION_NOT_KEPT', { axis, what, is });
  }

  async #needKept(to: Asker<D>, axis: string, { id, baud }: Name): Promise<void> {
    const is = await this.settings(to, id);
    if (is !== null && is.id === id && is.baud === baud) return;
    if (is !== null) {
      const said = `id ${is.id} and ${is.baud} baud in its table`;
      throw new ArmloopError('CALIBRATION_NOT_KEPT', { axis, what: `id ${id} and ${baud} baud`, is: said });
    }
    const problem = `does not answer as id ${id} at ${baud} baud after it was set`;
    throw new ArmloopError('DEVICE_SERVO_WRONG', { device: to.device, servo: axis, problem });
  }

  async release(): Promise<void> {
    const to = await this.#connect();
    await to.bus.wire.setBaud(this.#settings.baud);
    await this.find(to);
    for (const { id } of this.joints) await this.torqueOff(to, id);
  }

  async origins(): Promise<Float64Array> {
    const to = await this.#connect();
    const all = new Float64Array(this.joints.length);
    for (const [i, joint] of this.joints.entries()) all[i] = await this.origin(to, joint);
    return all;
  }

  async read(): Promise<Float64Array> {
    return this.positions(await this.#connect());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const to = this.#to;
    this.#to = null;
    await to?.bus.close();
  }

  async #connect(): Promise<Asker<D>> {
    if (this.#to !== null) return this.#to;
    const { entry, now } = this.#context;
    const { port, baud } = this.#settings;
    const wire = await openSerialWire({ device: entry.name, port, baud, now });
    const patienceS = PATIENCE_S + wire.latencyS;
    const bus = new HalfDuplexBus(wire, this.decoder(), { now, returnDelayS: RETURN_DELAY_S, patienceS });
    this.#to = { bus, device: entry.name };
    return this.#to;
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
