/**
 * What people do with a rig: who may drive, what is recorded, which scene is set. It lives in the rig process, so it
 * survives every server. Requests that change something run one after the other; an emergency stop waits for none.
 */
import { randomInt } from 'node:crypto';
import { ArmloopError } from '../errors.ts';
import type { ClientRef } from '../rig/socket.ts';
import type { Layout } from '../robot/layout.ts';
import type { LeaderAction } from '../robot/leader.ts';
import { ControllerId, Mode, Reason, RequestKind, Source } from '../robot/tick.ts';
import { modeWords, reasonWords } from '../robot/words.ts';
import type { SessionEvent, SessionState } from '../server/protocol.ts';
import { ButtonFlow } from './buttons.ts';
import { CalibrationFlow } from './calibration.ts';
import { EventLog } from './events.ts';
import type { LoopRequest, SessionHost } from './host.ts';
import { type InputAsker, InputFlow } from './input.ts';
import { type LeaderAsker, LeaderFlow, type LeaderNumbers } from './leader.ts';
import { ControlLease, type Lease } from './lease.ts';
import { checked, type Method, type Params, STILL_ANSWERED } from './methods.ts';
import { OperatorGate } from './operator.ts';
import { PlannerFlow } from './planner.ts';
import { PolicyFlow } from './policies.ts';
import { PushFlow } from './push.ts';
import { RecordingFlow } from './recording.ts';
import { replayEpisode, resetScene } from './scene.ts';
import { byHand } from './slot.ts';

/** The loop answers a request within a few ticks; what comes later means that it does not run. */
const ANSWER_S = 1;
/** An emergency stop that the loop does not take at once goes to the devices themselves. */
const ESTOP_ANSWER_S = 0.3;
/** Every how many operator messages one is acknowledged: 10 times a second at 100 Hz. */
const ACK_EVERY = 10;
/** Who a leader is when it takes control by itself: no connection has that number. */
const LEADER: ClientRef = { connection: -1, client: 0 };
/** The same for an input. */
const INPUT: ClientRef = { connection: -2, client: 0 };
const FIRST_LEASE = (): number => Math.floor(Date.now() / 1000);

type Handlers = { readonly [M in Method]: (params: Params<M>, from: number) => unknown };

export class Session {
  readonly #host: SessionHost;
  readonly #lease: ControlLease;
  readonly #gate: OperatorGate;
  readonly #recording: RecordingFlow;
  readonly #events: EventLog;
  readonly #policies: PolicyFlow;
  readonly #planner: PlannerFlow;
  readonly #push: PushFlow;
  readonly #leader: LeaderFlow | null;
  readonly #input: InputFlow | null;
  readonly #buttons: ButtonFlow;
  readonly #calibration: CalibrationFlow;
  readonly #handlers: Handlers;
  #retired = false;
  /** The devices were told to hold without the loop: they take no commands before they are enabled again. */
  #halted = false;
  /** Requests that turn torque on and are under way. */
  #enabling = 0;
  /** The lease under which a controller was activated last. */
  #driver = 0;
  #line: Promise<unknown> = Promise.resolve();
  #metrics: () => unknown = () => ({});
  #watch: (connection: number, cameras: readonly number[]) => void = () => {};

