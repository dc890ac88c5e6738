/** The process of the Dynamixel emulator. */
import { runEmulator } from '../../bus/emulator/process.ts';
import { type DynamixelBusSetup, DynamixelEmulator } from './bus.ts';

runEmulator((setup, line, rng) => new DynamixelEmulator(setup as DynamixelBusSetup, line, rng));
