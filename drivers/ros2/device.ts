/**
 * An arm and gripper that a ROS 2 graph drives, as a Device: joint states in, stamped on the rig's clock; commands out at a
 * rate of their own through outlets. Everything runs on the rig's main thread.
 */
import { ArmloopError } from '../../src/errors.ts';
import type { Device, DeviceContext, DevicePort, DeviceSpec } from '../../src/robot/device.ts';
import { CommandMode, commandLayout, DeviceStatus, deviceStateLayout } from '../../src/robot/tick.ts';
import { Goals } from '../bus/arm/goals.ts';
import { efforts, Forward, positions, velocities } from './forward.ts';
import { type OpenGraph, type RosGraph, type RosSubscription, SENSOR_QOS } from './graph.ts';
import { Gripper } from './gripper.ts';
import { JointStates } from './joint-states.ts';
import { jointState, seconds } from './messages.ts';
import type { CommandOptions, Ros2Setup } from './options.ts';
import type { Outlet, OutletEvents } from './outlet.ts';
import { SentRecords } from './sent-records.ts';
import { StampClock } from './stamp-clock.ts';
import { TrajectoryAction, TrajectoryTopic } from './trajectory.ts';

/** Joint states, and whoever takes commands, must be there within this, s. */
const OPEN_S = 5;
/** So often it is looked after what is there, ms. */
const LOOK_MS = 100;
/** A fault stays in the state at least this long, s: the loop sees it and stops. */
const FAULT_S = 0.5;
/** An axis that is astray for this long does not follow, s. */
const ASTRAY_S = 0.5;
/** At rest: below this part of the largest speed. */
const REST = 0.02;
/** A person is told of refused messages at most this often, s. */
const TELL_S = 10;
const RATES: Readonly<Record<CommandOptions['interface'], number>> = {
  trajectory: 100,
  follow_joint_trajectory: 20,
  position: 100,
  velocity: 100,
  effort: 250,
};

export class Ros2Device implements Device {
  readonly spec: DeviceSpec;
  readonly scene = null;
  onFault: ((message: string) => void) | null = null;
  onNote: ((message: string) => void) | null = null;
  readonly #context: DeviceContext;
  readonly #setup: Ros2Setup;
  readonly #openGraph: OpenGraph;
  readonly #rateHz: number;
  readonly #states: JointStates;
  readonly #clock: StampClock;
  readonly #goals: Goals;
  readonly #setpoint;
  readonly #feedForward: Float64Array;
  readonly #measured;
  readonly #command;
  readonly #state;
  #graph: RosGraph | null = null;
  #subscription: RosSubscription | null = null;
  #outlets: readonly Outlet[] = [];
  #port: DevicePort | null = null;
  #records: SentRecords | null = null;
  #life: 'new' | 'opening' | 'open' | 'closed' = 'new';
  #enabled = false;
  #lost = false;
  /** When the controller gave up; NaN: it did not. Then nothing is followed until commands start where the arm is. */
  #faultAt = Number.NaN;
  #following = false;
  /** Since when an axis has been astray; NaN: none is. */
  #astray = Number.NaN;
  #seq = 0;
  #commandTick = 0;
  #published = Number.NEGATIVE_INFINITY;
  /** Arrival of the last usable message, rig clock. */
  #heard = Number.NEGATIVE_INFINITY;
  #cycles: NodeJS.Timeout | null = null;
  #looks: NodeJS.Timeout | null = null;
  #first: (() => void) | null = null;
  #unusable = { problem: '', told: Number.NEGATIVE_INFINITY };

