/** Replay on a running rig, through its server as any other client: takes the lease, asks, watches until it is done. */
import { ControllerId, Mode } from '../robot/tick.ts';
import type { Hello } from '../server/protocol.ts';
import { heartbeat, RigClient, RigWatch, takeLease } from './rig-client.ts';

/** Time for the activation to show in the live state, s. */
const START_S = 10;

/** Resolves with '' when it came to its end, else with why it stopped. Rejects with SERVER_UNREACHABLE. */
export async function replayOnRig(
  id: string,
  server: URL,
  token: string | undefined,
  say: (text: string) => void,
): Promise<string> {
  const client = new RigClient(server, token);
  try {
    const hello = await client.json<Omit<Hello, 'type'>>('GET', '/api/rig');
    const operator = await client.socket('/api/operator');
    const lease = await takeLease(operator, 'armloop replay');
    const live = await client.socket('/api/live');
    const watch = new RigWatch(live, hello.layout);
    const beat = heartbeat(operator, hello.robot.axes.length);
    try {
      say(`the arm will move: lease ${lease} on ${hello.robot.id}`);
      const path = `/api/episodes/${encodeURIComponent(id)}/replay`;
      await client.json('POST', path, { lease });
      await watch.until((v) => v('mode') === Mode.active && v('controller') === ControllerId.replay, START_S);
      say('replaying');
      await watch.until((v) => v('mode') !== Mode.active);
      const done = watch.value('done') === 1;
      say(done ? 'done' : 'stopped before its end');
      return done ? '' : 'the rig stopped it; see the reasons on the console';
    } finally {
      clearInterval(beat);
      operator.send(JSON.stringify({ type: 'release' }));
    }
  } finally {
    client.close();
  }
}
