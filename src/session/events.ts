/** The events of a session in words: what people did, and what the loop reports, each once. */
import { Mode, Reason } from '../robot/tick.ts';
import { modeWords, reasonWords } from '../robot/words.ts';
import type { SessionEvent } from '../server/protocol.ts';
import type { TickView } from './host.ts';

const KEPT = 50;
/** A reason is told again only after it was away for so long, s. */
const QUIET_S = 2;
/** Limits that every brisk motion touches: shown live, not told as events. */
const COMMONPLACE =
  Reason.velocity |
  Reason.acceleration |
  Reason.jerk |
  Reason.startRamp |
  Reason.requested |
  Reason.estop |
  Reason.singularity;

export class EventLog {
  readonly #onEvent: (event: SessionEvent) => void;
  readonly #events: SessionEvent[] = [];
  readonly #lastSeen = new Map<number, number>();
  #mode: number = Mode.off;
  #fault = 0;

  /** `onEvent` sees each event once, as it happens. */
  constructor(onEvent: (event: SessionEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** Newest last. */
  get list(): readonly SessionEvent[] {
    return this.#events;
  }

  add(time: number, level: SessionEvent['level'], text: string): void {
    const event = { time, level, text };
    this.#events.push(event);
    if (this.#events.length > KEPT) this.#events.shift();
    this.#onEvent(event);
  }

  /** Turns what changed since the view before into events. `view.reasons`: all bits since then. */
  see(view: TickView): void {
    for (let bits = view.reasons & ~COMMONPLACE; bits !== 0; bits &= bits - 1) {
      const bit = bits & -bits;
      const last = this.#lastSeen.get(bit) ?? Number.NEGATIVE_INFINITY;
      this.#lastSeen.set(bit, view.time);
      if (view.time - last < QUIET_S) continue;
      for (const word of reasonWords(bit)) this.add(view.time, 'warning', `${cap(word.short)}: ${word.text}`);
    }
    if (view.fault !== this.#fault) {
      for (const word of reasonWords(view.fault & ~this.#fault)) {
        this.add(view.time, 'error', `Stopped: ${word.short}. ${word.text}`);
      }
      this.#fault = view.fault;
    }
    if (view.mode !== this.#mode) {
      this.add(view.time, 'info', `${cap(modeWords(view.mode).short)}. ${modeWords(view.mode).text}`);
      this.#mode = view.mode;
    }
  }
}

const cap = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
