/**
 * A lockstep cell: robot, scene, cameras and task on a virtual clock, one episode after the other as fast as they go.
 * Collection and evaluation are made of it. The bytes of an episode depend on robot file, task, seed and driver alone,
 * not on what the cell did before or on how many cells run beside it.
 *
 *   await using cell = await LockstepCell.open({ spec: cellSpec(robot, { task: 'pick-cube' }), parts });
 *   const outcome = await cell.run({ seed: 7, driver });
 */
import { readFileSync } from 'node:fs';
import { createControllers } from '../control/index.ts';
import { LockstepRecorder } from '../episode/lockstep-recorder.ts';
import { ArmloopError } from '../errors.ts';
import { LockstepRunner, type Producer, type TickSink } from '../loop/lockstep.ts';
import type { KinematicModel } from '../model/kinematics.ts';
import { loadKinematics } from '../model/load.ts';
import { runningVersions, type Versions } from '../record/episode-writer.ts';
import type { Quality } from '../record/quality.ts';
import type { Sink } from '../record/sink.ts';
import type { LockstepDevice } from '../robot/device.ts';
import type { SceneDescription } from '../robot/scene.ts';
import type { CameraEntry, RobotSpec, SceneVary } from '../robot/spec.ts';
import type { Task } from '../robot/task.ts';
import { deviceStateLayout } from '../robot/tick.ts';
import { packageVersion } from '../root.ts';
import type { EpisodeSummary } from '../server/protocol.ts';
import { CameraProducer } from './cell-cameras.ts';
import { Referee } from './cell-referee.ts';
import { DisturbedDevice } from './disturbance.ts';
import type { CellFrame, Driver, EpisodeScene } from './driver.ts';
import { PathDriver } from './path-driver.ts';

/** Cameras that a cell renders and encodes: src/rig/camera-set.ts. */
export interface CellCameras {
  /** The scene has a new look. */
  restyle(scene: SceneDescription): void;
  render(camera: number, poses: Float64Array): Uint8Array;
  encode(camera: number): Promise<Uint8Array>;
}

/** What a cell is made of: loaded by the composition root (src/rig/cell-parts.ts), which knows the kinds. */
export interface CellParts {
  /** Rejects with CONFIG_* and what the device says; with CELL_NOT_LOCKSTEP for a kind without a simulation. */
  openDevices(spec: RobotSpec): Promise<readonly LockstepDevice[]>;
  /** The task that `spec.sim` names. */
  openTask(spec: RobotSpec): Promise<Task>;
  openCameras(scene: SceneDescription, cameras: readonly CameraEntry[]): Promise<CellCameras>;
}

export interface CellOptions {
  /** From `cellSpec`: every camera in it is rendered. */
  readonly spec: RobotSpec;
  readonly parts: CellParts;
}

export interface EpisodeLimits {
  /** Simulated seconds after which an attempt has failed. Default: the task's. */
  readonly timeS?: number;
  /** Simulated seconds that an episode goes on after success. Default 0.3. */
  readonly afterS?: number;
}

/** Where an episode is recorded, and under which name. */
export interface CellRecording {
  readonly sink: Sink;
  readonly id: string;
  /** Wall − virtual clock, ns: fixes the dates in the file. */
  readonly wallOffsetNs: bigint;
  readonly operator: string;
  readonly notes?: Readonly<Record<string, string>>;
}

export interface EpisodeOrder {
  readonly seed: number;
  readonly driver: Driver;
  readonly record?: CellRecording;
  readonly limits?: EpisodeLimits;
  /** Keeps one frame of this camera every so many simulated seconds, for a contact sheet. */
  readonly keep?: { readonly camera: string; readonly everyS: number };
}

export const EPISODE_REASONS = [
  'success',
  'time limit',
  'guard stop',
  'fault',
  'driver finished',
  'driver stopped',
] as const;
export type EpisodeReason = (typeof EPISODE_REASONS)[number];

export interface EpisodeOutcome {
  readonly seed: number;
  readonly success: boolean;
  readonly reason: EpisodeReason;
  /** Names of the reasons that latched a stop; empty without one. */
  readonly fault: readonly string[];
  /** Simulated seconds from the driver's first activation to success; NaN without success. */
  readonly timeToSuccess: number;
  readonly ticks: number;
  /** Simulated seconds. */
  readonly seconds: number;
  /** Ticks in which the guard changed a command, by reason. */
  readonly guard: Readonly<Record<string, number>>;
  /** What was drawn for the scene and by the driver. */
  readonly variation: Readonly<Record<string, number>>;
  /** Travel of all arm joints, rad, and full cycles of the gripper: wear. */
  readonly wear: { readonly jointTravel: number; readonly gripperCycles: number };
  readonly residuals: Readonly<Record<string, number>>;
  readonly frames: readonly CellFrame[];
  /** Of the recorded episode. */
  readonly summary: EpisodeSummary | null;
  readonly quality: Quality | null;
}

