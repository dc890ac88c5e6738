/** Tools for a leader without hardware: play its servos, and move them as hands do. */
import { parseArgs } from 'node:util';
import { ArmloopError } from '../../../src/errors.ts';
import type { DriverTool } from '../../../src/robot/device.ts';
import type { LeaderContext } from '../../../src/robot/leader.ts';
import type { RobotSpec } from '../../../src/robot/spec.ts';
import { askEmulator } from '../emulator/door.ts';
import type { EmulatorHandle } from '../emulator/host.ts';
import type { LineSetup } from '../emulator/line.ts';
import type { LeaderHands } from './hands.ts';

type Context = Omit<LeaderContext, 'now'>;

export interface LeaderToolParts {
  readonly kind: string;
  hands(context: Context): LeaderHands;
  start(context: Context, line?: Partial<LineSetup>): Promise<EmulatorHandle>;
}

const HAND_USAGE = 'ROBOT --port PORT [--seconds S] PART=VALUE…';

export function leaderTools({ kind, hands, start }: LeaderToolParts): Record<string, DriverTool> {
  const leaderOf = (robot: RobotSpec): Context => {
    if (robot.leader?.kind === kind) return { robot, entry: robot.leader };
    throw new ArmloopError('EMULATOR_IMPOSSIBLE', { reason: `${robot.id} has no leader of kind ${kind}` });
  };
  return {
    'emulate-leader': {
      summary: 'plays the servos of the leader of a robot file on a port of its own, until Ctrl-C',
      usage: 'ROBOT',
      run: async ([file], { print, robot: load, interrupted }) => {
        const robot = load(file ?? '');
        await using emulator = await start(leaderOf(robot), { senseBaud: true });
        print(`The leader of ${robot.id} answers on ${emulator.port} until Ctrl-C.`);
        await interrupted;
      },
    },
    hand: {
      summary:
        'moves an emulated leader as hands do: axes to what they are to ask for (rad), trigger and levers 0 to 1, free lets go',
      usage: HAND_USAGE,
      run: async (args, { print, robot: load }) => {
        const { file, port, seconds, wanted } = given(kind, args);
        const moved = hands(leaderOf(load(file)));
        const moves = wanted.map(({ part, to }) => {
          const move = moved.move(part, to, seconds);
          if (move === undefined) fail(kind, `there is no ${part}, only ${moved.parts.join(', ')}`);
          return move;
        });
        await askEmulator(port, { what: 'hand', moves });
        print(
          wanted
            .map(({ part, to }) => (to === null ? `${part} is free` : `${part} goes to ${to}`))
            .join(', '),
        );
      },
    },
  };
}

function fail(kind: string, problem: string): never {
  throw new ArmloopError('DRIVER_USAGE', { kind, problem: `hand: ${problem}`, usage: `hand ${HAND_USAGE}` });
}

/** Throws DRIVER_USAGE. */
function given(kind: string, args: readonly string[]) {
  let values: { port?: string | undefined; seconds?: string | undefined };
  let positionals: string[];
  try {
    const options = { port: { type: 'string' }, seconds: { type: 'string' } } as const;
    ({ values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true }));
  } catch (error) {
    return fail(kind, (error as Error).message.split('.')[0]!);
  }
  const [file, ...moves] = positionals;
  if (file === undefined || moves.length === 0) return fail(kind, 'it needs a robot and what is to move');
  if (values.port === undefined)
    return fail(kind, '--port is missing: the rig says where the leader is emulated');
  const seconds = Number(values.seconds ?? '1');
  if (!(seconds >= 0 && seconds <= 60)) fail(kind, `--seconds is ${values.seconds}, not 0 to 60`);
  const wanted = moves.map((move) => {
    const [part, value] = move.split('=') as [string, string | undefined];
    const to = value === 'free' ? null : Number(value);
    if (to !== null && !Number.isFinite(to)) fail(kind, `${move} is not PART=VALUE`);
    return { part, to };
  });
  return { file, port: values.port, seconds, wanted };
}
