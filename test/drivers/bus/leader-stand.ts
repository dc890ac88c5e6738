/** A leader on emulated servos that a hand moves, with its newest reading; and what leaders of any maker go through alike. */
import assert from 'node:assert/strict';
import type { EmulatorHandle } from '../../../drivers/bus/emulator/host.ts';
import type { LeaderHands } from '../../../drivers/bus/leader/hands.ts';
import type { Leader, LeaderContext, LeaderFactory } from '../../../src/robot/leader.ts';
import type { RobotSpec } from '../../../src/robot/spec.ts';
import { now, until } from './arm-stand.ts';

type Context = Omit<LeaderContext, 'now'>;

/** `S` is what a bus tells of one servo. */
export interface LeaderStand<S> extends AsyncDisposable {
  readonly robot: RobotSpec;
  readonly leader: Leader;
  readonly emulator: EmulatorHandle;
  readonly faults: string[];
  /** Of the newest reading. */
  q: number[];
  trigger: number;
  buttons: number;
  readings: number;
  hand(part: string, to: number | null, seconds?: number): Promise<void>;
  states(): Promise<S[]>;
}

export interface LeaderBus {
  readonly start: (context: Context) => Promise<EmulatorHandle>;
  readonly hands: (context: Context) => LeaderHands;
  readonly create: LeaderFactory;
  /** How long a hand takes from one place to the next, s. */
  readonly handS: number;
}

/** The leader of a robot file, unopened. */
export async function openLeaderStand<S>(robot: RobotSpec, bus: LeaderBus): Promise<LeaderStand<S>> {
  const entry = robot.leader!;
  const emulator = await bus.start({ robot, entry });
  const plugged = { ...entry, options: { ...entry.options, port: emulator.port } };
  const leader = bus.create({ robot, entry: plugged, now });
  const hands = bus.hands({ robot, entry });
  const s: LeaderStand<S> = {
    robot,
    leader,
    emulator,
    faults: [],
    q: [],
    trigger: Number.NaN,
    buttons: 0,
    readings: 0,
    hand: async (part, to, seconds = bus.handS) => {
      await emulator.device({ what: 'hand', moves: [hands.move(part, to, seconds)!] });
    },
    states: () => emulator.device({ what: 'states' }) as Promise<S[]>,
    async [Symbol.asyncDispose]() {
      await leader[Symbol.asyncDispose]();
      await emulator[Symbol.asyncDispose]();
    },
  };
  leader.onReading = (reading) => {
    s.q = [...reading.q];
    s.trigger = reading.trigger;
    s.buttons = reading.buttons;
    s.readings++;
  };
  leader.onFault = (message) => s.faults.push(message);
  return s;
}

export const near = (a: number, b: number, within = 0.02): boolean => Math.abs(a - b) < within;

/** Opened, with a few readings. */
export async function reading(s: LeaderStand<unknown>): Promise<void> {
  await s.leader.open();
  await until('a reading', () => s.readings > 3);
}

/** It goes to `goal` by itself: slowly, and without a jump. */
export async function follows(s: LeaderStand<unknown>, goal: Float64Array): Promise<void> {
  await s.emulator.trace();
  await s.leader.follow!(goal);
  await until('it is there', () => s.q.every((q, i) => near(q, goal[i]!, 0.05)));
  // Over a tenth of a second: steps of single goals are faster, a jump would go all the way.
  const trace = await s.emulator.traced();
  let most = 0;
  for (let i = 0, j = 0; i < trace.length; i++) {
    while (trace[i]![0]! - trace[j]![0]! > 0.1) j++;
    most = Math.max(most, Math.abs(trace[i]![1]! - trace[j]![1]!));
  }
  assert.ok(most < 0.2 && most > 0.02, `it went ${most} rad in 0.1 s`);
}

/** Its cable is pulled: it says so once, and nothing after. */
export async function isGone(s: LeaderStand<unknown>): Promise<void> {
  await reading(s);
  await s.emulator.unplug();
  await until('told', () => s.faults.length > 0);
  assert.match(s.faults[0]!, /the port .* is gone/);
  const { readings } = s;
  await s.emulator.plug();
  await s.emulator.device({ what: 'states' });
  assert.equal(s.readings, readings);
  assert.equal(s.faults.length, 1);
}
