/** The teacher as the driver of a lockstep cell: plans at the reset from the true scene, then follows its trajectory. */
import {
  missedGrasp,
  type Push,
  planDemonstration,
  type TeacherOptions,
  type TeacherPlan,
} from '../control/teacher.ts';
import { ArmloopError } from '../errors.ts';
import type { Producer } from '../loop/lockstep.ts';
import { Rng } from '../math/rng.ts';
import { loadKinematics } from '../model/load.ts';
import type { TaskPhase } from '../robot/task.ts';
import { Source, tickRecordLayout } from '../robot/tick.ts';
import type { Disturbance, Driver, EpisodeScene, TimedPath } from './driver.ts';
import { PathDriver } from './path-driver.ts';

/** The teacher's own random numbers, apart from those of the scene. */
export const TEACHER_STREAM = 11;
/** For where a demonstration begins, so that this changes nothing else of it. */
const START_STREAM = 12;

export class TeacherDriver implements Driver {
  readonly source = Source.script;
  readonly name = 'teacher';
  readonly producers: readonly Producer[] = [];
  readonly #options: TeacherOptions;
  readonly #pushes = new Pushes();
  #plan: TeacherPlan | null = null;
  #path: PathDriver | null = null;
  #recovers = false;
  #time = 0;

  constructor(options: TeacherOptions = {}) {
    this.#options = options;
  }

  /** Throws TEACHER_NO_PHASES, TEACHER_NO_PLAN. */
  prelude(scene: EpisodeScene): TimedPath | null {
    const rng = new Rng(scene.seed, START_STREAM);
    this.#recovers = rng.uniform() < (this.#options.recover ?? 0);
    return this.#recovers ? plan(scene, missedGrasp(phasesOf(scene), rng), rng, {}) : null;
  }

  /** Rejects with TEACHER_NO_PHASES, TEACHER_NO_PLAN. */
  async begin(scene: EpisodeScene): Promise<void> {
    const { spec, seed } = scene;
    this.#plan = plan(scene, phasesOf(scene), new Rng(seed, TEACHER_STREAM), this.#options);
    this.#pushes.none();
    this.#path = new PathDriver(spec, this.#plan);
    this.#time = tickRecordLayout(spec).at('in.time');
  }

  request(tick: number, record: Float64Array, out: Float64Array): boolean {
    if (!this.#path!.request(tick, record, out)) return false;
    this.#pushes.begin(record[this.#time]!, this.#plan!.pushes);
    return true;
  }

  frame(): void {}

  get finished(): boolean {
    return this.#path?.finished ?? false;
  }

  get notes(): Readonly<Record<string, number>> {
    const recover = this.#options.recover === undefined ? {} : { recovers: this.#recovers ? 1 : 0 };
    return { ...this.#plan?.drawn, ...recover };
  }

  get disturbance(): Disturbance {
    return this.#pushes;
  }
}

function phasesOf({ task }: EpisodeScene): readonly TaskPhase[] {
  if (task.phases === undefined) throw new ArmloopError('TEACHER_NO_PHASES', { task: task.name });
  return task.phases;
}

function plan(
  { spec, bodies, poses, q }: EpisodeScene,
  phases: readonly TaskPhase[],
  rng: Rng,
  options: TeacherOptions,
): TeacherPlan {
  const pose = (name: string): Float64Array | null => {
    const body = bodies.indexOf(name);
    return body < 0 ? null : poses.subarray(7 * body, 7 * body + 7);
  };
  return planDemonstration(spec, loadKinematics(spec), phases, { q, pose }, rng, options);
}

/** The pushes of a plan on the virtual clock. */
class Pushes implements Disturbance {
  #origin = 0;
  #pushes: readonly Push[] = [];

  none(): void {
    this.#pushes = [];
  }

  begin(origin: number, pushes: readonly Push[]): void {
    this.#origin = origin;
    this.#pushes = pushes;
  }

  at(time: number, offset: Float64Array, rate: Float64Array): boolean {
    const t = time - this.#origin;
    for (const { start, duration, axes } of this.#pushes) {
      const s = (t - start) / duration;
      if (s <= 0 || s >= 1) continue;
      const share = 16 * s * s * (1 - s) * (1 - s);
      const slope = (32 * s * (1 - s) * (1 - 2 * s)) / duration;
      for (let a = 0; a < axes.length; a++) {
        offset[a] = share * axes[a]!;
        rate[a] = slope * axes[a]!;
      }
      return true;
    }
    return false;
  }
}
