/** Child of garbage.test.ts, run with --expose-gc: prints bytes per tick of the simulated device, clean and spoilt. */
import { tasks } from '../../sim/index.ts';
import { bytesPerRound } from '../support/garbage.ts';
import { SimRig } from '../support/sim-rig.ts';

const clean: Record<string, number> = {};
let spoilt = 0;
for (const { name } of tasks) {
  const rig = await SimRig.open(name);
  const { device, state, command, sent, poses } = rig;
  // Whole numbers: a fractional one passed as an argument may be boxed by the caller, whatever the device does.
  let time = 0;
  const tickAt = rig.commandLayout.at('tick');
  const tick = (): void => {
    device.read(time, state);
    command[tickAt]! += 1;
    device.write(command, time, sent);
    device.advance();
    device.poses(poses);
    time++;
  };
  clean[name] = bytesPerRound(tick, 500, 8000, 24);
  if (name === 'reach') {
    device.push!({ body: 'hand', point: [0, 0, 0.1], towards: [0.5, 0.5, 0.5], force: 20, seconds: 1e6 });
    clean['reach, pushed'] = bytesPerRound(tick, 500, 8000, 24);
    device.push!({ body: 'hand', point: [0, 0, 0], towards: [0, 0, 0], force: 0, seconds: 0 });
    const kept: { value: number }[] = [{ value: 0 }];
    spoilt = bytesPerRound(
      () => {
        tick();
        kept[0] = { value: command[tickAt]! };
      },
      2000,
      20_000,
    );
  }
  rig.close();
}
console.log(JSON.stringify({ clean, spoilt }));
