/**
 * The rig under measurement of `bench mpc`: panda-sim without cameras in this process, whose planner thread makes the tool
 * follow a path by torque. argv: workspace, rate of the loop in Hz, stages, seconds. Prints one JSON line of what the
 * recorded episode and the planner's own counts tell; the recording is what proves which plans the loop has used.
 */
import { join } from 'node:path';
import { pino } from 'pino';
import { loadRobot } from '../src/config.ts';
import { Episode } from '../src/episode/episode.ts';
import { EpisodeFiles } from '../src/record/files.ts';
import { Rig } from '../src/rig/rig.ts';
import { Mode, Reason, Source } from '../src/robot/tick.ts';
import { packageRoot } from '../src/root.ts';
import { PATH } from './mpc-path.ts';

const [workspace, rate, stages, seconds] = process.argv.slice(2) as [string, string, string, string];
const base = loadRobot(join(packageRoot(), 'robots', 'panda-sim.yaml'));
const rateHz = Number(rate);
const spec = {
  ...base,
  cameras: [],
  loop: { ...base.loop, rateHz },
  // A machine that is held up now and then is no reason to stop here; how late plans were is told.
  limits: { ...base.limits, stateAgeMs: 2000, missedMs: 2000, watchdogMs: 2000, deadmanMs: 5000 },
  sim: { ...base.sim!, task: 'reach', timestep: Math.min(0.001, 1 / rateHz) },
};
const rig = await Rig.open({ spec, workspace, log: pino({ level: 'silent' }) });
const { lease } = (await rig.session.request('lease.take', { client: 1, operator: 'bench' }, 1)) as {
  lease: number;
};
let count = 0;
const beat = setInterval(() => {
  const block = rig.session.nobody();
  block[rig.session.operator.at('lease')] = lease;
  block[rig.session.operator.at('seq')] = ++count;
  rig.session.operate({ connection: 1, client: 1 }, block);
}, 50);
const wait = (s: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000 * s));
try {
  const choice = { task: 'track', drive: 'torque', horizon: Number(stages), target: PATH };
  await rig.session.request('planner.start', { lease, ...choice }, 1);
  await wait(1.5);
  const { episode } = (await rig.session.request('recording.start', { lease, task: 'bench' }, 1)) as {
    episode: string;
  };
  const before = rig.plannerNumbers();
  await wait(Number(seconds));
  const after = rig.plannerNumbers();
  await rig.session.request('recording.stop', { lease }, 1);
  await rig.session.request('recording.label', { lease, label: 'unlabelled' }, 1);
  if (rig.watch.view.mode !== Mode.active) throw new Error(`the rig is in mode ${rig.watch.view.mode}`);
  process.stdout.write(`${JSON.stringify(await judge(episode, { before, after }))}\n`);
} finally {
  clearInterval(beat);
  await rig.close();
}
process.exit(0);

async function judge(
  id: string,
  { before, after }: Record<'before' | 'after', Readonly<Record<string, number>>>,
): Promise<Record<string, number>> {
  await using episode = await Episode.open(new EpisodeFiles(workspace), id);
  const { tickLayout: layout } = episode;
  const at = (name: string): number => layout.at(name);
  const plans = new Set<number>();
  const ages: number[] = [];
  let [ticks, sum, late, first, last] = [0, 0, 0, Number.NaN, 0];
  for await (const tick of episode.eachTick()) {
    if (tick[at('out.source')] !== Source.mpc) continue;
    const time = tick[at('in.time')]!;
    if (Number.isNaN(first)) first = time;
    last = time;
    ticks++;
    plans.add(tick[at('in.plan.seq')]!);
    ages.push(time - tick[at('in.plan.captured')]!);
    if ((tick[at('out.reasonAll')]! & (Reason.planLate | Reason.underrun)) !== 0) late++;
    const t = time - tick[at('in.row.start')]!;
    for (let i = 0; i < 3; i++) {
      const { pose, amplitude, multiple, phase, period } = PATH;
      const aim = pose[i]! + amplitude[i]! * Math.sin((2 * Math.PI * multiple[i]! * t) / period + phase[i]!);
      sum += (tick[at('out.tool') + i]! - aim) ** 2;
    }
  }
  ages.sort((a, b) => a - b);
  const share = (name: string): number =>
    (after[name]! - before[name]!) / Math.max(1, after['plans']! - before['plans']!);
  return {
    used: plans.size / (last - first),
    improved: share('improved'),
    failed: after['failed']! - before['failed']!,
    solveP50: 1000 * after['solveP50']!,
    solveP99: 1000 * after['solveP99']!,
    ageP50: 1000 * ages[Math.floor(0.5 * ages.length)]!,
    ageP99: 1000 * ages[Math.floor(0.99 * ages.length)]!,
    rms: 1000 * Math.sqrt(sum / ticks),
    late: (100 * late) / ticks,
  };
}
