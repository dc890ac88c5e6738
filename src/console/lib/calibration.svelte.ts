/** Calibration: what is measured of the rig, and the guided procedure. Each call shows its own trouble. */
import type { CalibrationView } from '../../server/calibration-protocol.ts';
import { ApiError, post } from './api.ts';
import { Asking } from './asking.svelte.ts';
import { commands } from './commands.svelte.ts';
import { operator } from './operator.svelte.ts';
import { Fresh } from './poll.svelte.ts';
import { toasts } from './toasts.svelte.ts';

/** Raw positions are looked at as a hand moves the arm. */
export const CALIBRATION_MS = 700;

/** What is to be measured; without axes: all that there are for it. */
export interface Choice {
  readonly what: 'ids' | 'joints' | 'gripper' | 'leader';
  readonly device?: string;
  readonly axes?: readonly string[];
}

const DAY_MS = 86_400_000;

/** A number with so many digits, or a dash where there is none. */
export const numberOr = (value: number | null, digits: number): string =>
  value === null ? '–' : value.toFixed(digits);

/** How long ago that was; a dash for never. */
export function ageWords(date: string | null): string {
  if (date === null) return '–';
  const days = (Date.now() - Date.parse(date)) / DAY_MS;
  return days < 1 ? 'today' : days < 2 ? 'a day ago' : `${Math.floor(days)} days ago`;
}

class Calibration extends Asking {
  readonly view = new Fresh<CalibrationView>('/api/calibration');

  /** Takes control when nobody has it, then asks whether torque may go off. */
  disarm(): Promise<boolean> {
    return this.ask('Disarming', async () => commands.disarm());
  }

  start(choice: Choice): Promise<boolean> {
    return this.#step('Starting the calibration', 'start', choice);
  }

  take(): Promise<boolean> {
    return this.ask('The step', async (lease) => {
      try {
        await this.#post('take', { lease });
      } catch (error) {
        // Whoever stopped it knows.
        if (!(error instanceof ApiError && error.code === 'CALIBRATION_STOPPED')) throw error;
      }
    });
  }

  skip(): Promise<boolean> {
    return this.#step('Skipping', 'skip');
  }

  /** Dry run: the emulated hand does what the step says. */
  hand(): Promise<boolean> {
    return this.#step('Moving by the emulated hand', 'hand');
  }

  /** At once, whatever is under way: a search through all rates takes its time, and ends by this. */
  async stop(): Promise<void> {
    try {
      await this.#post('stop', { lease: await operator.need() });
    } catch (error) {
      toasts.error('Stopping the calibration failed', error);
    }
  }

  #step(doing: string, name: string, body: object = {}): Promise<boolean> {
    return this.ask(doing, (lease) => this.#post(name, { lease, ...body }));
  }

  async #post(name: string, body: object): Promise<void> {
    await post(`/api/calibration/${name}`, body);
    await this.view.load();
  }
}

export const calibration = new Calibration();
