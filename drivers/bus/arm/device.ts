/** From the settings of a robot file to an arm or a leader over a chain of servos behind a serial port. */
import type { Device, DeviceContext } from '../../../src/robot/device.ts';
import type { Leader, LeaderContext } from '../../../src/robot/leader.ts';
import type { LeaderParts } from '../leader/servo-leader.ts';
import { ServoLeader } from '../leader/servo-leader.ts';
import { openSerialWire } from '../serial-wire.ts';
import type { ChainOptions } from './bus-chain.ts';
import type { ServoChain } from './chain.ts';
import type { JointMap } from './joint-map.ts';
import type { BusSettings } from './options.ts';
import { ServoArm } from './servo-arm.ts';

type Settings = Omit<BusSettings<unknown>, 'servos'>;
type MakeChain<J> = (joints: readonly J[], options: ChainOptions) => ServoChain;

function chainOptions(
  device: string,
  { port, baud, patienceMs }: Settings,
  watchdogS: number,
  now: () => number,
): ChainOptions {
  return { device, port, baud, patienceS: patienceMs / 1000, watchdogS, now, openWire: openSerialWire };
}

export function servoArm<J extends { readonly map: JointMap }>(
  context: DeviceContext,
  { options, joints }: { readonly options: Settings; readonly joints: readonly J[] },
  make: MakeChain<J>,
): Device {
  const { robot, entry, now } = context;
  const chain = make(joints, chainOptions(entry.name, options, robot.limits.watchdogMs / 1000, now));
  const maps = joints.map((j) => j.map);
  return new ServoArm(context, chain, maps, { rateHz: options.rateHz, misses: options.misses });
}

/** A leader that follows hears a goal in every cycle; without, servos that have a watchdog wait this long, s. */
const LEADER_WATCHDOG_S = 0.2;

export function servoLeader<J>(
  context: LeaderContext,
  {
    options,
    joints,
    parts,
  }: { readonly options: Settings; readonly joints: readonly J[]; readonly parts: LeaderParts },
  make: MakeChain<J>,
): Leader {
  const { entry, now } = context;
  const chain = make(joints, chainOptions(entry.name, options, LEADER_WATCHDOG_S, now));
  return new ServoLeader(context, chain, parts, { rateHz: options.rateHz, misses: options.misses });
}
