/** The policy thread as the session sees it. */
import type { PolicyHost } from '../session/host.ts';
import type { PolicyThread } from './policy-thread.ts';

/** `trouble`: why the policies do not run, for people; a load begins without. */
export function policyHost(policies: PolicyThread, trouble: { text: string }): PolicyHost {
  return {
    get loaded() {
      return policies.loaded;
    },
    get problem() {
      return trouble.text;
    },
    list: () => policies.list(),
    load: (name, request) => {
      trouble.text = '';
      return policies.load(name, request);
    },
    unload: () => policies.unload(),
  };
}
