/** Prints how many bytes one cycle of an arm allocates: encoder, bus, decoder, reply check, unpacking. `litter` adds an object. */
import type { Wire } from '../../../drivers/bus/wire.ts';
import { DynamixelBus } from '../../../drivers/dynamixel/bus.ts';
import { crc16 } from '../../../drivers/dynamixel/crc.ts';
import { StateCycle } from '../../../drivers/dynamixel/cycle.ts';
import { jointsOf } from '../../../drivers/dynamixel/joint.ts';
import { fastReplyLength } from '../../../drivers/dynamixel/packet.ts';
import { STATE_BYTES } from '../../../drivers/dynamixel/setup.ts';
import { bytesPerRound } from '../../support/garbage.ts';
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

const reply = answer();
const wire: Wire = {
  port: 'none',
  baud: 1_000_000,
  notes: [],
  latencyS: 0,
  onBytes: null,
  onLost: null,
  write: () => {},
  setBaud: async () => {},
  close: async () => {},
};
const bus = new DynamixelBus(wire, { now: () => 1, returnDelayS: 0, patienceS: 1 });
const reading = {
  time: 0,
  position: new Float64Array(n),
  speed: new Float64Array(n),
  torque: new Float64Array(n),
  goal: new Float64Array(n),
  powered: new Uint8Array(n),
  faults: new Uint8Array(n),
};
const cycle = new StateCycle(bus, joints, 'fast', reading, 1_000_000);
const goals = new Int32Array(n).fill(2048);
let read = 0;
const done = (outcome: string): void => {
  if (outcome === 'read') read++;
};
const litter: object[] = [];
const body = (): void => {
  cycle.run(goals, done);
  wire.onBytes!(reply, 1);
  if (process.argv[2] === 'litter') litter[0] = { read };
};
const bytes = bytesPerRound(body, 5000, 5000, 10);
await bus.close();
console.log(JSON.stringify({ bytes, read, position: reading.position[n - 1] }));
