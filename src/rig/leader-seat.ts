/**
 * Hosts the leader of a rig: loads its driver, opens it, and makes a new one and tries again whenever it is lost. A rig
 * runs without its leader too, so a leader that is not there yet is no reason not to start.
 */
import { ArmloopError, explain } from '../errors.ts';
import type { Emulation, Now } from '../robot/device.ts';
import type { Leader, LeaderReading, LeaderSpec } from '../robot/leader.ts';
import type { LeaderEntry, RobotSpec } from '../robot/spec.ts';
import type { LeaderHost } from '../session/host.ts';
import { type LoadedLeader, loadLeader } from './kinds.ts';

const RETRY_MS = 1000;

export interface SeatOptions {
  readonly spec: RobotSpec;
  /** The leader as its robot file has it, before it was aligned: emulated ones are mounted so. */
  readonly mounted: LeaderEntry | null;
  readonly now: Now;
  /** Emulated hardware in place of the real one. */
  readonly dryRun: boolean;
  readonly onReading: (reading: LeaderReading) => void;
  readonly onLost: (reason: string) => void;
  readonly onNote: (message: string) => void;
}

export class LeaderSeat implements LeaderHost, AsyncDisposable {
  readonly spec: LeaderSpec;
  readonly #options: SeatOptions;
  readonly #kind: LoadedLeader;
  readonly #emulation: Emulation<LeaderEntry> | null;
  #leader: Leader;
  #life: 'new' | 'opening' | 'open' | 'lost' | 'closed' = 'new';
  #timer: NodeJS.Timeout | null = null;
  /** Why it could not be opened last: told once. */
  #told = '';

  private constructor(
    options: SeatOptions,
    kind: LoadedLeader,
    emulation: Emulation<LeaderEntry> | null,
    leader: Leader,
  ) {
    this.#options = options;
    this.#kind = kind;
    this.#emulation = emulation;
    this.#leader = leader;
    this.spec = leader.spec;
  }

  /** Null where the robot file names no leader. Rejects with CONFIG_*, EMULATOR_IMPOSSIBLE. */
  static async load(options: SeatOptions): Promise<LeaderSeat | null> {
    const { spec, mounted, now, dryRun } = options;
    if (spec.leader === null) return null;
    const kind = await loadLeader(spec, spec.leader);
    const emulation = dryRun ? await emulatedLeader({ ...kind, entry: mounted ?? spec.leader }, spec) : null;
    const entry = { ...spec.leader, options: emulation?.entry.options ?? spec.leader.options };
    try {
      const leader = kind.createLeader({ robot: spec, entry, now });
      checkFit(spec, spec.leader, leader.spec);
      return new LeaderSeat(options, { ...kind, entry }, emulation, leader);
    } catch (error) {
      await emulation?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What plays the hardware, in words; empty unless this is a dry run. */
  get emulated(): readonly string[] {
    return this.#emulation === null ? [] : [this.#emulation.words];
  }

  /** The hand of an emulated leader; null where it is real. */
  get hand(): Pick<Emulation, 'hand'> | null {
    return this.#emulation;
  }

  /** Opens it, now or as soon as it is there. */
  start(): void {
    if (this.#life === 'new') void this.#open();
  }

  async follow(q: Float64Array): Promise<void> {
    this.#need();
    await this.#leader.follow?.(q);
  }

  async release(): Promise<void> {
    if (this.#life === 'open') await this.#leader.release?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life = 'closed';
    if (this.#timer !== null) clearTimeout(this.#timer);
    await Promise.allSettled([this.#leader[Symbol.asyncDispose]()]);
    await this.#emulation?.[Symbol.asyncDispose]();
  }

  #need(): void {
    if (this.#life !== 'open')
      throw new ArmloopError('LEADER_LOST', { leader: this.spec.name, reason: 'it is not connected' });
  }

  async #open(): Promise<void> {
    const leader = this.#leader;
    const { onReading, onNote } = this.#options;
    this.#life = 'opening';
    leader.onReading = (reading) => {
      if (this.#life !== 'closed') onReading(reading);
    };
    leader.onNote = (message) => onNote(message);
    leader.onFault = (message) => void this.#lose(leader, message);
    try {
      await leader.open();
      if (this.#life === 'opening') {
        this.#life = 'open';
        this.#told = '';
      }
    } catch (error) {
      const reason = error instanceof ArmloopError ? error.message : explain(error);
      await this.#lose(leader, reason);
    }
  }

  async #lose(leader: Leader, reason: string): Promise<void> {
    if (this.#life === 'closed' || this.#life === 'lost' || leader !== this.#leader) return;
    this.#life = 'lost';
    leader.onReading = null;
    if (reason !== this.#told) this.#options.onLost(reason);
    this.#told = reason;
    await Promise.allSettled([leader[Symbol.asyncDispose]()]);
    this.#retry();
  }

  #retry(): void {
    if (this.#life !== 'lost') return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const { spec, now } = this.#options;
      this.#leader = this.#kind.createLeader({ robot: spec, entry: this.#kind.entry, now });
      void this.#open();
    }, RETRY_MS);
  }
}

/** The stand-in of a leader. Rejects with EMULATOR_IMPOSSIBLE. */
export function emulatedLeader(kind: LoadedLeader, robot: RobotSpec): Promise<Emulation<LeaderEntry>> {
  if (kind.emulateLeader !== undefined) return kind.emulateLeader({ robot, entry: kind.entry });
  const reason = `the kind ${kind.entry.kind} of the leader ${kind.entry.name} brings no emulator`;
  throw new ArmloopError('EMULATOR_IMPOSSIBLE', { reason });
}

/** The robot file's leader and the driver's must be one. Throws CONFIG_INVALID. */
function checkFit(robot: RobotSpec, entry: LeaderEntry, spec: LeaderSpec): void {
  const refuse = (path: string, value: string | number, rule: string): never => {
    throw new ArmloopError('CONFIG_INVALID', { file: robot.source.file, path, value, rule });
  };
  const { joints, trigger, buttons } = spec;
  if (entry.joints.length !== joints.length) {
    const rule = `the leader has ${joints.length}: ${joints.join(', ')}`;
    refuse('leader.joints', `${entry.joints.length} joints`, rule);
  }
  if (entry.trigger !== null && trigger === 'none')
    refuse('leader.trigger', 'given', 'the leader has no trigger');
  entry.buttons.forEach(({ button }, i) => {
    if (button >= buttons)
      refuse(`leader.buttons[${i}].button`, button, `the leader has ${buttons}, counted from 0`);
  });
}
