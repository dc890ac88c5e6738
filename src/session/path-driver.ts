/** Follows one timed path with the trajectory controller, as the driver of a lockstep cell. */
import { trajectoryArgs } from '../control/trajectory.ts';
import type { Producer } from '../loop/lockstep.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { ControllerId, Source, tickRecordLayout } from '../robot/tick.ts';
import { askFor } from './activation.ts';
import type { Driver, TimedPath } from './driver.ts';

export class PathDriver implements Driver {
  readonly source = Source.script;
  readonly name = 'path';
  readonly producers: readonly Producer[] = [];
  readonly notes = {};
  readonly #path: TimedPath;
  readonly #done: number;
  #asked = false;
  #finished = false;

  constructor(spec: RobotSpec, path: TimedPath) {
    this.#path = path;
    this.#done = tickRecordLayout(spec).at('out.done');
  }

  async begin(): Promise<void> {}

  request(_tick: number, record: Float64Array, out: Float64Array): boolean {
    if (this.#asked) {
      if (record[this.#done] === 1) this.#finished = true;
      return false;
    }
    const { waypoints, times } = this.#path;
    const args = trajectoryArgs(waypoints, { times, path: 'samples' });
    askFor(out, ControllerId.trajectory, this.source, args);
    this.#asked = true;
    return true;
  }

  frame(): void {}

  get finished(): boolean {
    return this.#finished;
  }
}
