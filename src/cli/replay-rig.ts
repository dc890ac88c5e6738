/** Replay on a running rig, through its server as any other client: takes the lease, asks, watches until it is done. */
import { ControllerId, Mode } from '../robot/tick.ts';
import { type RigAddress, RigVisit } from './rig-client.ts';

/** Time for the activation to show in the live state, s. */
const START_S = 10;

/** Resolves with '' when it came to its end, else with why it stopped. Rejects with SERVER_UNREACHABLE. */
export async function replayOnRig(id: string, rig: RigAddress, say: (text: string) => void): Promise<string> {
  using visit = await RigVisit.open(rig);
  const { watch } = visit;
  await visit.take('armloop replay', say);
  await visit.ask(`/api/episodes/${encodeURIComponent(id)}/replay`);
  await watch.until((v) => v('mode') === Mode.active && v('controller') === ControllerId.replay, START_S);
  say('replaying');
  await watch.until((v) => v('mode') !== Mode.active);
  const done = watch.value('done') === 1;
  say(done ? 'done' : 'stopped before its end');
  return done ? '' : 'the rig stopped it; see the reasons on the console';
}
