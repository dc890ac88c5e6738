/** The emulator of the arm that a robot file describes: as many servos, of the same models, at the home pose. */
import { ArmloopError } from '../../../src/errors.ts';
import type { DeviceContext, DriverTool, Emulation } from '../../../src/robot/device.ts';
import type { JointMap } from '../arm/joint-map.ts';
import type { EmulatorHandle } from './host.ts';
import type { LineSetup } from './line.ts';
import type { MotorSetup } from './motor.ts';

/** Inertia (kg·m²) that a servo of 1 N·m stall torque carries here, and the most that an arm's first joint does. */
const INERTIA = 0.004;
/** Part of the stall torque: friction of the gear, and what gravity pulls with at most. */
const FRICTION = 0.03;
const GRAVITY = 0.02;
/** How far beyond the limits of an axis its end stops are, rad of the servo. */
const STOP = 0.15;

export type ServoLoad = Pick<MotorSetup, 'inertia' | 'friction' | 'gravity' | 'rest' | 'stops'>;

/** Where one emulated servo starts and what it carries; `angle` turns steps into rad at the horn. */
export function homeAndLoad(
  map: JointMap,
  stallTorque: number,
  angle: (steps: number) => number,
): { readonly angle: number; readonly load: ServoLoad } {
  const [low, high] = map.stepLimits;
  return {
    angle: angle(map.steps(map.axis.home)),
    load: {
      inertia: INERTIA * Math.max(0.5, stallTorque),
      friction: FRICTION * stallTorque,
      gravity: GRAVITY * stallTorque,
      rest: 0,
      stops: [angle(low) - STOP, angle(high) + STOP],
    },
  };
}

type Context = Omit<DeviceContext, 'now'>;
export type StartEmulator = (context: Context, line?: Partial<LineSetup>) => Promise<EmulatorHandle>;

/** How the emulated servos are mounted; `angle` turns steps into rad at the horn. */
export interface Mounting {
  readonly joints: readonly { readonly id: number; readonly map: JointMap }[];
  readonly angle: (steps: number) => number;
}

/** Largest error of an emulated hand, steps: nobody finds the same place twice. */
const CLUMSY = 4;
const HAND_LOOK_MS = 20;

/**
 * Brings the servo of an axis to a position (rad or m, as it is mounted) or to the end stop before it. Rejects with
 * EMULATOR_IMPOSSIBLE while its torque is on.
 */
export async function moveByHand(
  emulator: EmulatorHandle,
  { joints, angle }: Mounting,
  axis: string,
  position: number,
): Promise<void> {
  const place = joints.findIndex((j) => j.map.axis.name === axis);
  const { id, map } = joints[place]!;
  const off = Math.round((2 * Math.random() - 1) * CLUMSY);
  const look = async (): Promise<{ torque: boolean; held: boolean }> =>
    ((await emulator.device({ what: 'states' })) as { torque: boolean; held: boolean }[])[place]!;
  if ((await look()).torque) {
    throw new ArmloopError('EMULATOR_IMPOSSIBLE', { reason: `a hand cannot turn ${axis}: its torque is on` });
  }
  await emulator.device({ what: 'hand', id, value: angle(map.exactSteps(position) + off) });
  while ((await look()).held) await new Promise((resolve) => setTimeout(resolve, HAND_LOOK_MS));
}

/** For `--dry-run`. With `mounting` a hand can move the servos, and put one alone on the line. */
export async function emulation(
  { entry }: Context,
  emulator: EmulatorHandle,
  mounting?: Mounting,
): Promise<Emulation> {
  const byHand =
    mounting === undefined
      ? {}
      : {
          hand: (axis: string, position: number) => moveByHand(emulator, mounting, axis, position),
          connect: async (axis: string | null) => {
            const only = axis === null ? null : mounting.joints.findIndex((j) => j.map.axis.name === axis);
            await emulator.device({ what: 'connect', only });
          },
        };
  return {
    entry: { ...entry, options: { ...entry.options, port: emulator.port } },
    words: `${entry.axes.length} emulated servos on ${emulator.port}`,
    ...byHand,
    [Symbol.asyncDispose]: () => emulator[Symbol.asyncDispose](),
  };
}

/** The tool that plays the servos of a robot file, or what else `answers` says. */
export function emulateTool(
  kind: string,
  start: StartEmulator,
  answers = (robot: string, port: string): string => `The servos of ${robot} answer on ${port}`,
): DriverTool['run'] {
  return async ([file], { print, robot: load, interrupted }) => {
    const robot = load(file!);
    const entry = robot.devices.find((d) => d.kind === kind);
    if (entry === undefined)
      throw new ArmloopError('EMULATOR_IMPOSSIBLE', { reason: `${file} has no device of kind ${kind}` });
    await using emulator = await start({ robot, entry }, { senseBaud: true });
    print(`${answers(robot.id, emulator.port)} until Ctrl-C.`);
    await interrupted;
  };
}
