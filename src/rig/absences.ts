/**
 * Devices of a rig that are not open: their port is lent for setting their servos up, or they do not answer, and are tried
 * again until they do. Nothing has torque meanwhile, and nothing gets it.
 */
import { ArmloopError } from '../errors.ts';

const RETRY_MS = 1000;

export class Absences {
  /** Opens the device anew. Rejects with what it says. */
  readonly #open: (device: string) => Promise<void>;
  readonly #onBack: (device: string) => void;
  /** Why each is away. */
  readonly #reasons = new Map<string, string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** Attempts that are under way. */
  readonly #trying = new Map<string, Promise<string>>();
  #closed = false;

  /** `onBack`: a device that was tried again and again is open. */
  constructor(open: (device: string) => Promise<void>, onBack: (device: string) => void) {
    this.#open = open;
    this.#onBack = onBack;
  }

  /** Why that device is away; '' when it is open. */
  reason(device: string): string {
    return this.#reasons.get(device) ?? '';
  }

  /** Throws DEVICE_UNREACHABLE when one is away. */
  needAll(): void {
    for (const [device, reason] of this.#reasons)
      throw new ArmloopError('DEVICE_UNREACHABLE', { device, reason });
  }

  /** It leaves its port: when this resolves nobody opens it before `back`. */
  async leave(device: string, reason: string): Promise<void> {
    this.#reasons.set(device, reason);
    await this.#trying.get(device);
    this.#cancel(device);
    this.#reasons.set(device, reason);
  }

  /** Opens it, now or as soon as it answers. Why it did not yet, '' when it did. */
  async back(device: string): Promise<string> {
    if (this.#closed) return this.reason(device);
    const attempt = this.#open(device).then(
      () => '',
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    this.#trying.set(device, attempt);
    const reason = await attempt;
    this.#trying.delete(device);
    if (reason === '') this.#reasons.delete(device);
    else {
      this.#reasons.set(device, reason);
      if (!this.#closed)
        this.#timers.set(
          device,
          setTimeout(() => void this.#again(device), RETRY_MS),
        );
    }
    return reason;
  }

  /** Nothing is opened any more once this has resolved. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#trying.values());
    for (const device of [...this.#timers.keys()]) this.#cancel(device);
  }

  async #again(device: string): Promise<void> {
    this.#timers.delete(device);
    if ((await this.back(device)) === '' && !this.#closed) this.#onBack(device);
  }

  #cancel(device: string): void {
    clearTimeout(this.#timers.get(device));
    this.#timers.delete(device);
  }
}
