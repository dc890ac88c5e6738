/** What happens to the line of a rig that drives and records, by robot: each for real, on the wire or in the devices. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openPty } from '../../../drivers/bus/emulator/pty.ts';
import { until } from './arm-stand.ts';
import type { FaultRig } from './fault-rig.ts';

export interface Cause {
  readonly what: string;
  /** Whether the rig stops for it, or goes on as if nothing had happened. */
  readonly outcome: 'stops' | 'goes on';
  happen(rig: FaultRig): Promise<unknown>;
}

type Command = Readonly<Record<string, unknown>>;

const stops = (what: string, happen: Cause['happen']): Cause => ({ what, outcome: 'stops', happen });
const device = (what: string, ...commands: readonly Command[]): Cause =>
  stops(what, async ({ emulator }) => {
    for (const command of commands) await emulator.device(command);
  });

/** As if a servo with the id of another, limp, had been plugged in. */
const clash = (from: number, to: number): Cause =>
  device(
    `two servos with id ${to}`,
    { what: 'set', id: from, value: { name: 'torqueEnable', to: 0 } },
    { what: 'set', id: from, value: { name: 'id', to } },
  );

const PULLED = stops('cable pulled', ({ emulator }) => emulator.unplug());
const LOSSY = stops('5 % of bytes lost', ({ emulator }) => emulator.faults({ drop: 0.05 }));
const CUT: Cause = {
  what: 'two frames cut in half',
  outcome: 'goes on',
  happen: ({ emulator }) => emulator.faults({ cut: 2 }),
};

/** Another program tries to open the port of the rig. */
const TAKEN: Cause = {
  what: 'another serialport wants the port',
  outcome: 'goes on',
  happen: async ({ emulator }) => {
    const script = fileURLToPath(new URL('./opener.js', import.meta.url));
    const opener = spawn(process.execPath, [script, emulator.port], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [words] = (await once(opener.stdout, 'data')) as [Buffer];
    if (!words.toString().startsWith('DEVICE_PORT_TAKEN')) throw new Error(`it was told: ${words}`);
  },
};

/** The cable is pulled, and when it is back another program has the port. Resolves when a person was told; `end` gives it back. */
export async function takenOnReturn(rig: FaultRig): Promise<{ readonly end: () => Promise<void> }> {
  const { emulator } = rig;
  await emulator.unplug();
  const pty = openPty();
  const script = fileURLToPath(new URL('./holder.js', import.meta.url));
  const holder: ChildProcess = spawn(process.execPath, [script, pty.path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout!, 'data');
  symlinkSync(pty.path, emulator.port);
  await until('told', () => /has it open/.test(rig.told), 30);
  return {
    end: async () => {
      rmSync(emulator.port, { force: true });
      holder.stdin!.end();
      await once(holder, 'exit');
      pty.close();
      await emulator.plug();
    },
  };
}

export const CAUSES: Readonly<Record<string, readonly Cause[]>> = {
  dynamixel7: [
    PULLED,
    device('joint 1 blocked: overload', { what: 'blocked', id: 1, value: true }),
    device('joint 6 at 84 °C', { what: 'temperature', id: 6, value: 84 }),
    device('supply drops to 9 V', { what: 'voltage', value: 9 }),
    device('supply of joint 2 breaks down', { what: 'brownOut', id: 2 }),
    clash(8, 3),
    LOSSY,
    CUT,
    TAKEN,
  ],
  so101: [
    PULLED,
    device('joint 1 blocked: overload', { what: 'blocked', id: 1, value: true }),
    device('joint 4 at 74 °C', { what: 'temperature', id: 4, value: 74 }),
    device('supply drops to 3.5 V', { what: 'voltage', value: 3.5 }),
    device('supply of joint 2 breaks down', { what: 'brownOut', id: 2 }),
    clash(6, 3),
    LOSSY,
    CUT,
    TAKEN,
  ],
  'panda-mock-robotiq': [
    PULLED,
    device('gripper at 90 °C', { what: 'temperature', value: 90 }),
    device('its current too high', { what: 'overload' }),
    device('supply drops to 20 V', { what: 'voltage', value: 20 }),
    device('power lost for a moment', { what: 'restart' }),
    CUT,
    TAKEN,
  ],
};
