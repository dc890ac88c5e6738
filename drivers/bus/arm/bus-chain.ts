/**
 * What the servos of an arm do as a chain whatever bus they are on: being set up, watching how warm they get, saying what
 * is wrong. A driver adds how it talks to its servos.
 */
import type { Asker, StatusDecoder } from '../ask.ts';
import { HalfDuplexBus, type Outcome } from '../half-duplex.ts';
import type { Wire } from '../wire.ts';
import type { CycleOutcome, Reading, ServoChain } from './chain.ts';
import type { BusJoint, ServoEntry, ServoModelBase } from './joint.ts';
import type { Bounds } from './plausible.ts';
import { WiredChain, type WireOptions } from './wired-chain.ts';

export interface ChainOptions extends WireOptions {
  readonly patienceS: number;
  /** The servos are to hold by themselves after this long without an instruction, s, where they can. */
  readonly watchdogS: number;
}

/** Sends goals and reads everybody, over and over. */
export interface Cycle {
  run(
    goals: Int32Array | null,
    done: (outcome: CycleOutcome, time: number) => void,
    speeds?: Float64Array,
  ): void;
}

/** One servo's temperature is read every so many cycles; a person is told this many °C before its limit. */
const LOOK_CYCLES = 40;
const WARM = 8;
/** No servo keeps its answer longer than this before it is set up: twice the factory's 500 µs. */
const RETURN_DELAY_S = 0.001;
/** Nothing is in a hurry before the cycles begin. */
const SETUP_PATIENCE_S = 0.1;
/** Two readings of a servo at rest, or moved by hand, differ by no more steps than this. */
const SAME = 40;

