/** What happens to the line of a rig that drives and records, by robot: each for real, on the wire or in the devices. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, rmSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
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

export interface Barred {
  /** Nothing keeps the rig from its port any more. */
  end(): Promise<void>;
}

/** The cable is pulled; what is there afterwards is a port of somebody else. Resolves when a person was told in `words`. */
async function barred(
  rig: FaultRig,
  words: RegExp,
  begin: (port: string) => Promise<{ readonly bar: () => void; readonly end: () => Promise<unknown> }>,
): Promise<Barred> {
  const { emulator } = rig;
  await emulator.unplug();
  const pty = openPty();
  const { bar, end } = await begin(pty.path);
  symlinkSync(pty.path, emulator.port);
  bar();
  try {
    await until('told', () => words.test(rig.told), 30);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    end: async () => {
      await end();
      rmSync(emulator.port, { force: true });
      pty.close();
      await emulator.plug();
    },
  };
}

/** When the cable is back another program has the port. */
export const takenOnReturn = (rig: FaultRig): Promise<Barred> =>
  barred(rig, /it is not connected again: .*has it open/, async (port) => {
    const script = fileURLToPath(new URL('./holder.js', import.meta.url));
    const holder: ChildProcess = spawn(process.execPath, [script, port], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(holder.stdout!, 'data');
    const end = (): Promise<unknown> => {
      holder.stdin!.end();
      return once(holder, 'exit');
    };
    return { bar: () => {}, end };
  });

/** Somebody without rights. */
const NOBODY = 65_534;

/** When the cable is back the port is one that the rig may not open. Root may open anything: then it is nobody for a while. */
export const forbiddenOnReturn = (rig: FaultRig): Promise<Barred> =>
  barred(rig, /it is not connected again: .*may not open/, async (port) => {
    const root = process.getuid?.() === 0;
    chmodSync(port, root ? 0o600 : 0o000);
    chmodSync(dirname(rig.emulator.port), 0o755);
    const be = (user: number): void => {
      if (root) process.seteuid!(user);
    };
    return { bar: () => be(NOBODY), end: async () => be(0) };
  });

/** Causes in a chain of servos: which joint becomes how hot (°C), how little its supply gives (V), which id takes another's. */
const servos = (
  hot: readonly [id: number, celsius: number],
  volts: number,
  ids: Parameters<typeof clash>,
): readonly Cause[] => [
  PULLED,
  device('joint 1 blocked: overload', { what: 'blocked', id: 1, value: true }),
  device(`joint ${hot[0]} at ${hot[1]} °C`, { what: 'temperature', id: hot[0], value: hot[1] }),
  device(`supply drops to ${volts} V`, { what: 'voltage', value: volts }),
  device('supply of joint 2 breaks down', { what: 'brownOut', id: 2 }),
  clash(...ids),
  LOSSY,
  CUT,
  TAKEN,
];

export const CAUSES: Readonly<Record<string, readonly Cause[]>> = {
  dynamixel7: servos([6, 84], 9, [8, 3]),
  so101: servos([4, 74], 3.5, [6, 3]),
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
