/** Prints how many bytes one cycle of an arm allocates: encoder, bus, decoder, reply check, unpacking. `litter` adds an object. */
import { HalfDuplexBus } from '../../../drivers/bus/half-duplex.ts';
import { StateCycle } from '../../../drivers/feetech/cycle.ts';
import { PacketDecoder } from '../../../drivers/feetech/decoder.ts';
import { jointsOf } from '../../../drivers/feetech/joint.ts';
import { STATE_FROM, STS_SERIES } from '../../../drivers/feetech/models.ts';
import { PacketWriter } from '../../../drivers/feetech/packet.ts';
import { ACCELERATION } from '../../../drivers/feetech/setup.ts';
import { bytesOf, STS } from '../../../drivers/feetech/table.ts';
import { measureCycle } from '../bus/measure-cycle.ts';
import { robot } from './stand.ts';

const { joints } = jointsOf({ robot, entry: robot.devices[0]! });

/** Everybody's answer: standing at step 2048, with torque. */
const writer = new PacketWriter();
const data = new Uint8Array(STS_SERIES.stateBytes);
data[STS.torqueEnable.address - STATE_FROM] = 1;
data[STS.acceleration.address - STATE_FROM] = ACCELERATION;
for (const item of [STS.goalPosition, STS.presentPosition])
  data.set(bytesOf(2048, item, 'little'), item.address - STATE_FROM);
for (const { id } of joints) writer.status(id, 0, data);

await measureCycle(joints.length, 2048, Uint8Array.from(writer.bytes), (wire, reading) => {
  const options = { now: () => 1, returnDelayS: 0, patienceS: 1 };
  const bus = new HalfDuplexBus(wire, new PacketDecoder(), options);
  return { bus, cycle: new StateCycle(bus, joints, 'together', reading, 1_000_000) };
});
