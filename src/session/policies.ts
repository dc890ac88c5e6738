/**
 * A policy on the arm, as the operator has it: deploy, hand back, stop. Taking over needs none of this: any controller
 * that the operator activates takes the slot from the policy, which stays ready.
 */
import { ArmloopError } from '../errors.ts';
import { ControllerId, Mode, RequestKind, Source } from '../robot/tick.ts';
import type { SessionState } from '../server/protocol.ts';
import type { LoadedPolicy, LoopRequest, SessionHost } from './host.ts';

const STOP_S = 5;

interface Asker {
  ask(request: LoopRequest, what: string): Promise<number>;
  stopMotion(timeoutS: number): Promise<void>;
  event(level: 'info' | 'warning' | 'error', text: string): void;
}

export class PolicyFlow {
  readonly #host: SessionHost;
  readonly #asker: Asker;
  #loading: string | null = null;

  constructor(host: SessionHost, asker: Asker) {
    this.#host = host;
    this.#asker = asker;
  }

  state(): SessionState['policy'] {
    const { policies } = this.#host;
    if (this.#loading !== null) {
      return { name: this.#loading, sha256: '', state: 'loading', task: '', problem: '' };
    }
    const { loaded } = policies;
    if (loaded === null) return null;
    const { name, sha256, task } = loaded;
    return { name, sha256, task, state: this.#drives() ? 'driving' : 'ready', problem: policies.problem };
  }

  /** Checks, opens and warms up the policy, then lets it drive. Rejects with POLICY_*, REQUEST_REFUSED. */
  async deploy(
    lease: number,
    name: string,
    request: { readonly task?: string; readonly goal?: readonly number[] },
  ): Promise<{ seq: number }> {
    // The thread that thinks for the one before is about to load another.
    if (this.#drives()) await this.#asker.stopMotion(STOP_S);
    this.#loading = name;
    this.#host.changed();
    let loaded: LoadedPolicy;
    try {
      loaded = await this.#host.policies.load(name, request);
    } finally {
      this.#loading = null;
      this.#host.changed();
    }
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
    const { loaded } = this.#host.policies;
    if (this.#drives()) await this.#asker.stopMotion(STOP_S);
    await this.#host.policies.unload();
    if (loaded !== null) this.#asker.event('info', `The policy ${loaded.name} was put away.`);
    this.#host.changed();
    return {};
  }

  #drives(): boolean {
    const { view } = this.#host;
    return view.mode === Mode.active && view.controller === ControllerId.policy;
  }

  async #drive(lease: number, policy: LoadedPolicy, verb: string): Promise<{ seq: number }> {
    const activate = {
      kind: RequestKind.activate,
      controller: ControllerId.policy,
      source: Source.policy,
      lease,
      args: [policy.limitS],
    };
    const seq = await this.#asker.ask(activate, 'the policy');
    // The hash goes into the log of a running episode: which policy it was, to the byte.
    this.#asker.event('info', `The policy ${policy.name} ${verb} (sha256 ${policy.sha256}).`);
    this.#host.changed();
    return { seq };
  }
}
