/** Requests that need control: one at a time, control taken first when nobody has it, trouble shown as a toast. */
import { operator } from './operator.svelte.ts';
import { toasts } from './toasts.svelte.ts';

export class Asking {
  /** A request is under way. */
  busy = $state(false);

  protected async ask(doing: string, run: (lease: number) => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    try {
      await run(await operator.need());
      return true;
    } catch (error) {
      toasts.error(`${doing} failed`, error);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