  constructor(host: SessionHost) {
    this.#host = host;
    this.#lease = new ControlLease(host.spec.limits.deadmanMs / 1000, FIRST_LEASE());
    this.#gate = new OperatorGate(host.spec.axes.length);
    this.#recording = new RecordingFlow(host.recorder);
    this.#events = new EventLog((event) => this.#told(event));
    this.#policies = new PolicyFlow(host, this);
    this.#planner = new PlannerFlow(host, this);
    this.#push = new PushFlow(host, this);
    this.#leader = host.leader === null ? null : new LeaderFlow(host, host.leader, this.#leaderAsker());
    this.#input = host.input === null ? null : new InputFlow(host, host.input, this.#inputAsker());
    const guest = host.spec.leader?.name ?? host.spec.input?.name;
    this.#buttons = new ButtonFlow({
      recording: this.#recording,
      event: (level, text) => this.event(level, text),
      inTurn: (work) => this.#inTurn(work),
      record: () => this.#start('', this.#lease.held?.operator ?? guest ?? 'operator'),
      intervene: () => {
        const leader = this.#need();
        const name = this.#host.spec.leader!.name;
        return this.#intervene(leader, (lease) => leader.engage(lease, 'hold'), LEADER, name);
      },
      changed: () => host.changed(),
    });
    this.#calibration = new CalibrationFlow(host, this);
    this.#handlers = this.#table();
  }

  /** What the rig process answers itself. */
  attach(hooks: {
    metrics: () => unknown;
    watch: (connection: number, cameras: readonly number[]) => void;
  }): void {
    this.#metrics = hooks.metrics;
    this.#watch = hooks.watch;
  }

  get recording(): RecordingFlow {
    return this.#recording;
  }

  get events(): EventLog {
    return this.#events;
  }

  get leaseId(): number {
    return this.#lease.id;
  }

  get leader(): LeaderFlow | null {
    return this.#leader;
  }

  get input(): InputFlow | null {
    return this.#input;
  }

  get leaderNumbers(): LeaderNumbers | null {
    return this.#leader?.numbers() ?? null;
  }

  get refusedInputs(): number {
    return this.#gate.refused;
  }

  /** Layout of operator input, and a block that says that nobody drives. */
  get operator(): Layout {
    return this.#gate.layout;
  }

  nobody(): Float64Array {
    return this.#gate.nobody(this.#host.now());
  }

  state(): SessionState {
    const r = this.#recording;
    const held = this.#lease.held;
    return {
      rig: this.#host.spec.id,
      connected: true,
      lease: held === null ? null : { id: held.id, operator: held.operator },
      recording: { state: r.state, episode: r.episode, task: r.task, operator: r.operator },
      ...this.#host.status(),
      policy: this.#policies.state(),
      planner: this.#planner.state(),
      leader: this.#leader?.describe() ?? null,
      events: this.#events.list,
    };
  }

  /** Answers a request of a server. Rejects with ArmloopErrors. */
  async request(method: string, params: unknown, from: number): Promise<unknown> {
    const good = checked(method, params);
    if (!STILL_ANSWERED.has(good.method)) this.#needRunning(method);
    return this.#handlers[good.method](good.params, from);
  }

  /** Throws REQUEST_REFUSED during a shutdown. */
  #needRunning(request: string): void {
    if (!this.#retired) return;
    throw new ArmloopError('REQUEST_REFUSED', { request, mode: 'being shut down', because: '' });
  }

  /** Operator input of a client; ignored unless it has the lease. */
  operate(client: ClientRef, block: Float64Array): void {
    const now = this.#host.now();
    const lease = this.#lease.hear(client, now);
    if (lease === 0 || !this.#gate.admit(block, lease, now)) return;
    // While a leader or input drives, the operator's own only says that somebody is there.
    if (this.#leader?.drives !== true && this.#input?.drives !== true) this.#host.operate(block);
    const seq = this.#gate.seq(block);
    if (seq % ACK_EVERY === 0) {
      this.#host.notify(client, { type: 'ack', seq, clientTime: this.#gate.clientTime(block), rigTime: now });
    }
  }

  /** A server is gone, with all its clients. */
  serverGone(connection: number): void {
    const ended = this.#lease.releaseAll(connection);
    if (ended !== null) this.#ended(ended, 'the server of the operator is gone');
  }

  /** To be called some 60 times a second with what the loop did since. */
  tick(): void {
    const ended = this.#lease.expire(this.#host.now()) ?? this.#bySight();
    if (ended !== null) {
      this.#ended(ended, 'the operator is silent');
      this.#host.notify(ended.client, { type: 'lost', reason: 'no operator input came for too long' });
    }
    this.#leader?.tick();
    this.#input?.tick();
    this.#push.see();
    this.#events.see(this.#host.view);
  }

  /**
   * Ends the lease whose operator the loop has given up: a gap that the loop saw may have passed here unseen, and
   * that lease drives no more. A lease that was taken since and has driven nothing yet is kept.
   */
  #bySight(): Lease | null {
    const { held } = this.#lease;
    if ((this.#host.view.reasons & Reason.deadman) === 0 || held === null || held.id !== this.#driver)
      return null;
    return this.#lease.release(held.client);
  }

  event(level: SessionEvent['level'], text: string): void {
    this.#events.add(this.#host.now(), level, text);
  }

  /** The rig is being shut down: nobody drives from now on, and only stops are still taken. */
  retire(): void {
    this.#retired = true;
    const held = this.#lease.held;
    if (held === null) return;
    this.#lease.release(held.client);
    this.#ended(held, 'the rig is being shut down');
    this.#host.notify(held.client, { type: 'lost', reason: 'the rig is being shut down' });
  }

  /** Connects nothing, but takes a connected rig to `holding`. */
  async arm(lease = 0): Promise<number> {
    await this.#enable('arming');
    return this.ask({ kind: RequestKind.arm, lease }, 'arming');
  }

  /** True while torque comes on. */
  get enabling(): boolean {
    return this.#enabling > 0;
  }

  async #enable(request: string): Promise<void> {
    this.#calibration.needIdle(request);
    this.#enabling++;
    try {
      await this.#host.enableDevices();
    } finally {
      this.#enabling--;
    }
    this.#halted = false;
  }

  /** Asks the loop and waits for its answer. Rejects with REQUEST_REFUSED, REQUEST_TIMEOUT. */
  async ask(request: LoopRequest, what: string): Promise<number> {
    if (request.kind === RequestKind.activate) this.#driver = request.lease ?? 0;
    const seq = this.#host.ask(request);
    if (await this.#host.answered(seq, ANSWER_S)) return seq;
    const view = this.#host.view;
    const because = [...reasonWords(view.fault)].map((w) => w.short).join(', ');
    throw new ArmloopError('REQUEST_REFUSED', {
      request: what,
      mode: modeWords(view.mode).short,
      because: because === '' ? '' : ` (${because})`,
    });
  }

  /** Latches a stop. The devices are told directly when the loop does not answer at once. */
  async estop(): Promise<number> {
    const halt = async (why: string): Promise<void> => {
      this.#halted = true;
      await this.#host.haltDevices();
      this.event('error', `${why}; the devices were told to hold.`);
    };
    this.event('warning', 'Emergency stop pressed.');
    let seq = 0;
    try {
      // The arm first; a leader on its way to the arm's pose stops too.
      seq = this.#host.ask({ kind: RequestKind.estop, lease: this.#lease.id });
    } catch (error) {
      await halt('The loop cannot be asked for the emergency stop');
      throw error;
    }
    this.#leader?.stop('the emergency stop was pressed');
    const alive = await this.#host.answered(seq, ESTOP_ANSWER_S).then(
      () => true,
      () => false,
    );
    if (!alive) await halt('The loop did not answer the emergency stop');
    return seq;
  }

  /** Controlled stop of whatever drives, and waits for it. */
  async stopMotion(timeoutS: number): Promise<void> {
    if (this.#host.view.mode === Mode.active || this.#host.view.mode === Mode.stopping) {
      this.#host.ask({ kind: RequestKind.hold });
    }
    await this.#host.until('stopping', (v) => v.mode !== Mode.active && v.mode !== Mode.stopping, timeoutS);
  }

  /** Runs after everything that was asked before. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#line.then(work, work);
    this.#line = turn.catch(() => {});
    return turn;
  }

  #told(event: SessionEvent): void {
    this.#host.recorder.log(event.time, event.level, event.text);
    this.#host.changed();
  }

  #ended(lease: Lease, why: string): void {
    this.#leader?.stop(why);
    this.#input?.stop();
    this.#host.operate(this.#gate.nobody(this.#host.now()));
    // Whatever drives, by hand or by plan, did so for this operator. In other modes the loop has nothing to do.
    try {
      this.#host.ask({ kind: RequestKind.hold, lease: lease.id });
    } catch {
      // The loop is dead, and the devices were halted without it.
    }
    this.event('info', `${lease.operator} no longer has control: ${why}.`);
  }

  #leaderAsker(): LeaderAsker {
    return this.#guestAsker(LEADER, 'the leader no longer drives', (action) => this.#buttons.press(action));
  }

  #inputAsker(): InputAsker {
    const name = this.#host.spec.input!.name;
    const intervene = (): Promise<unknown> => {
      const input = this.#input!;
      return this.#intervene(input, (lease) => input.engage(lease), INPUT, name);
    };
    const press = (action: LeaderAction): void => this.#buttons.press(action, intervene);
    const take = (): number => this.#take(INPUT, name).id;
    return Object.assign(this.#guestAsker(INPUT, 'its deadman was let go', press), { take });
  }

  /** What the session does for those that drive beside the operators of servers. */
  #guestAsker(client: ClientRef, gone: string, press: (action: LeaderAction) => void): LeaderAsker {
    const session = this;
    return {
      get leaseId() {
        return session.leaseId;
      },
      ask: (request, what) => this.ask(request, what),
      stopMotion: (timeoutS) => this.stopMotion(timeoutS),
      event: (level, text) => this.event(level, text),
      press,
      operate: (block, lease) => {
        const now = this.#host.now();
        this.#lease.hear(client, now);
        if (this.#gate.admit(block, lease, now)) this.#host.operate(block);
      },
      ended: () => {
        this.#release(client, gone);
      },
    };
  }

  /** A guest takes over; or, when it drives, gives back to the policy or planner that drove before, or holds. */
  async #intervene(
    guest: { readonly drives: boolean; readonly from: number; stop(why: string): void },
    engage: (lease: number) => Promise<unknown>,
    client: ClientRef,
    name: string,
  ): Promise<unknown> {
    if (!guest.drives) {
      const lease = this.#lease.held ?? this.#take(client, name);
      try {
        return await engage(lease.id);
      } catch (error) {
        this.#release(client, `${name} does not drive`);
        throw error;
      }
    }
    const { from } = guest;
    const lease = this.leaseId;
    if (from === ControllerId.policy && this.#host.policies.loaded !== null)
      return this.#policies.resume(lease);
    if (from === ControllerId.mpc && this.#host.planner.loaded !== null) return this.#planner.resume(lease);
    guest.stop('the button was pressed');
    return null;
  }

  /** Throws LEADER_NONE. */
  #need(): LeaderFlow {
    if (this.#leader === null) throw new ArmloopError('LEADER_NONE', {});
    return this.#leader;
  }

  /** Gives control. Throws LEASE_TAKEN, REQUEST_REFUSED. */
  #take(client: ClientRef, operator: string): Lease {
    this.#needRunning('taking control');
    const before = this.#lease.held;
    const lease = this.#lease.take(client, operator, this.#host.now());
    if (before === null) this.event('info', `${lease.operator} has control.`);
    // Taking control is the first sign of life: what the operator asks for next needs one.
    const alive = this.nobody();
    alive[this.#gate.layout.at('lease')] = lease.id;
    this.#host.operate(alive);
    this.#host.changed();
    return lease;
  }

  #table(): Handlers {
    const host = this.#host;
    const recording = this.#recording;
    return {
      'lease.take': ({ client, operator }, from) => {
        const ref = { connection: from, client };
        return { lease: this.#take(ref, operator === '' ? 'operator' : operator).id };
      },
      'lease.release': ({ client }, from) => this.#release({ connection: from, client }, 'it was released'),
      'client.gone': ({ client }, from) =>
        this.#release({ connection: from, client }, 'the connection of the operator is gone'),
      'cameras.watch': ({ cameras }, from) => this.#watch(from, cameras),
      metrics: () => this.#metrics(),
      estop: async () => ({ seq: await this.estop() }),
      request: (params) => this.#request(params),
      'scene.reset': ({ lease, seed }) => {
        this.#lease.need(lease);
        return this.#inTurn(async () => {
          if (recording.state === 'recording') {
            throw new ArmloopError('SCENE_BUSY', { reason: 'a recording runs' });
          }
          return { seed: await this.#newScene(lease, seed) };
        });
      },
      // Not in turn: a body that follows a hand must not wait for anything.
      'scene.push': ({ lease, ...push }) => this.#push.push(this.#lease.need(lease).operator, push),
      home: async ({ lease }) => {
        this.#lease.need(lease);
        const home = {
          kind: RequestKind.activate,
          controller: ControllerId.home,
          source: Source.script,
          lease,
        };
        return { seq: await this.ask(home, 'going home') };
      },
      'recording.start': ({ lease, task, operator }) => {
        const held = this.#lease.need(lease);
        return this.#inTurn(() => this.#start(task ?? '', operator ?? held.operator));
      },
      'recording.stop': ({ lease }) => this.#step(lease, () => recording.stop()),
      'recording.label': ({ lease, label, cause }) =>
        this.#step(lease, () => recording.label(label, cause ?? '')),
      'recording.discard': ({ lease }) => this.#step(lease, () => recording.discard()),
      'recording.rerecord': ({ lease }) => {
        this.#lease.need(lease);
        return this.#inTurn(async () => {
          const { task, operator } = recording;
          await recording.discard();
          if (host.scene !== null) await this.#newScene(lease);
          return this.#start(task, operator);
        });
      },
      'policy.list': () => host.policies.list(),
      'policy.deploy': ({ lease, policy, task, goal }) => {
        this.#lease.need(lease);
        const request = { ...(task === undefined ? {} : { task }), ...(goal === undefined ? {} : { goal }) };
        return this.#inTurn(() => this.#policies.deploy(lease, policy, request));
      },
      'policy.resume': ({ lease }) => {
        this.#lease.need(lease);
        return this.#inTurn(() => this.#policies.resume(lease));
      },
      'policy.stop': ({ lease }) => {
        this.#lease.need(lease);
        return this.#inTurn(() => this.#policies.stop());
      },
      'leader.engage': ({ lease }) => {
        this.#lease.need(lease);
        return this.#inTurn(() => this.#need().engage(lease, 'refuse'));
      },
      // Not in turn: letting go must not wait for anything.
      'leader.release': ({ lease }) => {
        this.#lease.need(lease);
        this.#need().stop('it was released');
        return {};
      },
      'planner.start': ({ lease, ...choice }) => {
        this.#lease.need(lease);
        return this.#inTurn(() => this.#planner.start(lease, choice));
      },
      // Not in turn: a target that follows a hand must not wait for anything.
      'planner.set': ({ lease, target, weights }) => {
        this.#lease.need(lease);
        return this.#planner.set({
          ...(target === undefined ? {} : { target }),
          ...(weights === undefined ? {} : { weights }),
        });
      },
      'planner.resume': ({ lease }) => {
        this.#lease.need(lease);
        return this.#inTurn(() => this.#planner.resume(lease));
      },
      'planner.stop': ({ lease }) => {
        this.#lease.need(lease);
        return this.#inTurn(() => this.#planner.stop());
      },
      'calibration.view': () => this.#calibration.view(),
      'calibration.start': ({ lease, ...choice }) => {
        this.#lease.need(lease);
        return this.#calibration.start(choice);
      },
      'calibration.take': ({ lease }) => {
        this.#lease.need(lease);
        return this.#inTurn(() => this.#calibration.take());
      },
      'calibration.skip': ({ lease }) => {
        this.#lease.need(lease);
        return this.#inTurn(() => this.#calibration.skip());
      },
      'calibration.hand': ({ lease }) => {
        this.#lease.need(lease);
        return this.#inTurn(() => this.#calibration.hand());
      },
      // Not in turn: whoever stops must not wait for a reading.
      'calibration.stop': ({ lease }) => {
        this.#lease.need(lease);
        return this.#calibration.stop();
      },
      replay: ({ lease, episode }) => {
        this.#lease.need(lease);
        return this.#inTurn(async () => {
          if (recording.state === 'recording') {
            throw new ArmloopError('SCENE_BUSY', { reason: 'a recording runs' });
          }
          const seq = await replayEpisode(host, this, episode, lease);
          this.event('info', `Replaying ${episode}.`);
          return { seq };
        });
      },
    };
  }

  #release(client: ClientRef, why: string): { released: boolean } {
    const ended = this.#lease.release(client);
    if (ended !== null) this.#ended(ended, why);
    return { released: ended !== null };
  }

  async #request(params: Params<'request'>): Promise<{ seq: number }> {
    const { kind, lease = 0 } = params;
    if (kind === 'estop') return { seq: await this.estop() };
    if (kind !== 'hold') this.#lease.need(params.lease);
    if (kind === 'hold') this.#leader?.stop('the arm was told to hold');
    if (kind === 'arm') return { seq: await this.arm(lease) };
    if (kind === 'disarm') {
      const seq = await this.ask({ kind: RequestKind.disarm, lease }, 'disarming');
      await this.#host.until('disarming', (v) => v.mode === Mode.off || v.mode === Mode.connected, 10);
      await this.#host.disableDevices();
      // From here only arming turns torque on.
      this.#halted = false;
      return { seq };
    }
    if (kind === 'clear' && this.#halted) {
      await this.#enable('clearing the stop');
    }
    if (kind !== 'activate') return { seq: await this.ask({ kind: RequestKind[kind], lease }, kind) };
    const controller = ControllerId[params.controller ?? 'hold'];
    const source = byHand(controller) ? Source.human : Source.script;
    const args = params.args ?? [];
    const seq = await this.ask({ kind: RequestKind.activate, controller, source, lease, args }, 'activation');
    this.#host.changed();
    return { seq };
  }

  async #step(lease: number, step: () => Promise<string>): Promise<{ episode: string }> {
    this.#lease.need(lease);
    return this.#inTurn(async () => {
      const episode = await step();
      this.#host.changed();
      return { episode };
    });
  }

  async #start(task: string, operator: string): Promise<{ episode: string }> {
    const host = this.#host;
    this.#needRunning('a recording');
    this.#calibration.needIdle('a recording');
    this.#recording.need('idle', 'start');
    const text = task !== '' ? task : (host.status().task?.text ?? '');
    const start = { task: text, operator, seed: host.view.seed };
    const episode = await this.#recording.start(start, host.now());
    this.event('info', `Recording ${episode}.`);
    return { episode };
  }

  async #newScene(lease: number, seed = randomInt(2 ** 31)): Promise<number> {
    await resetScene(this.#host, this, seed, lease);
    this.event('info', `New scene from seed ${seed}.`);
    return seed;
  }
}
