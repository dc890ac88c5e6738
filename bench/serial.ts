/**
 * State and command of seven servos and a gripper, over and over, on an emulated Dynamixel bus behind a real port: how
 * many cycles a second, next to what the wire allows, and next to the vendor's Python SDK doing the same with the same
 * bytes; and the same of the six Feetech servos of an SO-101, without a peer. The emulator paces every byte at the baud rate; how late it was, with reading requests and with its answers, is
 * subtracted cycle by cycle and printed. Limits are on the median cycle: what else a shared machine does is in p99 and in
 * the rate of the whole run.
 */
import { execFileSync, spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ChainOptions } from '../drivers/bus/arm/bus-chain.ts';
import type { ServoChain } from '../drivers/bus/arm/chain.ts';
import type { JointMap } from '../drivers/bus/arm/joint-map.ts';
import type { StartEmulator } from '../drivers/bus/emulator/arm.ts';
import type { EmulatorHandle } from '../drivers/bus/emulator/host.ts';
import type { Lateness } from '../drivers/bus/emulator/line.ts';
import { openSerialWire } from '../drivers/bus/serial-wire.ts';
import { wireTime } from '../drivers/bus/wire.ts';
import { DynamixelChain } from '../drivers/dynamixel/chain.ts';
import { StateCycle as DynamixelCycle } from '../drivers/dynamixel/cycle.ts';
import { startArmEmulator as startDynamixel } from '../drivers/dynamixel/emulator/arm.ts';
import { jointsOf } from '../drivers/dynamixel/joint.ts';
import { FeetechChain } from '../drivers/feetech/chain.ts';
import { StateCycle as FeetechCycle } from '../drivers/feetech/cycle.ts';
import { startArmEmulator as startFeetech } from '../drivers/feetech/emulator/arm.ts';
import { jointsOf as feetechJoints } from '../drivers/feetech/joint.ts';
import { STS_SERIES } from '../drivers/feetech/models.ts';
import { loadRobot } from '../src/config.ts';
import { monotonicClock } from '../src/loop/clock.ts';
import type { DeviceEntry, RobotSpec } from '../src/robot/spec.ts';
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

const SECONDS = 1;
/** How much sooner than due the emulator begins to spin, µs: it must be exact, whatever the system's timers are. */
const SPIN_US = 250;

const now = monotonicClock();
const shipped = (file: string): RobotSpec => loadRobot(join(packageRoot(), 'robots', file));

interface Bus {
  readonly robot: RobotSpec;
  /** What the names of its cases begin with. */
  readonly label: string;
  /** Part of the wire's cycles that must be reached, by baud rate. */
  readonly limits: ReadonlyMap<number, number | null>;
  readonly start: StartEmulator;
  /** Of a cycle of `n` servos, both ways. */
  wireBytes(n: number): number;
  chain(entry: DeviceEntry, options: ChainOptions): ServoChain;
  homes(): { readonly id: number; readonly steps: number }[];
}

const home = ({ id, map }: { readonly id: number; readonly map: JointMap }) => ({
  id,
  steps: map.steps(map.axis.home),
});

const dynamixel = shipped('dynamixel7.yaml');
const DYNAMIXEL: Bus = {
  robot: dynamixel,
  label: '',
  limits: new Map([
    [1_000_000, 0.9],
    [2_000_000, 0.85],
    [4_000_000, null],
  ]),
  start: startDynamixel,
  wireBytes: (n) => DynamixelCycle.wireBytes(n, 'fast'),
  chain: (entry, options) => new DynamixelChain(jointsOf({ robot: dynamixel, entry }).joints, options),
  homes: () => jointsOf({ robot: dynamixel, entry: dynamixel.devices[0]! }).joints.map(home),
};

const so101 = shipped('so101.yaml');
const FEETECH: Bus = {
  robot: so101,
  label: 'SO-101, ',
  limits: new Map([[1_000_000, 0.9]]),
  start: startFeetech,
  wireBytes: (n) => FeetechCycle.wireBytes(n, STS_SERIES, 'together'),
  chain: (entry, options) => new FeetechChain(feetechJoints({ robot: so101, entry }).joints, options),
  homes: () => feetechJoints({ robot: so101, entry: so101.devices[0]! }).joints.map(home),
};

interface Run {
  readonly cycles: number;
  readonly seconds: number;
  /** Length of each cycle, s. */
  readonly lengths: Float64Array;
  /** Cycles that had to be done again. */
  readonly missed: number;
  /** When each request was written, on the clock that the emulator has too. */
  readonly written: ArrayLike<number>;
}

export async function run(context: BenchContext): Promise<BenchResult> {
  const { python, skip } = findPython(['dynamixel_sdk', 'serial']);
  const version = skip === false ? sdkVersion(python) : null;
  if (skip !== false) context.log(`serial: without a peer: ${skip}`);
  context.log(`serial: ${raisePriority()}`);
  const sdk = version === null ? null : { python, name: `dynamixel-sdk ${version}, Python` };
  const parts = [
    ...(await ofBus(context, DYNAMIXEL, sdk)),
    // Without a peer: Feetech's SDK has no cycle of its own to compare with.
    ...(await ofBus(context, FEETECH, null)),
  ];
  return combine('serial', parts);
}

