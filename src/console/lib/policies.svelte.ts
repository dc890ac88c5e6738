/** Policies: the list, and what the operator asks of them. Each call shows its own trouble. */
import type { PolicyListing } from '../../server/protocol.ts';
import { get, post } from './api.ts';
import { Asking } from './asking.svelte.ts';
import { operator } from './operator.svelte.ts';
import { Fresh } from './poll.svelte.ts';

const LIST = '/api/policies';
const goalPath = (policy: string, episode: string): string =>
  `${LIST}/${encodeURIComponent(policy)}/goal?episode=${encodeURIComponent(episode)}`;

class Policies extends Asking {
  readonly list = new Fresh<readonly PolicyListing[]>(LIST);

  /**
   * Takes control when nobody has it, loads the policy and lets it drive. `task`: for one that does several things.
   * `goalOf`: id of the episode whose end is the goal, for one that takes a goal.
   */
  deploy(policy: string, task: string | null, goalOf: string | null): Promise<boolean> {
    return this.ask(`Deploying ${policy}`, async (lease) => {
      const goal = goalOf === null ? {} : await get<{ goal: number[] }>(goalPath(policy, goalOf));
      return post('/api/policy/deploy', { lease, policy, ...(task === null ? {} : { task }), ...goal });
    });
  }

  /** The policy that is loaded drives, from where the arm is. */
  handOver(): Promise<boolean> {
    return this.ask('Handing over to the policy', (lease) => {
      operator.releaseKeys();
      return post('/api/policy/resume', { lease });
    });
  }

  /** The arm holds, and the policy is put away. */
  stop(): Promise<boolean> {
    return this.askNext('Stopping the policy', (lease) => post('/api/policy/stop', { lease }));
  }
}

export const policies = new Policies();
