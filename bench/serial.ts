/**
 * State and command of seven servos and a gripper, over and over, on an emulated Dynamixel bus behind a real port: how
 * many cycles a second, next to what the wire allows, and next to the vendor's Python SDK doing the same with the same
 * bytes. The emulator paces every byte at the baud rate; how late it was with its answers is subtracted and printed.
 */
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EmulatorHandle } from '../drivers/bus/emulator/host.ts';
import { openSerialWire } from '../drivers/bus/serial-wire.ts';
import { wireTime } from '../drivers/bus/wire.ts';
import { DynamixelChain } from '../drivers/dynamixel/chain.ts';
import { StateCycle } from '../drivers/dynamixel/cycle.ts';
import { startArmEmulator } from '../drivers/dynamixel/emulator/arm.ts';
import { jointsOf } from '../drivers/dynamixel/joint.ts';
import { loadRobot } from '../src/config.ts';
import { monotonicClock } from '../src/loop/clock.ts';
import type { DeviceEntry } from '../src/robot/spec.ts';
import { packageRoot } from '../src/root.ts';
import { findPython } from '../test/support/python.ts';
import {
  type BenchCase,
  type BenchContext,
  type BenchResult,
  combine,
  compare,
  type Measured,
  quantile,
} from './harness.ts';

const SECONDS = 2;
/** Part of the wire's cycles that must be reached, by baud rate. */
const LIMITS: ReadonlyMap<number, number | null> = new Map([
  [1_000_000, 0.9],
  [2_000_000, 0.85],
  [4_000_000, null],
]);
/** How much sooner than due the emulator begins to spin, µs: it must be exact, whatever the system's timers are. */
const SPIN_US = 250;

const now = monotonicClock();
const robot = loadRobot(join(packageRoot(), 'robots', 'dynamixel7.yaml'));

interface Run {
  readonly cycles: number;
  readonly seconds: number;
  /** Length of each cycle, s. */
  readonly lengths: Float64Array;
  /** Cycles that had to be done again. */
  readonly missed: number;
}

export async function run(context: BenchContext): Promise<BenchResult> {
  const { python, skip } = findPython(['dynamixel_sdk', 'serial']);
  const version = skip === false ? sdkVersion(python) : null;
  if (skip !== false) context.log(`serial: without a peer: ${skip}`);
  const parts: BenchResult[] = [];
  for (const [baud, share] of LIMITS) {
    const device = robot.devices[0]!;
    const entry = { ...device, options: { ...device.options, baud } };
    await using emulator = await startArmEmulator({ robot, entry }, { spinUs: SPIN_US });
    const wireS = wireTime(StateCycle.wireBytes(device.axes.length, 'fast'), baud);
    const name = `${baud / 1e6} Mbaud`;
    context.log(`serial: ${name}: the wire allows ${(1 / wireS).toFixed(1)} cycles/s`);
    const cycles = Math.round(SECONDS / wireS);
    const measure = async (who: string, work: () => Promise<Run>): Promise<Measured> => {
      await emulator.lateness();
      const result = await work();
      const late = await emulator.lateness();
      context.log(
        `serial: ${name}, ${who}: ${(result.cycles / result.seconds).toFixed(1)} cycles/s; emulator late by ${((1e6 * late.total) / late.answers).toFixed(0)} µs on average, ${(1e6 * late.worst).toFixed(0)} at most`,
      );
      const lengths = result.lengths.map((s) => 1e6 * (s - wireS)).sort();
      const rate = result.cycles / (result.seconds - late.total);
      return {
        [`${name}: cycles`]: rate,
        [`${name}: part of the wire`]: 100 * rate * wireS,
        [`${name}: beyond the wire p50`]: quantile(lengths, 0.5),
        [`${name}: beyond the wire p99`]: quantile(lengths, 0.99),
        [`${name}: emulator late, mean`]: (1e6 * late.total) / late.answers,
      };
    };
    const row = (what: string, unit: string, better: BenchCase['better']): BenchCase => ({
      name: `${name}: ${what}`,
      unit,
      better,
    });
    const part = row('part of the wire', '%', 'higher');
    parts.push(
      await compare(context, {
        bench: 'serial',
        cases: [
          row('cycles', 'cycles/s', 'higher'),
          share === null ? part : { ...part, limit: { min: 100 * share } },
          row('beyond the wire p50', 'µs', 'lower'),
          row('beyond the wire p99', 'µs', 'lower'),
          row('emulator late, mean', 'µs', 'lower'),
        ],
        ours: () => measure('armloop', () => ours(emulator, entry, cycles)),
        peer:
          version === null
            ? null
            : {
                name: `dynamixel-sdk ${version}, Python`,
                run: () => measure('SDK', () => theirs(python, emulator.port, baud, cycles)),
              },
      }),
    );
  }
  return combine('serial', parts);
}

/** Cycles of the arm's own driver, one after the other. */
async function ours(emulator: EmulatorHandle, entry: DeviceEntry, cycles: number): Promise<Run> {
  const emulated = { ...entry, options: { ...entry.options, port: emulator.port } };
  const { options, joints } = jointsOf({ robot, entry: emulated });
  const chain = new DynamixelChain(joints, {
    device: entry.name,
    port: options.port,
    baud: options.baud,
    patienceS: 0.1,
    watchdogS: 1,
    now,
    openWire: openSerialWire,
  });
  await chain.open();
  const goals = Int32Array.from(joints, (j) => j.map.steps(j.map.axis.home));
  const lengths = new Float64Array(cycles);
  let bad = 0;
  const seconds = await new Promise<number>((resolve) => {
    const from = now();
    let before = from;
    let i = 0;
    const next = (outcome: string): void => {
      if (outcome !== 'read') bad++;
      const time = now();
      lengths[i++] = time - before;
      before = time;
      if (i === cycles) resolve(time - from);
      else chain.cycle(goals, next);
    };
    chain.cycle(goals, next);
  });
  await chain.close();
  if (bad > 0) throw new Error(`${bad} of ${cycles} cycles were not answered`);
  return { cycles, seconds, lengths, missed: 0 };
}

/** The same by the vendor's SDK in Python. */
function theirs(python: string, port: string, baud: number, cycles: number): Promise<Run> {
  const script = fileURLToPath(new URL('../../bench/serial-peer.py', import.meta.url));
  const ids = jointsOf({ robot, entry: robot.devices[0]! }).joints.map(
    (j) => `${j.id}:${j.map.steps(j.map.axis.home)}`,
  );
  return new Promise((resolve, reject) => {
    const child = spawn(python, [script, port, String(baud), String(cycles), ids.join(',')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code !== 0) {
        reject(new Error(`the SDK ended with code ${code}`));
        return;
      }
      const { seconds, lengths, missed } = JSON.parse(out) as {
        seconds: number;
        lengths: number[];
        missed: number;
      };
      resolve({ cycles, seconds, missed, lengths: Float64Array.from(lengths) });
    });
  });
}

function sdkVersion(python: string): string {
  const ask = 'import importlib.metadata as m; print(m.version("dynamixel-sdk"))';
  return execFileSync(python, ['-c', ask], { encoding: 'utf8' }).trim();
}
