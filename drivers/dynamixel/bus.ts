/** The master of a Dynamixel bus. */
import { type BusOptions, HalfDuplexBus } from '../bus/half-duplex.ts';
import type { Wire } from '../bus/wire.ts';
import { PacketDecoder } from './decoder.ts';

export class DynamixelBus extends HalfDuplexBus<PacketDecoder> {
  constructor(wire: Wire, options: BusOptions) {
    super(wire, new PacketDecoder(), options);
  }
}
