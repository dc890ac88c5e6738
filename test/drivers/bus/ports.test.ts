import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { latency, portProblem } from '../../../drivers/bus/port-words.ts';
import { findPort, listPorts } from '../../../drivers/bus/ports.ts';
import { ArmloopError, type ErrorCode } from '../../../src/errors.ts';

const root = mkdtempSync(join(tmpdir(), 'armloop-sysfs-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** A USB adapter as sysfs shows it: the tty hangs below an interface of the device. */
function adapter(tty: string, usb: string, serial: string | null, product: string): void {
  const device = join(root, 'sys/devices/pci0/usb1', usb);
  const port = join(device, `${usb}:1.0`, tty);
  mkdirSync(port, { recursive: true });
  writeFileSync(join(device, 'idVendor'), '0403\n');
  writeFileSync(join(device, 'product'), `${product}\n`);
  if (serial !== null) writeFileSync(join(device, 'serial'), `${serial}\n`);
  mkdirSync(join(root, 'sys/class/tty', tty), { recursive: true });
  symlinkSync(port, join(root, 'sys/class/tty', tty, 'device'));
}

const code = (want: ErrorCode, pattern: RegExp) => (error: unknown) =>
  error instanceof ArmloopError && error.code === want && pattern.test(error.message);

describe('serial ports by identity', () => {
  const list = () => listPorts(root, 'linux');
  const find = (port: string) => findPort('arm', port, list);

  it('none: says so', async () => {
    assert.deepEqual(await list(), []);
    await assert.rejects(
      find('auto'),
      code('DEVICE_PORT_MISSING', /no USB serial adapter .*no USB serial port is connected/),
    );
    assert.equal(await find('/dev/ttyS7'), '/dev/ttyS7', 'a path is taken as it is');
  });

  it('the only one, or the one with that serial number, whatever the system calls it now', async () => {
    adapter('ttyUSB3', '1-2', 'FT4THV1M', 'USB <-> Serial Converter');
    mkdirSync(join(root, 'sys/class/tty/ttyS0'), { recursive: true });
    assert.equal(await find('auto'), '/dev/ttyUSB3');
    adapter('ttyACM0', '1-3', null, 'OpenRB-150');
    assert.equal(await find('serial:FT4THV1M'), '/dev/ttyUSB3');
    await assert.rejects(find('auto'), code('DEVICE_PORT_MISSING', /several adapters/));
    const words =
      /no adapter with the serial number FT0 \(\/dev\/ttyACM0 without a serial number, OpenRB-150; \/dev\/ttyUSB3 is serial:FT4THV1M/;
    await assert.rejects(find('serial:FT0'), code('DEVICE_PORT_MISSING', words));
  });

  it('two with one serial number must be told apart by path', async () => {
    adapter('ttyUSB4', '1-4', 'FT4THV1M', 'copy');
    await assert.rejects(
      find('serial:FT4THV1M'),
      code('DEVICE_PORT_MISSING', /several ports have the serial number/),
    );
  });
});

describe('a port that does not open', () => {
  const words = (message: string) => portProblem('arm', '/dev/null', new Error(message));

  it('is taken, forbidden, missing or something else, each with its own words', () => {
    const taken = words('Error Resource temporarily unavailable Cannot lock port');
    assert.equal(taken.code, 'DEVICE_PORT_TAKEN');
    const forbidden = words('Error: Permission denied, cannot open /dev/null');
    assert.equal(forbidden.code, 'DEVICE_PORT_FORBIDDEN');
    assert.match(forbidden.message, /only (the group \w+|its owner) may/);
    assert.equal(words('Error: No such file or directory, cannot open /dev/x').code, 'DEVICE_PORT_MISSING');
    const other = words('Error: Inappropriate ioctl for device, cannot open /dev/null');
    assert.equal(other.code, 'DEVICE_PORT_FAILED');
    assert.match(other.message, /Inappropriate ioctl/);
  });

  it('a slow latency timer is set, and where that is not allowed it is said how', () => {
    const folder = join(root, 'sys/bus/usb-serial/devices/ttyUSB3');
    mkdirSync(folder, { recursive: true });
    mkdirSync(join(root, 'dev'), { recursive: true });
    writeFileSync(join(root, 'dev/ttyUSB3'), '');
    const file = join(folder, 'latency_timer');
    writeFileSync(file, '16\n');
    assert.equal(latency('/dev/ttyUSB3', root), null);
    assert.equal(readFileSync(file, 'utf8'), '1');
    rmSync(file);
    assert.equal(latency('/dev/ttyUSB3', root), null, 'other adapters have none');
  });
});
