/**
 * What people do with a rig. It lives in the rig process, so it survives every server. Requests that change something run
 * one after the other; an emergency stop waits for none.
 */
import { randomInt } from 'node:crypto';
import { ArmloopError } from '../errors.ts';
import type { ClientRef } from '../rig/socket.ts';
import type { Layout } from '../robot/layout.ts';
import { ControllerId, Mode, RequestKind, Source } from '../robot/tick.ts';
import { modeWords, reasonWords } from '../robot/words.ts';
import type { SessionEvent, SessionState } from '../server/protocol.ts';
import { ButtonFlow } from './buttons.ts';
import { CalibrationFlow } from './calibration.ts';
import { Control } from './control.ts';
import { Enabling } from './enabling.ts';
import { EventLog } from './events.ts';
import { Guest } from './guest.ts';
import type { LoopRequest, SessionHost } from './host.ts';
import { InputFlow } from './input.ts';
import { LeaderFlow, type LeaderNumbers } from './leader.ts';
import type { Lease } from './lease.ts';
import { checked, type Params, STILL_ANSWERED } from './methods.ts';
import { PlannerFlow } from './planner.ts';
import { PolicyFlow } from './policies.ts';
import { PushFlow } from './push.ts';
import { RecordingFlow } from './recording.ts';
import { type Handlers, requestHandlers } from './requests.ts';
import { resetScene } from './scene.ts';
import { byHand } from './slot.ts';

/** The loop answers a request within a few ticks; what comes later means that it does not run. */
const ANSWER_S = 1;
/** An emergency stop that the loop does not take at once goes to the devices themselves. */
const ESTOP_ANSWER_S = 0.3;
/** Numbers in place of a connection: a leader and an input take control by themselves. */
const LEADER = -1;
const INPUT = -2;

export class Session {
  readonly #host: SessionHost;
  readonly #control: Control;
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
  readonly #enabling: Enabling;
  #line: Promise<unknown> = Promise.resolve();
  #metrics: () => unknown = () => ({});
  #watch: (connection: number, cameras: readonly number[]) => void = () => {};

