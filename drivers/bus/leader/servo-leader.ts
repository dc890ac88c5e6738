/**
 * A leader made of servos on a bus, over the same chain as an arm: read in cycles, limp, and on request moved to a pose.
 * Its servos are joints first, then the trigger, then levers that count as buttons.
 */
import { ArmloopError } from '../../../src/errors.ts';
import type { Leader, LeaderContext, LeaderReading, LeaderSpec } from '../../../src/robot/leader.ts';
import { CommandMode } from '../../../src/robot/tick.ts';
import type { CycleOutcome, ServoChain } from '../arm/chain.ts';
import { Goals } from '../arm/goals.ts';
import type { JointMap } from '../arm/joint-map.ts';
import { Plausibility } from '../arm/plausible.ts';

/** Two places of a servo that is pressed or squeezed, in steps. */
export interface Travel {
  readonly released: number;
  readonly pressed: number;
}

export interface LeaderParts {
  readonly joints: readonly JointMap[];
  readonly trigger: Travel | null;
  readonly levers: readonly Travel[];
  /** Steps of a whole turn. */
  readonly turn: number;
  readonly drive: LeaderSpec['drive'];
}

export interface ServoLeaderOptions {
  /** Readings a second; 0: as many as the wire carries. */
  readonly rateHz: number;
  /** Cycles in a row without a good answer after which it counts as lost. */
  readonly misses: number;
}

/** A lever is pressed beyond the first part of its travel, and released before the second. */
const PRESSED = 0.6;
const RELEASED = 0.4;
/** A goal further away than this (rad) is no hand-over but a mistake. */
const FARTHEST = 2 * Math.PI;
/** Commands of the goals follow the calls of `follow`, which may be the only one. */
const NO_WATCHDOG = Number.POSITIVE_INFINITY;

