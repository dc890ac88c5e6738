/** What the main thread carries between the loop, the session and the servers, some 60 times a second. */
import { LatestView } from '../loop/channel.ts';
import { frameLayout, posesLayout } from '../robot/frame.ts';
import type { Layout } from '../robot/layout.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { Mode, Reason } from '../robot/tick.ts';
import type { Session } from '../session/session.ts';
import { LiveBlock } from './live.ts';
import type { RigParts } from './parts.ts';
import type { TickWatch } from './tick-watch.ts';

/** Live messages per second, and so how often the main thread looks at what the loop did. */
const PUMP_HZ = 60;
const FRAME = { seq: frameLayout.at('seq'), time: frameLayout.at('time') };

export class Pump {
  readonly #parts: RigParts;
  readonly #watch: TickWatch;
  readonly #live: LiveBlock;
  readonly #poses: LatestView | null;
  readonly #posesAt: number;
  #dirty = true;
  #told = '';
  #timer: NodeJS.Timeout | null = null;
  #rounds = 0;
  /** Called in each round before the session looks. */
  onRound: (() => void) | null = null;

  constructor(spec: RobotSpec, parts: RigParts, watch: TickWatch) {
    this.#parts = parts;
    this.#watch = watch;
    const bodies = parts.rack.scene?.bodies.length ?? 0;
    this.#live = new LiveBlock(spec, bodies, watch, parts.now);
    const poses = parts.rack.stage?.poses[0];
    this.#poses = poses === undefined ? null : new LatestView(poses);
    this.#posesAt = posesLayout(bodies).at('poses');
  }

  /** Of the live stream. */
  get layout(): Layout {
    return this.#live.layout;
  }

  /** Servers are told the session's state in the next round. */
  changed(): void {
    this.#dirty = true;
  }

  start(session: Session): void {
    this.#round(session);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #round(session: Session): void {
    const next = performance.now() + 1000 / PUMP_HZ;
    const { loop, outputs, policies, planner, socket, cameras } = this.#parts;
    this.#rounds++;
    this.#watch.drain();
    outputs.tell(this.#watch);
    this.onRound?.();
    session.tick();
    this.#watch.view.reasons = 0;
    if (this.#rounds % PUMP_HZ === 1) this.#watch.measure(loop.stats());
    if (this.#poses !== null) this.#poses.take();
    const poses = this.#poses?.block.subarray(this.#posesAt) ?? null;
    const live = this.#live.fill(
      session.leaseId,
      session.recordingS,
      poses,
      policies.loaded === null ? null : policies.numbers,
      planner,
      session.leaderNumbers,
    );
    if (loop.dead !== null) {
      live[this.#live.layout.at('mode')] = Mode.stopped;
      live[this.#live.layout.at('fault')] = Reason.missedPeriods;
    }
    socket.live(live);
    cameras.each((camera, block, jpeg) => {
      if (!socket.wanted(camera)) return;
      socket.frame(camera, block[FRAME.seq]!, block[FRAME.time]!, jpeg);
    });
    // Rates and counts change all the time: once a second is enough for them.
    if (this.#dirty || this.#rounds % PUMP_HZ === 0) this.#tell(session);
    this.#timer = setTimeout(() => this.#round(session), Math.max(0, next - performance.now()));
  }

  #tell(session: Session): void {
    this.#dirty = false;
    const state = session.state();
    const text = JSON.stringify(state);
    if (text === this.#told) return;
    this.#told = text;
    this.#parts.socket.session(state);
  }
}
