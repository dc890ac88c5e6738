/**
 * idle → recording → review → idle. The file opens at `start`, takes no more ticks after `stop`, and is closed by
 * its label. Every step waits for the recorder, and one step runs at a time.
 */
import { ArmloopError } from '../errors.ts';
import type { EpisodeLabel, RecordingState } from '../server/protocol.ts';
import type { EpisodeRecorder, EpisodeStart } from './host.ts';

export class RecordingFlow {
  readonly #recorder: EpisodeRecorder;
  #state: RecordingState = 'idle';
  #episode: string | null = null;
  #task = '';
  #operator = '';
  #startedAt = 0;

  constructor(recorder: EpisodeRecorder) {
    this.#recorder = recorder;
  }

  get state(): RecordingState {
    return this.#state;
  }

  /** Running or under review; null when idle. */
  get episode(): string | null {
    return this.#episode;
  }

  get task(): string {
    return this.#task;
  }

  get operator(): string {
    return this.#operator;
  }

  /** Rig time of the start; meaningful while recording. */
  get startedAt(): number {
    return this.#startedAt;
  }

  async start(start: EpisodeStart, now: number): Promise<string> {
    this.need('idle', 'start');
    // A quality of the file system, not of the flow, can fail here: nothing has changed then.
    const id = await this.#recorder.start(start);
    this.#state = 'recording';
    this.#episode = id;
    this.#task = start.task;
    this.#operator = start.operator;
    this.#startedAt = now;
    return id;
  }

  async stop(): Promise<string> {
    this.need('recording', 'stop');
    await this.#recorder.stop();
    this.#state = 'review';
    return this.#episode!;
  }

  async label(label: EpisodeLabel, cause: string): Promise<string> {
    this.need('review', 'label');
    await this.#recorder.close(label, cause);
    return this.#finish();
  }

  /** From recording or review. */
  async discard(): Promise<string> {
    if (this.#state === 'idle') this.need('review', 'discard');
    if (this.#state === 'recording') await this.#recorder.stop();
    await this.#recorder.discard();
    return this.#finish();
  }

  /** Ends whatever runs and keeps it, unlabelled: for the end of the rig. */
  async finish(cause: string): Promise<void> {
    if (this.#state === 'recording') await this.stop();
    if (this.#state === 'review') await this.label('unlabelled', cause);
  }

  /** The recorder is dead: what it wrote is repaired at the next start. */
  abandon(): void {
    if (this.#state !== 'idle') this.#finish();
  }

  /** Throws RECORDING_STATE. */
  need(wanted: RecordingState, request: string): void {
    if (this.#state !== wanted) {
      throw new ArmloopError('RECORDING_STATE', { request, wanted, state: this.#state });
    }
  }

  #finish(): string {
    const id = this.#episode ?? '';
    this.#state = 'idle';
    this.#episode = null;
    return id;
  }
}