async function ofBus(
  context: BenchContext,
  bus: Bus,
  sdk: { readonly python: string; readonly name: string } | null,
): Promise<BenchResult[]> {
  const parts: BenchResult[] = [];
  for (const [baud, share] of bus.limits) {
    const device = bus.robot.devices[0]!;
    const entry = { ...device, options: { ...device.options, baud } };
    await using emulator = await bus.start({ robot: bus.robot, entry }, { spinUs: SPIN_US });
    const wireS = wireTime(bus.wireBytes(device.axes.length), baud);
    const name = `${bus.label}${baud / 1e6} Mbaud`;
    context.log(`serial: ${name}: the wire allows ${(1 / wireS).toFixed(1)} cycles/s`);
    const cycles = Math.round(SECONDS / wireS);
    const measure = async (who: string, work: () => Promise<Run>): Promise<Measured> => {
      await emulator.lateness();
      const result = await work();
      const late = lateness(result, await emulator.lateness());
      const own = result.lengths.map((length, i) => length - late[i]!).sort();
      const whole = own.length / own.reduce((sum, s) => sum + s, 0);
      const typical = 1 / quantile(own, 0.5);
      const mean = late.reduce((sum, s) => sum + s, 0) / late.length;
      context.log(
        `serial: ${name}, ${who}: ${(result.cycles / result.seconds).toFixed(1)} cycles/s with the emulator, which was late by ` +
          `${(1e6 * mean).toFixed(0)} µs a cycle; without: ${whole.toFixed(1)}, median cycle ${typical.toFixed(1)}; ${result.missed} missed`,
      );
      return {
        [`${name}: cycles, whole run`]: whole,
        [`${name}: cycles, median`]: typical,
        [`${name}: part of the wire, whole run`]: 100 * whole * wireS,
        [`${name}: part of the wire, median`]: 100 * typical * wireS,
        [`${name}: beyond the wire p50`]: 1e6 * (quantile(own, 0.5) - wireS),
        [`${name}: beyond the wire p99`]: 1e6 * (quantile(own, 0.99) - wireS),
        [`${name}: emulator late, mean`]: 1e6 * mean,
      };
    };
    const row = (what: string, unit: string, better: BenchCase['better']): BenchCase => ({
      name: `${name}: ${what}`,
      unit,
      better,
    });
    const part = row('part of the wire, median', '%', 'higher');
    parts.push(
      await compare(context, {
        bench: 'serial',
        cases: [
          row('cycles, whole run', 'cycles/s', 'higher'),
          row('cycles, median', 'cycles/s', 'higher'),
          row('part of the wire, whole run', '%', 'higher'),
          share === null ? part : { ...part, limit: { min: 100 * share } },
          row('beyond the wire p50', 'µs', 'lower'),
          row('beyond the wire p99', 'µs', 'lower'),
          row('emulator late, mean', 'µs', 'lower'),
        ],
        ours: () => measure('armloop', () => ours(bus, emulator, entry, cycles)),
        peer:
          sdk === null
            ? null
            : {
                name: sdk.name,
                run: () => measure('SDK', () => theirs(bus, sdk.python, emulator.port, baud, cycles)),
              },
      }),
    );
  }
  return parts;
}

/** A request may be read before its writer has looked at the clock, by no more than this, s. */
const BEFORE = 2e-4;

/**
 * How late the emulator was in each cycle, s: with reading the request, and with its answer. Requests that belong to no
 * cycle, as the driver's look at temperatures, are passed over.
 */
function lateness({ cycles, written }: Run, { late, heard }: Lateness): Float64Array {
  let k = 0;
  return Float64Array.from({ length: cycles }, (_, i) => {
    while (k < heard.length && heard[k]! < written[i]! - BEFORE) k++;
    return k < late.length ? late[k]! + Math.max(0, heard[k]! - written[i]!) : 0;
  });
}

/** Cycles of the arm's own driver, one after the other. */
async function ours(bus: Bus, emulator: EmulatorHandle, entry: DeviceEntry, cycles: number): Promise<Run> {
  const { port } = emulator;
  const chain = bus.chain(entry, {
    device: entry.name,
    port,
    baud: Number(entry.options['baud']),
    patienceS: 0.1,
    watchdogS: 1,
    now,
    openWire: openSerialWire,
  });
  await chain.open();
  // What was asked until now is not measured.
  await emulator.lateness();
  const goals = Int32Array.from(bus.homes(), ({ steps }) => steps);
  const lengths = new Float64Array(cycles);
  let missed = 0;
  const written = new Float64Array(cycles);
  const seconds = await new Promise<number>((resolve) => {
    const from = now();
    let before = from;
    let i = 0;
    const next = (outcome: string): void => {
      if (outcome !== 'read') {
        // Done again, in the time of the cycle.
        if (++missed > cycles) throw new Error('nothing is answered');
        chain.cycle(goals, next);
        return;
      }
      written[i] = chain.written;
      const time = now();
      lengths[i++] = time - before;
      before = time;
      if (i === cycles) resolve(time - from);
      else chain.cycle(goals, next);
    };
    chain.cycle(goals, next);
  });
  await chain.close();
  return { cycles, seconds, lengths, missed, written };
}

/** The same by the vendor's SDK in Python. */
function theirs(bus: Bus, python: string, port: string, baud: number, cycles: number): Promise<Run> {
  const script = fileURLToPath(new URL('../../bench/serial-peer.py', import.meta.url));
  const ids = bus.homes().map(({ id, steps }) => `${id}:${steps}`);
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
      const { lengths, ...rest } = JSON.parse(out) as Omit<Run, 'lengths'> & { lengths: number[] };
      resolve({ ...rest, cycles, lengths: Float64Array.from(lengths) });
    });
  });
}

/** Ours, the peer and the emulator alike, so that what else runs here disturbs them less. */
function raisePriority(): string {
  try {
    setPriority(-15);
    return 'at raised priority, as are emulator and peer';
  } catch {
    return 'at normal priority: raising it is refused here';
  }
}

function sdkVersion(python: string): string {
  const ask = 'import importlib.metadata as m; print(m.version("dynamixel-sdk"))';
  return execFileSync(python, ['-c', ask], { encoding: 'utf8' }).trim();
}
