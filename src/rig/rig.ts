/**
 * One running rig: its parts, the session, and the pump between them. `Rig.open` takes it to holding; `close` brings the
 * arm to rest.
 */
import type { Logger } from 'pino';
import { ArmloopError, explain } from '../errors.ts';
import { monotonicClock } from '../loop/clock.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { Mode, RequestKind } from '../robot/tick.ts';
import { packageVersion } from '../root.ts';
import { type Hello, LIVE_PROTOCOL } from '../server/protocol.ts';
import { Session } from '../session/session.ts';
import { rigAddress } from './address.ts';
import { alignedRobot } from './calibration.ts';
import { Ending } from './ending.ts';
import type { RigMetrics } from './metrics.ts';
import { closeParts, type Hearer, openParts, type RigParts } from './parts.ts';
import { plannerStatusLayout } from './planner-messages.ts';
import { Pump } from './pump.ts';
import { jsonScene } from './scene-json.ts';
import { sessionHost } from './session-host.ts';
import { RigSocket } from './socket.ts';
import { TickWatch } from './tick-watch.ts';

/** What keeps the arm from torque at the start, and the rig from nothing else. */
const UNARMED: ReadonlySet<string> = new Set(['CALIBRATION_STALE', 'REQUEST_ENDED']);

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
  /** To be set up: devices that can be may not answer yet, and nothing is armed. */
  readonly setUp?: boolean;
  /** Resolves when the rig is to end though it may still be starting: torque that is coming on is ended then. */
  readonly stopped?: Promise<unknown>;
}

export class Rig implements Hearer {
  readonly spec: RobotSpec;
  readonly session: Session;
  readonly watch: TickWatch;
  readonly #log: Logger;
  readonly #parts: RigParts;
  readonly #pump: Pump;
  readonly #ending: Ending;
  /** Why the policies do not run, for people; '' when they do. */
  readonly #policyTrouble = { text: '' };
  #episodes = 0;
  #barred: ArmloopError | null = null;