export class ServoLeader implements Leader {
  readonly spec: LeaderSpec;
  onReading: ((reading: LeaderReading) => void) | null = null;
  onFault: ((message: string) => void) | null = null;
  onNote: ((message: string) => void) | null = null;
  readonly #now: () => number;
  readonly #chain: ServoChain;
  readonly #parts: LeaderParts;
  readonly #options: ServoLeaderOptions;
  readonly #plausible: Plausibility;
  readonly #goals: Goals;
  readonly #goal: Float64Array;
  readonly #steps: Int32Array;
  readonly #reading: LeaderReading;
  readonly #done = (outcome: CycleOutcome): void => this.#ended(outcome);
  readonly #again = (): void => this.#cycle();
  #life: 'new' | 'open' | 'finished' = 'new';
  /** `turning`: torque is being turned on. */
  #torque: 'off' | 'turning' | 'on' = 'off';
  /** Ends that. */
  #turning = new AbortController();
  /** What turned torque on or off last has ended. */
  #turned: Promise<unknown> = Promise.resolve();
  #misses = 0;
  #impossible = -1;
  #due = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    { entry, now }: LeaderContext,
    chain: ServoChain,
    parts: LeaderParts,
    options: ServoLeaderOptions,
  ) {
    const { joints, trigger, levers, drive } = parts;
    const { wireRateHz } = chain;
    const rateHz = options.rateHz > 0 ? Math.min(options.rateHz, wireRateHz) : wireRateHz;
    this.#now = now;
    this.#chain = chain;
    this.#parts = parts;
    this.#options = options;
    chain.onNote = (message) => this.onNote?.(message);
    this.#plausible = new Plausibility(chain.bounds);
    this.#goals = new Goals(
      joints.map((m) => m.axis),
      NO_WATCHDOG,
      1 / rateHz,
    );
    this.#goal = new Float64Array(joints.length);
    this.#steps = new Int32Array(chain.names.length);
    this.#reading = { time: 0, q: new Float64Array(joints.length), trigger: Number.NaN, buttons: 0 };
    this.spec = {
      name: entry.name,
      kind: entry.kind,
      joints: joints.map((m) => m.axis.name),
      trigger: trigger === null ? 'none' : 'there',
      buttons: levers.length,
      drive,
      rateHz,
    };
  }

  async open(): Promise<void> {
    if (this.#life !== 'new') this.#misused('open', `it is ${this.#life}: make a new one`);
    await this.#chain.open();
    // It may come from a rig that died while it was stiff.
    await this.#chain.release();
    this.#life = 'open';
    for (const note of this.#chain.notes) this.onNote?.(note);
    this.#due = this.#now();
    this.#cycle();
  }

  async follow(q: Float64Array): Promise<void> {
    if (this.#life !== 'open') this.#misused('follow', `it is ${this.#life}`);
    if (this.#parts.drive === 'passive') this.#misused('follow', 'it is passive');
    const here = this.#reading.q;
    q.forEach((goal, i) => {
      if (!(Math.abs(goal - here[i]!) <= FARTHEST))
        this.#misused('follow', `${this.spec.joints[i]} was to go from ${here[i]} to ${goal} rad`);
    });
    this.#goal.set(q);
    if (this.#torque !== 'off') return;
    // One that is still letting go does so first.
    await this.#turned;
    if (this.#torque !== 'off' || this.#life !== 'open') return;
    this.#torque = 'turning';
    const turning = new AbortController();
    this.#turning = turning;
    const holding = this.#chain.hold(turning.signal);
    this.#turned = holding.catch(() => {});
    try {
      await holding;
    } catch (error) {
      // Half of it is stiff.
      if (!turning.signal.aborted) await this.release().catch(() => {});
      throw error;
    }
    turning.signal.throwIfAborted();
    // From where it is, at its own pace.
    this.#goals.start(here, this.#now());
    this.#torque = 'on';
  }

  async release(): Promise<void> {
    if (this.#life !== 'open' || this.#torque === 'off') return;
    await this.#letGo();
  }

  async #letGo(): Promise<void> {
    this.#torque = 'off';
    this.#turning.abort(new ArmloopError('DEVICE_HALTED', { device: this.spec.name }));
    const done = this.#turned.then(() => this.#chain.release());
    this.#turned = done.catch(() => {});
    await done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life = 'finished';
    if (this.#timer !== null) clearTimeout(this.#timer);
    // One that faults lets go too. Servos whose port is gone let nobody tell them; their watchdog has stopped them.
    if (this.#torque !== 'off') await this.#letGo().catch(() => {});
    await this.#chain.close();
  }

  #misused(what: string, reason: string): never {
    throw new ArmloopError('DEVICE_MISUSED', { device: this.spec.name, what, reason });
  }

  #cycle(): void {
    this.#timer = null;
    if (this.#life !== 'open') return;
    this.#due += this.#options.rateHz > 0 ? 1 / this.#options.rateHz : 0;
    this.#chain.cycle(this.#torque === 'on' ? this.#command() : null, this.#done);
  }

  /** Joints go on towards the goal; trigger and levers give way to the hand. */
  #command(): Int32Array {
    const { joints } = this.#parts;
    const { position } = this.#chain.reading;
    const now = this.#now();
    this.#goals.command(CommandMode.position, this.#goal, 0, now);
    this.#goals.step(now, this.#misses === 0 ? 'known' : 'stalled');
    for (let i = 0; i < this.#steps.length; i++) {
      this.#steps[i] = i < joints.length ? joints[i]!.steps(this.#goals.q[i]!) : position[i]!;
    }
    return this.#steps;
  }

  #ended(outcome: CycleOutcome): void {
    if (this.#life !== 'open') return;
    if (outcome === 'lost') {
      this.#lose(`the port ${this.#chain.wire} is gone`);
      return;
    }
    const { reading } = this.#chain;
    const impossible =
      outcome === 'read'
        ? this.#plausible.check(reading.time, reading.position, reading.speed, reading.torque)
        : -1;
    if (outcome === 'read' && impossible < 0) {
      this.#misses = 0;
      this.#impossible = -1;
      this.#tell();
    } else {
      this.#impossible = impossible;
      this.#misses++;
      if (this.#misses >= this.#options.misses) {
        void this.#diagnose();
        return;
      }
    }
    this.#next();
  }

  #next(): void {
    const wait = 1000 * (this.#due - this.#now());
    // A bus that fell behind does not make up for it.
    if (wait < -50) this.#due = this.#now();
    this.#timer = setTimeout(this.#again, wait > 0.5 ? Math.ceil(wait) : 0);
  }

  #tell(): void {
    const { joints, trigger, levers } = this.#parts;
    const { time, position } = this.#chain.reading;
    const r = this.#reading;
    r.time = time;
    for (let i = 0; i < joints.length; i++) r.q[i] = joints[i]!.position(position[i]!);
    let at = joints.length;
    if (trigger !== null) r.trigger = this.#part(trigger, position[at++]!);
    for (let i = 0; i < levers.length; i++) {
      const part = this.#part(levers[i]!, position[at++]!);
      if (part > PRESSED) r.buttons |= 1 << i;
      else if (part < RELEASED) r.buttons &= ~(1 << i);
    }
    this.onReading?.(r);
  }

  /** Part of the way from released to pressed; whole turns do not count. */
  #part({ released, pressed }: Travel, position: number): number {
    const { turn } = this.#parts;
    const way = position - released;
    return (way - turn * Math.round(way / turn)) / (pressed - released);
  }

  async #diagnose(): Promise<void> {
    const i = this.#impossible;
    const { names, reading } = this.#chain;
    const found = await this.#chain.diagnose().catch((error: Error) => error.message);
    const otherwise =
      i >= 0
        ? `${names[i]} reports ${reading.position[i]} steps, which it cannot have reached`
        : 'answers do not come any more';
    this.#lose(found !== '' ? found : otherwise);
  }

  #lose(reason: string): void {
    if (this.#life !== 'open') return;
    this.#life = 'finished';
    this.onFault?.(reason);
  }
}
