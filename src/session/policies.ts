/**
 * A policy on the arm, as the operator has it: deploy, hand back, stop. Taking over needs none of this: any controller
 * that the operator activates takes the slot from the policy, which stays ready.
 */
import { ArmloopError } from '../errors.ts';
import type { Request } from '../policy/request.ts';
import { ControllerId, Source } from '../robot/tick.ts';
import type { SessionState } from '../server/protocol.ts';
import type { LoadedPolicy, SessionHost } from './host.ts';
import { Slot, type SlotAsker } from './slot.ts';

const TAKER = { controller: ControllerId.policy, source: Source.policy, words: 'the policy' } as const;

export class PolicyFlow {
  readonly #host: SessionHost;
  readonly #slot: Slot;

  constructor(host: SessionHost, asker: SlotAsker) {
    this.#host = host;
    this.#slot = new Slot(host, asker, TAKER);
  }

  state(): SessionState['policy'] {
    const { policies } = this.#host;
    const { loading, drives } = this.#slot;
    if (loading !== null) {
      return { name: loading, sha256: '', state: 'loading', task: '', problem: '' };
    }
    const { loaded } = policies;
    if (loaded === null) return null;
    const { name, sha256, task } = loaded;
    return { name, sha256, task, state: drives ? 'driving' : 'ready', problem: policies.problem };
  }

  /** Checks, opens and warms up the policy, then lets it drive. Rejects with POLICY_*, REQUEST_REFUSED. */
  async deploy(lease: number, name: string, request: Request): Promise<{ seq: number }> {
    const loaded = await this.#slot.load(name, () => this.#host.policies.load(name, request));
    return this.#drive(lease, loaded, 'drives');
  }

  /** The policy goes on from where the arm is, with a fresh observation. Rejects with POLICY_NONE, REQUEST_REFUSED. */
  async resume(lease: number): Promise<{ seq: number }> {
    const { loaded } = this.#host.policies;
    if (loaded === null) throw new ArmloopError('POLICY_NONE', {});
    return this.#drive(lease, loaded, 'drives again');
  }

  /** Holds when it drives, and lets go of it. */
  async stop(): Promise<Record<string, never>> {
    const { policies } = this.#host;
    const { loaded } = policies;
    return this.#slot.clear(() => policies.unload(), loaded && `The policy ${loaded.name} was put away.`);
  }

  #drive(lease: number, { name, sha256, limitS }: LoadedPolicy, verb: string): Promise<{ seq: number }> {
    // The hash goes into the log of a running episode: which policy it was, to the byte.
    return this.#slot.drive(lease, [limitS], `The policy ${name} ${verb} (sha256 ${sha256}).`);
  }
}
