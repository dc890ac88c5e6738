/** What `armloop train` shows while it works: a bar on terminals, lines of text elsewhere, JSON lines when asked. */
import { Presets, SingleBar } from 'cli-progress';
import type { MetricsLine, Validation } from '../learn/metrics.ts';
import type { RunFolder } from '../learn/run-folder.ts';
import type { TrainerEvents } from '../learn/trainer.ts';
import { printJson } from './common.ts';
import { clockText, progressBar } from './progress.ts';

export interface TrainReport extends Omit<TrainerEvents, 'signal'> {
  end(): void;
}

export function trainReport(output: { readonly json?: true }): TrainReport {
  const reading = progressBar('reading episodes', output);
  const shown = output.json ? new JsonLines() : process.stderr.isTTY ? new Bar() : new TextLines();
  return {
    reading: reading.update,
    begun: (run, step) => {
      reading.stop();
      shown.begun(run, step);
    },
    line: (line) => shown.line(line),
    say: (text) => shown.say(text),
    end: () => {
      reading.stop();
      shown.end();
    },
  };
}

interface Shown {
  begun(run: RunFolder, step: number): void;
  line(line: MetricsLine): void;
  say(text: string): void;
  end(): void;
}

class JsonLines implements Shown {
  begun(run: RunFolder, step: number): void {
    printJson({ event: 'begun', run: run.id, folder: run.folder, step });
  }

  line(line: MetricsLine): void {
    printJson({ event: 'line', ...line });
  }

  say(text: string): void {
    printJson({ event: 'note', text });
  }

  end(): void {}
}

/** Seconds until all steps are done or the budget is spent, from the pace since the beginning of this process. */
export class Pace {
  readonly #steps: number;
  readonly #budget: number;
  readonly #from: { readonly step: number; readonly time: number };

  constructor(run: Pick<RunFolder, 'facts' | 'status'>, step: number) {
    const { steps, minutes } = run.facts.recipe.training;
    this.#steps = steps;
    this.#budget = minutes === undefined ? Number.POSITIVE_INFINITY : minutes * 60;
    this.#from = { step, time: run.status.elapsed };
  }

  get steps(): number {
    return this.#steps;
  }

  remaining({ step, time }: { readonly step: number; readonly time: number }): number {
    const each = (time - this.#from.time) / (step - this.#from.step);
    return Math.max(0, Math.min((this.#steps - step) * each, this.#budget - time));
  }
}

/** `0.0123 (0.021 rad, 0.0018 m)`. */
export function validationText({ loss, error }: Validation): string {
  const errors = Object.entries(error).filter(([unit]) => unit !== '1');
  const text = errors.map(([unit, value]) => `${value.toPrecision(2)} ${unit}`).join(', ');
  return `${loss.toPrecision(4)}${text === '' ? '' : ` (${text})`}`;
}

class Bar implements Shown {
  readonly #bar = new SingleBar(
    {
      format: 'training {bar} {value}/{total}  loss {loss}  held-out {held}  {rate} samples/s  {left} left',
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
    },
    Presets.shades_classic,
  );
  #pace: Pace | null = null;
  #held = '–';

  begun(run: RunFolder, step: number): void {
    process.stderr.write(`run ${run.id}\n`);
    this.#pace = new Pace(run, step);
    this.#bar.start(this.#pace.steps, step, { loss: '–', held: '–', rate: '–', left: '–' });
  }

  line(line: MetricsLine): void {
    if ('validation' in line) {
      this.#held = validationText(line.validation);
      this.#bar.update(line.step, { held: this.#held });
      return;
    }
    this.#bar.update(line.step, {
      loss: line.loss.toPrecision(4),
      rate: line.samplesPerS.toFixed(0),
      left: clockText(this.#pace?.remaining(line) ?? Number.NaN),
    });
  }

  say(text: string): void {
    process.stderr.write(`${this.#bar.isActive ? '\n' : ''}${text}\n`);
  }

  end(): void {
    this.#bar.stop();
  }
}

/** Seconds of training between two lines of text, looks apart. */
const EVERY = 10;

class TextLines implements Shown {
  #pace: Pace | null = null;
  #last = 0;

  begun(run: RunFolder, step: number): void {
    process.stderr.write(`run ${run.id}, from step ${step}\n`);
    this.#pace = new Pace(run, step);
    this.#last = run.status.elapsed;
  }

  line(line: MetricsLine): void {
    if ('validation' in line) {
      process.stderr.write(`step ${line.step}: held-out ${validationText(line.validation)}\n`);
      return;
    }
    if (line.time - this.#last < EVERY) return;
    this.#last = line.time;
    const left = clockText(this.#pace?.remaining(line) ?? Number.NaN);
    process.stderr.write(
      `step ${line.step}: loss ${line.loss.toPrecision(4)}, ${line.samplesPerS.toFixed(0)} samples/s, ${left} left\n`,
    );
  }

  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  end(): void {}
}
