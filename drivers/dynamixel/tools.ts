/** Tools for the bench: find servos, look at them, set them, start them anew, and play them. */
import { parseArgs } from 'node:util';
import { ArmloopError } from '../../src/errors.ts';
import type { DriverTool, DriverToolContext } from '../../src/robot/device.ts';
import { describe, findPort, listPorts } from '../bus/ports.ts';
import { openSerialWire } from '../bus/serial-wire.ts';
import { DynamixelBus } from './bus.ts';
import { startArmEmulator } from './emulator/arm.ts';
import { modelNumbered } from './models.ts';
import { type Found, pingAll, type Requester, readItem, reboot, setItem, writeItem } from './requests.ts';
import { BAUDS, hardwareErrorWords, type ItemName, POSITION_UNIT, RAM_START, X, ZERO_STEP } from './table.ts';

/** Servos leave the factory at this rate. */
const FACTORY_BAUD = 57_600;
const PATIENCE_S = 0.1;

const OPTIONS = {
  port: { type: 'string' },
  baud: { type: 'string' },
  id: { type: 'string' },
} as const;

interface Given {
  readonly port: string;
  readonly baud: number | null;
  readonly id: number | null;
  readonly rest: readonly string[];
}

/** Throws DRIVER_USAGE. */
function given(
  tool: string,
  args: readonly string[],
  needed: readonly ('port' | 'id')[],
  rest: number,
): Given {
  const fail = (problem: string): never => {
    throw new ArmloopError('DRIVER_USAGE', {
      kind: 'dynamixel',
      problem: `${tool}: ${problem}`,
      usage: `${tool} ${tools[tool]!.usage}`,
    });
  };
  let values: { port?: string | undefined; baud?: string | undefined; id?: string | undefined };
  let positionals: string[];
  try {
    ({ values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true }));
  } catch (error) {
    return fail((error as Error).message.split('.')[0]!);
  }
  for (const name of needed) if (values[name] === undefined) fail(`--${name} is missing`);
  if (positionals.length !== rest) fail(`${positionals.length} values were given`);
  const number = (name: 'baud' | 'id', low: number, high: number): number | null => {
    const text = values[name];
    if (text === undefined) return null;
    const value = Number(text);
    if (!Number.isInteger(value) || value < low || value > high)
      fail(`--${name} is ${text}, not ${low} to ${high}`);
    return value;
  };
  return {
    port: values.port ?? '',
    baud: number('baud', 1200, 4_500_000),
    id: number('id', 0, 252),
    rest: positionals,
  };
}

async function withBus<T>(
  port: string,
  baud: number,
  { now }: DriverToolContext,
  work: (to: Requester) => Promise<T>,
): Promise<T> {
  const device = 'dynamixel';
  const wire = await openSerialWire({ device, port, baud, now });
  const bus = new DynamixelBus(wire, { now, returnDelayS: 0.001, patienceS: PATIENCE_S + wire.latencyS });
  try {
    return await work({ bus, device });
  } finally {
    await bus.close();
  }
}

const modelName = ({ model }: Found): string => modelNumbered(model)?.name ?? `model ${model}`;

/** Everybody who answers at one baud rate, with their positions. */
async function look(to: Requester, { print }: DriverToolContext): Promise<number> {
  const { servos, heard } = await pingAll(to.bus);
  const { baud } = to.bus.wire;
  for (const servo of servos) {
    const step = await readItem(to, servo.id, X.presentPosition);
    const error = await readItem(to, servo.id, X.hardwareError);
    const at = `step ${step}, ${((step - ZERO_STEP) * POSITION_UNIT).toFixed(3)} rad`;
    const bad = error === 0 ? '' : `; ERROR: ${hardwareErrorWords(error)}`;
    print(`id ${servo.id} at ${baud} baud: ${modelName(servo)}, firmware ${servo.firmware}, ${at}${bad}`);
  }
  if (servos.length === 0 && heard > 0)
    print(`at ${baud} baud ${heard} bytes came that are no answer: noise, or ids that are there twice`);
  return servos.length;
}

