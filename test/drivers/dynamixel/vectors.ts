/**
 * Byte vectors of the manual (ROBOTIS e-Manual, docs/en/dxl/protocol2.md), each with what builds it, and two computed
 * by hand at the end.
 */
import { FactoryReset, Instruction, type PacketWriter } from '../../../drivers/dynamixel/packet.ts';

export interface Vector {
  readonly what: string;
  readonly bytes: string;
  readonly build: (w: PacketWriter) => unknown;
  readonly id: number;
  readonly instruction: number;
  /** Unstuffed bytes after the instruction. */
  readonly body: readonly number[];
  /** Length field of a fast reply. */
  readonly fast?: number;
}

export const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.trim().split(/\s+/), (b) => Number.parseInt(b, 16));

const I = Instruction;
const ALL = 0xfe;

export const VECTORS: readonly Vector[] = [
  {
    what: 'ping id 1',
    bytes: 'FF FF FD 00 01 03 00 01 19 4E',
    build: (w) => w.plain(1, I.ping),
    id: 1,
    instruction: I.ping,
    body: [],
  },
  {
    what: 'its answer: model 0x0406, firmware 0x26',
    bytes: 'FF FF FD 00 01 07 00 55 00 06 04 26 65 5D',
    build: (w) => w.status(1, 0, [0x06, 0x04, 0x26]),
    id: 1,
    instruction: I.status,
    body: [0, 0x06, 0x04, 0x26],
  },
  {
    what: 'ping of everybody',
    bytes: 'FF FF FD 00 FE 03 00 01 31 42',
    build: (w) => w.plain(ALL, I.ping),
    id: ALL,
    instruction: I.ping,
    body: [],
  },
  {
    what: 'answer of id 2 to it',
    bytes: 'FF FF FD 00 02 07 00 55 00 06 04 26 6F 6D',
    build: (w) => w.status(2, 0, [0x06, 0x04, 0x26]),
    id: 2,
    instruction: I.status,
    body: [0, 0x06, 0x04, 0x26],
  },
  {
    what: 'read present position of id 1',
    bytes: 'FF FF FD 00 01 07 00 02 84 00 04 00 1D 15',
    build: (w) => w.read(1, 132, 4),
    id: 1,
    instruction: I.read,
    body: [0x84, 0, 4, 0],
  },
  {
    what: 'its answer, 166',
    bytes: 'FF FF FD 00 01 08 00 55 00 A6 00 00 00 8C C0',
    build: (w) => w.status(1, 0, [0xa6, 0, 0, 0]),
    id: 1,
    instruction: I.status,
    body: [0, 0xa6, 0, 0, 0],
  },
  {
    what: 'write goal position 512 to id 1',
    bytes: 'FF FF FD 00 01 09 00 03 74 00 00 02 00 00 CA 89',
    build: (w) => w.write(1, 116, [0, 2, 0, 0]),
    id: 1,
    instruction: I.write,
    body: [0x74, 0, 0, 2, 0, 0],
  },
  {
    what: 'answer without data',
    bytes: 'FF FF FD 00 01 04 00 55 00 A1 0C',
    build: (w) => w.status(1, 0),
    id: 1,
    instruction: I.status,
    body: [0],
  },
  {
    what: 'register goal velocity 200 of id 1',
    bytes: 'FF FF FD 00 01 09 00 04 68 00 C8 00 00 00 AE 8E',
    build: (w) => w.regWrite(1, 104, [200, 0, 0, 0]),
    id: 1,
    instruction: I.regWrite,
    body: [0x68, 0, 200, 0, 0, 0],
  },
  {
    what: 'action',
    bytes: 'FF FF FD 00 01 03 00 05 02 CE',
    build: (w) => w.plain(1, I.action),
    id: 1,
    instruction: I.action,
    body: [],
  },
  {
    what: 'factory reset of all but the id',
    bytes: 'FF FF FD 00 01 04 00 06 01 A1 E6',
    build: (w) => w.factoryReset(1, FactoryReset.allButId),
    id: 1,
    instruction: I.factoryReset,
    body: [1],
  },
  {
    what: 'reboot',
    bytes: 'FF FF FD 00 01 03 00 08 2F 4E',
    build: (w) => w.plain(1, I.reboot),
    id: 1,
    instruction: I.reboot,
    body: [],
  },
  {
    what: 'clear turns',
    bytes: 'FF FF FD 00 01 08 00 10 01 44 58 4C 22 B1 DC',
    build: (w) => w.clearTurns(1),
    id: 1,
    instruction: I.clear,
    body: [1, 0x44, 0x58, 0x4c, 0x22],
  },
  {
    what: 'sync-read of positions of ids 1, 2',
    bytes: 'FF FF FD 00 FE 09 00 82 84 00 04 00 01 02 CE FA',
    build: (w) => w.syncRead(132, 4, [1, 2]),
    id: ALL,
    instruction: I.syncRead,
    body: [0x84, 0, 4, 0, 1, 2],
  },
  {
    what: 'answer of id 2, 2079',
    bytes: 'FF FF FD 00 02 08 00 55 00 1F 08 00 00 BA BE',
    build: (w) => w.status(2, 0, [0x1f, 8, 0, 0]),
    id: 2,
    instruction: I.status,
    body: [0, 0x1f, 8, 0, 0],
  },
  {
    what: 'sync-write of goals 150 and 170',
    bytes: 'FF FF FD 00 FE 11 00 83 74 00 04 00 01 96 00 00 00 02 AA 00 00 00 82 87',
    build: (w) => w.beginSyncWrite(116, 4).u8(1).i32(150).u8(2).i32(170).end(),
    id: ALL,
    instruction: I.syncWrite,
    body: [0x74, 0, 4, 0, 1, 150, 0, 0, 0, 2, 170, 0, 0, 0],
  },
  {
    what: 'bulk-read of voltage of id 1 and temperature of id 2',
    bytes: 'FF FF FD 00 FE 0D 00 92 01 90 00 02 00 02 92 00 01 00 1A 05',
    build: (w) =>
      w.bulkRead(
        [
          { id: 1, address: 144, length: 2 },
          { id: 2, address: 146, length: 1 },
        ],
        false,
      ),
    id: ALL,
    instruction: I.bulkRead,
    body: [1, 0x90, 0, 2, 0, 2, 0x92, 0, 1, 0],
  },
  {
    what: 'answer of id 1, 11.9 V',
    bytes: 'FF FF FD 00 01 06 00 55 00 77 00 C3 69',
    build: (w) => w.status(1, 0, [119, 0]),
    id: 1,
    instruction: I.status,
    body: [0, 119, 0],
  },
  {
    what: 'answer of id 2, 36 °C',
    bytes: 'FF FF FD 00 02 05 00 55 00 24 8B A9',
    build: (w) => w.status(2, 0, [36]),
    id: 2,
    instruction: I.status,
    body: [0, 36],
  },
  {
    what: 'bulk-write of limits to ids 1 and 2',
    bytes: 'FF FF FD 00 FE 10 00 93 01 20 00 02 00 A0 00 02 1F 00 01 00 50 B7 68',
    build: (w) =>
      w.bulkWrite([
        { id: 1, address: 32, bytes: [160, 0] },
        { id: 2, address: 31, bytes: [80] },
      ]),
    id: ALL,
    instruction: I.bulkWrite,
    body: [1, 0x20, 0, 2, 0, 160, 0, 2, 0x1f, 0, 1, 0, 80],
  },
  {
    what: 'fast sync-read of positions of ids 3, 7, 4',
    bytes: 'FF FF FD 00 FE 0A 00 8A 84 00 04 00 03 07 04 20 F2',
    build: (w) => w.fastSyncRead(132, 4, [3, 7, 4]),
    id: ALL,
    instruction: I.fastSyncRead,
    body: [0x84, 0, 4, 0, 3, 7, 4],
  },
  {
    what: 'torque on (computed)',
    bytes: 'FF FF FD 00 01 06 00 03 40 00 01 DB 66',
    build: (w) => w.write(1, 64, [1]),
    id: 1,
    instruction: I.write,
    body: [0x40, 0, 1],
  },
  {
    what: 'a value that must be stuffed: 0x00FDFFFF to 116 (computed)',
    bytes: 'FF FF FD 00 01 0A 00 03 74 00 FF FF FD FD 00 21 E7',
    build: (w) => w.write(1, 116, [0xff, 0xff, 0xfd, 0x00]),
    id: 1,
    instruction: I.write,
    body: [0x74, 0, 0xff, 0xff, 0xfd, 0],
  },
];

/** A fast reply of three devices (e-Manual, "Fast Sync Read"); its first two checksums are printed there. */
export const FAST_PARTS = {
  ids: [3, 7],
  bytes: 'FF FF FD 00 FE 19 00 55 00 03 A6 00 00 00 84 08 00 07 1F 08 00 00 16 CA',
};
