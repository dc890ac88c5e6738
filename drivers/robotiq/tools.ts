/** Tools for the bench: find the gripper, look at it, activate it, move it, and play it. */
import { parseArgs } from 'node:util';
import { ArmloopError } from '../../src/errors.ts';
import type { DriverTool, DriverToolContext } from '../../src/robot/device.ts';
import { emulateTool } from '../bus/emulator/arm.ts';
import { openSerialWire } from '../bus/serial-wire.ts';
import { portsTool } from '../bus/tools.ts';
import { startGripperEmulator } from './emulator/start.ts';
import { FunctionCode } from './modbus.ts';
import {
  Action,
  Activation,
  CLOSED,
  Contact,
  countOf,
  Fault,
  FORCE,
  faultWords,
  type GripperStatus,
  OPEN,
  SPEED,
  STROKE,
} from './registers.ts';
import { activate, gripperBus, type Requester, readStatus, until, writeOrder } from './requests.ts';

const PATIENCE_S = 0.2;
/** How gently `open` and `close` go unless told otherwise: m/s, N. */
const SPEED_DEFAULT = 0.05;
const FORCE_DEFAULT = 20;

const OPTIONS = {
  port: { type: 'string' },
  baud: { type: 'string', default: '115200' },
  slave: { type: 'string', default: '9' },
  speed: { type: 'string', default: String(SPEED_DEFAULT) },
  force: { type: 'string', default: String(FORCE_DEFAULT) },
} as const;

interface Given {
  readonly port: string;
  readonly baud: number;
  readonly slave: number;
  readonly speed: number;
  readonly force: number;
  readonly rest: readonly string[];
}

/** Throws DRIVER_USAGE. */
function given(
  tool: string,
  args: readonly string[],
  needsPort: 'port' | 'none',
  rest: readonly [number, number],
): Given {
  const fail = (problem: string): never => {
    throw new ArmloopError('DRIVER_USAGE', {
      kind: 'robotiq',
      problem: `${tool}: ${problem}`,
      usage: `${tool} ${tools[tool]!.usage}`.trimEnd(),
    });
  };
  const parsed = ((): ReturnType<typeof read> => {
    try {
      return read(args);
    } catch (error) {
      return fail((error as Error).message.split('.')[0]!);
    }
  })();
  const { values, positionals } = parsed;
  if (needsPort === 'port' && values.port === undefined) fail('--port is missing');
  if (positionals.length < rest[0] || positionals.length > rest[1]) {
    fail(`${positionals.length} values were given`);
  }
  const number = (name: 'baud' | 'slave' | 'speed' | 'force', low: number, high: number): number => {
    const value = Number(values[name]);
    if (!(value >= low && value <= high)) fail(`--${name} is ${values[name]}, not ${low} to ${high}`);
    return value;
  };
  return {
    port: values.port ?? '',
    baud: number('baud', 1200, 1_000_000),
    slave: number('slave', 1, 247),
    speed: number('speed', SPEED[0], SPEED[1]),
    force: number('force', FORCE[0], FORCE[1]),
    rest: positionals,
  };
}

const read = (args: readonly string[]) =>
  parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });

async function withGripper(
  { port, baud, slave }: Given,
  { now }: DriverToolContext,
  work: (to: Requester) => Promise<void>,
): Promise<void> {
  const device = 'robotiq';
  const wire = await openSerialWire({ device, port, baud, now });
  const bus = gripperBus(wire, now, PATIENCE_S);
  try {
    await work({ bus, device, slave });
  } finally {
    await bus.close();
  }
}

const ACTIVATION_WORDS: Readonly<Record<number, string>> = {
  [Activation.reset]: 'not activated',
  [Activation.activating]: 'being activated',
  [Activation.active]: 'active',
};
const CONTACT_WORDS: Readonly<Record<number, string>> = {
  [Contact.moving]: 'moving',
  [Contact.opening]: 'stopped by something while opening',
  [Contact.closing]: 'stopped by something while closing',
  [Contact.arrived]: 'at the position asked for',
};

/** Opening of a count, mm. */
const millimetres = (count: number): string =>
  ((1000 * STROKE * (CLOSED - count)) / (CLOSED - OPEN)).toFixed(1);

