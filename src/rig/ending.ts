/** How a running rig comes to its end: at rest, parked if it is to, its recording closed, torque off. */
import type { Logger } from 'pino';
import type { RobotSpec } from '../robot/spec.ts';
import { ControllerId, Mode, RequestKind, Source } from '../robot/tick.ts';
import type { Session } from '../session/session.ts';
import type { RigParts } from './parts.ts';
import type { Pump } from './pump.ts';
import { step } from './step.ts';
import type { TickWatch } from './tick-watch.ts';

/** Lease number under which the rig itself drives: parking. Never granted to anybody. */
const OWN_LEASE = 1;
const STOP_S = 5;
const HURRY_S = 1;
const PARK_S = 60;

export interface EndingRig {
  readonly spec: RobotSpec;
  readonly log: Logger;
  readonly parts: Pick<RigParts, 'loop' | 'rack'>;
  readonly session: Session;
  readonly watch: TickWatch;
  readonly pump: Pump;
  operate(block: Float64Array): void;
}

export class Ending {
  readonly #rig: EndingRig;

  constructor(rig: EndingRig) {
    this.#rig = rig;
  }

  /** Controlled stop, park if configured, recording closed, torque off. */
  async orderly(): Promise<void> {
    const { spec, parts, session, watch } = this.#rig;
    const { loop, rack } = parts;
    const alive = loop.dead === null;
    session.retire();
    await this.#step('ending the calibration', () => session.calibrationEnded());
    if (alive) {
      await this.#step('stopping', () => session.stopMotion(STOP_S));
      if (spec.shutdown.park === 'home' && watch.view.mode === Mode.holding) {
        await this.#step('parking', () => this.#park());
      }
    }
    await this.#step('closing the recording', () => session.recording.finish('the rig was stopped'));
    if (alive && watch.view.mode !== Mode.stopped) {
      await this.#step('disarming', async () => {
        await session.ask({ kind: RequestKind.disarm }, 'disarming');
        await watch.until('disarming', (v) => v.mode === Mode.off || v.mode === Mode.connected, STOP_S);
        await rack.disable();
      });
    }
  }

  /** Stops where it is; the devices go on holding by their watchdogs. Quick: for the second Ctrl-C. */
  async hurried(): Promise<void> {
    const { parts, session, pump } = this.#rig;
    pump.onRound = null;
    if (parts.loop.dead === null) await this.#step('stopping', () => session.stopMotion(HURRY_S));
    await this.#step('closing the recording', () =>
      session.recording.finish('the rig was stopped in a hurry'),
    );
  }

  async #park(): Promise<void> {
    const { session, watch, pump } = this.#rig;
    pump.onRound = () => this.#operateSelf();
    this.#operateSelf();
    try {
      const home = { kind: RequestKind.activate, controller: ControllerId.home, source: Source.script };
      await session.ask({ ...home, lease: OWN_LEASE }, 'parking');
      await watch.until('parking', (v) => v.mode !== Mode.active && v.mode !== Mode.stopping, PARK_S);
    } finally {
      pump.onRound = null;
    }
  }

  /** The rig as its own operator: without one the loop stops whatever drives. */
  #operateSelf(): void {
    const { session } = this.#rig;
    const block = session.nobody();
    block[session.operator.at('lease')] = OWN_LEASE;
    this.#rig.operate(block);
  }

  #step(what: string, work: () => Promise<unknown>): Promise<void> {
    return step(this.#rig.log, what, work);
  }
}