  constructor(host: SessionHost) {
    this.#host = host;
    this.#control = new Control(host, {
      taken: (lease) => this.event('info', `${lease.operator} has control.`),
      ended: (lease, why) => this.#ended(lease, why),
    });
    this.#recording = new RecordingFlow(host.recorder);
    this.#events = new EventLog((event) => this.#told(event));
    this.#enabling = new Enabling(host, (level, text) => this.event(level, text));
    this.#policies = new PolicyFlow(host, this);
    this.#planner = new PlannerFlow(host, this);
    this.#push = new PushFlow(host, this);
    const parts = {
      host,
      session: this,
      control: this.#control,
      policies: this.#policies,
      planner: this.#planner,
    };
    const { leader, input } = host.spec;
    const atLeader = new Guest(parts, {
      connection: LEADER,
      name: leader?.name ?? '',
      gone: 'the leader no longer drives',
    });
    const atInput = new Guest(parts, {
      connection: INPUT,
      name: input?.name ?? '',
      gone: 'its deadman was let go',
    });
    const inputIntervenes = (): Promise<unknown> => {
      const flow = this.#input!;
      return atInput.intervene(flow, (lease) => flow.engage(lease));
    };
    const byLeader = atLeader.asker((action) => this.#buttons.press(action));
    const byInput = atInput.asker((action) => this.#buttons.press(action, inputIntervenes));
    this.#leader = host.leader === null ? null : new LeaderFlow(host, host.leader, byLeader);
    this.#input = host.input === null ? null : new InputFlow(host, host.input, byInput);
    this.#buttons = new ButtonFlow({
      recording: this.#recording,
      event: (level, text) => this.event(level, text),
      inTurn: (work) => this.#inTurn(work),
      record: () =>
        this.#start('', this.#control.held?.operator ?? leader?.name ?? input?.name ?? 'operator'),
      intervene: () => {
        const flow = this.#need();
        this.#calibration.needIdle('the leader');
        return atLeader.intervene(flow, (lease) => flow.engage(lease, 'hold'));
      },
      changed: () => host.changed(),
    });
    this.#calibration = new CalibrationFlow(host, this);
    this.#handlers = requestHandlers({
      ...parts,
      recording: this.#recording,
      push: this.#push,
      calibration: this.#calibration,
      leader: () => this.#need(),
      inTurn: (work) => this.#inTurn(work),
      request: (params) => this.#request(params),
      record: (task, operator) => this.#start(task, operator),
      newScene: (lease, seed) => this.#newScene(lease, seed),
      metrics: () => this.#metrics(),
      watch: (connection, cameras) => this.#watch(connection, cameras),
    });
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

  /** How long a recording has been running, s; -1 when none runs. */
  get recordingS(): number {
    const { state, startedAt } = this.#recording;
    return state === 'recording' ? this.#host.now() - startedAt : -1;
  }

  get events(): EventLog {
    return this.#events;
  }

  get leaseId(): number {
    return this.#control.id;
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
    return this.#control.gate.refused;
  }

  /** Layout of operator input, and a block that says that nobody drives. */
  get operator(): Layout {
    return this.#control.gate.layout;
  }

  nobody(): Float64Array {
    return this.#control.gate.nobody(this.#host.now());
  }

  state(): SessionState {
    const r = this.#recording;
    const held = this.#control.held;
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
    if (!STILL_ANSWERED.has(good.method)) this.#control.needRunning(method);
    return this.#handlers[good.method](good.params, from);
  }

  /** Operator input of a client; ignored unless it has the lease. */
  operate(client: ClientRef, block: Float64Array): void {
    const guest = this.#leader?.drives === true || this.#input?.drives === true;
    this.#control.operate(client, block, guest ? 'alive' : 'drive');
  }

  /** A server is gone, with all its clients. */
  serverGone(connection: number): void {
    this.#control.serverGone(connection);
  }

  /** To be called some 60 times a second with what the loop did since. */
  tick(): void {
    this.#control.tick();
    this.#leader?.tick();
    this.#input?.tick();
    this.#push.see();
    this.#events.see(this.#host.view);
  }

  event(level: SessionEvent['level'], text: string): void {
    this.#events.add(this.#host.now(), level, text);
  }

  /** The rig is being shut down: nobody drives from now on, and only stops are still taken. */
  retire(): void {
    void this.#enabling.bar('the rig is being shut down');
    void this.#calibration.stop('the rig is being shut down');
    this.#control.retire();
  }

  /** Resolves when no calibration has a port of a device any more. */
  async calibrationEnded(): Promise<void> {
    await this.#calibration.stop('the rig is being shut down');
  }

  /** Connects nothing, but takes a connected rig to `holding`. */
  async arm(lease = 0): Promise<number> {
    return this.#enable('arming', lease, () => this.ask({ kind: RequestKind.arm, lease }, 'arming'));
  }

  /** True while torque comes on. */
  get enabling(): boolean {
    return this.#enabling.underWay;
  }

  async #enable<T>(request: string, lease: number, then: () => Promise<T>): Promise<T> {
    this.#calibration.needIdle(request);
    return this.#enabling.run(request, lease, then);
  }

  /** Asks the loop and waits for its answer. Rejects with REQUEST_REFUSED, REQUEST_TIMEOUT. */
  async ask(request: LoopRequest, what: string): Promise<number> {
    if (request.kind === RequestKind.activate) this.#control.drives(request.lease ?? 0);
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
      const { mode } = this.#host.view;
      // Without torque before, they get none back by clearing: a hand may be on the arm.
      if (mode !== Mode.connected && mode !== Mode.off) this.#enabling.halted = true;
      await this.#host.haltDevices();
      this.event('error', `${why}; the devices were told to hold.`);
    };
    this.event('warning', 'Emergency stop pressed.');
    const ended = this.#enabling.end('the emergency stop was pressed');
    let seq = 0;
    try {
      // The arm first; a leader on its way to the arm's pose stops too.
      seq = this.#host.ask({ kind: RequestKind.estop, lease: this.#control.id });
    } catch (error) {
      await halt('The loop cannot be asked for the emergency stop');
      throw error;
    }
    this.#leader?.stop('the emergency stop was pressed');
    void this.#calibration.stop('the emergency stop was pressed');
    const alive = await this.#host.answered(seq, ESTOP_ANSWER_S).then(
      () => true,
      () => false,
    );
    if (!alive) await halt('The loop did not answer the emergency stop');
    await ended;
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
    void this.#enabling.end(why, lease.id);
    this.#host.operate(this.nobody());
    // Whatever drives, by hand or by plan, did so for this operator. In other modes the loop has nothing to do.
    try {
      this.#host.ask({ kind: RequestKind.hold, lease: lease.id });
    } catch {
      // The loop is dead, and the devices were halted without it.
    }
    this.event('info', `${lease.operator} no longer has control: ${why}.`);
  }

  /** Throws LEADER_NONE. */
  #need(): LeaderFlow {
    if (this.#leader === null) throw new ArmloopError('LEADER_NONE', {});
    return this.#leader;
  }

  async #request(params: Params<'request'>): Promise<{ seq: number }> {
    const { kind, lease = 0 } = params;
    if (kind === 'estop') return { seq: await this.estop() };
    if (kind !== 'hold') this.#control.need(params.lease);
    if (kind === 'hold') this.#leader?.stop('the arm was told to hold');
    if (kind === 'arm') return { seq: await this.arm(lease) };
    if (kind === 'disarm') {
      await this.#enabling.end('the rig is disarmed');
      const seq = await this.ask({ kind: RequestKind.disarm, lease }, 'disarming');
      await this.#host.until('disarming', (v) => v.mode === Mode.off || v.mode === Mode.connected, 10);
      await this.#host.disableDevices();
      // From here only arming turns torque on.
      this.#enabling.halted = false;
      return { seq };
    }
    if (kind === 'clear' && this.#enabling.halted) {
      const clear = () => this.ask({ kind: RequestKind.clear, lease }, kind);
      return { seq: await this.#enable('clearing the stop', lease, clear) };
    }
    if (kind !== 'activate') return { seq: await this.ask({ kind: RequestKind[kind], lease }, kind) };
    const controller = ControllerId[params.controller ?? 'hold'];
    const source = byHand(controller) ? Source.human : Source.script;
    const args = params.args ?? [];
    const seq = await this.ask({ kind: RequestKind.activate, controller, source, lease, args }, 'activation');
    this.#host.changed();
    return { seq };
  }

  async #start(task: string, operator: string): Promise<{ episode: string }> {
    const host = this.#host;
    this.#control.needRunning('a recording');
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
