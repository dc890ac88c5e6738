/**
 * Which serial ports there are, and which of them is meant. An adapter keeps its USB serial number when the system
 * gives it another name after a replug, so a robot file had better name that: `serial:FT4THV1M`.
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SerialPort } from 'serialport';
import { ArmloopError } from '../../src/errors.ts';

export interface PortInfo {
  readonly path: string;
  /** USB serial number of the adapter; null when it has none. */
  readonly serial: string | null;
  /** What it calls itself. */
  readonly product: string | null;
}

const SERIAL = /^serial:/;

/**
 * Every USB serial port. Linux: from sysfs, which needs neither udev nor its tools; elsewhere from the serialport
 * package. `root` stands in for / in tests.
 */
export async function listPorts(
  root = '/',
  platform: NodeJS.Platform = process.platform,
): Promise<PortInfo[]> {
  if (platform === 'linux') return sysfsPorts(root);
  const found = await SerialPort.list();
  return found
    .filter((p) => p.serialNumber !== undefined || p.vendorId !== undefined)
    .map((p) => ({ path: p.path, serial: p.serialNumber ?? null, product: p.manufacturer ?? null }));
}

function sysfsPorts(root: string): PortInfo[] {
  const folder = join(root, 'sys/class/tty');
  if (!existsSync(folder)) return [];
  const ports: PortInfo[] = [];
  for (const name of readdirSync(folder).sort()) {
    if (!/^tty(USB|ACM)\d+$/.test(name)) continue;
    const usb = usbFolder(join(folder, name, 'device'));
    ports.push({ path: `/dev/${name}`, serial: text(usb, 'serial'), product: text(usb, 'product') });
  }
  return ports;
}

/** The folder of the USB device that a tty hangs on: the nearest above it that has a vendor. */
function usbFolder(device: string): string | null {
  if (!existsSync(device)) return null;
  for (let here = realpathSync(device); here !== dirname(here); here = dirname(here)) {
    if (existsSync(join(here, 'idVendor'))) return here;
  }
  return null;
}

function text(folder: string | null, file: string): string | null {
  if (folder === null || !existsSync(join(folder, file))) return null;
  return readFileSync(join(folder, file), 'utf8').trim() || null;
}

/** The path of the port that is meant now. Rejects with DEVICE_PORT_MISSING, which says what there is. */
export async function findPort(device: string, port: string, list = listPorts): Promise<string> {
  if (port !== 'auto' && !SERIAL.test(port)) return port;
  const ports = await list();
  const wanted = port.replace(SERIAL, '');
  const fits = port === 'auto' ? ports : ports.filter((p) => p.serial === wanted);
  if (fits.length === 1) return fits[0]!.path;
  const what =
    port === 'auto'
      ? fits.length === 0
        ? 'there is no USB serial adapter'
        : 'there are several adapters, so one must be named'
      : fits.length === 0
        ? `there is no adapter with the serial number ${wanted}`
        : `several ports have the serial number ${wanted}, so name one by its path`;
  throw new ArmloopError('DEVICE_PORT_MISSING', { device, port, reason: `${what} (${describe(ports)})` });
}

/** The ports there are, in words. */
export function describe(ports: readonly PortInfo[]): string {
  if (ports.length === 0) return 'no USB serial port is connected';
  const one = ({ path, serial, product }: PortInfo): string =>
    `${path}${serial === null ? ' without a serial number' : ` is serial:${serial}`}${product === null ? '' : `, ${product}`}`;
  return ports.map(one).join('; ');
}
