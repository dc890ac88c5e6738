/** The gripper of a robot file, emulated. */
import type { EmulatorFactory } from '../../../src/robot/device.ts';
import { EmulatorHandle } from '../../bus/emulator/host.ts';
import type { LineSetup } from '../../bus/emulator/line.ts';
import { jawOf } from '../options.ts';
import type { EmulatedGripperSetup } from './gripper.ts';

const SCRIPT = new URL('./process.js', import.meta.url);

/** Starts the emulator, by default as one that was activated before. Rejects with EMULATOR_IMPOSSIBLE, CONFIG_INVALID. */
export async function startGripperEmulator(
  context: Parameters<EmulatorFactory>[0],
  line: Partial<LineSetup> = {},
  start: Partial<Pick<EmulatedGripperSetup, 'opening' | 'active'>> = {},
): Promise<EmulatorHandle> {
  const { options, map } = jawOf(context);
  const { slave, stroke, open, closed, baud, activate } = options;
  const bus: EmulatedGripperSetup = {
    slave,
    stroke,
    open,
    closed,
    opening: map.axis.home,
    active: activate === 'beforehand',
    ...start,
  };
  return EmulatorHandle.start({ script: SCRIPT, line: { baud, ...line }, bus });
}

export const emulateGripper: EmulatorFactory = async (context) => {
  const emulator = await startGripperEmulator(context);
  const { entry } = context;
  return {
    entry: { ...entry, options: { ...entry.options, port: emulator.port } },
    words: `an emulated 2F-85 on ${emulator.port}`,
    [Symbol.asyncDispose]: () => emulator[Symbol.asyncDispose](),
  };
};
