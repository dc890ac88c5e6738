/**
 * Torque that comes on: with the devices of a rig that takes a while (a gripper opens and closes once), in which somebody
 * presses the emergency stop, is lost, disarms or shuts the rig down. That ends it.
 */
import { ArmloopError } from '../errors.ts';
import { Mode } from '../robot/tick.ts';
import type { SessionHost } from './host.ts';

type Host = Pick<SessionHost, 'enableDevices' | 'haltDevices' | 'view'>;

export class Enabling {
  readonly #host: Host;
  readonly #event: (level: 'warning', text: string) => void;
  /** The devices were told to hold without the loop: they take no commands before they are enabled again. */
  halted = false;
  /** Under way: what asked for it, under which lease (0: none), and why it was ended. */
  #now: { readonly request: string; readonly lease: number; why: string } | null = null;
  #barred = '';
  /** What was asked for goes on although torque is on. */
  #asking = 0;

  constructor(host: Host, event: (level: 'warning', text: string) => void) {
    this.#host = host;
    this.#event = event;
  }

  get underWay(): boolean {
    return this.#now !== null || this.#asking > 0;
  }

  /**
   * Torque on, for `request` of the operator with that lease, and `then` the rest of it: until that is over, torque is on and
   * the mode does not say so yet. Rejects with REQUEST_ENDED, REQUEST_REFUSED and with what the devices say.
   */
  async run<T>(request: string, lease: number, then: () => Promise<T>): Promise<T> {
    if (this.#barred !== '') throw new ArmloopError('REQUEST_ENDED', { request, why: this.#barred });
    if (this.#now !== null)
      throw new ArmloopError('REQUEST_REFUSED', { request, mode: 'being armed', because: '' });
    const now = { request, lease, why: '' };
    this.#now = now;
    try {
      await this.#host.enableDevices();
    } catch (error) {
      const halted = error instanceof ArmloopError && error.code === 'DEVICE_HALTED';
      if (now.why === '' || !halted) throw error;
    } finally {
      this.#now = null;
    }
    if (now.why !== '') throw new ArmloopError('REQUEST_ENDED', { request, why: now.why });
    this.halted = false;
    this.#asking++;
    try {
      return await then();
    } finally {
      this.#asking--;
    }
  }

  /** Ends what is under way; of `lease` alone where that is given. Resolves when the devices were told. */
  async end(why: string, lease: number | null = null): Promise<void> {
    const now = this.#now;
    if (now === null || now.why !== '' || (lease !== null && now.lease !== lease)) return;
    now.why = why;
    const { mode } = this.#host.view;
    // Where the loop commands them they were halted, else they just have no torque yet.
    if (mode !== Mode.off && mode !== Mode.connected) this.halted = true;
    this.#event('warning', `Torque was coming on (${now.request}): ended, because ${why}.`);
    await this.#host.haltDevices();
  }

  /** The same, and nothing comes on any more. */
  async bar(why: string): Promise<void> {
    this.#barred = why;
    await this.end(why);
  }
}
