/**
 * What a rig that drives and records does when something happens on its bus: `node dist/test/drivers/bus/fault-table.js
 * ROBOT` causes each once and prints how long until rest, how far the axis went, what people were told, and how many
 * ticks are in the episode. The figures of docs/hardware/dynamixel.md, so101.md and robotiq.md come from it.
 */
import { Mode } from '../../../src/robot/tick.ts';
import { workspace } from '../../support/rig-process.ts';
import { now } from './arm-stand.ts';
import { CAUSES } from './fault-causes.ts';
import { FaultRig } from './fault-rig.ts';
import { subjectNamed } from './fault-subjects.ts';

/** A rig that goes on is looked at for so long, s. */
const LOOK_S = 1;

const subject = subjectNamed(process.argv[2]);
const rateHz = subject.input === 'gripper' ? 50 : 100;
for (const { what, outcome, happen } of CAUSES[subject.robot]!) {
  using folder = workspace();
  await using rig = await FaultRig.open(folder.path, subject, { rateHz });
  await rig.record();
  await rig.drive();
  const before = rig.told.length;
  let effect: string;
  if (outcome === 'goes on') {
    await happen(rig);
    await new Promise((done) => setTimeout(done, 1000 * LOOK_S));
    effect = rig.rig.watch.view.mode === Mode.active ? 'it goes on' : 'IT STOPPED';
  } else {
    const { restS, way } = await rig.stopsAfter(async () => {
      const at = now();
      await happen(rig);
      return at;
    });
    effect = `at rest after ${restS.toFixed(3)} s and ${way.toFixed(4)} ${subject.unit}`;
  }
  const told = rig.told
    .slice(before)
    .split('\n')
    .filter((line) => line.startsWith(`${subject.device}: `));
  const { ticks, seconds } = await rig.recorded();
  process.stdout.write(
    `${what}: ${effect}; ${ticks} ticks in ${seconds.toFixed(2)} s, none missing\n` +
      `${told.map((line) => `    ${line}\n`).join('')}`,
  );
}
process.exit(0);