  constructor(context: DeviceContext, setup: Ros2Setup, openGraph: OpenGraph) {
    const { robot, entry } = context;
    const axes = setup.joints.map((j) => j.axis);
    const { command, states, gripper } = setup.options;
    const n = axes.length;
    this.#context = context;
    this.#setup = setup;
    this.#openGraph = openGraph;
    this.#rateHz = command === undefined ? gripper!.rateHz : (command.rateHz ?? RATES[command.interface]);
    this.#states = new JointStates(setup.joints);
    this.#clock = new StampClock(states.staleMs / 1000);
    this.#clock.onStep = (s) => {
      this.#forget();
      this.onNote?.(
        `the clock of ${states.topic} was set by ${s.toFixed(3)} s; its stamps are followed again`,
      );
    };
    this.#goals = new Goals(axes, robot.limits.watchdogMs / 1000, 1 / this.#rateHz);
    const vector = (): Float64Array => new Float64Array(n);
    this.#feedForward = vector();
    this.#measured = { time: 0, q: this.#states.q, qd: this.#states.qd, tau: this.#states.tau };
    this.#setpoint = {
      time: 0,
      tick: 0,
      q: vector(),
      qd: vector(),
      tau: vector(),
      kp: vector(),
      kd: vector(),
      measured: null as { readonly q: Float64Array; readonly qd: Float64Array } | null,
    };
    this.#command = commandLayout(n);
    this.#state = deviceStateLayout(n);
    const effort = command?.interface === 'effort';
    this.spec = {
      name: entry.name,
      kind: entry.kind,
      axes,
      modes: [CommandMode.position],
      honours: {
        q: true,
        qd: command !== undefined && command.interface !== 'position',
        tau: effort,
        kp: effort,
        kd: effort,
      },
      rateHz: states.rateHz,
      simulated: false,
    };
  }

  /** Rejects with ROS_MISSING, ROS_FAILED, DEVICE_UNREACHABLE, DEVICE_MISUSED. */
  async open(port: DevicePort): Promise<void> {
    if (this.#life !== 'new') this.#misused('open', `it is ${this.#life}: make a new one`);
    this.#life = 'opening';
    this.#port = port;
    try {
      this.#graph = await this.#openGraph();
      await this.#join(this.#graph, port);
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
    this.#life = 'open';
    this.#looks = setInterval(() => this.#look(), LOOK_MS);
    this.#cycles = setInterval(() => this.#cycle(), 1000 / this.#rateHz);
  }

  async #join(graph: RosGraph, port: DevicePort): Promise<void> {
    const { options, arm, gripper } = this.#setup;
    const { now } = this.#context;
    const events: OutletEvents = {
      accepted: (tick) => this.#records!.accepted(tick, now()),
      fault: (message) => this.#fault(message),
    };
    const outlets: Outlet[] = [];
    if (options.command !== undefined) outlets.push(this.#armOutlet(graph, options.command, arm, events));
    if (gripper !== null) {
      // What a controller says of a command counts for the arm, or for a gripper that is alone.
      const own = options.command === undefined ? events : { ...events, accepted: () => {} };
      outlets.push(new Gripper(graph, gripper, options.gripper!, now, own));
    }
    this.#outlets = outlets;
    const answers = options.command === undefined || options.command.interface === 'follow_joint_trajectory';
    this.#records = new SentRecords(this.spec.axes.length, port.sent, answers ? 'answers' : 'silent');
    const { topic } = options.states;
    const first = new Promise<void>((done) => {
      this.#first = done;
    });
    this.#subscription = graph.subscribe(jointState.name, topic, SENSOR_QOS, (message) =>
      this.#take(message),
    );
    const end = now() + OPEN_S;
    await Promise.race([first, this.#until(() => now() > end)]);
    let reason: string;
    const { missing } = this.#states;
    if (this.#seq === 0) {
      const heard = this.#unusable.problem === '' ? `nothing comes on ${topic}` : this.#unusable.problem;
      reason =
        missing.length === 0 || missing.length === this.#setup.joints.length
          ? `${heard}: is the joint_state_broadcaster active?`
          : `${topic} says nothing of ${missing.join(', ')}`;
    } else {
      await this.#until(() => now() > end || outlets.every((o) => o.missing() === ''));
      reason = outlets.map((o) => o.missing()).find((m) => m !== '') ?? '';
    }
    if (reason !== '') throw new ArmloopError('DEVICE_UNREACHABLE', { device: this.spec.name, reason });
  }

  #armOutlet(graph: RosGraph, options: CommandOptions, arm: Ros2Setup['arm'], events: OutletEvents): Outlet {
    const leadS = (options.leadMs ?? 2000 / this.#rateHz) / 1000;
    switch (options.interface) {
      case 'trajectory':
        return new TrajectoryTopic(graph, arm, options, leadS);
      case 'follow_joint_trajectory':
        return new TrajectoryAction(graph, arm, options, leadS, this.#context.now, events);
      case 'position':
        return new Forward(graph, arm, options, positions);
      case 'velocity':
        return new Forward(graph, arm, options, velocities(options.gain));
      case 'effort':
        return new Forward(graph, arm, options, efforts);
      default:
        return options.interface satisfies never;
    }
  }

  async enable(): Promise<void> {
    this.#mustBeOpen('enable');
    if (this.#lost) this.#misused('enable', 'it is not connected');
    for (const outlet of this.#outlets) {
      const reason = outlet.missing();
      if (reason !== '') throw new ArmloopError('DEVICE_UNREACHABLE', { device: this.spec.name, reason });
    }
    // What was written before belongs to another run.
    this.#port!.command.take();
    this.#faultAt = Number.NaN;
    this.#holdHere();
    this.#enabled = true;
  }

  /** ROS 2 has no word for torque off here: nothing more is sent, and the controller holds. */
  async disable(): Promise<void> {
    this.#mustBeOpen('disable');
    this.#enabled = false;
    for (const outlet of this.#outlets) outlet.rest();
  }

  /** Brakes at the limits, holds, and follows nothing until it is enabled again. */
  async halt(): Promise<void> {
    this.#goals.halt();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#life === 'closed') return;
    this.#life = 'closed';
    if (this.#cycles !== null) clearInterval(this.#cycles);
    if (this.#looks !== null) clearInterval(this.#looks);
    this.#subscription?.close();
    for (const outlet of this.#outlets) {
      if (this.#enabled) outlet.rest();
      outlet.close();
    }
    this.#enabled = false;
    await this.#graph?.[Symbol.asyncDispose]();
  }

  #take(bytes: Uint8Array): void {
    if (this.#life === 'closed') return;
    const now = this.#context.now();
    const { topic } = this.#setup.options.states;
    let message: ReturnType<typeof jointState.decode>;
    try {
      message = jointState.decode(bytes);
    } catch (error) {
      this.#refuse(`${topic} carries what is no JointState: ${(error as Error).message}`, now);
      return;
    }
    const problem = this.#states.problem(message);
    if (problem !== '') this.#refuse(`a message on ${topic} has ${problem}`, now);
    if (problem !== '' || !this.#states.concerned) return;
    const stamp = seconds(message.header.stamp);
    if (stamp === 0) {
      this.#refuse(`a message on ${topic} has no stamp`, now);
      return;
    }
    const verdict = this.#clock.take(stamp, now);
    if (verdict === 'stale') {
      const late = Math.round(1000 * this.#clock.delay(stamp, now));
      this.#refuse(`a message on ${topic} came ${late} ms late`, now);
    }
    if (verdict !== 'fresh' && verdict !== 'early') return;
    this.#states.take(message);
    this.#heard = now;
    if (verdict === 'early') return;
    // Of messages that bring some joints each, the whole is as old as its oldest part.
    const whole = this.#states.stamp;
    if (!(whole > this.#published)) return;
    this.#published = whole;
    if (this.#lost) this.#back();
    this.#publish(whole, stamp - whole);
    this.#first?.();
    this.#first = null;
  }

  /** `older`: by how much the oldest joint is older than the newest message, s. */
  #publish(stamp: number, older: number): void {
    const { state } = this.#port!;
    const { block } = state;
    const l = this.#state;
    const m = this.#measured;
    m.time = Math.max(m.time, this.#clock.time - older);
    this.#commandTick = this.#records!.measured(m, this.#commandTick);
    block.fill(0);
    block[l.at('seq')] = ++this.#seq;
    block[l.at('time')] = m.time;
    block[l.at('deviceTime')] = stamp;
    block[l.at('status')] = this.#status();
    block[l.at('commandTick')] = this.#commandTick;
    block.set(m.q, l.at('q'));
    block.set(m.qd, l.at('qd'));
    block.set(m.tau, l.at('tau'));
    state.publish();
  }

  #status(): number {
    let status = DeviceStatus.online;
    if (this.#enabled) status |= DeviceStatus.enabled;
    if (!Number.isNaN(this.#faultAt)) status |= DeviceStatus.fault;
    if (this.#enabled && this.#goals.watchdog(this.#context.now())) status |= DeviceStatus.watchdog;
    return status;
  }

  #cycle(): void {
    const now = this.#context.now();
    this.#records!.expire(now);
    if (!this.#enabled || this.#lost) return;
    const set = this.#setpoint;
    const { command } = this.#port!;
    const l = this.#command;
    const fresh = command.take();
    const { block } = command;
    if (fresh) {
      if (!this.#following && !this.#goals.halted) this.#resume(block);
      const mode = this.#following ? block[l.at('mode')]! : CommandMode.idle;
      const taken = this.#goals.command(mode, block, l.at('q'), now);
      set.tick = block[l.at('tick')]!;
      if (taken && this.spec.honours.tau) {
        this.#feedForward.set(l.view(block, 'tau'));
        set.kp.set(l.view(block, 'kp'));
        set.kd.set(l.view(block, 'kd'));
      }
    }
    // Old states are no ground for commands: the arm is brought to rest.
    const known = now - this.#measured.time <= this.#context.robot.limits.stateAgeMs / 1000;
    this.#goals.step(now, known ? 'known' : 'stalled');
    const follows = known && !this.#goals.holding && !this.#goals.watchdog(now);
    this.#aim(follows ? block : null, now, known);
    for (const outlet of this.#outlets) outlet.send(set);
    if (!fresh) return;
    const mode = follows ? CommandMode.position : CommandMode.idle;
    this.#records!.written(set.tick, mode, set.q, set.qd, set.tau, this.#context.now());
  }

  /** Fills the setpoint. Where a command is followed as it is, its own speed says more than that of the goals. */
  #aim(command: Float64Array | null, now: number, known: boolean): void {
    const set = this.#setpoint;
    const l = this.#command;
    const { q, qd } = this.#goals;
    set.time = now;
    set.q.set(q);
    set.measured = known ? this.#measured : null;
    this.spec.axes.forEach((axis, i) => {
      const asked = command === null ? Number.NaN : command[l.at('qd') + i]!;
      const exact = command !== null && command[l.at('q') + i] === q[i] && Number.isFinite(asked);
      set.qd[i] = exact ? Math.min(Math.max(asked, -axis.velocity), axis.velocity) : qd[i]!;
      // What carries the arm is kept while it holds.
      const carried = this.#feedForward[i]!;
      set.tau[i] = Number.isFinite(carried) ? carried : 0;
    });
  }

  /** After a fault commands are followed again once they start where the arm is. */
  #resume(command: Float64Array): void {
    if (!Number.isNaN(this.#faultAt)) return;
    const { q } = this.#measured;
    const at = this.#command.at('q');
    const near = this.#context.robot.limits.resumeDistance;
    for (let i = 0; i < q.length; i++) if (!(Math.abs(command[at + i]! - q[i]!) <= near)) return;
    this.#holdHere();
  }

  #holdHere(): void {
    this.#goals.start(this.#measured.q, this.#context.now());
    this.#feedForward.fill(0);
    this.spec.axes.forEach((axis, i) => {
      this.#setpoint.kp[i] = axis.kp;
      this.#setpoint.kd[i] = axis.kd;
    });
    this.#following = true;
  }

  /** The controller refused or gave up: nothing more is followed, the loop stops, and a person is told. */
  #fault(message: string): void {
    if (this.#life !== 'open' || !this.#enabled) return;
    const again = !Number.isNaN(this.#faultAt);
    this.#faultAt = this.#context.now();
    if (again) return;
    // It holds where it stopped, which is where the goals go on from.
    if (!this.#goals.halted) this.#goals.start(this.#measured.q, this.#faultAt);
    this.#following = false;
    this.onFault?.(message);
  }

  #look(): void {
    const now = this.#context.now();
    if (!this.#lost && now - this.#heard > this.#setup.options.states.lostMs / 1000) this.#lose(now);
    if (this.#lost || !this.#enabled) return;
    const missing = this.#outlets.map((o) => o.missing()).find((m) => m !== '');
    const stray = this.#stray(now);
    if (missing !== undefined) this.#fault(missing);
    else if (stray !== '') this.#fault(stray);
    else if (now - this.#faultAt > FAULT_S && this.#atRest()) {
      this.#faultAt = Number.NaN;
      this.onNote?.('the arm is at rest and the controller is there. Clear the stop to go on');
    }
  }

  /** The axis that does not follow, in words, or ''. */
  #stray(now: number): string {
    const { options, arm } = this.#setup;
    const { q } = this.#measured;
    const most = options.command?.strays ?? 0;
    const joint = this.#following
      ? arm.find(({ index }) => Math.abs(this.#goals.q[index]! - q[index]!) > most)
      : undefined;
    if (joint === undefined) this.#astray = Number.NaN;
    else if (Number.isNaN(this.#astray)) this.#astray = now;
    if (joint === undefined || now - this.#astray < ASTRAY_S) return '';
    const { index, name } = joint;
    return `${name} does not follow: it is at ${q[index]!.toFixed(3)} and was told to be at ${this.#goals.q[index]!.toFixed(3)}`;
  }

  #atRest(): boolean {
    return this.spec.axes.every((axis, i) => Math.abs(this.#measured.qd[i]!) <= REST * axis.velocity);
  }

  #lose(now: number): void {
    this.#lost = true;
    const { topic } = this.#setup.options.states;
    const seen =
      now - this.#unusable.told < TELL_S && this.#unusable.problem !== ''
        ? ` (${this.#unusable.problem})`
        : '';
    // The clock may be another one when it comes back.
    this.#clock.forget();
    this.#forget();
    const { state } = this.#port!;
    state.block.fill(0);
    state.block[this.#state.at('seq')] = ++this.#seq;
    state.block[this.#state.at('time')] = this.#measured.time;
    state.publish();
    this.onFault?.(
      `nothing usable on ${topic} for ${(now - this.#heard).toFixed(1)} s${seen}. Trajectories end at rest by themselves`,
    );
  }

  /** Joint states come again: holds where the arm is. */
  #back(): void {
    this.#lost = false;
    const { halted } = this.#goals;
    this.#goals.start(this.#measured.q, this.#context.now());
    if (halted) this.#goals.halt();
    this.#following = false;
    this.onNote?.(`${this.#setup.options.states.topic} comes again. Clear the stop to go on`);
  }

  /** What comes next is on another clock. */
  #forget(): void {
    this.#states.forget();
    this.#published = Number.NEGATIVE_INFINITY;
  }

  #refuse(problem: string, now: number): void {
    const { told } = this.#unusable;
    if (now - told > TELL_S && this.#life === 'open') this.onNote?.(`${problem}; it is not used`);
    this.#unusable = { problem, told: now - told > TELL_S ? now : told };
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && this.#life === 'opening') await new Promise((done) => setTimeout(done, 20));
  }

  #mustBeOpen(what: string): void {
    if (this.#life !== 'open') this.#misused(what, `it is ${this.#life}`);
  }

  #misused(what: string, reason: string): never {
    throw new ArmloopError('DEVICE_MISUSED', { device: this.spec.name, what, reason });
  }
}
