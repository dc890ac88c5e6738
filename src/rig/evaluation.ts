/** Evaluations put together from what is on this machine: bundles, robot file, task and worker threads. */
import { join } from 'node:path';
import { loadRobot } from '../config.ts';
import { episodeGoal } from '../episode/goal.ts';
import { ArmloopError } from '../errors.ts';
import { findBundle, loadBundle } from '../policy/bundle.ts';
import { goalFeatures, requestFor } from '../policy/request.ts';
import { checkEpisodeId, newEpisodeId } from '../record/episode-id.ts';
import { EpisodeFiles } from '../record/files.ts';
import type { RobotSpec, SceneVary } from '../robot/spec.ts';
import { packageRoot, packageVersion } from '../root.ts';
import type { Attempt } from '../session/attempt.ts';
import { cellSpec } from '../session/cell.ts';
import { checkSame, type EvaluatedAttempt, evaluate } from '../session/evaluate.ts';
import type { Contestant, EpisodeFact, Evaluation, Side } from '../session/evaluation.ts';
import { EvaluationFiles } from '../session/evaluation-files.ts';
import { evaluationSpec, planEvaluation, seedsOf } from '../session/evaluation-plan.ts';
import { JobPool } from '../session/job-pool.ts';
import { cellParts } from './cell-parts.ts';
import type { EvaluationWorkerData } from './evaluation-worker.ts';
import { loadKind, tasksOf } from './kinds.ts';

export interface EvaluationRequest {
  readonly workspace: string;
  /** null: date and time. */
  readonly id: string | null;
  /** One or two: names or folders of bundles, null for the task's teacher. */
  readonly policies: readonly (string | null)[];
  readonly robot: { readonly file: string; readonly given: string };
  /** null: the first task of the first policy that the simulation knows, else that of the robot file. */
  readonly task: string | null;
  readonly episodes: number | null;
  readonly seeds: string | null;
  readonly vary: SceneVary;
  readonly images: Evaluation['images'];
  readonly record: Evaluation['record'];
  /** null: as declared by each bundle. */
  readonly latencyMs: number | null;
  readonly timeLimitS: number | null;
  readonly goal: number | null;
  /** Id of the episode whose end is the goal of policies that take one. */
  readonly goalOf: string | null;
}

export interface Prepared {
  readonly workspace: string;
  readonly evaluation: Evaluation;
  readonly robot: RobotSpec;
}

/** Works out what will run. Rejects with POLICY_*, CONFIG_*, SEEDS_INVALID, EVALUATION_EXISTS, SIM_UNKNOWN_TASK. */
export async function prepareEvaluation(request: EvaluationRequest): Promise<Prepared> {
  const { workspace, latencyMs } = request;
  const robot = loadRobot(request.robot.file);
  const contestants = request.policies.map((policy, i) =>
    contestant(i === 0 ? 'A' : 'B', policy, workspace, latencyMs),
  );
  const wanted = request.task ?? (await taskOf(robot, contestants[0]!.manifest?.tasks ?? []));
  const task = await cellParts.openTask(cellSpec(robot, wanted === null ? {} : { task: wanted }));
  const asked = await Promise.all(contestants.map((c) => askedOf(c, task, request)));
  const id = checkEpisodeId(request.id ?? newEpisodeId(Date.now() / 1000, Math.random()));
  if (new EvaluationFiles(workspace).has(id)) throw new ArmloopError('EVALUATION_EXISTS', { id });
  const evaluation = planEvaluation({
    id,
    started: new Date().toISOString(),
    robot,
    robotFile: request.robot.given,
    task,
    contestants: asked,
    seeds: seedsOf(request.episodes, request.seeds),
    images: request.images,
    record: request.record,
    vary: request.vary,
    timeLimitS: request.timeLimitS,
    goal: request.goal,
    version: packageVersion(),
  });
  return { workspace, evaluation, robot };
}

/** Name of the first of these tasks that the robot's simulation knows, by name or by text; null without one. */
async function taskOf(robot: RobotSpec, tasks: readonly string[]): Promise<string | null> {
  for (const entry of robot.devices) {
    const known = [...tasksOf((await loadKind(robot, entry)).module).values()];
    for (const wanted of tasks) {
      const task = known.find((t) => t.name === wanted || t.text === wanted);
      if (task !== undefined) return task.name;
    }
  }
  return null;
}

/** An evaluation that was stopped. Rejects with EVALUATION_UNKNOWN, EVALUATION_CHANGED, POLICY_*, CONFIG_*. */
export async function resumeEvaluation(
  files: EvaluationFiles,
  id: string,
  workspace: string,
  robotFile: (given: string) => string,
): Promise<Prepared> {
  const evaluation = files.read(id);
  const robot = loadRobot(robotFile(evaluation.robot.file));
  const now = planEvaluation({
    ...evaluation,
    robot,
    robotFile: evaluation.robot.file,
    task: await cellParts.openTask(cellSpec(robot, { task: evaluation.task })),
    contestants: evaluation.contestants.map((c) => contestant(c.side, c.bundle, workspace, c.latencyMs)),
    version: packageVersion(),
  });
  checkSame(evaluation, now);
  return { workspace, evaluation, robot };
}

export interface RunOptions {
  readonly workers: number;
  readonly signal?: AbortSignal;
  readonly progress?: (done: number, of: number, newest: EpisodeFact | null) => void;
}

/** Runs what is missing of it. Rejects with what a cell or a policy rejects with. */
export async function runEvaluation(
  files: EvaluationFiles,
  { workspace, evaluation, robot }: Prepared,
  options: RunOptions,
): Promise<Evaluation> {
  const data: EvaluationWorkerData = { spec: evaluationSpec(robot, evaluation), evaluation, workspace };
  const jobs = evaluation.seeds.length * evaluation.contestants.length;
  const url = new URL('./evaluation-worker.js', import.meta.url);
  await using pool = await JobPool.open<Attempt, EvaluatedAttempt>(
    url,
    data,
    Math.min(options.workers, jobs),
  );
  return await evaluate({
    files,
    evaluation,
    pool,
    now: () => performance.now() / 1000,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.progress === undefined ? {} : { progress: options.progress }),
  });
}

/**
 * With what is asked of it: the task, and the goal of the episode that was named. One that takes no goal may run beside
 * one that does.
 */
async function askedOf(
  contestant: Contestant,
  task: { readonly name: string; readonly text: string },
  { goalOf, workspace, policies }: Pick<EvaluationRequest, 'goalOf' | 'workspace' | 'policies'>,
): Promise<Contestant> {
  const { manifest } = contestant;
  if (manifest === null) return contestant;
  const wanted = policies.length > 1 && goalFeatures(manifest) === null ? null : goalOf;
  const goal = await episodeGoal(manifest, wanted, new EpisodeFiles(workspace));
  const asked = requestFor(manifest, task, goal);
  return Object.keys(asked).length === 0 ? contestant : { ...contestant, request: asked };
}

function contestant(
  side: Side,
  policy: string | null,
  workspace: string,
  latencyMs: number | null,
): Contestant {
  if (policy === null) {
    return { side, name: 'teacher', bundle: null, sha256: '', manifest: null, latencyMs: 0 };
  }
  const places = [join(workspace, 'policies'), join(packageRoot(), 'policies')];
  const { folder, manifest, sha256 } = loadBundle(findBundle(policy, places));
  const latency = latencyMs ?? manifest.latencyMs;
  return { side, name: manifest.name, bundle: folder, sha256, manifest, latencyMs: latency };
}
