/** The process of the Feetech emulator. */
import { runEmulator } from '../../bus/emulator/process.ts';
import { type FeetechBusSetup, FeetechEmulator } from './bus.ts';

runEmulator((setup, line, rng) => new FeetechEmulator(setup as FeetechBusSetup, line, rng));
