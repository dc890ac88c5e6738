/** What buttons and hotkeys do. Each call shows its own trouble. */
import { Mode } from '../../robot/tick.ts';
import type { EpisodeLabel, RecordingState, RequestBody } from '../../server/protocol.ts';
import { post } from './api.ts';
import type { ActionName } from './keys.ts';
import { live } from './live.svelte.ts';
import { operator } from './operator.svelte.ts';
import { planners } from './planners.svelte.ts';
import { policies } from './policies.svelte.ts';
import { Stored } from './stored.svelte.ts';
import { toasts } from './toasts.svelte.ts';
import type { View } from './views.ts';

/** A question before something that cannot be taken back. */
export interface Question {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly run: () => void;
}

class Commands {
  view = $state<View>('live');
  /** Id of what is open in the list of the view, from the address. */
  item = $state<string | null>(null);
  help = $state(false);
  question = $state.raw<Question | null>(null);
  /** The failure form of the review bar is open. */
  failing = $state(false);
  /** 'sending' from the press until the server has answered; 'failed' when it did not. */
  estopState = $state<'idle' | 'sending' | 'failed'>('idle');
  /** Id of the last saved episode, for its quality flags. */
  saved = $state<string | null>(null);
  /** A step of the recording is under way. */
  busy = $state(false);
  readonly taskText = new Stored<string>('task', '');
  #stepFrom: RecordingState = 'idle';
  #step: Promise<boolean> = Promise.resolve(true);
  #nextStep: Promise<boolean> | null = null;

  get recording(): RecordingState {
    return live.session?.recording.state ?? 'idle';
  }

  /** The stop goes out first; everything else waits. Tried three times. */
  async estop(): Promise<void> {
    this.estopState = 'sending';
    operator.releaseKeys();
    for (let attempt = 1; ; attempt++) {
      try {
        await post('/api/estop', {});
        this.estopState = 'idle';
        return;
      } catch (error) {
        if (attempt < 3) continue;
        this.estopState = 'failed';
        toasts.error('EMERGENCY STOP DID NOT REACH THE RIG. Use the hardware stop', error);
        return;
      }
    }
  }

  async hold(): Promise<void> {
    operator.releaseKeys();
    await this.#request('Holding', { kind: 'hold' });
  }

  arm = (): Promise<boolean> =>
    this.#withLease('Arming', (lease) => post('/api/request', { kind: 'arm', lease }));
  clear = (): Promise<boolean> =>
    this.#withLease('Clearing the stop', (lease) => post('/api/request', { kind: 'clear', lease }));
  home = (): Promise<boolean> => this.#withLease('Moving home', (lease) => post('/api/home', { lease }));
  disarm(): void {
    this.question = {
      title: 'Disarm the arm?',
      text: 'No more commands are sent. An arm without brakes may sink.',
      yes: 'Disarm',
      run: () =>
        void this.#withLease('Disarming', (lease) => post('/api/request', { kind: 'disarm', lease })),
    };
  }

  resetScene(): void {
    const run = (): void =>
      void this.#withLease('Resetting the scene', (lease) => post('/api/scene/reset', { lease }));
    if (this.recording !== 'recording') {
      run();
      return;
    }
    this.question = {
      title: 'Reset the scene while recording?',
      text: 'The running recording would show the objects jump to new places.',
      yes: 'Reset anyway',
      run,
    };
  }

