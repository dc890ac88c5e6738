/** Holds a serial port open until its input ends. */
import { openSerialWire } from '../../../drivers/bus/serial-wire.ts';
import { monotonicClock } from '../../../src/loop/clock.ts';

const wire = await openSerialWire({
  device: 'holder',
  port: process.argv[2]!,
  baud: 57_600,
  now: monotonicClock(),
});
process.stdout.write('open\n');
process.stdin.resume();
process.stdin.on('end', () => void wire.close());
