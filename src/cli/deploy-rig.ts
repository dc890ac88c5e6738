/** A policy on a running rig, through its server as any other client: takes the lease, deploys, stays present, stops. */
import { ControllerId, Mode } from '../robot/tick.ts';
import type { Hello } from '../server/protocol.ts';
import { heartbeat, RigClient, RigWatch, takeLease } from './rig-client.ts';

/** Time for the activation to show in the live state, s. */
const START_S = 10;

export interface DeployOrder {
  readonly policy: string;
  readonly server: URL;
  readonly token: string | undefined;
  readonly task: string | undefined;
  /** Until Ctrl-C when not finite. */
  readonly seconds: number;
  readonly say: (text: string) => void;
}

/** Resolves with '' when it was stopped from here, else with why the rig stopped. Rejects with SERVER_UNREACHABLE. */
export async function deployOnRig(order: DeployOrder): Promise<string> {
  const client = new RigClient(order.server, order.token);
  const asked = new AbortController();
  const stop = (): void => asked.abort();
  process.once('SIGINT', stop);
  try {
    const hello = await client.json<Omit<Hello, 'type'>>('GET', '/api/rig');
    const operator = await client.socket('/api/operator');
    const lease = await takeLease(operator, 'armloop deploy');
    const watch = new RigWatch(await client.socket('/api/live'), hello.layout);
    const beat = heartbeat(operator, hello.robot.axes.length);
    try {
      order.say(`the arm will move: lease ${lease} on ${hello.robot.id}`);
      const task = order.task === undefined ? {} : { task: order.task };
      await client.json('POST', '/api/policy/deploy', { lease, policy: order.policy, ...task });
      await watch.until((v) => v('mode') === Mode.active && v('controller') === ControllerId.policy, START_S);
      order.say(`${order.policy} drives`);
      const until = performance.now() + order.seconds * 1000;
      await watch.until(
        (v) => v('mode') !== Mode.active || asked.signal.aborted || performance.now() > until,
      );
      const stopped = watch.value('mode') !== Mode.active;
      const [chunks, underruns] = [watch.value('policy.chunks'), watch.value('policy.underruns')];
      order.say(
        `${chunks} chunks, ${underruns} underruns, ${watch.value('policy.inferenceMs').toFixed(1)} ms a call`,
      );
      if (stopped) return 'the rig stopped it; see the reasons on the console';
      await client.json('POST', '/api/policy/stop', { lease });
      order.say('stopped; the arm holds');
      return '';
    } finally {
      clearInterval(beat);
      operator.send(JSON.stringify({ type: 'release' }));
    }
  } finally {
    process.off('SIGINT', stop);
    client.close();
  }
}