  /** Starts when idle, stops when recording, does nothing in review. */
  async record(): Promise<void> {
    if (this.recording === 'review') return;
    if (this.recording === 'recording') {
      await this.#recordingStep('Stopping the recording', (lease) => post('/api/recording/stop', { lease }));
      return;
    }
    this.saved = null;
    const task = this.taskText.value.trim() || (live.session?.task?.text ?? '');
    const name = operator.name.value.trim() || 'operator';
    await this.#recordingStep('Starting a recording', (lease) =>
      post('/api/recording/start', { lease, task, operator: name }),
    );
  }

  async label(label: EpisodeLabel, cause = ''): Promise<void> {
    if (this.recording === 'idle') return;
    const done = await this.#recordingStep('Saving the label', async (lease) => {
      if (this.recording === 'recording') await post('/api/recording/stop', { lease });
      const { episode } = await post<{ episode: string }>('/api/recording/label', {
        lease,
        label,
        ...(cause === '' ? {} : { cause }),
      });
      this.saved = episode;
    });
    if (done) this.failing = false;
  }

  async discard(): Promise<void> {
    if (this.recording === 'idle') return;
    await this.#recordingStep('Discarding', async (lease) => {
      const { episode } = await post<{ episode: string }>('/api/recording/discard', { lease });
      this.failing = false;
      toasts.info('Recording moved to the trash', { label: 'Undo', run: () => void this.restore(episode) });
    });
  }

  async rerecord(): Promise<void> {
    if (this.recording === 'idle') return;
    await this.#recordingStep('Recording again', async (lease) => {
      await post('/api/recording/rerecord', { lease });
      this.failing = false;
    });
  }

  async restore(episode: string): Promise<void> {
    try {
      await post(`/api/episodes/${encodeURIComponent(episode)}/restore`, {});
      toasts.info('Episode restored');
    } catch (error) {
      toasts.error('Restoring failed', error);
    }
  }

  run(action: ActionName): void {
    this.#actions[action]();
  }

  readonly #actions: Readonly<Record<ActionName, () => unknown>> = {
    estop: () => this.estop(),
    hold: () => this.hold(),
    lease: () => (operator.lease === 0 ? operator.take() : operator.release()),
    arm: () => this.arm(),
    clear: () => this.clear(),
    home: () => this.home(),
    resetScene: () => this.resetScene(),
    mode: () => operator.nextMode(),
    frame: () => {
      operator.toolFrame.value = !operator.toolFrame.value;
      operator.feed();
    },
    slower: () => operator.stepSpeed(-1),
    faster: () => operator.stepSpeed(1),
    gizmo: () => {
      operator.gizmo = operator.gizmo === 'translate' ? 'rotate' : 'translate';
    },
    policyDrives: () => policies.handOver(),
    policyStop: () => policies.stop(),
    plannerDrives: () => planners.handOver(),
    plannerStop: () => planners.stop(),
    record: () => this.record(),
    success: () => this.label('success'),
    failure: () => {
      this.failing = this.recording !== 'idle';
    },
    rerecord: () => this.rerecord(),
    discard: () => this.discard(),
    help: () => {
      this.help = !this.help;
    },
  };

  /** May the arm be armed, cleared, driven? For disabling buttons with a reason. */
  get legal(): { arm: boolean; clear: boolean; drive: boolean } {
    const mode = live.value('mode');
    return {
      arm: mode === Mode.off || mode === Mode.connected,
      clear: mode === Mode.stopped,
      drive: mode === Mode.holding || mode === Mode.active,
    };
  }

  async #request(doing: string, body: RequestBody): Promise<void> {
    try {
      await post('/api/request', body);
    } catch (error) {
      toasts.error(`${doing} failed`, error);
    }
  }

  async #withLease(doing: string, run: (lease: number) => Promise<unknown>): Promise<boolean> {
    if (operator.lease === 0) {
      toasts.error(`${doing} needs control`, new Error('take control first (key T)'));
      return false;
    }
    try {
      await run(operator.lease);
      return true;
    } catch (error) {
      toasts.error(`${doing} failed`, error);
      return false;
    }
  }

  /**
   * One step of the recording at a time: a second press while the first is under way does nothing. But the session may tell
   * what a step has done before its answer comes: a press on what is shown by then is the next step, and waits for the answer.
   */
  #recordingStep(doing: string, run: (lease: number) => Promise<unknown>): Promise<boolean> {
    if (!this.busy) {
      this.#step = this.#takeStep(doing, run);
      return this.#step;
    }
    if (this.recording === this.#stepFrom || this.#nextStep !== null) return Promise.resolve(false);
    this.#nextStep = this.#step.then((done) => {
      this.#nextStep = null;
      return done ? this.#recordingStep(doing, run) : false;
    });
    return this.#nextStep;
  }

  async #takeStep(doing: string, run: (lease: number) => Promise<unknown>): Promise<boolean> {
    this.#stepFrom = this.recording;
    this.busy = true;
    try {
      return await this.#withLease(doing, run);
    } finally {
      this.busy = false;
    }
  }
}

export const commands = new Commands();
