import type { Logger } from 'pino';

/** A step of the shutdown that must not keep the next one from happening: what fails is logged. */
export async function step(log: Logger, what: string, work: () => PromiseLike<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.error({ err: error }, what);
  }
}