export abstract class BusChain<D extends StatusDecoder, J extends BusJoint<ServoEntry, ServoModelBase>>
  extends WiredChain<Asker<D>, ChainOptions>
  implements ServoChain
{
  readonly reading: Reading;
  readonly bounds: readonly Bounds[];
  readonly names: readonly string[];
  readonly wireRateHz: number;
  readonly origins: Float64Array;
  onNote: ((message: string) => void) | null = null;
  protected readonly joints: readonly J[];
  protected readonly ids: readonly number[];
  /** Why cycles are slower than they could be. */
  protected slow: string | null = null;
  #cycle: Cycle | null = null;
  #cycles = 0;
  /** Ids that a person was told are hot. */
  readonly #hot = new Set<number>();

  /** `unit`: rad per step; `cycleS`: what a cycle takes on the wire, s. */
  constructor(
    joints: readonly J[],
    options: ChainOptions,
    { unit, cycleS }: { readonly unit: (joint: J) => number; readonly cycleS: number },
  ) {
    super(options);
    const n = joints.length;
    this.joints = joints;
    this.ids = joints.map((j) => j.id);
    this.names = joints.map((j) => j.name);
    this.reading = {
      time: 0,
      position: new Float64Array(n),
      speed: new Float64Array(n),
      torque: new Float64Array(n),
      goal: new Float64Array(n),
      powered: new Uint8Array(n),
      faults: new Uint8Array(n),
    };
    // A supply may be a third above what the data sheet's speed is for, and a back-driven servo turns faster than it runs.
    this.bounds = joints.map((joint) => ({
      speed: 2 * joint.model.noLoadSpeed,
      torque: 1.6 * joint.model.stallTorque,
      unit: unit(joint),
    }));
    this.wireRateHz = 1 / cycleS;
    this.origins = new Float64Array(n);
  }

  override get notes(): readonly string[] {
    return this.slow === null ? super.notes : [...super.notes, this.slow];
  }

  get written(): number {
    return this.to?.bus.written ?? 0;
  }

  /** Finds the servos, checks them, sets them up. Rejects with DEVICE_*. */
  protected abstract setUp(to: Asker<D>): Promise<void>;
  /** Chooses how state is read. */
  protected abstract prepare(to: Asker<D>): Promise<Cycle>;
  protected abstract decoder(): D;
  protected abstract temperature(to: Asker<D>, joint: J): Promise<number>;
  protected abstract position(to: Asker<D>, joint: J): Promise<number>;
  /** How asking that servo whether it is there went. */
  protected abstract answers(to: Asker<D>, joint: J): Promise<Outcome>;
  /** Whether it has forgotten how it was set up: it has started anew. */
  protected abstract forgot(to: Asker<D>, joint: J): Promise<boolean>;
  /** Zero that a servo itself was given, in steps. */
  protected abstract origin(to: Asker<D>, joint: J): Promise<number>;
  /** See ServoChain.hold. */
  protected abstract holdHere(to: Asker<D>, signal?: AbortSignal): Promise<void>;
  protected abstract letGo(to: Asker<D>): Promise<void>;
  abstract faultWords(bits: number): string;

  protected override master(wire: Wire): Asker<D> {
    const { device, patienceS, now } = this.options;
    const bus = new HalfDuplexBus(wire, this.decoder(), {
      now,
      returnDelayS: RETURN_DELAY_S,
      patienceS: Math.max(patienceS, SETUP_PATIENCE_S) + wire.latencyS,
    });
    return { bus, device };
  }

  protected override async begin(to: Asker<D>): Promise<void> {
    const { bus } = to;
    await this.setUp(to);
    for (const [i, joint] of this.joints.entries()) this.origins[i] = await this.origin(to, joint);
    this.#cycle = await this.prepare(to);
    bus.patienceS = this.options.patienceS + bus.wire.latencyS;
  }

  cycle(
    goals: Int32Array | null,
    done: (outcome: CycleOutcome, time: number) => void,
    speeds?: Float64Array,
  ): void {
    if (++this.#cycles % LOOK_CYCLES === 0) void this.#feel();
    this.#cycle!.run(goals, done, speeds);
  }

  async hold(signal?: AbortSignal): Promise<void> {
    const { bus } = this.to!;
    const { patienceS } = bus;
    // Enabling is in no hurry; what gets an arm back is.
    if (signal !== undefined) bus.patienceS = Math.max(patienceS, SETUP_PATIENCE_S + bus.wire.latencyS);
    try {
      await this.holdHere(this.to!, signal);
    } finally {
      bus.patienceS = patienceS;
    }
  }

  release(): Promise<void> {
    return this.letGo(this.to!);
  }

  /** How warm the next servo is, in turn. */
  async #feel(): Promise<void> {
    const joint = this.joints[(this.#cycles / LOOK_CYCLES) % this.joints.length]!;
    const { id, name, model } = joint;
    try {
      const temperature = await this.temperature(this.to!, joint);
      const left = model.temperatureLimit - temperature;
      if (left > 2 * WARM) this.#hot.delete(id);
      if (left > WARM || this.#hot.has(id)) return;
      this.#hot.add(id);
      this.onNote?.(`${name} is at ${temperature} °C; it lets go at ${model.temperatureLimit}`);
    } catch {
      // What keeps it from answering is seen by the cycles.
    }
  }

  /** The goal that keeps a servo where it is. Read twice: one bad value must not become a goal. */
  protected async here(to: Asker<D>, joint: J, signal?: AbortSignal): Promise<number> {
    let steps = await this.position(to, joint);
    for (let again = await this.position(to, joint); Math.abs(again - steps) > SAME; ) {
      signal?.throwIfAborted();
      steps = again;
      again = await this.position(to, joint);
    }
    return this.within(joint, steps);
  }

  /** Does it with every servo, also when one does not answer. Rejects with what failed first. */
  protected async withEach(work: (joint: J) => Promise<void>): Promise<void> {
    const failed: unknown[] = [];
    for (const joint of this.joints) await work(joint).catch((error: unknown) => failed.push(error));
    if (failed.length > 0) throw failed[0];
  }

  /** Nearest step within the limits of the axis. */
  protected within({ map }: J, steps: number): number {
    const [low, high] = map.stepLimits;
    return Math.min(Math.max(steps, low), high);
  }

  async diagnose(): Promise<string> {
    const to = this.to;
    if (to === null) return `${this.options.port} is closed`;
    const silent: string[] = [];
    const garbled: string[] = [];
    const anew: string[] = [];
    for (const joint of this.joints) {
      const outcome = await this.answers(to, joint);
      if (outcome === 'lost') return `the port ${this.wire} is gone`;
      if (outcome === 'silent') silent.push(joint.name);
      else if (outcome === 'garbled') garbled.push(joint.name);
      else if (await this.forgot(to, joint).catch(() => false)) anew.push(joint.name);
    }
    const parts: string[] = [];
    if (silent.length === this.joints.length) return `nobody on ${this.wire} answers: power or cable`;
    if (silent.length > 0)
      parts.push(`${silent.join(', ')} ${silent.length === 1 ? 'does' : 'do'} not answer: power or cable`);
    if (garbled.length > 0)
      parts.push(`what ${garbled.join(', ')} answers arrives damaged: noise, or an id that is there twice`);
    if (anew.length > 0)
      parts.push(`${anew.join(', ')} started anew and let go: the supply voltage broke down`);
    return parts.join('; ');
  }
}
