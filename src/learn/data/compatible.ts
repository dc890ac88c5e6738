/** Refuses episodes that cannot be learnt from together, in words: which two differ, and how. */
import { ArmloopError } from '../../errors.ts';
import type { RobotSpec } from '../../robot/spec.ts';
import type { RowFacts } from './rows-pack.ts';

export interface Described {
  readonly id: string;
  readonly facts: Pick<RowFacts, 'robot' | 'tick'>;
}

/** Throws DATASET_MIXED. `cameras`: those whose frames are used. */
export function checkTogether(episodes: readonly Described[], cameras: readonly string[]): void {
  const first = episodes[0];
  for (const other of episodes.slice(1)) {
    const difference = differs(first!.facts, other.facts, cameras);
    if (difference !== null)
      throw new ArmloopError('DATASET_MIXED', { a: first!.id, b: other.id, difference });
  }
}

/** The first difference that matters, or null. */
function differs(a: Described['facts'], b: Described['facts'], cameras: readonly string[]): string | null {
  const [ra, rb] = [a.robot, b.robot];
  if (ra.id !== rb.id) return `they are of the robots ${ra.id} and ${rb.id}`;
  const axes = (r: RobotSpec): string => r.axes.map((x) => x.name).join(', ');
  if (axes(ra) !== axes(rb)) return `their axes are ${axes(ra)} and ${axes(rb)}`;
  const unit = (r: RobotSpec, i: number): string => (r.axes[i]!.type === 'revolute' ? 'rad' : 'm');
  for (const [i, axis] of ra.axes.entries()) {
    if (unit(ra, i) !== unit(rb, i)) return `axis ${axis.name} is in ${unit(ra, i)} and in ${unit(rb, i)}`;
  }
  if (ra.gripperAxis !== rb.gripperAxis)
    return `their gripper is axis ${ra.gripperAxis} and axis ${rb.gripperAxis}`;
  if (ra.loop.rateHz !== rb.loop.rateHz)
    return `their loops ran at ${ra.loop.rateHz} and ${rb.loop.rateHz} Hz`;
  for (const name of cameras) {
    const size = (r: RobotSpec): string => {
      const camera = r.cameras.find((c) => c.name === name);
      return camera === undefined ? 'not there' : `${camera.width}×${camera.height}`;
    };
    if (size(ra) !== size(rb)) return `camera ${name} is ${size(ra)} and ${size(rb)}`;
  }
  return layoutsDiffer(a.tick, b.tick);
}

function layoutsDiffer(a: RowFacts['tick'], b: RowFacts['tick']): string | null {
  const other = new Map(b.fields.map((f) => [f.name, f]));
  for (const field of a.fields) {
    const twin = other.get(field.name);
    if (twin === undefined) return `only the first records ${field.name} in each tick`;
    if (twin.length !== field.length) return `${field.name} has ${field.length} and ${twin.length} values`;
    if (twin.unit !== field.unit) return `${field.name} is in ${field.unit} and in ${twin.unit}`;
    other.delete(field.name);
  }
  const [extra] = other.keys();
  return extra === undefined ? null : `only the second records ${extra} in each tick`;
}
