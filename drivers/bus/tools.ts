/** Tools for the bench that every bus of servos has: find servos, look at them, set them, start them anew, play them. */
import { parseArgs } from 'node:util';
import { ArmloopError } from '../../src/errors.ts';
import type { DriverTool, DriverToolContext } from '../../src/robot/device.ts';
import type { Asker, StatusDecoder } from './ask.ts';
import { emulateTool, type StartEmulator } from './emulator/arm.ts';
import { HalfDuplexBus } from './half-duplex.ts';
import { describe, findPort, listPorts } from './ports.ts';
import { openSerialWire } from './serial-wire.ts';

const PATIENCE_S = 0.1;
const RETURN_DELAY_S = 0.001;

const OPTIONS = {
  port: { type: 'string' },
  baud: { type: 'string' },
  id: { type: 'string' },
} as const;

/** A value of the control table, as people name it. */
export interface TableItem {
  readonly address: number;
  readonly access: 'r' | 'rw';
  readonly least: number;
  readonly most: number;
}

export interface ServoTools<D extends StatusDecoder> {
  readonly kind: string;
  readonly bauds: readonly number[];
  /** Rate at which servos leave the factory. */
  readonly factoryBaud: number;
  decoder(): D;
  /** Everybody who answers at the rate of the bus, in words; and the bytes that were heard. */
  scan(
    to: Asker<D>,
    rates: 'one' | 'all',
  ): Promise<{ readonly servos: readonly string[]; readonly heard: number }>;
  /** Every name that a table of this bus has. */
  readonly items: Readonly<Record<string, TableItem>>;
  /** The table of the servo with that id. */
  table(to: Asker<D>, id: number): Promise<Readonly<Record<string, TableItem>>>;
  read(to: Asker<D>, id: number, name: string): Promise<number>;
  /** Writes and reads back. True when the servo has the value. A servo that changes its id or rate answers as another. */
  set(to: Asker<D>, id: number, name: string, value: number): Promise<boolean>;
  /** Whether a value can only be set with torque off. */
  lasting(item: TableItem): boolean;
  torqueOn(to: Asker<D>, id: number): Promise<boolean>;
  reboot(to: Asker<D>, id: number): Promise<void>;
  readonly emulate: StartEmulator;
  /** What else can be done to one servo, by name: in words, and how. Rejects with DEVICE_BUS. */
  readonly more?: Readonly<Record<string, MoreTool<D>>>;
}

export interface MoreTool<D extends StatusDecoder> {
  readonly summary: string;
  /** Resolves with what was done, in words. */
  work(to: Asker<D>, id: number): Promise<string>;
}

interface Given {
  readonly port: string;
  readonly baud: number | null;
  readonly id: number;
  readonly rest: readonly string[];
}

/** A negative number is a value, no option. */
function withNegatives(args: readonly string[]): string[] {
  const at = args.findIndex((arg) => /^-\d+$/.test(arg));
  return at < 0 ? [...args] : [...args.slice(0, at), '--', ...args.slice(at)];
}

/** What a tool does with one servo; said before the port is opened, so that what cannot be is refused at once. */
type ToolWork<D extends StatusDecoder> = (
  given: { readonly id: number; readonly rest: readonly string[]; readonly fail: (problem: string) => never },
  context: DriverToolContext,
) => (to: Asker<D>) => Promise<void>;

export const portsTool: DriverTool = {
  summary: 'USB serial adapters that are connected, and how a robot file names them',
  usage: '',
  run: async (_, { print }) => {
    const ports = await listPorts();
    if (ports.length === 0) print(describe(ports));
    for (const port of ports) print(describe([port]));
  },
};

