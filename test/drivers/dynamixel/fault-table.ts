/**
 * What a rig that drives and records does when something happens on its bus: `node
 * dist/test/drivers/dynamixel/fault-table.js` causes each once and prints how long until rest, how far the arm went, what people
 * were told, and how many ticks are in the episode. The figures of docs/hardware/dynamixel.md come from it.
 */
import { workspace } from '../../support/rig-process.ts';
import { now } from '../bus/arm-stand.ts';
import { FaultRig } from '../bus/fault-rig.ts';
import { DYNAMIXEL7 } from '../bus/fault-subjects.ts';

type Cause = (rig: FaultRig) => Promise<unknown>;

const device =
  (...commands: Readonly<Record<string, unknown>>[]): Cause =>
  async ({ emulator }) => {
    for (const command of commands) await emulator.device(command);
  };

const CAUSES: readonly (readonly [string, Cause])[] = [
  ['cable pulled', ({ emulator }) => emulator.unplug()],
  ['joint 1 blocked: overload', device({ what: 'blocked', id: 1, value: true })],
  ['joint 6 at 84 °C', device({ what: 'temperature', id: 6, value: 84 })],
  ['supply drops to 9 V', device({ what: 'voltage', value: 9 })],
  ['supply of joint 2 breaks down', device({ what: 'brownOut', id: 2 })],
  [
    'two servos with id 3',
    device(
      { what: 'set', id: 8, value: { name: 'torqueEnable', to: 0 } },
      { what: 'set', id: 8, value: { name: 'id', to: 3 } },
    ),
  ],
  ['5 % of bytes lost', ({ emulator }) => emulator.faults({ drop: 0.05 })],
];

for (const [what, cause] of CAUSES) {
  using folder = workspace();
  await using rig = await FaultRig.open(folder.path, DYNAMIXEL7, { rateHz: 100 });
  await rig.record();
  await rig.drive();
  const before = rig.told.length;
  const { restS, way } = await rig.stopsAfter(async () => {
    const at = now();
    await cause(rig);
    return at;
  });
  const told = rig.told
    .slice(before)
    .split('\n')
    .filter((line) => line.startsWith('arm: '));
  const { ticks, seconds } = await rig.recorded();
  process.stdout.write(
    `${what}: at rest after ${restS.toFixed(3)} s and ${way.toFixed(3)} rad; ${ticks} ticks in ${seconds.toFixed(2)} s, none missing\n` +
      `${told.map((line) => `    ${line}\n`).join('')}`,
  );
}
process.exit(0);