function words(status: GripperStatus): string {
  const { activation, contact, following, position, current, fault } = status;
  const parts = [ACTIVATION_WORDS[activation] ?? 'in an unknown state'];
  if (activation === Activation.active) {
    parts.push(`opening ${millimetres(position)} mm (count ${position})`);
    parts.push(following ? CONTACT_WORDS[contact]! : 'stopped');
    parts.push(`motor ${current.toFixed(2)} A`);
  }
  // The first answer after a silence tells of that silence: no fault of anybody's here.
  if (fault !== 0 && fault !== Fault.silence) parts.push(`FAULT: ${faultWords(fault)}`);
  return parts.join(', ');
}

/** Goes to a count and waits until it is there or something is in between. */
async function go(given: Given, context: DriverToolContext, count: number): Promise<void> {
  await withGripper(given, context, async (to) => {
    const before = await readStatus(to);
    const { port } = to.bus.wire;
    if (before.activation !== Activation.active) {
      throw new ArmloopError('DEVICE_NOT_ACTIVATED', { device: to.device, port });
    }
    await writeOrder(to, {
      action: Action.activate | Action.goTo,
      position: count,
      speed: countOf(SPEED, given.speed),
      force: countOf(FORCE, given.force),
    });
    const after = await until(
      to,
      context.now,
      (s) => s.following && s.echo === count && s.contact !== Contact.moving,
    );
    context.print(words(after));
  });
}

/** Count of an opening in mm. Throws DRIVER_USAGE. */
function countOfMillimetres(text: string, tool: string): number {
  const opening = Number(text) / 1000;
  if (opening >= 0 && opening <= STROKE) return Math.round(CLOSED - ((CLOSED - OPEN) * opening) / STROKE);
  throw new ArmloopError('DRIVER_USAGE', {
    kind: 'robotiq',
    problem: `${tool}: ${text} is no opening from 0 to ${1000 * STROKE} mm`,
    usage: `${tool} ${tools[tool]!.usage}`,
  });
}

const LINE = '--port PORT [--baud BAUD] [--slave NUMBER]';

export const tools: Readonly<Record<string, DriverTool>> = {
  ports: portsTool,
  status: {
    summary: 'what the gripper says of itself; moves nothing',
    usage: LINE,
    run: async (args, context) => {
      await withGripper(given('status', args, 'port', [0, 0]), context, async (to) => {
        context.print(words(await readStatus(to, FunctionCode.readInput)));
      });
    },
  },
  activate: {
    summary: 'activates it, and clears its faults: THE FINGERS OPEN AND CLOSE ALL THE WAY',
    usage: LINE,
    run: async (args, context) => {
      await withGripper(given('activate', args, 'port', [0, 0]), context, async (to) => {
        context.print('Keep out of the fingers: they open and close all the way.');
        const ended = new AbortController();
        void context.interrupted.then(() =>
          ended.abort(new ArmloopError('DEVICE_HALTED', { device: to.device })),
        );
        context.print(words(await activate(to, context.now, ended.signal)));
      });
    },
  },
  open: {
    summary: 'opens all the way, or to a width in mm; gently unless told otherwise',
    usage: `${LINE} [--speed M/S] [--force N] [MM]`,
    run: async (args, context) => {
      const options = given('open', args, 'port', [0, 1]);
      const [width] = options.rest;
      await go(options, context, width === undefined ? OPEN : countOfMillimetres(width, 'open'));
    },
  },
  close: {
    summary: 'closes until it holds something or is closed; gently unless told otherwise',
    usage: `${LINE} [--speed M/S] [--force N]`,
    run: async (args, context) => {
      await go(given('close', args, 'port', [0, 0]), context, CLOSED);
    },
  },
  release: {
    summary: 'emergencies only: opens slowly whatever holds it, then is to be activated anew',
    usage: LINE,
    run: async (args, context) => {
      await withGripper(given('release', args, 'port', [0, 0]), context, async (to) => {
        await writeOrder(to, { action: Action.activate | Action.release });
        const end = context.now() + 15;
        let status = await readStatus(to);
        while (status.fault !== Fault.released && context.now() < end) status = await readStatus(to);
        context.print(words(status));
      });
    },
  },
  emulate: {
    summary: 'plays the gripper of a robot file, just switched on, on a port of its own, until Ctrl-C',
    usage: 'ROBOT',
    run: async (args, context) => {
      const { rest } = given('emulate', args, 'none', [1, 1]);
      await emulateTool(
        'robotiq',
        (robot, line) => startGripperEmulator(robot, line, { active: false }),
        (robot, port) => `The gripper of ${robot} answers on ${port}`,
      )(rest, context);
    },
  },
};
