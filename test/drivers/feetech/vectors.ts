/** Byte vectors of Feetech's protocol manual, each with what builds it and what is read out of it. */
import { Instruction, type PacketWriter } from '../../../drivers/feetech/packet.ts';
import { bytesOf, STS } from '../../../drivers/feetech/table.ts';

export interface Vector {
  readonly what: string;
  readonly bytes: string;
  readonly build: (w: PacketWriter) => unknown;
  readonly id: number;
  /** Instruction or status, then parameters. */
  readonly body: readonly number[];
}

export const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.trim().split(/\s+/), (b) => Number.parseInt(b, 16));

const I = Instruction;
const ALL = 0xfe;
const GOAL = STS.goalPosition.address;
/** Goal position, goal time, goal speed. */
const goal = (position: number, speed: number): Uint8Array =>
  Uint8Array.of(
    ...bytesOf(position, STS.goalPosition, 'little'),
    ...bytesOf(0, STS.goalTime, 'little'),
    ...bytesOf(speed, STS.goalSpeed, 'little'),
  );

export const VECTORS: readonly Vector[] = [
  { what: 'ping id 1', bytes: 'FF FF 01 02 01 FB', build: (w) => w.plain(1, I.ping), id: 1, body: [1] },
  { what: 'its answer', bytes: 'FF FF 01 02 00 FC', build: (w) => w.status(1, 0), id: 1, body: [0] },
  {
    what: 'read present position of id 1',
    bytes: 'FF FF 01 04 02 38 02 BE',
    build: (w) => w.read(1, STS.presentPosition.address, 2),
    id: 1,
    body: [2, 0x38, 2],
  },
  {
    what: 'its answer: 1304',
    bytes: 'FF FF 01 04 00 18 05 DD',
    build: (w) => w.status(1, 0, bytesOf(1304, STS.presentPosition, 'little')),
    id: 1,
    body: [0, 0x18, 0x05],
  },
  {
    what: 'id 1 for everybody',
    bytes: 'FF FF FE 04 03 05 01 F4',
    build: (w) => w.write(ALL, STS.id.address, [1]),
    id: ALL,
    body: [3, 5, 1],
  },
  {
    what: 'goal 2048 at speed 1000',
    bytes: 'FF FF 01 09 03 2A 00 08 00 00 E8 03 D5',
    build: (w) => w.write(1, GOAL, goal(2048, 1000)),
    id: 1,
    body: [3, 0x2a, 0, 8, 0, 0, 0xe8, 3],
  },
  {
    what: 'goal 2048 alone',
    bytes: 'FF FF 01 05 03 2A 00 08 C4',
    build: (w) => w.write(1, GOAL, bytesOf(2048, STS.goalPosition, 'little')),
    id: 1,
    body: [3, 0x2a, 0, 8],
  },
  {
    what: 'the same goal, registered',
    bytes: 'FF FF 01 09 04 2A 00 08 00 00 E8 03 D4',
    build: (w) => w.regWrite(1, GOAL, goal(2048, 1000)),
    id: 1,
    body: [4, 0x2a, 0, 8, 0, 0, 0xe8, 3],
  },
  { what: 'action', bytes: 'FF FF FE 02 05 FA', build: (w) => w.plain(ALL, I.action), id: ALL, body: [5] },
  {
    what: 'sync-write of goal and speed to four servos',
    bytes:
      'FF FF FE 20 83 2A 06 01 00 08 00 00 E8 03 02 00 08 00 00 E8 03 03 00 08 00 00 E8 03 04 00 08 00 00 E8 03 58',
    build: (w) => {
      w.beginSyncWrite(GOAL, 6);
      for (const id of [1, 2, 3, 4]) w.u8(id).raw(goal(2048, 1000));
      return w.end();
    },
    id: ALL,
    body: [0x83, 0x2a, 6, ...[1, 2, 3, 4].flatMap((id) => [id, 0, 8, 0, 0, 0xe8, 3])],
  },
  {
    what: 'sync-read of eight bytes of ids 1 and 2',
    bytes: 'FF FF FE 06 82 38 08 01 02 36',
    build: (w) => w.syncRead(STS.presentPosition.address, 8, [1, 2]),
    id: ALL,
    body: [0x82, 0x38, 8, 1, 2],
  },
  {
    what: 'answer of id 1 to it',
    bytes: 'FF FF 01 0A 00 00 08 00 00 00 00 79 1E 55',
    build: (w) => w.status(1, 0, [0, 8, 0, 0, 0, 0, 0x79, 0x1e]),
    id: 1,
    body: [0, 0, 8, 0, 0, 0, 0, 0x79, 0x1e],
  },
  {
    what: 'answer of id 2 to it',
    bytes: 'FF FF 02 0A 00 FF 07 00 00 00 00 77 23 53',
    build: (w) => w.status(2, 0, [0xff, 7, 0, 0, 0, 0, 0x77, 0x23]),
    id: 2,
    body: [0, 0xff, 7, 0, 0, 0, 0, 0x77, 0x23],
  },
  {
    what: 'reset turns',
    bytes: 'FF FF 01 02 0A F2',
    build: (w) => w.plain(1, I.resetTurns),
    id: 1,
    body: [0x0a],
  },
  {
    what: 'calibrate to the middle',
    bytes: 'FF FF 01 02 0B F1',
    build: (w) => w.plain(1, I.calibrate),
    id: 1,
    body: [0x0b],
  },
  {
    what: 'calibrate to 1024',
    bytes: 'FF FF 01 04 0B 00 04 EB',
    build: (w) => w.calibrateTo(1, 1024, 'little'),
    id: 1,
    body: [0x0b, 0, 4],
  },
  {
    what: 'factory reset',
    bytes: 'FF FF 01 02 06 F6',
    build: (w) => w.plain(1, I.factoryReset),
    id: 1,
    body: [6],
  },
  { what: 'reboot', bytes: 'FF FF 01 02 08 F4', build: (w) => w.plain(1, I.reboot), id: 1, body: [8] },
];
