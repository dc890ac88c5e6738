/**
 * One running rig: devices, loop thread, cameras, recorder, session and socket, and the pump of the main thread that
 * carries between them what need not be in real time. `Rig.open` takes it to holding; `close` brings the arm to rest.
 */
import type { Logger } from 'pino';
import { ArmloopError, explain } from '../errors.ts';
import { LatestView } from '../loop/channel.ts';
import { monotonicClock } from '../loop/clock.ts';
import { LoopThread } from '../loop/realtime.ts';
import { Recorder } from '../record/recorder.ts';
import type { Now } from '../robot/device.ts';
import { frameLayout, posesLayout } from '../robot/frame.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { ControllerId, Mode, Reason, RequestKind, Source } from '../robot/tick.ts';
import { packageVersion } from '../root.ts';
import { type Hello, LIVE_PROTOCOL } from '../server/protocol.ts';
import type { PlannerHost, SessionHost } from '../session/host.ts';
import { Session } from '../session/session.ts';
import { rigAddress } from './address.ts';
import { alignedRobot } from './calibration.ts';
import { CameraHub } from './camera-hub.ts';
import { DeviceRack } from './devices.ts';
import { calibrationNotes, episodeRecorder } from './episode-recorder.ts';
import { InputSeat } from './input-seat.ts';
import { policyPlaces } from './kinds.ts';
import { LeaderSeat } from './leader-seat.ts';
import { LiveBlock } from './live.ts';
import type { RigMetrics } from './metrics.ts';
import { Outputs } from './outputs.ts';
import { plannerStatusLayout } from './planner-messages.ts';
import { PlannerThread } from './planner-thread.ts';
import { policyHost } from './policy-host.ts';
import { PolicyThread } from './policy-thread.ts';
import { openReplay } from './replay.ts';
import { jsonScene } from './scene-json.ts';
import { RigSocket } from './socket.ts';
import { rigStatus } from './status.ts';
import { TickWatch } from './tick-watch.ts';
import { together } from './together.ts';

/** Live messages per second, and so how often the main thread looks at what the loop did. */
const PUMP_HZ = 60;
/** Lease number under which the rig itself drives: parking at its end. Never granted to anybody. */
const OWN_LEASE = 1;
const STOP_S = 5;
const PARK_S = 60;

export interface RigOptions {
  readonly spec: RobotSpec;
  readonly workspace: string;
  readonly log: Logger;
  /** Module with createControllers; default: src/control. */
  readonly controllers?: URL;
  /** Emulated hardware in place of the real one. */
  readonly dryRun?: boolean;
  /** Module with createSolver, for planners; default: src/plan/mpc/solver.ts. */
  readonly solver?: URL;
}

export class Rig {
  readonly spec: RobotSpec;
  readonly session: Session;
  readonly watch: TickWatch;
  readonly #log: Logger;
  readonly #now: Now;
  readonly #rack: DeviceRack;
  readonly #loop: LoopThread;
  readonly #cameras: CameraHub;
  readonly #outputs: Outputs;
  readonly #policies: PolicyThread;
  readonly #planner: PlannerThread;
  readonly #recorder: Recorder;
  readonly #socket: RigSocket;
  readonly #leader: LeaderSeat | null;
  readonly #input: InputSeat | null;
  readonly #live: LiveBlock;
  readonly #poses: LatestView | null;
  readonly #posesAt: number;
  /** Why the policies do not run, for people; '' when they do. */
  readonly #policyTrouble = { text: '' };
  #episodes = 0;
  #dirty = true;
  #told = '';
  #barred: ArmloopError | null = null;
  #timer: NodeJS.Timeout | null = null;
  #pumps = 0;
  #driving = false;

