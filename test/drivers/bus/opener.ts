/** Tries to open a serial port and prints how that went: for users who may not. */
import { openSerialWire } from '../../../drivers/bus/serial-wire.ts';
import { monotonicClock } from '../../../src/loop/clock.ts';

try {
  const request = { device: 'arm', port: process.argv[2]!, baud: 57_600, now: monotonicClock() };
  await (await openSerialWire(request)).close();
  process.stdout.write('opened\n');
} catch (error) {
  const { code, message } = error as Error & { code?: string };
  process.stdout.write(`${code}: ${message}\n`);
}
process.exit(0);
