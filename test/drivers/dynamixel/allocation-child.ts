/** Prints how many bytes one cycle of an arm allocates: encoder, bus, decoder, reply check, unpacking. `litter` adds an object. */
import { DynamixelBus } from '../../../drivers/dynamixel/bus.ts';
import { crc16 } from '../../../drivers/dynamixel/crc.ts';
import { StateCycle } from '../../../drivers/dynamixel/cycle.ts';
import { jointsOf } from '../../../drivers/dynamixel/joint.ts';
import { fastReplyLength } from '../../../drivers/dynamixel/packet.ts';
import { STATE_BYTES } from '../../../drivers/dynamixel/setup.ts';
import { measureCycle } from '../bus/measure-cycle.ts';
import { robot } from './arm-stand.ts';

const { joints } = jointsOf({ robot, entry: robot.devices[0]! });
const n = joints.length;

/** Everybody's answer: standing at step 2048. */
function answer(): Uint8Array {
  const length = fastReplyLength(n, STATE_BYTES);
  const bytes: number[] = [0xff, 0xff, 0xfd, 0, 0xfe, length & 0xff, length >> 8, 0x55];
  for (const { id } of joints) {
    bytes.push(0, id, 2, 1, 0, 5, 0, 1, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0);
    const crc = crc16(Uint8Array.from(bytes), 0, bytes.length);
    bytes.push(crc & 0xff, crc >> 8);
  }
  return Uint8Array.from(bytes);
}

await measureCycle(n, 2048, answer(), (wire, reading) => {
  const bus = new DynamixelBus(wire, { now: () => 1, returnDelayS: 0, patienceS: 1 });
  return { bus, cycle: new StateCycle(bus, joints, 'fast', reading, 1_000_000) };
});
