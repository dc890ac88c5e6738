/**
 * Drivers around drivers, for evaluation: one that notes where things stood and what the cameras gave, and one that shows
 * its driver the pictures of another episode.
 */
import type { CellFrame, Disturbance, Driver, EpisodeScene } from './driver.ts';

/** Passes everything on. */
class Through implements Driver {
  protected readonly inner: Driver;

  constructor(inner: Driver) {
    this.inner = inner;
  }

  get source() {
    return this.inner.source;
  }

  get name(): string {
    return this.inner.name;
  }

  begin(scene: EpisodeScene): Promise<void> {
    return this.inner.begin(scene);
  }

  request(tick: number, record: Float64Array, out: Float64Array): boolean {
    return this.inner.request(tick, record, out);
  }

  get producers() {
    return this.inner.producers;
  }

  frame(frame: CellFrame): void {
    this.inner.frame(frame);
  }

  get finished(): boolean {
    return this.inner.finished;
  }

  get notes() {
    return this.inner.notes;
  }

  get disturbance(): Disturbance | null {
    return this.inner.disturbance ?? null;
  }
}

/** Frames of one episode by camera, in order of capture; times in seconds since the episode began. */
export type FrameLog = ReadonlyMap<string, readonly CellFrame[]>;

/** Notes where the bodies of the scene stand at the start, and keeps every frame. */
export class Witness extends Through {
  /** x, y in the world, m, of every body that is not part of the robot. */
  readonly start: Record<string, readonly [number, number]> = {};
  readonly frames = new Map<string, CellFrame[]>();
  readonly #robot: ReadonlySet<string>;
  #begun = 0;

  /** `robot`: names of the robot's own bodies. */
  constructor(inner: Driver, robot: ReadonlySet<string>) {
    super(inner);
    this.#robot = robot;
  }

  override async begin(scene: EpisodeScene): Promise<void> {
    this.#begun = scene.time;
    scene.bodies.forEach((body, i) => {
      if (!this.#robot.has(body)) this.start[body] = [scene.poses[i * 7]!, scene.poses[i * 7 + 1]!];
    });
    await super.begin(scene);
  }

  override frame(frame: CellFrame): void {
    const log = this.frames.get(frame.name) ?? [];
    this.frames.set(frame.name, log);
    log.push({ ...frame, time: frame.time - this.#begun });
    super.frame(frame);
  }
}

/**
 * Its driver gets each frame at its own time, but with the picture that the other episode's camera had captured by then
 * (its first before that, its last one after that episode's end). Everything else is the episode's own.
 */
export class BorrowedEyes extends Through {
  readonly #other: FrameLog;
  #begun = 0;

  constructor(inner: Driver, other: FrameLog) {
    super(inner);
    this.#other = other;
  }

  override async begin(scene: EpisodeScene): Promise<void> {
    this.#begun = scene.time;
    await super.begin(scene);
  }

  override frame(frame: CellFrame): void {
    const log = this.#other.get(frame.name);
    // A camera that gave the other episode nothing gives nothing here either: never the scene's own picture.
    if (log === undefined || log.length === 0) return;
    const since = frame.time - this.#begun;
    const other = log.findLast((f) => f.time <= since + 1e-9) ?? log[0]!;
    super.frame({ ...frame, jpeg: other.jpeg });
  }
}
