/** A host to be killed: opens the mock, moves the first axis for ever, and says so. */
import { createDevice } from '../../../drivers/mock/index.ts';
import { candidates, now } from '../../conformance/devices.ts';
import { Stand } from '../../conformance/stand.ts';

const { robot } = candidates[0]!;
const options = { ...robot.devices[0]!.options, lingerS: 1.5, log: process.argv[2]! };
const stand = new Stand(createDevice({ robot, entry: { ...robot.devices[0]!, options }, now }));
await stand.open();
await stand.device.enable();
await stand.watch(() => stand.has('enabled'), 5);
stand.wantHere();
let said = false;
await stand.drive(
  () => false,
  60,
  (time) => {
    stand.wanted.q[0] = 0.5 * time;
    stand.wanted.qd[0] = 0.5;
    if (!said && time > 0.5 && stand.vector('qd')[0]! > 0.4) {
      process.stdout.write('moving\n');
      said = true;
    }
  },
);
