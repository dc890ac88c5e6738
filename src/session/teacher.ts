/** The teacher as the driver of a lockstep cell: plans at the reset from the true scene, then follows its trajectory. */
import { type Push, planDemonstration, type TeacherOptions, type TeacherPlan } from '../control/teacher.ts';
import { trajectoryArgs } from '../control/trajectory.ts';
import { ArmloopError } from '../errors.ts';
import type { Producer } from '../loop/lockstep.ts';
import { Rng } from '../math/rng.ts';
import { loadKinematics } from '../model/load.ts';
import { ControllerId, RequestKind, requestLayout, Source, tickRecordLayout } from '../robot/tick.ts';
import type { Disturbance, Driver, EpisodeScene } from './driver.ts';

/** The teacher's own random numbers, apart from those of the scene. */
export const TEACHER_STREAM = 11;

const REQUEST = {
  kind: requestLayout.at('kind'),
  controller: requestLayout.at('controller'),
  source: requestLayout.at('source'),
  count: requestLayout.at('count'),
  args: requestLayout.at('args'),
};

export class TeacherDriver implements Driver {
  readonly source = Source.script;
  readonly name = 'teacher';
  readonly producers: readonly Producer[] = [];
  readonly #options: TeacherOptions;
  readonly #pushes = new Pushes();
  #plan: TeacherPlan | null = null;
  #asked = false;
  #finished = false;
  #done = 0;
  #time = 0;

  constructor(options: TeacherOptions = {}) {
    this.#options = options;
  }

  /** Rejects with TEACHER_NO_PHASES, TEACHER_NO_PLAN. */
  async begin({ spec, task, seed, bodies, poses, q }: EpisodeScene): Promise<void> {
    if (task.phases === undefined) throw new ArmloopError('TEACHER_NO_PHASES', { task: task.name });
    const pose = (name: string): Float64Array | null => {
      const body = bodies.indexOf(name);
      return body < 0 ? null : poses.subarray(7 * body, 7 * body + 7);
    };
    const rng = new Rng(seed, TEACHER_STREAM);
    this.#plan = planDemonstration(spec, loadKinematics(spec), task.phases, { q, pose }, rng, this.#options);
    this.#pushes.none();
    this.#asked = false;
    this.#finished = false;
    const layout = tickRecordLayout(spec);
    this.#done = layout.at('out.done');
    this.#time = layout.at('in.time');
  }

  request(_tick: number, record: Float64Array, out: Float64Array): boolean {
    if (this.#asked) {
      if (record[this.#done] === 1) this.#finished = true;
      return false;
    }
    const { waypoints, times, pushes } = this.#plan!;
    const args = trajectoryArgs(waypoints, { times, path: 'samples' });
    out[REQUEST.kind] = RequestKind.activate;
    out[REQUEST.controller] = ControllerId.trajectory;
    out[REQUEST.source] = this.source;
    out[REQUEST.count] = args.length;
    out.set(args, REQUEST.args);
    this.#asked = true;
    this.#pushes.begin(record[this.#time]!, pushes);
    return true;
  }

  frame(): void {}

  get finished(): boolean {
    return this.#finished;
  }

  get notes(): Readonly<Record<string, number>> {
    return this.#plan?.drawn ?? {};
  }

  get disturbance(): Disturbance {
    return this.#pushes;
  }
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
