/** Ctrl-C of long commands: the first asks to end well, the second leaves at once. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** As shells give it for SIGINT. */
const LEFT = 130;

/** Until disposal. `ending` is said at the first. */
export function onInterrupt(
  say: (text: string) => void,
  ending: string,
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const on = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(LEFT);
    say(ending);
    controller.abort(new Interrupted(signal));
  };
  for (const signal of SIGNALS) process.on(signal, on);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const signal of SIGNALS) process.off(signal, on);
    },
  };
}

class Interrupted extends Error {
  override readonly name = 'Interrupted';

  constructor(signal: NodeJS.Signals) {
    super(signal === 'SIGINT' ? 'interrupted by Ctrl-C' : `interrupted by ${signal}`);
  }

  override toString(): string {
    return this.message;
  }
}
