/** Progress bars of the command line: on stderr, on terminals only, and only for work that takes a while. */
import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  readonly update: (done: number, of: number) => void;
  stop(): void;
}

/** Under --json nothing is shown. */
export function progressBar(what: string, output: { readonly json?: true }): Progress {
  if (output.json || !process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const format = `${what} {bar} {value}/{total} {eta_formatted}`;
  const bar = new SingleBar(
    { format, stream: process.stderr, hideCursor: true, clearOnComplete: true },
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
