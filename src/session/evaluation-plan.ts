/** What an evaluation will do, worked out before anything runs: seeds, cameras, limits, versions. */
import { ArmloopError } from '../errors.ts';
import { runningVersions } from '../record/episode-writer.ts';
import type { CameraEntry, RobotSpec, SceneVary } from '../robot/spec.ts';
import type { Task } from '../robot/task.ts';
import { cellSpec } from './cell.ts';
import { type Contestant, EVALUATION_FORMAT, type Evaluation, STRIP } from './evaluation.ts';
import { parseSeeds } from './seeds.ts';

export interface EvaluationWishes {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly robot: RobotSpec;
  /** As the user names it, for the command that does it again. */
  readonly robotFile: string;
  readonly task: Task;
  readonly contestants: readonly Contestant[];
  readonly seeds: readonly number[];
  readonly images: Evaluation['images'];
  readonly record: Evaluation['record'];
  readonly vary: SceneVary;
  readonly timeLimitS: number | null;
  readonly goal: number | null;
  /** Of armloop. */
  readonly version: string;
}

export function planEvaluation(wishes: EvaluationWishes): Evaluation {
  const { robot, task, contestants } = wishes;
  const cameras = new Set(contestants.flatMap((c) => camerasOf(c)));
  return {
    format: EVALUATION_FORMAT,
    id: wishes.id,
    state: 'running',
    started: wishes.started,
    finished: null,
    wallS: 0,
    task: task.name,
    taskText: task.text,
    units: Object.fromEntries(task.residuals.map((r) => [r.name, r.unit])),
    robot: { id: robot.id, file: wishes.robotFile, sha256: robot.source.sha256 },
    contestants,
    seeds: wishes.seeds,
    vary: wishes.vary,
    images: wishes.images,
    cameras: [...cameras],
    pictures: pictureCamera(robot),
    record: wishes.record,
    timeLimitS: wishes.timeLimitS ?? task.timeLimit,
    goal: wishes.goal,
    versions: { ...runningVersions(wishes.version) },
    results: null,
    comparison: null,
  };
}

/** Collections begin with seed 0; what is evaluated by default was never demonstrated. */
export const HELD_OUT = 1_000_000;

/** `--episodes` and `--seeds` together: seeds from HELD_OUT on when none are named. Throws SEEDS_INVALID. */
export function seedsOf(episodes: number | null, seeds: string | null): number[] {
  if (seeds === null) return Array.from({ length: episodes ?? 100 }, (_, i) => HELD_OUT + i);
  const list = parseSeeds(seeds);
  if (episodes !== null && episodes !== list.length) {
    const rule = `they are ${list.length}, but --episodes asks for ${episodes}`;
    throw new ArmloopError('SEEDS_INVALID', { seeds, rule });
  }
  return list;
}

const camerasOf = ({ manifest }: Contestant): string[] =>
  (manifest?.inputs ?? []).flatMap((input) => (input.kind === 'image' ? [input.camera] : []));

/** The camera that people would watch: the first that stands in the world, else the first; null without cameras. */
function pictureCamera({ cameras }: RobotSpec): string | null {
  return (cameras.find((c) => c.frame === 'world') ?? cameras[0])?.name ?? null;
}

/** Pictures for a report, when no policy looks through the camera: what a strip shows, and no more. */
const PICTURE = { fps: 1, height: STRIP.height } as const;

/**
 * The robot of an evaluation's cells: the cameras of the policies at their own rate, and the one for pictures seldom.
 * Throws CELL_NO_CAMERA.
 */
export function evaluationSpec(robot: RobotSpec, evaluation: Evaluation): RobotSpec {
  const { cameras, pictures, task, vary } = evaluation;
  const extra = pictures !== null && !cameras.includes(pictures) ? [pictures] : [];
  const spec = cellSpec(robot, { task, vary, cameras: [...cameras, ...extra] });
  return { ...spec, cameras: spec.cameras.map((c) => (extra.includes(c.name) ? sparing(c) : c)) };
}

function sparing(camera: CameraEntry): CameraEntry {
  const fps = Math.min(camera.fps, PICTURE.fps);
  const height = Math.min(camera.height, PICTURE.height);
  return { ...camera, fps, height, width: Math.round((camera.width * height) / camera.height) };
}
