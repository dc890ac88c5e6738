/** A policy on a running rig, through its server as any other client: takes the lease, deploys, stays present, stops. */
import type { Request } from '../policy/request.ts';
import { ControllerId, Mode } from '../robot/tick.ts';
import { onInterrupt } from './interrupt.ts';
import { type RigAddress, RigVisit } from './rig-client.ts';

/** Time for the activation to show in the live state, s. */
const START_S = 10;

export interface DeployOrder extends RigAddress {
  readonly policy: string;
  readonly request: Request;
  /** Until Ctrl-C when not finite. */
  readonly seconds: number;
  readonly say: (text: string) => void;
}

/** Resolves with '' when it was stopped from here, else with why the rig stopped. Rejects with SERVER_UNREACHABLE. */
export async function deployOnRig(order: DeployOrder): Promise<string> {
  const { policy, say } = order;
  using stop = onInterrupt(say, 'stopping; once more leaves at once');
  using visit = await RigVisit.open(order);
  const { watch } = visit;
  await visit.take('armloop deploy', say);
  await visit.ask('/api/policy/deploy', { policy, ...order.request });
  await watch.until((v) => v('mode') === Mode.active && v('controller') === ControllerId.policy, START_S);
  say(`${policy} drives`);
  const until = performance.now() + order.seconds * 1000;
  await watch.until((v) => v('mode') !== Mode.active || stop.signal.aborted || performance.now() > until);
  const stopped = watch.value('mode') !== Mode.active;
  const [chunks, underruns] = [watch.value('policy.chunks'), watch.value('policy.underruns')];
  say(`${chunks} chunks, ${underruns} underruns, ${watch.value('policy.inferenceMs').toFixed(1)} ms a call`);
  if (stopped) return 'the rig stopped it; see the reasons on the console';
  await visit.ask('/api/policy/stop');
  say('stopped; the arm holds');
  return '';
}