/** A robot for a cell: another task, a choice of cameras, another kind of variation. Throws CELL_NO_CAMERA. */
export function cellSpec(
  robot: RobotSpec,
  choice: { readonly task?: string; readonly cameras?: readonly string[]; readonly vary?: SceneVary },
): RobotSpec {
  const cameras = (choice.cameras ?? robot.cameras.map((c) => c.name)).map((name) => {
    const camera = robot.cameras.find((c) => c.name === name);
    if (camera === undefined) {
      const known = robot.cameras.map((c) => c.name).join(', ') || 'none';
      throw new ArmloopError('CELL_NO_CAMERA', { camera: name, robot: robot.id, known });
    }
    return camera;
  });
  const { task, vary } = choice;
  const changes = { ...(task === undefined ? {} : { task }), ...(vary === undefined ? {} : { vary }) };
  return { ...robot, cameras, sim: robot.sim === null ? null : { ...robot.sim, ...changes } };
}

export class LockstepCell implements AsyncDisposable {
  readonly spec: RobotSpec;
  readonly task: Task;
  readonly #devices: readonly DisturbedDevice[];
  readonly #stage: LockstepDevice | null;
  readonly #cameras: CellCameras | null;
  readonly #model: KinematicModel;
  readonly #modelText: string;
  readonly #versions: Versions;
  /** State of each device before its first episode: where every episode starts from. */
  readonly #pristine: readonly Float64Array[];

  private constructor(
    options: CellOptions,
    devices: readonly DisturbedDevice[],
    task: Task,
    cameras: CellCameras | null,
  ) {
    this.spec = options.spec;
    this.task = task;
    this.#devices = devices;
    this.#stage = devices.find((d) => d.scene !== null) ?? null;
    this.#cameras = cameras;
    this.#model = loadKinematics(options.spec);
    this.#modelText = readFileSync(options.spec.model.file, 'utf8');
    this.#versions = runningVersions(packageVersion());
    this.#pristine = devices.map((d) => d.snapshot());
  }

  /** Rejects with NOT_SIMULATED, CELL_NOT_LOCKSTEP, CONFIG_*, SIM_*, CAMERA_NO_RENDERER, RENDER_UNKNOWN_FRAME. */
  static async open(options: CellOptions): Promise<LockstepCell> {
    const { spec, parts } = options;
    if (spec.sim === null) throw new ArmloopError('NOT_SIMULATED', { request: 'a lockstep cell' });
    const task = await parts.openTask(spec);
    const devices = (await parts.openDevices(spec)).map((device, d) => new DisturbedDevice(device, spec, d));
    try {
      const scene = devices.find((d) => d.scene !== null)?.scene ?? null;
      const wanted = spec.cameras.length > 0 && scene !== null;
      return new LockstepCell(
        options,
        devices,
        task,
        wanted ? await parts.openCameras(scene, spec.cameras) : null,
      );
    } catch (error) {
      for (const device of devices) device.dispose();
      throw error;
    }
  }

