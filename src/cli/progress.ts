/** Progress bars of the command line: on stderr, on terminals only, and only for work that takes a while. */
import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  readonly update: (done: number, of: number) => void;
  stop(): void;
}

/** `1:02:03`, `2:03`; `–` when it cannot be told, as bars do by a text. */
export function clockText(seconds: number | string): string {
  const s = Math.round(Number(seconds));
  if (!Number.isFinite(s)) return '–';
  const two = (n: number): string => String(n).padStart(2, '0');
  const [hours, minutes] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}

/** Under --json nothing is shown. */
export function progressBar(what: string, output: { readonly json?: true }): Progress {
  if (output.json || !process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const format = `${what} {bar} {value}/{total}  {eta_formatted} left`;
  const bar = new SingleBar(
    { format, formatTime: clockText, stream: process.stderr, hideCursor: true, clearOnComplete: true },
    Presets.shades_classic,
  ); // prettier-ignore
  let started = false;
  return {
    update: (done, of) => {
      if (!started && of > 0) bar.start(of, done);
      if (started || of > 0) bar.update(done);
      started ||= of > 0;
    },
    stop: () => {
      if (started) bar.stop();
    },
  };
}
