/**
 * How an arm fares on a line that loses bytes: `node dist/test/drivers/bus/lossy-line.js ROBOT [SECONDS [PARTS]]` drives a rig on
 * emulated servos for so long (default 600) while 5 % of all bytes are lost, and for a twentieth of it at lower rates, and prints
 * a table. The figures of docs/hardware/dynamixel.md and so101.md come from it.
 */
import assert from 'node:assert/strict';
import { Mode } from '../../../src/robot/tick.ts';
import { workspace } from '../../support/rig-process.ts';
import { now, until } from './arm-stand.ts';
import { FaultRig, type Stopped } from './fault-rig.ts';
import { subjectNamed } from './fault-subjects.ts';

export interface Lossy {
  /** Part of the time in which a person drove the arm; whenever it had stopped they cleared the stop and went on. */
  readonly driven: number;
  readonly stops: number;
  /** Of the first stop; null when there was none. */
  readonly stopped: Stopped | null;
  /** From the last lost byte until it was driven again, s. */
  readonly backS: number;
  /** Furthest that any other servo turned while bytes were lost, rad. */
  readonly others: number;
  readonly ticks: number;
  readonly seconds: number;
}

/** Drives the arm for `seconds` while `drop` of all bytes are lost. */
export async function lossy(rig: FaultRig, drop: number, seconds: number): Promise<Lossy> {
  const { emulator } = rig;
  const angles = async (): Promise<number[]> =>
    ((await emulator.device({ what: 'states' })) as { angle: number }[]).map((s) => s.angle);
  await rig.record();
  await rig.drive();
  const start = await angles();
  let others = 0;
  let driven = 0;
  let stops = 0;
  let stopped: Stopped | null = null;
  const spoil = async (): Promise<number> => {
    const at = now();
    await emulator.faults({ drop });
    return at;
  };
  const mode = (): number => rig.rig.watch.view.mode;
  if (drop >= 0.02) {
    stopped = await rig.stopsAfter(spoil);
    stops++;
  } else await spoil();
  let last = now();
  let looked = last;
  for (const end = last + seconds; last < end; ) {
    await new Promise((done) => setTimeout(done, 20));
    const time = now();
    if (mode() === Mode.active) driven += time - last;
    else if (mode() === Mode.stopped && rig.well) {
      // It answers again: somebody clears the stop and goes on.
      await rig.drive().catch(() => {});
      stops++;
    }
    last = time;
    if (time - looked < 1) continue;
    looked = time;
    others = Math.max(others, ...(await angles()).slice(1).map((a, i) => Math.abs(a - start[i + 1]!)));
  }
  await emulator.faults({ drop: 0 });
  const from = now();
  if (mode() !== Mode.active) {
    await until('it answers again', () => rig.well, 60);
    await rig.drive();
  }
  const backS = now() - from;
  const { ticks, seconds: recorded } = await rig.recorded();
  return { driven: driven / seconds, stops, stopped, backS, others, ticks, seconds: recorded };
}

if (process.argv[1]?.endsWith('lossy-line.js') === true) {
  const subject = subjectNamed(process.argv[2]);
  const seconds = Number(process.argv[3] ?? 600);
  assert.ok(seconds > 0);
  const rates = process.argv.length > 4 ? process.argv.slice(4).map(Number) : [0.0001, 0.001, 0.005, 0.05];
  const runs = rates.map((drop): [number, number] => [drop, drop < 0.02 ? seconds / 20 : seconds]);
  for (const [drop, time] of runs) {
    using folder = workspace();
    // A busy machine is late too: where few bytes are lost that is not to be taken for loss.
    const patience = drop < 0.02 ? { patienceMs: 30 } : {};
    await using rig = await FaultRig.open(folder.path, subject, { rateHz: 100, ...patience });
    const r = await lossy(rig, drop, time);
    process.stdout.write(
      `${(100 * drop).toFixed(2)} % for ${time} s: driven ${(100 * r.driven).toFixed(1)} %, ${r.stops} stops` +
        `${r.stopped === null ? '' : `, at rest after ${r.stopped.restS.toFixed(3)} s and ${r.stopped.way.toFixed(3)} rad`}` +
        `${r.stops > 0 ? `, driven again ${r.backS.toFixed(2)} s after the loss` : ''}, other servos turned by ${r.others.toFixed(4)} rad` +
        `, ${r.ticks} ticks in ${r.seconds.toFixed(1)} s, none missing\n`,
    );
    process.stdout.write(`${rig.told.split('\n').slice(-12).join('\n')}\n\n`);
  }
  process.exit(0);
}