  /** Runs one episode to success, time limit or stop. One at a time. Rejects with what driver and sink throw. */
  async run(order: EpisodeOrder): Promise<EpisodeOutcome> {
    const { spec, task } = this;
    const { seed, driver, record } = order;
    this.#reset(seed);
    const stage = this.#stage;
    const referee = new Referee(spec, task, driver, order.limits ?? {});
    const cameras =
      this.#cameras === null || stage === null
        ? []
        : spec.cameras.map((_, i) => new CameraProducer(spec, i, this.#cameras!, stage, () => runner.time));
    if (driver.prelude !== undefined) await this.#prelude(seed, driver);
    const producers: Producer[] = [...cameras];
    const runner: LockstepRunner = this.#runner(referee, producers);
    await driver.begin(this.#scene(runner, seed));
    producers.push(...driver.producers);
    for (const device of this.#devices) device.disturb(driver.disturbance ?? null);
    const recorder = record === undefined ? null : await this.#record(runner, order, record);
    const kept: CellFrame[] = [];
    for (const camera of cameras) {
      camera.onFrame = (frame, block) => {
        recorder?.frame(frame.camera, block, frame.jpeg);
        if (order.keep?.camera === frame.name) keep(kept, frame, order.keep.everyS);
        driver.frame(frame);
      };
    }
    const sink: TickSink = (tick, request) => {
      recorder?.sink(tick, request);
      referee.see(tick);
    };
    while (!referee.over) await runner.run(1, sink);
    // Frames that are still on their way are left out: in the episode nobody had them.
    for (const camera of cameras) await camera.settle();
    const verdict = referee.verdict();
    const label = verdict.success ? 'success' : 'failure';
    const closed = recorder?.finish(label, verdict.success ? '' : verdict.reason) ?? null;
    return {
      seed,
      ...verdict,
      variation: { ...stage?.scene?.variation, ...driver.notes },
      frames: kept,
      summary: closed?.summary ?? null,
      quality: closed?.quality ?? null,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const device of this.#devices) device.dispose();
  }

  /** Every episode begins from one and the same state, so that nothing of the one before is left. */
  #reset(seed: number): void {
    this.#devices.forEach((device, d) => {
      device.restore(this.#pristine[d]!);
      device.reset(seed);
      device.setEnabled('on');
    });
    const scene = this.#stage?.scene ?? null;
    if (scene !== null) this.#cameras?.restyle(scene);
  }

  #runner(referee: Referee, producers: readonly Producer[]): LockstepRunner {
    return new LockstepRunner({
      spec: this.spec,
      model: this.#model,
      controllers: createControllers(this.spec),
      devices: this.#devices,
      operator: referee.operator,
      request: referee.request,
      producers,
    });
  }

  /** Brings the arm to where the driver wants the episode to begin, with a loop of its own that nobody records. */
  async #prelude(seed: number, driver: Driver): Promise<void> {
    const { spec, task } = this;
    const before = this.#runner(new Referee(spec, task, driver, {}), []);
    const path = driver.prelude?.(this.#scene(before, seed)) ?? null;
    if (path === null) return;
    const follower = new PathDriver(spec, path);
    const referee = new Referee(spec, task, follower, {});
    const runner = this.#runner(referee, []);
    while (!follower.finished && !referee.over) await runner.run(1, (tick) => referee.see(tick));
    for (const device of this.#devices) {
      device.setEnabled('off');
      device.setEnabled('on');
    }
  }

  #scene(runner: LockstepRunner, seed: number): EpisodeScene {
    const scene = this.#stage?.scene ?? null;
    const bodies = scene?.bodies.map((b) => b.name) ?? [];
    const poses = new Float64Array(bodies.length * 7);
    this.#stage?.poses(poses);
    const { spec, task } = this;
    return {
      spec,
      task,
      seed,
      time: runner.time,
      q: this.#measured(runner.time),
      bodies,
      poses,
      look: (out) => this.#stage?.poses(out),
      rows: runner.rows,
    };
  }

  /** Where the axes are; a read at the time of the first tick is the one that this tick makes again. */
  #measured(time: number): Float64Array {
    const q = new Float64Array(this.spec.axes.length);
    this.#devices.forEach((device, d) => {
      const names = this.spec.devices[d]!.axes;
      const layout = deviceStateLayout(names.length);
      const state = new Float64Array(layout.size);
      device.read(time, state);
      names.forEach((name, i) => {
        q[this.spec.axes.findIndex((a) => a.name === name)] = state[layout.at('q') + i]!;
      });
    });
    return q;
  }

  #record(runner: LockstepRunner, order: EpisodeOrder, record: CellRecording): Promise<LockstepRecorder> {
    const scene = this.#stage?.scene ?? null;
    const { driver, seed } = order;
    const variation = { ...scene?.variation, ...driver.notes };
    return LockstepRecorder.open(record.sink, {
      setup: {
        spec: this.spec,
        scene,
        modelText: this.#modelText,
        versions: this.#versions,
        compression: 'zstd',
      },
      runner,
      devices: this.#devices,
      seed,
      task: this.task.text,
      operator: record.operator,
      identity: { id: record.id, wallOffsetNs: record.wallOffsetNs },
      notes: {
        task_name: this.task.name,
        driver: driver.name,
        variation: JSON.stringify(variation),
        ...record.notes,
      },
    });
  }
}

function keep(frames: CellFrame[], frame: CellFrame, everyS: number): void {
  const last = frames.at(-1);
  if (last === undefined || frame.time >= last.time + everyS - 1e-9) frames.push(frame);
}