export const tools: Readonly<Record<string, DriverTool>> = {
  ports: {
    summary: 'USB serial adapters that are connected, and how a robot file names them',
    usage: '',
    run: async (_, { print }) => {
      const ports = await listPorts();
      if (ports.length === 0) print(describe(ports));
      for (const port of ports) print(describe([port]));
    },
  },
  scan: {
    summary: 'who answers, at every baud rate or at one, and where each servo is',
    usage: '--port PORT [--baud BAUD]',
    run: async (args, context) => {
      const { port, baud } = given('scan', args, ['port'], 0);
      const path = await findPort('dynamixel', port);
      let found = 0;
      for (const rate of baud === null ? BAUDS : [baud]) {
        found += await withBus(path, rate, context, (to) => look(to, context));
      }
      context.print(
        found === 0 ? `nobody answers on ${path}: check power and cable` : `${found} found on ${path}`,
      );
    },
  },
  show: {
    summary: 'the control table of one servo',
    usage: '--port PORT [--baud BAUD] --id ID',
    run: async (args, context) => {
      const { port, baud, id } = given('show', args, ['port', 'id'], 0);
      await withBus(port, baud ?? FACTORY_BAUD, context, async (to) => {
        for (const [name, item] of Object.entries(X)) {
          context.print(
            `${String(item.address).padStart(3)} ${name.padEnd(20)} ${await readItem(to, id!, item)}`,
          );
        }
      });
    },
  },
  set: {
    summary: 'sets one value of the control table by its name in `show`; baud is given in bit/s',
    usage: '--port PORT [--baud BAUD] --id ID NAME VALUE',
    run: async (args, context) => {
      const { port, baud, id, rest } = given('set', args, ['port', 'id'], 2);
      const [name, text] = rest as [string, string];
      const fail = (problem: string): never => {
        throw new ArmloopError('DRIVER_USAGE', {
          kind: 'dynamixel',
          problem: `set: ${problem}`,
          usage: `set ${tools['set']!.usage}`,
        });
      };
      if (!Object.hasOwn(X, name)) fail(`there is no ${name}; \`show\` lists the names`);
      const item = X[name as ItemName];
      const value = name === 'baud' ? BAUDS.indexOf(Number(text) as (typeof BAUDS)[number]) : Number(text);
      if (item.access === 'r') fail(`${name} can only be read`);
      if (!Number.isInteger(value) || value < (item.signed ? -(2 ** 31) : 0))
        fail(`${text} cannot be the value of ${name}`);
      await withBus(port, baud ?? FACTORY_BAUD, context, async (to) => {
        if (item.address < RAM_START && (await readItem(to, id!, X.torqueEnable)) === 1) {
          fail(`torque of id ${id} is on: this value can only be set with torque off`);
        }
        // A servo that has changed its id or rate answers under the new one.
        if (name === 'id' || name === 'baud') {
          await writeItem(to, id!, item, value);
        } else if (!(await setItem(to, id!, item, value)))
          fail(`the servo does not keep ${value} as ${name}`);
        context.print(`id ${id}: ${name} is ${text} now`);
      });
    },
  },
  reboot: {
    summary: 'starts a servo anew: clears a hardware error; its torque goes off, so support the arm',
    usage: '--port PORT [--baud BAUD] --id ID',
    run: async (args, context) => {
      const { port, baud, id } = given('reboot', args, ['port', 'id'], 0);
      await withBus(port, baud ?? FACTORY_BAUD, context, async (to) => {
        await reboot(to, id!);
        context.print(`id ${id} starts anew`);
      });
    },
  },
  emulate: {
    summary: 'plays the servos of a robot file on a port of its own, until Ctrl-C',
    usage: 'ROBOT',
    run: async (args, { print, robot: load, interrupted }) => {
      const { rest } = given('emulate', args, [], 1);
      const robot = load(rest[0]!);
      const entry = robot.devices.find((d) => d.kind === 'dynamixel');
      if (entry === undefined) {
        throw new ArmloopError('EMULATOR_IMPOSSIBLE', {
          reason: `${rest[0]} has no device of kind dynamixel`,
        });
      }
      await using emulator = await startArmEmulator({ robot, entry }, { senseBaud: true });
      print(`The servos of ${robot.id} answer on ${emulator.port} until Ctrl-C.`);
      await interrupted;
    },
  },
};
