/**
 * CRC-16/MODBUS: polynomial 0x8005 reflected (0xA001), start 0xFFFF, over every byte before it; it goes out low byte first
 * (Modbus over Serial Line V1.02, 6.2.2). "123456789" gives 0x4B37.
 */
const TABLE = new Uint16Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  TABLE[byte] = crc;
}

/** The checksum of bytes[from..to). */
export function crc16(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0xffff;
  for (let i = from; i < to; i++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[i]!) & 0xff]!;
  return crc;
}

/** Writes the checksum of bytes[0..end) behind them. */
export function seal(bytes: Uint8Array, end: number): void {
  const crc = crc16(bytes, 0, end);
  bytes[end] = crc & 0xff;
  bytes[end + 1] = crc >>> 8;
}

/** Whether the last two of bytes[from..to) are the checksum of those before them. */
export function sealed(bytes: Uint8Array, from: number, to: number): boolean {
  return crc16(bytes, from, to - 2) === (bytes[to - 2]! | (bytes[to - 1]! << 8));
}
