/**
 * CRC-16 of Protocol 2.0: polynomial x¹⁶ + x¹⁵ + x² + 1 (0x8005), start 0, neither input nor output reflected, over the
 * whole packet with its header (e-Manual, "CRC Calculation"). "123456789" gives 0xFEE8.
 */
const TABLE = new Uint16Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) !== 0 ? (crc << 1) ^ 0x8005 : crc << 1;
  TABLE[byte] = crc & 0xffff;
}

/** The checksum after one more byte. */
export function crcByte(crc: number, byte: number): number {
  return ((crc << 8) & 0xffff) ^ TABLE[(crc >>> 8) ^ byte]!;
}

/** The checksum of bytes[from..to), going on from `crc`. */
export function crc16(bytes: Uint8Array, from: number, to: number, crc = 0): number {
  let value = crc;
  for (let i = from; i < to; i++) value = crcByte(value, bytes[i]!);
  return value;
}
