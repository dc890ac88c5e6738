/** The tools of the driver: what drivers/bus/tools.ts needs to know of a Feetech bus, and calibration. */
import { ArmloopError } from '../../src/errors.ts';
import { servoTools, type TableItem } from '../bus/tools.ts';
import { PacketDecoder } from './decoder.ts';
import { startArmEmulator } from './emulator/arm.ts';
import { MODELS, modelNumbered, type Series, STS_SERIES } from './models.ts';
import { LARGEST_ID } from './packet.ts';
import {
  calibrate,
  factoryReset,
  identify,
  pingAll,
  type Requester,
  readItem,
  reboot,
  setItem,
} from './requests.ts';
import {
  BAUDS,
  FACTORY_BAUD,
  faultWords,
  type Item,
  type ItemName,
  RAM_START,
  range,
  SCS,
  STS,
} from './table.ts';

/** Time beyond that of the wire in which a servo that is asked by its id has answered, s. */
const ONE_BY_ONE_S = 0.02;

const described = (table: Readonly<Record<string, Item>>): Readonly<Record<string, TableItem>> =>
  Object.fromEntries(
    Object.entries(table).map(([name, item]) => {
      const [least, most] = range(item);
      return [name, { address: item.address, access: item.access, least, most }];
    }),
  );

/** The series of a servo, by its model; STS where that is not known. */
async function seriesOf(to: Requester, id: number): Promise<Series> {
  const { model } = await identify(to.bus, id);
  return (model === null ? undefined : modelNumbered(model))?.series ?? STS_SERIES;
}

const read = async (to: Requester, id: number, name: string): Promise<number> => {
  const { table, order } = await seriesOf(to, id);
  return readItem(to, id, table[name as ItemName]!, order);
};

/** Steps that a calibrated servo may be off: rounding, and a hand. */
const NEAR = 20;

function problem({ device }: Requester, id: number, words: string): ArmloopError {
  return new ArmloopError('DEVICE_BUS', { device, servo: `the servo with id ${id}`, problem: words });
}

/** One servo in words. */
async function words(to: Requester, id: number, number: number): Promise<string> {
  const names = MODELS.filter((m) => m.number === number).map((m) => m.name);
  const { table, order, unit, middle } = modelNumbered(number)?.series ?? STS_SERIES;
  const step = await readItem(to, id, table.presentPosition, order);
  const status = await readItem(to, id, table.status, order);
  const major = await readItem(to, id, table.firmwareMajor, order);
  const minor = await readItem(to, id, table.firmwareMinor, order);
  const name = names.length === 0 ? `model ${number}` : names.join(' or ');
  const at = `step ${step}, ${((step - middle) * unit).toFixed(3)} rad`;
  const bad = status === 0 ? '' : `; ERROR: ${faultWords(status)}`;
  return `id ${id} at ${to.bus.wire.baud} baud: ${name}, firmware ${major}.${minor}, ${at}${bad}`;
}

/** Who answers: everybody at once, and those who do not answer that one by one where there is time for it. */
async function scan(
  to: Requester,
  rates: 'one' | 'all',
): Promise<{ servos: readonly string[]; heard: number }> {
  const all = await pingAll(to.bus);
  let { heard } = all;
  const ids = new Set(all.ids);
  if (ids.size === 0 && rates === 'one') {
    to.bus.patienceS = ONE_BY_ONE_S + to.bus.wire.latencyS;
    // Twice: a computer that is busy, or a line that is bad, loses one answer or another.
    for (let round = 0; round < 2; round++) {
      for (let id = 0; id <= LARGEST_ID; id++) {
        if (ids.has(id)) continue;
        const answer = await identify(to.bus, id, 'once');
        heard += answer.heard;
        if (answer.model !== null) ids.add(id);
      }
    }
  }
  const servos: string[] = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const { model } = await identify(to.bus, id);
    if (model !== null) servos.push(await words(to, id, model));
  }
  return { servos, heard };
}

export const tools = servoTools<PacketDecoder>({
  kind: 'feetech',
  bauds: BAUDS,
  factoryBaud: FACTORY_BAUD,
  decoder: () => new PacketDecoder(),
  scan,
  items: described({ ...SCS, ...STS }),
  table: async (to, id) => described((await seriesOf(to, id)).table as Readonly<Record<string, Item>>),
  read,
  set: async (to, id, name, value) => {
    const series = await seriesOf(to, id);
    return setItem(to, id, series.table[name as ItemName]!, value, series);
  },
  lasting: ({ address }) => address < RAM_START,
  torqueOn: async (to, id) => (await read(to, id, 'torqueEnable')) === 1,
  reboot,
  emulate: startArmEmulator,
  more: {
    calibrate: {
      summary: 'makes where the servo stands now the middle of its turn, for good; torque must be off',
      work: async (to, id) => {
        const { table, order, middle } = await seriesOf(to, id);
        if ((await readItem(to, id, table.torqueEnable, order)) === 1)
          throw problem(
            to,
            id,
            'holds: calibrate it with torque off, its goal would be somewhere else at once',
          );
        await calibrate(to, id, null, order);
        const step = await readItem(to, id, table.presentPosition, order);
        if (Math.abs(step - middle) > NEAR)
          throw problem(to, id, `is at step ${step} after it: its firmware may be too old for that`);
        return `id ${id} is at step ${step} now`;
      },
    },
    factory: {
      summary:
        'sets everything but the id as it came from the factory; its torque goes off, so support the arm',
      work: async (to, id) => {
        await factoryReset(to, id);
        return `id ${id} is as it came from the factory`;
      },
    },
  },
});
