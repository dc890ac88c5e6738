/**
 * What buttons and pedals at the arm do: they record and label for whoever has control, and let the leader intervene.
 * A press that cannot be obeyed is told as an event: nobody at a pedal sees a refusal.
 */
import { explain } from '../errors.ts';
import type { LeaderAction } from '../robot/leader.ts';
import type { EpisodeLabel } from '../server/protocol.ts';
import type { RecordingFlow } from './recording.ts';

export interface ButtonDeeds {
  readonly recording: RecordingFlow;
  event(level: 'info' | 'warning' | 'error', text: string): void;
  /** Runs after everything that was asked before. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** Starts a recording in the name of whoever has control, or of the leader. */
  record(): Promise<unknown>;
  /** The leader drives, or drives no more. */
  intervene(): Promise<unknown>;
  changed(): void;
}

export class ButtonFlow {
  readonly #deeds: ButtonDeeds;

  constructor(deeds: ButtonDeeds) {
    this.#deeds = deeds;
  }

  /** `intervene`: what that means for whose button it is. Default: for the leader's. */
  press(action: LeaderAction, intervene = this.#deeds.intervene): void {
    const { event, inTurn, changed } = this.#deeds;
    inTurn(() => this.#obey(action, intervene))
      .catch((error: unknown) => event('warning', `The button ${action} did nothing: ${explain(error)}`))
      .finally(changed);
  }

  async #obey(action: LeaderAction, intervene: () => Promise<unknown>): Promise<unknown> {
    const { recording } = this.#deeds;
    switch (action) {
      case 'record':
        return recording.state === 'recording' ? this.#stop() : this.#deeds.record();
      case 'success':
      case 'failure':
        return this.#label(action);
      case 'intervene':
        return intervene();
      case 'clutch':
        return null;
      default:
        return action satisfies never;
    }
  }

  async #stop(): Promise<void> {
    const episode = await this.#deeds.recording.stop();
    this.#deeds.event('info', `Recorded ${episode}: say how it went.`);
  }

  async #label(label: EpisodeLabel): Promise<void> {
    const { recording } = this.#deeds;
    if (recording.state === 'recording') await recording.stop();
    const episode = await recording.label(label, '');
    this.#deeds.event('info', `Saved ${episode} as ${label}.`);
  }
}
