/** Emulated hardware in the place of the real one, for `--dry-run`. */
import { ArmloopError } from '../errors.ts';
import type { Emulation } from '../robot/device.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { LoadedKind } from './kinds.ts';

export interface Emulated extends AsyncDisposable {
  readonly kinds: readonly LoadedKind[];
  /** By the name of the device that it stands for. */
  readonly emulations: ReadonlyMap<string, Emulation>;
}

/** The same kinds on emulated hardware. Simulations and `mock` need none. Rejects with EMULATOR_IMPOSSIBLE. */
export async function emulated(kinds: readonly LoadedKind[], robot: RobotSpec): Promise<Emulated> {
  const emulations = new Map<string, Emulation>();
  const end = async (): Promise<void> => {
    await Promise.allSettled([...emulations.values()].map((e) => e[Symbol.asyncDispose]()));
  };
  const replaced: LoadedKind[] = [];
  try {
    for (const kind of kinds) {
      const { entry, module } = kind;
      if (module.emulate !== undefined) {
        const emulation = await module.emulate({ robot, entry });
        emulations.set(entry.name, emulation);
        replaced.push({ ...kind, entry: emulation.entry });
      } else if (module.createLockstepDevice !== undefined || entry.kind === 'mock') replaced.push(kind);
      else {
        const reason = `the kind ${entry.kind} of device ${entry.name} brings no emulator`;
        throw new ArmloopError('EMULATOR_IMPOSSIBLE', { reason });
      }
    }
  } catch (error) {
    await end();
    throw error;
  }
  return { kinds: replaced, emulations, [Symbol.asyncDispose]: end };
}

/** The hardware as the robot file has it: nothing is emulated. */
export function unemulated(kinds: readonly LoadedKind[]): Emulated {
  return { kinds, emulations: new Map(), [Symbol.asyncDispose]: async () => {} };
}
