/** A thread of a collection: one lockstep cell, one attempt after the other, each recorded as an episode. */
import { workerData } from 'node:worker_threads';
import { ArmloopError } from '../errors.ts';
import { codeFolder } from '../model/generated.ts';
import { taskForScene } from '../plan/mpc/tasks.ts';
import { loadBundle } from '../policy/bundle.ts';
import { PolicyRunner } from '../policy/runner.ts';
import { EpisodeFiles } from '../record/files.ts';
import { writeSidecar } from '../record/sidecar.ts';
import { FileSink } from '../record/sink.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { type EpisodeOutcome, LockstepCell } from '../session/cell.ts';
import { type AttemptResult, unplanned } from '../session/collect.ts';
import type { Attempt, CollectionPlan } from '../session/collection.ts';
import type { Driver } from '../session/driver.ts';
import { type JobHandler, serveJobs } from '../session/job-pool.ts';
import { MpcDriver } from '../session/mpc-driver.ts';
import { PolicyDriver } from '../session/policy-driver.ts';
import { TeacherDriver } from '../session/teacher.ts';
import { cellParts } from './cell-parts.ts';
import { openPlant } from './kinds.ts';

export interface CollectWorkerData {
  readonly plan: CollectionPlan;
  /** From cellSpec. */
  readonly spec: RobotSpec;
  readonly workspace: string;
}

/** Dates in the episodes: those of neighbouring slots lie this far apart, s. */
const SLOT_S = 60;

class CollectWorker implements JobHandler<Attempt, AttemptResult> {
  readonly #data: CollectWorkerData;
  readonly #files: EpisodeFiles;
  readonly #cell: LockstepCell;
  readonly #seated: Seated;

  constructor(data: CollectWorkerData, cell: LockstepCell, seated: Seated) {
    this.#data = data;
    this.#files = new EpisodeFiles(data.workspace);
    this.#cell = cell;
    this.#seated = seated;
  }

  async run(attempt: Attempt): Promise<AttemptResult> {
    const { plan } = this.#data;
    const { episode: id, slot, seed } = attempt;
    const files = this.#files;
    files.takeLock(id);
    const sink = new FileSink(files.mcap(id));
    const { driver } = this.#seated;
    const seconds = Math.floor(Date.parse(plan.created) / 1000) + slot * SLOT_S + attempt.attempt;
    try {
      const outcome = await this.#cell.run({
        seed,
        driver,
        record: {
          sink,
          id,
          wallOffsetNs: BigInt(seconds) * 1_000_000_000n,
          operator: driver.name,
          notes: {
            collection: plan.id,
            slot: String(slot),
            attempt: String(attempt.attempt),
            vary: plan.vary,
            ...(plan.driver.kind === 'policy' ? { policy_sha256: plan.driver.sha256 } : {}),
          },
        },
      });
      sink.close();
      const bytes = sink.position;
      const summary = { ...outcome.summary!, bytes };
      writeSidecar(files.sidecar(id), { summary, quality: outcome.quality!, relabels: [] });
      files.releaseLock(id);
      const kept = outcome.success || plan.failures === 'keep';
      if (!kept) files.move(id, 'episodes', 'trash');
      return told(outcome, bytes, kept);
    } catch (error) {
      sink.close();
      files.discardUnfinished(id);
      // A scene that the teacher has no way through is a failed attempt; anything else ends the session.
      if (error instanceof ArmloopError && error.code === 'TEACHER_NO_PLAN') return unplanned(error.message);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#seated.close();
    await this.#cell[Symbol.asyncDispose]();
  }
}

function told(outcome: EpisodeOutcome, bytes: number, kept: boolean): AttemptResult {
  const { success, reason, fault, timeToSuccess, seconds, ticks, guard, wear, variation, quality } = outcome;
  return {
    success,
    reason,
    fault,
    timeToSuccess: success ? timeToSuccess : null,
    seconds,
    ticks,
    bytes,
    guard,
    ...wear,
    variation,
    flags: quality?.flags ?? [],
    kept,
    recorded: outcome.summary?.id ?? null,
  };
}

interface Seated {
  readonly driver: Driver;
  close(): Promise<void>;
}

/** Rejects with POLICY_*, COLLECTION_CHANGED for a bundle that is another one than when the collection began. */
async function seat({ plan, workspace }: CollectWorkerData, spec: RobotSpec): Promise<Seated> {
  const { id, driver: choice } = plan;
  if (choice.kind === 'teacher' && choice.planner === 'mpc') {
    const { createSolver } = await import('../plan/mpc/solver.ts');
    const task = taskForScene(await cellParts.openTask(spec));
    const driver = new MpcDriver({
      choice: { task },
      solver: createSolver,
      plant: openPlant,
      code: codeFolder(workspace),
    });
    return { driver, close: async () => driver.dispose() };
  }
  if (choice.kind === 'teacher') {
    return {
      driver: new TeacherDriver({ disturb: choice.disturb, recover: choice.recover ?? 0 }),
      close: async () => {},
    };
  }
  const bundle = loadBundle(choice.bundle);
  if (bundle.sha256 !== choice.sha256) {
    throw new ArmloopError('COLLECTION_CHANGED', { id, what: `the policy ${choice.name}` });
  }
  // Workers use the cores; a model that spread its work would only get in their way, and one thread is reproducible.
  const runner = await PolicyRunner.open(bundle, { spec, threads: 1, request: choice.request });
  return { driver: new PolicyDriver(runner), close: () => runner[Symbol.asyncDispose]() };
}

if (workerData !== null) {
  await serveJobs<CollectWorkerData, Attempt, AttemptResult>(async (data) => {
    const cell = await LockstepCell.open({ spec: data.spec, parts: cellParts });
    return new CollectWorker(data, cell, await seat(data, data.spec));
  });
}
