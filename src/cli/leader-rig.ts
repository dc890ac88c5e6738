/** The leader of a running rig, through its server as any other client: says how it matches, lets it drive, stays present. */
import { ArmloopError } from '../errors.ts';
import { LeaderState } from '../robot/leader.ts';
import { onInterrupt } from './interrupt.ts';
import { type RigAddress, RigVisit, type RigWatch } from './rig-client.ts';

/** An actuated leader may take so long to reach the arm, s, and is not spoken of more often than this. */
const START_S = 30;
const SAY_S = 0.5;

export interface LeaderOrder extends RigAddress {
  readonly drive: 'engage' | 'watch';
  /** Until Ctrl-C when not finite. */
  readonly seconds: number;
  readonly say: (text: string) => void;
}

/** Resolves with '' when it was ended from here, else with why the leader stopped. Rejects with SERVER_UNREACHABLE, LEADER_*. */
export async function leaderOnRig(order: LeaderOrder): Promise<string> {
  const { say } = order;
  using stop = onInterrupt(say, 'ending; once more leaves at once');
  using visit = await RigVisit.open(order);
  const { watch } = visit;
  if (watch.hello.session.leader === null) throw new ArmloopError('LEADER_NONE', {});
  const until = performance.now() + order.seconds * 1000;
  const over = (): boolean => stop.signal.aborted || performance.now() > until;
  if (order.drive === 'watch') {
    await tellMatch(watch, say, over);
    return '';
  }
  await visit.take('armloop leader', say);
  await visit.ask('/api/leader/engage');
  await watch.until((v) => v('leader.state') === LeaderState.driving, START_S);
  say('the leader drives; Ctrl-C brings the arm to rest');
  await watch.until((v) => v('leader.state') !== LeaderState.driving || over());
  if (watch.value('leader.state') !== LeaderState.driving)
    return 'the leader drives no more; see the events on the console';
  await visit.ask('/api/leader/release');
  return '';
}

/** One line whenever what it says has changed. */
async function tellMatch(watch: RigWatch, say: (text: string) => void, over: () => boolean): Promise<void> {
  let told = '';
  let at = Number.NEGATIVE_INFINITY;
  await watch.until(() => {
    if (performance.now() - at < SAY_S * 1000) return over();
    at = performance.now();
    const text = matchWords(watch);
    if (text !== told) say(text);
    told = text;
    return over();
  });
}

function matchWords(watch: RigWatch): string {
  const { robot, session } = watch.hello;
  const { name, tolerance, triggerTolerance } = session.leader!;
  const state = watch.value('leader.state');
  if (state === LeaderState.lost) return `${name} is not there`;
  if (state === LeaderState.aligning) return `${name} goes to the pose of the arm`;
  if (state === LeaderState.driving) return `${name} drives`;
  const gaps = watch.values('leader.gap');
  const apart = robot.axes.flatMap((axis, i) => {
    const gap = gaps[i]!;
    const [unit, most, digits] =
      axis.type === 'prismatic'
        ? (['m', triggerTolerance ?? 0, 3] as const)
        : (['rad', tolerance, 2] as const);
    if (!(Math.abs(gap) > most)) return [];
    return [`${axis.name} ${gap > 0 ? '+' : '-'}${Math.abs(gap).toFixed(digits)} ${unit}`];
  });
  return apart.length === 0 ? `${name} agrees with the arm` : `${name} is apart: ${apart.join(', ')}`;
}