  private constructor(options: RigOptions, parts: Parts) {
    const { spec } = options;
    this.spec = spec;
    this.#log = options.log;
    this.#now = parts.now;
    this.#rack = parts.rack;
    this.#loop = parts.loop;
    this.#cameras = parts.cameras;
    this.#outputs = parts.outputs;
    this.#policies = parts.policies;
    this.#planner = parts.planner;
    this.#recorder = parts.recorder;
    this.#socket = parts.socket;
    this.#leader = parts.leader;
    this.#input = parts.input;
    this.watch = new TickWatch(spec, parts.loop.watch);
    const bodies = parts.rack.scene?.bodies.length ?? 0;
    this.#live = new LiveBlock(spec, bodies, this.watch, this.#now);
    const poses = parts.rack.stage?.poses[0];
    this.#poses = poses === undefined ? null : new LatestView(poses);
    this.#posesAt = posesLayout(bodies).at('poses');
    this.session = new Session(this.#host(options.workspace));
    this.session.attach({
      metrics: () => this.metrics(),
      watch: (connection, cameras) => this.#socket.watch(connection, new Set(cameras)),
    });
    this.#recorder.onFailure = (error) => {
      this.session.recording.abandon();
      this.session.event('error', `Recording broke off: ${explain(error)}`);
    };
    if (parts.rack.stage !== null) parts.rack.stage.onLook = (scene) => this.#restyle(scene);
    this.#policies.onProblem = (text) => {
      this.#policyTrouble.text = text;
      this.#dirty = true;
    };
    this.#policies.onFailure = (error) => this.session.event('error', `Policies: ${explain(error)}`);
    this.#planner.onChange = () => {
      this.#dirty = true;
    };
    this.#planner.onFailure = (error) => this.session.event('error', `Planner: ${explain(error)}`);
    this.#cameras.onFailure = (error) => this.session.event('error', `Cameras: ${explain(error)}`);
    this.#outputs.onFailure = (output, reason) =>
      this.session.event('error', `Output ${output} failed and is told nothing more: ${reason}`);
    this.#cameras.onNote = (camera, message) =>
      this.session.event('warning', `Camera ${camera}: ${message}.`);
  }

  /** Opens everything and arms, unless a calibration is missing. Rejects with RIG_ALREADY_RUNNING and with what the parts say. */
  static async open(given: RigOptions): Promise<Rig> {
    const { workspace, log } = given;
    const spec = alignedRobot(given.spec, workspace, given.dryRun ? 'emulated' : 'real');
    const options = { ...given, spec };
    const now = monotonicClock();
    const late: { rig: Rig | null; opened: (rig: Rig) => void } = { rig: null, opened: () => {} };
    const ready = new Promise<Rig>((resolve) => {
      late.opened = resolve;
    });
    // The socket first: it is what tells that another rig of this name runs, before its devices are touched.
    const socket = await RigSocket.open(rigAddress(workspace, spec.id), {
      hello: async () => (await ready).hello(),
      request: async (method, params, from) => (await ready).session.request(method, params, from),
      operator: (from, block) => late.rig?.session.operate(from, block),
      gone: (connection) => late.rig?.session.serverGone(connection),
    });
    const closers: (() => Promise<void>)[] = [() => socket[Symbol.asyncDispose]()];
    try {
      const [rack, loop, leader, input] = await together([
        DeviceRack.load({
          spec,
          workspace,
          now,
          poseReaders: 3,
          onFault: (device, message) => late.rig?.deviceFault(device, message),
          onNote: (device, message) => late.rig?.deviceNote(device, message),
          dryRun: options.dryRun ?? false,
        }),
        LoopThread.open({
          spec,
          liveReaders: 0,
          ...(options.controllers === undefined ? {} : { controllers: options.controllers }),
          onDead: (reason) => void late.rig?.loopDead(reason),
          onControllerError: (message) => late.rig?.session.event('error', `A controller failed: ${message}`),
        }),
        LeaderSeat.load({
          spec,
          mounted: given.spec.leader,
          now,
          dryRun: options.dryRun ?? false,
          onReading: (reading) => late.rig?.session.leader?.read(reading),
          onLost: (reason) => {
            log.warn({ reason }, 'leader lost');
            late.rig?.session.leader?.lose(reason);
          },
          onNote: (message) => late.rig?.deviceNote(spec.leader?.name ?? '', message),
        }),
        InputSeat.load(spec, now, () => late.rig?.session.input),
      ]);
      for (const part of [rack, loop, leader, input]) {
        if (part !== null) closers.push(async () => part[Symbol.asyncDispose]());
      }
      const cameras = await CameraHub.open(spec, rack.stage, now);
      closers.push(() => cameras[Symbol.asyncDispose]());
      const outputs = await Outputs.open(spec, now);
      closers.push(() => outputs[Symbol.asyncDispose]());
      const policies = new PolicyThread({
        spec,
        places: policyPlaces(workspace),
        ticks: loop.policy.ticks,
        chunks: loop.policy.chunks,
        frames: cameras.policyChannels,
      });
      closers.push(() => policies[Symbol.asyncDispose]());
      const task = spec.sim === null ? undefined : rack.tasks.get(spec.sim.task);
      const planner = new PlannerThread({
        spec,
        ticks: loop.planner.ticks,
        plan: loop.planner.plan,
        poses: rack.stage?.poses[2] ?? null,
        scene:
          rack.scene === null
            ? null
            : { bodies: rack.scene.bodies.map((b) => b.name), phases: task?.phases ?? null },
        ...(options.solver === undefined ? {} : { solver: options.solver }),
      });
      closers.push(() => planner[Symbol.asyncDispose]());
      const recorder = await Recorder.open({
        spec,
        memory: loop.memoryLayout,
        channels: {
          ...loop.recorder,
          frames: cameras.recordChannels,
          poses: rack.stage?.recordPoses ?? null,
        },
        workspace,
        scene: rack.scene,
        version: packageVersion(),
        onRepair: (done, of, id) => log.info({ done, of, id }, 'repairing'),
      });
      closers.push(() => recorder[Symbol.asyncDispose]());
      const rig = new Rig(options, {
        now,
        rack,
        loop,
        cameras,
        outputs,
        policies,
        planner,
        recorder,
        socket,
        leader,
        input,
      });
      late.rig = rig;
      for (const report of recorder.repaired) {
        log.info(report, 'repaired');
        rig.session.event('info', `Repaired the episode ${report.id}, which was not closed.`);
      }
      rig.#pump();
      await rack.open(loop.ports);
      await rig.watch.until('the devices', (v) => v.mode !== Mode.off, 10);
      const { barred, devices, leader: aligned } = rack.calibration;
      if (aligned.status === 'stale') rig.session.event('warning', `${spec.leader!.name}: ${aligned.words}.`);
      for (const { device, notes } of devices) {
        for (const note of notes) rig.session.event('info', `${device}: ${note}.`);
      }
      rig.#barred = barred ?? (await rig.#arm());
      if (rig.#barred !== null)
        rig.session.event('warning', `Not armed: ${rig.#barred.message}. ${rig.#barred.todo}`);
      leader?.start();
      input?.start();
      for (const words of [...rack.emulated, ...(leader?.emulated ?? [])]) {
        rig.session.event('warning', `Dry run: ${words}.`);
      }
      rig.session.event('info', `Ready. Real time: ${loop.fifo.reason}`);
      late.opened(rig);
      return rig;
    } catch (error) {
      late.rig?.giveUp();
      for (const close of closers.reverse()) await close().catch(() => {});
      throw error;
    }
  }

  /** Why the arm did not get torque at the start, or null. */
  get barred(): ArmloopError | null {
    return this.#barred;
  }

  /** Takes a connected rig to holding; why it may not have torque, or null. */
  async #arm(): Promise<ArmloopError | null> {
    try {
      await this.session.arm();
    } catch (error) {
      if (error instanceof ArmloopError && error.code === 'CALIBRATION_STALE') return error;
      throw error;
    }
    await this.watch.until('holding', (v) => v.mode === Mode.holding, 5);
    return null;
  }

  /** Why the loop is dead, or null. */
  get dead(): string | null {
    return this.#loop.dead;
  }

  hello(): Hello {
    const { source: _, ...robot } = this.spec;
    return {
      type: 'hello',
      protocol: LIVE_PROTOCOL,
      version: packageVersion(),
      robot,
      layout: this.#live.layout.toJSON(),
      scene: jsonScene(this.#rack.scene),
      session: this.session.state(),
    };
  }

  metrics(): RigMetrics {
    const { stats, view } = this.watch;
    const { progress } = this.#recorder;
    const dropped = this.#socket.dropped;
    const cpu = process.cpuUsage();
    return {
      mode: view.mode,
      fault: view.fault,
      loop: { ...stats },
      recording: {
        seconds: this.#recordingS(),
        dropped: progress.dropped,
        backlog: progress.backlog,
        episodes: this.#episodes,
      },
      cameras: this.#cameras.stats().map(({ name, frames, measuredFps, dropped }) => ({
        name,
        frames,
        measuredFps,
        dropped,
      })),
      servers: { connected: this.#socket.servers, droppedLive: dropped.live, droppedFrames: dropped.frames },
      operatorRefused: this.session.refusedInputs,
      process: { rss: process.memoryUsage.rss(), cpu: (cpu.user + cpu.system) / 1e6 },
    };
  }

  deviceFault(device: string, message: string): void {
    this.#log.error({ device, message }, 'device fault');
    this.session.event('error', `${device}: ${message}`);
    // The loop stops by what the device's state says, or no longer says; nothing is to be started meanwhile.
    if (this.#loop.dead === null) this.#loop.request({ kind: RequestKind.hold });
  }

  deviceNote(device: string, message: string): void {
    this.#log.info({ device, message }, 'device note');
    this.session.event('info', `${device}: ${message}.`);
  }

  /** The loop thread is dead: the devices stop and hold without it, and only a new start of the rig goes on. */
  async loopDead(reason: string): Promise<void> {
    this.#log.fatal({ reason }, 'loop dead');
    const failed = await this.#rack.halt();
    this.session.event(
      'error',
      `The control loop is dead (${reason}). The devices were told to stop and hold.`,
    );
    for (const failure of failed) this.session.event('error', `Not halted: ${failure}`);
    if (this.session.recording.state === 'recording') await this.session.recording.stop().catch(() => {});
    this.#dirty = true;
  }

  /** The start failed: nothing moves, nothing is told any more. */
  giveUp(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    void this.#rack.halt();
  }

  /** Controlled stop, park if configured, recording closed, torque off, everything let go. */
  async close(): Promise<void> {
    const alive = this.#loop.dead === null;
    this.session.retire();
    if (alive) {
      await this.#step('stopping', () => this.session.stopMotion(STOP_S));
      if (this.spec.shutdown.park === 'home' && this.watch.view.mode === Mode.holding) {
        await this.#step('parking', () => this.#park());
      }
    }
    await this.#step('closing the recording', () => this.session.recording.finish('the rig was stopped'));
    if (alive && this.watch.view.mode !== Mode.stopped) {
      await this.#step('disarming', async () => {
        await this.session.ask({ kind: RequestKind.disarm }, 'disarming');
        await this.watch.until('disarming', (v) => v.mode === Mode.off || v.mode === Mode.connected, STOP_S);
        await this.#rack.disable();
      });
    }
    await this.#letGo();
  }

  /** Stops where it is; the devices go on holding by their watchdogs. Quick: for the second Ctrl-C. */
  async abort(): Promise<void> {
    this.#driving = false;
    if (this.#loop.dead === null) await this.#step('stopping', () => this.session.stopMotion(1));
    await this.#step('closing the recording', () =>
      this.session.recording.finish('the rig was stopped in a hurry'),
    );
  }

  async #park(): Promise<void> {
    this.#driving = true;
    this.#operateSelf();
    try {
      const home = { kind: RequestKind.activate, controller: ControllerId.home, source: Source.script };
      await this.session.ask({ ...home, lease: OWN_LEASE }, 'parking');
      await this.watch.until('parking', (v) => v.mode !== Mode.active && v.mode !== Mode.stopping, PARK_S);
    } finally {
      this.#driving = false;
    }
  }

  /** The rig as its own operator: without one the loop stops whatever drives. */
  #operateSelf(): void {
    const block = this.session.nobody();
    block[this.session.operator.at('lease')] = OWN_LEASE;
    this.operate(block);
  }

  /** Hands operator input to the loop as it is. */
  operate(block: Float64Array): void {
    this.#loop.operator.block.set(block);
    this.#loop.operator.publish();
  }

  /** A step of the shutdown that must not keep the next one from happening. */
  async #step(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#log.error({ err: error }, what);
    }
  }

  async #letGo(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#step('socket', () => this.#socket[Symbol.asyncDispose]());
    await this.#step('leader', async () => this.#leader?.[Symbol.asyncDispose]());
    await this.#step('input', async () => this.#input?.[Symbol.asyncDispose]());
    await this.#step('policies', () => this.#policies[Symbol.asyncDispose]());
    await this.#step('planner', () => this.#planner[Symbol.asyncDispose]());
    await this.#step('cameras', () => this.#cameras[Symbol.asyncDispose]());
    await this.#step('outputs', () => this.#outputs[Symbol.asyncDispose]());
    await this.#step('recorder', () => this.#recorder[Symbol.asyncDispose]());
    await this.#step('devices', () => this.#rack[Symbol.asyncDispose]());
    await this.#step('loop', () => this.#loop[Symbol.asyncDispose]());
  }

  /** Counts and times of the planner, by their names in plannerStatusLayout; NaN before its first plan. */
  plannerNumbers(): Readonly<Record<string, number>> {
    const { numbers } = this.#planner;
    const scalars = plannerStatusLayout.fields.filter((f) => f.length === 1);
    return Object.fromEntries(scalars.map((f) => [f.name, numbers?.[f.offset] ?? Number.NaN]));
  }

  /** Ends the planner thread as a crash would: for tests of what happens then. */
  killPlanner(): void {
    this.#planner.kill();
  }

  #pump(): void {
    const next = performance.now() + 1000 / PUMP_HZ;
    this.#pumps++;
    this.watch.drain();
    this.#outputs.tell(this.watch);
    if (this.#driving) this.#operateSelf();
    this.session.tick();
    this.watch.view.reasons = 0;
    if (this.#pumps % PUMP_HZ === 1) this.watch.measure(this.#loop.stats());
    if (this.#poses !== null) this.#poses.take();
    const poses = this.#poses?.block.subarray(this.#posesAt) ?? null;
    const live = this.#live.fill(
      this.session.leaseId,
      this.#recordingS(),
      poses,
      this.#policies.loaded === null ? null : this.#policies.numbers,
      this.#planner,
      this.session.leaderNumbers,
    );
    if (this.#loop.dead !== null) {
      live[this.#live.layout.at('mode')] = Mode.stopped;
      live[this.#live.layout.at('fault')] = Reason.missedPeriods;
    }
    this.#socket.live(live);
    this.#cameras.each((camera, block, jpeg) => {
      if (!this.#socket.wanted(camera)) return;
      this.#socket.frame(camera, block[FRAME.seq]!, block[FRAME.time]!, jpeg);
    });
    // Rates and counts change all the time: once a second is enough for them.
    if (this.#dirty || this.#pumps % PUMP_HZ === 0) this.#tell();
    this.#timer = setTimeout(() => this.#pump(), Math.max(0, next - performance.now()));
  }

  /** Cameras, recorder and consoles take the new look of the scene. */
  #restyle(scene: SceneDescription): void {
    this.#cameras.restyle(scene);
    this.#recorder.restyle(scene);
    this.#socket.introduce(this.hello());
  }

  #tell(): void {
    this.#dirty = false;
    const state = this.session.state();
    const text = JSON.stringify(state);
    if (text === this.#told) return;
    this.#told = text;
    this.#socket.session(state);
  }

  #recordingS(): number {
    const { recording } = this.session;
    return recording.state === 'recording' ? this.#now() - recording.startedAt : -1;
  }

  #host(workspace: string): SessionHost {
    const rack = this.#rack;
    const watch = this.watch;
    const arm = { q: watch.field('in.q'), tool: watch.field('out.toolCmd') };
    return {
      spec: this.spec,
      now: this.#now,
      view: watch.view,
      scene:
        rack.stage === null
          ? null
          : {
              reset: (seed) => rack.reset(seed),
              restore: (device, state) => rack.restore(device, state),
              push: (push) => rack.push(push),
            },
      recorder: episodeRecorder({
        recorder: this.#recorder,
        physics: () => rack.snapshots(this.#now),
        notes: () => calibrationNotes(rack.calibration.inForce),
        requestSnapshot: () => this.#loop.request({ kind: RequestKind.snapshot }),
        onClosed: () => {
          this.#episodes++;
        },
      }),
      policies: policyHost(this.#policies, this.#policyTrouble),
      planner: this.#planner satisfies PlannerHost,
      leader: this.#leader,
      input: this.#input?.spec ?? null,
      arm: () => arm,
      calibration: {
        calibration: rack.calibration,
        raw: (device) => rack.raw(device),
        hand: (device) => rack.hand(device),
        renew: () => rack.renew(this.#loop.ports),
      },
      status: () =>
        rigStatus({ spec: this.spec, rack, watch, cameras: this.#cameras, fifo: this.#loop.fifo }),
      ask: (request) => {
        if (this.#loop.dead !== null) {
          throw new ArmloopError('RIG_THREAD_DIED', { thread: 'loop', reason: this.#loop.dead });
        }
        return this.#loop.request(request);
      },
      answered: (seq, timeoutS) => watch.answered(seq, timeoutS),
      until: (what, condition, timeoutS) => watch.until(what, condition, timeoutS),
      operate: (block) => this.operate(block),
      enableDevices: () => rack.enable(),
      disableDevices: () => rack.disable(),
      haltDevices: async () => {
        for (const failure of await rack.halt()) this.session.event('error', `Not halted: ${failure}`);
      },
      openReplay: (episode) =>
        openReplay(workspace, episode, this.spec, this.#loop.rows, () => watch.field('out.q')),
      notify: (client, reply) => this.#socket.notice(client, reply),
      changed: () => {
        this.#dirty = true;
      },
    };
  }
}

interface Parts {
  readonly now: Now;
  readonly rack: DeviceRack;
  readonly loop: LoopThread;
  readonly cameras: CameraHub;
  readonly outputs: Outputs;
  readonly policies: PolicyThread;
  readonly planner: PlannerThread;
  readonly recorder: Recorder;
  readonly socket: RigSocket;
  readonly leader: LeaderSeat | null;
  readonly input: InputSeat | null;
}

const FRAME = { seq: frameLayout.at('seq'), time: frameLayout.at('time') };