export function servoTools<D extends StatusDecoder>(bus: ServoTools<D>): Record<string, DriverTool> {
  const { kind, bauds } = bus;
  const usages = new Map<string, string>();

  const refused =
    (tool: string) =>
    (problem: string): never => {
      const usage = `${tool} ${usages.get(tool)}`;
      throw new ArmloopError('DRIVER_USAGE', { kind, problem: `${tool}: ${problem}`, usage });
    };

  /** Throws DRIVER_USAGE. */
  function given(
    tool: string,
    args: readonly string[],
    needed: readonly ('port' | 'id')[],
    rest: number,
  ): Given {
    const fail = refused(tool);
    let values: { port?: string | undefined; baud?: string | undefined; id?: string | undefined };
    let positionals: string[];
    try {
      ({ values, positionals } = parseArgs({
        args: withNegatives(args),
        options: OPTIONS,
        allowPositionals: true,
      }));
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
      id: number('id', 0, 252) ?? -1,
      rest: positionals,
    };
  }

  async function withBus<T>(
    port: string,
    baud: number,
    { now }: DriverToolContext,
    work: (to: Asker<D>) => Promise<T>,
  ): Promise<T> {
    const wire = await openSerialWire({ device: kind, port, baud, now });
    const patienceS = PATIENCE_S + wire.latencyS;
    const master = new HalfDuplexBus(wire, bus.decoder(), { now, returnDelayS: RETURN_DELAY_S, patienceS });
    try {
      return await work({ bus: master, device: kind });
    } finally {
      await master.close();
    }
  }

  function tool(name: string, usage: string, summary: string, run: DriverTool['run']): DriverTool {
    usages.set(name, usage);
    return { summary, usage, run };
  }

  /** A tool that works on one servo. */
  function servoTool(
    name: string,
    more: readonly string[],
    summary: string,
    work: ToolWork<D>,
  ): [string, DriverTool] {
    const usage = ['--port PORT [--baud BAUD] --id ID', ...more].join(' ');
    const run: DriverTool['run'] = async (args, context) => {
      const { port, baud, id, rest } = given(name, args, ['port', 'id'], more.length);
      const fail = refused(name);
      await withBus(port, baud ?? bus.factoryBaud, context, work({ id, rest, fail }, context));
    };
    return [name, tool(name, usage, summary, run)];
  }

  async function look(to: Asker<D>, rates: 'one' | 'all', { print }: DriverToolContext): Promise<number> {
    const { servos, heard } = await bus.scan(to, rates);
    const { baud } = to.bus.wire;
    for (const words of servos) print(words);
    if (servos.length === 0 && heard > 0)
      print(`at ${baud} baud ${heard} bytes came that are no answer: noise, or ids that are there twice`);
    return servos.length;
  }

  const show: ToolWork<D> = ({ id }, { print }) => {
    return async (to) => {
      for (const [name, { address }] of Object.entries(await bus.table(to, id)))
        print(`${String(address).padStart(3)} ${name.padEnd(20)} ${await bus.read(to, id, name)}`);
    };
  };

  const set: ToolWork<D> = ({ id, rest, fail }, { print }) => {
    const [name, text] = rest as [string, string];
    if (!Object.hasOwn(bus.items, name)) fail(`there is no ${name}; \`show\` lists the names`);
    const { access, least, most } = bus.items[name]!;
    const value = name === 'baud' ? bauds.indexOf(Number(text)) : Number(text);
    if (access === 'r') fail(`${name} can only be read`);
    if (!Number.isInteger(value) || value < least || value > most)
      fail(`${text} cannot be the value of ${name}`);
    return async (to) => {
      const item = (await bus.table(to, id))[name];
      if (item === undefined) return fail(`this model has no ${name}`);
      if (bus.lasting(item) && (await bus.torqueOn(to, id)))
        fail(`torque of id ${id} is on: this value can only be set with torque off`);
      if (!(await bus.set(to, id, name, value))) fail(`the servo does not keep ${value} as ${name}`);
      print(`id ${id}: ${name} is ${text} now`);
    };
  };

  return {
    ports: portsTool,
    scan: tool(
      'scan',
      '--port PORT [--baud BAUD]',
      'who answers, at every baud rate or at one, and where each servo is',
      async (args, context) => {
        const { port, baud } = given('scan', args, ['port'], 0);
        const path = await findPort(kind, port);
        let found = 0;
        for (const rate of baud === null ? bauds : [baud])
          found += await withBus(path, rate, context, (to) =>
            look(to, baud === null ? 'all' : 'one', context),
          );
        context.print(
          found === 0 ? `nobody answers on ${path}: check power and cable` : `${found} found on ${path}`,
        );
      },
    ),
    ...Object.fromEntries([
      servoTool('show', [], 'the control table of one servo', show),
      servoTool(
        'set',
        ['NAME', 'VALUE'],
        'sets one value of the control table by its name in `show`; baud is given in bit/s',
        set,
      ),
      servoTool(
        'reboot',
        [],
        'starts a servo anew: clears a hardware error; its torque goes off, so support the arm',
        ({ id }, { print }) =>
          async (to) => {
            await bus.reboot(to, id);
            print(`id ${id} starts anew`);
          },
      ),
      ...Object.entries(bus.more ?? {}).map(([name, { summary, work }]) =>
        servoTool(
          name,
          [],
          summary,
          ({ id }, { print }) =>
            async (to) =>
              print(await work(to, id)),
        ),
      ),
    ]),
    emulate: tool(
      'emulate',
      'ROBOT',
      'plays the servos of a robot file on a port of its own, until Ctrl-C',
      async (args, context) => {
        const { rest } = given('emulate', args, [], 1);
        await emulateTool(kind, bus.emulate)(rest, context);
      },
    ),
  };
}
