/** From the settings of a robot file to an arm or a leader over a chain of servos behind a serial port. */
import { ArmloopError } from '../../../src/errors.ts';
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

/**
 * A leader lets go of the servos that it finds. Those of an arm of the same maker may have the same ids and models, so it
 * must never be on the arm's port. Throws CONFIG_INVALID.
 */
function checkPort({ robot, entry }: LeaderContext, port: string): void {
  const arm = robot.devices.find((d) => d.kind === entry.kind);
  if (arm === undefined || (port !== 'auto' && port !== arm.options['port'])) return;
  throw new ArmloopError('CONFIG_INVALID', {
    file: robot.source.file,
    path: 'leader.options.port',
    value: port,
    rule: `it must name its own adapter, because the leader lets go of the servos that it finds and ${arm.name} has servos of that kind too: \`armloop driver ${entry.kind} ports\` lists serial numbers`,
  });
}

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
  checkPort(context, options.port);
  const chain = make(joints, chainOptions(entry.name, options, LEADER_WATCHDOG_S, now));
  return new ServoLeader(context, chain, parts, { rateHz: options.rateHz, misses: options.misses });
}
