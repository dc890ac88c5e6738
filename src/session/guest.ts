/** Who drives beside the operators of servers, a leader or an input: how it gets control, drives, intervenes, gives back. */
import type { ClientRef } from '../rig/socket.ts';
import type { LeaderAction } from '../robot/leader.ts';
import { ControllerId } from '../robot/tick.ts';
import type { Control } from './control.ts';
import type { SessionHost } from './host.ts';
import type { InputAsker } from './input.ts';
import type { PlannerFlow } from './planner.ts';
import type { PolicyFlow } from './policies.ts';
import type { SlotAsker } from './slot.ts';

/** What a guest gets control of, and gives back to. */
export interface GuestParts {
  readonly host: SessionHost;
  readonly session: SlotAsker;
  readonly control: Control;
  readonly policies: PolicyFlow;
  readonly planner: PlannerFlow;
}

/** Its drive. */
interface Flow {
  readonly drives: boolean;
  /** ControllerId that drove before it. */
  readonly from: number;
  stop(why: string): void;
}

export class Guest {
  readonly #parts: GuestParts;
  readonly #client: ClientRef;
  readonly #name: string;
  readonly #gone: string;

  /** `connection`: a number that no connection of a server has. `gone`: said when it gives control back. */
  constructor(
    parts: GuestParts,
    { connection, name, gone }: { readonly connection: number; readonly name: string; readonly gone: string },
  ) {
    this.#parts = parts;
    this.#client = { connection, client: 0 };
    this.#name = name;
    this.#gone = gone;
  }

  asker(press: (action: LeaderAction) => void): InputAsker {
    const { control, session } = this.#parts;
    return {
      get leaseId() {
        return control.id;
      },
      ask: (request, what) => session.ask(request, what),
      stopMotion: (timeoutS) => session.stopMotion(timeoutS),
      event: (level, text) => session.event(level, text),
      press,
      take: () => control.take(this.#client, this.#name).id,
      operate: (block, lease) => control.operateAs(this.#client, block, lease),
      ended: () => {
        control.release(this.#client, this.#gone);
      },
    };
  }

  /** Takes over; or, when it drives, gives back to the policy or planner that drove before, or holds. */
  async intervene(flow: Flow, engage: (lease: number) => Promise<unknown>): Promise<unknown> {
    const { host, control, policies, planner } = this.#parts;
    if (!flow.drives) {
      const lease = control.held ?? control.take(this.#client, this.#name);
      try {
        return await engage(lease.id);
      } catch (error) {
        control.release(this.#client, `${this.#name} does not drive`);
        throw error;
      }
    }
    const { from } = flow;
    if (from === ControllerId.policy && host.policies.loaded !== null) return policies.resume(control.id);
    if (from === ControllerId.mpc && host.planner.loaded !== null) return planner.resume(control.id);
    flow.stop('the button was pressed');
    return null;
  }
}
