/**
 * The controller slot as a policy or a planner takes it: loaded while nobody of its kind drives, activated, put away.
 * Taking over needs none of this: any controller that the operator activates takes the slot, and what is loaded stays
 * ready.
 */
import { ControllerId, Mode, RequestKind, type Source } from '../robot/tick.ts';
import type { LoopRequest, SessionHost } from './host.ts';

const STOP_S = 5;

/** What the session does for those that drive. */
export interface SlotAsker {
  ask(request: LoopRequest, what: string): Promise<number>;
  stopMotion(timeoutS: number): Promise<void>;
  event(level: 'info' | 'warning' | 'error', text: string): void;
}

export interface SlotTaker {
  readonly controller: ControllerId;
  readonly source: Source;
  /** In refusals: the policy, the planner. */
  readonly words: string;
}

export class Slot {
  readonly #host: SessionHost;
  readonly #asker: SlotAsker;
  readonly #taker: SlotTaker;
  #loading: string | null = null;

  constructor(host: SessionHost, asker: SlotAsker, taker: SlotTaker) {
    this.#host = host;
    this.#asker = asker;
    this.#taker = taker;
  }

  /** Name of what is being loaded. */
  get loading(): string | null {
    return this.#loading;
  }

  get drives(): boolean {
    const { view } = this.#host;
    return view.mode === Mode.active && view.controller === this.#taker.controller;
  }

  /** Stops its kind where it drives (its thread is about to load another), then loads. Rejects with what `load` does. */
  async load<Loaded>(name: string, load: () => Promise<Loaded>): Promise<Loaded> {
    if (this.drives) await this.#asker.stopMotion(STOP_S);
    this.#loading = name;
    this.#host.changed();
    try {
      return await load();
    } finally {
      this.#loading = null;
      this.#host.changed();
    }
  }

  /** Lets it drive and tells so. Rejects with REQUEST_REFUSED. */
  async drive(lease: number, args: number[], told: string): Promise<{ seq: number }> {
    const { controller, source, words } = this.#taker;
    const activate = { kind: RequestKind.activate, controller, source, lease, args };
    const seq = await this.#asker.ask(activate, words);
    this.#asker.event('info', told);
    this.#host.changed();
    return { seq };
  }

  /** Holds when it drives, and lets go of it; `told` where something was loaded. */
  async clear(unload: () => Promise<void>, told: string | null): Promise<Record<string, never>> {
    if (this.drives) await this.#asker.stopMotion(STOP_S);
    await unload();
    if (told !== null) this.#asker.event('info', told);
    this.#host.changed();
    return {};
  }
}

/** Controllers that a person's hands drive; the others carry out a plan. */
export const byHand = (id: ControllerId): boolean =>
  id === ControllerId.jog ||
  id === ControllerId.twist ||
  id === ControllerId.pose ||
  id === ControllerId.leader ||
  id === ControllerId.gripper;