  private constructor({ spec, workspace, log }: RigOptions, parts: RigParts) {
    this.spec = spec;
    this.#log = log;
    this.#parts = parts;
    this.watch = new TickWatch(spec, parts.loop.watch);
    this.#pump = new Pump(spec, parts, this.watch);
    this.session = new Session(
      sessionHost({
        spec,
        workspace,
        parts,
        watch: this.watch,
        policyTrouble: this.#policyTrouble,
        operate: (block) => this.operate(block),
        notHalted: (failures) => this.#notHalted(failures),
        episodeClosed: () => {
          this.#episodes++;
        },
        realigned: () => parts.socket.introduce(this.hello()),
        changed: () => this.#pump.changed(),
      }),
    );
    this.session.attach({
      metrics: () => this.metrics(),
      watch: (connection, cameras) => parts.socket.watch(connection, new Set(cameras)),
    });
    this.#ending = new Ending({
      spec,
      log,
      parts,
      session: this.session,
      watch: this.watch,
      pump: this.#pump,
      operate: (block) => this.operate(block),
    });
    this.#listen();
  }

  /** What parts say besides: people are told. */
  #listen(): void {
    const { rack, recorder, policies, planner, cameras, outputs } = this.#parts;
    const failed = (what: string) => (error: ArmloopError) =>
      this.session.event('error', `${what}: ${explain(error)}`);
    recorder.onFailure = (error) => {
      this.session.recording.abandon();
      this.session.event('error', `Recording broke off: ${explain(error)}`);
    };
    if (rack.stage !== null) rack.stage.onLook = (scene) => this.#restyle(scene);
    policies.onProblem = (text) => {
      this.#policyTrouble.text = text;
      this.#pump.changed();
    };
    policies.onFailure = failed('Policies');
    planner.onChange = () => this.#pump.changed();
    planner.onFailure = failed('Planner');
    cameras.onFailure = failed('Cameras');
    outputs.onFailure = (output, reason) =>
      this.session.event('error', `Output ${output} failed and is told nothing more: ${reason}`);
    cameras.onNote = (camera, message) => this.session.event('warning', `Camera ${camera}: ${message}.`);
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
    let parts: RigParts;
    try {
      parts = await openParts({ ...options, filed: given.spec, now, socket }, () => late.rig);
    } catch (error) {
      await socket[Symbol.asyncDispose]().catch(() => {});
      throw error;
    }
    try {
      const rig = new Rig(options, parts);
      late.rig = rig;
      void options.stopped?.then(() => rig.session.retire());
      await rig.#start(options.setUp === true ? 'set-up' : 'whole');
      late.opened(rig);
      return rig;
    } catch (error) {
      if (late.rig !== null) late.rig.#giveUp();
      await closeParts(parts, log);
      throw error;
    }
  }

  async #start(start: 'whole' | 'set-up'): Promise<void> {
    const { rack, loop, recorder, leader, input } = this.#parts;
    for (const report of recorder.repaired) {
      this.#log.info(report, 'repaired');
      this.session.event('info', `Repaired the episode ${report.id}, which was not closed.`);
    }
    this.#pump.start(this.session);
    await rack.open(loop.ports, start);
    if (start === 'whole') await this.watch.until('the devices', (v) => v.mode !== Mode.off, 10);
    const { barred, devices, leader: aligned } = rack.calibration;
    if (aligned.status === 'stale')
      this.session.event('warning', `${this.spec.leader!.name}: ${aligned.words}.`);
    for (const { device, notes } of devices) {
      for (const note of notes) this.session.event('info', `${device}: ${note}.`);
    }
    if (start === 'set-up') this.#tellSetUp();
    else this.#barred = barred ?? (await this.#arm());
    if (this.#barred !== null)
      this.session.event('warning', `Not armed: ${this.#barred.message}. ${this.#barred.todo}`);
    leader?.start();
    input?.start();
    for (const words of [...rack.emulated, ...(leader?.emulated ?? [])])
      this.session.event('warning', `Dry run: ${words}.`);
    this.session.event('info', `Ready. Real time: ${loop.fifo.reason}`);
  }

  #tellSetUp(): void {
    const { rack } = this.#parts;
    this.session.event('info', 'Started to be set up: nothing gets torque before somebody arms it.');
    for (const { name } of rack.specs) {
      const why = rack.away(name);
      if (why !== '') this.session.event('warning', `${name} does not open yet: ${why}.`);
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
      if (error instanceof ArmloopError && UNARMED.has(error.code)) return error;
      throw error;
    }
    await this.watch.until('holding', (v) => v.mode === Mode.holding, 5);
    return null;
  }

  /** Why the loop is dead, or null. */
  get dead(): string | null {
    return this.#parts.loop.dead;
  }

  hello(): Hello {
    const { source: _, ...robot } = this.spec;
    return {
      type: 'hello',
      protocol: LIVE_PROTOCOL,
      version: packageVersion(),
      robot: { ...robot, leader: this.session.leader?.entry ?? robot.leader },
      layout: this.#pump.layout.toJSON(),
      scene: jsonScene(this.#parts.rack.scene),
      session: this.session.state(),
    };
  }

  metrics(): RigMetrics {
    const { stats, view } = this.watch;
    const { recorder, cameras, socket } = this.#parts;
    const { progress } = recorder;
    const { dropped } = socket;
    const cpu = process.cpuUsage();
    return {
      mode: view.mode,
      fault: view.fault,
      loop: { ...stats },
      recording: {
        seconds: this.session.recordingS,
        dropped: progress.dropped,
        backlog: progress.backlog,
        episodes: this.#episodes,
      },
      cameras: cameras.stats().map(({ name, frames, measuredFps, dropped }) => ({
        name,
        frames,
        measuredFps,
        dropped,
      })),
      servers: { connected: socket.servers, droppedLive: dropped.live, droppedFrames: dropped.frames },
      operatorRefused: this.session.refusedInputs,
      process: { rss: process.memoryUsage.rss(), cpu: (cpu.user + cpu.system) / 1e6 },
    };
  }

  deviceFault(device: string, message: string): void {
    this.#log.error({ device, message }, 'device fault');
    this.session.event('error', `${device}: ${message}`);
    // The loop stops by what the device's state says, or no longer says; nothing is to be started meanwhile.
    if (this.#parts.loop.dead === null) this.#parts.loop.request({ kind: RequestKind.hold });
  }

  deviceNote(device: string, message: string): void {
    this.#log.info({ device, message }, 'device note');
    this.session.event('info', `${device}: ${message}.`);
  }

  /** The loop thread is dead: the devices stop and hold without it, and only a new start of the rig goes on. */
  async loopDead(reason: string): Promise<void> {
    this.#log.fatal({ reason }, 'loop dead');
    const failed = await this.#parts.rack.halt();
    this.session.event(
      'error',
      `The control loop is dead (${reason}). The devices were told to stop and hold.`,
    );
    this.#notHalted(failed);
    if (this.session.recording.state === 'recording') await this.session.recording.stop().catch(() => {});
    this.#pump.changed();
  }

  /** The start failed: nothing moves, nothing is told any more. */
  #giveUp(): void {
    this.#pump.stop();
    void this.#parts.rack.halt();
  }

  /** Controlled stop, park if configured, recording closed, torque off, everything let go. */
  async close(): Promise<void> {
    await this.#ending.orderly();
    this.#pump.stop();
    await closeParts(this.#parts, this.#log);
  }

  /** Stops where it is; the devices go on holding by their watchdogs. Quick: for the second Ctrl-C. */
  async abort(): Promise<void> {
    await this.#ending.hurried();
  }

  /** Hands operator input to the loop as it is. */
  operate(block: Float64Array): void {
    const { operator } = this.#parts.loop;
    operator.block.set(block);
    operator.publish();
  }

  /** Counts and times of the planner, by their names in plannerStatusLayout; NaN before its first plan. */
  plannerNumbers(): Readonly<Record<string, number>> {
    const { numbers } = this.#parts.planner;
    const scalars = plannerStatusLayout.fields.filter((f) => f.length === 1);
    return Object.fromEntries(scalars.map((f) => [f.name, numbers?.[f.offset] ?? Number.NaN]));
  }

  /** Ends the planner thread as a crash would: for tests of what happens then. */
  killPlanner(): void {
    this.#parts.planner.kill();
  }

  #notHalted(failures: readonly string[]): void {
    for (const failure of failures) this.session.event('error', `Not halted: ${failure}`);
  }

  /** Cameras, recorder and consoles take the new look of the scene. */
  #restyle(scene: SceneDescription): void {
    const { cameras, recorder, socket } = this.#parts;
    cameras.restyle(scene);
    recorder.restyle(scene);
    socket.introduce(this.hello());
  }
}
