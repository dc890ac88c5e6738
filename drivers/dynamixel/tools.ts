/** The tools of the driver: what drivers/bus/tools.ts needs to know of a Dynamixel bus. */
import { leaderTools } from '../bus/leader/tools.ts';
import { servoTools, type TableItem } from '../bus/tools.ts';
import { PacketDecoder } from './decoder.ts';
import { startArmEmulator } from './emulator/arm.ts';
import { leaderHands, startLeaderEmulator } from './emulator/leader.ts';
import { modelNumbered } from './models.ts';
import { type Found, pingAll, type Requester, readItem, reboot, setItem, writeItem } from './requests.ts';
import {
  BAUDS,
  FACTORY_BAUD,
  hardwareErrorWords,
  type Item,
  type ItemName,
  POSITION_UNIT,
  RAM_START,
  X,
  ZERO_STEP,
} from './table.ts';

const item = (name: string): Item => X[name as ItemName];
const TABLE: Readonly<Record<string, TableItem>> = Object.fromEntries(
  Object.entries(X as Readonly<Record<string, Item>>).map(([name, { address, access, size, signed }]) => {
    const most = 2 ** (8 * size - (signed ? 1 : 0)) - 1;
    return [name, { address, access, least: signed ? -most - 1 : 0, most }];
  }),
);

/** One servo in words. */
async function words(to: Requester, { id, model, firmware }: Found): Promise<string> {
  const step = await readItem(to, id, X.presentPosition);
  const error = await readItem(to, id, X.hardwareError);
  const name = modelNumbered(model)?.name ?? `model ${model}`;
  const at = `step ${step}, ${((step - ZERO_STEP) * POSITION_UNIT).toFixed(3)} rad`;
  const bad = error === 0 ? '' : `; ERROR: ${hardwareErrorWords(error)}`;
  return `id ${id} at ${to.bus.wire.baud} baud: ${name}, firmware ${firmware}, ${at}${bad}`;
}

const busTools = servoTools<PacketDecoder>({
  kind: 'dynamixel',
  bauds: BAUDS,
  factoryBaud: FACTORY_BAUD,
  decoder: () => new PacketDecoder(),
  scan: async (to) => {
    const { servos, heard } = await pingAll(to.bus);
    const found: string[] = [];
    for (const servo of servos) found.push(await words(to, servo));
    return { servos: found, heard };
  },
  items: TABLE,
  table: async () => TABLE,
  read: (to, id, name) => readItem(to, id, item(name)),
  set: async (to, id, name, value) => {
    // A servo that has changed its id or rate answers under the new one.
    if (name !== 'id' && name !== 'baud') return setItem(to, id, item(name), value);
    await writeItem(to, id, item(name), value);
    return true;
  },
  lasting: ({ address }) => address < RAM_START,
  torqueOn: async (to, id) => (await readItem(to, id, X.torqueEnable)) === 1,
  reboot,
  emulate: startArmEmulator,
});

export const tools = {
  ...busTools,
  ...leaderTools({ kind: 'dynamixel', hands: leaderHands, start: startLeaderEmulator }),
};
